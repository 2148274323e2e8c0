"""FIMO: every place whose bases match a matrix better than chance, whatever stands around it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from motiflib.calling import merge
from motiflib.motif import Motif
from motiflib.sequence import Record, one_hot


def fimo_calls(motifs: Sequence[Motif], records: Sequence[Record | tuple[str, str]],
               p_value: float = 1e-4) -> pd.DataFrame:
    """Matches of `motifs` in named sequences, by FIMO (Grant et al. 2011) in memelite; `p_value` is
    its own default. Columns: sequence, start, end, motif, score (-log10 of the p-value), strand,
    p_value. Of matches that share half of the shorter one's bases the best stays.
    """
    from memelite import fimo  # brings numba, which is slow to import

    names, letters = zip(*records, strict=True)
    matrices = {str(i): motif.pfm for i, motif in enumerate(motifs)}
    x = one_hot(letters).numpy().astype(np.int8)
    hits = pd.concat(fimo(matrices, x, threshold=p_value), ignore_index=True)
    row, number = hits.sequence_name.astype(int), hits.motif_name.astype(int)
    p = hits["p-value"].astype(float)
    calls = pd.DataFrame({
        "row": row, "sequence": np.array(names, dtype=object)[row],
        "start": hits.start.astype(int), "end": hits.end.astype(int),
        "motif": np.array([motif.name for motif in motifs], dtype=object)[number],
        "score": -np.log10(p.clip(lower=1e-30)), "strand": hits.strand, "p_value": p,
        "activation": hits.score.astype(float),
    })
    calls = merge(calls).sort_values(["row", "start"])
    return calls.drop(columns=["row", "activation"]).reset_index(drop=True)
