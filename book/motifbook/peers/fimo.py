"""FIMO: every place whose bases match a matrix better than chance, whatever stands around it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from motiflib.motif import Motif
from motiflib.sequence import Record, one_hot


def fimo_calls(
    motifs: Sequence[Motif], records: Sequence[Record | tuple[str, str]], p_value: float = 1e-4
) -> pd.DataFrame:
    """Matches of `motifs` in named sequences, by FIMO (Grant et al. 2011) in the implementation
    memelite.

    Columns: sequence, start, end, motif, score, strand, p_value. The score is -log10 of the
    p-value. Of matches that share half of the shorter one's bases the best stays, as for the
    network's calls. FIMO's own default of `p_value` is 1e-4.

    >>> fimo_calls([jaspar("REST")], read_fasta("peaks.fa")).motif.value_counts()
    """
    from memelite import fimo  # brings numba, which is slow to import

    from motiflib.calling import merge

    records = [Record(*record) for record in records]
    matrices = {str(i): motif.pfm for i, motif in enumerate(motifs)}
    x = one_hot([record.sequence for record in records]).numpy().astype(np.int8)
    hits = pd.concat(fimo(matrices, x, threshold=p_value), ignore_index=True)
    row = hits.sequence_name.astype(int)
    names = np.array([motif.name for motif in motifs], dtype=object)
    calls = pd.DataFrame({
        "sequence": np.array([r.name for r in records], dtype=object)[row], "start": hits.start.astype(int),
        "end": hits.end.astype(int), "motif": names[hits.motif_name.astype(int)],
        "score": -np.log10(hits["p-value"].astype(float).clip(lower=1e-30)), "strand": hits.strand,
        "p_value": hits["p-value"].astype(float), "activation": hits.score.astype(float),
    })  # fmt: skip
    calls = merge(calls).assign(_row=lambda t: t.sequence.map({r.name: i for i, r in enumerate(records)}))
    return calls.sort_values(["_row", "start"]).drop(columns=["_row", "activation"]).reset_index(drop=True)
