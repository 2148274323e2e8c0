"""Real binding data: motifs under known ones, spacings seen and learnt, scores with errors."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from motifbook.figures.parts import ABOVE, LIMIT, MARKS, curves, label, new_rows, panels, placed
from motiflib.motif import Motif
from motiflib.run.figures import COLOURS, FAINT, SOFT, styled


@styled
def aligned(target: Motif, queries: list[Motif], offsets: ArrayLike, strands: list) -> plt.Figure:
    """A known motif, and below it, column under column, those that `known.tomtom` placed on it."""
    motifs, titles = [target], [f"JASPAR {target.source} {target.name}"]
    for motif, strand in zip(queries, strands, strict=True):
        motifs.append(motif if strand == "+" else motif.reverse_complement())
        titles.append(motif.name if strand == "+" else f"{motif.name}, reverse complement")
    cells = panels(len(motifs), height=1.3)
    placed(cells, motifs, [0, *map(int, offsets)])
    for cell, title in zip(cells, titles, strict=True):
        cell.set_title(title)
        cell.spines["bottom"].set_visible(False)
    return cells[0].figure


@styled
def intervals(table: pd.DataFrame, *, x: str = "AUROC") -> plt.Axes:
    """Estimates with their intervals, grouped: columns group, name, value, low, high."""
    names, groups = list(table.name.unique()), list(table.group.unique())
    ax = new_rows(groups, 0.28 * len(names))
    for i, name in enumerate(names):
        mine = table[table.name == name]
        rows = -mine.group.map(groups.index) - 0.26 * (i - (len(names) - 1) / 2)
        ax.hlines(rows, mine.low, mine.high, color=COLOURS[i], lw=2.5)
        ax.plot(mine.value, rows, MARKS[i], color=COLOURS[i], ms=7, label=name)
    for row in range(1, len(groups)):
        ax.axhline(0.5 - row, color=FAINT, lw=0.8)
    ax.legend(ncols=len(names), **ABOVE)
    return label(ax, x)


@styled
def spacings(seen: dict[int, int], expected: dict[int, float], learnt: dict[int, float], *,
             peaks: dict[str, ArrayLike]) -> plt.Figure:
    """Pairs of calls at each distance, and exp(rho) over its start; `peaks` are coloured, named."""
    upper, lower = panels(2, height=2.3, sharex=True)
    table = pd.DataFrame([seen, expected, learnt], ["seen", "expected", "learnt"]).T
    table = table.reindex(range(-10, 41)).assign(colour="#9aa5b1")
    for (name, distances), colour in zip(peaks.items(), COLOURS[1:], strict=False):
        table.loc[list(distances), "colour"] = colour
        at = np.mean(distances), table.seen[list(distances)].max()
        upper.annotate(name, at, (4, 5), textcoords="offset points", color=colour, weight="bold",
                       fontsize=10)
    upper.bar(table.index, table.seen.fillna(0), 0.85, color=table.colour)
    upper.step(table.index, table.expected, where="mid", lw=1.5, **LIMIT)
    upper.margins(y=0.15)
    label(upper, "", "pairs of calls", "Seen in the peaks")
    lower.bar(table.index, table.learnt - 1, 0.85, bottom=1, color=table.colour)
    lower.axhline(1, lw=1.5, **LIMIT)
    x, y = "distance from start to start (bp)", "weight / at start"
    return label(lower, x, y, "Written in the weights", xlim=(-10.6, 40.6)).figure


@styled
def by_rank(table: pd.DataFrame, *, x: str, y: str) -> plt.Axes:
    """Lines over bins of a rank: the index is the bin, each column a line."""
    bins, top = range(len(table)), min(1.02, 1.25 * np.nanmax(table))
    lines = {name: (bins, table[name]) for name in table}
    ax = curves(lines, x, y, xticks=bins, xticklabels=table.index, ylim=(0, top))
    ax.legend(ncols=2, **ABOVE)
    return ax


@styled
def changes(values: dict[str, ArrayLike]) -> plt.Axes:
    """The spread of a logit under treatments: median, middle half (box) and 5% to 95% (line)."""
    ax = new_rows(values, 0.42)
    for i, (numbers, colour) in enumerate(zip(values.values(), (SOFT, *COLOURS), strict=False)):
        low, q1, middle, q3, high = np.percentile(numbers, (5, 25, 50, 75, 95))
        ax.plot([low, high], [-i, -i], color=colour, lw=1.6)
        ax.barh(-i, q3 - q1, 0.5, left=q1, color=colour)
        ax.plot([middle, middle], [-i - 0.25, -i + 0.25], color="white")
    ax.axvline(0, lw=1.2, zorder=0, **LIMIT)
    return label(ax, "logit")
