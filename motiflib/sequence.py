"""Sequences in and out: FASTA, one-hot, reverse complement, shuffles.

Letters: B batch, L length. One layout everywhere: one-hot ``(B, 4, L)``, channels in the order
ACGT, ``N`` = zeros, coordinates 0-based half-open.
"""

from __future__ import annotations

import gzip
import logging
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from motiflib.files import InputError, read_lines, write_atomic

log = logging.getLogger(__name__)
BASES = "ACGT"
_COMPLEMENT = str.maketrans("ACGTNacgtn", "TGCANtgcan")
_NOT_DNA = re.compile("[^ACGTN]")
_N_FREE = re.compile("[ACGT]+")
_LETTERS = np.frombuffer(b"ACGTN", dtype=np.uint8)
_CODES = np.full(256, 255, dtype=np.uint8)  # byte of a letter -> 0..3, N -> 4, anything else -> 255
for _code, _letter in enumerate(BASES + "N"):
    _CODES[[ord(_letter), ord(_letter.lower())]] = _code


class Record(NamedTuple):
    """A named sequence, upper case, letters ACGTN only."""

    name: str
    sequence: str


def read_fasta(path: str | os.PathLike) -> Iterator[Record]:
    """Stream the records of a FASTA file, plain or gzip (told by its first bytes, not by its name).

    The name of a record is the first word of its header. Lower case becomes upper case; line ends
    may be of any system.

    Raises:
        InputError: what `read_lines` refuses, an empty file, text before the first header, a record
            without name or sequence, a name used twice, or a letter other than ACGTN (with record
            and 1-based position).

    Example:
        >>> records = list(read_fasta("peaks.fa.gz"))
        >>> records[0].name, records[0].sequence[:4]
        ('peak_1', 'ACGT')
    """
    seen: set[str] = set()
    for name, sequence in _raw_records(path):
        if name in seen:
            raise InputError(f"{path}: two records are named {name!r}; give each record a name of its own")
        seen.add(name)
        yield _checked(name, sequence, path)
    if not seen:
        raise InputError(f"{path}: the file is empty; expected FASTA, a line '>name' and then the sequence")


def write_fasta(path: str | os.PathLike, records: Iterable[Record | tuple[str, str]]) -> None:
    """Write records as FASTA, one line per sequence, whole or not at all; gzip where the path ends
    in ``.gz``.

    The same records always give the same bytes.

    Raises:
        InputError: a record that `read_fasta` would refuse, or a path that cannot be written.

    Example:
        >>> write_fasta("two.fa", [Record("a", "ACGT"), ("b", "GGNCC")])
        >>> [record.name for record in read_fasta("two.fa")]
        ['a', 'b']
    """
    lines = []
    for name, sequence in records:
        if not name or name.split() != [name]:
            raise InputError(f"{path}: record name {name!r} must be one word without spaces; rename it")
        record = _checked(name, sequence, path)
        lines.append(f">{record.name}\n{record.sequence}\n")
    data = "".join(lines).encode()
    write_atomic(path, gzip.compress(data, mtime=0) if str(path).endswith(".gz") else data)


def one_hot(sequences: Sequence[str], length: int | None = None) -> Float[Tensor, "B 4 L"]:
    """Encode sequences as ``(B, 4, L)`` float32; shorter ones are padded with zeros on the right,
    so coordinates hold.

    `length` is L, by default that of the longest sequence.

    Raises:
        InputError: a letter other than ACGTN in either case, or a sequence longer than `length`.

    Example:
        >>> one_hot(["ACN"])[0].tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    codes = torch.from_numpy(_encode(sequences, length))  # (B, L)
    return (codes[:, None] == torch.arange(4, dtype=torch.uint8)[:, None]).float()  # (B, 4, L)


def decode(x: Float[Tensor, "B 4 L"]) -> list[str]:
    """Letters of one-hot sequences, upper case; a column of zeros is ``N``.

    Raises:
        InputError: not of shape (B, 4, L), or a column that is neither one-hot nor zeros.

    Example:
        >>> decode(one_hot(["acgtn"]))
        ['ACGTN']
    """
    if x.ndim != 3 or x.shape[1] != 4:
        raise InputError(f"decode: expected one-hot of shape (B, 4, L), got {tuple(x.shape)}; rearrange the axes")
    ones = x.detach().cpu() == 1
    if not bool(((ones.sum(1) <= 1) & (ones.sum(1) == (x.detach().cpu() != 0).sum(1))).all()):
        raise InputError("decode: a column is neither one-hot nor zeros; take the argmax of soft sequences first")
    codes = torch.where(ones.any(1), ones.to(torch.uint8).argmax(1), 4).numpy()  # (B, L)
    return [row.tobytes().decode() for row in _LETTERS[codes]]


def reverse_complement(x: str | Tensor) -> str | Tensor:
    """The other strand, read 5' to 3': of a string, or of a tensor ``(..., 4, L)``, flipping bases
    and positions.

    Example:
        >>> reverse_complement("AACGN")
        'NCGTT'
    """
    if isinstance(x, str):
        return x.translate(_COMPLEMENT)[::-1]
    return x.flip(-2, -1)


def shuffle(sequences: Sequence[str], *, kind: str = "dinucleotide", seed: int = 0) -> list[str]:
    """Shuffle each sequence by itself, keeping its letter counts or, with "dinucleotide", its
    counts of letter pairs.

    Each stretch without ``N`` is shuffled in its own place, so N and lengths stay as they are. The
    dinucleotide shuffle is a random Eulerian path (after Altschul and Erickson 1985, by
    tangermeme): first and last letter stay, and so does what follows the last A, the last C, ...;
    that matters for very short sequences only. Same seed, same result.

    Raises:
        InputError: an unknown `kind`, or a letter other than ACGTN.

    Example:
        >>> shuffle(["ACGTTGCANNAC"], seed=1)[0][8:]
        'NNAC'
    """
    if kind not in ("dinucleotide", "mononucleotide"):
        raise InputError(f"shuffle: unknown kind {kind!r}; use 'dinucleotide' or 'mononucleotide'")
    rows = [_encode_one(i, sequence) for i, sequence in enumerate(sequences)]
    runs: dict[int, list[np.ndarray]] = {}  # stretches without N by length, as views into rows; shuffled in place
    for row, sequence in zip(rows, sequences, strict=True):
        for match in _N_FREE.finditer(sequence.upper()):
            runs.setdefault(match.end() - match.start(), []).append(row[match.start() : match.end()])
    rng = np.random.default_rng(seed)
    for length in sorted(runs):
        stack = np.stack(runs[length])  # (n, length)
        mixed = _shuffle_pairs(stack, rng) if kind == "dinucleotide" else rng.permuted(stack, axis=1)
        for view, new in zip(runs[length], mixed, strict=True):
            view[:] = new
    return [_LETTERS[row].tobytes().decode() for row in rows]


def _shuffle_pairs(codes: UInt8[np.ndarray, "n L"], rng: np.random.Generator) -> UInt8[np.ndarray, "n L"]:
    if codes.shape[1] < 4:  # ends are fixed: nothing to move
        return codes
    if "tangermeme" not in sys.modules:
        log.info("loading the dinucleotide shuffle; the first time ever, compiling takes some seconds")
    from tangermeme.ersatz import dinucleotide_shuffle  # brings numba, which is slow to import

    seeds = rng.integers(2**31, size=len(codes)).tolist()
    x = torch.from_numpy((codes[:, None] == np.arange(4, dtype=np.uint8)[:, None]).astype(np.int8))  # (n, 4, L)
    return dinucleotide_shuffle(x, n=1, random_state=seeds)[:, 0].argmax(1).numpy().astype(np.uint8)


def _encode(sequences: Sequence[str], length: int | None) -> UInt8[np.ndarray, "B L"]:
    if isinstance(sequences, str):
        raise InputError("one_hot: expected a list of sequences, got a single string; write [sequence]")
    longest = max(map(len, sequences), default=0)
    length = longest if length is None else length
    if longest > length:
        i = next(i for i, sequence in enumerate(sequences) if len(sequence) > length)
        raise InputError(f"sequence {i} has {len(sequences[i])} letters, more than length={length}; cut it")
    codes = np.full((len(sequences), length), 4, dtype=np.uint8)
    for i, sequence in enumerate(sequences):
        codes[i, : len(sequence)] = _encode_one(i, sequence)
    return codes


def _encode_one(i: int, sequence: str) -> UInt8[np.ndarray, " L"]:
    codes = _CODES[np.frombuffer(sequence.encode("latin-1", "replace"), dtype=np.uint8)]
    if (codes == 255).any():
        _checked(f"number {i}", sequence, "sequences")
    return codes


def _checked(name: str, sequence: str, where: object) -> Record:
    sequence = sequence.upper()
    if not sequence:
        raise InputError(f"{where}: record {name!r} has no sequence; remove it or add its letters")
    bad = _NOT_DNA.search(sequence)
    if bad:
        letter = bad.group()
        advice = "replace U by T" if letter == "U" else "write N for an unknown base"
        if letter in "EFILPQZX*":
            advice = "is this a protein file?"
        place = f"record {name!r}, position {bad.start() + 1}"
        raise InputError(f"{where}: {place}: letter {letter!r} is not one of A, C, G, T, N; {advice}")
    return Record(name, sequence)


def _raw_records(path: str | os.PathLike) -> Iterator[tuple[str, str]]:
    """Names and joined sequence lines, unchecked."""
    name, parts = None, []
    try:
        for number, line in enumerate(read_lines(path), 1):
            line = line.strip()
            if line.startswith(">"):
                if name is not None:
                    yield name, "".join(parts)
                if not line[1:].strip():
                    raise InputError(f"{path}: line {number}: '>' without a name; give the record a name")
                name, parts = line[1:].split()[0], []
            elif line and name is None:
                raise InputError(f"{path}: line {number}: {line[:30]!r} comes before any '>name' line; is this FASTA?")
            elif line:
                parts.append(line)
    except InputError as error:
        if error.__cause__ is None or name is None:
            raise
        place = f"record {name!r}, after position {sum(map(len, parts))}"
        raise InputError(f"{error}; it breaks off in {place}") from error.__cause__
    if name is not None:
        yield name, "".join(parts)
