"""What changes when the surroundings change."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from motiflib.run.figures import COLOURS, FAINT, INK, WIDTH, axes_or_new, label, styled

LOOKS = {
    "oracle": {"color": INK, "ls": ":"}, "argminn": {"color": COLOURS[0]},
    "argminn-corrected": {"color": COLOURS[5], "ls": "--"}, "cnn": {"color": COLOURS[1]},
    "explainn": {"color": COLOURS[2]},
}  # fmt: skip
NAMES = {"argminn": "ARGMINN", "argminn-corrected": "ARGMINN, corrected", "cnn": "CNN", "explainn": "ExplaiNN"}


@styled
def sweep(
    table: pd.DataFrame, ax: Axes | None = None, *, x: str = "GC of the background (%)", y: str = "AUROC"
) -> Axes:
    """One measure over the levels of one context, a line a model (column model), its interval
    shaded.

    >>> sweep(table[(table.context == "gc") & (table.measure == "auroc")])
    """
    ax = axes_or_new(ax, 3.2)
    for model, mine in table.assign(level=table.level.astype(float)).groupby("model", sort=False):
        mine, look = mine.sort_values("level"), LOOKS.get(model, {})
        ax.plot(mine.level, mine.value, label=NAMES.get(model, model), **look)
        ax.fill_between(mine.level, mine.low, mine.high, alpha=0.12, color=look.get("color"), lw=0)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return label(ax, x, y)


@styled
def sweep_grid(table: pd.DataFrame, *, band: tuple[float, float] = (20, 80), columns: int = 2) -> Figure:
    """`sweep` for each grammar (column grammar); outside `band` the ground is grey.

    >>> sweep_grid(table[(table.context == "gc") & (table.measure == "auroc")])
    """
    names = list(dict.fromkeys(table.grammar))
    rows = -(-len(names) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(WIDTH, 2.0 * rows + 0.5), sharex=True, squeeze=False)
    for ax, name in zip(grid.flat, names, strict=False):
        sweep(table[table.grammar == name], ax)
        ax.get_legend().remove()
        label(ax, title=name)
        for edge in ((0, band[0]), (band[1], 100)):
            ax.axvspan(*edge, color=FAINT, alpha=0.4, lw=0, zorder=0)
        ax.set_xlim(3, 97)
    for ax in grid.flat[len(names) :]:
        ax.set_visible(False)
    figure.supxlabel("GC of the background (%)", fontsize=11)
    figure.supylabel("AUROC", fontsize=11)
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=5, fontsize=8.5, columnspacing=1.0)
    return figure


@styled
def kept(table: pd.DataFrame, ax: Axes | None = None, *, threshold: float = 0.5) -> Axes:
    """How often each instance is called in new surroundings, against its score in the old: columns
    score, kept.

    >>> kept(kept_calls(model, found, data))
    """
    ax = axes_or_new(ax, 3.0)
    called = table.score >= threshold
    for mask, colour, name in ((called, COLOURS[0], "called before"), (~called, COLOURS[1], "not called before")):
        ax.plot(table.score[mask], table.kept[mask], "o", ms=5, alpha=0.7, color=colour, label=name)
    ax.axvline(threshold, color=INK, lw=0.8, ls=":")
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return label(ax, "score in the sequence as it was", "called in new surroundings")


@styled
def contexts(table: pd.DataFrame, measure: str = "auroc") -> Figure:
    """The loss of a measure in each context and level, against the sequences before, a dot a
    grammar, a row a model.

    >>> contexts(stored[stored.part == "other"])
    """
    table = table[table.measure == measure]
    before = table[table.context == "as trained"].set_index(["grammar", "model"]).value
    table = table[table.context != "as trained"].copy()
    table["loss"] = table.value - before.reindex(list(zip(table.grammar, table.model, strict=True))).to_numpy()
    names, models = list(dict.fromkeys(table.context)), [m for m in LOOKS if m in set(table.model)]
    figure, axes = plt.subplots(1, len(models), figsize=(WIDTH, 0.8 + 0.42 * len(names)), sharey=True, sharex=True,
                                squeeze=False)  # fmt: skip
    for ax, model in zip(axes[0], models, strict=True):
        for i, name in enumerate(names):
            mine = table[(table.context == name) & (table.model == model)].loss
            spread = np.random.default_rng(0).uniform(-0.25, 0.25, len(mine))
            ax.plot(mine, i + spread, ".", ms=4, alpha=0.5, **{"color": LOOKS[model]["color"]})
        ax.axvline(0, color=INK, lw=0.8, ls=":")
        label(ax, title=NAMES.get(model, model).replace(", ", ",\n"))
    axes[0, 0].set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5))
    figure.supxlabel(f"change of {measure.upper()} against the sequences before", fontsize=11)
    return figure
