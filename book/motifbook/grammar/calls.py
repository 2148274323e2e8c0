"""The best calls that anyone could make, from the oracle's exact posteriors, and how often they are
right: a call is right when it shares half of the shorter one's bases with a planted instance."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from motifbook.grammar.oracle import CHUNK, Oracle
from motifbook.grammar.schema import Grammar
from motifbook.grammar.simulate import simulate
from motiflib.hits import shares_half

THRESHOLDS = tuple(np.linspace(0.05, 0.95, 19).round(2))


def _half_overlap(widths: list[int]) -> tuple[Tensor, Tensor]:
    """Distances [low, high] (M, M) from motif a's start to b's at which both share half."""
    distance = torch.arange(-max(widths), max(widths) + 1)
    a, b = torch.tensor(widths)[:, None, None], torch.tensor(widths)[:, None]
    half = shares_half(0, a, distance, distance + b)  # (M, M, D)
    low = distance[half.int().argmax(2)]
    return low, low + half.sum(2) - 1


def _right(mass: Float[Tensor, "b M L"], low: Tensor, high: Tensor) -> Float[Tensor, "b M L"]:
    """P(a call of motif m at t is right): the mass of all placements that it overlaps by half."""
    length, reach = mass.shape[2], int(max(high.max(), -low.min())) + 1
    # the placements are neighbours, so their mass is a difference of running sums
    total = torch.nn.functional.pad(mass, (reach, reach)).cumsum(2)
    at = torch.arange(length) + reach
    out = torch.zeros_like(mass)
    for a in range(mass.shape[1]):
        for b in range(mass.shape[1]):
            out[:, a] += total[:, b, at + high[a, b]] - total[:, b, at + low[a, b] - 1]
    return out


def best_calls(oracle: Oracle, x: Float[Tensor, "B 4 L"], threshold: float = 0.05) -> pd.DataFrame:
    """Instances called in positives: row (of x), start, end, motif, strand, posterior, which is the
    exact probability that the call is right. In each sequence the most probable call is taken,
    the instances that it would explain are set aside, and so on down to `threshold`.

    >>> from motifbook.grammar import load_grammar
    >>> best_calls(Oracle(load_grammar("rest")), simulated.x[:1]).start.tolist()
    [258, 276]
    """
    chunks = enumerate(x.split(CHUNK))
    parts = [_chunk_calls(oracle, part, threshold, CHUNK * i) for i, part in chunks]
    return pd.concat(parts).sort_values(["row", "start"], ignore_index=True)


def _chunk_calls(oracle: Oracle, x: Tensor, threshold: float, first: int) -> pd.DataFrame:
    posterior = oracle.posteriors(x)  # (B, M, 2, L)
    strand, mass = posterior.argmax(2), posterior.sum(2)  # (B, M, L)
    low, high = _half_overlap(oracle.widths)
    taken, active = [], torch.arange(len(x))
    while len(active):
        right = _right(mass[active], low, high)
        # ties along a plateau (many starts overlap one instance) go to the likeliest instance
        best = (right + 1e-6 * mass[active]).flatten(1).argmax(1)
        p = right.flatten(1).gather(1, best[:, None])[:, 0]
        keep = p >= threshold
        active, motif, start = active[keep], best[keep] // oracle.length, best[keep] % oracle.length
        taken.append((active, motif, start, p[keep].clamp(max=1)))
        at = torch.arange(oracle.length) - start[:, None, None]  # (b, 1, L) distance from the call
        mass[active] *= (at < low[motif][:, :, None]) | (at > high[motif][:, :, None])
    row, motif, start, p = (torch.cat(values).numpy() for values in zip(*taken, strict=True))
    minus = strand[row, motif, start].numpy() == 1
    return pd.DataFrame({
        "row": row + first, "start": start, "end": start + np.array(oracle.widths)[motif],
        "motif": np.array(oracle.names, dtype=object)[motif],
        "strand": np.where(minus, "-", "+").astype(object), "posterior": p,
    })


def precision_recall(calls: pd.DataFrame, truth: pd.DataFrame,
                     thresholds: Sequence[float] = THRESHOLDS) -> pd.DataFrame:
    """Of the `calls` with posterior at least each threshold: threshold, calls (how many), precision
    (share of calls that are right), recall (share of planted instances that a call hits)."""
    calls, truth = calls.rename_axis("call"), truth.rename_axis("planted")
    pairs = calls.reset_index().merge(truth.reset_index(), on="row")
    pairs = pairs[shares_half(pairs.start_x, pairs.end_x, pairs.start_y, pairs.end_y)]
    right = calls.index.isin(pairs.call)
    out = []
    for t in thresholds:
        kept = (calls.posterior >= t).to_numpy()
        precision = right[kept].mean() if kept.any() else np.nan
        recall = pairs[pairs.posterior >= t].planted.nunique() / max(len(truth), 1)
        out.append((t, int(kept.sum()), precision, recall))
    return pd.DataFrame(out, columns=["threshold", "calls", "precision", "recall"])


class Reachable(NamedTuple):
    """`auroc` and `accuracy` on both classes, `calls` (`precision_recall`) on positives."""

    auroc: float
    accuracy: float
    calls: pd.DataFrame


def reachable(grammar: Grammar, n: int = 4000, seed: int = 0) -> Reachable:
    """The best that can be done with a grammar, measured on `n` simulated sequences.

    >>> from motifbook.grammar import load_grammar
    >>> reachable(load_grammar("jund-tead"), n=200).auroc > 0.99
    True
    """
    from sklearn.metrics import roc_auc_score  # takes seconds to import

    oracle, data = Oracle(grammar), simulate(grammar, n, seed=seed)
    ratio = oracle.log_likelihood_ratio(data.x)
    accuracy = ((ratio > 0) == (data.y == 1)).double().mean()
    truth = data.truth[data.truth.row % 2 == 0]  # of the positives
    calls = precision_recall(best_calls(oracle, data.x[::2]), truth.assign(row=truth.row // 2))
    return Reachable(float(roc_auc_score(data.y, ratio)), float(accuracy), calls)
