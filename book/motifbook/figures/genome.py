"""Calls along a chromosome against peaks, and effects of variants along an element."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from motifbook.figures.parts import TRACK, curves, label, new_rows
from motiflib.run.figures import COLOURS, SOFT, colour_of, styled


@styled
def locus(calls: dict[str, pd.DataFrame], peaks: dict[str, pd.DataFrame], chrom: str,
          start: int, end: int) -> plt.Axes:
    """`calls` (sequence, start, end, score) as bars, `peaks` (chrom, summit) as triangles below."""
    ax, colours = new_rows(calls, 0.95), colour_of(calls)
    for row, (name, table) in enumerate(calls.items()):
        mine = table[(table.sequence == chrom) & (table.start < end) & (table.end > start)]
        base, middle = -row - 0.25, (mine.start + mine.end) / 2
        ax.axhline(base, **TRACK)
        ax.vlines(middle, base, base + 0.7 * mine.score, color=colours[name], lw=2.2)
        summits = peaks[name].summit[peaks[name].chrom == chrom]
        ax.plot(summits, np.full(len(summits), base - 0.12), "^", color=colours[name], ms=6)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:,.0f}")
    return label(ax, f"{chrom} (kb)", xlim=(start, end))


@styled
def trade(tables: dict[str, pd.DataFrame], *, x: str, y: str) -> plt.Axes:
    """Lines of y over x on a logarithmic axis, one for each name: columns x, y."""
    lines = {name: (table.x, table.y) for name, table in tables.items()}
    return curves(lines, x, y, log=True, ylim=(0, 1.02))


@styled
def effects_along(place: np.ndarray, values: dict[str, np.ndarray], marks: dict) -> plt.Axes:
    """Effects of variants, a track for each name, scaled by its largest; `marks` are dotted."""
    ax = new_rows(values, 1.3, 1.2)
    for row, effects in enumerate(values.values()):
        colours = np.where(effects > 0, COLOURS[1], COLOURS[0]).tolist()
        tips = -row + 0.45 * effects / np.abs(effects).max()
        ax.vlines(place, -row, tips, lw=0.9, color=colours)
        ax.axhline(-row, color=SOFT, lw=0.6)
    for (name, at), side in zip(marks.items(), ("right", "left"), strict=False):
        ax.axvline(at, color=SOFT, ls=":", lw=1.2, zorder=0)
        ax.text(at, 0.5, name, ha=side, fontsize=9)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    return label(ax, "position")
