"""Peaks in, labelled examples out: BED files, windows around summits, what to compare them with."""

import logging
import os
import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from motiflib.files import RATIO, InputError, need, place_for_compiled, read_lines
from motiflib.genome.fasta import Genome
from motiflib.sequence import shuffle

log = logging.getLogger(__name__)
PLACE = ["chrom", "start", "end"]
KINDS = ("gc-matched", "dinucleotide", "flanks")  # of negatives
COLUMNS = [*PLACE, "name", "score", "strand", "summit"]
HEADERS = {"calls": ["sequence", "start", "end", "motif"],
           "MACS peaks": ["chr", "start", "end", "length"]}
# narrowPeak from column 6 on: strand, signal, p, q, and the summit, which is looked at row by row
NARROW_COLUMNS = [*COLUMNS[:6], "signal", "p", "q", "summit"]
NUMBER = r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|-?inf|nan"
NARROW = re.compile(rf"[-+.]((?i:\t({NUMBER}))){{3}}\t[^\t]*")
ROMAN = "I II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI".split()
Intervals = str | os.PathLike | pd.DataFrame


def read_intervals(path: str | os.PathLike, *, whole: bool = False) -> pd.DataFrame:
    """Intervals of a file, plain or gzip, whose format its rows tell: BED of 3 columns or more,
    narrowPeak, MACS's table (_peaks.xls), our calls. Columns: chrom, start, end, name (else
    "chrom:start-end"), score (text), strand (+, - or .), summit (0-based; the middle where there is
    none). What was recognised is logged, for `whole` intervals without a word of summits.
    InputError with the line that does not fit.

    >>> size = Path("peaks.bed").write_text("chr1\\t10\\t20\\n")
    >>> read_intervals("peaks.bed").summit.tolist()
    [15]
    """
    header, lines = _lines(path)
    need(lines, f"{path}: no interval in this file; expected BED: chromosome, start, end")
    kind = _kind(header, [cells for _, cells in lines])
    names = {"narrowPeak": NARROW_COLUMNS, "MACS peaks": header}.get(kind, COLUMNS[:6])
    rows = [_interval(where, cells, kind, names) for where, cells in lines]
    table = pd.DataFrame(rows, columns=COLUMNS)
    log.info("%s: %s, %s", path, kind, f"{len(table)} intervals" if whole else _told(table))
    middle = (table.start + table.end) // 2
    return table.assign(summit=table.summit.where(table.summit >= 0, middle))


def _told(table: pd.DataFrame) -> str:
    """How many summits a file has, for the log."""
    unknown, total = (table.summit < 0).sum(), len(table)
    if unknown == total and (table.end - table.start > 1).any():
        return f"{total} intervals, their middles are used"
    if 0 < unknown < total:
        return f"{total - unknown} summits, and {unknown} unknown (-1): their middles are used"
    return f"{total} summits"


def _lines(path: str | os.PathLike) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """The header of a format of HEADERS, else nothing; the cells of each other line, and where."""
    header, rows = [], []
    for number, line in enumerate(read_lines(path), 1):
        line, where = line.strip(" \r\n"), f"{path}: line {number}"
        cells = [cell.strip(" ") for cell in line.split("\t")] if "\t" in line else line.split()
        named = [cells[0].lstrip("# "), *cells[1:]] if cells else []
        if named[:4] in HEADERS.values():
            need(not rows or named == header, f"{where}: another header; are these two files in "
                                              "one? Give them one by one")
            header = named
        elif any(cells) and not re.match(r"#|(track|browser)(\s|$)", line):
            _checked(where, cells)
            rows.append((where, cells))
    return header, rows


def _checked(where: str, cells: list[str]) -> None:
    need(len(cells) > 2, f"{where}: {len(cells)} column{'s' * (len(cells) > 1)}, expected "
                         "chromosome, start, end; is this BED, with tabs?")
    # int() would also take 1_0 and the digits of other scripts
    need(all(re.fullmatch("-?[0-9]{1,18}", cell) for cell in cells[1:3]),
         f"{where}: start {cells[1][:40]!a} and end {cells[2][:40]!a} are not whole numbers; is "
         "this BED? Put # before a header")
    for cell in cells[:1] + cells[3:4]:
        need(cell.isprintable(), f"{where}: name {cell[:60]!a} holds bytes that are not printable "
                                 "UTF-8; correct it")


def _kind(header: list[str], rows: list[list[str]]) -> str:
    """The format of a file as a whole: half of the rows decide, and the others must fit."""
    if header:
        return next(kind for kind, names in HEADERS.items() if names == header[:4])
    narrow = [NARROW.fullmatch("\t".join(cell[:40] for cell in cells[5:])) for cells in rows]
    if 2 * sum(map(bool, narrow)) >= len(rows) and not all(map(_thick, rows)):
        return "narrowPeak"
    return "BED"


def _thick(cells: list[str]) -> bool:
    """Whether columns 7 to 9 are those of BED9: a stretch drawn thick, a colour."""
    if len(cells) < 9 or not all(re.fullmatch("[0-9]{1,18}", cell) for cell in cells[6:8]):
        return False
    return int(cells[1]) <= int(cells[6]) <= int(cells[7]) <= int(cells[2]) and cells[8] == "0"


def _interval(where: str, cells: list[str], kind: str, names: list[str]) -> tuple:
    """A row of COLUMNS; the summit is -1 where it is not known."""
    macs = kind == "MACS peaks"
    need(kind in ("BED", "calls") or len(cells) == len(names),
         f"{where}: {len(cells)} columns, where {kind} has {len(names)}; correct the line")
    chrom, start, end = cells[0], int(cells[1]) - macs, int(cells[2])  # MACS counts from 1
    need(start >= 0, f"{where}: start {cells[1]} is below {int(macs)}; correct it")
    advice = "swap them" if end < start else "1-based? BED counts from 0: subtract 1 from start"
    need(end > start, f"{where}: end {end} is not after start {cells[1]}; {advice}")
    named, summit = dict(zip(names, cells, strict=False)), -1
    if macs or kind == "narrowPeak":
        summit = _summit(where, named, start, end)
    strand = named.get("strand") if named.get("strand") in ("+", "-") else "."
    name = named.get("name") or f"{chrom}:{start}-{end}"
    return chrom, start, end, name, named.get("score", "."), strand, summit


def _summit(where: str, named: dict[str, str], start: int, end: int) -> int:
    """The summit that a row of narrowPeak or of MACS's table tells; -1 means unknown."""
    macs = "length" in named  # of version 2 on "abs_summit", before that from the start of the peak
    text, origin = named.get("summit", "-1"), start - macs
    if "abs_summit" in named:
        text, origin = named["abs_summit"], -1
    advice = "if it is no summit, keep columns 1 to 6 alone"
    need(re.fullmatch("-1|[0-9]{1,18}", text), f"{where}: summit {text[:40]!a} is not a whole "
         f"number; correct it, or write -1 for an unknown one; {advice}")
    need(text == "-1" or start <= origin + int(text) < end,
         f"{where}: summit {text} lies outside the peak, of {end - start} bp; correct it; {advice}")
    return -1 if text == "-1" else origin + int(text)


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
              some: bool = False, whole: bool = False) -> pd.DataFrame:
    """Intervals, or those of a file (`read_intervals`), on the chromosomes of a genome (name ->
    length), else InputError. `rename` takes names such as chr1, 1 and chrI for one another where
    all fit; `some` (for a blacklist) leaves out intervals on chromosomes that the genome lacks.

    >>> on_genome(pd.DataFrame({"chrom": ["chr1"], "end": [9]}), {"chrI": 20}, rename=True).chrom[0]
    'chrI'
    """
    table, where = source, "intervals"
    if not isinstance(source, pd.DataFrame):
        table, where = read_intervals(source, whole=whole), os.fspath(source)
    wanted, has = table.chrom.unique(), ", ".join(list(chroms)[:4])
    if unknown := [name for name in wanted if name not in chroms]:
        meant = same_names(wanted, chroms) or same_names(wanted, chroms, some=True)
        here = {name: name for name in wanted if name in chroms}
        lost = [name for name in unknown if name not in meant]  # the one that no other name mends
        need(not lost or some and (meant or here),
             f"{where}: no chromosome {lost and lost[0]!r} in the genome, which has {has}, ...; "
             "leave its intervals out, or give the genome that they were made on")
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
    listed = on_genome(blacklist, chroms, rename=rename, some=True, whole=True)
    if not isinstance(negatives, str) or negatives not in KINDS:
        need(isinstance(negatives, pd.DataFrame) or Path(negatives).exists(),
             f"negatives {str(negatives)!r}: neither a file nor one of {', '.join(KINDS)}")
        negatives = on_genome(negatives, chroms, rename=rename)
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
        others = _negatives(genome, mine, avoid, negatives, ratio, seed + i)
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


def _negatives(genome, mine, avoid, kind, ratio, seed) -> pd.DataFrame:
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
        own = kind
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
    place_for_compiled("tangermeme")
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
