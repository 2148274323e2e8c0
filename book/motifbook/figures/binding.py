"""Real binding data: motifs under the ones that are known, spacings seen and learnt, scores with
their errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from motiflib.motif import Motif
from motiflib.run.figures import (
    COLOURS,
    FAINT,
    INK,
    SOFT,
    WIDTH,
    axes_or_new,
    label,
    letters,
    styled,
)


@styled
def aligned(target: Motif, queries: Sequence[Motif], offsets: Sequence[int], strands: Sequence[str]) -> Figure:
    """A known motif, and below it, column under column, those that TOMTOM placed on it.

    offsets and strands are those of `motif.tomtom` for a query against `target`.

    >>> aligned(jaspar("REST"), motifs, table.offset, table.strand)
    """
    rows = [(target, 0, f"JASPAR {target.source} {target.name}")]
    for query, offset, strand in zip(queries, offsets, strands, strict=True):
        turned = strand == "-"
        rows.append((query.reverse_complement() if turned else query, int(offset), _title(query, turned)))
    left = min(offset for _, offset, _ in rows) - 0.6
    right = max(offset + motif.width for motif, offset, _ in rows) - 0.4
    figure, cells = plt.subplots(len(rows), 1, figsize=(WIDTH, 1.3 * len(rows)), sharex=True, squeeze=False)
    for cell, (motif, offset, title) in zip(cells[:, 0], rows, strict=True):
        letters(cell, motif.pfm * motif.information, offset)
        cell.set(xlim=(left, right), ylim=(0, 2.05), yticks=[0, 1, 2], xticks=[])
        cell.spines["bottom"].set_visible(False)
        label(cell, y="bits", title=title)
    return figure


def _title(motif: Motif, turned: bool) -> str:
    return f"{motif.name}, reverse complement" if turned else motif.name


@styled
def intervals(table: pd.DataFrame, ax: Axes | None = None, *, x: str = "AUROC") -> Axes:
    """Estimates with their intervals, grouped: columns group, name, value, low, high.

    >>> intervals(pd.DataFrame([("test", "network", .99, .98, 1.0)], columns=["group", "name", "value", "low", "high"]))
    """
    names, groups = list(dict.fromkeys(table.name)), list(dict.fromkeys(table.group))
    ax = axes_or_new(ax, 0.9 + 0.28 * len(names) * len(groups))
    for row in table.itertuples():
        i = names.index(row.name)
        y = -groups.index(row.group) - 0.26 * (i - (len(names) - 1) / 2)
        ax.plot([row.low, row.high], [y, y], color=COLOURS[i], lw=2.5, solid_capstyle="round")
        ax.plot(row.value, y, "os^D"[i % 4], color=COLOURS[i], ms=7, label=row.name if row.group == groups[0] else None)
    for edge in range(1, len(groups)):
        ax.axhline(0.5 - edge, color=FAINT, lw=0.8)
    ax.set_yticks([-i for i in range(len(groups))], groups)
    ax.set_ylim(0.55 - len(groups), 0.45)
    ax.spines["left"].set_visible(False)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(names), handlelength=1)
    ax.tick_params(axis="y", length=0)
    return label(ax, x)


@styled
def spacings(
    seen: Mapping[int, int], expected: Mapping[int, float], learnt: Mapping[int, float], *,
    peaks: Mapping[str, Sequence[int]] | None = None, window: tuple[int, int] = (-10, 40),
) -> Figure:  # fmt: skip
    """One pair of motifs: pairs of calls at each distance above, the learnt weight of each distance
    below.

    `learnt` is exp(rho) over its value before training. `peaks` names distances to be coloured.

    >>> spacings({11: 300}, {11: 4.0}, {11: 2.8}, peaks={"canonical": [11]})
    """
    figure, cells = plt.subplots(2, 1, figsize=(WIDTH, 4.6), sharex=True)
    distances = np.arange(window[0], window[1] + 1)
    colour = {d: COLOURS[1 + i] for i, ds in enumerate((peaks or {}).values()) for d in ds}
    fill = [colour.get(int(d), "#9aa5b1") for d in distances]
    count, weight = [seen.get(int(d), 0) for d in distances], [learnt.get(int(d), np.nan) for d in distances]
    chance = [expected.get(int(d), np.nan) for d in distances]
    cells[0].bar(distances, count, color=fill, width=0.85)
    cells[0].step(distances, chance, where="mid", color=INK, ls=":", lw=1.5)
    for i, (name, where) in enumerate((peaks or {}).items()):
        top = max(seen.get(int(d), 0) for d in where)
        cells[0].annotate(name, (np.mean(list(where)), top), xytext=(4, 5), textcoords="offset points",
                          color=COLOURS[1 + i], weight="bold", fontsize=10)  # fmt: skip
    label(cells[0], "", "pairs of calls", "Seen in the peaks")
    cells[0].margins(y=0.15)
    cells[1].bar(distances, np.array(weight) - 1, bottom=1, color=fill, width=0.85)
    cells[1].axhline(1, color=INK, lw=1.5, ls=":")
    cells[1].set_xlim(window[0] - 0.6, window[1] + 0.6)
    label(cells[1], "distance from start to start (bp)", "weight / at start", "Written in the weights")
    return figure


@styled
def by_rank(table: pd.DataFrame, ax: Axes | None = None, *, x: str, y: str) -> Axes:
    """Lines over bins of a rank: the index is the bin, each column a line.

    >>> by_rank(shares, x="peaks by strength", y="share with a call")
    """
    ax, place = axes_or_new(ax, 3.2), np.arange(len(table))
    for i, name in enumerate(table.columns):
        ax.plot(place, table[name], "os^Dv"[i % 5] + "-", color=COLOURS[i], label=name)
    ax.set_xticks(place, [str(item) for item in table.index])
    ax.set_ylim(0, min(1.02, 1.25 * np.nanmax(table.to_numpy())))
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.26), ncols=2)
    return label(ax, x, y)


@styled
def changes(values: Mapping[str, Sequence[float]], ax: Axes | None = None, *, x: str = "logit") -> Axes:
    """The spread of a number under several treatments: the middle half as a box, its median, 5% to
    95% as a line.

    >>> changes({"as it is": [4.0, 5.0], "left half erased": [0.5, 1.0]})
    """
    ax = axes_or_new(ax, 0.9 + 0.42 * len(values))
    for i, numbers in enumerate(values.values()):
        low, q1, middle, q3, high = np.percentile(np.asarray(numbers, dtype=float), (5, 25, 50, 75, 95))
        colour = SOFT if i == 0 else COLOURS[(i - 1) % len(COLOURS)]
        ax.plot([low, high], [-i, -i], color=colour, lw=1.6)
        ax.barh(-i, q3 - q1, left=q1, height=0.5, color=colour)
        ax.plot([middle, middle], [-i - 0.25, -i + 0.25], color="white", lw=2)
    ax.set_yticks([-i for i in range(len(values))], list(values))
    ax.axvline(0, color=INK, ls=":", lw=1.2, zorder=0)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    return label(ax, x)
