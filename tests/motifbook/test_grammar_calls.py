"""Calls by hand, and the oracle's calls against their own probabilities."""

from __future__ import annotations

import pandas as pd
import torch
from motifbook.grammar import Oracle, best_calls, load_grammar, precision_recall, simulate
from motifbook.grammar.calls import _half_overlap, _right


def overlap(a: int, wa: int, b: int, wb: int) -> int:
    return min(a + wa, b + wb) - max(a, b)


def test_mass_within_half_an_overlap_equals_the_plain_sum():
    widths, mass = [5, 8, 2], torch.rand(2, 3, 30, dtype=torch.float64)
    ours = _right(mass, *_half_overlap(widths))
    plain = torch.zeros_like(mass)
    for a, wa in enumerate(widths):
        for b, wb in enumerate(widths):
            for t in range(30):
                for s in range(30):
                    if 2 * overlap(t, wa, s, wb) >= min(wa, wb):
                        plain[:, a, t] += mass[:, b, s]
    assert torch.allclose(ours, plain)


def test_precision_and_recall_by_hand():
    calls = pd.DataFrame(
        {"row": [0, 0, 1], "start": [10, 50, 10], "end": [16, 56, 16], "posterior": [0.9, 0.4, 0.6]}
    )
    # overlaps: 3 of 6, 2 of 6, none
    truth = pd.DataFrame({"row": [0, 1, 1], "start": [13, 14, 80], "end": [19, 20, 86]})
    table = precision_recall(calls, truth, thresholds=[0.0, 0.5, 0.95])
    assert table.calls.tolist() == [3, 2, 0]
    assert table.precision.tolist()[:2] == [1 / 3, 1 / 2] and table.recall.tolist() == [
        1 / 3,
        1 / 3,
        0,
    ]


def test_calls_are_right_as_often_as_they_say():
    """Expected and true numbers of right calls within 4 standard errors, on 600 positives of every
    kind of call."""
    grammar = load_grammar("tal-gata")
    data = simulate(grammar, 1200, seed=8)
    truth = data.truth[data.truth.row % 2 == 0].assign(row=lambda t: t.row // 2)
    calls = best_calls(Oracle(grammar), data.x[0::2])
    pairs = calls.rename_axis("call").reset_index().merge(truth, on="row")
    shared = pairs[["end_x", "end_y"]].min(axis=1) - pairs[["start_x", "start_y"]].max(axis=1)
    shorter = (pairs.end_x - pairs.start_x).clip(upper=pairs.end_y - pairs.start_y)
    right = calls.index.isin(pairs[2 * shared >= shorter].call)
    for low, high in ((0.05, 0.5), (0.5, 0.95), (0.95, 1.01)):
        here = calls.posterior.between(low, high, inclusive="left").to_numpy()
        p = calls.posterior[here]
        assert abs(right[here].sum() - p.sum()) < 4 * (p * (1 - p)).sum() ** 0.5 + 2
    assert (
        calls.posterior.between(0.05, 1).all()
        and (calls.start >= 0).all()
        and (calls.end <= 500).all()
    )


def test_strong_instances_are_called_with_their_strand():
    data = simulate(load_grammar("jund-tead"), 400, seed=2)
    calls = best_calls(Oracle(load_grammar("jund-tead")), data.x[0::2], threshold=0.9)
    truth = data.truth.assign(row=data.truth.row // 2)
    exact = calls.merge(truth, on=["row", "start", "end", "motif", "strand"])
    assert len(exact) > 0.97 * len(truth)
