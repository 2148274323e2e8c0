"""Simulated sequences, their truth, and the oracle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from motiflib.run.figures import (
    COLOURS,
    FAINT,
    INK,
    SOFT,
    WIDTH,
    axes_or_new,
    colour_of,
    label,
    plt,
    styled,
)


@styled
def planted(truth: pd.DataFrame, rows: Sequence[int], length: int, ax: Axes | None = None, names=None) -> Axes:
    """Planted instances of some sequences as arrows, one line a sequence; an arrow points the way
    the motif reads.

    `truth` has columns row, start, end, motif, strand; `rows` are drawn from top to bottom.

    >>> planted(data.truth, range(10), 500)
    """
    ax, colours = axes_or_new(ax, 0.9 + 0.24 * len(rows)), colour_of(sorted(set(truth.motif)))
    for y, row in enumerate(rows):
        ax.plot([0, length], [y, y], color=FAINT, lw=1.5, zorder=0)
        for t in truth[truth.row == row].itertuples():
            tail, head = (t.start, t.end) if t.strand == "+" else (t.end, t.start)
            look = {
                "arrowstyle": "simple,head_width=0.9,tail_width=0.5,head_length=0.5",
                "color": colours[t.motif],
                "shrinkA": 0,
                "shrinkB": 0,
                "mutation_scale": 11,
            }
            ax.annotate("", (head, y), (tail, y), arrowprops=look)
    handles = [Patch(color=colour, label=name) for name, colour in colours.items()]
    ax.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4)
    ax.set(ylim=(len(rows) - 0.4, -0.6), yticks=range(len(rows)), xlim=_view(truth, rows, length))
    label(ax, "position (bp)")
    ax.set_yticklabels(names or [str(r) for r in rows], fontsize=9)
    return ax


def _view(truth: pd.DataFrame, rows: Sequence[int], length: int) -> tuple[float, float]:
    here = truth[truth.row.isin(list(rows))]
    return (max(0, here.start.min() - 15), min(length, here.end.max() + 15)) if len(here) else (0, length)


@styled
def gaps(seen: Sequence[int], expected: Mapping[int, float], ax: Axes | None = None, *, title: str = "") -> Axes:
    """Number of pairs at each gap (bars) and what the grammar promises (dots with two standard
    errors).

    >>> gaps(distances, {gap: 1 / 14 for gap in range(2, 16)})
    """
    ax, n = axes_or_new(ax, 2.8), len(seen)
    values, counts = np.unique(np.asarray(seen), return_counts=True)
    ax.bar(values, counts, width=0.85, color=COLOURS[5], label="simulated")
    p = np.array(list(expected.values()))
    error = 2 * np.sqrt(n * p * (1 - p))
    ax.errorbar(list(expected), n * p, yerr=error, fmt="o", color=INK, ms=3.5, lw=1, label="grammar")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return label(ax, "bases between the two motifs", "pairs", title)


@styled
def evidence(
    odds: Mapping[str, np.ndarray], posterior: Mapping[str, np.ndarray], truth: pd.DataFrame, region: tuple[int, int]
) -> Figure:
    """Above, how well each start fits each motif; below, how probable it is that the motif was
    planted there.

    `odds` and `posterior` give an array (L,) per motif; rows of `truth` (start, motif) are marked
    by triangles.

    >>> evidence({"MAX": odds}, {"MAX": posterior}, truth, (180, 320))
    """
    figure, (top, low) = plt.subplots(2, 1, figsize=(WIDTH, 4.2), sharex=True, height_ratios=[3, 2])
    colours, at = colour_of(odds), np.arange(*region)
    for i, name in enumerate(odds):
        top.vlines(at + 0.2 * i, 0, np.clip(odds[name][at], 0, None), color=colours[name], lw=2.2, label=name)
        low.vlines(at + 0.2 * i, 0, posterior[name][at], color=colours[name], lw=2.2)
    for t in truth.itertuples():
        top.plot(t.start, -0.6, marker="^", color=colours[t.motif], clip_on=False, ms=8)
    top.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, title=None)
    top.set(ylim=(0, None))
    low.set(ylim=(0, 1.05), xlim=region)
    label(top, y="log-odds (nats)")
    label(low, "start of the instance (bp)", "posterior")
    return figure


@styled
def ratios(ratio: Sequence[float], y: Sequence[float], ax: Axes | None = None, *, title: str = "") -> Axes:
    """Histograms of the log-likelihood ratio of both classes; 0 is the fairest border.

    >>> ratios(oracle.log_likelihood_ratio(data.x), data.y)
    """
    ax, ratio, y = axes_or_new(ax, 2.9), np.asarray(ratio), np.asarray(y) > 0.5
    bins = np.linspace(*np.quantile(ratio, [0.002, 0.998]), 46)
    ax.hist(ratio[~y], bins, color=COLOURS[5], alpha=0.85, label="negative")
    ax.hist(ratio[y], bins, histtype="step", color=COLOURS[1], lw=2.2, label="positive")
    ax.axvline(0, color=SOFT, ls=":", lw=1.5)
    ax.legend(loc="upper left")
    return label(ax, "log-likelihood ratio (nats)", "sequences", title)


@styled
def limits(values: Mapping[str, float], ax: Axes | None = None, *, low: float = 0.95) -> Axes:
    """The best reachable AUROC of each grammar, with its number.

    >>> limits({"SPI1": 0.98, "REST": 0.99})
    """
    ax, names = axes_or_new(ax, 0.9 + 0.32 * len(values)), list(values)
    at, x = np.arange(len(names)), np.array(list(values.values()))
    ax.hlines(at, low, x, color=FAINT, lw=2)
    ax.plot(x, at, "o", color=COLOURS[0], ms=8)
    for y, value in zip(at, x, strict=True):
        ax.text(1 + 0.04 * (1 - low), y, f"{value:.3f}", va="center", fontsize=10)
    ax.axvline(1, color=SOFT, ls=":", lw=1)
    ax.set(xlim=(low, 1 + 0.18 * (1 - low)), ylim=(len(names) - 0.5, -0.5), yticks=at)
    label(ax, "AUROC of the oracle")
    ax.set_yticklabels(names)
    return ax


@styled
def curves(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    x: str,
    y: str,
    ax: Axes | None = None,
    *,
    log: bool = False,
    ticks: Sequence[float] | None = None,
    dashed: Sequence[str] = (),
) -> Axes:
    """Lines through a few measured points, each with its own marker; a dashed one takes the colour
    of the line before.

    >>> curves({"SPI1": ([0.2, 0.5], [0.99, 0.98])}, "GC", "AUROC")
    """
    ax, colour = axes_or_new(ax, 3.4), -1
    for i, (name, (at, value)) in enumerate(lines.items()):
        colour += name not in dashed
        look = "--" if name in dashed else "-"
        ax.plot(at, value, look, marker="osD^vP"[i % 6], color=COLOURS[colour % len(COLOURS)], label=name)
    ax.locator_params(axis="y", nbins=6)
    if log:
        ax.set_xscale("log")
    if ticks is not None:
        ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
        ax.minorticks_off()
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return label(ax, x, y)
