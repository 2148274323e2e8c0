"""Figures of genomes and variants draw what they are given."""

from __future__ import annotations

import numpy as np
import pandas as pd
from motifbook.figures.genome import effects_along, locus, trade


def test_locus_shows_what_lies_in_the_stretch():
    rows = [("c", 10, 20, 0.9), ("c", 900, 910, 1), ("d", 12, 22, 1)]
    calls = pd.DataFrame(rows, columns=["sequence", "start", "end", "score"])
    peaks = pd.DataFrame({"chrom": ["c", "d"], "summit": [15, 15]})
    ax = locus({"A": calls, "B": calls[:0]}, {"A": peaks, "B": peaks[:0]}, "c", 0, 100)
    assert ax.get_xlim() == (0, 100) and [t.get_text() for t in ax.get_yticklabels()] == ["A", "B"]
    bars = [c for c in ax.collections if len(c.get_segments())]
    assert len(bars) == 1 and np.allclose(bars[0].get_segments()[0], [[15, 0], [15, 0.9]])


def test_trade_and_effects():
    ax = trade({"A": pd.DataFrame({"x": [1, 10], "y": [0.5, 0.9]})}, x="beside", y="share")
    assert ax.get_xscale() == "log" and ax.get_ylabel() == "share"
    ax = effects_along(np.array([1, 2]), {"m": np.array([2.0, -1.0])}, {"here": 2})
    assert np.allclose([s[1][1] for s in ax.collections[0].get_segments()], [1, -0.5])
