"""Intervals on chromosomes: BED, narrowPeak and summit files in, windows around summits out; names of chromosomes.

Coordinates are 0-based half-open, as in BED.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from motiflib.sequence import InputError, read_lines

COLUMNS = ["chrom", "start", "end", "name", "score", "strand", "summit"]
NARROWPEAK = 10  # columns; the last is the distance of the summit from the start, or -1
ROMAN = dict(zip("I II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI".split(), map(str, range(1, 17)), strict=True))
WHOLE = " *-?[0-9]{1,18} *"  # int() would also take 1_0 and the digits of other scripts
MITOCHONDRION = ("M", "MT", "MITO", "MITOCHONDRION")


def read_intervals(path: str | os.PathLike) -> pd.DataFrame:
    """Intervals of a BED file of 3 columns or more, a narrowPeak or a summit file, plain or gzip, in the file's order.

    Columns: chrom, start, end, name ("chrom:start-end" where the file has none), score (text), strand (+, - or .), and
    summit, the 0-based position of the signal's top: that of a narrowPeak file, else the middle. Order does not matter;
    line ends may be of any system; lines that begin with #, track or browser are skipped.

    Raises:
        InputError: what `sequence.read_lines` refuses; no interval; a line with fewer than 3 columns, with a start or
            end that is no number, below 0, or an end that is not after the start (as in 1-based files).

    Example:
        >>> read_intervals("peaks.bed").columns.tolist()
        ['chrom', 'start', 'end', 'name', 'score', 'strand', 'summit']
    """
    rows = []
    for number, line in enumerate(read_lines(path), 1):
        line = line.strip()
        if line and not line.startswith("#") and line.split()[0] not in ("track", "browser"):
            rows.append(_row(f"{path}: line {number}", line))
    if not rows:
        raise InputError(f"{path}: no interval in this file; expected BED: chromosome, start, end")
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(where: str, line: str) -> tuple:
    cells = line.split("\t") if "\t" in line else line.split()
    if len(cells) < 3:
        raise InputError(f"{where}: {len(cells)} column{'s' * (len(cells) > 1)}, expected chromosome, start, end; "
                         "is this BED, with tabs?")  # fmt: skip
    if not all(re.fullmatch(WHOLE, cell) for cell in cells[1:3]):
        raise InputError(f"{where}: start {cells[1]!r} and end {cells[2]!r} are not whole numbers; is this BED? Put # "
                         "before a header")  # fmt: skip
    start, end = int(cells[1]), int(cells[2])
    if start < 0:
        raise InputError(f"{where}: start {start} is below 0; correct it")
    if end <= start:
        advice = "1-based? BED counts from 0: subtract 1 from each start" if end == start else "swap them"
        raise InputError(f"{where}: end {end} is not after start {start}; {advice}")
    name, score, strand = (cells[i] if len(cells) > i else default for i, default in ((3, ""), (4, "."), (5, ".")))
    summit = (start + end) // 2
    if len(cells) == NARROWPEAK and re.fullmatch("[0-9]+", cells[9]):
        summit = start + int(cells[9][:18])  # whatever has more digits lies behind the end too
        if summit >= end:
            raise InputError(f"{where}: summit {cells[9]} lies behind the end of the peak; is this narrowPeak?")
    return cells[0], start, end, name or f"{cells[0]}:{start}-{end}", score, strand if strand in "+-" else ".", summit


def plain_name(chrom: str, roman: bool = False) -> str:
    """A chromosome's name without "chr", M for the mitochondrion; with `roman`, Roman numbers up to XVI as digits.

    >>> plain_name("chrX"), plain_name("chrX", roman=True), plain_name("MT")
    ('X', '10', 'M')
    """
    name = chrom[3:] if chrom.lower().startswith("chr") else chrom
    name = "M" if name.upper() in MITOCHONDRION else name
    return ROMAN.get(name, name) if roman else name


def same_names(wanted: Collection[str], there: Collection[str], *, some: bool = False) -> dict[str, str]:
    """The names in `there` that mean the names `wanted`; empty unless that is so for all of them (or `some`).

    >>> same_names(["chr1", "chr10"], ["chrI", "chrX", "chrM"])
    {'chr1': 'chrI', 'chr10': 'chrX'}
    """
    for roman in (False, True):
        known = {plain_name(name, roman): name for name in there}
        found = {name: known[plain_name(name, roman)] for name in wanted if plain_name(name, roman) in known}
        clear = len(known) == len(set(there)) and len(set(found.values())) == len(found)
        if clear and (len(found) == len(set(wanted)) or some and len(found) > len(wanted) / 2):
            return found
    return {}


def on_genome(
    intervals: pd.DataFrame, chroms: Mapping[str, int], *, rename: bool = False, some: bool = False,
    where: object = "intervals",
) -> pd.DataFrame:  # fmt: skip
    """The same intervals, checked against the chromosomes of a genome (name -> length).

    With `rename`, names such as chr1, 1 and chrI are taken for one another where all of them fit. With `some` (for a
    blacklist), intervals on chromosomes that the genome lacks are left out.

    Raises:
        InputError: names that the genome lacks (and what they may mean there), or an interval beyond a chromosome.

    Example:
        >>> on_genome(peaks, {"chrI": 230218}, rename=True).chrom[0]
        'chrI'
    """
    wanted = list(dict.fromkeys(intervals.chrom))
    unknown = [name for name in wanted if name not in chroms]
    if unknown:
        meant = same_names(wanted, chroms, some=some)
        if not meant and some and len(unknown) < len(wanted):
            return on_genome(intervals[intervals.chrom.isin(list(chroms))], chroms, where=where)
        if not meant:
            has = ", ".join(list(chroms)[:4])
            raise InputError(f"{where}: no chromosome {unknown[0]!r} in the genome, which has {has}, ...; "
                             "leave its intervals out, or give the genome that they were made on")  # fmt: skip
        if not rename:
            pairs = ", ".join(f"{name} = {meant[name]}" for name in unknown[:3]) + ", ..." * (len(unknown) > 3)
            raise InputError(f"{where}: its chromosomes have other names than the genome's; they would fit as "
                             f"{pairs}: if that is right, ask for it with --rename-chroms")  # fmt: skip
        intervals = intervals.assign(chrom=intervals.chrom.map(meant)).dropna(subset=["chrom"])
    beyond = intervals[intervals.end > intervals.chrom.map(chroms)]
    if len(beyond):
        row = beyond.iloc[0]
        raise InputError(f"{where}: {row.chrom}:{row.start}-{row.end} lies beyond the chromosome's end, "
                         f"{chroms[row.chrom]}; is the file of another assembly?")  # fmt: skip
    return intervals


def windows(
    intervals: pd.DataFrame, chroms: Mapping[str, int], width: int, *, blacklist: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Windows of `width` bp with the summit in the middle, and how many intervals gave none, by reason.

    Left out are windows over the edge of a chromosome, those that share a base with the blacklist, and repeated ones.
    Columns: chrom, start, end, name, strand.

    >>> windows(read_intervals("peaks.bed"), genome.chroms, 200)[1]
    {'over an edge': 2, 'in the blacklist': 0, 'repeated': 1}
    """
    if width < 1:
        raise InputError(f"window of {width} bp: must be at least 1")
    table = intervals.assign(start=intervals.summit - width // 2)
    table = table.assign(end=table.start + width)[["chrom", "start", "end", "name", "strand"]]
    inside = (table.start >= 0) & (table.end <= table.chrom.map(chroms))
    listed = inside & overlaps(table, blacklist) if blacklist is not None else np.zeros(len(table), dtype=bool)
    repeated = inside & ~listed & table.duplicated(["chrom", "start"])
    dropped = {"over an edge": int((~inside).sum()), "in the blacklist": int(listed.sum())}
    dropped["repeated"] = int(repeated.sum())
    return table[inside & ~listed & ~repeated].reset_index(drop=True), dropped


def overlaps(table: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    """Which intervals of `table` share at least one base with any of `others`.

    >>> overlaps(pd.DataFrame({"chrom": ["a"], "start": [0], "end": [5]}),
    ...          pd.DataFrame({"chrom": ["a"], "start": [5], "end": [9]}))
    array([False])
    """
    out, chroms = np.zeros(len(table), dtype=bool), table.chrom.to_numpy()
    start, end = table.start.to_numpy(), table.end.to_numpy()
    for chrom, mine in others.groupby("chrom"):
        rows = np.flatnonzero(chroms == chrom)
        begun = np.searchsorted(np.sort(mine.start.to_numpy()), end[rows], side="left")
        ended = np.searchsorted(np.sort(mine.end.to_numpy()), start[rows], side="right")
        out[rows] = begun > ended
    return out
