"""Sequences in and out: FASTA, one-hot, reverse complement, shuffles.

Letters: B batch, L length. One layout everywhere: one-hot ``(B, 4, L)``, channels in the order
ACGT, ``N`` = zeros, coordinates 0-based half-open. Codes are 0..3 for ACGT and 4 for N.
"""

import logging
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from motiflib.files import InputError, need, place_for_compiled, read_lines, write_atomic

log = logging.getLogger(__name__)
BASES = "ACGT"
UNKNOWN = 4  # the code of N
PART = 4096  # sequences that are one-hot at a time: of a million, only codes are held
_COMPLEMENT = str.maketrans("ACGTNacgtn", "TGCANtgcan")
_CODES = np.full(256, 255, dtype=np.uint8)  # byte of a letter -> its code, anything else -> 255
_CODES[list(b"ACGTNacgtn")] = [0, 1, 2, 3, UNKNOWN] * 2


class Record(NamedTuple):
    """A named sequence, upper case, letters ACGTN only."""

    name: str
    sequence: str


Sequences = str | os.PathLike | Iterable[Record | tuple[str, str] | str]


def records_of(sequences: Sequences) -> Iterator[Record]:
    """The one way in: records of a FASTA file, of (name, letters) pairs, or of plain strings.

    >>> list(records_of(["acgt"]))
    [Record(name='s0', sequence='ACGT')]
    """
    if isinstance(sequences, (str, os.PathLike)):
        sequences = read_fasta(sequences)
    for i, given in enumerate(sequences):
        name, letters = (f"s{i}", given) if isinstance(given, str) else given
        yield Record(name, letters.upper())


def read_fasta(path: str | os.PathLike) -> Iterator[Record]:
    """Stream the records of a FASTA file, plain or gzip; their names are first words of headers.
    InputError for what `read_lines` refuses, an empty file, text before the first header, a record
    without name or sequence, a name used twice, or a letter other than ACGTN in either case.
    """
    seen, name, parts = set(), None, []
    try:
        for number, line in enumerate(map(str.strip, read_lines(path)), 1):
            if line.startswith(">"):
                if name is not None:
                    yield _checked(name, "".join(parts), path)
                words, parts = line[1:].split(), []
                need(words, f"{path}: line {number}: '>' without a name; give the record a name")
                name = words[0]
                need(name.isprintable(), f"{path}: line {number}: name {name[:60]!a} holds bytes "
                                         "that are not printable UTF-8; rename the record")
                need(name not in seen, f"{path}: two records are named {name!r}; "
                                       "give each record a name of its own")
                seen.add(name)
            elif line and name is None:
                raise InputError(f"{path}: line {number}: {line[:30]!r} comes before any '>name' "
                                 "line; is this FASTA?")
            else:
                parts.append(line)
    except InputError as error:
        if error.__cause__ is None or name is None:
            raise
        place = f"record {name!r}, after position {sum(map(len, parts))}"
        raise InputError(f"{error}; it breaks off in {place}") from error.__cause__
    need(name is not None,
         f"{path}: the file is empty; expected FASTA, a line '>name' and then the sequence")
    yield _checked(name, "".join(parts), path)


def _checked(name: str, sequence: str, where: object) -> Record:
    sequence = sequence.upper()
    need(sequence, f"{where}: record {name!r} has no sequence; remove it or add its letters")
    if bad := re.search("[^ACGTN]", sequence):
        letter, place = bad.group(), f"{where}: record {name!r}, position {bad.start() + 1}"
        advice = "replace U by T" if letter == "U" else "write N for an unknown base"
        advice = "is this a protein file?" if letter in "EFILPQZX*" else advice
        raise InputError(f"{place}: letter {letter!r} is not one of A, C, G, T, N; {advice}")
    return Record(name, sequence)


def write_fasta(path: str | os.PathLike, records: Iterable[Record | tuple[str, str]]) -> None:
    """Write records as FASTA, one line per sequence, as `write_atomic` does; same records,
    same bytes. InputError for a record that `read_fasta` would refuse.

    >>> write_fasta("two.fa.gz", [("peak_1", "ACGT"), ("peak_2", "GGNCC")])
    >>> next(read_fasta("two.fa.gz"))
    Record(name='peak_1', sequence='ACGT')
    """
    lines = []
    for name, sequence in records:
        need(name.split() == [name],
             f"{path}: record name {name!r} must be one word without spaces; rename it")
        lines.append(f">{name}\n{_checked(name, sequence, path).sequence}\n")
    write_atomic(path, "".join(lines))


def to_codes(letters: str, name: str = "number 0") -> UInt8[np.ndarray, " L"]:
    """Codes of a sequence; InputError for a letter other than ACGTN in either case.

    >>> to_codes("acGTN")
    array([0, 1, 2, 3, 4], dtype=uint8)
    """
    codes = _CODES[np.frombuffer(letters.encode("latin-1", "replace"), dtype=np.uint8)]
    if (codes == 255).any():
        _checked(name, letters, "sequences")
    return codes


def to_letters(codes: UInt8[np.ndarray, " L"]) -> str:
    """Letters of codes."""
    return np.frombuffer(b"ACGTN", dtype=np.uint8)[codes].tobytes().decode()


def from_codes(codes: UInt8[np.ndarray, "B L"]) -> Float[Tensor, "B 4 L"]:
    """One-hot of codes."""
    codes = torch.as_tensor(codes)
    bases = torch.arange(4, dtype=torch.uint8, device=codes.device)
    return (codes[:, None] == bases[:, None]).float()


def one_hot(sequences: Sequence[str], length: int | None = None) -> Float[Tensor, "B 4 L"]:
    """One-hot of sequences, padded with zeros on the right to L = `length`, by default that of the
    longest: coordinates hold. InputError for a longer one, or a letter other than ACGTN.

    >>> one_hot(["ACN"])[0].tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    need(not isinstance(sequences, str),
         "one_hot: expected a list of sequences, got a single string; write [sequence]")
    length = max(map(len, sequences), default=0) if length is None else length
    codes = np.full((len(sequences), length), UNKNOWN, dtype=np.uint8)
    for i, sequence in enumerate(sequences):
        need(len(sequence) <= length,
             f"sequence {i} has {len(sequence)} letters, more than length={length}; cut it")
        codes[i, : len(sequence)] = to_codes(sequence, f"number {i}")
    return from_codes(codes)


def codes_of(x: Float[Tensor, "B 4 L"]) -> UInt8[np.ndarray, "B L"]:
    """Codes of one-hot sequences, N for zeros; InputError for another shape or other columns."""
    need(x.ndim == 3 and x.shape[1] == 4, "decode: expected one-hot of shape (B, 4, L), got "
         f"{tuple(x.shape)}; rearrange the axes")
    x = x.detach().cpu()
    ones = x == 1
    need(((ones.sum(1) <= 1) & (ones.sum(1) == (x != 0).sum(1))).all(), "decode: a column is "
         "neither one-hot nor zeros; take the argmax of soft sequences first")
    return torch.where(ones.any(1), ones.to(torch.uint8).argmax(1), UNKNOWN).to(torch.uint8).numpy()


def decode(x: Float[Tensor, "B 4 L"]) -> list[str]:
    """Letters of one-hot sequences, as `codes_of`."""
    return [to_letters(row) for row in codes_of(x)]


def reverse_complement(x: str | Tensor) -> str | Tensor:
    """The other strand, read 5' to 3': of a string, or of a tensor ``(..., 4, L)``.

    >>> reverse_complement("AACGN")
    'NCGTT'
    """
    return x.translate(_COMPLEMENT)[::-1] if isinstance(x, str) else x.flip(-2, -1)


def shuffle(sequences: Sequence[str], *, kind: str = "dinucleotide", seed: int = 0) -> list[str]:
    """Shuffle each sequence by itself, as `shuffle_codes`.

    >>> shuffle(["ACGTTGCANNAC"], seed=1)[0][8:]
    'NNAC'
    """
    rows = [to_codes(sequence, f"number {i}") for i, sequence in enumerate(sequences)]
    return [to_letters(row) for row in shuffle_codes(rows, kind=kind, seed=seed)]


def shuffle_codes(rows: Sequence[UInt8[np.ndarray, " L"]], *, kind: str = "dinucleotide",
                  seed: int = 0) -> Sequence[UInt8[np.ndarray, " L"]]:
    """Shuffle rows of codes in place, each stretch without N by itself, keeping its letter counts
    ("mononucleotide") or its counts of letter pairs; the same rows are given back.

    Pairs are shuffled as a random Eulerian path (Altschul and Erickson 1985, by tangermeme): the
    ends stay, and so does what follows the last A, the last C, ...; in short sequences it matters.
    """
    need(kind in ("dinucleotide", "mononucleotide"),
         f"shuffle: unknown kind {kind!r}; use 'dinucleotide' or 'mononucleotide'")
    stretches = defaultdict(list)  # by length, as views into rows
    for row in rows:
        edges = np.flatnonzero(np.diff(row < UNKNOWN, prepend=False, append=False))
        for start, end in edges.reshape(-1, 2):
            stretches[end - start].append(row[start:end])
    rng = np.random.default_rng(seed)
    for length, views in sorted(stretches.items()):
        mixed = np.stack(views)  # (n, length)
        if kind == "mononucleotide":
            mixed = rng.permuted(mixed, axis=1)
        elif length > 3:  # else the ends, which stay, leave nothing to move
            mixed = _shuffle_pairs(mixed, rng)
        for view, new in zip(views, mixed, strict=True):
            view[:] = new
    return rows


def _shuffle_pairs(codes: UInt8[np.ndarray, "n L"], rng: np.random.Generator) -> np.ndarray:
    if "tangermeme" not in sys.modules:
        log.info("loading the dinucleotide shuffle; compiling, the first time ever, takes seconds")
    place_for_compiled("tangermeme")
    from tangermeme.ersatz import dinucleotide_shuffle  # brings numba, which is slow to import

    seeds, parts = rng.integers(2**31, size=len(codes)).tolist(), []
    for i in range(0, len(codes), PART):
        x, own = from_codes(codes[i : i + PART]).to(torch.int8), seeds[i : i + PART]
        mixed = dinucleotide_shuffle(x, n=1, random_state=own)[:, 0]
        parts.append(mixed.argmax(1).numpy().astype(np.uint8))
    return np.concatenate(parts)
