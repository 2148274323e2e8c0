"""What a variant does: the change of log-odds, the instance that it makes, breaks or moves, the
rule that breaks."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from motiflib.calling import LEAST, THRESHOLD, call
from motiflib.files import InputError, read_lines
from motiflib.genome.fasta import Genome
from motiflib.genome.peaks import same_names
from motiflib.run import folder as runs
from motiflib.sequence import Record, one_hot, read_fasta
from motiflib.syntax import spacing_table

SAME = 2  # bp; calls of a motif this near are the same instance
RULE = 1.5  # learnt weight of a distance, over that of a new network, from which two instances keep a rule
VARIANT_COLUMNS = ["chrom", "pos", "name", "ref", "alt"]
COLUMNS = [*VARIANT_COLUMNS, "log_odds_ref", "log_odds_alt", "change", "event", "motif", "strand", "start", "end",
           "score_ref", "score_alt", "rule_lost", "others"]  # fmt: skip


class Pair(NamedTuple):
    """A window before and after: bases [at, at + len(ref)) of `before` became `alt`; the window
    begins at `origin`."""

    before: str
    after: str
    at: int
    ref: str
    alt: str
    origin: int


def read_vcf(path: str | os.PathLike) -> pd.DataFrame:
    """Variants of a VCF file, plain or gzip, one row for each alternative allele, in the file's
    order.

    Columns: chrom, pos (1-based, as in VCF), name, ref, alt, upper case.

    Raises:
        InputError: no variant in it, fewer than 5 columns, a position that is no number, an allele
            that is not spelt out in ACGTN (symbolic, a breakend, "*" or "."), or an alternative
            that equals the reference.

    Example:
        >>> read_vcf("tert.vcf").iloc[0].tolist()
        ['5', 1295228, 'C228T', 'G', 'A']
    """
    rows = []
    for number, line in enumerate(read_lines(path), 1):
        if line.strip() and not line.startswith("#"):
            rows += _alleles(f"{path}: line {number}", line.rstrip("\r\n").split("\t"))
    if not rows:
        raise InputError(f"{path}: no variant in this file; expected VCF: CHROM, POS, ID, REF, ALT")
    return pd.DataFrame(rows, columns=VARIANT_COLUMNS)


def _alleles(where: str, cells: list[str]) -> list[tuple]:
    if len(cells) < 5:
        raise InputError(f"{where}: {len(cells)} columns, expected CHROM, POS, ID, REF, ALT; is this VCF, with tabs?")
    chrom, position, name, ref, alts = cells[:5]
    if not re.fullmatch("[0-9]{1,18}", position) or not int(position):  # isdigit() is true of other scripts too
        raise InputError(f"{where}: position {position!r} is not a whole number from 1; correct it")
    for allele in (ref, *alts.split(",")):
        if not re.fullmatch("[ACGTNacgtn]+", allele):
            raise InputError(f"{where}: allele {allele!r} is not spelt out in A, C, G, T, N: leave the variant out, or "
                             "write its bases")  # fmt: skip
    found = [(chrom, int(position), name, ref.upper(), alt.upper()) for alt in alts.split(",")]
    if any(row[3] == row[4] for row in found):
        raise InputError(f"{where}: reference and alternative are both {ref!r}; leave the variant out")
    return found


def on_reference(
    genome: Genome, variants: pd.DataFrame, width: int, *, rename: bool = False, where: object = "variants",
    least: int = 1,
) -> list[Pair]:  # fmt: skip
    """The window of `width` bp around each variant, before and after it; it gets or loses bases at
    its right end.

    With `rename`, names such as chr1, 1 and chrI are taken for one another where all of them fit.
    `least` is the width of the network's filters: no window may be shorter.

    Raises:
        InputError: a chromosome that the genome lacks or that no filter fits, a variant beyond its
            end, one that the window cannot hold, or one whose reference bases are not those of the
            genome, with its position.

    Example:
        >>> on_reference(genome, read_vcf("tert.vcf"), 101)[0].at
        50
    """
    pairs, meant = [], {}
    if not set(variants.chrom) <= set(genome.chroms):
        meant = same_names(list(dict.fromkeys(variants.chrom)), genome.chroms)
        variants = variants.assign(chrom=variants.chrom.map(meant)) if meant and rename else variants
    for row in variants.itertuples():
        place = f"{where}: {row.chrom}:{row.pos} {row.ref}>{row.alt}"
        if len(row.ref) + len(row.alt) > 60:  # alleles can be of any length, and a line should stay one
            place = f"{where}: {row.chrom}:{row.pos}, {len(row.ref)} bp to {len(row.alt)} bp"
        if row.chrom not in genome.chroms:
            advice = f"if it means {meant[row.chrom]!r}, ask for it with --rename-chroms" if meant else "rename it"
            raise InputError(f"{place}: no chromosome {row.chrom!r} in the genome, which has "
                             f"{', '.join(list(genome.chroms)[:4])}, ...; {advice}")  # fmt: skip
        pairs.append(_window(genome, row, width, place))
        _wide_enough(pairs[-1], least, place)
    return pairs


def _window(genome: Genome, row, width: int, place: str) -> Pair:
    start, length = row.pos - 1, genome.chroms[row.chrom]
    if start + len(row.ref) > length:
        raise InputError(f"{place}: beyond the chromosome's end, {length}; is it of another assembly?")
    longest = max(len(row.ref), len(row.alt))
    if longest > width:  # its ends would stand outside, and what is left of it would be compared with nothing
        raise InputError(f"{place}: an allele of {longest} bp does not fit into the network's window of {width} bp; "
                         "leave the variant out, or give both sequences with --ref and --alt")  # fmt: skip
    there = genome.fetch(row.chrom, start, start + len(row.ref))
    if there != row.ref:
        raise InputError(f"{place}: the genome has {there!r} there; is it of another assembly or strand?")
    middle = start + len(row.ref) // 2
    origin = max(0, min(middle - width // 2, length - width), start + len(row.alt) - width)  # all of `alt` is inside
    end = origin + width + max(0, len(row.ref) - len(row.alt))
    letters, at = genome.fetch(row.chrom, origin, min(end, length)), start - origin
    after = letters[:at] + row.alt + letters[at + len(row.ref) :]
    return Pair(letters[:width], after[:width], at, row.ref, row.alt, origin)


def _wide_enough(pair: Pair, least: int, place: str) -> None:
    shortest = min(len(pair.before), len(pair.after))
    if shortest < least:
        raise InputError(f"{place}: its sequence has {shortest} bp, fewer than the filters' width of {least}; leave it "
                         "out")  # fmt: skip


def between(before: str, after: str) -> Pair:
    """Two sequences as a pair: what they share at both ends is left out of the alleles.

    >>> between("AACGT", "AAGT")[2:]
    (2, 'C', '', 0)
    """
    shorter = min(len(before), len(after))
    same = (a == b for a, b in zip(before, after, strict=False))
    left = next((i for i, equal in enumerate(same) if not equal), shorter)
    same = (a == b for a, b in zip(before[::-1], after[::-1], strict=False))
    right = min(next((i for i, equal in enumerate(same) if not equal), shorter), shorter - left)
    return Pair(before, after, left, before[left : len(before) - right], after[left : len(after) - right], 0)


def from_fasta(
    ref: str | os.PathLike, alt: str | os.PathLike, *, least: int = 1
) -> tuple[pd.DataFrame, list[Pair]]:  # fmt: skip
    """Pairs of records of two FASTA files, in order: the variants as a table, and the pairs.

    Names may differ, as those of alleles do; but the same names in another order are a mistake.
    `least` is the width of the network's filters.

    Raises:
        InputError: what `read_fasta` refuses, a record that no filter fits, files of different
        length or order.

    Example:
        >>> table, pairs = from_fasta("ref.fa", "alt.fa")
    """
    ours, theirs = (list(runs.fitting(read_fasta(path), least, path)) for path in (ref, alt))
    if len(ours) != len(theirs):
        raise InputError(f"{alt}: {len(theirs)} records, {ref} has {len(ours)}; give one of each, in the same order")
    names = [(a.name, b.name) for a, b in zip(ours, theirs, strict=True)]
    if {a for a, _ in names} == {b for _, b in names} and (odd := [pair for pair in names if pair[0] != pair[1]]):
        raise InputError(f"{alt}: record {odd[0][1]!r} stands where {ref} has {odd[0][0]!r}: the same records in "
                         "another order; sort both files alike")  # fmt: skip
    pairs = [between(a.sequence, b.sequence) for a, b in zip(ours, theirs, strict=True)]
    rows = [(a.name, p.at + 1, b.name, p.ref, p.alt) for a, b, p in zip(ours, theirs, pairs, strict=True)]
    return pd.DataFrame(rows, columns=VARIANT_COLUMNS), pairs


def effects(
    run: runs.Run, variants: pd.DataFrame, pairs: Sequence[Pair], *, threshold: float = THRESHOLD
) -> pd.DataFrame:
    """What each variant does, in the order given: one row a variant.

    Columns: chrom, pos, name, ref, alt; log_odds_ref and log_odds_alt, the logit of the window
    before and after, and change, their difference; event, for the instance whose score changes
    most: "gained" or "lost" where it crosses `threshold`, "moved" where one of the same motif is
    gained that shares bases with the one that is lost, "changed" or "none"; its motif, strand,
    start and end (0-based, of the site before, or after if it is gained or moved), and its scores
    before and after; rule_lost, a pair of instances at a distance that the network has learnt, kept
    before and broken after; others, the number of other instances that cross the threshold.

    >>> effects(run, variants, on_reference(genome, variants, run.tile)).sort_values("change").tail(1)
    """
    if not 0 <= threshold <= 1:
        raise InputError(f"threshold {threshold} is not a score; choose one from 0 to 1")
    letters = list(dict.fromkeys(s for pair in pairs for s in (pair.before, pair.after)))
    names = {sequence: str(i) for i, sequence in enumerate(letters)}
    logits = dict(zip(letters, log_odds(run, letters), strict=True))
    records = runs.fitting((Record(names[s], s) for s in letters), run.model.config.width, "variants")
    found = call(run.model, run.found, records, threshold=LEAST, tile=max(run.tile, max(map(len, letters)) // 2 + 1))
    calls, nothing = dict(list(found.groupby("sequence"))), found.iloc[:0]
    rules, rows = learnt_rules(run), []
    for pair in pairs:
        before, after = (calls.get(names[s], nothing) for s in (pair.before, pair.after))
        table = compare(before, after, pair)
        a, b = logits[pair.before], logits[pair.after]
        lost = "; ".join(sorted(kept_rules(before, rules, threshold) - kept_rules(after, rules, threshold)))
        rows.append((a, b, b - a, *main_event(table, threshold, pair.origin), lost, others(table, threshold)))
    out = pd.DataFrame(rows, columns=COLUMNS[len(VARIANT_COLUMNS) :])
    return pd.concat([variants[VARIANT_COLUMNS].reset_index(drop=True), out], axis=1)


@torch.no_grad()
def log_odds(run: runs.Run, sequences: Sequence[str], *, batch: int = 512) -> list[float]:
    """The logit of each sequence; the network's device and mode are left as found.

    >>> log_odds(run, ["ACGT" * 30])
    [-2.31]
    """
    out: list[float] = []
    for i in range(0, len(sequences), batch):
        part = list(sequences[i : i + batch])
        out += run.model(one_hot(part).to(next(run.model.parameters()).device)).tolist()
    return out


def compare(before: pd.DataFrame, after: pd.DataFrame, pair: Pair) -> pd.DataFrame:
    """Instances before and after a variant, matched: motif, strand, start, end (before, else
    after), scores of both."""
    shift = len(pair.alt) - len(pair.ref)
    moved = after.start - np.where(after.start >= pair.at + len(pair.alt), shift, 0)  # in coordinates before
    rows, taken = [], set()
    for one in before.sort_values("score", ascending=False).itertuples():
        near = (after.motif == one.motif) & (after.strand == one.strand) & ((moved - one.start).abs() <= SAME)
        near = [i for i in after.index[near] if i not in taken]
        best = max(near, key=lambda i: after.score[i], default=None)
        taken.add(best)
        rows.append((one.motif, one.strand, one.start, one.end, one.score, 0.0 if best is None else after.score[best]))
    left = after[~after.index.isin(taken)]
    rows += [(c.motif, c.strand, c.start, c.end, 0.0, c.score) for c in left.itertuples()]
    return pd.DataFrame(rows, columns=["motif", "strand", "start", "end", "score_ref", "score_alt"])


def main_event(table: pd.DataFrame, threshold: float, origin: int) -> tuple:
    """Event, motif, strand, start, end, and scores before and after of the instance that changes
    most."""
    if not len(table):
        return "none", "", "", -1, -1, 0.0, 0.0
    crossing = (table.score_ref >= threshold) != (table.score_alt >= threshold)
    size = (table.score_alt - table.score_ref).abs() + crossing  # crossing comes first
    top = table.loc[size.idxmax()]
    event = ("gained" if top.score_alt > top.score_ref else "lost") if crossing[size.idxmax()] else "changed"
    if event == "changed" and abs(top.score_alt - top.score_ref) < LEAST:
        event = "none"
    scores = [top.score_ref, top.score_alt]
    if event in ("gained", "lost"):
        near = (table.start - top.start).abs() < top.end - top.start  # they share bases: one site, further on
        turned = table[crossing & (table.motif == top.motif) & near]
        new, old = (turned[rows] for rows in (turned.score_alt > turned.score_ref, turned.score_alt < turned.score_ref))
        if len(new) and len(old):
            event, top, scores = "moved", new.iloc[0], [old.score_ref.max(), new.score_alt.max()]
    return event, top.motif, top.strand, origin + top.start, origin + top.end, *scores


def others(table: pd.DataFrame, threshold: float) -> int:
    """Instances that cross the threshold, less the one that is reported."""
    return max(int(((table.score_ref >= threshold) != (table.score_alt >= threshold)).sum()) - 1, 0)


def learnt_rules(run: runs.Run) -> dict[tuple, float]:
    """Weight of each arrangement that the network has learnt: (motif_a, motif_b, strand_b,
    distance), a on +."""
    table = spacing_table(run.model, run.found)
    table = table[table.weight >= RULE]
    keys = zip(table.motif_a, table.motif_b, table.strand_b, table.distance, strict=True)
    return dict(zip(keys, table.weight, strict=True))


def kept_rules(calls: pd.DataFrame, rules: dict[tuple, float], threshold: float) -> set[str]:
    """Pairs of instances at a learnt distance, in words, read in the direction of the first.

    >>> kept_rules(calls, learnt_rules(run), 0.5)
    {'M2 with M1 on the other strand, 10 bp on'}
    """
    calls, out = list(calls[calls.score >= threshold].itertuples()), set()
    for one, other in permutations(calls, 2):
        same = one.strand == other.strand
        distance = other.start - one.start if one.strand == "+" else one.end - other.end
        if (one.motif, other.motif, "+" if same else "-", distance) in rules:
            side = "same" if same else "other"
            where = f"{abs(distance)} bp {'on' if distance >= 0 else 'before'}"
            out.add(f"{one.motif} with {other.motif} on the {side} strand, {where}")
    return out
