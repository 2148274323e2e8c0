"""Rules between motifs, and the sequences designed by them."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from motifbook.figures.parts import BESIDE, LIMIT, dumbbells, label, new_rows, strips
from motiflib.run.figures import COLOURS, FAINT, SOFT, axes_or_new, styled


@styled
def silencing(rules: pd.DataFrame, names: list[str]) -> plt.Axes:
    """Mean log-odds with sites silenced: columns both, without_a, without_b, without_both."""
    looks = {"neither": ("o", SOFT), "first only": (">", COLOURS[4]),
             "second only": ("<", COLOURS[2]), "both": ("D", COLOURS[0])}
    table = rules[["without_both", "without_b", "without_a", "both"]].set_axis(list(looks), axis=1)
    ax = dumbbells(table.set_axis(names), looks)
    ax.axvline(0, color=SOFT, lw=1, ls=":", zorder=0)
    return label(ax, "log-odds of the positive class")


@styled
def pair_distances(rules: pd.DataFrame, *, title: str = "") -> plt.Axes:
    """Bars: calls of one pair at each distance; columns distance, count and, if known, expected."""
    ax, table = axes_or_new(None, 2.8), rules.sort_values("distance")
    ax.bar(table.distance, table["count"], width=0.85, label="found")
    if "expected" in table:
        chance = {"lw": 1.5, "label": "expected by chance", **LIMIT}
        ax.step(table.distance, table.expected, where="mid", **chance)
        ax.legend()
    return label(ax, "distance from start to start (bp)", "pairs of calls", title)


@styled
def planted_and_found(planted: pd.DataFrame) -> plt.Axes:
    """Ranges of planted rules (bars, orange if against the positive class) and found (lines, one a
    network): columns grammar, rule, speaks, low, high, found_low, found_high (empty: not found)."""
    groups = list(planted.groupby(["grammar", "rule", "speaks", "low", "high"], sort=False))
    names = [f"{grammar}: {rule}" for (grammar, rule, *_), _ in groups]
    ax = new_rows(names, 0.27, width=7.2)
    for i, ((_, _, side, low, high), mine) in enumerate(groups):
        colour = {"for": COLOURS[0], "against": COLOURS[1]}[side]
        ax.barh(-i, high - low + 1, 0.62, left=low - 0.5, color=colour, alpha=0.35)
        rows = -i + 0.2 - 0.2 * np.arange(len(mine))
        ax.hlines(rows, mine.found_low - 0.4, mine.found_high + 0.4, color=colour)
    return label(ax, "bases between the two motifs", xlim=(0, None))


@styled
def rule_profile(table: pd.DataFrame, ax: plt.Axes | None = None) -> plt.Axes:
    """The logit of each pair in `Rules.table` at each distance; the six highest in colour."""
    ax, pairs = axes_or_new(ax, 3.4), table[table.motifs == 2]
    kind = [" ".join(f"{part.motif}{part.strand}" for part in parts) for parts in pairs.parts]
    distance = [second.start - first.start for first, second in pairs.parts]
    lines = pairs.assign(kind=kind, distance=distance).sort_values("distance").groupby("kind")
    for i, name in enumerate(lines.logit.max().sort_values(ascending=False).index):
        look = {"color": COLOURS[i], "label": name, "zorder": 3} if i < 6 else {"color": FAINT}
        mine = lines.get_group(name)
        ax.plot(mine.distance, mine.logit, ".-", **look)
    ax.axhline(0, lw=0.8, **LIMIT)
    ax.legend(**BESIDE)
    return label(ax, "distance from start to start (bp)", "logit")


@styled
def matches(table: pd.DataFrame) -> plt.Axes:
    """Match to the true motifs, a dot a grammar: columns method, motif match."""
    match = table.groupby("method")["motif match"]
    order = match.mean().sort_values(ascending=False).index
    places = {"rules": 0, "ledidi": 1}
    groups = {method.replace("rules", "by rule"): match.get_group(method) for method in order}
    colours = [COLOURS[places.get(method.split()[0], 7)] for method in order]
    ax = strips(groups, colours, each=0.36, room=0.8)
    return label(ax, "best match to the true motifs (bits)")
