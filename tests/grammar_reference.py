"""The plain form of a grammar's likelihood: every placement enumerated, every base multiplied, in
pure Python."""

from __future__ import annotations

import math
from itertools import product

import numpy as np

PAIR = {"A": "T", "C": "G", "G": "C", "T": "A"}


def placements(grammar, label, length):
    """Yield (probability, [(motif, strand, start), ...]) of each hidden state before turning."""
    for a in grammar.arrangements(label):
        low, high = grammar.starts(grammar.span(a), length)
        gap_sets = list(product(*a.gaps))
        starts = range(low, high) if a.motifs else [0]
        for gaps, start in product(gap_sets, starts):
            at, planted = start, []
            for i, (m, s) in enumerate(zip(a.motifs, a.strands, strict=True)):
                planted.append((m, s, at))
                at += grammar.motifs[m].width + (gaps[i] if i < len(gaps) else 0)
            yield a.weight / len(gap_sets) / len(starts), planted


def probability(sequence, planted, grammar, base):
    """P(sequence | placement): planted bases from the matrices, the others from `base` (4,)."""
    p, covered = 1.0, set()
    for m, strand, start in planted:
        pfm = grammar.motifs[m].pfm if strand == "+" else grammar.motifs[m].pfm[::-1, ::-1]
        for i in range(pfm.shape[1]):
            p *= pfm["ACGT".index(sequence[start + i]), i]
            covered.add(start + i)
    for i, letter in enumerate(sequence):
        if i not in covered:
            p *= base["ACGT".index(letter)]
    return p


def turn(sequence):
    """Reverse complement of a string."""
    return "".join(PAIR[c] for c in reversed(sequence))


def likelihood(sequence, grammar, label, base):
    """P(sequence | class), summed over every placement and both ways round."""
    both = (sequence, turn(sequence))
    return sum(
        w / 2 * probability(s, placed, grammar, base)
        for s in both
        for w, placed in placements(grammar, label, len(sequence))
    )


def log_likelihood_ratio(sequence, grammar, base):
    """log P(sequence | positive) / P(sequence | negative)."""
    positive, negative = (likelihood(sequence, grammar, label, base) for label in (1, 0))
    return math.log(positive / negative)


def posterior(sequence, grammar, label, base, names):
    """P(motif m on strand s at start t | sequence, class): (M, 2, L)."""
    out, length = np.zeros((len(names), 2, len(sequence))), len(sequence)
    for turned, s in enumerate((sequence, turn(sequence))):
        for w, placed in placements(grammar, label, length):
            p = w / 2 * probability(s, placed, grammar, base)
            for m, strand, t in placed:
                start = length - t - grammar.motifs[m].width if turned else t
                out[names.index(m), (strand == "-") ^ turned, start] += p
    return out / likelihood(sequence, grammar, label, base)
