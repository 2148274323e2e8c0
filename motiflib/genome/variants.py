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
from motiflib.genome.peaks import check, same_names
from motiflib.run import folder as runs
from motiflib.sequence import Record, one_hot, read_fasta
from motiflib.syntax import spacing_table
from motiflib.training import logits

SAME = 2  # bp; calls of a motif this near are the same instance
RULE = 1.5  # weight of a distance, over that of a new network, from which instances keep a rule
BATCH = 512  # sequences that the network reads at a time
VARIANT_COLUMNS = ["chrom", "pos", "name", "ref", "alt"]
SITE_COLUMNS = ["motif", "strand", "start", "end", "score_ref", "score_alt"]
CHANGE_COLUMNS = ["log_odds_ref", "log_odds_alt", "change"]


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
    """Variants of a VCF file, plain or gzip, one row for each alternative allele: chrom, pos
    (1-based, as in VCF), name, ref, alt, upper case. Raises InputError with the line that is not
    VCF, or whose alleles are not spelt out.

    >>> size = Path("tert.vcf").write_text("5\\t1295228\\tC228T\\tG\\tA,T\\n")
    >>> read_vcf("tert.vcf").alt.tolist()
    ['A', 'T']
    """
    rows = []
    for number, line in enumerate(read_lines(path), 1):
        if line.strip() and not line.startswith("#"):
            rows += _alleles(f"{path}: line {number}", line.rstrip("\r\n").split("\t"))
    check(path, {"no variant in this file; expected VCF: CHROM, POS, ID, REF, ALT": not rows})
    return pd.DataFrame(rows, columns=VARIANT_COLUMNS)


def _alleles(where: str, cells: list[str]) -> list[tuple]:
    chrom, position, name, ref, alts = [*cells, *[""] * 5][:5]
    number = re.fullmatch("0*[1-9][0-9]{0,17}", position)  # isdigit() is true of other scripts too
    alleles = [ref, *alts.split(",")]
    odd = [allele for allele in alleles if not re.fullmatch("[ACGTNacgtn]+", allele)]
    ref, *alts = map(str.upper, alleles)
    check(where, {
        f"{len(cells)} columns, expected CHROM, POS, ID, REF, ALT; is this VCF, with tabs?":
            len(cells) < 5,
        f"position {position!r} is not a whole number from 1; correct it": not number,
        f"allele {(odd or alleles)[0]!r} is not spelt out in A, C, G, T, N: leave the variant out, "
        "or write its bases": bool(odd),
        f"reference and alternative are both {alleles[0]!r}; leave the variant out": ref in alts,
    })
    return [(chrom, int(position), name, ref, alt) for alt in alts]


def on_reference(
    genome: Genome, variants: pd.DataFrame, width: int, *, rename: bool = False,
    where: object = "variants", least: int = 1,
) -> list[Pair]:
    """The window of `width` bp around each variant, before and after it; it gets or loses bases at
    its right end.

    With `rename`, names such as chr1, 1 and chrI are taken for one another where all of them fit.
    `least` is the width of the network's filters: no window may be shorter. Raises InputError, with
    its position, for a variant that the genome or the window cannot hold, or whose reference bases
    are not the genome's.
    """
    pairs, names = [], list(dict.fromkeys(variants.chrom))
    meant = {} if set(names) <= set(genome.chroms) else same_names(names, genome.chroms)
    if rename and meant:
        variants = variants.assign(chrom=variants.chrom.map(meant))
    for row in variants.itertuples():
        alleles = f" {row.ref}>{row.alt}"
        if len(alleles) > 62:  # they can be of any length, and a line should stay one
            alleles = f", {len(row.ref)} bp to {len(row.alt)} bp"
        place = f"{where}: {row.chrom}:{row.pos}{alleles}"
        has, other = ", ".join(list(genome.chroms)[:4]), meant.get(row.chrom)
        advice = f"if it means {other!r}, ask for it with --rename-chroms" if other else "rename it"
        check(place, {f"no chromosome {row.chrom!r} in the genome, which has {has}, ...; {advice}":
                      row.chrom not in genome.chroms})
        pairs.append(_window(genome, row, width, place))
        shortest = min(len(pairs[-1].before), len(pairs[-1].after))
        check(place, {f"its sequence has {shortest} bp, fewer than the filters' width of {least}; "
                      "leave it out": shortest < least})
    return pairs
