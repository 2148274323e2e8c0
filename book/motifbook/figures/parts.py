"""What several figures share: panels, named rows, legends, logos in place, dots, lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from motiflib.motif import Motif
from motiflib.run import figures as base
from motiflib.run.figures import COLOURS, FAINT, INK, SOFT, WIDTH, axes_or_new, label, styled

MARKS = "os^DvP"
LIMIT = {"color": INK, "ls": ":"}  # the best that anyone could reach, a threshold, chance
TRACK = {"color": FAINT, "lw": 0.8, "zorder": 0}  # a line that only guides the eye


def panels(
    count: int, columns: int = 1, height: float = 1.35, room: float = 0, **options
) -> list[Axes]:
    """So many axes of a new figure, `columns` side by side, each `height` inches, `room` beside."""
    rows = -(-count // columns)
    size = WIDTH, room + height * rows
    _, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, **options)
    for spare in grid.flat[count:]:
        spare.set_visible(False)
    return list(grid.flat[:count])


def name_rows(ax: Axes, names: Sequence[str]) -> None:
    """Name the rows, which stand at 0, -1, -2, ..."""
    ax.set_yticks(-np.arange(len(names)), names)
    ax.set_ylim(-len(names) + 0.5, 0.5)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def legend_above(ax: Axes, columns: int) -> None:
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, handlelength=1.2)


def legend_beside(ax: Axes) -> None:
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))


def placed(motif: Motif, ax: Axes, start: int, low: int, high: int) -> Axes:
    """A logo whose first column stands at `start`, on axes of the columns low to high."""
    base.letters(ax, motif.pfm * motif.information, start)
    ax.set(xlim=(low - 0.6, high - 0.4), ylim=(0, 2.05), yticks=[0, 1, 2], xticks=[])
    return label(ax, y="bits")


def strips(ax: Axes, groups: Mapping[str, Sequence[float]], colours: Sequence[str]) -> None:
    """A row for each group: a dot for each value, a bar at their mean."""
    for i, (values, colour) in enumerate(zip(groups.values(), colours, strict=True)):
        ax.plot(values, np.full(len(values), -i), "o", ms=5, alpha=0.6, color=colour)
        ax.plot(np.mean(values), -i, "|", ms=16, mew=2, color=INK)
    name_rows(ax, list(groups))


def dumbbells(table: pd.DataFrame, looks: Mapping[str, tuple[str, str]]) -> Axes:
    """A row for each row of a table, a mark (shape, colour) for each column, hollow for the oracle;
    a line from the least to the greatest."""
    ax, rows = axes_or_new(None, 1.1 + 0.45 * len(table)), -np.arange(len(table))
    ax.hlines(rows, table.min(axis=1), table.max(axis=1), color=FAINT, lw=2, zorder=0)
    for name, (mark, colour) in looks.items():
        look = {"color": INK, "fillstyle": "none"} if name == "oracle" else {"color": colour}
        ax.plot(table[name], rows, mark, ms=7, label=name, **look)
    name_rows(ax, table.index)
    legend_above(ax, 4)
    return ax


@styled
def curves(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]], x: str, y: str, *,
    threshold: float | None = None, marks: bool = True, log: bool = False,
    ticks: Sequence[float] | None = None, dashed: Sequence[str] = (),
) -> Axes:
    """Lines by name, each (x values, y values); a dashed one takes the colour of the line before.

    >>> ax = curves({"in order": (range(3), [-1, 1, -1])}, "gap (bp)", "logit", threshold=0)
    """
    ax, colour = axes_or_new(None), -1
    if threshold is not None:
        ax.axhline(threshold, color=SOFT, lw=1, ls=":")
    for i, (name, (across, up)) in enumerate(lines.items()):
        colour += name not in dashed
        look = {"ls": "--" if name in dashed else "-", "color": COLOURS[colour % len(COLOURS)]}
        mark = MARKS[i % len(MARKS)] if marks else None
        ax.plot(np.asarray(across), np.asarray(up), marker=mark, label=name, **look)
    if log:
        ax.set_xscale("log")
    else:  # whole numbers wherever three of them fit
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=3))
    if ticks is not None:
        ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        ax.minorticks_off()
    if len(lines) > 1:
        legend_beside(ax)
    return label(ax, x, y)
