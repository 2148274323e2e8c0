"""Rules between motifs."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from motiflib.run.figures import COLOURS, FAINT, INK, SOFT, axes_or_new, label, styled

SIDES = {"for": COLOURS[0], "against": COLOURS[1]}


@styled
def pair_distances(rules: pd.DataFrame, ax: Axes | None = None, *, title: str = "") -> Axes:
    """How often the calls of one pair stand at each distance (columns distance, count and, if
    known, expected).

    >>> pair_distances(rules[(rules.motif_a == "M1") & (rules.motif_b == "M2")])
    """
    ax, table = axes_or_new(ax, 2.8), rules.sort_values("distance")
    ax.bar(table.distance, table["count"], width=0.85, color=COLOURS[0], label="found")
    if "expected" in table:
        ax.step(table.distance, table.expected, where="mid", color=INK, ls=":", lw=1.5, label="expected by chance")
        ax.legend()
    return label(ax, "distance from start to start (bp)", "pairs of calls", title)


@styled
def silencing(rules: pd.DataFrame, names: list[str], ax: Axes | None = None) -> Axes:
    """Mean log-odds of sequences with a pair as they are and with one, the other, or both sites
    silenced.

    `rules` has the columns without_both, without_a, without_b, both; `names` says what each row is.

    >>> silencing(rules, ["JUND, TEAD"])
    """
    ax, rows = axes_or_new(ax, 1.3 + 0.5 * len(rules)), -np.arange(len(rules))
    ax.axvline(0, color=SOFT, lw=1, ls=":")
    marks = {"without_both": ("neither", "o", SOFT), "without_b": ("first only", ">", COLOURS[4]),
             "without_a": ("second only", "<", COLOURS[2]), "both": ("both", "D", COLOURS[0])}  # fmt: skip
    values = rules[list(marks)]
    ax.hlines(rows, values.min(axis=1), values.max(axis=1), color=FAINT, lw=2, zorder=0)
    for column, (name, mark, colour) in marks.items():
        ax.plot(rules[column], rows, mark, color=colour, ms=8, label=name)
    ax.set_yticks(rows, names)
    ax.set_ylim(-len(rules) + 0.4, 0.6)
    ax.legend(bbox_to_anchor=(0, 1), loc="lower left", ncols=4, fontsize=9, borderaxespad=0)
    return label(ax, "log-odds of the positive class")


@styled
def planted_and_found(planted: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Ranges of planted rules as bars, in the colour of the class that they speak for, and what was
    found as lines.

    Columns: grammar, rule, speaks, low, high, and found_low, found_high (one row for each network;
    empty if not found).

    >>> planted_and_found(table)
    """
    groups = list(planted.groupby(["grammar", "rule", "speaks", "low", "high"], sort=False))
    ax = axes_or_new(ax, 0.9 + 0.27 * len(groups), 7.2)
    for i, ((_, _, side, low, high), mine) in enumerate(groups):
        ax.barh(-i, high - low + 1, left=low - 0.5, height=0.62, color=SIDES[side], alpha=0.35, lw=0)
        for k, row in enumerate(mine.dropna(subset="found_low").itertuples()):
            y = -i + 0.2 - 0.2 * k
            ax.plot([row.found_low - 0.4, row.found_high + 0.4], [y, y], color=SIDES[side], lw=2, solid_capstyle="butt")
    ax.set_yticks(-np.arange(len(groups)), [f"{grammar}: {rule}" for (grammar, rule, *_), _ in groups])
    ax.set_ylim(-len(groups) + 0.4, 0.6)
    ax.set_xlim(left=0)
    label(ax, "bases between the two motifs")
    ax.tick_params(axis="y", labelsize=9, length=0)
    return ax
