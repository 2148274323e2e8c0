"""The figures on found motifs draw from tiny inputs, name their axes and leave settings alone."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from figures import draws_and_leaves_settings_alone
from motifbook.figures import discovery

from motiflib.motif import Motif
from motiflib.run import figures

MOTIF = Motif("E-box", np.eye(4)[:, [1, 0, 1, 2, 3, 2]])
RUNS = pd.DataFrame(
    [
        ("rest", "a", 2, 2, 0, 0),
        ("rest", "b", 1, 2, 9, 20),
        ("spi1", "a", 1, 1, 0, 0),
        ("rest", "a", 1, 2, 1, 0),
    ],
    columns=["grammar", "method", "recovered", "planted", "spurious", "redundant"],
)
SCORES = pd.DataFrame(
    {
        "grammar": ["rest"] * 2,
        "model": ["a", "b"],
        "auroc": [0.9, 0.8],
        "auroc_low": [0.8, 0.7],
        "auroc_high": [0.95, 0.9],
    }
)
FIGURES = {
    "logos_aligned": lambda: figures.logos_aligned(MOTIF, MOTIF.slice(2, 6), 2),
    "logos_aligned, turned": lambda: figures.logos_aligned(MOTIF.slice(0, 3), MOTIF, -3, "-"),
    "found_beside_known": lambda: discovery.found_beside_known(
        [(MOTIF, MOTIF, 0, "+")] * 4, list("abcd")
    ),
    "profile": lambda: figures.profile([-3, 0, 8]).figure,
    "profile, empty": lambda: figures.profile([]).figure,
    "methods_by_grammar": lambda: discovery.methods_by_grammar(RUNS, {"a": "A", "b": "B"}),
}


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_figure_draws_and_leaves_settings_alone(draw):
    draws_and_leaves_settings_alone(draw)


def test_fields_show_the_share_over_all_runs():
    ax = FIGURES["methods_by_grammar"]().axes[0]
    assert sorted(t.get_text() for t in ax.texts) == ["+", "100%", "50%", "75%", "not run"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["rest", "spi1"]
    plt.close("all")
