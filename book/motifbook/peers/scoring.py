"""Discovered against planted motifs: one score for every method, whether it reads filters, words or
attributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from motifbook.grammar import Grammar
from motiflib.motif import Motif, aligned_correlation, jaspar_collection, tomtom

MIN_CORRELATION = 0.95
MAX_P_VALUE = 1e-3


class Score(NamedTuple):
    """``planted``: one row per planted motif. ``found``: one row per reported motif. ``summary``:
    the counts."""

    planted: pd.DataFrame
    found: pd.DataFrame
    summary: dict[str, float]


def planted_motifs(grammar: Grammar) -> list[Motif]:
    """The motifs that a grammar plants anywhere, in either class, as ``Motif``s.

    >>> [m.name for m in planted_motifs(load_grammar("rest"))]
    ['left', 'right']
    """
    used = {name for a in (*grammar.positives, *grammar.negatives) for name in a.plant}
    return [Motif(m.name, m.pfm, source=m.source) for m in grammar.motifs.values() if m.name in used]


def reportable(motifs: Sequence[Motif], *, min_width: int = 5, min_bits: float = 1.0) -> list[Motif]:
    """The motifs that count as motifs, trimmed: at least 5 columns, with a mean of at least 1 bit a
    column.

    The rule of the ARGMINN paper (Tseng et al. 2024); flanks are cut by ``Motif.trim``. A method is
    scored on these only, so a filter that is close to flat is neither found nor spurious.

    >>> [m.consensus for m in reportable([Motif("flat", np.full((4, 9), 0.25)), jaspar("MAX")])]
    """
    trimmed = [motif.trim() for motif in motifs]
    return [m for m in trimmed if m.width >= min_width and m.information.mean() >= min_bits]


def closest(motifs: Sequence[Motif], target: Motif, n: int = 1, *, min_width: int = 5) -> list[tuple[Motif, float]]:
    """The ``n`` motifs with the highest aligned correlation with ``target``, trimmed, and that
    correlation.

    Motifs with fewer than ``min_width`` columns after trimming are left out: one column always fits
    somewhere.

    >>> closest(filter_motifs(model, x), jaspar("MAX"))[0]
    """
    trimmed = [motif.trim() for motif in motifs]
    pairs = [(motif, aligned_correlation(motif, target)) for motif in trimmed if motif.width >= min_width]
    return sorted(pairs, key=lambda pair: -pair[1])[:n]


def _pairs(found: Sequence[Motif], planted: Sequence[Motif]) -> tuple[np.ndarray, np.ndarray]:
    """Correlation and TOMTOM p-value of each pair, both (found, planted); JASPAR gives the p-values
    their null."""
    shape = (len(found), len(planted))
    correlation = np.array([[aligned_correlation(a, b) for b in planted] for a in found]).reshape(shape)
    named = [Motif(m.name, m.pfm, source=f"planted {i}") for i, m in enumerate(planted)]
    queries = [Motif(f"found {i}", m.pfm) for i, m in enumerate(found)]
    targets = [*named, *jaspar_collection()]
    table = tomtom(queries, targets, top=len(targets))
    table = table[table.jaspar_id.str.startswith("planted ")] if len(table) else table
    p_value = np.ones(shape)
    for motif, target, p in zip(table.motif, table.jaspar_id, table.p_value, strict=True):
        p_value[int(motif.split()[1]), int(target.split()[1])] = p
    return correlation, p_value


def score_motifs(found: Sequence[Motif], planted: Sequence[Motif], *, trim: bool = True) -> Score:
    """How well a method's motifs recover those that were planted.

    A reported motif MATCHES a planted one if their aligned correlation is >= 0.95 and their TOMTOM
    p-value is <= 1e-3 (Gupta et al. 2007; the null is that of the planted motifs and JASPAR's
    vertebrates together). If it matches several, the best correlation counts.

    - recovered: planted motifs that some reported motif matches; also as a share of all planted
    - redundant: matches of a planted motif beyond its first
    - spurious: reported motifs that match none
    - information: mean bits of the reported motifs that match, beside the bits of the planted ones
    they match

    ``found`` passes through ``reportable`` first, unless ``trim`` is false. Columns of
    ``Score.planted``: motif, recovered, best (the reported motif that is closest), correlation,
    p_value, matches, bits, best_bits; of ``Score.found``: motif, consensus, width, bits, planted,
    correlation, p_value, verdict.

    >>> score_motifs([jaspar("MAX")], [jaspar("MAX"), jaspar("E2F6")]).summary["recovered"]
    1
    """
    found = reportable(found) if trim else list(found)
    correlation, p_value = _pairs(found, planted)
    match = (correlation >= MIN_CORRELATION) & (p_value <= MAX_P_VALUE)
    owner = np.where(match, correlation, -2.0).argmax(1) if len(found) else np.zeros(0, int)
    owner = np.where(match.any(1), owner, -1)  # index of the planted motif that each reported one stands for
    planted_table = _planted_table(found, planted, correlation, p_value, match, owner)
    found_table = _found_table(found, planted, correlation, p_value, owner)
    return Score(planted_table, found_table, _summary(planted_table, found_table))


def _planted_table(
    found: Sequence[Motif],
    planted: Sequence[Motif],
    correlation: np.ndarray,
    p_value: np.ndarray,
    match: np.ndarray,
    owner: np.ndarray,
) -> pd.DataFrame:
    rows = []
    for j, motif in enumerate(planted):
        best = int(correlation[:, j].argmax()) if len(found) else -1
        closest = (found[best].name, correlation[best, j], p_value[best, j]) if best >= 0 else ("", np.nan, np.nan)
        bits = found[best].information_bits if best >= 0 else np.nan
        matches = int((owner == j).sum())
        rows.append((motif.name, bool(match[:, j].any()), *closest, matches, motif.information_bits, bits))
    columns = ["motif", "recovered", "best", "correlation", "p_value", "matches", "bits", "best_bits"]
    return pd.DataFrame(rows, columns=columns)


def _found_table(
    found: Sequence[Motif], planted: Sequence[Motif], correlation: np.ndarray, p_value: np.ndarray, owner: np.ndarray
) -> pd.DataFrame:
    rows, seen = [], set()
    order = np.argsort([-c.max(initial=-1) for c in correlation], kind="stable") if len(found) else []
    for i in order:
        j = int(owner[i]) if owner[i] >= 0 else int(correlation[i].argmax())
        verdict = "spurious" if owner[i] < 0 else "redundant" if j in seen else "recovered"
        seen |= {j} if owner[i] >= 0 else set()
        m = found[i]
        closest = (planted[j].name, correlation[i, j], p_value[i, j])
        rows.append((m.name, m.consensus, m.width, m.information_bits, *closest, verdict))
    columns = ["motif", "consensus", "width", "bits", "planted", "correlation", "p_value", "verdict"]
    return pd.DataFrame(rows, columns=columns)


def _summary(planted: pd.DataFrame, found: pd.DataFrame) -> dict[str, float]:
    verdicts = found.verdict.value_counts()
    matched = found[found.verdict != "spurious"]
    return {
        "planted": len(planted),
        "reported": len(found),
        "recovered": int(planted.recovered.sum()),
        "recovered_share": float(planted.recovered.mean()) if len(planted) else float("nan"),
        "redundant": int(verdicts.get("redundant", 0)),
        "spurious": int(verdicts.get("spurious", 0)),
        "bits_found": float(matched.bits.mean()) if len(matched) else float("nan"),
        "bits_planted": float(planted.bits[planted.recovered].mean()),
    }
