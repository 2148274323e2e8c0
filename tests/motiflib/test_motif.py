"""Matrices, MEME files and alignments, on motifs whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motiflib.files import InputError
from motiflib.motif import Motif, aligned_correlation, read_meme, write_meme
from motiflib.run.known import jaspar, jaspar_collection
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
        "MEME version 4\r\n\r\nALPHABET= ACGT\r\nMOTIF  SP1 \r\n\r\n"
        "log-odds matrix: alength= 4 w= 1\r\n 1 2 3 4\r\n"
        "letter-probability matrix: alength=4 w=2 nsites=20 E=4.1e-009\r\n"
        "  0.1\t0.2 0.3  0.4\r\n 1e-3 0 0 .999 \r\n"
        "URL http://example.org\r\nMOTIF b\r\nletter-probability matrix:\r\n0 0 1 0\r\n"
    )
    one, two = read_meme(path)
    assert (one.name, one.source, one.width, one.sites) == ("SP1", "", 2, 20)
    np.testing.assert_allclose(one.pfm[:, 0], [0.1, 0.2, 0.3, 0.4])
    assert (two.name, two.consensus) == ("b", "G")


def test_meme_with_tabs_and_without_numbers(tmp_path):
    path, end = tmp_path / "m.meme", "\n0 0 0 1\n"
    path.write_text(
        f"MEME version 4\nMOTIF\tM1\tMA0001.1 two words\nletter-probability matrix: w= 1 nsites=  "
        f"E= 0{end}"
        f"MOTIF M2\t\nletter-probability matrix: alength= w= 1 nsites={end}"
        f"MOTIF \t M3 x\nletter-probability matrix: alength=4 w=1 nsites=7.0 E=1e-3{end}"
    )
    read = [(m.name, m.source, m.sites, m.width) for m in read_meme(path)]
    assert read == [("M1", "MA0001.1 two words", 0, 1), ("M2", "", 0, 1), ("M3", "x", 7, 1)]
    write_meme(path, [Motif("M1", np.full((4, 3), 0.25), "of\ta\nfile")])
    assert read_meme(path)[0].source == "of a file"


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
    "sites without end": (
        "MOTIF m\nletter-probability matrix: w= 1 nsites= inf\n0 0 0 1\n",
        "motif 'm', line 2: cannot convert float infinity",
    ),
    "counts": (HEAD + "0 0 0 10\n0 10 0 0\n", "columns sum to 1"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_meme_is_refused_in_one_line(tmp_path, case):
    text, message = BAD[case]
    (tmp_path / "bad.meme").write_text(text)
    with pytest.raises(InputError) as caught:
        read_meme(tmp_path / "bad.meme")
    text = str(caught.value)
    assert message in text and "\n" not in text and "bad.meme" in text


def test_write_meme_refuses_names_with_spaces(tmp_path):
    with pytest.raises(InputError, match="one word"):
        write_meme(tmp_path / "m.meme", [exact("ACGT", "my motif")])
    assert not list(tmp_path.iterdir())


def test_aligned_correlation_by_hand():
    box = exact("CACGTG")
    assert aligned_correlation(box, box) == pytest.approx(1)
    part, whole = exact("GGACAG"), exact("TTCTGTCCAA")  # inside, on the other strand
    assert aligned_correlation(part, whole) == pytest.approx(1)
    assert aligned_correlation(whole, part) == pytest.approx(1)
    assert aligned_correlation(box, FLAT) == 0
    # "AAAA" on "ACCC": one column of four agrees, each other pair of columns has covariance -1/4 of
    # a match's 3/4
    assert aligned_correlation(exact("AAAA"), exact("ACCC")) < 0.6
    half = aligned_correlation(exact("AAAA"), exact("AACC"))  # 2 of 4, the rest overhangs
    assert half == pytest.approx(np.sqrt(1 / 2))


@settings(deadline=None)
@given(st.text("ACGTN", min_size=1, max_size=8), st.text("ACGTN", min_size=1, max_size=8))
def test_aligned_correlation_is_symmetric_and_blind_to_strand(a, b):
    value = aligned_correlation(exact(a), exact(b))
    assert -1 <= value <= 1
    assert aligned_correlation(exact(b), exact(a)) == pytest.approx(value, abs=1e-9)
    turned = exact(a).reverse_complement()
    assert aligned_correlation(turned, exact(b)) == pytest.approx(value, abs=1e-9)
