"""Real binding data: motifs under known ones, spacings seen and learnt, scores with errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt  # noqa: F401 (a chapter draws with `binding.plt`)
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from motifbook.figures.parts import LIMIT, MARKS, curves, legend_above, name_rows, panels, placed
from motiflib.motif import Motif
from motiflib.run.figures import COLOURS, FAINT, SOFT, axes_or_new, label, styled


@styled
def aligned(
    target: Motif, queries: Sequence[Motif], offsets: Sequence[int], strands: Sequence[str]
) -> Figure:
    """A known motif, and below it, column under column, those that TOMTOM placed on it.

    offsets and strands are those of `known.tomtom` for a query against `target`.

    >>> figure = aligned(found.motifs[0], found.motifs[1:], [3], ["-"])
    """
    rows = [(target, 0, f"JASPAR {target.source} {target.name}")]
    for motif, offset, strand in zip(queries, offsets, strands, strict=True):
        title = motif.name
        if strand == "-":
            motif, title = motif.reverse_complement(), f"{title}, reverse complement"
        rows.append((motif, int(offset), title))
    low = min(offset for _, offset, _ in rows)
    high = max(offset + motif.width for motif, offset, _ in rows)
    cells = panels(len(rows), height=1.3)
    for cell, (motif, offset, title) in zip(cells, rows, strict=True):
        placed(motif, cell, offset, low, high).set_title(title)
        cell.spines["bottom"].set_visible(False)
    return cells[0].figure


@styled
def intervals(table: pd.DataFrame, *, x: str = "AUROC") -> Axes:
    """Estimates with their intervals, grouped: columns group, name, value, low, high."""
    names, groups = list(table.name.unique()), list(table.group.unique())
    ax = axes_or_new(None, 0.9 + 0.28 * len(names) * len(groups))
    for i, name in enumerate(names):
        mine = table[table.name == name]
        rows = -mine.group.map(groups.index) - 0.26 * (i - (len(names) - 1) / 2)
        ax.hlines(rows, mine.low, mine.high, color=COLOURS[i], lw=2.5)
        ax.plot(mine.value, rows, MARKS[i], color=COLOURS[i], ms=7, label=name)
    for row in range(1, len(groups)):
        ax.axhline(0.5 - row, color=FAINT, lw=0.8)
    name_rows(ax, groups)
    legend_above(ax, len(names))
    return label(ax, x)


@styled
def spacings(
    seen: Mapping[int, int], expected: Mapping[int, float], learnt: Mapping[int, float], *,
    peaks: Mapping[str, Sequence[int]],
) -> Figure:
    """One pair of motifs: pairs of calls at each distance above, learnt weights below.

    `learnt` is exp(rho) over its value before training. `peaks` names distances to be coloured.

    >>> figure = spacings({11: 300}, {11: 4.0}, {11: 2.8}, peaks={"canonical": [11]})
    """
    upper, lower = panels(2, height=2.3, sharex=True)
    columns = {"seen": seen, "expected": expected, "learnt": learnt}
    table = pd.DataFrame({name: pd.Series(column) for name, column in columns.items()})
    table = table.reindex(range(-10, 41)).assign(colour="#9aa5b1")
    for (name, distances), colour in zip(peaks.items(), COLOURS[1:], strict=False):
        table.loc[list(distances), "colour"] = colour
        at = np.mean(distances), table.seen[list(distances)].max()
        look = {"color": colour, "weight": "bold", "fontsize": 10}
        upper.annotate(name, at, (4, 5), textcoords="offset points", **look)
    upper.bar(table.index, table.seen.fillna(0), 0.85, color=table.colour)
    upper.step(table.index, table.expected, where="mid", lw=1.5, **LIMIT)
    upper.margins(y=0.15)
    label(upper, "", "pairs of calls", "Seen in the peaks")
    lower.bar(table.index, table.learnt - 1, 0.85, bottom=1, color=table.colour)
    lower.axhline(1, lw=1.5, **LIMIT)
    lower.set_xlim(-10.6, 40.6)
    label(lower, "distance from start to start (bp)", "weight / at start", "Written in the weights")
    return upper.figure


@styled
def by_rank(table: pd.DataFrame, *, x: str, y: str) -> Axes:
    """Lines over bins of a rank: the index is the bin, each column a line."""
    place = np.arange(len(table))
    ax = curves({name: (place, table[name]) for name in table}, x, y)
    ax.set_xticks(place, table.index)
    ax.set_ylim(0, min(1.02, 1.25 * np.nanmax(table.to_numpy())))
    legend_above(ax, 2)
    return ax


@styled
def changes(values: Mapping[str, Sequence[float]]) -> Axes:
    """The spread of a logit under several treatments: a box for the middle half and its median, a
    line from 5% to 95%.

    >>> ax = changes({"as it is": [4.0, 5.0], "left half erased": [0.5, 1.0]})
    """
    ax = axes_or_new(None, 0.9 + 0.42 * len(values))
    for i, (numbers, colour) in enumerate(zip(values.values(), (SOFT, *COLOURS), strict=False)):
        low, q1, middle, q3, high = np.percentile(numbers, (5, 25, 50, 75, 95))
        ax.plot([low, high], [-i, -i], color=colour, lw=1.6)
        ax.barh(-i, q3 - q1, 0.5, left=q1, color=colour)
        ax.plot([middle, middle], [-i - 0.25, -i + 0.25], color="white")
    name_rows(ax, list(values))
    ax.axvline(0, lw=1.2, zorder=0, **LIMIT)
    return label(ax, "logit")
