"""Ordinary networks: filters that are no motifs, attributions that differ, sites that hide."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from motifbook.figures.parts import BARE, MARKS, TRACK, label, panels
from motiflib.motif import Motif
from motiflib.run.figures import COLOURS, FAINT, INK, SOFT, colour_of, logo, styled


@styled
def filters_beside(planted: list[Motif], filters: list[list[Motif]],
                   titles: list[list[str]]) -> plt.Figure:
    """A row for each planted motif: the motif, then the filters of a network that come closest."""
    columns = 1 + max(map(len, filters))
    rows = panels(len(planted) * columns, columns).reshape(-1, columns)
    for row, motif, found, names in zip(rows, planted, filters, titles, strict=True):
        logo(motif, row[0], title="").set_title(f"planted: {motif.name}", fontsize=9.5)
        for cell, close, name in zip(row[1:], found, names, strict=False):
            logo(close, cell, title="").set_title(name, fontsize=9.5, weight="normal")
            cell.yaxis.set_visible(False)
    for cell in rows.flat:
        cell.set_visible(cell.has_data())
    return rows[0, 0].figure


@styled
def dispersion(shares: dict[str, np.ndarray], responses: pd.DataFrame) -> plt.Figure:
    """Left, share of the prediction that the n strongest filters of each network carry; right, how
    well each filter of one alone tells two motifs (the columns) from background (AUROC)."""
    left, right = panels(2, 2, 3.0)
    for (name, values), dashes in zip(shares.items(), ("-", "--", ":", "-."), strict=False):
        left.plot([0, *np.sort(values)[::-1].cumsum()], dashes, label=name)
    left.axhline(1, **TRACK)
    left.legend(loc="lower right")
    label(left, "strongest filters counted", "share of the prediction", "Who does the work",
          ylim=(0, 1.04), xlim=(0, None))
    first, second = responses.columns[:2]
    right.scatter(responses[first], responses[second], s=26, color=COLOURS[0], alpha=0.8, lw=0)
    right.plot([1, 0.5], [0.5, 1], "*", ms=10, color=COLOURS[1], clip_on=False)
    right.text(0.52, 0.98, "a filter that is\none motif", color=SOFT, fontsize=9, va="top")
    label(right, f"AUROC for {first}", f"AUROC for {second}", "What each filter knows",
          xlim=(0.4, 1.03), ylim=(0.4, 1.03), aspect="equal")
    return left.figure


@styled
def tracks(values: dict[str, np.ndarray], spans: dict[str, tuple[int, int]],
           window: tuple[int, int]) -> plt.Figure:
    """Attribution of each base, a row and a scale for each way to get it; `spans` are shaded."""
    rows = panels(len(values), height=0.75, room=0.4, sharex=True)
    colours = colour_of(dict.fromkeys(name.split(",")[0] for name in values))
    for row, (name, track) in zip(rows, values.items(), strict=True):
        for start, end in spans.values():
            row.axvspan(start - 0.5, end - 0.5, color=FAINT, alpha=0.7, lw=0, zorder=0)
        row.bar(range(*window), track[slice(*window)], 0.9, color=colours[name.split(",")[0]])
        row.axhline(0, color=SOFT, lw=0.6)
        row.set(**BARE)
        row.set_title(name, fontsize=9.5, weight="normal", color=INK, pad=1)
        row.tick_params(bottom=False)
    for motif, (start, end) in spans.items():
        above = {"transform": rows[0].get_xaxis_transform(), "ha": "center", "color": SOFT}
        rows[0].text((start + end - 1) / 2, 1.08, motif, **above)
    ends, ticks = (window[0] - 0.5, window[1] - 0.5), range(window[0], window[1] + 1, 20)
    return label(rows[-1], "position, bp", xlim=ends, xticks=ticks).figure


@styled
def agreement_grid(tables: dict[str, pd.DataFrame]) -> plt.Figure:
    """Square tables of correlations side by side; rows and columns are (method, seed) pairs."""
    cells = panels(len(tables), len(tables), 4.0)
    for cell, (title, table) in zip(cells, tables.items(), strict=True):
        numbers = table.map(lambda value: f"{value:.1f}".lstrip("0"))
        sns.heatmap(table, ax=cell, cmap="cividis", vmin=0, vmax=1, cbar=False, square=True,
                    annot=numbers, fmt="", annot_kws={"fontsize": 7.5})
        sizes = table.index.get_level_values(0).value_counts(sort=False)
        ends = sizes.cumsum()
        for end in ends[:-1]:
            cell.axhline(end, color="white", lw=2)
            cell.axvline(end, color="white", lw=2)
        words = [method.replace(" ", "\n") for method in sizes.index]
        cell.set_xticks(ends - sizes / 2, words, rotation=0)
        cell.set_yticks(ends - sizes / 2, words, rotation=90, va="center")
        label(cell, title=title).tick_params(length=0, labelsize=9)
    for cell in cells[1:]:
        cell.set_yticks([])
    plt.colorbar(cells[0].collections[0], ax=cells, shrink=0.6, label="mean correlation")
    return cells[0].figure


@styled
def doubled(table: pd.DataFrame) -> plt.Figure:
    """Attribution of a site alone and beside a copy: columns method, seed (a line), once, twice."""
    methods = list(table.groupby("method", sort=False))
    cells = panels(len(methods), len(methods), 2.9, sharey=True)
    for cell, (method, mine), colour in zip(cells, methods, COLOURS, strict=False):
        for row, mark in zip(mine.itertuples(), MARKS, strict=False):
            shares = [1, row.twice / row.once]
            cell.plot(shares, marker=mark, color=colour, lw=1.6, label=f"seed {row.seed}")
        cell.axhline(1, **TRACK)
        cell.axhline(0, color=SOFT, lw=0.8)
        label(cell, title=method.replace(" ", "\n"), xticks=[0, 1], xlim=(-0.3, 1.3),
              xticklabels=["alone", "there\ntwice"])
    label(cells[0], y="attribution of the site")
    cells[-1].legend(loc="lower left", handlelength=1.2)
    return cells[0].figure
