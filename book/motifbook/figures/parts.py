"""What several figures share: panels, named rows, legends, logos in place, dots, lines."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from motiflib.motif import Motif
from motiflib.run import figures as base
from motiflib.run.figures import COLOURS, FAINT, INK, SOFT, WIDTH, axes_or_new, styled

MARKS = "os^DvP"
LIMIT = {"color": INK, "ls": ":"}  # the best that anyone could reach, a threshold, chance
TRACK = {"color": FAINT, "lw": 0.8, "zorder": 0}  # a line that only guides the eye
ABOVE = {"loc": "lower left", "bbox_to_anchor": (0, 1), "handlelength": 1.2}  # a legend's place
BESIDE = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}
BARE = {"xticks": [], "yticks": [], "frame_on": False}  # axes of logos and pictures


def label(ax: plt.Axes, x: str = "", y: str = "", title: str = "", **options) -> plt.Axes:
    """Name the axes in the book's style, after what else `Axes.set` is to set."""
    ax.set(**options)
    return base.label(ax, x, y, title)


def panels(count: int, columns: int = 1, height: float = 1.35, room: float = 0,
           width: float = WIDTH, **options) -> np.ndarray:
    """So many axes of a new figure, `columns` side by side, each `height` inches, `room` beside."""
    rows = -(-count // columns)
    size = width, room + height * rows
    _, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, **options)
    for spare in grid.flat[count:]:
        spare.set_visible(False)
    return grid.flat[:count]


def name_rows(ax: plt.Axes, names: list[str], up: float = 0) -> plt.Axes:
    """Name the rows, which stand at 0, -1, -2, ..., and show them from `up` higher."""
    ax.set(yticks=-np.arange(len(names)), yticklabels=names, ylim=(up + 0.5 - len(names), up + 0.5))
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def new_rows(names: list[str], each: float, room: float = 0.9, width: float = WIDTH) -> plt.Axes:
    """New axes with a row for each name, `each` inches high, and `room` beside."""
    return name_rows(axes_or_new(None, room + each * len(names), width), list(names))


def placed(cells: list[plt.Axes], motifs: list[Motif], starts: ArrayLike) -> None:
    """Logos one under another, column under column: the first of each stands at its start."""
    high = max(start + motif.width for start, motif in zip(starts, motifs, strict=True))
    ends = min(starts) - 0.6, high - 0.4
    for ax, motif, start in zip(cells, motifs, starts, strict=True):
        base.letters(ax, motif.pfm * motif.information, start)
        label(ax, y="bits", xlim=ends, ylim=(0, 2.05), yticks=[0, 1, 2], xticks=[])


def strips(groups: dict[str, ArrayLike], colours: list[str], **size) -> plt.Axes:
    """A row for each group: a dot for each value, a bar at their mean."""
    ax = new_rows(groups, **size)
    for i, (values, colour) in enumerate(zip(groups.values(), colours, strict=True)):
        ax.plot(values, np.full(len(values), -i), "o", ms=5, alpha=0.6, color=colour)
        ax.plot(np.mean(values), -i, "|", ms=16, mew=2, color=INK)
    return ax


def dumbbells(table: pd.DataFrame, looks: dict[str, tuple[str, str]]) -> plt.Axes:
    """A row for each row of a table, a mark (shape, colour) for each column, hollow: the oracle."""
    ax, rows = new_rows(table.index, 0.45, 1.1), -np.arange(len(table))
    ax.hlines(rows, table.min(axis=1), table.max(axis=1), color=FAINT, lw=2, zorder=0)
    for name, (mark, colour) in looks.items():
        look = {"color": INK, "fillstyle": "none"} if name == "oracle" else {"color": colour}
        ax.plot(table[name], rows, mark, ms=7, label=name, **look)
    ax.legend(ncols=4, **ABOVE)
    return ax


@styled
def curves(lines: dict[str, tuple[ArrayLike, ArrayLike]], x: str, y: str, *,
           threshold: float | None = None, marks: bool = True, log: bool = False,
           ticks: ArrayLike | None = None, dashed: list[str] = (), **options) -> plt.Axes:
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
        ax.legend(**BESIDE)
    return label(ax, x, y, **options)
