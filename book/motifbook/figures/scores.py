"""How well scores separate positives from negatives, and calls right from wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from sklearn.metrics import auc, roc_curve

from motiflib.run.figures import FAINT, INK, axes_or_new, label, styled


@styled
def roc(scores: Mapping[str, tuple[Sequence[float], Sequence[float]]], ax: Axes | None = None) -> Axes:
    """Receiver operating characteristic of each {name: (label, score)}; "oracle" is drawn as a
    dotted line.

    >>> roc({"network": (y, probability), "oracle": (y, ratio)})
    """
    ax = axes_or_new(ax, 3.8, 4.2)
    ax.plot([0, 1], [0, 1], color=FAINT, lw=1)
    for name, (y, score) in scores.items():
        false, true, _ = roc_curve(y, score)
        look = {"color": INK, "ls": ":"} if name == "oracle" else {}
        ax.plot(false, true, label=f"{name} {auc(false, true):.3f}", **look)
    ax.set(xlim=(-0.01, 1), ylim=(0, 1.01), aspect="equal")
    ax.legend(loc="lower right", title="AUROC", alignment="left")
    return label(ax, "false positive rate", "true positive rate")


@styled
def precision_recall(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], ax: Axes | None = None) -> Axes:
    """Precision against recall of each {name: (precision, recall)}; a single pair is drawn as a
    point.

    >>> precision_recall({"calls": (table.precision, table.recall), "oracle": (best.precision, best.recall)})
    """
    ax = axes_or_new(ax, 3.8, 4.2)
    for name, (precision, recall) in curves.items():
        look = {"color": INK, "ls": ":"} if name == "oracle" else {"marker": "o"} if len(precision) == 1 else {}
        ax.plot(recall, precision, label=name, **look)
    ax.set(xlim=(0, 1.01), ylim=(0, 1.01), aspect="equal")
    ax.legend(loc="lower left")
    return label(ax, "recall", "precision")
