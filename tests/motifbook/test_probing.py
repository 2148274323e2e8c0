"""What is erased and what is not; the k-mer peer; how sure an AUROC is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from motifbook.peers.intervals import auroc, bootstrap_auroc
from motifbook.peers.kmers import KmerRegression, kmer_counts
from motifbook.probing import erase
from sklearn.metrics import roc_auc_score

from motiflib.batches import Examples, examples, split
from motiflib.files import InputError
from motiflib.sequence import decode, one_hot


def random_sequences(n: int, length: int = 60, seed: int = 0) -> list[str]:
    return ["".join(row) for row in np.random.default_rng(seed).choice(list("ACGT"), (n, length))]


def test_erase_touches_the_spans_only():
    x = one_hot(random_sequences(50))
    out = erase(x, [[(10, 30)]] * 25 + [[]] * 25)
    assert torch.equal(out[:, :, :10], x[:, :, :10]) and torch.equal(out[:, :, 30:], x[:, :, 30:])
    assert torch.equal(out[25:], x[25:])
    same = (
        (out[:25, :, 10:30] * x[:25, :, 10:30]).sum(1).mean()
    )  # a base stays by chance once in four
    assert 0.15 < same < 0.35
    assert torch.equal(out.sum(1), torch.ones(50, 60))


def test_erase_draws_from_the_sequence():
    assert set(decode(erase(one_hot(["A" * 20 + "C" * 20]), [[(0, 40)]]))[0]) == {"A", "C"}


@pytest.mark.parametrize("spans", [[[(0, 9)]], [[(-1, 2)]], [[(3, 2)]], []])
def test_erase_refuses(spans):
    with pytest.raises(InputError):
        erase(one_hot(["ACGTACGT"]), spans)


def test_kmer_counts_are_strand_free():
    counts = kmer_counts(one_hot(["AACCGG", "CCGGTT", "NNNNNN"]), 3).toarray()
    assert np.array_equal(counts[0], counts[1]) and counts[0].sum() == 4 and counts[2].sum() == 0


def test_kmer_regression_finds_a_word_on_either_strand():
    names, other = random_sequences(400, seed=1), random_sequences(400, seed=2)
    positives = [
        s[:20] + ("CACGTGAC" if i % 2 else "GTCACGTG") + s[28:] for i, s in enumerate(names)
    ]
    train, valid = split(examples(positives, other))
    peer = KmerRegression(train, valid)
    test = Examples(one_hot([*random_sequences(100, seed=3), *positives[:0]]), torch.zeros(100))
    planted = one_hot([s[:30] + "GTCACGTG" + s[38:] for s in random_sequences(100, seed=4)])
    y = np.r_[np.ones(100), np.zeros(100)]
    assert roc_auc_score(y, np.r_[peer(planted), peer(test.x)]) > 0.95


def test_auroc_equals_that_of_scikit_learn_with_ties():
    y, score = (
        np.random.default_rng(0).integers(0, 2, 300),
        np.random.default_rng(1).integers(0, 20, 300),
    )
    assert auroc(y, score) == pytest.approx(roc_auc_score(y, score))


def test_bootstrap_covers_the_truth():
    """Two normals one standard deviation apart have AUROC 0.760; 95% intervals miss it rarely."""
    missed = 0
    for seed in range(40):
        generator = np.random.default_rng(seed)
        y = np.repeat([0, 1], 100)
        interval = bootstrap_auroc(y, generator.normal(y), draws=200)
        missed += not interval.low <= 0.7602 <= interval.high
    assert missed <= 6  # 2 expected; more than 6 has a chance of 0.2%


def test_bootstrap_of_a_difference_with_itself_is_zero():
    y, score = np.repeat([0, 1], 50), np.random.default_rng(0).normal(size=100)
    assert bootstrap_auroc(y, score, score, draws=20) == (0, 0, 0)
