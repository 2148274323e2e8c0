"""Matrices, MEME files, JASPAR and TOMTOM, on motifs whose answers are known."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from motiflib.files import InputError
from motiflib.motif import (
    TOMTOM_COLUMNS,
    Motif,
    aligned_correlation,
    jaspar,
    jaspar_collection,
    read_meme,
    tomtom,
    write_meme,
)
from motiflib.sequence import reverse_complement


def exact(letters: str, name: str = "M1") -> Motif:
    """A motif that allows one sequence only; N is a flat column."""
    columns = [np.full(4, 0.25) if c == "N" else np.eye(4)["ACGT".index(c)] for c in letters]
    return Motif(name, np.stack(columns, axis=1))


FLAT = exact("NNNNNNNN", "flat")


def test_motif_is_checked_scaled_and_read_only():
    motif = Motif("m", np.array([[0.5], [0.25], [0.25], [0.01]]))
    assert motif.pfm.sum() == pytest.approx(1) and motif.width == 1
    with pytest.raises(ValueError, match="read-only"):
        motif.pfm[0, 0] = 1
    bad = {
        "transpose": np.full((8, 4), 0.25),
        "divide counts": np.full((4, 3), 5.0),
        "frequencies": np.eye(4) * np.nan,
    }
    for message, pfm in bad.items():
        with pytest.raises(InputError, match=message):
            Motif("m", pfm)
    with pytest.raises(InputError, match="motif 'm'"):
        Motif("m", np.zeros((4, 0)))


def test_information_and_consensus_by_hand():
    half = Motif("half", np.array([[0.5, 1, 0.25], [0.5, 0, 0.25], [0, 0, 0.25], [0, 0, 0.25]]))
    np.testing.assert_allclose(half.information, [1, 2, 0], atol=1e-12)
    assert half.information_bits == pytest.approx(3)
    assert half.consensus == "AAN"
    assert exact("CACGTG").consensus == "CACGTG"


@settings(deadline=None)
@given(st.text("ACGTN", min_size=1, max_size=12))
def test_reverse_complement_and_trim(letters):
    motif = exact(letters)
    assert motif.reverse_complement().consensus == reverse_complement(letters)
    np.testing.assert_array_equal(motif.reverse_complement().reverse_complement().pfm, motif.pfm)
    assert motif.trim().consensus == (letters.strip("N") or "N")


def test_slice_keeps_the_name():
    part = jaspar("REST").slice(0, 9)
    assert (part.name, part.width, part.consensus) == ("REST", 9, "TCAGCACCA")


def test_pwm_by_hand():
    pwm = exact("AN").pwm(pseudocount=0.01)
    np.testing.assert_allclose(pwm[:, 0], np.log2(np.array([1.01, 0.01, 0.01, 0.01]) / 1.04 / 0.25))
    np.testing.assert_allclose(pwm[:, 1], 0, atol=1e-12)
    assert exact("A").pwm(background=[0.5, 0.2, 0.2, 0.1])[0, 0] == pytest.approx(1, abs=0.01)


def test_meme_round_trip(tmp_path):
    motifs = [*jaspar_collection("fungi"), Motif("M1", np.full((4, 3), 0.25), "two words", 17)]
    write_meme(tmp_path / "m.meme", motifs)
    back = read_meme(tmp_path / "m.meme")
    assert [(m.name, m.source, m.sites) for m in back] == [
        (m.name, m.source, m.sites) for m in motifs
    ]
    assert max(abs(a.pfm - b.pfm).max() for a, b in zip(motifs, back, strict=True)) < 2e-6


def test_meme_as_others_write_it(tmp_path):
    path = tmp_path / "m.meme"
    path.write_text(
        "MEME version 4\r\n\r\nALPHABET= ACGT\r\nMOTIF  SP1 \r\n\r\nlog-odds matrix: alength= 4 w= 1\r\n 1 2 3 4\r\n"
        "letter-probability matrix: alength=4 w=2 nsites=20 E=4.1e-009\r\n  0.1\t0.2 0.3  0.4\r\n 1e-3 0 0 .999 \r\n"
        "URL http://example.org\r\nMOTIF b\r\nletter-probability matrix:\r\n0 0 1 0\r\n"
    )
    one, two = read_meme(path)
    assert (one.name, one.source, one.width, one.sites) == ("SP1", "", 2, 20)
    np.testing.assert_allclose(one.pfm[:, 0], [0.1, 0.2, 0.3, 0.4])
    assert (two.name, two.consensus) == ("b", "G")


HEAD = "MEME version 4\nMOTIF m\nletter-probability matrix: alength= 4 w= 2\n"
BAD = {
    "empty": ("", "no 'MOTIF'"),
    "fasta": (">a\nACGT\n", "no 'MOTIF'"),
    "cut short": (
        HEAD + "0 0 0 1\n",
        "motif 'm', line 3: expected 2 rows of 4 numbers; is the file cut short",
    ),
    "three columns": (HEAD + "0 0 1\n0 1 0\n", "expected 2 rows of 4 numbers"),
    "ragged": (HEAD + "0 0 0 1\n0 1 0\n", "rows of 4 numbers"),
    "words": (HEAD + "0 0 0 1\n0 0 1 x\n", "could not convert string to float: 'x'"),
    "no name": ("letter-probability matrix: w= 1\n0 0 0 1\n", "expected a named DNA motif"),
    "protein": ("MOTIF m\nletter-probability matrix: alength= 20 w= 1\n", "is this a protein"),
    "counts": (HEAD + "0 0 0 10\n0 10 0 0\n", "columns sum to 1"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_meme_is_refused_in_one_line(tmp_path, case):
    text, message = BAD[case]
    (tmp_path / "bad.meme").write_text(text)
    with pytest.raises(InputError) as caught:
        read_meme(tmp_path / "bad.meme")
    assert (
        message in str(caught.value)
        and "\n" not in str(caught.value)
        and "bad.meme" in str(caught.value)
    )


def test_write_meme_refuses_names_with_spaces(tmp_path):
    with pytest.raises(InputError, match="one word"):
        write_meme(tmp_path / "m.meme", [exact("ACGT", "my motif")])
    assert not list(tmp_path.iterdir())


def test_jaspar_by_id_base_and_name():
    rest = jaspar("MA0138.3")
    assert jaspar("MA0138") is rest and jaspar("rest") is rest and jaspar(" REST ") is rest
    assert (rest.name, rest.source, rest.consensus) == ("REST", "MA0138.3", "TCAGCACCATGGACAGCGCC")
    assert jaspar("MA0138.2").source == "MA0138.2"  # an older version by its full id
    assert jaspar("MA0037.5").consensus == "TCTTATCT"
    with pytest.raises(InputError, match="'MA9999'"):
        jaspar("MA9999")


def test_jaspar_collections_equal_those_of_pyjaspar():
    from pyjaspar import jaspardb

    theirs = jaspardb(release="JASPAR2026").fetch_motifs(collection="CORE", tax_group="fungi")
    ours = {motif.source: motif for motif in jaspar_collection("fungi")}
    assert ours.keys() == {motif.matrix_id for motif in theirs}
    for motif in theirs:
        counts = np.array([motif.counts[letter] for letter in "ACGT"])
        np.testing.assert_allclose(ours[motif.matrix_id].pfm, counts / counts.sum(0), atol=1e-9)
    assert len(jaspar_collection("vertebrates")) == 1019 and len(jaspar_collection("all")) == 2633
    with pytest.raises(InputError, match="choose one of vertebrates, fungi"):
        jaspar_collection("birds")


def test_a_callers_list_is_its_own():
    jaspar_collection("fungi").clear()
    assert len(jaspar_collection("fungi")) == 193


def test_tomtom_names_known_motifs_at_their_place():
    rest, pad = jaspar("REST"), np.full((4, 5), 0.25)
    left, right = rest.slice(0, 9), rest.slice(9, 17)
    padded = Motif(
        "padded", np.concatenate([pad, right.reverse_complement().pfm, pad, pad], axis=1)
    )
    table = tomtom([rest, left, right, right.reverse_complement(), padded, jaspar("USF1")])
    assert list(table.columns) == TOMTOM_COLUMNS
    assert (
        list(table.jaspar_name) == ["REST"] * 5 + ["USF1"]
        and list(table.jaspar_id[:5]) == ["MA0138.3"] * 5
    )
    assert list(table.offset[:5]) == [
        0,
        0,
        9,
        9,
        9 - 10,
    ]  # turned round, 10 flat columns come before the half
    assert list(table.strand[:5]) == ["+", "+", "+", "-", "-"]
    assert (table.p_value < 1e-12).all() and np.allclose(table.correlation, 1)


def test_tomtom_leaves_the_threads_of_torch_alone():
    before = torch.get_num_threads()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        tomtom([exact("ACCTGATTTGCA", "query")], jaspar_collection("fungi")[:60])
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)


def test_tomtom_offset_and_strand_on_made_targets():
    background = jaspar_collection("fungi")[:60]
    target = exact("ACCTGATTTGCA", "target")
    for start in range(5):
        query = exact("ACCTGATTTGCA"[start : start + 8])
        for shown, strand in ((query, "+"), (query.reverse_complement(), "-")):
            row = tomtom([shown], [target, *background]).iloc[0]
            assert (row.jaspar_name, row.offset, row.strand) == ("target", start, strand)


def test_tomtom_on_palindromes_tiny_and_dead_motifs():
    table = tomtom(
        [exact("CACGTG", "box"), FLAT, exact("A", "tiny"), exact("NNNACNN", "two")], top=3
    )
    assert list(table.motif) == ["box"] * 3 + ["flat"] * 3 + ["tiny"] * 3 + ["two"] * 3
    assert np.isfinite(table.p_value).all() and table.p_value.between(0, 1).all()
    assert (table.p_value[3:6] == 1).all() and (table.correlation[3:6] == 0).all()
    assert (table.p_value[6:] > 1e-4).all()  # nothing so small can be known for sure
    assert table.groupby("motif").p_value.apply(lambda p: p.is_monotonic_increasing).all()
    assert table.correlation[0] > 0.9


def test_tomtom_without_queries_or_targets():
    assert list(tomtom([]).columns) == TOMTOM_COLUMNS and len(tomtom([])) == 0
    with pytest.raises(InputError, match="no targets"):
        tomtom([FLAT], [])


def test_tomtom_with_few_targets_and_a_large_top():
    with pytest.warns(UserWarning, match="target motifs"):
        assert len(tomtom([exact("CACGTG")], [exact("CACGTG"), FLAT], top=10)) == 2


def test_tomtom_takes_seconds():
    queries, targets = jaspar_collection()[:15], jaspar_collection("all")
    tomtom(queries[:1], targets)  # compile
    start = time.process_time()
    table = tomtom(queries, targets)
    assert time.process_time() - start < 10
    assert (table.correlation > 0.95).all() and (table.p_value < 1e-6).all()


def test_aligned_correlation_by_hand():
    box = exact("CACGTG")
    assert aligned_correlation(box, box) == pytest.approx(1)
    assert aligned_correlation(exact("GGACAG"), exact("TTCTGTCCAA")) == pytest.approx(
        1
    )  # other strand, inside
    assert aligned_correlation(exact("TTCTGTCCAA"), exact("GGACAG")) == pytest.approx(1)
    assert aligned_correlation(box, FLAT) == 0
    # "AAAA" on "ACCC": one column of four agrees, each other pair of columns has covariance -1/4 of
    # a match's 3/4
    assert aligned_correlation(exact("AAAA"), exact("ACCC")) < 0.6
    assert aligned_correlation(exact("AAAA"), exact("AACC")) == pytest.approx(
        np.sqrt(1 / 2)
    )  # 2 of 4, the rest overhangs


@settings(deadline=None)
@given(st.text("ACGTN", min_size=1, max_size=8), st.text("ACGTN", min_size=1, max_size=8))
def test_aligned_correlation_is_symmetric_and_blind_to_strand(a, b):
    value = aligned_correlation(exact(a), exact(b))
    assert -1 <= value <= 1
    assert aligned_correlation(exact(b), exact(a)) == pytest.approx(value, abs=1e-9)
    assert aligned_correlation(exact(a).reverse_complement(), exact(b)) == pytest.approx(
        value, abs=1e-9
    )
