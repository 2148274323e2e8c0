"""Designed sequences and the rules they come from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from motiflib.plots.base import COLOURS, FAINT, INK, axes_or_new, colour_of, label, styled


@styled
def layouts(designs, most: int = 12, ax: Axes | None = None, *, names: Mapping[str, str] | None = None) -> Axes:
    """Where the instances of the first designs stand; an arrow head gives the strand.

    >>> layouts(designs, 12)
    """
    shown, names = designs.names[:most], names or {}
    ax = axes_or_new(ax, 0.9 + 0.27 * len(shown))
    colour = colour_of(sorted(set(designs.sites.motif)))
    for i, name in enumerate(shown):
        ax.plot([0, designs.codes.shape[1]], [i, i], color=FAINT, lw=3, zorder=0, solid_capstyle="butt")
        for s in designs.sites[designs.sites.design == name].itertuples():
            tail, head = (s.start, s.end) if s.strand == "+" else (s.end, s.start)
            ax.annotate(
                "",
                (head, i),
                (tail, i),
                arrowprops={
                    "arrowstyle": "simple,head_length=.5,head_width=.9,tail_width=.55",
                    "color": colour[s.motif],
                    "lw": 0,
                },
            )
    for motif, value in colour.items():
        ax.plot([], [], "s", color=value, label=names.get(motif, motif))
    ax.set(ylim=(len(shown) - 0.4, -0.6), xlim=(0, designs.codes.shape[1]), yticks=range(len(shown)))
    ax.set_yticklabels([name.replace("_", " ") for name in shown])
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0.2)
    return label(ax, "position (bp)")


@styled
def rule_profile(table: pd.DataFrame, ax: Axes | None = None, *, names: Mapping[str, str] | None = None) -> Axes:
    """The network's answer to each pair at each gap: rows of `Rules.table` with two motifs, a line an arrangement.

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
def twin_probabilities(kinds: Mapping[str, object], ax: Axes | None = None, *, judges=None) -> Axes:
    """Predicted probability of designs and of their twins, a dot a sequence; or of `judges` {kind: probabilities}.

    >>> twin_probabilities({"design": designs, **twins(model, found, designs)})
    """
    ax, rng = axes_or_new(ax, 2.8), np.random.default_rng(0)
    values = judges or {kind: d.probability for kind, d in kinds.items()}
    for i, p in enumerate(values.values()):
        ax.plot(i + rng.uniform(-0.3, 0.3, len(p)), p, ".", ms=4, alpha=0.5, color=COLOURS[0 if i == 0 else 1])
        ax.plot([i - 0.36, i + 0.36], [np.median(p)] * 2, color=INK, lw=1.5)
    ax.axhline(0.5, color=INK, lw=0.8, ls=":")
    ax.set(xticks=range(len(values)), ylim=(-0.04, 1.04), xlim=(-0.6, len(values) - 0.4))
    ax.set_xticklabels([{"design": "designs", "broken": "instance\nbroken", "spacing": "spacing\nwrong",
                         "repressor": "repressor\nadded"}.get(k, k) for k in values])  # fmt: skip
    return label(ax, "", "probability")


@styled
def matches(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """How well sequences match the true motifs: columns method, motif match; a dot a grammar, a bar their mean.

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
