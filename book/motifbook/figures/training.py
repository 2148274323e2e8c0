"""What happened while a network trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from motiflib.run.figures import COLOURS, INK, SOFT, WIDTH, axes_or_new, colour_of, label, styled


def limit_line(ax: Axes, value: float, text: str = "oracle") -> None:
    """The best that anyone could do, as a dotted line with its name."""
    ax.axhline(value, color=INK, ls=":", lw=1.5)
    ax.annotate(
        f"{text} {value:.3f}", (1, value), xycoords=("axes fraction", "data"), xytext=(-2, 3),
        textcoords="offset points", ha="right", va="bottom", fontsize=10, color=INK,
    )  # fmt: skip


@styled
def history(table: pd.DataFrame, *, oracle: float | None = None) -> Figure:
    """The history of `training.fit`: the three parts of the loss, and AUROC on the validation
    examples.

    >>> history(fit(...).history, oracle=0.990)
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 2.9))
    for name, colour in zip(("prediction", "overlap", "l1"), COLOURS, strict=False):
        shown = table[table[name] > 0]
        left.plot(shown.epoch, shown[name], "o-", color=colour, label={"l1": "L1"}.get(name, name))
    left.set_yscale("log")
    left.set_ylim(top=12)
    tight = {"handlelength": 0.8, "columnspacing": 0.7, "handletextpad": 0.3, "borderpad": 0, "fontsize": 9}
    left.legend(loc="upper left", ncols=3, **tight)
    for ax in (left, right):
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    label(left, "epoch", "part of the loss", "Loss")
    right.plot(table.epoch, table.valid_auroc, "o-", color=COLOURS[0])
    if oracle is not None:
        limit_line(right, oracle)
        right.set_ylim(min(table.valid_auroc.min(), oracle) - 0.02, max(oracle, table.valid_auroc.max()) + 0.04)
    label(right, "epoch", "AUROC", "Validation")
    return figure


@styled
def auroc_over_time(
    runs: Mapping[str, pd.DataFrame], ax: Axes | None = None, *, oracle: float | None = None, title: str = ""
) -> Axes:
    """Validation AUROC of several trainings; runs whose names agree up to the last word share a
    colour.

    >>> auroc_over_time({"seeded 0": first, "seeded 1": second}, oracle=0.990)
    """
    ax, kinds = axes_or_new(ax), [name.rsplit(" ", 1)[0] for name in runs]
    colours, marks = colour_of(dict.fromkeys(kinds)), "os^Dv"
    for i, (name, table) in enumerate(runs.items()):
        mark = marks[kinds[:i].count(kinds[i]) % len(marks)]
        ax.plot(table.epoch, table.valid_auroc, f"{mark}-", color=colours[kinds[i]], label=name, alpha=0.9)
    if oracle is not None:
        limit_line(ax, oracle)
        ax.set_ylim(top=oracle + 0.05)
    ax.legend(loc="best")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return label(ax, "epoch", "validation AUROC", title)


@styled
def to_the_oracle(table: pd.DataFrame, ax: Axes | None = None, *, bar: float | None = None) -> Axes:
    """How far below the oracle each training ends: columns grammar, gap; a dot a seed, a tick at
    the mean.

    >>> to_the_oracle(pd.DataFrame({"grammar": ["rest"] * 3, "gap": [0.003, 0.004, 0.005]}), bar=0.01)
    """
    names = list(dict.fromkeys(table.grammar))[::-1]
    ax = axes_or_new(ax, 0.6 + 0.32 * len(names))
    ax.scatter(table.gap, table.grammar.map(names.index), color=COLOURS[0], alpha=0.7, s=30, label="a seed", zorder=3)
    ax.scatter(
        table.groupby("grammar").gap.mean()[names], range(len(names)), color=INK, marker="|", s=220, label="mean"
    )
    if bar is not None:
        ax.axvline(bar, color=SOFT, ls=":", lw=1.5)
    ax.set_yticks(range(len(names)), names)
    ax.set_xlim(left=0)
    ax.legend(loc="lower right")
    return label(ax, "oracle's AUROC - network's AUROC", "")


@styled
def schedule(progress: Sequence[float], share: Sequence[float], rate: Sequence[float], ax: Axes | None = None) -> Axes:
    """How much of the penalties is in force, and the learning rate as a share of its peak, over
    training.

    >>> schedule([0, 0.5, 1], [0, 0.03, 1], [0.1, 0.7, 0])
    """
    ax, progress = axes_or_new(ax, 2.6), np.asarray(progress)
    ax.plot(100 * progress, share, color=COLOURS[1], label="penalties in force")
    ax.plot(100 * progress, rate, color=COLOURS[0], ls="--", label="learning rate / its peak")
    ax.set(xlim=(0, 100), ylim=(-0.03, 1.06))
    ax.legend(loc="lower left", bbox_to_anchor=(0.08, 0.12))
    return label(ax, "training done (%)", "share", "")


@styled
def seeds(table: pd.DataFrame, ax: Axes | None = None, *, least: float | None = None) -> Axes:
    """The k-mers of `seeding.enriched_kmers` as bars of z; negative ones speak against the positive
    class.

    >>> seeds(enriched_kmers(examples))
    """
    ax = axes_or_new(ax, 0.9 + 0.3 * len(table))
    rows, colour = np.arange(len(table))[::-1], {"negatives": COLOURS[0], "shuffled": COLOURS[4]}
    ax.barh(rows, table.z, color=[colour.get(kind, SOFT) for kind in table.against], height=0.7)
    for row, z in zip(rows, table.z, strict=False):
        ax.annotate(
            f"{z:.0f}", (z, row), xytext=(3 if z >= 0 else -3, 0), textcoords="offset points", fontsize=10,
            ha="left" if z >= 0 else "right", va="center",
        )  # fmt: skip
    ax.set_yticks(rows, table.kmer, family="monospace")
    ax.margins(x=0.12)
    ax.axvline(0, color=SOFT, lw=0.8)
    if least is not None:
        ax.axvline(least, color=INK, ls=":", lw=1.5)
    kinds = [kind for kind in colour if kind in set(table.against)]
    if len(kinds) > 1:
        patches = [Patch(color=colour[kind], label=f"against {kind}") for kind in kinds]
        ax.legend(handles=patches, loc="lower right", bbox_to_anchor=(1, 0.98), ncols=2)
    return label(ax, "z-score of the count")
