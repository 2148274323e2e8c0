"""Motifs as position-frequency matrices: information, trimming, MEME files, JASPAR, comparison with
TOMTOM.

Letters: w width of a motif. A matrix is ``(4, w)``, rows in the order ACGT, columns sum to 1.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from motiflib.files import InputError, read_lines, write_atomic
from motiflib.sequence import BASES

log = logging.getLogger(__name__)
JASPAR_RELEASE = "JASPAR2026"
JASPAR_TAXA = ("vertebrates", "fungi", "insects", "nematodes", "plants", "urochordates", "diatoms")
_HEADS = """SELECT m.ID, BASE_ID, VERSION, NAME, VAL FROM MATRIX m LEFT JOIN MATRIX_ANNOTATION a
    ON a.ID = m.ID AND TAG = 'tax_group' WHERE COLLECTION = 'CORE'"""
_CELLS = "SELECT ID, val FROM MATRIX_DATA ORDER BY ID, row, col"
_MEME_HEADER = (
    "MEME version 5\n\nALPHABET= ACGT\n\nstrands: + -\n\nBackground letter frequencies\nA 0.25 C 0.25 G 0.25 T 0.25\n"
)
TOMTOM_COLUMNS = ["motif", "jaspar_id", "jaspar_name", "p_value", "offset", "strand", "correlation"]


@dataclass(frozen=True, eq=False)
class Motif:
    """A named position-frequency matrix; `source` says where it is from (for JASPAR its id),
    `sites` how many made it.

    The matrix is copied, scaled to columns that sum to exactly 1, and read-only.

    Raises:
        InputError: a matrix that is not (4, w) with w >= 1, has a negative or infinite entry, or a
            column that does not sum to 1 within 2%.

    Example:
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
        if pfm.ndim != 2 or pfm.shape[0] != 4 or pfm.shape[1] < 1:
            raise InputError(f"motif {self.name!r}: a matrix must be (4, width), got {pfm.shape}; transpose it?")
        total = pfm.sum(axis=0)
        if not (np.isfinite(pfm).all() and (pfm >= 0).all() and (abs(total - 1) < 0.02).all()):
            raise InputError(f"motif {self.name!r}: frequencies must be >= 0 and columns sum to 1; divide counts first")
        pfm = pfm / total
        pfm.flags.writeable = False
        object.__setattr__(self, "pfm", pfm)

    @property
    def width(self) -> int:
        """Number of columns."""
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

    def trim(self, bits: float = 0.3) -> Motif:
        """Cut flanking columns below `bits`; a motif without any better column keeps its best
        one."""
        return self.slice(*self._flanks(bits))

    def _flanks(self, bits: float = 0.3) -> tuple[int, int]:
        good = np.flatnonzero(self.information >= bits)
        first, last = (good[0], good[-1]) if len(good) else [self.information.argmax()] * 2
        return int(first), int(last) + 1

    def reverse_complement(self) -> Motif:
        """The motif as read on the other strand."""
        return replace(self, pfm=self.pfm[::-1, ::-1])

    def pwm(self, pseudocount: float = 1e-3, background: Sequence[float] | None = None) -> Float[np.ndarray, "4 w"]:
        """Log-odds in bits, ``log2((p + pseudocount) / (1 + 4 pseudocount) / background)``,
        background uniform."""
        base = np.full(4, 0.25) if background is None else np.asarray(background, dtype=np.float64)
        return np.log2((self.pfm + pseudocount) / (1 + 4 * pseudocount) / base[:, None])


def read_meme(path: str | os.PathLike) -> list[Motif]:
    """Motifs of a MEME text file (letter-probability matrices), in file order; the second name is
    kept as `source`.

    Raises:
        InputError: no such file, no motif in it, not a DNA alphabet, or a broken matrix (with the
        motif's name).

    Example:
        >>> write_meme("m.meme", [jaspar("REST")])
        >>> read_meme("m.meme")[0].name
        'REST'
    """
    lines, motifs, name, source = [line.strip() for line in read_lines(path)], [], "", ""
    for number, line in enumerate(lines):
        if line.startswith("MOTIF"):
            name, _, source = line[5:].strip().partition(" ")
        elif line.startswith("letter-probability matrix"):
            motifs.append(_meme_matrix(path, lines, number, name, source))
    if not motifs:
        raise InputError(f"{path}: no 'MOTIF' with a 'letter-probability matrix'; expected a MEME text file")
    return motifs


def write_meme(path: str | os.PathLike, motifs: Iterable[Motif]) -> None:
    """Write motifs as a MEME version 5 text file, six decimals, whole or not at all.

    Raises:
        InputError: a motif name with spaces, or a path that cannot be written.

    Example:
        >>> write_meme("m.meme", [jaspar("MA0138.3")])
    """
    text = [_MEME_HEADER]
    for motif in motifs:
        if motif.name.split() != [motif.name]:
            raise InputError(f"{path}: motif name {motif.name!r} must be one word without spaces; rename it")
        text.append(f"\nMOTIF {motif.name} {motif.source}".rstrip() + "\n")
        text.append(f"letter-probability matrix: alength= 4 w= {motif.width} nsites= {motif.sites} E= 0\n")
        text += [" ".join(f"{p:.6f}" for p in column) + "\n" for column in motif.pfm.T]
    write_atomic(path, "".join(text))


def jaspar(id_or_name: str) -> Motif:
    """A JASPAR 2026 CORE motif by matrix id ("MA0138.3"), base id ("MA0138", its latest version) or
    name ("REST").

    Case does not matter; of several with one name, vertebrates come first, then the lowest id.
    `source` is the full id.

    Raises:
        InputError: no such id or name.

    Example:
        >>> jaspar("MA0138").source
        'MA0138.3'
    """
    wanted = id_or_name.strip().upper()
    tables = _jaspar_tables()
    for base, _, motif in [tables[wanted]] if wanted in tables else tables.values():
        if wanted in (motif.source, base, motif.name.upper()):
            return motif
    raise InputError(f"{JASPAR_RELEASE}: no motif with id or name {id_or_name!r}; check the spelling")


def jaspar_collection(taxon: str = "vertebrates") -> list[Motif]:
    """The latest version of every JASPAR 2026 CORE motif of a group of species, or of "all"; read
    once, then cached.

    Raises:
        InputError: an unknown taxon; the message lists the known ones.

    Example:
        >>> len(jaspar_collection("vertebrates"))
        1019
    """
    if taxon not in (*JASPAR_TAXA, "all"):
        raise InputError(f"JASPAR: unknown taxon {taxon!r}; choose one of {', '.join(JASPAR_TAXA)}, all")
    newest: dict[str, Motif] = {}
    for base, group, motif in _jaspar_tables().values():
        if taxon in ("all", group):
            newest.setdefault(base, motif)
    return list(newest.values())


def tomtom(queries: Sequence[Motif], targets: Sequence[Motif] | None = None, top: int = 1) -> pd.DataFrame:
    """The `top` most similar targets of each query by TOMTOM (Gupta et al. 2007, by memelite), best
    first.

    Columns: motif; jaspar_id, jaspar_name (source and name of the target, by default JASPAR
    vertebrates); p_value of the pair, not corrected for the number of targets; offset (target
    column under the first column of the query, which is reverse-complemented first where strand is
    "-"); correlation, as in `aligned_correlation`, of that alignment. Flanks below 0.3 bits are not
    compared; a query without a better column gets p_value 1. No query: an empty table. Raises
    InputError without targets. Below 25 of them memelite warns that p-values say little.

    >>> tomtom([jaspar("REST").slice(0, 9)]).jaspar_name[0]
    'REST'
    """
    targets = jaspar_collection() if targets is None else list(targets)
    if not targets:
        raise InputError("tomtom: no targets to compare with; leave them out to compare with JASPAR")
    if not queries:
        return pd.DataFrame(columns=TOMTOM_COLUMNS)
    log.info("TOMTOM: %d motifs against %d; the first time, compiling takes a minute", len(queries), len(targets))
    import memelite  # brings numba, which is slow to import

    cores, threads = [query.trim() for query in queries], torch.get_num_threads()
    found = memelite.tomtom([core.pfm for core in cores], [target.pfm for target in targets], n_jobs=1)
    torch.set_num_threads(threads)  # numba gives them back as many as there are cores
    p_values, scores, offsets, _, strands = found  # each (queries, targets)
    rows = []
    for q, (query, core) in enumerate(zip(queries, cores, strict=True)):
        p = p_values[q] if core.information.max() >= 0.3 else np.ones(len(targets))
        for t in np.lexsort((-scores[q], p))[:top]:
            target, offset, sign = targets[t], int(offsets[q, t]), "+"
            shown, start = core.pfm, query._flanks()[0]
            if strands[q, t]:  # memelite turns the target round; we turn the query
                offset, sign = target.width - offset - core.width, "-"
                shown, start = core.pfm[::-1, ::-1], query.width - query._flanks()[1]
            correlation = correlation_at(shown, target.pfm, offset)
            rows.append((query.name, target.source, target.name, float(p[t]), offset - start, sign, correlation))
    return pd.DataFrame(rows, columns=TOMTOM_COLUMNS)


def aligned_correlation(a: Motif, b: Motif) -> float:
    """Pearson correlation of two motifs at their best offset and strand, in [-1, 1]; 0 where one of
    them is flat.

    All columns of the shorter motif count, flat ones standing in where it overhangs the longer: so
    a part matches the whole (1.0), and a chance overlap of few columns is not rewarded.

    Example:
        >>> aligned_correlation(jaspar("REST"), jaspar("REST").slice(9, 17).reverse_complement())
        1.0
    """
    best = -1.0
    for short, long in ((a, b), (b, a)):
        if short.width <= long.width:  # of equal widths, each is tried as the shorter one
            for shown in (short.pfm, short.pfm[::-1, ::-1]):
                for offset in range(1 - short.width, long.width):
                    best = max(best, correlation_at(shown, long.pfm, offset))
    return best


def correlation_at(short: np.ndarray, long: np.ndarray, offset: int) -> float:
    """Correlation of two matrices, column 0 of the first above column `offset` of the second."""
    if short.shape[1] > long.shape[1]:
        short, long, offset = long, short, -offset
    w = short.shape[1]
    lo, hi = max(offset, 0), min(offset + w, long.shape[1])
    x, y = short - 0.25, np.zeros((4, w))  # columns sum to 1, so 1/4 is the mean of any set of columns
    y[:, lo - offset : hi - offset] = long[:, lo:hi] - 0.25
    norm = np.sqrt((x * x).sum() * (y * y).sum())
    return float(np.clip((x * y).sum() / norm, -1, 1)) if norm > 1e-9 else 0.0


@lru_cache(maxsize=1)
def _jaspar_tables() -> dict[str, tuple[str, str, Motif]]:
    """All CORE matrices by id: base id, taxon, motif; vertebrates first, then by id, newest
    first."""
    from pyjaspar import (
        jaspardb,  # its own fetch_motifs runs six queries a motif: 7 s for what takes 0.3 s here
    )

    with contextlib.closing(jaspardb(release=JASPAR_RELEASE).conn) as database:
        heads = database.execute(_HEADS).fetchall()
        cells = database.execute(_CELLS).fetchall()
    counts: dict[int, list[float]] = {}
    for key, value in cells:  # a key's values come row by row, A C G T
        counts.setdefault(key, []).append(value)
    order = {taxon: i for i, taxon in enumerate(JASPAR_TAXA)}
    heads.sort(key=lambda head: (order.get(head[4], 99), head[1], -head[2]))
    tables = {}
    for key, base, version, name, taxon in heads:
        matrix, source = np.array(counts[key]).reshape(4, -1), f"{base}.{version}"
        total = matrix.sum(axis=0)
        tables[source] = (base, taxon, Motif(name, matrix / total, source, round(float(total.max()))))
    return tables


def _meme_matrix(path: object, lines: list[str], start: int, name: str, source: str) -> Motif:
    """The matrix whose header is lines[start]."""
    where = f"{path}: motif {name!r}, line {start + 1}"
    facts = dict(re.findall(r"(\w+)\s*=\s*(\S+)", lines[start]))
    if not name or facts.get("alength", "4") != "4":
        raise InputError(f"{where}: expected a named DNA motif (alength= 4); is this a protein file?")
    rows = []
    for line in lines[start + 1 :]:
        if not re.match(r"[\d.+-]", line):
            break
        rows.append(line.split())
    if {len(row) for row in rows} != {4} or len(rows) != int(facts.get("w", len(rows))):
        raise InputError(f"{where}: expected {facts.get('w', 'some')} rows of 4 numbers; is the file cut short?")
    try:
        return Motif(name, np.array(rows, dtype=float).T, source, int(float(facts.get("nsites", 0))))
    except ValueError as error:  # also an InputError, which does not know the file
        raise InputError(f"{where}: {error}") from error
