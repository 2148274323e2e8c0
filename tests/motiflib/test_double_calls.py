"""Bases are explained once: of calls that share informative bases the best stays, another only on
evidence of its own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from motiflib import calling
from motiflib.discovery import Member, Reading, tabulate
from motiflib.hits import COLUMNS
from motiflib.model import Argminn, ArgminnConfig
from motiflib.motif import Motif
from motiflib.sequence import one_hot, reverse_complement


def found_of(*words: str):
    """Motifs as if read off filters of the words' widths: M1 of filter 0, and so on; N is flat."""
    readings = []
    for number, word in enumerate(words):
        pfm = one_hot([word])[0].numpy()
        pfm[:, pfm.sum(0) == 0] = 0.25
        readings.append(Reading(Motif("", pfm, sites=50), 1.0, [Member(number, 0, "+")]))
    return tabulate(readings)


def called(sequence: str, words: list[str], hits: list[tuple], monkeypatch) -> list[tuple]:
    """(start, motif, strand) of the calls that remain of `hits` (start, channel, score)."""
    width = max(map(len, words))
    model = Argminn(ArgminnConfig(filters=len(words), width=width))
    rows = [(0, start, channel, 1.0, 0.1, 1.0, 0.9, score) for start, channel, score in hits]
    seen = pd.DataFrame(rows, columns=COLUMNS)
    monkeypatch.setattr(calling, "candidates", lambda *_, **__: seen.copy())
    table = calling.call(model, found_of(*words), [("s", sequence)], tile=500)
    return list(table[["start", "motif", "strand"]].itertuples(index=False, name=None))


CORES = ["CCGGGTAACC", "TGACTCATGC", "GATTACAGTC", "TTAATTAGC", "CACGTGAT", "TGACGTCA", "GAATTCCGG",
         "CCGCCGCCGC", "AACCGGTTAC", "GGTCANNNTGACC"]


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("step", [4, 6, 7])
@pytest.mark.parametrize("channel", [0, 1])
def test_chance_beside_a_site_is_no_second_call(core, step, channel, monkeypatch):
    """A filter fires again at a self-overlap: what is not the site's are random bases."""
    site = core.replace("N", "A")
    sequence = "T" * 40 + site + "CATAGATTCTAGATTC" + "T" * 40
    hits = [(40, 0, 0.8), (40 + step, channel, 0.79)]
    assert called(sequence, [core], hits, monkeypatch) == [(40, "M1", "+")]


def test_a_better_match_stays_though_its_score_is_lower(monkeypatch):
    sequence = "T" * 40 + "CCGGGTAACC" + "T" * 40
    hits = [(46, 0, 0.8), (40, 0, 0.6)]
    assert called(sequence, ["CCGGGTAACC"], hits, monkeypatch) == [(40, "M1", "+")]


def test_two_sites_that_share_their_ends_both_stay(monkeypatch):
    """AACC + CCGG..: whole sites that share two bases; eight of ten are evidence of their own."""
    sequence = "T" * 40 + "CCGGGTAACCGGGTAACC" + "T" * 40
    hits = [(40, 0, 0.8), (48, 0, 0.7)]
    both = [(40, "M1", "+"), (48, "M1", "+")]
    assert called(sequence, ["CCGGGTAACC"], hits, monkeypatch) == both


def test_a_site_in_the_gap_of_another_stays(monkeypatch):
    """Columns without information are nobody's."""
    sequence = "T" * 40 + "GGTCAACGTACTGACC" + "T" * 40
    hits = [(40, 0, 0.8), (45, 1, 0.7)]
    words = ["GGTCANNNNNNTGACC", "ACGTAC"]
    assert called(sequence, words, hits, monkeypatch) == [(40, "M1", "+"), (45, "M2", "+")]


def test_a_palindrome_is_called_once_on_one_strand(monkeypatch):
    sequence = "T" * 40 + "TGACGTCA" + "T" * 40
    calls = called(sequence, ["TGACGTCA"], [(40, 0, 0.8), (40, 1, 0.8)], monkeypatch)
    assert len(calls) == 1 and calls[0][0] == 40


def test_matches_by_hand(monkeypatch):
    """log2(4 (1 + .01) / 1.04) for a base that fits, log2(4 (.01) / 1.04) for another, over the
    motif's 6 bits; nan in the flat column, 0 beyond the sequence."""
    found = found_of("ACNG")
    sites = pd.DataFrame({"row": [0, 0], "start": [0, 2], "offset": [0, 0], "motif": "M1",
                          "strand": ["+", "+"]})
    bits = calling.matches(found.motifs, one_hot(["ACTT"]), sites)
    fits, not_ = np.log2(4 * np.array([1.01, 0.01]) / 1.04) / 6
    assert bits[0] == pytest.approx([fits, fits, np.nan, not_], nan_ok=True)
    assert bits[1] == pytest.approx([not_, not_, np.nan, 0], nan_ok=True)


def test_matches_on_the_other_strand():
    found, word = found_of("GGTCANNNTGACC"), "GGTCAAAATGACC"
    sites = pd.DataFrame({"row": [0, 1], "start": 3, "offset": 0, "motif": "M1",
                          "strand": ["+", "-"]})
    x = one_hot(["TTT" + word + "CC", "TTT" + reverse_complement(word) + "CC"])
    one, other = calling.matches(found.motifs, x, sites)
    assert one == pytest.approx(other[::-1], nan_ok=True)
    assert np.nansum(one) == pytest.approx(np.log2(4 * 1.01 / 1.04) / 2)


def test_a_motif_with_little_information_is_merged_too():
    """Informative is meant beside a motif's richest column."""
    pfm = np.full((4, 6), 0.2)
    pfm[0] = 0.4
    found = tabulate([Reading(Motif("", pfm, sites=50), 1.0, [Member(0, 0, "+")])])
    sites = pd.DataFrame({"row": [0], "start": [0], "offset": [0], "motif": "M1", "strand": "+"})
    assert not np.isnan(calling.matches(found.motifs, torch.zeros(1, 4, 9), sites)[0]).any()
