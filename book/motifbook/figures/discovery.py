"""Figures on found motifs: beside the known one, where they stand, and how methods compare."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from motiflib.motif import Motif
from motiflib.run.figures import COLOURS, INK, SOFT, WIDTH, logo, styled

SHADES = LinearSegmentedColormap.from_list("share", ["#fbe3d2", "#f5f5f5", "#cfe3f1", COLOURS[0]])
MARKERS = "osD^v"


@styled
def found_beside_known(pairs: Sequence[tuple[Motif, Motif, int, str]], titles: Sequence[str]) -> Figure:
    """For each data set a column: the motif found above, the known one that it is most like below,
    aligned.

    >>> found_beside_known([(found, jaspar("REST"), 3, "+")], ["REST"])
    """
    columns = min(3, len(pairs))
    rows = -(-len(pairs) // columns)
    figure, grid = plt.subplots(2 * rows, columns, figsize=(WIDTH * 1.25, 2.3 * rows), squeeze=False)
    for cell in grid.flat:
        cell.set_visible(False)
    for i, ((found, known, shift, strand), title) in enumerate(zip(pairs, titles, strict=True)):
        known = known if strand == "+" else known.reverse_complement()
        low, high = min(0, shift), max(found.width, shift + known.width)
        for line, (motif, start, name) in enumerate(
            ((found, 0, title), (known, shift, f"JASPAR {known.name} {known.source}"))
        ):
            ax = grid[2 * (i // columns) + line, i % columns]
            padded = np.full((4, high - low), 0.25)
            padded[:, start - low : start - low + motif.width] = motif.pfm
            ax.set_visible(True)
            logo(Motif("", padded), ax, title="")
            ax.set_title(name, fontsize=9.5, weight="bold" if line == 0 else "normal", color=INK if line == 0 else SOFT)
            if i % columns:
                ax.set(ylabel="", yticks=[])
    return figure


@styled
def methods_by_grammar(rows: pd.DataFrame, names: dict[str, str]) -> Figure:
    """A line per grammar, a column per method. Colour and number: share of the planted motifs that
    were recovered, over all seeds. A dot for each false report (spurious, orange; a motif reported
    again, grey), mean per run, at most 12.

    `rows`: one per run, columns grammar, method, recovered, planted, spurious, redundant. `names`:
    methods in order, and what to call them.

    >>> methods_by_grammar(rows, {"argminn": "ARGMINN", "cnn": "CNN filters"})
    """
    sums = rows.groupby(["grammar", "method"])[["recovered", "planted"]].sum()
    means = rows.groupby(["grammar", "method"])[["spurious", "redundant"]].mean()
    grammars = list(dict.fromkeys(rows.grammar))
    figure, ax = plt.subplots(figsize=(WIDTH * 1.15, 0.6 + 0.52 * len(grammars)))
    for i, grammar in enumerate(grammars):
        for j, method in enumerate(names):
            if (grammar, method) in sums.index:
                found, planted = sums.loc[(grammar, method)]
                _cell(ax, i, j, found / planted, *means.loc[(grammar, method)])
            else:
                ax.text(j, i, "not run", ha="center", va="center", fontsize=9, color=SOFT)
    ax.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(grammars) - 0.5, -0.5))
    ax.set_xticks(range(len(names)), names.values())
    ax.set_yticks(range(len(grammars)), grammars)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    for side in ("bottom", "left"):
        ax.spines[side].set_visible(False)
    return figure


def _cell(ax: Axes, i: int, j: int, share: float, spurious: float, redundant: float) -> None:
    """One field: the share as colour and number, false reports as dots below the number."""
    ax.add_patch(plt.Rectangle((j - 0.48, i - 0.46), 0.96, 0.92, color=SHADES(share), lw=0))
    ink = "white" if share > 0.95 else INK
    ax.text(j, i - 0.13, f"{share:.0%}", ha="center", va="center", fontsize=10.5, color=ink)
    counts = [round(spurious), round(redundant)]
    colours = [COLOURS[1]] * counts[0] + ["#b9c0c7"] * counts[1]
    shown = colours[:12]
    x = j + (np.arange(len(shown)) - (len(shown) - 1) / 2) * 0.07
    ax.scatter(x, np.full(len(shown), i + 0.26), s=13, c=shown, edgecolors="white", linewidths=0.4, zorder=3)
    if len(colours) > 12:
        ax.text(x[-1] + 0.03, i + 0.27, "+", fontsize=8, color=ink, va="center")
