"""Intervals on chromosomes: BED, narrowPeak and summit files in, windows around summits out; names
of chromosomes.

Coordinates are 0-based half-open, as in BED.
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from motiflib.files import RATIO, InputError, read_lines
from motiflib.genome.fasta import Genome
from motiflib.sequence import shuffle

COLUMNS = ["chrom", "start", "end", "name", "score", "strand", "summit"]
NARROWPEAK = 10  # columns; the last is the distance of the summit from the start, or -1
ROMAN = dict(zip("I II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI".split(), map(str, range(1, 17)), strict=True))
WHOLE = " *-?[0-9]{1,18} *"  # int() would also take 1_0 and the digits of other scripts
MITOCHONDRION = ("M", "MT", "MITO", "MITOCHONDRION")


def read_intervals(path: str | os.PathLike) -> pd.DataFrame:
    """Intervals of a BED file of 3 columns or more, a narrowPeak or a summit file, plain or gzip,
    in the file's order.

    Columns: chrom, start, end, name ("chrom:start-end" where the file has none), score (text),
    strand (+, - or .), and summit, the 0-based position of the signal's top: that of a narrowPeak
    file, else the middle. Order does not matter; line ends may be of any system; lines that begin
    with #, track or browser are skipped.

    Raises:
        InputError: what `sequence.read_lines` refuses; no interval; a line with fewer than 3
            columns, with a start or end that is no number, below 0, or an end that is not after the
            start (as in 1-based files).

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
    """A chromosome's name without "chr", M for the mitochondrion; with `roman`, Roman numbers up to
    XVI as digits.

    >>> plain_name("chrX"), plain_name("chrX", roman=True), plain_name("MT")
    ('X', '10', 'M')
    """
    name = chrom[3:] if chrom.lower().startswith("chr") else chrom
    name = "M" if name.upper() in MITOCHONDRION else name
    return ROMAN.get(name, name) if roman else name


def same_names(wanted: Collection[str], there: Collection[str], *, some: bool = False) -> dict[str, str]:
    """The names in `there` that mean the names `wanted`; empty unless that is so for all of them
    (or `some`).

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

    With `rename`, names such as chr1, 1 and chrI are taken for one another where all of them fit.
    With `some` (for a blacklist), intervals on chromosomes that the genome lacks are left out.

    Raises:
        InputError: names that the genome lacks (and what they may mean there), or an interval
        beyond a chromosome.

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
    """Windows of `width` bp with the summit in the middle, and how many intervals gave none, by
    reason.

    Left out are windows over the edge of a chromosome, those that share a base with the blacklist,
    and repeated ones. Columns: chrom, start, end, name, strand.

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
# Peaks and a genome to labelled examples that carry their coordinates; what to compare peaks with;
# splits.
log = logging.getLogger(__name__)
NEGATIVES = ("gc-matched", "dinucleotide", "flanks")
EXAMPLE_COLUMNS = ["name", "chrom", "start", "end", "strand", "label", "part", "sequence"]
Intervals = str | os.PathLike | pd.DataFrame


def from_peaks(
    genome: Genome, peaks: Intervals, width: int, *, negatives: Intervals = "gc-matched", ratio: int = 1,
    test_chroms: Sequence[str] = (), blacklist: Intervals | None = None, rename: bool = False, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """Examples: windows of `width` bp around the summits of peaks (label 1), and negatives (0),
    `ratio` for each.

    Kinds of negatives: "gc-matched", windows elsewhere on the same part's chromosomes with the same
    distribution of GC (`matched_negatives`); "dinucleotide", shuffled peaks, which keep the
    coordinates of their peak; "flanks", windows beside the peak at 1.5, -1.5, 2.5, ... widths from
    the summit; or intervals (a BED file) of your own. No negative shares a base with a peak's
    window or the blacklist. Columns: name ("chrom:start-end", the summit in the middle), chrom,
    start, end, strand, label, part ("test" on `test_chroms`, else "train"), sequence. What was left
    out is logged, and counted in `.attrs["dropped"]`.

    Raises:
        InputError: what `read_intervals` and `on_genome` refuse, an unknown kind, a part without
        peaks or negatives.

    Example:
        >>> examples = from_peaks(Genome("sacCer3.fa.gz"), "Reb1.bed", 200, test_chroms=["chrIV"], rename=True)
        >>> examples.groupby(["part", "label"]).size()
    """
    _check_ratio(ratio)
    given = _intervals(peaks, genome, rename)
    listed = None if blacklist is None else _intervals(blacklist, genome, rename, some=True)
    ours, dropped = windows(given, genome.chroms, width, blacklist=listed)
    held, tables = ours.chrom.isin(held_out(genome, test_chroms)).to_numpy(), []
    where = "peaks" if isinstance(peaks, pd.DataFrame) else os.fspath(peaks)
    parts = [("train", ~held), ("test", held)] if test_chroms else [("train", ~held)]
    for i, (name, rows) in enumerate(parts):
        if not rows.any():
            there = given[given.chrom.isin(list(test_chroms)) == (name == "test")]
            raise InputError(f"{where}: no peak is left in the {name} part{_why(there, genome, width, listed)}")
        mine = _cut(genome, ours[rows])
        others = _negatives(genome, mine, ours, width, negatives, ratio, listed, rename, seed + i)
        if not len(others):
            raise InputError(f"no negatives for the {name} part; choose another kind, or a smaller window")
        tables += [mine.assign(label=1, part=name), others.assign(label=0, part=name)]
    out = pd.concat(tables, ignore_index=True)[EXAMPLE_COLUMNS]
    out.attrs["dropped"] = dropped
    said = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
    counts = (len(given), len(ours), width, said, len(out) - len(ours))
    log.info("%d peaks: %d windows of %d bp (%s); %d negatives", *counts)
    return out


def _check_ratio(ratio: int) -> None:
    if not 1 <= ratio <= RATIO:
        bound = "at least 1" if ratio < 1 else f"at most {RATIO:,}"
        raise InputError(f"{ratio} negatives for each peak: must be {bound}; choose another ratio")


def _why(given: pd.DataFrame, genome: Genome, width: int, listed: pd.DataFrame | None) -> str:
    """What became of all peaks of a part, and what to change, as the rest of a message."""
    if not len(given):
        return ": none lies on its chromosomes; choose other test chromosomes"
    dropped = windows(given, genome.chroms, width, blacklist=listed)[1]
    said = ", ".join(f"{count} {reason}" for reason, count in dropped.items() if count)
    edge = dropped["over an edge"] >= dropped["in the blacklist"]
    advice = f"choose a window smaller than {width} bp" if edge else "is the blacklist the right file?"
    return f": of {len(given)} windows of {width} bp, {said}; {advice}"


def held_out(genome: Genome, test_chroms: Sequence[str]) -> list[str]:
    """The same names; InputError for one that the genome does not have, or if none would be left to
    train on.

    >>> held_out(Genome("sacCer3.fa.gz"), ["chrIV"])
    ['chrIV']
    """
    for name in test_chroms:
        if name not in genome.chroms:
            raise InputError(f"test chromosome {name!r}: not in the genome, which has {', '.join(genome.chroms)}"[:300])
    if set(test_chroms) >= set(genome.chroms):
        raise InputError("all chromosomes are test chromosomes; leave some to train on")
    return list(test_chroms)


def matched_negatives(
    genome: Genome, table: pd.DataFrame, width: int, *, ratio: int = 1, avoid: pd.DataFrame | None = None,
    seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """Windows with the GC content of those in `table` (bins of 2%), on the same chromosomes, none
    of them twice.

    They come from tangermeme's `extract_matching_loci`, which tiles the chromosomes; tiles that
    touch `table` or `avoid` are left out. Columns chrom, start, end.

    >>> matched_negatives(genome, peaks, 200).chrom.isin(peaks.chrom).all()
    True
    """
    from tangermeme.match import extract_matching_loci  # brings numba, which is slow to import

    _check_ratio(ratio)
    wanted = ratio * len(table)
    many = pd.concat([table[["chrom", "start", "end"]]] * (ratio + (avoid is not None)))  # some to lose to `avoid`
    with tempfile.TemporaryDirectory() as folder:  # tangermeme looks for the index beside the file
        place = Path(folder, "genome.fa")
        for source, name in zip(genome.plain(), ("", ".fai"), strict=True):
            Path(f"{place}{name}").symlink_to(source.resolve())
        found = extract_matching_loci(many, str(place), in_window=width, out_window=width, random_state=seed)
    if avoid is not None:
        found = found[~overlaps(found, avoid)]
    if len(found) < wanted:
        log.warning("only %d GC-matched windows of the %d wanted: the genome has no more", len(found), wanted)
        return found.reset_index(drop=True)
    rows = np.random.default_rng(seed).permutation(len(found))[:wanted]
    return found.iloc[np.sort(rows)].reset_index(drop=True)


def flanks(table: pd.DataFrame, chroms: Mapping[str, int], *, ratio: int, avoid: pd.DataFrame) -> pd.DataFrame:
    """Windows beside each one, `ratio` of them: at 1.5, -1.5, 2.5, -2.5, ... widths from middle to
    middle."""
    steps = [sign * (i + 1.5) for i in range((ratio + 1) // 2) for sign in (1, -1)][:ratio]
    parts = [table.assign(start=table.start + (step * (table.end - table.start)).astype(int)) for step in steps]
    moved = pd.concat(parts, ignore_index=True).assign(end=lambda t: t.start + int((table.end - table.start).iloc[0]))
    inside = (moved.start >= 0) & (moved.end <= moved.chrom.map(chroms))
    kept = moved[inside & ~overlaps(moved, avoid)].drop_duplicates(["chrom", "start"])
    reasons = ((~inside).sum(), (inside.sum() - len(kept)))
    log.info("flanks: left out %d over an edge, %d on peaks, in the blacklist or repeated", *reasons)
    return kept


def _negatives(genome, mine, ours, width, kind, ratio, listed, rename, seed) -> pd.DataFrame:
    avoid = ours if listed is None else pd.concat([ours, listed])
    if isinstance(kind, str) and kind == "gc-matched":
        return _cut(genome, matched_negatives(genome, mine, width, ratio=ratio, avoid=avoid, seed=seed))
    if isinstance(kind, str) and kind == "flanks":
        return _cut(genome, flanks(mine, genome.chroms, ratio=ratio, avoid=avoid))
    if isinstance(kind, str) and kind == "dinucleotide":
        parts = [mine.assign(sequence=shuffle(mine.sequence, seed=seed * 1000 + i)) for i in range(ratio)]
        return pd.concat([part.assign(name=part.name + f"_shuffled{i}") for i, part in enumerate(parts)])
    if isinstance(kind, (str, os.PathLike)) and not Path(kind).exists():
        raise InputError(f"negatives {str(kind)!r}: neither a file nor one of {', '.join(NEGATIVES)}")
    own, dropped = windows(_intervals(kind, genome, rename), genome.chroms, width)
    own = own[own.chrom.isin(set(mine.chrom))]
    clear = ~overlaps(own, avoid)
    counts = (dropped["over an edge"], dropped["repeated"], int((~clear).sum()))
    log.info("given negatives: left out %d over an edge, %d repeated, %d on peaks or in the blacklist", *counts)
    return _cut(genome, own[clear])


def _intervals(source: Intervals, genome: Genome, rename: bool, some: bool = False) -> pd.DataFrame:
    where = "intervals" if isinstance(source, pd.DataFrame) else os.fspath(source)
    table = source if isinstance(source, pd.DataFrame) else read_intervals(source)
    return on_genome(table, genome.chroms, rename=rename, some=some, where=where)


def _cut(genome: Genome, table: pd.DataFrame) -> pd.DataFrame:
    """The sequences of windows, named by their place."""
    places = list(zip(table.chrom, table.start, table.end, strict=True))
    strand = table.strand if "strand" in table else "."
    names = [f"{chrom}:{start}-{end}" for chrom, start, end in places]
    return table.assign(name=names, strand=strand, sequence=[genome.fetch(*place) for place in places])
