"""Rules between motifs."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from motiflib.plots.base import COLOURS, INK, axes_or_new, label, styled


@styled
def pair_distances(rules: pd.DataFrame, ax: Axes | None = None, *, title: str = "") -> Axes:
    """How often the calls of one pair stand at each distance (columns distance, count and, if known, expected).

    >>> pair_distances(rules[(rules.motif_a == "M1") & (rules.motif_b == "M2")])
    """
    ax, table = axes_or_new(ax, 2.8), rules.sort_values("distance")
    ax.bar(table.distance, table["count"], width=0.85, color=COLOURS[0], label="found")
    if "expected" in table:
        ax.step(table.distance, table.expected, where="mid", color=INK, ls=":", lw=1.5, label="expected by chance")
        ax.legend()
    return label(ax, "distance from start to start (bp)", "pairs of calls", title)
