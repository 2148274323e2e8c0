"""Simulated sequences, their truth, and the oracle."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from numpy.typing import ArrayLike

from motifbook.figures.parts import ABOVE, curves, label, new_rows, panels  # noqa: F401
from motiflib.run.figures import COLOURS, FAINT, INK, SOFT, axes_or_new, colour_of, styled


@styled
def planted(truth: pd.DataFrame, rows: ArrayLike, length: int, *, names: list[str]) -> plt.Axes:
    """`truth` (row, start, end, motif, strand) as arrows, a line for each of `rows`."""
    ax, colours = new_rows(names, 0.24), colour_of(sorted(set(truth.motif)))
    shown = truth[truth.row.isin(list(rows))]
    look = {"arrowstyle": "simple,head_width=0.9,tail_width=0.5,head_length=0.5",
            "shrinkA": 0, "shrinkB": 0, "mutation_scale": 11}
    for site in shown.itertuples():
        y = -list(rows).index(site.row)
        ends = (site.start, y), (site.end, y)
        tail, head = ends if site.strand == "+" else ends[::-1]
        ax.annotate("", head, tail, arrowprops=look | {"color": colours[site.motif]})
    for name, colour in colours.items():
        ax.plot([], [], "s", color=colour, label=name)
    ax.hlines(-np.arange(len(rows)), 0, length, color=FAINT, lw=1.5, zorder=0)
    ends = max(0, shown.start.min() - 15), min(length, shown.end.max() + 15)
    ax.legend(ncols=4, **ABOVE)
    return label(ax, "position (bp)", xlim=ends)


@styled
def gaps(seen: ArrayLike, expected: dict[int, float]) -> plt.Axes:
    """Pairs at each gap (bars) and what the grammar promises (dots with two standard errors).

    >>> ax = gaps([2, 2, 3], {2: 0.5, 3: 0.5})
    """
    ax, counts = axes_or_new(None, 2.8), pd.Series(seen).value_counts()
    ax.bar(counts.index, counts, width=0.85, color=COLOURS[5], label="simulated")
    n, p = len(seen), np.array(list(expected.values()))
    ax.errorbar(list(expected), n * p, yerr=2 * np.sqrt(n * p * (1 - p)), fmt="o", color=INK,
                ms=3.5, lw=1, label="grammar")
    ax.legend(ncols=2, **ABOVE)
    return label(ax, "bases between the two motifs", "pairs")


@styled
def evidence(odds: dict[str, np.ndarray], posterior: dict[str, np.ndarray],
             truth: pd.DataFrame, region: tuple[int, int]) -> plt.Figure:
    """Log-odds, posterior of each start, (L,) by motif; triangles mark `truth` (start, motif)."""
    upper, lower = panels(2, height=2.1, sharex=True, height_ratios=[3, 2])
    colours, at = colour_of(odds), np.arange(*region)
    for i, (name, colour) in enumerate(colours.items()):
        for cell, values in ((upper, odds), (lower, posterior)):
            bars = np.clip(values[name][at], 0, None)
            cell.vlines(at + 0.2 * i, 0, bars, color=colour, lw=2.2, label=name)
    for site in truth.itertuples():
        upper.plot(site.start, -0.6, "^", color=colours[site.motif], clip_on=False, ms=8)
    upper.legend(ncols=3, **ABOVE)
    label(upper, y="log-odds (nats)", ylim=(0, None))
    x = "start of the instance (bp)"
    return label(lower, x, "posterior", ylim=(0, 1.05), xlim=region).figure


@styled
def ratios(ratio: ArrayLike, y: ArrayLike, *, title: str) -> plt.Axes:
    """Histograms of the log-likelihood ratio of both classes; 0 is the fairest border."""
    ax, ratio = axes_or_new(None, 2.9), np.asarray(ratio)
    kinds = np.where(np.asarray(y) > 0.5, "positive", "negative")
    look = {"palette": {"negative": COLOURS[5], "positive": COLOURS[1]}, "alpha": 0.5}
    bins = {"bins": 45, "binrange": np.quantile(ratio, [0.002, 0.998]), "element": "step"}
    sns.histplot(x=ratio, hue=kinds, ax=ax, **bins, **look)
    ax.axvline(0, color=SOFT, ls=":", lw=1.5)
    return label(ax, "log-likelihood ratio (nats)", "sequences", title)


@styled
def limits(values: dict[str, float]) -> plt.Axes:
    """The best reachable AUROC of each grammar, with its number."""
    ax, rows = new_rows(values, 0.32), -np.arange(len(values))
    ax.hlines(rows, 0.95, values.values(), color=FAINT, lw=2)
    ax.plot(values.values(), rows, "o", ms=8)
    for row, value in zip(rows, values.values(), strict=True):
        ax.text(1.002, row, f"{value:.3f}", va="center", fontsize=10)
    ax.axvline(1, color=SOFT, ls=":", lw=1)
    return label(ax, "AUROC of the oracle", xlim=(0.95, 1.009))
