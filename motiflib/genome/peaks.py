"""Peaks in, labelled examples out: BED files, windows around summits, what to compare them with."""

import logging
import os
import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from motiflib.files import RATIO, InputError, need, read_lines
from motiflib.genome.fasta import Genome
from motiflib.sequence import shuffle

log = logging.getLogger(__name__)
PLACE = ["chrom", "start", "end"]
COLUMNS = [*PLACE, "name", "score", "strand", "summit"]
ROMAN = "I II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI".split()
Intervals = str | os.PathLike | pd.DataFrame


def read_intervals(path: str | os.PathLike) -> pd.DataFrame:
    """Intervals of a BED file of 3 columns or more, or a narrowPeak file, plain or gzip: chrom,
    start, end, name (else "chrom:start-end"), score (text), strand (+, - or .), summit (0-based;
    of a narrowPeak, else the middle). InputError with the line that is not BED.

    >>> size = Path("peaks.bed").write_text("chr1\\t10\\t20\\n")
    >>> read_intervals("peaks.bed").summit.tolist()
    [15]
    """
    rows = []
    for number, line in enumerate(map(str.strip, read_lines(path)), 1):
        if not line or line.startswith("#") or line.split()[0] in ("track", "browser"):
            continue
        where, cells = f"{path}: line {number}", line.split("\t" if "\t" in line else None)
        need(len(cells) > 2, f"{where}: {len(cells)} column{'s' * (len(cells) > 1)}, expected "
                             "chromosome, start, end; is this BED, with tabs?")
        # int() would also take 1_0 and the digits of other scripts
        need(all(re.fullmatch(" *-?[0-9]{1,18} *", cell) for cell in cells[1:3]),
             f"{where}: start {cells[1]!r} and end {cells[2]!r} are not whole numbers; is this "
             "BED? Put # before a header")
        chrom, start, end = cells[0], int(cells[1]), int(cells[2])
        need(start >= 0, f"{where}: start {start} is below 0; correct it")
        advice = "swap them" if end < start else "1-based? BED counts from 0: subtract 1 from start"
        need(end > start, f"{where}: end {end} is not after start {start}; {advice}")
        summit = (start + end) // 2
        if len(cells) == 10 and re.fullmatch("[0-9]+", cells[9]):  # narrowPeak; -1 means unknown
            summit = start + int(cells[9][:18])  # whatever has more digits lies behind the end too
        need(summit < end, f"{where}: summit {cells[-1]} lies behind the end of the peak; "
                           "is this narrowPeak?")
        name, score, strand = cells[3:6] + ["", ".", "."][len(cells[3:6]) :]
        strand = strand if strand in "+-" else "."
        rows.append((chrom, start, end, name or f"{chrom}:{start}-{end}", score, strand, summit))
    need(rows, f"{path}: no interval in this file; expected BED: chromosome, start, end")
    return pd.DataFrame(rows, columns=COLUMNS)


def same_names(wanted: Collection[str], there: Collection[str], *,
               some: bool = False) -> dict[str, str]:
    """Names in `there` for those `wanted`, none unless for all (`some`: most): {"chr4": "chrIV"}"""
    for roman in (False, True):
        known = {_plain_name(name, roman): name for name in there}
        plain = {name: _plain_name(name, roman) for name in wanted}
        found = {name: known[short] for name, short in plain.items() if short in known}
        clear = len(known) == len(set(there)) and len(set(found.values())) == len(found)
        if clear and (len(found) == len(plain) or some and len(found) > len(plain) / 2):
            return found
    return {}


def _plain_name(chrom: str, roman: bool) -> str:
    """Without "chr", M for the mitochondrion; with `roman`, Roman numbers up to XVI as digits."""
    name = chrom[3:] if chrom.lower().startswith("chr") else chrom
    name = "M" if name.upper() in ("M", "MT", "MITO", "MITOCHONDRION") else name
    return str(ROMAN.index(name) + 1) if roman and name in ROMAN else name


def on_genome(source: Intervals, chroms: Mapping[str, int], *, rename: bool = False,
              some: bool = False) -> pd.DataFrame:
    """Intervals, or those of a file, on the chromosomes of a genome (name -> length), else
    InputError. `rename` takes names such as chr1, 1 and chrI for one another where all of them fit;
    `some` (for a blacklist) leaves out intervals on chromosomes that the genome lacks.

    >>> on_genome(pd.DataFrame({"chrom": ["chr1"], "end": [9]}), {"chrI": 20}, rename=True).chrom[0]
    'chrI'
    """
    table, where = source, "intervals"
    if not isinstance(source, pd.DataFrame):
        table, where = read_intervals(source), os.fspath(source)
    wanted, has = table.chrom.unique(), ", ".join(list(chroms)[:4])
    if unknown := [name for name in wanted if name not in chroms]:
        meant = same_names(wanted, chroms, some=some)
        here = {name: name for name in wanted if name in chroms}
        need(meant or some and here, f"{where}: no chromosome {unknown[0]!r} in the genome, which "
             f"has {has}, ...; leave its intervals out, or give the genome that they were made on")
        pairs = [f"{name} = {meant[name]}" for name in unknown if name in meant]
        fit = ", ".join(pairs[:3]) + ", ..." * (len(pairs) > 3)
        need(rename or not meant, f"{where}: its chromosomes have other names than the genome's; "
             f"they would fit as {fit}: if that is right, ask for it with --rename-chroms")
        table = table.assign(chrom=table.chrom.map(meant or here)).dropna(subset=["chrom"])
    for row in table[table.end > table.chrom.map(chroms)].itertuples():
        raise InputError(f"{where}: {row.chrom}:{row.start}-{row.end} lies beyond the chromosome's "
                         f"end, {chroms[row.chrom]}; is the file of another assembly?")
    return table


def windows(intervals: pd.DataFrame, chroms: Mapping[str, int], width: int,
            blacklist: pd.DataFrame | None = None) -> tuple[pd.DataFrame, dict[str, int]]:
    """Windows of `width` bp with the summit in the middle, and how many gave none, by reason."""
    need(width >= 1, f"window of {width} bp: must be at least 1")
    start = intervals.summit - width // 2
    table = intervals.assign(start=start, end=start + width)[[*PLACE, "name", "strand"]]
    inside = (table.start >= 0) & (table.end <= table.chrom.map(chroms))
    listed = inside & overlaps(table, intervals[:0] if blacklist is None else blacklist)
    repeated = inside & ~listed & table.duplicated(["chrom", "start"])
    reasons = {"over an edge": ~inside, "in the blacklist": listed, "repeated": repeated}
    dropped = {reason: int(rows.sum()) for reason, rows in reasons.items()}
    return table[inside & ~listed & ~repeated].reset_index(drop=True), dropped


def overlaps(table: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    """Which intervals of `table` share at least one base with any of `others`."""
    out = np.zeros(len(table), dtype=bool)
    for chrom, theirs in others.groupby("chrom"):
        rows = (table.chrom == chrom).to_numpy()
        begun = np.searchsorted(np.sort(theirs.start), table.end[rows], side="left")
        ended = np.searchsorted(np.sort(theirs.end), table.start[rows], side="right")
        out[rows] = begun > ended
    return out


def from_peaks(genome: Genome, peaks: Intervals, width: int, *, negatives: Intervals = "gc-matched",
               ratio: int = 1, test_chroms: Sequence[str] = (), blacklist: Intervals | None = None,
               rename: bool = False, seed: int = 0) -> pd.DataFrame:
    """Examples: windows of `width` bp around the summits of peaks (label 1), and negatives (0),
    `ratio` for each: "gc-matched" (`matched_negatives`); "dinucleotide", shuffled peaks, which keep
    their coordinates; "flanks", windows beside the peak; or intervals of your own. No negative
    shares a base with a peak's window or the blacklist.

    Columns: name ("chrom:start-end"), chrom, start, end, strand, label, part ("test" on
    `test_chroms`, else "train"), sequence; `.attrs["dropped"]` counts the peaks left out.

    >>> size = Path("g.fa").write_text(">c\\n" + "ACGTTGCA" * 9)
    >>> peaks = pd.DataFrame([("c", 30, 31, "", ".", ".", 30)], columns=COLUMNS)
    >>> from_peaks(Genome("g.fa"), peaks, 10, negatives="flanks").name.tolist()
    ['c:25-35', 'c:40-50']
    """
    bound = "at least 1" if ratio < 1 else f"at most {RATIO:,}"
    need(1 <= ratio <= RATIO,
         f"{ratio} negatives for each peak: must be {bound}; choose another ratio")
    chroms, has = genome.chroms, ", ".join(genome.chroms)
    given = on_genome(peaks, chroms, rename=rename)
    blacklist = given[:0] if blacklist is None else blacklist
    listed = on_genome(blacklist, chroms, rename=rename, some=True)
    ours, dropped = windows(given, chroms, width, listed)
    avoid, tables, test = pd.concat([ours[PLACE], listed[PLACE]]), [], list(test_chroms)
    for name in test:
        need(name in chroms, f"test chromosome {name!r}: not in the genome, which has {has}"[:300])
    need(set(test) < set(chroms), "all chromosomes are test chromosomes; leave some to train on")
    where = "peaks" if isinstance(peaks, pd.DataFrame) else os.fspath(peaks)
    for i, part in enumerate(["train", "test"] if test else ["train"]):
        there = given[given.chrom.isin(test) == (part == "test")]
        none = f"{where}: no peak is left in the {part} part"
        need(len(there), f"{none}: none lies on its chromosomes; choose other test chromosomes")
        mine, lost = windows(there, chroms, width, listed)
        said = ", ".join(f"{count} {reason}" for reason, count in lost.items() if count)
        advice = "is the blacklist the right file?"
        if lost["over an edge"] >= lost["in the blacklist"]:
            advice = f"choose a window smaller than {width} bp"
        need(len(mine), f"{none}: of {len(there)} windows of {width} bp, {said}; {advice}")
        mine = _cut(genome, mine)
        others = _negatives(genome, mine, avoid, negatives, ratio, rename, seed + i)
        need(len(others),
             f"no negatives for the {part} part; choose another kind, or a smaller window")
        tables += [mine.assign(label=1, part=part), others.assign(label=0, part=part)]
    out = pd.concat(tables, ignore_index=True)
    out = out[["name", *PLACE, "strand", "label", "part", "sequence"]]
    out.attrs["dropped"] = dropped
    said = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
    log.info("%d peaks: %d windows of %d bp (%s); %d negatives",
             len(given), len(ours), width, said, len(out) - len(ours))
    return out


def _negatives(genome, mine, avoid, kind, ratio, rename, seed) -> pd.DataFrame:
    name, width = kind if isinstance(kind, str) else None, len(mine.sequence.iloc[0])
    if name == "gc-matched":
        return _cut(genome, matched_negatives(genome, mine, avoid, ratio, seed))
    if name == "dinucleotide":
        return pd.concat([mine.assign(name=mine.name + f"_shuffled{i}",
                                      sequence=shuffle(mine.sequence, seed=seed * 1000 + i))
                          for i in range(ratio)])
    if name == "flanks":  # from middle to middle 1.5, -1.5, 2.5, -2.5, ... widths
        steps = [int((i // 2 + 1.5) * (-1) ** i * width) for i in range(ratio)]
        own = pd.concat([mine.assign(summit=mine.start + width // 2 + step) for step in steps])
    else:
        need(isinstance(kind, pd.DataFrame) or Path(kind).exists(),
             f"negatives {name!r}: neither a file nor one of gc-matched, dinucleotide, flanks")
        own = on_genome(kind, genome.chroms, rename=rename)
    own, dropped = windows(own, genome.chroms, width)
    own = own[own.chrom.isin(mine.chrom)]
    clear = ~overlaps(own, avoid)
    log.info("negatives: left out %d over an edge, %d repeated, %d on peaks or in the blacklist",
             dropped["over an edge"], dropped["repeated"], (~clear).sum())
    return _cut(genome, own[clear])


def matched_negatives(genome: Genome, table: pd.DataFrame, avoid: pd.DataFrame, ratio: int,
                      seed: int = 0) -> pd.DataFrame:
    """Windows with the GC content of those in `table` (bins of 2%) on the same chromosomes, none
    twice: tangermeme's tiles, less those that touch `table` or `avoid`."""
    from tangermeme.match import extract_matching_loci  # brings numba, which is slow to import

    wanted, width = ratio * len(table), int((table.end - table.start).iloc[0])
    many = pd.concat([table[PLACE]] * (ratio + 1))  # some to lose to `avoid`
    with tempfile.TemporaryDirectory() as folder:  # tangermeme looks for the index beside the file
        place = f"{folder}/genome.fa"
        for source, end in zip(genome.plain(), ("", ".fai"), strict=True):
            os.symlink(source.resolve(), place + end)
        found = extract_matching_loci(many, place, width, width, random_state=seed)
    found = found[~overlaps(found, avoid)]
    if len(found) < wanted:
        log.warning("only %d GC-matched windows of the %d wanted: the genome has no more",
                    len(found), wanted)
    rows = np.random.default_rng(seed).permutation(len(found))[:wanted]
    return found.iloc[np.sort(rows)].reset_index(drop=True).assign(strand=".")


def _cut(genome: Genome, table: pd.DataFrame) -> pd.DataFrame:
    """The sequences of windows, named by their place."""
    places = list(table[PLACE].itertuples(index=False, name=None))
    names = [f"{chrom}:{start}-{end}" for chrom, start, end in places]
    return table.assign(name=names, sequence=[genome.fetch(*place) for place in places])
