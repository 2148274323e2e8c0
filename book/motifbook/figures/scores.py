"""How good trainings, scores and calls are."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike
from sklearn.metrics import auc, roc_curve

from motifbook.figures.parts import LIMIT, MARKS, curves, dumbbells, label, new_rows, panels, strips
from motiflib.run.figures import COLOURS, FAINT, SOFT, axes_or_new, colour_of, styled


def limit_line(ax: plt.Axes, value: float) -> None:
    """The best that anyone could do, as a dotted line with its name."""
    ax.axhline(value, lw=1.5, **LIMIT)
    ax.annotate(f"oracle {value:.3f}", (1, value), (-2, 3), xycoords=("axes fraction", "data"),
                textcoords="offset points", ha="right", fontsize=10)


@styled
def history(table: pd.DataFrame, *, oracle: float | None = None) -> plt.Figure:
    """The history of `training.fit`: the parts of the loss, and AUROC on validation examples."""
    left, right = panels(2, 2, 2.9)
    for column, name in (("prediction", "prediction"), ("overlap", "overlap"), ("l1", "L1")):
        shown = table[table[column] > 0]
        left.plot(shown.epoch, shown[column], "o-", label=name)
    left.set_yscale("log")
    left.legend(fontsize=9)
    label(left, "epoch", "part of the loss", "Loss")
    right.plot(table.epoch, table.valid_auroc, "o-")
    if oracle is not None:
        limit_line(right, oracle)
        both = [*table.valid_auroc, oracle]
        right.set_ylim(min(both) - 0.02, max(both) + 0.04)
    label(right, "epoch", "AUROC", "Validation")
    for ax in (left, right):
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    return left.figure


@styled
def auroc_over_time(runs: dict[str, pd.DataFrame], *, oracle: float) -> plt.Axes:
    """Validation AUROC of trainings named "kind seed"; those of one kind share a colour."""
    ax, kinds = axes_or_new(None), [name.rsplit(" ", 1)[0] for name in runs]
    colours = colour_of(dict.fromkeys(kinds))
    for i, (name, table) in enumerate(runs.items()):
        mark = MARKS[kinds[:i].count(kinds[i]) % len(MARKS)]
        ax.plot(table.epoch, table.valid_auroc, mark + "-", color=colours[kinds[i]], label=name)
    limit_line(ax, oracle)
    ax.legend()
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return label(ax, "epoch", "validation AUROC", ylim=(None, oracle + 0.05))


@styled
def to_the_oracle(table: pd.DataFrame, *, bar: float) -> plt.Axes:
    """How far below the oracle each training (a dot) ends, and `bar`: columns grammar, gap."""
    groups = dict(list(table.groupby("grammar", sort=False).gap))
    ax = strips(groups, [COLOURS[0]] * len(groups), each=0.32, room=0.6)
    ax.axvline(bar, color=SOFT, ls=":", lw=1.5)
    ax.legend(ax.lines[:2], ["a seed", "mean"], loc="lower right")
    return label(ax, "oracle's AUROC - network's AUROC", xlim=(0, None))


@styled
def schedule(progress: ArrayLike, share: ArrayLike, rate: ArrayLike) -> plt.Axes:
    """How much of the penalties is in force, and the learning rate as a share of its peak."""
    percent = 100 * np.asarray(progress)
    lines = {"learning rate\n/ its peak": (percent, rate), "penalties\nin force": (percent, share)}
    ends = {"xlim": (0, 100), "ylim": (-0.03, 1.06)}
    return curves(lines, "training done (%)", "share", marks=False, **ends)


@styled
def seeds(table: pd.DataFrame, *, least: float | None = None) -> plt.Axes:
    """The k-mers of `seeding.enriched_kmers` as bars of z; negative ones speak against binding."""
    ax, rows = new_rows(table.kmer, 0.3), -np.arange(len(table))
    ax.tick_params(axis="y", labelfontfamily="monospace")
    colours = {"middle": SOFT, "negatives": COLOURS[0], "shuffled": COLOURS[4]}
    for kind, mine in table.assign(row=rows).groupby("against"):
        bars = ax.barh(mine.row, mine.z, 0.7, color=colours[kind], label=f"against {kind}")
        ax.bar_label(bars, fmt="%.0f", padding=3, fontsize=10)
    ax.margins(x=0.12)
    ax.axvline(0, color=SOFT, lw=0.8)
    if least is not None:
        ax.axvline(least, lw=1.5, **LIMIT)
    if table.against.nunique() > 1:
        ax.legend(loc="lower right")
    return label(ax, "z-score of the count")


@styled
def roc(scores: dict[str, tuple[ArrayLike, ArrayLike]]) -> plt.Axes:
    """Receiver operating characteristic of each {name: (label, score)}; "oracle" is dotted.

    >>> ax = roc({"network": ([0, 1, 0, 1], [0.1, 0.9, 0.4, 0.3])})
    """
    ax = axes_or_new(None, 3.8, 4.2)
    ax.plot([0, 1], [0, 1], color=FAINT, lw=1)
    for name, (y, score) in scores.items():
        false, true, _ = roc_curve(y, score)
        look = LIMIT if name == "oracle" else {}
        ax.plot(false, true, label=f"{name} {auc(false, true):.3f}", **look)
    ax.legend(loc="lower right", title="AUROC", alignment="left")
    ends = {"xlim": (-0.01, 1), "ylim": (0, 1.01)}
    return label(ax, "false positive rate", "true positive rate", aspect="equal", **ends)


@styled
def precision_recall(pairs: dict[str, tuple[ArrayLike, ArrayLike]]) -> plt.Axes:
    """Precision against recall of each {name: (precision, recall)}; a single pair is a point."""
    ax = axes_or_new(None, 3.8, 4.2)
    for name, (precision, recall) in pairs.items():
        look = LIMIT if name == "oracle" else {}
        ax.plot(recall, precision, marker="o" if len(precision) == 1 else "", label=name, **look)
    ax.legend(loc="lower left")
    return label(ax, "recall", "precision", xlim=(0, 1.01), ylim=(0, 1.01), aspect="equal")


@styled
def false_discovery(score: ArrayLike, rates: dict[str, ArrayLike]) -> plt.Axes:
    """False discovery rate of the calls from a score upwards; the last of `rates` is the truth."""
    lines = {name: (score, rate) for name, rate in rates.items()}
    ends = {"xlim": (0, 1), "ylim": (0, 1.02)}
    ax = curves(lines, "score, at least", "false discovery rate", marks=False, **ends)
    ax.lines[-1].set(**LIMIT)
    ax.legend()
    return ax


@styled
def stated_and_measured(lines: pd.DataFrame, *, by: str = "grammar") -> plt.Axes:
    """Measured false discovery rate against the stated one: columns stated, measured, seed and
    `by`, which colours. Rates below 1% are left out, they rest on few calls."""
    ax, x = axes_or_new(None, 4.2, 5.2), np.array([0.01, 1])
    ax.fill_between(x, x / 1.5, x * 1.5, color=FAINT, alpha=0.6, label="within a factor 1.5")
    ax.plot(x, x, color=SOFT, lw=1)
    shown = lines[(lines.stated >= 0.01) & (lines.measured > 0)]
    sns.lineplot(shown, x="stated", y="measured", hue=by, palette=colour_of(lines[by].unique()),
                 units="seed", estimator=None, sort=False, lw=1.4, ax=ax)
    ax.legend(fontsize=9)
    return label(ax, "stated false discovery rate", "measured on the truth", xscale="log",
                 yscale="log", xlim=(0.01, 1), ylim=(0.01 / 1.5, 1))


@styled
def dots(table: pd.DataFrame, x: str) -> plt.Axes:
    """One row for each row of a table, one mark for each column: methods side by side."""
    looks = {name: (MARKS[i], COLOURS[i]) for i, name in enumerate(table)}
    return label(dumbbells(table, looks), x)
