"""Figures on found motifs: beside the known one, and how methods compare."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import LinearSegmentedColormap

from motifbook.figures.parts import label, panels, placed
from motiflib.motif import Motif
from motiflib.run.figures import COLOURS, INK, SOFT, WIDTH, axes_or_new, styled


@styled
def found_beside_known(pairs: list[tuple[Motif, Motif, int, str]], titles: list) -> plt.Figure:
    """For each data set the motif found and, aligned below, the known one that it is most like."""
    columns = min(3, len(pairs))
    rows = -(-len(pairs) // columns)
    grid = panels(2 * rows * columns, columns, 1.15, width=1.25 * WIDTH).reshape(rows, 2, columns)
    for i, ((found, known, shift, strand), title) in enumerate(zip(pairs, titles, strict=True)):
        row, column = divmod(i, columns)
        known = known if strand == "+" else known.reverse_complement()
        placed(grid[row, :, column], (found, known), (0, shift))
        grid[row, 0, column].set_title(title, fontsize=9.5)
        below = {"fontsize": 9.5, "weight": "normal", "color": SOFT}
        grid[row, 1, column].set_title(f"JASPAR {known.name} {known.source}", **below)
    for cell in grid.flat:
        cell.set_visible(cell.has_data())
    for cell in grid[:, :, 1:].flat:
        cell.yaxis.set_visible(False)
    return grid[0, 0, 0].figure


@styled
def methods_by_grammar(rows: pd.DataFrame, names: dict[str, str]) -> plt.Figure:
    """The share of planted motifs recovered over all seeds by each method of `names`, and a dot for
    each false report of a mean run, up to 12 (spurious: orange; reported again: grey).
    `rows`: a run each, columns grammar, method, recovered, planted, spurious, redundant."""
    grammars, methods = list(rows.grammar.unique()), list(names)
    groups = rows[rows.method.isin(methods)].groupby(["grammar", "method"])
    share = groups.recovered.sum() / groups.planted.sum()
    share = share.unstack().reindex(index=grammars, columns=methods)
    ax = axes_or_new(None, 0.6 + 0.52 * len(grammars), WIDTH * 1.15)
    # all recovered stands out; below it numbers are dark on light
    shares = [(0, "#fbe3d2"), (0.4, "#f5f5f5"), (0.95, "#cfe3f1"), (1, COLOURS[0])]
    shades = LinearSegmentedColormap.from_list("share", shares)
    sns.heatmap(share, ax=ax, vmin=0, vmax=1, cbar=False, cmap=shades, linewidths=2, annot=True,
                fmt=".0%", annot_kws={"va": "bottom", "fontsize": 10.5})
    for row, column in np.argwhere(share.isna()):
        ax.text(column + 0.5, row + 0.5, "not run", ha="center", fontsize=9, color=SOFT)
    for (grammar, method), reports in groups[["spurious", "redundant"]].mean().iterrows():
        colours = [COLOURS[1]] * round(reports.spurious) + ["#9aa5b1"] * round(reports.redundant)
        shown, x = colours[:12], methods.index(method) + 0.5
        y = np.full(len(shown), grammars.index(grammar) + 0.76)
        offset = 0.07 * (np.arange(len(shown)) - len(shown) / 2 + 0.5)
        ax.scatter(x + offset, y, s=13, c=shown, edgecolors="white", linewidths=0.4)
        if len(colours) > 12:
            ink = "white" if share.loc[grammar, method] > 0.95 else INK
            ax.text(x + 0.42, y[0], "+", va="center", color=ink, fontsize=8)
    ax.set_xticks(np.arange(len(methods)) + 0.5, names.values(), rotation=0)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    return label(ax).figure
