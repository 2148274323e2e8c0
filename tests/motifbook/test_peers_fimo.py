"""FIMO's matches as calls: place, strand, and one call where several matrices match."""

from __future__ import annotations

import numpy as np
import pytest
from motifbook.peers import fimo_calls

from motiflib.motif import Motif
from motiflib.sequence import one_hot, reverse_complement

WORD = "GATTACAGCT"


def test_matches_stand_where_the_word_is():
    pytest.importorskip("memelite")
    motif = Motif("M1", (one_hot([WORD])[0].numpy() + 0.01) / 1.04)
    rng = np.random.default_rng(0)
    around = ["".join(rng.choice(list("AT"), 60)) for _ in range(4)]
    records = [
        (f"s{i}", a[:20] + (WORD if i % 2 else reverse_complement(WORD)) + a[20:])
        for i, a in enumerate(around)
    ]
    calls = fimo_calls([motif, Motif("M2", motif.pfm)], records, 1e-5)
    assert calls[["sequence", "start", "end"]].values.tolist() == [
        [f"s{i}", 20, 30] for i in range(4)
    ]
    assert calls.strand.tolist() == ["-", "+", "-", "+"] and (calls.score > 5).all()
