"""TF-MoDISco: attributions clustered into motifs, the usual route from a network to motifs."""

import numpy as np
from jaxtyping import Float
from torch import Tensor

from motiflib.discovery import rich_pieces
from motiflib.motif import Motif

X = Float[Tensor, "N 4 L"]


def modisco_motifs(x: X, hypothetical: X, **settings: int) -> list[Motif]:
    """Motifs that TF-MoDISco finds in hypothetical attributions, strongest cluster first; settings
    are those of `modisco_patterns`."""
    return pattern_motifs(*modisco_patterns(x, hypothetical, **settings))


def modisco_patterns(x: X, hypothetical: X, *, leiden_runs: int = 2,
                     max_seqlets: int = 2000) -> tuple[list, list]:
    """TF-MoDISco's own patterns, of positive and of negative attributions (Shrikumar et al. 2018),
    by `modisco-lite` (extra `baselines`). Two Leiden runs instead of 50 save most of the time
    (benchmarks/results/modisco_defaults.tsv)."""
    try:
        from modiscolite.tfmodisco import TFMoDISco
    except ImportError as error:
        extra = "the extra 'baselines': pip install 'motiflib[baselines]'"
        raise ImportError(f"TF-MoDISco needs {extra}") from error
    tracks = [np.ascontiguousarray(t.mT.cpu().numpy(), np.float32) for t in (x, hypothetical)]
    try:
        found = TFMoDISco(*tracks, n_leiden_runs=leiden_runs,
                          max_seqlets_per_metacluster=max_seqlets)
    except (ValueError, IndexError, ZeroDivisionError):  # no signal: no seqlet, no motif
        return [], []
    return found[0] or [], found[1] or []


def pattern_motifs(positive: list, negative: list) -> list[Motif]:
    """TF-MoDISco's patterns as motifs `pos0`, `pos1` ... and, from attributions below zero, `neg0`
    ...; `sites` counts their seqlets; not trimmed."""
    motifs = []
    for sign, patterns in (("pos", positive), ("neg", negative)):
        for i, pattern in enumerate(patterns):
            pfm = np.maximum(np.asarray(pattern.sequence, dtype=float).T, 0) + 1e-9  # (4, w)
            pfm = pfm / pfm.sum(0, keepdims=True)
            motifs.append(Motif(f"{sign}{i}", pfm, "TF-MoDISco", len(pattern.seqlets)))
    return motifs


def split_patterns(motifs: list[Motif]) -> list[Motif]:
    """Patterns with a mean of less than 1 bit a column, cut at their gaps; all others as they are.

    Partners at a fixed distance come out as one wide pattern, with flat columns between. A reader
    sees two motifs there, so they are counted as two.

    >>> [motif.name for motif in split_patterns(found.motifs)]
    ['M1', 'M2']
    """
    out = []
    for motif in motifs:
        whole = motif.trim()
        if whole.information.mean() >= 1:
            out.append(motif)
            continue
        for i, (first, end) in enumerate(rich_pieces(whole.information, fragment=0.0)):
            pfm = whole.pfm[:, first:end]
            out.append(Motif(f"{motif.name}.{i}", pfm, motif.source, motif.sites))
    return out
