"""Peaks and a genome to labelled examples that carry their coordinates; what to compare peaks with; splits."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from motiflib.bounds import RATIO
from motiflib.genome.fasta import Genome
from motiflib.intervals import on_genome, overlaps, read_intervals, windows
from motiflib.sequence import InputError, shuffle

log = logging.getLogger(__name__)

NEGATIVES = ("gc-matched", "dinucleotide", "flanks")
COLUMNS = ["name", "chrom", "start", "end", "strand", "label", "part", "sequence"]
Intervals = str | os.PathLike | pd.DataFrame


def from_peaks(
    genome: Genome, peaks: Intervals, width: int, *, negatives: Intervals = "gc-matched", ratio: int = 1,
    test_chroms: Sequence[str] = (), blacklist: Intervals | None = None, rename: bool = False, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """Examples: windows of `width` bp around the summits of peaks (label 1), and negatives (0), `ratio` for each.

    Kinds of negatives: "gc-matched", windows elsewhere on the same part's chromosomes with the same distribution of GC
    (`matched_negatives`); "dinucleotide", shuffled peaks, which keep the coordinates of their peak; "flanks", windows
    beside the peak at 1.5, -1.5, 2.5, ... widths from the summit; or intervals (a BED file) of your own.
    No negative shares a base with a peak's window or the blacklist. Columns: name ("chrom:start-end", the
    summit in the middle), chrom, start, end, strand, label, part ("test" on `test_chroms`, else "train"), sequence.
    What was left out is logged, and counted in `.attrs["dropped"]`.

    Raises:
        InputError: what `read_intervals` and `on_genome` refuse, an unknown kind, a part without peaks or negatives.

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
    out = pd.concat(tables, ignore_index=True)[COLUMNS]
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


def random_windows(genome: Genome, count: int, length: int, *, without: Sequence[str] = (), seed: int = 0) -> list[str]:
    """`count` stretches of `length` bp at random places: real surroundings, as flanks of `robustness.context_sweep`.

    Each chromosome that is long enough, but those of `without`, gives its share by length.

    >>> random_windows(Genome("sacCer3.fa.gz"), 200, 2400, without=["chrM"])[0]
    'ATTTTCTTGGA...'
    """
    room = {name: size - length + 1 for name, size in genome.chroms.items() if name not in without and size >= length}
    if not room:
        raise InputError(f"no chromosome of {length} bp or more in the genome; ask for shorter windows")
    rng, share = np.random.default_rng(seed), np.array(list(room.values())) / sum(room.values())
    starts = [(name, int(rng.integers(room[name]))) for name in rng.choice(list(room), count, p=share)]
    return [genome.fetch(name, start, start + length) for name, start in starts]


def held_out(genome: Genome, test_chroms: Sequence[str]) -> list[str]:
    """The same names; InputError for one that the genome does not have, or if none would be left to train on.

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
    """Windows with the GC content of those in `table` (bins of 2%), on the same chromosomes, none of them twice.

    They come from tangermeme's `extract_matching_loci`, which tiles the chromosomes; tiles that touch `table` or
    `avoid` are left out. Columns chrom, start, end.

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
    """Windows beside each one, `ratio` of them: at 1.5, -1.5, 2.5, -2.5, ... widths from middle to middle."""
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
