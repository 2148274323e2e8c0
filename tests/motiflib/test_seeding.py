"""Seeds: k-mers counted by hand, planted motifs found, both kinds of evidence."""

from __future__ import annotations

import itertools

import pytest
import torch
from motifbook.grammar import grammar_names, load_grammar, simulate_batch

from motiflib.batches import Examples
from motiflib.model import Argminn, ArgminnConfig
from motiflib.seeding import (
    enriched_kmers,
    hide,
    kmer_codes,
    kmer_letters,
    seed_filters,
    seeded,
    shifted,
    z_scores,
)
from motiflib.sequence import one_hot, reverse_complement


def test_codes_are_strand_free_and_skip_n():
    assert kmer_codes(one_hot(["ACGTNAA"]), 2).tolist() == [[1, 6, 1, -1, -1, 0]]
    x = one_hot(["GATTACAGGCATTN"])
    assert kmer_codes(x).flip(1).tolist() == kmer_codes(reverse_complement(x)).tolist()


@pytest.mark.parametrize("code", [0, 6, 27, 4095])
def test_hidden_is_what_has_one_mismatch_by_enumeration(code):
    word = kmer_letters(code)
    mates = (word, reverse_complement(word))
    expected = [
        any(sum(a != b for a, b in zip(other, mate, strict=True)) <= 1 for mate in mates)
        for other in map("".join, itertools.product("ACGT", repeat=6))
    ]
    alone = torch.arange(4**6)[:, None]  # sequences of one window
    assert (hide(alone, code)[:, 0] < 0).tolist() == expected


def test_z_score_by_hand():
    ours, theirs = torch.tensor([[1, 1, 1, 0]]), torch.tensor([[1, 0, 0, 0, -1]])
    z = z_scores(ours, theirs)  # 3 against 1 of the same number of windows
    assert z[1] == pytest.approx((3 - 1) / (3 + 1) ** 0.5)


@pytest.mark.parametrize(
    ("other", "same"),
    [("AAACAT", True), ("AACATG", True), ("TGTTTA", False), ("AAAACA", False), ("ATGTTT", True)],
)
def test_shifted(other, same):
    assert shifted("TAAACA", other) == same


def contains(kmer: str, grammar, motif: str) -> bool:
    """Is the k-mer part of the motif's strongest sequence, up to one base, on either strand?"""
    best = "".join("ACGT"[i] for i in grammar.motifs[motif].pfm.argmax(0))
    words = [s[i : i + 6] for s in (best, reverse_complement(best)) for i in range(len(best) - 5)]
    return any(sum(a != b for a, b in zip(kmer, word, strict=True)) <= 1 for word in words)


@pytest.mark.parametrize("name", grammar_names())
def test_every_planted_motif_gets_a_seed(name):
    grammar = load_grammar(name)
    data = Examples(*simulate_batch(grammar, 4000, 300, 0.5, seed=11))
    found = enriched_kmers(data)
    for motif in {name for alt in (*grammar.positives, *grammar.negatives) for name in alt.plant}:
        assert any(contains(kmer, grammar, motif) for kmer in found.kmer), (motif, found)
    assert len(found) <= 6  # and hardly anything else


def test_the_middle_is_counted_first():
    rng = torch.Generator().manual_seed(3)
    codes = torch.randint(4, (400, 200), generator=rng)
    codes[:100, 95:101] = torch.tensor([2, 0, 3, 3, 0, 1])  # GATTAC in the middle of a quarter
    for start in (10, 40, 160):  # a run of A, three times in every positive, never in the middle
        codes[:200, start : start + 7] = 0
    data = Examples(torch.eye(4)[codes].mT, torch.arange(400) < 200)
    assert enriched_kmers(data).kmer[0] == "AAAAAA"
    first = enriched_kmers(data, middle=60).iloc[0]
    kmer = kmer_letters(int(kmer_codes(one_hot(["GATTAC"]))[0, 0]))
    assert (first.kmer, first.against) == (kmer, "middle")


def test_nothing_stands_out_in_noise():
    letters = torch.randint(0, 4, (500, 200), generator=torch.Generator().manual_seed(1))
    data = Examples(torch.eye(4)[letters].mT, (torch.arange(500) % 2).float())
    assert len(enriched_kmers(data)) == 0
    assert len(seeded(ArgminnConfig(filters=5), data).scanner.filters) == 5  # a random start then


def test_seed_scans_its_kmer():
    model = Argminn(ArgminnConfig(filters=2, width=10))
    seed_filters(model.scanner, ["CACGTC"])
    activations = model.scanner(one_hot(["TTTTCACGTCTTTT"]))
    assert activations[0, 0].argmax() == 2  # the k-mer stands in the middle of the filter
    with pytest.raises(ValueError, match="3 k-mers"):
        seed_filters(model.scanner, ["AAAAAA"] * 3)
