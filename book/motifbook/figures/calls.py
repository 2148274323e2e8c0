"""Calls: how many are false, as stated and as measured, and methods side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from motiflib.run.figures import COLOURS, FAINT, INK, SOFT, axes_or_new, colour_of, label, styled

MARKS = "osD^vP*X"


@styled
def false_discovery(score: Sequence[float], rates: Mapping[str, Sequence[float]], ax: Axes | None = None) -> Axes:
    """False discovery rate of the calls from a score upwards, one line each; the last of `rates` is
    the truth, dotted.

    >>> false_discovery(table.score, {"decoys": table.fdr, "measured on the truth": measured})
    """
    ax = axes_or_new(ax, 3.4)
    for i, (name, rate) in enumerate(rates.items()):
        look = {"color": INK, "ls": ":"} if i + 1 == len(rates) else {"color": COLOURS[i]}
        ax.plot(score, rate, label=name, **look)
    ax.set(xlim=(0, 1), ylim=(0, 1.02))
    ax.legend()
    return label(ax, "score, at least", "false discovery rate")


@styled
def stated_and_measured(
    lines: pd.DataFrame, ax: Axes | None = None, *, by: str = "grammar", factor: float = 1.5, least: float = 0.01
) -> Axes:
    """Measured false discovery rate against the stated one: columns stated, measured, seed and
    `by`, which colours.

    The band is `factor` to both sides; rates below `least` are left out, they rest on few calls.

    >>> stated_and_measured(lines, by="grammar")
    """
    ax, x = axes_or_new(ax, 4.2, 5.2), np.array([least, 1])
    ax.fill_between(x, x / factor, x * factor, color=FAINT, alpha=0.6, lw=0, label=f"within a factor {factor:g}")
    ax.plot(x, x, color=SOFT, lw=1)
    colours = colour_of(lines[by].unique())
    for (name, _), mine in lines[lines.stated >= least].groupby([by, "seed"], sort=False):
        mine = mine[mine.measured > 0]
        seen = name in ax.get_legend_handles_labels()[1]
        ax.plot(mine.stated, mine.measured, color=colours[name], lw=1.4, label="_" if seen else name)
    ax.set(xscale="log", yscale="log", xlim=(least, 1), ylim=(least / factor, 1))
    ax.legend(fontsize=9)
    return label(ax, "stated false discovery rate", "measured on the truth")


@styled
def dots(table: pd.DataFrame, x: str = "", ax: Axes | None = None) -> Axes:
    """One row for each row of a table, one mark for each column: methods side by side.

    >>> dots(pd.DataFrame({"network": [0.97], "FIMO": [0.82]}, index=["spi1"]), "F1")
    """
    ax, rows = axes_or_new(ax, 1.1 + 0.45 * len(table)), -np.arange(len(table))
    ax.hlines(rows, table.min(axis=1), table.max(axis=1), color=FAINT, lw=2, zorder=0)
    for i, name in enumerate(table):
        look = {"color": INK, "fillstyle": "none"} if name == "oracle" else {"color": COLOURS[i % len(COLOURS)]}
        ax.plot(table[name], rows, MARKS[i % len(MARKS)], ms=7, label=name, **look)
    ax.set_yticks(rows, table.index)
    ax.set_ylim(-len(table) + 0.5, 0.5)
    ax.legend(bbox_to_anchor=(0, 1), loc="lower left", ncols=3, fontsize=9, borderaxespad=0)
    return label(ax, x)
