"""Fi-NeMo: instances called where a network's attributions look like one of TF-MoDISco's
patterns."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float
from torch import Tensor

from motiflib.sequence import Record, one_hot


def finemo_calls(
    patterns: tuple[list, list], attributions: Float[Tensor, "N 4 L"], records: Sequence[Record | tuple[str, str]]
) -> pd.DataFrame:
    """Hits of TF-MoDISco's `patterns` in the `attributions` of named sequences of one length, an
    even number of bp.

    Wang, Schreiber, Kundaje 2024, in the package `finemo` (extra `finemo`) with its own settings.
    Columns: sequence, start, end, motif, score, strand. The score is the hit's coefficient, that is
    how strongly its pattern is in the attributions, in units of the sequence's own. Raises
    `ImportError` with the line to type where `finemo` is missing.

    >>> finemo_calls(modisco_patterns(x, hypothetical), hypothetical * x, records)
    """
    try:
        from finemo.data_io import load_modisco_motifs
        from finemo.hitcaller import fit_contribs
        from modiscolite.io import save_hdf5
    except ImportError as error:
        raise ImportError("Fi-NeMo needs the extra 'finemo': pip install 'motiflib[finemo]'") from error
    records = [Record(*record) for record in records]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "patterns.h5")
        save_hdf5(path, *patterns, window_size=attributions.shape[2])
        motifs, cwms, masks, _ = load_modisco_motifs(path, None, None, 0.3, "cwm", None, None, None, 0.7, True)
    x = one_hot([record.sequence for record in records]).numpy().astype(np.int8)
    price = motifs.get_column("lambda").to_numpy(writable=True)
    hits = frame(fit_contribs(cwms, attributions.numpy(), x, masks, False, price)[0])
    mine = frame(motifs).iloc[hits.motif_id].reset_index(drop=True)
    calls = pd.DataFrame({
        "sequence": np.array([r.name for r in records], dtype=object)[hits.peak_id], "start": hits.hit_start,
        "end": hits.hit_start, "motif": mine.motif_name, "score": hits.hit_coefficient, "strand": mine.strand,
    })  # fmt: skip
    calls["start"] += mine.motif_start
    calls["end"] += mine.motif_end
    return calls.iloc[np.lexsort((calls.start, hits.peak_id))].reset_index(drop=True)


def frame(table) -> pd.DataFrame:
    """A polars table in pandas, without pyarrow."""
    return pd.DataFrame(table.to_dict(as_series=False))
