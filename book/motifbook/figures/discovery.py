"""Figures on found motifs: beside the known one, and how methods compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from motifbook.figures.parts import placed
from motiflib.motif import Motif
from motiflib.run.figures import COLOURS, INK, SOFT, WIDTH, axes_or_new, label, styled

# all recovered stands out; below it numbers are dark on light
SHARES = [(0, "#fbe3d2"), (0.4, "#f5f5f5"), (0.95, "#cfe3f1"), (1, COLOURS[0])]
MOST = 12  # dots in one field


@styled
def found_beside_known(
    pairs: Sequence[tuple[Motif, Motif, int, str]], titles: Sequence[str]
) -> Figure:
    """For each data set the motif found and, aligned below, the known one that it is most like.

    >>> figure = found_beside_known([(*found.motifs, 3, "+")], ["REST"])
    """
    columns = min(3, len(pairs))
    rows = -(-len(pairs) // columns)
    size = WIDTH * 1.25, 2.3 * rows
    figure, grid = plt.subplots(2 * rows, columns, figsize=size, squeeze=False)
    for cell in grid[:, 1:].flat:
        cell.yaxis.set_visible(False)
    two = grid.reshape(rows, 2, columns).swapaxes(1, 2).reshape(-1, 2)  # the cells of each pair
    for cell in two[len(pairs) :].flat:
        cell.set_visible(False)
    for (upper, lower), pair, title in zip(two[: len(pairs)], pairs, titles, strict=True):
        found, known, shift, strand = pair
        known = known if strand == "+" else known.reverse_complement()
        ends = min(0, shift), max(found.width, shift + known.width)
        placed(found, upper, 0, *ends)
        upper.set_title(title, fontsize=9.5)
        placed(known, lower, shift, *ends)
        title = f"JASPAR {known.name} {known.source}"
        lower.set_title(title, fontsize=9.5, weight="normal", color=SOFT)
    return figure


@styled
def methods_by_grammar(rows: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """A line per grammar, a column per method. Colour and number: share of the planted motifs that
    were recovered, over all seeds. A dot for each false report (spurious, orange; a motif reported
    again, grey), mean per run, at most MOST.

    `rows`: one per run, columns grammar, method, recovered, planted, spurious, redundant. `names`:
    methods in order, and what to call them."""
    grammars, methods = list(rows.grammar.unique()), list(names)
    groups = rows[rows.method.isin(methods)].groupby(["grammar", "method"])
    share = groups.recovered.sum() / groups.planted.sum()
    share = share.unstack().reindex(index=grammars, columns=methods)
    ax = axes_or_new(None, 0.6 + 0.52 * len(grammars), WIDTH * 1.15)
    shades = LinearSegmentedColormap.from_list("share", SHARES)
    look = {"vmin": 0, "vmax": 1, "cbar": False, "linewidths": 2, "cmap": shades}
    number = {"va": "bottom", "fontsize": 10.5}
    sns.heatmap(share, ax=ax, annot=True, fmt=".0%", annot_kws=number, **look)
    for row, column in np.argwhere(share.isna()):
        ax.text(column + 0.5, row + 0.5, "not run", ha="center", fontsize=9, color=SOFT)
    for (grammar, method), reports in groups[["spurious", "redundant"]].mean().iterrows():
        colours = [COLOURS[1]] * round(reports.spurious) + ["#9aa5b1"] * round(reports.redundant)
        shown, x = colours[:MOST], methods.index(method) + 0.5
        y = np.full(len(shown), grammars.index(grammar) + 0.76)
        offset = 0.07 * (np.arange(len(shown)) - len(shown) / 2 + 0.5)
        ax.scatter(x + offset, y, s=13, c=shown, edgecolors="white", linewidths=0.4)
        if len(colours) > MOST:
            ink = "white" if share.loc[grammar, method] > 0.95 else INK
            ax.text(x + 0.42, y[0], "+", va="center", color=ink, fontsize=8)
    ax.set_xticks(np.arange(len(methods)) + 0.5, names.values(), rotation=0)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    return label(ax).figure
