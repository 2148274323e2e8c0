"""The best calls that anyone could make, from the oracle's exact posteriors, and how often they are
right.

A call is right when it overlaps a planted instance by at least half of the shorter of the two.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from motifbook.grammar.oracle import CHUNK, Oracle
from motifbook.grammar.schema import Grammar
from motifbook.grammar.simulate import simulate

CALL_COLUMNS = ["row", "start", "end", "motif", "strand", "posterior"]


def _half_overlap(widths: list[int]) -> tuple[Tensor, Tensor]:
    """Distances [low, high] (M, M) from motif a's start to b's at which b overlaps a by half of the
    shorter."""
    w = torch.tensor(widths)
    need = (torch.minimum(w[:, None], w[None, :]) + 1) // 2
    return need - w[None, :], w[:, None] - need


def _right(mass: Float[Tensor, "b M L"], low: Tensor, high: Tensor) -> Float[Tensor, "b M L"]:
    """P(a call of motif m at t is right): the mass of all placements that it overlaps by half."""
    length, reach = mass.shape[2], int(max(high.max(), -low.min())) + 1
    # the placements are neighbours, so their mass is a difference of running sums
    total = torch.nn.functional.pad(mass, (reach, reach)).cumsum(2)
    at = torch.arange(length) + reach
    return torch.stack([
        sum(total[:, b, at + high[a, b]] - total[:, b, at + low[a, b] - 1] for b in range(mass.shape[1]))
        for a in range(mass.shape[1])
    ], 1)


def best_calls(
    oracle: Oracle, x: Float[Tensor, "B 4 L"], threshold: float = 0.05, given: int | None = 1
) -> pd.DataFrame:
    """Instances called from exact posteriors, one row each: row (of x), start, end, motif, strand,
    posterior.

    `posterior` is the exact probability that the call is right. In each sequence the most probable
    call is taken, the instances that it would explain are set aside, and so on down to `threshold`.
    `given` is as in `Oracle.posteriors`.
    """
    parts = [_chunk_calls(oracle, part, threshold, given) for part in x.split(CHUNK)]
    for i, part in enumerate(parts):
        part["row"] += i * CHUNK
    return pd.concat(parts, ignore_index=True).sort_values(["row", "start"], ignore_index=True)[CALL_COLUMNS]


def _chunk_calls(oracle: Oracle, x: Tensor, threshold: float, given: int | None) -> pd.DataFrame:
    posterior = oracle.posteriors(x, given)  # (B, M, 2, L)
    strand, mass = posterior.argmax(2), posterior.sum(2)  # (B, M, L)
    low, high = _half_overlap(oracle.widths)
    taken, active = [], torch.arange(len(x))
    while len(active):
        # ties along a plateau (many starts overlap one instance) go to the likeliest instance
        # itself
        right = _right(mass[active], low, high)
        best = (right + 1e-6 * mass[active]).flatten(1).argmax(1)
        p = right.flatten(1).gather(1, best[:, None])[:, 0]
        keep = p >= threshold
        active, motif, start = active[keep], best[keep] // oracle.length, best[keep] % oracle.length
        taken.append((active, motif, start, p[keep].clamp(max=1)))
        at = torch.arange(oracle.length) - start[:, None, None]  # (b, 1, L) distance from the call
        mass[active] *= (at < low[motif][:, :, None]) | (at > high[motif][:, :, None])
    row, motif, start, p = (torch.cat(v).numpy() for v in zip(*taken, strict=True))
    minus = strand[row, motif, start].numpy() == 1
    return pd.DataFrame({"row": row, "start": start, "end": start + np.array(oracle.widths)[motif],
                         "motif": np.array(oracle.names, dtype=object)[motif],
                         "strand": np.where(minus, "-", "+").astype(object), "posterior": p})


def precision_recall(calls: pd.DataFrame, truth: pd.DataFrame, thresholds=None) -> pd.DataFrame:
    """Precision and recall of `calls` with posterior at least each threshold: threshold, calls,
    precision, recall.

    Precision is the fraction of calls that are right; recall is the fraction of planted instances
    that a call hits.
    """
    thresholds = np.linspace(0.05, 0.95, 19).round(2) if thresholds is None else np.asarray(thresholds)
    pairs = calls.rename_axis("call").reset_index().merge(truth.rename_axis("planted").reset_index(), on="row")
    overlap = np.minimum(pairs.end_x, pairs.end_y) - np.maximum(pairs.start_x, pairs.start_y)
    shorter = np.minimum(pairs.end_x - pairs.start_x, pairs.end_y - pairs.start_y)
    pairs = pairs[2 * overlap >= shorter]
    right = calls.index.isin(pairs.call)
    out = []
    for t in thresholds:
        kept = (calls.posterior >= t).to_numpy()
        found = pairs[pairs.posterior >= t].planted.nunique()
        out.append((t, int(kept.sum()), right[kept].mean() if kept.any() else np.nan, found / max(len(truth), 1)))
    return pd.DataFrame(out, columns=["threshold", "calls", "precision", "recall"])


class Reachable(NamedTuple):
    """The best that can be done: `auroc` and `accuracy` on both classes, `calls`
    (`precision_recall`) on positives."""

    auroc: float
    accuracy: float
    calls: pd.DataFrame


def reachable(
    grammar: Grammar, n: int = 4000, length: int = 500, gc: float = 0.5, seed: int = 0, background=None
) -> Reachable:
    """Measure the limit of a grammar on `n` simulated sequences.

    >>> from motifbook.grammar import load_grammar
    >>> reachable(load_grammar("jund-tead"), n=200).auroc > 0.99
    True
    """
    from sklearn.metrics import (
        roc_auc_score,  # takes seconds to import, and only this function needs it
    )

    oracle = Oracle(grammar, length, gc, background)
    data = simulate(grammar, n, length, gc, seed, background=background)
    ratio = oracle.log_likelihood_ratio(data.x)
    positive = data.y == 1
    row = np.flatnonzero(positive)
    truth = data.truth[positive.numpy()[data.truth.row]].assign(row=lambda t: np.searchsorted(row, t.row))
    calls = precision_recall(best_calls(oracle, data.x[positive]), truth)
    return Reachable(float(roc_auc_score(data.y, ratio)), float(((ratio > 0) == positive).double().mean()), calls)
