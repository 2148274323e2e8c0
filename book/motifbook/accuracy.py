"""How often calls are right, against planted instances or any other intervals."""

import numpy as np
import pandas as pd

from motiflib.calling import overlaps
from motiflib.files import need


def score_calls(calls: pd.DataFrame, truth: pd.DataFrame, rule: str = "half",
                sequences: int | None = None) -> dict:
    """How good calls are against planted instances (columns sequence, start, end; calls also
    score), in `sequences` sequences (by default those named in either table).

    A call is right by rule "half" if it overlaps an instance by half of the shorter one (the
    paper's rule), by "exact" if it also is `in_place`. Recall: share of instances that a right call
    hits. average_precision: up to the recall of the lowest score in `calls`.

    >>> round(score_calls(calls, simulated.truth)["average_precision"], 2)
    0.83
    """
    need(rule in ("half", "exact"), f"unknown rule {rule!r}: use 'half' or 'exact'")
    calls = calls.sort_values("score", ascending=False, kind="stable").reset_index(drop=True)
    good = overlaps(calls, truth)
    good = good if rule == "half" else good[in_place(good)]
    sequences = sequences or len({*calls.sequence, *truth.sequence})
    out = {"calls": len(calls), "planted": len(truth),
           "calls_per_sequence": len(calls) / max(sequences, 1)}
    if not len(calls):
        nothing = ("precision", "recall", "f1", "average_precision", "best_f1")
        return out | dict.fromkeys(nothing, 0.0) | {"best_threshold": 1.0}
    first = good.groupby("planted").call.min()  # the best call that hits an instance
    hits = np.bincount(first.astype(int), minlength=len(calls)).cumsum()
    precision = calls.index.isin(good.call).cumsum() / np.arange(1, len(calls) + 1)
    recall = hits / max(len(truth), 1)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    best = int(f1.argmax())
    return out | {
        "precision": float(precision[-1]), "recall": float(recall[-1]), "f1": float(f1[-1]),
        "average_precision": float((np.diff(recall, prepend=0) * precision).sum()),
        "best_f1": float(f1[best]), "best_threshold": float(calls.score[best]),
    }


def in_place(pairs: pd.DataFrame) -> pd.Series:
    """Which pairs of `overlaps` stand to each other, to the base, as their two motifs and strands
    most often do: a motif found may be narrower than the one planted, and its other strand up.
    Without motif and strand in both tables, starts must be equal."""
    if not {"motif", "motif_true", "strand", "strand_true"} <= set(pairs):
        return pairs.start == pairs.start_true
    forward = pairs.strand_true == "+"
    place = np.where(forward, pairs.start - pairs.start_true, pairs.end_true - pairs.end)
    kind = [pairs.motif, pairs.motif_true, pairs.strand == pairs.strand_true]
    usual = pd.Series(place, pairs.index).groupby(kind).transform(lambda mine: mine.mode().iloc[0])
    return usual == place
