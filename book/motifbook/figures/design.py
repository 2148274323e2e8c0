"""Designed sequences and the rules they come from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from motiflib.run.figures import COLOURS, FAINT, INK, axes_or_new, label, styled


@styled
def rule_profile(table: pd.DataFrame, ax: Axes | None = None, *, names: Mapping[str, str] | None = None) -> Axes:
    """The network's answer to each pair at each gap: rows of `Rules.table` with two motifs, a line
    an arrangement.

    Arrangements of the highest peaks are drawn in colour, at most six; the rest faint.

    >>> rule_profile(rules.table)
    """
    ax, names, pairs = axes_or_new(ax, 3.4), names or {}, table[table.motifs == 2]
    kind = [" ".join(f"{names.get(p.motif, p.motif)}{p.strand}" for p in parts) for parts in pairs.parts]
    step = [parts[1].start - parts[0].start for parts in pairs.parts]
    curves = pairs.assign(kind=kind, distance=step).sort_values("distance").groupby("kind")
    order = curves.logit.max().sort_values(ascending=False).index
    for i, name in enumerate(order):
        mine = curves.get_group(name)
        look = {"color": COLOURS[i], "label": name, "zorder": 3} if i < 6 else {"color": FAINT, "lw": 1}
        ax.plot(mine.distance, mine.logit, ".-", **look)
    ax.axhline(0, color=INK, lw=0.8, ls=":")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return label(ax, "distance from start to start (bp)", "logit")


@styled
def matches(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """How well sequences match the true motifs: columns method, motif match; a dot a grammar, a bar
    their mean.

    >>> matches(stored[stored.length == 500])
    """
    order = table.groupby("method")["motif match"].mean().sort_values(ascending=False)
    ax = axes_or_new(ax, 0.8 + 0.36 * len(order))
    for i, (method, mean) in enumerate(order.items()):
        mine = table[table.method == method]["motif match"]
        colour = COLOURS[0] if method == "rules" else COLOURS[1] if "ledidi" in method else COLOURS[7]
        ax.plot(mine, np.full(len(mine), i), "o", ms=5, alpha=0.6, color=colour)
        ax.plot([mean, mean], [i - 0.33, i + 0.33], color=INK, lw=2)
    ax.set(yticks=range(len(order)), yticklabels=[m.replace("rules", "by rule") for m in order.index])
    ax.set_ylim(len(order) - 0.5, -0.5)
    return label(ax, "best match to the true motifs (bits)")
