"""TF-MoDISco: attributions clustered into motifs, the usual route from an ordinary network to its
motifs."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from torch import Tensor

from motiflib.discovery import rich_pieces
from motiflib.motif import Motif


def modisco_motifs(
    x: Float[Tensor, "N 4 L"],
    hypothetical: Float[Tensor, "N 4 L"],
    *,
    leiden_runs: int = 2,
    max_seqlets: int = 2000,
    negative: bool = True,
) -> list[Motif]:
    """Motifs that TF-MoDISco finds in hypothetical attributions, strongest cluster first.

    Shrikumar et al. 2018, in the implementation ``modisco-lite`` (extra ``baselines``). Two Leiden
    runs instead of 50 save most of the time (benchmarks/results/modisco_defaults.tsv). Motifs are
    named ``pos0``, ``pos1`` ... and, from attributions below zero, ``neg0`` ...; ``sites`` counts
    their seqlets. They are not trimmed.

    Raises ``ImportError`` with the line to type where ``modisco-lite`` is missing.

    >>> motifs = modisco_motifs(x, deeplift(model, x, hypothetical=True))
    """
    patterns = modisco_patterns(x, hypothetical, leiden_runs=leiden_runs, max_seqlets=max_seqlets)
    return pattern_motifs(*patterns[: 1 + negative])


def modisco_patterns(
    x: Float[Tensor, "N 4 L"], hypothetical: Float[Tensor, "N 4 L"], *, leiden_runs: int = 2, max_seqlets: int = 2000
) -> tuple[list, list]:
    """`modisco_motifs` as TF-MoDISco's own patterns, those of positive and of negative
    attributions: for Fi-NeMo.

    >>> positive, negative = modisco_patterns(x, deeplift(model, x, hypothetical=True))
    """
    try:
        from modiscolite.tfmodisco import TFMoDISco
    except ImportError as error:
        raise ImportError("TF-MoDISco needs the extra 'baselines': pip install 'motiflib[baselines]'") from error
    tracks = [np.ascontiguousarray(t.cpu().numpy().transpose(0, 2, 1), dtype=np.float32) for t in (x, hypothetical)]
    try:
        found = TFMoDISco(*tracks, n_leiden_runs=leiden_runs, max_seqlets_per_metacluster=max_seqlets)
    except (ValueError, IndexError, ZeroDivisionError):  # attributions without any signal: no seqlet, no motif
        return [], []
    return found[0] or [], found[1] or []


def pattern_motifs(positive: list, negative: list = ()) -> list[Motif]:
    """TF-MoDISco's patterns as motifs, named and ordered as in `modisco_motifs`.

    >>> pattern_motifs(*modisco_patterns(x, hypothetical))
    """
    groups = {"pos": positive, "neg": negative}
    return [_motif(pattern, f"{sign}{i}") for sign, group in groups.items() for i, pattern in enumerate(group)]


def _motif(pattern: object, name: str) -> Motif:
    pfm = np.asarray(pattern.sequence, dtype=float).T  # (4, w); 0 at bases that no seqlet has
    pfm = np.maximum(pfm, 0) + 1e-9
    return Motif(name, pfm / pfm.sum(0, keepdims=True), source="TF-MoDISco", sites=len(pattern.seqlets))


def split_patterns(motifs: list[Motif], *, min_bits: float = 1.0) -> list[Motif]:
    """Patterns with a mean of less than 1 bit a column, cut at their gaps; all others as they are.

    TF-MoDISco's patterns are wide: partners at a fixed distance come out as one, with flat columns
    between. A reader sees two motifs there, so they are counted as two. A gap: two columns in a row
    below 0.3 bits, as in `trimming.rich_pieces`.

    >>> [m.name for m in split_patterns([pair_with_a_gap, jaspar("MAX")])]
    ['pos0.0', 'pos0.1', 'MAX']
    """
    out = []
    for motif in motifs:
        whole = motif.trim()
        if whole.information.mean() >= min_bits:
            out.append(motif)
            continue
        pieces = rich_pieces(whole.information, fragment=0.0)
        cut = [whole.pfm[:, first:end] for first, end in pieces]
        out += [Motif(f"{motif.name}.{i}", pfm, motif.source, motif.sites) for i, pfm in enumerate(cut)]
    return out
