"""Enumeration and scoring, on sets whose motifs and verdicts are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from motifbook.grammar import load_grammar, simulate_batch
from motifbook.peers import (
    closest,
    enriched_motifs,
    planted_motifs,
    reportable,
    score_motifs,
    split_patterns,
)
from motifbook.peers.enumeration import best_word, z_scores
from test_peers_networks import random_sequences

from motiflib.motif import Motif, aligned_correlation
from motiflib.run.known import jaspar
from motiflib.sequence import codes_of, one_hot


def flat(name: str, width: int = 9) -> Motif:
    return Motif(name, np.full((4, width), 0.25))


def word(name: str, letters: str) -> Motif:
    return Motif(name, one_hot([letters])[0].numpy() * 0.96 + 0.01)


def planted(letters: str, n: int, seed: int) -> torch.Tensor:
    x = random_sequences(n, 60, seed)
    x[: n // 2, :, 20 : 20 + len(letters)] = one_hot([letters])[0]
    return x


def test_z_is_that_of_two_proportions():
    z = z_scores(np.array([60, 50]), np.array([40, 50]), 100, 100)
    assert z == pytest.approx([0.2 / np.sqrt(0.25 * 2 / 100), 0.0])


@pytest.mark.parametrize("letters", ["GATTACA", "TGTAATC"])
def test_best_word_is_the_planted_one_on_either_strand(letters):
    positive, negative = codes_of(planted(letters, 400, 1)), codes_of(random_sequences(400, 60, 2))
    found, z = best_word(positive, negative, (7,))
    assert found == "GATTACA"[:7] if letters == "GATTACA" else found in ("GATTACA", "TGTAATC")
    assert z > 10
    assert best_word(negative, positive, (7,)) == (found, pytest.approx(-z))


def test_enumeration_finds_words_of_both_signs_and_nothing_in_noise():
    up = planted("GATTACAG", 600, 3)
    down = planted("CCGGTTAC", 600, 4)
    motifs = enriched_motifs(up, down, max_motifs=4)
    assert [m.name[0] for m in motifs] in (["+", "-"], ["-", "+"])
    score = score_motifs(motifs, [word("up", "GATTACAG"), word("down", "CCGGTTAC")])
    assert score.summary["recovered"] == 2 and score.summary["spurious"] == 0
    assert enriched_motifs(random_sequences(300, 60, 5), random_sequences(300, 60, 6)) == []


def test_enumeration_recovers_the_halves_of_rest():
    grammar = load_grammar("rest")
    x, y = simulate_batch(grammar, 2000, length=120, seed=1)
    score = score_motifs(enriched_motifs(x[y == 1], x[y == 0]), planted_motifs(grammar))
    assert score.summary["recovered"] == score.summary["planted"] == 2


def test_planted_motifs_leave_out_what_is_only_a_source():
    assert [m.name for m in planted_motifs(load_grammar("rest"))] == ["left", "right"]


def test_reportable_cuts_flanks_and_drops_the_flat_and_the_short():
    core = jaspar("MAX").trim()
    padded = Motif("padded", np.hstack([np.full((4, 3), 0.25), core.pfm, np.full((4, 2), 0.25)]))
    short = Motif("short", np.hstack([np.full((4, 4), 0.25), np.eye(4)]))
    kept = reportable([padded, short, flat("flat")])
    assert [m.name for m in kept] == ["padded"] and kept[0].width == core.width


def test_verdicts_on_a_list_made_by_hand():
    truth = [jaspar("REST"), jaspar("SPI1")]
    found = [truth[0], truth[0].reverse_complement(), word("junk", "ACGTACGTACGTT"), flat("flat")]
    score = score_motifs(found, truth)
    assert score.planted.recovered.tolist() == [True, False]
    assert sorted(score.found.verdict) == ["recovered", "redundant", "spurious"]
    expected = {
        "planted": 2,
        "reported": 3,
        "recovered": 1,
        "recovered_share": 0.5,
        "redundant": 1,
        "spurious": 1,
    }
    assert {key: score.summary[key] for key in expected} == expected
    assert score.summary["bits_found"] == pytest.approx(truth[0].trim().information_bits)


def test_a_method_that_reports_nothing_is_scored_too():
    summary = score_motifs([flat("flat")], [jaspar("MAX")]).summary
    assert (summary["reported"], summary["recovered"], summary["spurious"]) == (0, 0, 0)


def test_closest_passes_over_what_is_too_narrow():
    narrow = Motif("narrow", np.hstack([np.full((4, 6), 0.25), np.eye(4)[:, :1]]))
    ranked = closest([narrow, word("other", "ACGTACGTACGTT"), jaspar("MAX")], jaspar("MAX"), 5)
    assert [m.name for m, _ in ranked] == ["MAX", "other"] and ranked[0][1] == pytest.approx(1)


def test_patterns_with_a_gap_are_cut():
    first, second, gap = jaspar("JUND"), jaspar("MAX"), np.full((4, 12), 0.25)
    pair = Motif("pos0", np.hstack([gap, first.pfm, gap, second.pfm, gap]), "modisco", 7)
    pieces = split_patterns([pair, first])
    assert [m.name for m in pieces] == ["pos0.0", "pos0.1", "JUND"] and pieces[0].sites == 7
    assert [aligned_correlation(*m) > 0.99 for m in zip(pieces, (first, second), strict=False)] == [
        True,
        True,
    ]
