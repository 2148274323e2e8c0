"""Evidence for motifs: odds by hand, a planted word against a word of chance, sites as they were
written."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import hypergeom
from test_calling import WORD, OneWord, background, planted

from motiflib.batches import Examples, examples
from motiflib.discovery import Found, Member, Reading, tabulate
from motiflib.files import InputError
from motiflib.motif import Motif
from motiflib.run import evidence
from motiflib.sequence import Record, one_hot, reverse_complement

CHANCE_WORD = "ATTTAACT"


def word(letters: str) -> Motif:
    return Motif("", 0.01 + 0.96 * one_hot([letters])[0].double().numpy())


@pytest.fixture(scope="module")
def found() -> Found:
    """M1 is the word that filter 0 reads; M2 is a word of chance, on a filter that the network does
    not have twice."""
    return tabulate([Reading(word(WORD), 4.0, [Member(0, 1, "+")])])


@pytest.fixture(scope="module")
def held() -> Examples:
    letters = [s for _, s in planted(120, letters="ACGT")[0]] + background(120, 80, "ACGT", seed=1)
    return Examples(one_hot(letters), torch.tensor([1.0] * 120 + [0.0] * 120))


def test_odds_by_hand():
    ratio, p = evidence.odds((3, 4), (1, 4))
    assert ratio == pytest.approx(3.5 * 3.5 / (1.5 * 1.5))
    chance = hypergeom(8, 4, 4).pmf(np.arange(5))
    assert p == pytest.approx(chance[chance <= chance[3] * 1.0001].sum())
    assert evidence.odds((5, 10), (5, 10)) == (1.0, 1.0)


def test_best_score_reads_both_strands_and_short_sequences():
    best = evidence.best_score(
        word(WORD), one_hot([f"TT{WORD}TT", f"T{reverse_complement(WORD)}TTT", "A" * 12])
    )
    assert best[0] == pytest.approx(best[1]) and best[0] == pytest.approx(
        8 * np.log2(0.98 / 1.04 / 0.25), abs=1e-3
    )
    assert best[2] < 0
    assert evidence.best_score(word(WORD), one_hot(["GATT"])).shape == (1,)


def test_a_planted_word_has_support(found, held):
    row = evidence.gather(OneWord(), found, held).support.iloc[0]
    assert row.in_positives == 1 and row.in_negatives < 0.15 and row.in_shuffles < 0.15
    assert row.enrichment > 1000 and row.enrichment_p < 1e-40 and row.shuffles_p < 1e-40
    silent = np.log1p(np.exp(3))  # loss of a positive whose logit falls from 4 - 3 to -3
    assert row.loss_rise == pytest.approx((silent - np.log1p(np.exp(-1))) / 2, abs=0.01)
    assert 0 < row.loss_rise_se < row.loss_rise


def test_a_word_of_chance_has_none(held):
    other = tabulate([Reading(word(CHANCE_WORD), 4.0, [Member(0, 1, "+")])])
    row = evidence.gather(OneWord(), other, held).support.iloc[0]
    assert row.enrichment_p > 1e-3 and row.shuffles_p > 1e-3
    assert row.in_shuffles == pytest.approx(evidence.CHANCE, abs=0.06)


def test_sites_are_what_was_written(found):
    records = [Record(*record) for record in planted(40)[0]]
    sites = evidence.example_sites(OneWord(), found, records)
    assert sites.columns.tolist() == evidence.SITE_COLUMNS and len(sites) == 40
    assert all(
        WORD in bases and bases == bases[:5].lower() + WORD + bases[-5:].lower()
        for bases in sites.bases
    )
    assert sites.from_middle[0] == 5 + 4 - 40
    assert 4 <= len(evidence.example_sites(OneWord(), found, records, most=5)) <= 5
    assert len(evidence.example_sites(OneWord(), found, [])) == 0


def test_show_at_the_ends():
    assert evidence.show("ACGTTGCA", 2, 4) == "---acGTtgca-"
    assert evidence.show("ACGTTGCA", 0, 2, "-") == "gcaacGT-----"


def test_an_n_at_the_end_is_a_base_and_not_padding(found):
    letters = [sequence + "NNN" for _, sequence in planted(40)[0]]
    held = examples(letters, background(40, 90, seed=1))  # the positives are padded
    sites = evidence.gather(OneWord(), found, held, letters).sites
    assert sites.from_middle[0] == 5 + 4 - 83 / 2
    decoded = evidence.gather(OneWord(), found, held).sites
    assert decoded.from_middle[0] == 5 + 4 - 90 / 2


def test_files_and_no_motif(found, held, tmp_path):
    made = evidence.gather(OneWord(), found, held)
    evidence.write(made, tmp_path)
    again = evidence.read(tmp_path, ["M1"])
    assert again.support.motif.tolist() == ["M1"] and again.sites.bases.equals(made.sites.bases)
    assert np.allclose(again.support.loss_rise, made.support.loss_rise, rtol=1e-4)
    assert evidence.read(tmp_path / "none", []) is None
    (tmp_path / "sites.tsv").write_text("")
    with pytest.raises(InputError, match="damaged"):
        evidence.read(tmp_path, ["M1"])
    assert evidence.gather(OneWord(), tabulate([]), held).support.empty
