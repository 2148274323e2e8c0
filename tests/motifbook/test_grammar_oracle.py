"""The oracle against enumeration, and against what a limit must satisfy."""

from __future__ import annotations

from itertools import product

import grammar_reference as plain
import numpy as np
import pytest
import torch
from motifbook.grammar import (
    Oracle,
    grammar_names,
    load_grammar,
    parse_grammar,
    reachable,
    simulate,
    simulate_batch,
)
from motifbook.grammar.background import gc_frequencies

from motiflib.files import InputError
from motiflib.sequence import decode, one_hot

MOTIFS = "motifs: {A: {consensus: ACW}, B: {consensus: GR}, C: {consensus: T}}\n"
SMALL = {
    "one": "positives: [{plant: [A]}]\nnegatives: [{plant: []}]",
    "mixture": """
within: 3
positives:
  - {weight: 0.25, plant: [A]}
  - {weight: 0.75, plant: [A, B], order: either, spacing: [1, 3]}
negatives: [{weight: 0.5, plant: [B], strand: either}, {weight: 0.5, plant: []}]""",
    "strands": """
positives: [{plant: [A, B], strand: same, spacing: {values: [1, 4]}}]
negatives: [{plant: [A, B], strand: ['-', either], spacing: 2}]""",
    "three": """
within: 1
positives:
  - {weight: 0.3, plant: [A, B, C], spacing: [[1, 2], [3, 3]]}
  - {weight: 0.7, plant: [C, C], spacing: 1}
negatives: [{plant: [A, B, C], order: any, spacing: [1, 2]}]""",
}


def random_sequences(n: int, length: int, seed: int = 0) -> list[str]:
    codes = np.random.default_rng(seed).integers(0, 4, (n, length))
    return ["".join("ACGT"[c] for c in row) for row in codes]


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("gc", [0.5, 0.3])
def test_ratio_equals_enumeration(name, gc):
    grammar = parse_grammar(MOTIFS + SMALL[name])
    length = 14
    sequences = random_sequences(12, length) + decode(simulate(grammar, 12, length=length).x)
    ours = Oracle(grammar, length, gc).log_likelihood_ratio(one_hot(sequences))
    theirs = [plain.log_likelihood_ratio(s, grammar, gc_frequencies(gc)) for s in sequences]
    assert np.abs(ours.numpy() - theirs).max() < 1e-9


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("label", [0, 1])
def test_posteriors_equal_enumeration(name, label):
    grammar = parse_grammar(MOTIFS + SMALL[name])
    length, gc = 14, 0.4
    sequences = random_sequences(6, length, seed=2)
    oracle = Oracle(grammar, length, gc)
    ours = oracle.posteriors(one_hot(sequences), given=label).numpy()
    theirs = [
        plain.posterior(s, grammar, label, gc_frequencies(gc), oracle.names) for s in sequences
    ]
    assert np.abs(ours - np.stack(theirs)).max() < 1e-9


def test_likelihoods_of_all_sequences_sum_to_one():
    grammar = parse_grammar(MOTIFS + SMALL["mixture"].replace("[1, 3]", "[1, 2]"))
    sequences = ["".join(s) for s in product("ACGT", repeat=7)]
    oracle, base = Oracle(grammar, 7, 0.3), gc_frequencies(0.3)
    null = np.array([plain.probability(s, [], grammar, base) for s in sequences])
    maps = oracle._maps(one_hot(sequences).double())
    for label in (0, 1):
        likelihood = oracle._likelihood(*maps, label).exp().numpy()
        assert abs((likelihood * null).sum() - 1) < 1e-9


@pytest.mark.parametrize("name", grammar_names())
def test_ratio_does_not_see_the_strand_and_posteriors_turn_with_it(name):
    grammar = load_grammar(name)
    x, _ = simulate_batch(grammar, 8, length=300, seed=5)
    oracle = Oracle(grammar, 300)
    assert torch.allclose(
        oracle.log_likelihood_ratio(x), oracle.log_likelihood_ratio(x.flip(1, 2)), atol=1e-8
    )
    p, q = oracle.posteriors(x), oracle.posteriors(x.flip(1, 2))
    for m, w in enumerate(oracle.widths):
        assert torch.allclose(
            p[:, m, :, : 301 - w], q[:, m].flip(1)[..., : 301 - w].flip(2), atol=1e-8
        )


@pytest.mark.parametrize("name", ["spi1", "e2f6-max", "rest"])
def test_log_odds_are_calibrated(name):
    """Among 6,000 sequences the mean posterior of the class equals the share of positives: 4
    standard errors."""
    x, y = simulate_batch(load_grammar(name), 6000, seed=9)
    p = torch.sigmoid(Oracle(load_grammar(name)).log_likelihood_ratio(x)).float()
    for low, high in ((0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1.0)):
        here = (p >= low) & (p <= high)
        error = (p[here] * (1 - p[here])).sum().sqrt() / here.sum()
        assert abs(p[here].mean() - y[here].mean()) < 4 * error + 1e-4


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("spi1", 0.970, 0.990),
        ("tal-gata", 0.960, 0.982),
        ("e2f6-max", 0.978, 0.994),
        ("jund-tead", 0.998, 1.0),
        ("rest", 0.982, 0.996),
        ("spi1-ctcf", 0.982, 0.997),
    ],
)
def test_reachable_auroc_of_the_papers_grammars(name, low, high):
    assert low <= reachable(load_grammar(name), 2000, seed=1).auroc <= high


def test_calls_are_right_as_often_as_their_posterior_says():
    limit = reachable(load_grammar("rest"), 1200, seed=3).calls.set_index("threshold")
    assert limit.precision.loc[0.95:].min() > 0.97 and limit.recall.iloc[0] > 0.98
    assert limit.recall.is_monotonic_decreasing and limit.calls.is_monotonic_decreasing


def test_an_unknown_base_tells_nothing():
    oracle = Oracle(load_grammar("rest"), 200)
    assert torch.allclose(
        oracle.log_likelihood_ratio(torch.zeros(1, 4, 200)), torch.zeros(1).double(), atol=1e-9
    )


def test_refusals():
    grammar = load_grammar("rest")
    for make in (
        lambda: Oracle(grammar, 20),
        lambda: Oracle(grammar, 500, gc=1.0),
        lambda: Oracle(grammar, 200).log_likelihood_ratio(torch.zeros(1, 4, 100)),
    ):
        with pytest.raises(InputError, match="expected") as error:
            make()
        assert "\n" not in str(error.value)
