"""Motifs as position-frequency matrices: information, trimming, MEME files, alignment.

Letters: w width of a motif. A matrix is ``(4, w)``, rows in the order ACGT, columns sum to 1.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from motiflib.files import InputError, need, read_lines, write_atomic
from motiflib.sequence import BASES

MOST = 300_000  # lines of a MEME file, of each of which 500 letters count


@dataclass(frozen=True, eq=False)
class Motif:
    """A named position-frequency matrix, read-only, columns scaled to sum to 1; `source` says where
    it is from (for JASPAR its id), `sites` how many made it. InputError for a matrix that is not
    (4, w), has a negative or infinite entry, or a column more than 2% off 1.

    >>> motif = Motif("E-box", np.eye(4)[:, [1, 0, 1, 2, 3, 2]])
    >>> motif.consensus, motif.information_bits
    ('CACGTG', 12.0)
    """

    name: str
    pfm: Float[np.ndarray, "4 w"]
    source: str = ""
    sites: int = 0

    def __post_init__(self) -> None:
        pfm = np.array(self.pfm, dtype=np.float64)
        need(pfm.ndim == 2 and len(pfm) == 4 and pfm.size,
             f"motif {self.name!r}: a matrix must be (4, width), got {pfm.shape}; transpose it?")
        total = pfm.clip(0, 2).sum(axis=0)  # an entry above is refused anyway
        need(np.isfinite(pfm).all() and (pfm >= 0).all() and (abs(total - 1) < 0.02).all(),
             f"motif {self.name!r}: frequencies must be >= 0 and columns sum to 1; "
             "divide counts first")
        pfm = pfm / total
        pfm.flags.writeable = False
        object.__setattr__(self, "pfm", pfm)

    @property
    def width(self) -> int:
        return self.pfm.shape[1]

    @property
    def information(self) -> Float[np.ndarray, " w"]:
        """Bits per column, ``2 + sum_c p log2 p``, between 0 and 2."""
        p = self.pfm
        return np.maximum(2 + (p * np.log2(np.where(p > 0, p, 1))).sum(axis=0), 0.0)

    @property
    def information_bits(self) -> float:
        """Bits of the whole motif."""
        return float(self.information.sum())

    @property
    def consensus(self) -> str:
        """The most frequent letter of each column; N where a column holds less than 0.25 bits."""
        letters = np.array(list(BASES))[self.pfm.argmax(axis=0)]
        return "".join(np.where(self.information < 0.25, "N", letters))

    def slice(self, start: int, end: int) -> Motif:
        """Columns [start, end) as a motif of the same name."""
        return replace(self, pfm=self.pfm[:, start:end])

    def core(self, bits: float = 0.3) -> tuple[int, int]:
        """Half-open range of columns without flanks below `bits`; the best column at least."""
        good = np.flatnonzero(self.information >= bits)
        first, last = (good[0], good[-1]) if len(good) else [self.information.argmax()] * 2
        return int(first), int(last) + 1

    def trim(self, bits: float = 0.3) -> Motif:
        """The motif without flanking columns below `bits`."""
        return self.slice(*self.core(bits))

    def reverse_complement(self) -> Motif:
        """The motif as read on the other strand."""
        return replace(self, pfm=self.pfm[::-1, ::-1])

    def pwm(self, pseudocount: float = 0.01) -> Float[np.ndarray, "4 w"]:
        """Log-odds against equal bases in bits, ``log2(4 (p + c) / (1 + 4 c))``, c pseudocount."""
        return np.log2((self.pfm + pseudocount) / (1 + 4 * pseudocount) / 0.25)


def read_meme(path: str | os.PathLike) -> list[Motif]:
    """Motifs of a MEME text file, in file order, the second name as `source`; else InputError."""
    lines = [line.strip()[:500] for line in itertools.islice(read_lines(path), MOST)]
    need(len(lines) < MOST, f"{path}: {MOST:,} lines or more; expected a MEME file")
    motifs, name, source = [], "", ""
    for number, line in enumerate(lines, 1):
        if line.startswith("MOTIF"):
            name, source = [*line[5:].split(None, 1), "", ""][:2]  # also between tabs
        if not line.startswith("letter-probability matrix"):
            continue
        words = line.replace("=", " = ").replace(":", ": ").split()
        facts = {key: value for key, sign, value, after  # one may be empty, as in nsites= E= 0
                 in zip(words, words[1:], words[2:], [*words[3:], ""], strict=False)
                 if sign == "=" and after != "="}
        below = itertools.takewhile(re.compile(r"[\d.+-]").match, lines[number:])
        rows = [numbers.split() for numbers in below]
        try:
            need(name and facts.get("alength", "4") == "4",
                 "expected a named DNA motif (alength= 4); is this a protein file?")
            need({len(row) for row in rows} == {4} and len(rows) == int(facts.get("w", len(rows))),
                 f"expected {facts.get('w', 'some')} rows of 4 numbers; is the file cut short?")
            sites = int(float(facts.get("nsites", 0)))
            motifs.append(Motif(name, np.array(rows, dtype=float).T, source, sites))
        except (ValueError, OverflowError) as error:  # an InputError does not know the file
            raise InputError(f"{path}: motif {name!r}, line {number}: {error}") from error
    need(motifs, f"{path}: no 'MOTIF' with a 'letter-probability matrix'; expected a MEME file")
    return motifs


def write_meme(path: str | os.PathLike, motifs: Iterable[Motif]) -> None:
    """Write motifs as a MEME 5 text file, whole or not at all; InputError for a name with spaces.

    >>> write_meme("m.meme", found.motifs)
    >>> [motif.name for motif in read_meme("m.meme")]
    ['M1', 'M2']
    """
    text = ["MEME version 5\n\nALPHABET= ACGT\n\nstrands: + -\n\n"
            "Background letter frequencies\nA 0.25 C 0.25 G 0.25 T 0.25\n"]
    for m in motifs:
        need(m.name.split() == [m.name],
             f"{path}: motif name {m.name!r} must be one word without spaces; rename it")
        text.append("\n" + " ".join(["MOTIF", m.name, *m.source.split()]) + "\n")
        text.append(f"letter-probability matrix: alength= 4 w= {m.width} nsites= {m.sites} E= 0\n")
        text += [" ".join(f"{p:.6f}" for p in column) + "\n" for column in m.pfm.T]
    write_atomic(path, "".join(text))


def align(a: Motif, b: Motif) -> tuple[float, int, str]:
    """Best alignment of b with a: correlation (`correlation_at`), where b starts in a, b's strand.

    >>> align(found.motifs[0], found.motifs[0].slice(2, 7))
    (1.0, 2, '+')
    """
    fits = [(correlation_at(a.pfm, shown.pfm, -shift), shift, strand)
            for strand, shown in (("+", b), ("-", b.reverse_complement()))
            for shift in range(1 - b.width, a.width)]
    return max(fits, key=lambda fit: fit[0])


def aligned_correlation(a: Motif, b: Motif) -> float:
    """Correlation (`correlation_at`) of two motifs at their best offset and strand."""
    best = -1.0
    for short, long in ((a, b), (b, a)):
        if short.width <= long.width:  # of equal widths, each is tried as the shorter one
            for shown in (short.pfm, short.pfm[::-1, ::-1]):
                for offset in range(1 - short.width, long.width):
                    best = max(best, correlation_at(shown, long.pfm, offset))
    return best


def correlation_at(short: Float[np.ndarray, "4 w"], long: Float[np.ndarray, "4 v"],
                   offset: int) -> float:
    """Pearson correlation of two matrices, column 0 of the first above column `offset` of the
    second; 0 where one is flat.

    All columns of the shorter one count, flat ones standing in where it overhangs the longer: so a
    part matches the whole (1.0), and a chance overlap of few columns is not rewarded.
    """
    if short.shape[1] > long.shape[1]:
        short, long, offset = long, short, -offset
    w = short.shape[1]
    lo, hi = max(offset, 0), min(offset + w, long.shape[1])
    x, y = short - 0.25, np.zeros((4, w))  # columns sum to 1, so 1/4 is the mean of any of them
    y[:, lo - offset : hi - offset] = long[:, lo:hi] - 0.25
    norm = np.sqrt((x * x).sum() * (y * y).sum())
    return float(np.clip((x * y).sum() / norm, -1, 1)) if norm > 1e-9 else 0.0
