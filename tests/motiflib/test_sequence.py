"""FASTA, one-hot, reverse complement and shuffles: what goes in comes out, and what cannot is
named."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
import time
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from motiflib.files import InputError, write_atomic
from motiflib.sequence import (
    Record,
    decode,
    one_hot,
    read_fasta,
    reverse_complement,
    shuffle,
    write_fasta,
)

dna_n = st.text("ACGTNacgtn", min_size=1, max_size=60)


def fasta_bytes(sequences: list[str], width: int, newline: str, zipped: bool) -> bytes:
    lines = []
    for i, sequence in enumerate(sequences):
        lines += [
            f">r{i} some words",
            *(sequence[k : k + width] for k in range(0, len(sequence), width)),
            "",
        ]
    data = newline.join(lines).encode()
    return gzip.compress(data) if zipped else data


@settings(deadline=None, max_examples=60)
@given(
    st.lists(dna_n, min_size=1, max_size=8),
    st.integers(1, 70),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
)
def test_fasta_is_read_whatever_its_lines(tmp_path_factory, sequences, width, newline, zipped):
    path = tmp_path_factory.mktemp("fasta") / "any.name"
    path.write_bytes(fasta_bytes(sequences, width, newline, zipped))
    assert list(read_fasta(path)) == [
        (f"r{i}", sequence.upper()) for i, sequence in enumerate(sequences)
    ]


@settings(deadline=None, max_examples=30)
@given(st.lists(dna_n, min_size=1, max_size=8), st.sampled_from(["x.fa", "x.fa.gz"]))
def test_fasta_round_trip(tmp_path_factory, sequences, name):
    path = tmp_path_factory.mktemp("fasta") / name
    records = [Record(f"chr1:{i}-{i + len(s)}", s) for i, s in enumerate(sequences)]
    write_fasta(path, records)
    assert list(read_fasta(path)) == [(n, s.upper()) for n, s in records]
    first = path.read_bytes()
    write_fasta(path, records)
    assert path.read_bytes() == first
    assert (first[:2] == b"\x1f\x8b") == name.endswith(".gz")


BAD = {
    "empty": (b"", "the file is empty"),
    "blank": (b"\n \n", "the file is empty"),
    "empty gzip": (gzip.compress(b""), "the file is empty"),
    "no header": (b"ACGT\n", "line 1: 'ACGT' comes before"),
    "a table": (b"chr1\t5\t10\n", "comes before any '>name' line"),
    "no name": (b">\nACGT\n", "line 1: '>' without a name"),
    "no sequence": (b">a\n>b\nACGT\n", "record 'a' has no sequence"),
    "no last sequence": (b">a\nAC\n>b\n", "record 'b' has no sequence"),
    "twice": (b">a\nAC\n>a x\nAC\n", "two records are named 'a'"),
    "protein": (b">a\nACG\n>p\nMKVL\n", "record 'p', position 1: letter 'M'"),
    "late letter": (
        b">a\nACG\nTTxA\n",
        "record 'a', position 6: letter 'X' is not one of A, C, G, T, N; is this a protein",
    ),
    "rna": (b">a\nACGU\n", "position 4: letter 'U' is not one of A, C, G, T, N; replace U by T"),
    "gap": (b">a\nAC-GT\n", "position 3: letter '-'"),
    "inner space": (b">a\nAC GT\n", "position 3: letter ' '"),
    "cut gzip": (gzip.compress(os.urandom(4000))[:2000], "gzip"),
    "cut gzip of FASTA": (
        gzip.compress(b">a\n" + b"ACGTTGCA" * 4000)[:60],
        "breaks off in record 'a'",
    ),
    "only a gzip start": (b"\x1f\x8b", "damaged or truncated gzip"),
    "binary": (b"\x89PNG\0\0\0", "binary content"),
    "utf-16": (">a\nACGT\n".encode("utf-16"), "binary content"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_fasta_is_refused_in_one_line(tmp_path, case):
    content, message = BAD[case]
    path = tmp_path / "bad.fa"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        list(read_fasta(path))
    text = str(caught.value)
    assert "\n" not in text and "bad.fa" in text
    assert message in text or (case == "cut gzip" and "binary" in text)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        list(read_fasta(tmp_path / "none.fa"))
    with pytest.raises(InputError, match="cannot be read"):
        list(read_fasta(tmp_path))


def test_fasta_streams(tmp_path):
    path = tmp_path / "x.fa"
    path.write_text(">a\nACGT\n>b\nAC!T\n")
    records = read_fasta(path)
    assert next(records) == ("a", "ACGT")
    with pytest.raises(InputError, match="record 'b', position 3"):
        next(records)


def test_byte_order_mark_is_no_letter(tmp_path):
    path = tmp_path / "x.fa"
    path.write_bytes(b"\xef\xbb\xbf>a\nACGT\n")
    assert list(read_fasta(path)) == [("a", "ACGT")]


@pytest.mark.parametrize("records", [[("a b", "ACGT")], [("", "A")], [("a", "")], [("a", "ACXT")]])
def test_write_refuses_what_read_would(tmp_path, records):
    with pytest.raises(InputError):
        write_fasta(tmp_path / "x.fa", records)
    assert not list(tmp_path.iterdir())


def test_write_atomic_makes_folders_replaces_and_cleans_up(tmp_path):
    target = tmp_path / "new" / "x.txt"
    write_atomic(target, "one")
    write_atomic(target, b"two")
    assert target.read_bytes() == b"two"
    with pytest.raises(InputError, match="cannot be written"):
        write_atomic(target / "below a file.txt", "three")
    with pytest.raises(InputError, match="cannot be written"):
        write_atomic(tmp_path / "new", "over a folder")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["x.txt"]


def test_write_atomic_writes_through_links_and_into_pipes(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_atomic(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_text() == "new"
    os.mkfifo(tmp_path / "pipe")
    got = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_text()))
    reader.start()
    write_atomic(tmp_path / "pipe", "through")
    reader.join(5)
    assert got == ["through"]


@settings(deadline=None)
@given(st.lists(dna_n, min_size=1, max_size=6))
def test_one_hot_equals_the_plain_form(sequences):
    x = one_hot(sequences)
    plain = np.zeros((len(sequences), 4, max(map(len, sequences))), dtype=np.float32)
    for b, sequence in enumerate(sequences):
        for t, letter in enumerate(sequence.upper()):
            if letter != "N":
                plain[b, "ACGT".index(letter), t] = 1
    assert x.dtype == torch.float32 and x.is_contiguous()
    np.testing.assert_array_equal(x.numpy(), plain)
    assert [d[: len(s)] for d, s in zip(decode(x), sequences, strict=True)] == [
        s.upper() for s in sequences
    ]
    assert all(set(d[len(s) :]) <= {"N"} for d, s in zip(decode(x), sequences, strict=True))


def test_one_hot_lengths():
    assert one_hot(["AC"], length=5).shape == (1, 4, 5)
    assert one_hot([], length=7).shape == (0, 4, 7)
    assert one_hot([""]).shape == (1, 4, 0)
    with pytest.raises(InputError, match="sequence 1 has 3 letters, more than length=2"):
        one_hot(["AC", "ACG"], length=2)
    with pytest.raises(InputError, match="number 1', position 2: letter 'Ł'"):
        one_hot(["AC", "AŁ"])
    with pytest.raises(InputError, match="single string"):
        one_hot("ACGT")


def test_decode_refuses_other_layouts_and_soft_columns():
    with pytest.raises(InputError, match="rearrange"):
        decode(torch.zeros(2, 5, 4))
    with pytest.raises(InputError, match="argmax"):
        decode(torch.full((1, 4, 2), 0.25))
    with pytest.raises(InputError, match="argmax"):
        decode(torch.ones(1, 4, 2))


@settings(deadline=None)
@given(dna_n)
def test_reverse_complement(sequence):
    back = reverse_complement(sequence)
    assert reverse_complement(back) == sequence
    pairs = dict(zip("ACGTN", "TGCAN", strict=True))
    assert back.upper() == "".join(pairs[letter] for letter in reversed(sequence.upper()))
    x = one_hot([sequence])
    assert torch.equal(reverse_complement(x), one_hot([back]))
    assert torch.equal(reverse_complement(x[0]), one_hot([back])[0])


def pairs(sequence: str) -> Counter:
    return Counter(zip(sequence, sequence[1:], strict=False))


@settings(deadline=None, max_examples=60)
@given(st.lists(dna_n, max_size=6), st.integers(0, 99))
def test_shuffle_keeps_counts_and_the_place_of_n(sequences, seed):
    for kind in ("dinucleotide", "mononucleotide"):
        mixed = shuffle(sequences, kind=kind, seed=seed)
        assert mixed == shuffle(sequences, kind=kind, seed=seed)
        for before, after in zip(map(str.upper, sequences), mixed, strict=True):
            assert Counter(before) == Counter(after)
            assert [c == "N" for c in before] == [c == "N" for c in after]
            if kind == "dinucleotide":
                assert pairs(before) == pairs(after)


def test_shuffle_mixes_and_depends_on_the_seed():
    rng = np.random.default_rng(0)
    sequences = ["".join(rng.choice(list("ACGT"), 101)) for _ in range(20)]
    one, two = shuffle(sequences, seed=1), shuffle(sequences, seed=2)
    assert all(a != b != c for a, b, c in zip(sequences, one, two, strict=True))
    same = [sum(a == b for a, b in zip(s, t, strict=True))
            for s, t in zip(sequences, one, strict=True)]
    assert np.mean(same) < 45  # 25 of 101 by chance alone
    copies = shuffle([sequences[0]] * 10, seed=3)
    assert len(set(copies)) == 10  # each is shuffled in its own way


def test_mononucleotide_shuffle_breaks_pairs():
    assert pairs(shuffle(["ACGT" * 25], kind="mononucleotide")[0]) != pairs("ACGT" * 25)


def test_shuffle_reaches_all_that_keeps_the_last_step_from_each_letter():
    possible = {"AACAGA", "ACAAGA"}  # pairs and ends as given, and G after the last A but one
    assert set(shuffle(["AACAGA"] * 100, seed=0)) == possible


def test_shuffle_of_nothing_and_of_bad_input():
    assert shuffle([]) == [] and shuffle(["", "N", "A"]) == ["", "N", "A"]
    with pytest.raises(InputError, match="unknown kind 'tri'"):
        shuffle(["ACGT"], kind="tri")
    with pytest.raises(InputError, match="letter 'X'"):
        shuffle(["ACXT"])


def test_twenty_thousand_shuffles_take_seconds():
    rng = np.random.default_rng(0)
    sequences = ["".join(row) for row in rng.choice(list("ACGT"), (20_000, 101))]
    shuffle(sequences[:2])  # load numba's kernel
    start = time.process_time()
    shuffle(sequences)
    assert time.process_time() - start < 10


def test_import_is_light():
    code = ("import sys, motiflib.sequence; "
            "print([m for m in ('numba', 'tangermeme', 'pandas') if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
