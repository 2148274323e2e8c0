"""What changes when the surroundings change."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from motifbook.figures.parts import BESIDE, LIMIT, label, name_rows, panels
from motiflib.run.figures import COLOURS, FAINT, axes_or_new, styled

LOOKS = {"oracle": {"label": "oracle", **LIMIT},
         "argminn": {"label": "ARGMINN", "color": COLOURS[0]},
         "argminn-corrected": {"label": "ARGMINN, corrected", "color": COLOURS[5], "ls": "--"},
         "cnn": {"label": "CNN", "color": COLOURS[1]},
         "explainn": {"label": "ExplaiNN", "color": COLOURS[2]}}


@styled
def sweep(table: pd.DataFrame, ax: plt.Axes | None = None) -> plt.Axes:
    """AUROC over GC, a line a model: columns model, level, value, and low, high for its shade."""
    ax = axes_or_new(ax)
    table = table.assign(level=table.level.astype(float)).sort_values("level", kind="stable")
    for model, mine in table.groupby("model", sort=False):
        ax.plot(mine.level, mine.value, **LOOKS[model])
        colour = LOOKS[model]["color"]
        ax.fill_between(mine.level, mine.low, mine.high, alpha=0.12, color=colour, lw=0)
    ax.legend(**BESIDE)
    return label(ax, "GC of the background (%)", "AUROC")


@styled
def sweep_grid(table: pd.DataFrame) -> plt.Figure:
    """`sweep` for each grammar (column grammar); beyond 20% to 80% the ground is grey."""
    grammars = table.groupby("grammar", sort=False)
    cells = panels(len(grammars), 2, 2.0, room=0.5, sharex=True)
    for cell, (name, mine) in zip(cells, grammars, strict=True):
        sweep(mine, cell).get_legend().remove()
        label(cell, title=name, xlim=(3, 97))
        for edge in ((0, 20), (80, 100)):
            cell.axvspan(*edge, color=FAINT, alpha=0.4, lw=0, zorder=0)
    figure, lines = cells[0].figure, cells[0].get_legend_handles_labels()
    figure.supxlabel("GC of the background (%)", fontsize=11)
    figure.supylabel("AUROC", fontsize=11)
    figure.legend(*lines, loc="outside upper center", ncols=5, fontsize=8.5, columnspacing=1.0)
    return figure


@styled
def kept(table: pd.DataFrame, *, threshold: float = 0.5) -> plt.Axes:
    """How often each instance is called in new surroundings, against its score in the old."""
    ax, called = axes_or_new(None, 3.0), table.score >= threshold
    for mask, name in ((called, "called before"), (~called, "not called before")):
        ax.plot(table.score[mask], table.kept[mask], "o", alpha=0.7, label=name)
    ax.axvline(threshold, lw=0.8, **LIMIT)
    ax.legend(**BESIDE)
    x, y, ends = "score in the sequence as it was", "called in new surroundings", (-0.03, 1.03)
    return label(ax, x, y, xlim=ends, ylim=ends)


@styled
def contexts(table: pd.DataFrame) -> plt.Figure:
    """AUROC lost in each context: columns grammar (a dot), model, context, measure, value."""
    table = table[table.measure == "auroc"]
    new = table.context != "as trained"
    before = table[~new].set_index(["grammar", "model"]).value.rename("before")
    table = table[new].join(before, on=["grammar", "model"])
    names, models = list(table.context.unique()), [m for m in LOOKS if m in set(table.model)]
    cells = panels(len(models), len(models), 0.8 + 0.42 * len(names), sharey=True, sharex=True)
    for cell, model in zip(cells, models, strict=True):
        mine = table[table.model == model]
        spread = np.random.default_rng(0).uniform(-0.25, 0.25, len(mine))
        rows = spread - mine.context.map(names.index)
        cell.plot(mine.value - mine.before, rows, ".", ms=4, alpha=0.5, **LOOKS[model])
        cell.axvline(0, lw=0.8, **LIMIT)
        name_rows(cell, names)
        label(cell, title=LOOKS[model]["label"])
    cells[0].figure.supxlabel("change of AUROC against the sequences before", fontsize=11)
    return cells[0].figure
