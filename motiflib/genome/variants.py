"""What a variant does: to the log-odds, to instances, and to the distances between them."""

import logging
import os
import re
from collections import namedtuple
from collections.abc import Sequence
from itertools import permutations

import pandas as pd

from motiflib.calling import LEAST, THRESHOLD, call
from motiflib.files import need, read_lines
from motiflib.genome.fasta import Genome
from motiflib.genome.peaks import same_names
from motiflib.run import folder as runs
from motiflib.sequence import one_hot
from motiflib.syntax import spacing_table
from motiflib.training import logits

log = logging.getLogger(__name__)
FAR = 1000  # bp that an indel is moved to the left at most, in a repeat
SAME = 2  # bp; calls of a motif this near are the same instance
RULE = 1.5  # weight of a distance, over that of a new network, from which instances keep a rule
BATCH = 512  # sequences that are one-hot at a time
VARIANT_COLUMNS = ["chrom", "pos", "name", "ref", "alt"]
SITE_COLUMNS = ["motif", "strand", "start", "end", "score_ref", "score_alt"]
COLUMNS = ["log_odds_ref", "log_odds_alt", "change", "event", *SITE_COLUMNS, "rule_lost", "others"]
# A window that begins at `origin`: bases [at, at + len(ref)) of `before` became `alt` in `after`.
Pair = namedtuple("Pair", "before after at ref alt origin")


def read_vcf(path: str | os.PathLike, *, strict: bool = False) -> pd.DataFrame:
    """Variants of a VCF file, plain or gzip, one row for each alternative allele: chrom, pos
    (1-based), name, ref, alt, upper case. Alleles that are not spelt out (*, <DEL>, breakends) are
    left out and listed in `attrs["skipped"]`: line, chrom, pos, allele. InputError with the line
    that is not VCF, or, if `strict`, holds such an allele.

    >>> size = Path("tert.vcf").write_text("5\\t1295228\\tC228T\\tG\\tA,<NON_REF>\\n")
    >>> read_vcf("tert.vcf").alt.tolist()
    ['A']
    """
    rows, skipped = [], []
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip() or line.startswith("#"):
            continue
        where, cells = f"{path}: line {number}", line.rstrip("\r\n").split("\t")
        need(len(cells) >= 5, f"{where}: {len(cells)} columns, expected CHROM, POS, ID, REF, ALT; "
                              "is this VCF, with tabs?")
        chrom, position, name, ref, alts = cells[:5]
        pos = int(position) if re.fullmatch("[0-9]{1,18}", position) else 0  # isdigit(): any script
        need(pos > 0, f"{where}: position {position[:30]!r} is not a whole number from 1; correct "
                      "it")
        for alt in alts.split(","):
            odd = [allele for allele in (ref, alt) if not re.fullmatch("[ACGTNacgtn]+", allele)]
            need(not (strict and odd), f"{where}: allele {(odd or [alt])[0][:60]!r} is not spelt "
                                       "out in A, C, G, T, N: leave it out, or do without --strict")
            need(ref.upper() != alt.upper(), f"{where}: reference and alternative are both "
                                             f"{ref[:60]!r}; leave the variant out")
            if odd:
                skipped.append((number, chrom, pos, odd[0]))
            else:
                rows.append((chrom, pos, name, ref.upper(), alt.upper()))
    need(rows, f"{path}: no variant in this file with alleles in A, C, G, T, N; expected VCF: "
               "CHROM, POS, ID, REF, ALT")
    out = pd.DataFrame(rows, columns=VARIANT_COLUMNS)
    out.attrs["skipped"] = pd.DataFrame(skipped, columns=["line", "chrom", "pos", "allele"])
    if skipped:
        log.warning("%s: left out %d alleles that are not spelt out, the first in line %d: %s",
                    path, len(skipped), skipped[0][0], skipped[0][3][:60])
    return out


def on_reference(genome: Genome, variants: pd.DataFrame, width: int, *, rename: bool = False,
                 where: object = "variants", least: int = 1) -> list[Pair]:
    """The window of `width` bp around each variant, before and after it, the same however an indel
    is written (`normalised`); it gets or loses bases at its right end. With `rename`, names such as
    chr1, 1 and chrI are taken for one another where most fit. InputError for a variant that the
    genome or the window cannot hold, whose reference bases are not there, or whose window is
    shorter than `least`, the width of the network's filters."""
    pairs, names = [], set(variants.chrom)
    meant = {} if names <= set(genome.chroms) else same_names(names, genome.chroms, some=True)
    if rename and meant:
        variants = variants.assign(chrom=[meant.get(name, name) for name in variants.chrom])
    has = ", ".join(list(genome.chroms)[:4])
    for row in variants.itertuples():
        place = f"{where}: {row.chrom}:{row.pos} {row.ref}>{row.alt}"
        if len(row.ref) + len(row.alt) > 60:  # alleles can be of any length, a line should stay one
            place = f"{where}: {row.chrom}:{row.pos}, {len(row.ref)} bp to {len(row.alt)} bp"
        other = meant.get(row.chrom)
        advice = f"if it means {other!r}, ask for it with --rename-chroms" if other else "rename it"
        need(row.chrom in genome.chroms, f"{place}: no chromosome {row.chrom!r} in the genome, "
                                         f"which has {has}, ...; {advice}")
        pairs.append(pair := _window(genome, row, width, place))
        shortest = min(len(pair.before), len(pair.after))
        need(shortest >= least, f"{place}: its sequence has {shortest} bp, fewer than the filters' "
                                f"width of {least}; leave it out")
    return pairs


def _window(genome: Genome, row, width: int, place: str) -> Pair:
    start, length = row.pos - 1, genome.chroms[row.chrom]
    need(start + len(row.ref) <= length,
         f"{place}: beyond the chromosome's end, {length}; is it of another assembly?")
    there = genome.fetch(row.chrom, start, start + len(row.ref))
    need(there == row.ref,
         f"{place}: the genome has {there[:60]!r} there; is it of another assembly or strand?")
    before = genome.fetch(row.chrom, max(start - FAR, 0), start) if start else ""
    moved, ref, alt = normalised(before, row.ref, row.alt)
    start, gone, new = start + moved, len(ref), len(alt)
    need(max(gone, new) <= width,  # else its ends would stand outside, compared with nothing
         f"{place}: an allele of {max(gone, new)} bp does not fit into the network's window of "
         f"{width} bp; leave the variant out, or give both sequences with --ref and --alt")
    centred = start + gone // 2 - width // 2
    origin = max(0, min(centred, length - width), start + new - width)  # all of alt is inside
    end = min(origin + width + max(0, gone - new), length)
    letters, at = genome.fetch(row.chrom, origin, end), start - origin
    changed = letters[:at] + alt + letters[at + gone :]
    return Pair(letters[:width], changed[:width], at, ref, alt, origin)


def normalised(before: str, ref: str, alt: str) -> tuple[int, str, str]:
    """A variant in the fewest bases and, if bases are only gained or lost, as far left as it can
    stand (Tan et al. 2015): by how many bases it moves, and both alleles; `before` are the bases
    before it.

    >>> normalised("GCA", "CAC", "C")  # GCACAC with one CA less
    (-2, 'CA', '')
    """
    same = len(os.path.commonprefix([ref[::-1], alt[::-1]]))
    ref, alt = ref[: len(ref) - same], alt[: len(alt) - same]
    moved = len(os.path.commonprefix([ref, alt]))
    before, ref, alt = before + ref[:moved], ref[moved:], alt[moved:]
    while before and bool(ref) != bool(alt) and before[-1] == (ref + alt)[-1]:
        ref, alt = (allele and before[-1] + allele[:-1] for allele in (ref, alt))
        before, moved = before[:-1], moved - 1
    return moved, ref, alt


def between(before: str, after: str) -> Pair:
    """Two sequences as a pair, the variant `normalised`."""
    at, ref, alt = normalised("", before, after)
    return Pair(before, after, at, ref, alt, 0)


def from_fasta(ref: str | os.PathLike, alt: str | os.PathLike, *,
               least: int = 1) -> tuple[pd.DataFrame, list[Pair]]:
    """Pairs of records of two FASTA files, in order: variants as a table, and pairs. InputError for
    fewer than `least` bp, files of different length, the same names in another order."""
    ours, theirs = (list(runs.fitting(path, least)) for path in (ref, alt))
    need(len(ours) == len(theirs), f"{alt}: {len(theirs)} records, {ref} has {len(ours)}; give one "
                                   "of each, in the same order")
    same = {record.name for record in ours} == {record.name for record in theirs}
    rows, pairs = [], []
    for a, b in zip(ours, theirs, strict=True):
        need(a.name == b.name or not same,
             f"{alt}: record {b.name!r} stands where {ref} has {a.name!r}: the same records in "
             "another order; sort both files alike")
        pairs.append(pair := between(a.sequence, b.sequence))
        rows.append((a.name, pair.at + 1, b.name, pair.ref, pair.alt))
    return pd.DataFrame(rows, columns=VARIANT_COLUMNS), pairs


def effects(run: runs.Run, variants: pd.DataFrame, pairs: Sequence[Pair], *,
            threshold: float = THRESHOLD) -> pd.DataFrame:
    """What each variant does, one row a variant.

    Columns: those of `variants`; log_odds_ref, log_odds_alt, change; event, of the instance on the
    variant's own bases whose effect on the logit changes most: "gained" or "lost" where its score
    crosses `threshold`, "moved" where one that is gained shares bases with a lost one of its motif,
    "changed", "none"; its motif, strand, start, end (0-based; before, or after if gained or moved),
    score_ref, score_alt; rule_lost, pairs at a learnt distance before only; others, how many other
    instances cross the threshold.

    >>> pair = between("ACGT" * 9 + "TTCAGCACCACGGACAGCGCC", "ACGT" * 9 + "TTCAGCACCACTTTCAGCGCC")
    >>> variant = pd.DataFrame([("s", 48, ".", pair.ref, pair.alt)], columns=VARIANT_COLUMNS)
    >>> effects(run, variant, [pair]).event[0]
    'lost'
    """
    need(0 <= threshold <= 1, f"threshold {threshold} is not a score; choose one from 0 to 1")
    letters = list(dict.fromkeys(s for pair in pairs for s in (pair.before, pair.after)))
    odds = dict(zip(letters, log_odds(run, letters), strict=True))
    records = runs.fitting([(s, s) for s in letters], run.model.config.width, "variants")
    tile = max(run.tile, max(map(len, letters)) // 2 + 1)  # none is read in parts
    found = call(run.model, run.found, records, threshold=LEAST, tile=tile)
    calls, rows = dict(list(found.groupby("sequence"))), []
    learnt = spacing_table(run.model, run.found).query("weight >= @RULE")
    rules = set(zip(learnt.motif_a, learnt.motif_b, learnt.strand_b, learnt.distance, strict=True))
    for pair in pairs:
        before, after = (calls.get(s, found[:0]) for s in (pair.before, pair.after))
        table = compare(before, after, pair)
        a, b = odds[pair.before], odds[pair.after]
        lost = kept_rules(before, rules, threshold) - kept_rules(after, rules, threshold)
        event = main_event(table, threshold, pair.origin)
        crossing = (table.score_ref >= threshold) != (table.score_alt >= threshold)
        others = max(int(crossing.sum()) - (event[0] in ("gained", "lost", "moved")), 0)
        rows.append((a, b, b - a, *event, "; ".join(sorted(lost)), others))
    out = pd.DataFrame(rows, columns=COLUMNS)
    return pd.concat([variants[VARIANT_COLUMNS].reset_index(drop=True), out], axis=1)


def log_odds(run: runs.Run, sequences: Sequence[str]) -> list[float]:
    """The logit of each sequence."""
    parts = [sequences[i : i + BATCH] for i in range(0, len(sequences), BATCH)]
    return [odds for part in parts for odds in logits(run.model, one_hot(part)).tolist()]


def compare(before: pd.DataFrame, after: pd.DataFrame, pair: Pair) -> pd.DataFrame:
    """Instances before and after a variant, matched; the place is that before, else that after;
    touched: the variant changes bases of the instance."""
    behind, longer = after.start >= pair.at + len(pair.alt), len(pair.alt) - len(pair.ref)
    before, after = (calls.assign(touched=(calls.start < pair.at + len(allele)) &
                                  (calls.end > pair.at))
                     for calls, allele in ((before, pair.ref), (after, pair.alt)))
    moved = after.start - longer * behind  # as counted before
    left, rows = after, []
    for one in before.sort_values("score", ascending=False).itertuples():
        near = (left.motif == one.motif) & (left.strand == one.strand)
        near &= (moved[left.index] - one.start).abs() <= SAME
        best = left[near].sort_values("score", ascending=False, kind="stable")[:1]
        left = left.drop(index=best.index)
        rows.append((one.motif, one.strand, one.start, one.end, one.score, best.score.sum(),
                     one.effect, best.effect.sum(), one.touched or best.touched.any()))
    rows += [(c.motif, c.strand, c.start, c.end, 0.0, c.score, 0.0, c.effect, c.touched)
             for c in left.itertuples()]
    return pd.DataFrame(rows, columns=[*SITE_COLUMNS, "effect_ref", "effect_alt", "touched"])


def main_event(table: pd.DataFrame, threshold: float, origin: int) -> tuple:
    """Event, and motif, strand, start, end and scores of the instance that the variant touches
    whose effect on the logit changes most."""
    table = table[table.touched.astype(bool)]
    if not len(table):
        return "none", "", "", -1, -1, 0.0, 0.0
    change = table.score_alt - table.score_ref
    crossing = (table.score_ref >= threshold) != (table.score_alt >= threshold)
    most = ((table.effect_alt - table.effect_ref).abs() + change.abs()).idxmax()
    top, before, after = table.loc[most], table.score_ref[most], table.score_alt[most]
    event = "none" if abs(change[most]) < LEAST else "changed"
    if crossing[most]:
        event = "gained" if change[most] > 0 else "lost"
        near = (table.start - top.start).abs() < top.end - top.start  # one site, further on
        turned = crossing & (table.motif == top.motif) & near
        new, old = table[turned & (change > 0)], table[turned & (change < 0)]
        if len(new) and len(old):
            event, top = "moved", new.iloc[0]
            before, after = old.score_ref.max(), new.score_alt.max()
    return event, top.motif, top.strand, origin + top.start, origin + top.end, before, after


def kept_rules(calls: pd.DataFrame, rules: set[tuple], threshold: float) -> set[str]:
    """Pairs of instances at a learnt distance, in words, read in the direction of the first."""
    out = set()
    for one, other in permutations(calls[calls.score >= threshold].itertuples(), 2):
        strand = "+" if one.strand == other.strand else "-"
        distance = other.start - one.start if one.strand == "+" else one.end - other.end
        if (one.motif, other.motif, strand, distance) in rules:
            side = "same" if strand == "+" else "other"
            where = f"{abs(distance)} bp {'on' if distance >= 0 else 'before'}"
            out.add(f"{one.motif} with {other.motif} on the {side} strand, {where}")
    return out
