"""Discovered against planted motifs: one score for every method."""

from collections import namedtuple
from collections.abc import Sequence

import numpy as np
import pandas as pd

from motifbook.grammar import Grammar
from motiflib.motif import Motif, aligned_correlation
from motiflib.run.known import jaspar_collection, tomtom

MIN_WIDTH = 5  # columns of a motif, after trimming
# a row per planted motif; a row per reported motif; the counts
Score = namedtuple("Score", "planted found summary")


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
    column, the rule of the ARGMINN paper (Tseng et al. 2024)."""
    trimmed = [motif.trim() for motif in motifs]
    return [m for m in trimmed if m.width >= MIN_WIDTH and m.information.mean() >= 1]


def closest(motifs: Sequence[Motif], target: Motif, n: int = 1) -> list[tuple[Motif, float]]:
    """The `n` motifs with the highest aligned correlation with `target`, trimmed, and that
    correlation; without those of fewer than 5 columns: one column always fits somewhere.

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
    vertebrates together). If it matches several, the best correlation counts. It is recovered, or
    redundant (a match of a planted motif beyond its first), or spurious (matches none).

    Columns of `planted`: motif, recovered, correlation (with the closest reported motif), bits; of
    `found`: motif, bits, verdict. bits_found and bits_planted: means of those that match.

    >>> score_motifs([], found.motifs).summary["recovered"]
    0
    """
    found = reportable(found)
    correlation, p_value = _pairs(found, planted)
    match = (correlation >= 0.95) & (p_value <= 1e-3)
    best = np.where(match, correlation, -2.0).argmax(1)
    owner = np.where(match.any(1), best, -1)  # the planted motif that each stands for, -1 for none
    table = pd.DataFrame({
        "motif": [motif.name for motif in planted], "recovered": match.any(0),
        "correlation": correlation.max(0) if found else np.nan,
        "bits": [motif.information_bits for motif in planted],
    })
    verdicts = _verdicts(found, correlation, owner)
    return Score(table, verdicts, _summary(table, verdicts))


def _pairs(found: list[Motif], planted: Sequence[Motif]) -> tuple[np.ndarray, np.ndarray]:
    """Correlation and TOMTOM p-value of each pair, both (found, planted)."""
    shape = (len(found), len(planted))
    correlation = np.array([aligned_correlation(a, b) for a in found for b in planted])
    named = [Motif(m.name, m.pfm, source=f"planted {i}") for i, m in enumerate(planted)]
    queries = [Motif(f"found {i}", m.pfm) for i, m in enumerate(found)]
    targets = [*named, *jaspar_collection()]  # JASPAR gives the p-values their null
    table = tomtom(queries, targets, top=len(targets))
    table = table[table.jaspar_id.str.startswith("planted ")] if len(table) else table
    p_value = np.ones(shape)
    for motif, target, p in zip(table.motif, table.jaspar_id, table.p_value, strict=True):
        p_value[int(motif.split()[1]), int(target.split()[1])] = p
    return correlation.reshape(shape), p_value


def _verdicts(found: list[Motif], correlation: np.ndarray, owner: np.ndarray) -> pd.DataFrame:
    """The best correlation first, which decides who is redundant."""
    rows, seen = [], {-1}
    for i in np.argsort(-correlation.max(1, initial=-1), kind="stable"):
        verdict = "spurious" if owner[i] < 0 else "redundant" if owner[i] in seen else "recovered"
        seen.add(owner[i])
        rows.append((found[i].name, found[i].information_bits, verdict))
    return pd.DataFrame(rows, columns=["motif", "bits", "verdict"])


def _summary(planted: pd.DataFrame, found: pd.DataFrame) -> dict[str, float]:
    return {
        "planted": len(planted), "reported": len(found),
        "recovered": int(planted.recovered.sum()),
        "recovered_share": float(planted.recovered.mean()),
        "redundant": int((found.verdict == "redundant").sum()),
        "spurious": int((found.verdict == "spurious").sum()),
        "bits_found": float(found.bits[found.verdict != "spurious"].mean()),
        "bits_planted": float(planted.bits[planted.recovered].mean()),
    }
