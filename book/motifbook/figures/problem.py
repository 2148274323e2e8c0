"""Figures on ordinary networks: filters that are no motifs, attributions that differ, motifs that
hide each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from motiflib.motif import Motif
from motiflib.run.figures import (
    COLOURS,
    FAINT,
    INK,
    SOFT,
    WIDTH,
    bare,
    colour_of,
    label,
    logo,
    styled,
)

MARKERS = "osD^vP"


@styled
def filters_beside(
    planted: Sequence[Motif], filters: Sequence[Sequence[Motif]], titles: Sequence[Sequence[str]]
) -> Figure:
    """A row for each planted motif: the motif, then the filters of a network that come closest; one
    scale of bits.

    >>> filters_beside(planted, [closest_to_left, closest_to_right], titles)
    """
    columns = 1 + max(map(len, filters))
    figure, grid = plt.subplots(len(planted), columns, figsize=(WIDTH, 1.35 * len(planted)), squeeze=False)
    for cells, motif, found, names in zip(grid, planted, filters, titles, strict=True):
        for cell, shown, name in zip(cells, [motif, *found], [f"planted: {motif.name}", *names], strict=False):
            logo(shown, cell, title="")
            cell.set_title(name, fontsize=9.5, weight="bold" if cell is cells[0] else "normal")
            if cell is not cells[0]:
                cell.set(ylabel="", yticks=[])
        for cell in cells[1 + len(found) :]:
            bare(cell)
    return figure


@styled
def dispersion(shares: Mapping[str, np.ndarray], responses: pd.DataFrame) -> Figure:
    """Left: share of the prediction that the n strongest filters carry, a line per network. Right:
    each filter of a network by how well it alone tells either of two motifs from background
    (AUROC).

    >>> dispersion({"seed 0": filter_shares(model, x, y)}, filter_responses(model, planted))
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.0))
    for (name, values), colour, style in zip(shares.items(), COLOURS, ("-", "--", ":", "-."), strict=False):
        left.plot(range(len(values) + 1), [0, *np.sort(values)[::-1].cumsum()], style, color=colour, label=name)
    left.axhline(1, color=FAINT, lw=0.8, zorder=0)
    left.legend(loc="lower right")
    left.set(ylim=(0, 1.04), xlim=(0, None))
    label(left, "strongest filters counted", "share of the prediction", "Who does the work")
    first, second = responses.columns[:2]
    right.scatter(responses[first], responses[second], s=26, color=COLOURS[0], alpha=0.8, lw=0)
    right.scatter([1, 0.5], [0.5, 1], s=90, marker="*", color=COLOURS[1], clip_on=False, zorder=5)
    right.text(0.52, 0.98, "a filter that is\none motif", color=SOFT, fontsize=9, va="top")
    right.set(xlim=(0.4, 1.03), ylim=(0.4, 1.03), aspect="equal")
    label(right, f"AUROC for {first}", f"AUROC for {second}", "What each filter knows")
    return figure


@styled
def tracks(values: Mapping[str, np.ndarray], spans: Mapping[str, tuple[int, int]], window: tuple[int, int]) -> Figure:
    """Attribution of each base, a row for each way to compute it; planted instances are shaded and
    named.

    Each row has its own scale, as methods differ in units.

    >>> tracks({"deeplift, seed 0": values}, {"left": (80, 88)}, (60, 140))
    """
    figure, rows = plt.subplots(len(values), 1, figsize=(WIDTH, 0.4 + 0.75 * len(values)), sharex=True, squeeze=False)
    colours = colour_of(dict.fromkeys(name.split(",")[0] for name in values))
    for i, (row, (name, track)) in enumerate(zip(rows[:, 0], values.items(), strict=True)):
        for motif, (start, end) in spans.items():
            row.axvspan(start - 0.5, end - 0.5, color=FAINT, alpha=0.7, lw=0, zorder=0)
            if i == 0:
                above = row.get_xaxis_transform()
                row.text((start + end - 1) / 2, 1.08, motif, transform=above, ha="center", color=SOFT)
        row.bar(range(*window), track[slice(*window)], width=0.9, color=colours[name.split(",")[0]])
        row.axhline(0, color=SOFT, lw=0.6)
        bare(row).set_xlim(window[0] - 0.5, window[1] - 0.5)
        row.set_title(name, fontsize=9.5, weight="normal", color=INK, loc="left", pad=1)
        row.tick_params(bottom=False)
    rows[-1, 0].set_xticks(range(window[0], window[1] + 1, 20))
    label(rows[-1, 0], "position, bp")
    return figure


@styled
def agreement_grid(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Square tables of correlations side by side, numbers written in; rows and columns are (method,
    seed) pairs.

    >>> agreement_grid({"51,200 sequences": table})
    """
    figure, cells = plt.subplots(1, len(tables), figsize=(WIDTH, 0.62 * WIDTH), squeeze=False)
    for cell, (title, table) in zip(cells[0], tables.items(), strict=True):
        image = cell.imshow(table, vmin=0, vmax=1, cmap="cividis")
        size, names = len(table), [str(method) for method, _ in table.index]
        for i in range(size):
            for j in range(size):
                shade = "white" if table.iloc[i, j] < 0.6 else "black"
                number = f"{table.iloc[i, j]:.1f}".lstrip("0")
                cell.text(j, i, number, ha="center", va="center", color=shade, fontsize=7.5)
        cuts = [i for i in range(1, size) if names[i] != names[i - 1]]
        middles = np.convolve([0, *cuts, size], [0.5, 0.5], "valid") - 0.5
        for cut in cuts:
            cell.axhline(cut - 0.5, color="white", lw=2)
            cell.axvline(cut - 0.5, color="white", lw=2)
        words = [name.replace(" ", "\n") for name in dict.fromkeys(names)]
        cell.set_xticks(middles, words)
        cell.set_yticks(middles, words if cell is cells[0, 0] else [""] * len(words), rotation=90, va="center")
        label(cell, title=title).tick_params(length=0, labelsize=9)
    figure.colorbar(image, ax=list(cells[0]), shrink=0.6, label="mean correlation")
    return figure


@styled
def doubled(table: pd.DataFrame) -> Figure:
    """Attribution of a site when it is alone and when a copy stands beside it: a panel per method,
    a line per network.

    Columns of ``table``: method, seed, once, twice. Values are shares of the site's attribution
    when alone.

    >>> doubled(pd.DataFrame({"method": ["mutagenesis"], "seed": [0], "once": [1.0], "twice": [0.1]}))
    """
    methods = list(dict.fromkeys(table.method))
    figure, cells = plt.subplots(1, len(methods), figsize=(WIDTH, 2.9), sharey=True, squeeze=False)
    for cell, method, colour in zip(cells[0], methods, COLOURS, strict=False):
        for (_, row), marker in zip(table[table.method == method].iterrows(), MARKERS, strict=False):
            ends = [1, row.twice / row.once]
            cell.plot([0, 1], ends, marker=marker, color=colour, lw=1.6, label=f"seed {row.seed}")
        cell.axhline(1, color=FAINT, lw=0.8, zorder=0)
        cell.axhline(0, color=SOFT, lw=0.8, zorder=0)
        cell.set_xticks([0, 1], ["alone", "there\ntwice"])
        cell.set_xlim(-0.3, 1.3)
        label(cell, title=method.replace(" ", "\n"))
    label(cells[0, 0], y="attribution of the site")
    cells[0, -1].legend(loc="lower left", handlelength=1.2)
    return figure
