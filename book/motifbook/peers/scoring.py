"""Discovered against planted motifs: one score for every method, whether it reads filters, words or
attributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from motifbook.grammar import Grammar
from motiflib.motif import Motif, aligned_correlation
from motiflib.run.known import jaspar_collection, tomtom

MIN_CORRELATION = 0.95
MAX_P_VALUE = 1e-3
MIN_WIDTH = 5  # columns of a motif, after trimming


class Score(NamedTuple):
    """`planted`: one row per planted motif. `found`: one row per reported motif. `summary`: the
    counts."""

    planted: pd.DataFrame
    found: pd.DataFrame
    summary: dict[str, float]


def planted_motifs(grammar: Grammar) -> list[Motif]:
    """The motifs that a grammar plants anywhere, in either class, as `Motif`s.

    >>> from motifbook.grammar import load_grammar
    >>> [motif.name for motif in planted_motifs(load_grammar("rest"))]
    ['left', 'right']
    """
    used = {name for a in (*grammar.positives, *grammar.negatives) for name in a.plant}
    kept = [motif for motif in grammar.motifs.values() if motif.name in used]
    return [Motif(motif.name, motif.pfm, source=motif.source) for motif in kept]


def reportable(motifs: Sequence[Motif]) -> list[Motif]:
    """The motifs that count as motifs, trimmed: at least 5 columns, with a mean of at least 1 bit a
    column.

    The rule of the ARGMINN paper (Tseng et al. 2024). A method is scored on these only, so a filter
    that is close to flat is neither found nor spurious.

    >>> [motif.name for motif in reportable([Motif("flat", np.full((4, 9), 0.25)), *found.motifs])]
    ['M1', 'M2']
    """
    trimmed = [motif.trim() for motif in motifs]
    return [m for m in trimmed if m.width >= MIN_WIDTH and m.information.mean() >= 1]


def closest(motifs: Sequence[Motif], target: Motif, n: int = 1) -> list[tuple[Motif, float]]:
    """The `n` motifs with the highest aligned correlation with `target`, trimmed, and that
    correlation. Motifs with fewer than 5 columns are left out: one column always fits somewhere.

    >>> [motif.name for motif, _ in closest(found.motifs, found.motifs[1])]
    ['M2']
    """
    trimmed = [motif.trim() for motif in motifs]
    pairs = [(m, aligned_correlation(m, target)) for m in trimmed if m.width >= MIN_WIDTH]
    return sorted(pairs, key=lambda pair: -pair[1])[:n]


def score_motifs(found: Sequence[Motif], planted: Sequence[Motif]) -> Score:
    """How well a method's `reportable` motifs recover those that were planted.

    A reported motif MATCHES a planted one if their aligned correlation is >= 0.95 and their TOMTOM
    p-value is <= 1e-3 (Gupta et al. 2007; the null is that of the planted motifs and JASPAR's
    vertebrates together). If it matches several, the best correlation counts.

    - recovered: planted motifs that some reported motif matches; also as a share of all planted
    - redundant: matches of a planted motif beyond its first
    - spurious: reported motifs that match none
    - information: mean bits of the reported motifs that match, and of the planted ones they match

    Columns of `Score.planted`: motif, recovered, best (the reported motif that is closest),
    correlation, p_value, matches, bits, best_bits; of `Score.found`: motif, consensus, width, bits,
    planted, correlation, p_value, verdict.

    >>> score_motifs([], found.motifs).summary["recovered"]
    0
    """
    found = reportable(found)
    correlation, p_value = _pairs(found, planted)
    match = (correlation >= MIN_CORRELATION) & (p_value <= MAX_P_VALUE)
    best = np.where(match, correlation, -2.0).argmax(1)
    owner = np.where(match.any(1), best, -1)  # the planted motif that each stands for, -1 for none
    planted_table = _planted_table(found, planted, correlation, p_value, match, owner)
    found_table = _found_table(found, planted, correlation, p_value, owner)
    return Score(planted_table, found_table, _summary(planted_table, found_table))


def _pairs(found: list[Motif], planted: Sequence[Motif]) -> tuple[np.ndarray, np.ndarray]:
    """Correlation and TOMTOM p-value of each pair, both (found, planted); JASPAR gives the p-values
    their null."""
    shape = (len(found), len(planted))
    correlation = np.array([aligned_correlation(a, b) for a in found for b in planted])
    named = [Motif(m.name, m.pfm, source=f"planted {i}") for i, m in enumerate(planted)]
    queries = [Motif(f"found {i}", m.pfm) for i, m in enumerate(found)]
    targets = [*named, *jaspar_collection()]
    table = tomtom(queries, targets, top=len(targets))
    table = table[table.jaspar_id.str.startswith("planted ")] if len(table) else table
    p_value = np.ones(shape)
    for motif, target, p in zip(table.motif, table.jaspar_id, table.p_value, strict=True):
        p_value[int(motif.split()[1]), int(target.split()[1])] = p
    return correlation.reshape(shape), p_value


def _planted_table(found, planted, correlation, p_value, match, owner) -> pd.DataFrame:
    rows = []
    for j, motif in enumerate(planted):
        closest, bits = ("", np.nan, np.nan), np.nan
        if found:
            i = int(correlation[:, j].argmax())
            closest = (found[i].name, correlation[i, j], p_value[i, j])
            bits = found[i].information_bits
        counts = (int((owner == j).sum()), motif.information_bits, bits)
        rows.append((motif.name, match[:, j].any(), *closest, *counts))
    columns = "motif recovered best correlation p_value matches bits best_bits".split()
    return pd.DataFrame(rows, columns=columns)


def _found_table(found, planted, correlation, p_value, owner) -> pd.DataFrame:
    """The best correlation first, which decides who is redundant."""
    rows, seen = [], {-1}
    for i in np.argsort(-correlation.max(1, initial=-1), kind="stable"):
        j = int(owner[i]) if owner[i] >= 0 else int(correlation[i].argmax())
        verdict = "spurious" if owner[i] < 0 else "redundant" if owner[i] in seen else "recovered"
        seen.add(owner[i])
        m, closest = found[i], (planted[j].name, correlation[i, j], p_value[i, j])
        rows.append((m.name, m.consensus, m.width, m.information_bits, *closest, verdict))
    columns = "motif consensus width bits planted correlation p_value verdict".split()
    return pd.DataFrame(rows, columns=columns)


def _summary(planted: pd.DataFrame, found: pd.DataFrame) -> dict[str, float]:
    verdicts = found.verdict.value_counts()
    return {
        "planted": len(planted),
        "reported": len(found),
        "recovered": int(planted.recovered.sum()),
        "recovered_share": float(planted.recovered.mean()),
        "redundant": int(verdicts.get("redundant", 0)),
        "spurious": int(verdicts.get("spurious", 0)),
        "bits_found": float(found.bits[found.verdict != "spurious"].mean()),
        "bits_planted": float(planted.bits[planted.recovered].mean()),
    }
