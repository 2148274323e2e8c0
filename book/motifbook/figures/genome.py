"""Calls along a chromosome against peaks, and effects of variants along an element."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from motiflib.run.figures import COLOURS, FAINT, SOFT, axes_or_new, colour_of, label, styled


@styled
def locus(
    calls: Mapping[str, pd.DataFrame], peaks: Mapping[str, pd.DataFrame], chrom: str, start: int, end: int,
    ax: Axes | None = None,
) -> Axes:  # fmt: skip
    """One row for each factor: its calls as bars as high as their score, its peaks as triangles
    below.

    calls: columns sequence, start, end, score (0 to 1). peaks: columns chrom, summit.

    >>> locus({"Abf1": calls}, {"Abf1": peaks}, "chrIV", 0, 20_000)
    """
    ax, colours = axes_or_new(ax, 0.9 + 0.95 * len(calls)), colour_of(calls)
    for i, (name, table) in enumerate(calls.items()):
        mine = table[(table.sequence == chrom) & (table.start < end) & (table.end > start)]
        ax.axhline(-1.4 * i, color=FAINT, lw=0.8, zorder=0)
        ax.vlines((mine.start + mine.end) / 2, -1.4 * i, -1.4 * i + mine.score, color=colours[name], lw=2.2)
        there = peaks[name][(peaks[name].chrom == chrom) & peaks[name].summit.between(start, end)]
        ax.plot(there.summit, np.full(len(there), -1.4 * i - 0.16), "^", color=colours[name], ms=6)
    ax.set_yticks([-1.4 * i + 0.4 for i in range(len(calls))], list(calls))
    ax.set_xlim(start, end)
    ax.set_ylim(-1.4 * (len(calls) - 1) - 0.4, 1.15)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:,.0f}")
    return label(ax, f"{chrom} (kb)")


@styled
def trade(curves: Mapping[str, pd.DataFrame], ax: Axes | None = None, *, x: str, y: str) -> Axes:
    """Lines of y over x on a logarithmic axis, one for each name: columns x, y.

    >>> trade({"Abf1": pd.DataFrame({"x": [1, 10], "y": [0.5, 0.9]})}, x="calls beside", y="peaks with a call")
    """
    ax = axes_or_new(ax, 3.2)
    for i, (name, table) in enumerate(curves.items()):
        ax.plot(table.x, table.y, "os^D"[i % 4] + "-", color=COLOURS[i % len(COLOURS)], label=name)
    ax.set_xscale("log")
    ax.set_ylim(0, 1.02)
    ax.legend()
    return label(ax, x, y)


@styled
def effects_along(
    place: np.ndarray, values: Mapping[str, np.ndarray], marks: Mapping[str, int], ax: Axes | None = None
) -> Axes:
    """Effects of variants along an element, one panel-wide track for each name, `marks` named by a
    dotted line.

    Each track is scaled by its own largest effect.

    >>> effects_along(table.place, {"measured": table.coefficient}, {"C228T": 1295228})
    """
    ax = axes_or_new(ax, 1.2 + 1.3 * len(values))
    for i, numbers in enumerate(values.values()):
        scaled = np.asarray(numbers) / np.abs(numbers).max()
        ax.vlines(place, -2.2 * i, -2.2 * i + scaled, lw=0.9,
                  color=np.where(scaled > 0, COLOURS[1], COLOURS[0]).tolist())  # fmt: skip
        ax.axhline(-2.2 * i, color=SOFT, lw=0.6)
    for i, (name, at) in enumerate(marks.items()):
        ax.axvline(at, color=SOFT, ls=":", lw=1.2, zorder=0)
        ax.annotate(name, (at, 1.12), ha=("right", "left")[i % 2], fontsize=9, annotation_clip=False)
    ax.set_yticks([-2.2 * i for i in range(len(values))], list(values))
    ax.set_ylim(-2.2 * (len(values) - 1) - 1.1, 1.1)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    return label(ax, "position")
