"""The figures of the first chapter draw from tiny inputs and name their axes."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from figures import draws_and_leaves_settings_alone
from motifbook.figures import problem

from motiflib.motif import Motif

RNG = np.random.default_rng(0)
MOTIF = Motif("E-box", np.eye(4)[:, [1, 0, 1, 2, 3, 2]])
PAIRS = pd.MultiIndex.from_product([["deeplift", "mutagenesis"], [0, 1]])
FIGURES = {
    "filters_beside": lambda: problem.filters_beside(
        [MOTIF] * 2, [[MOTIF], [MOTIF] * 2], [["f1"], ["f2", "f3"]]
    ),
    "dispersion": lambda: problem.dispersion(
        {"seed 0": np.full(4, 0.25)}, pd.DataFrame({"a": [0.5], "b": [0.9]})
    ),
    "tracks": lambda: problem.tracks(
        {"deeplift, seed 0": RNG.normal(size=60)}, {"left": (5, 12)}, (0, 40)
    ),
    "agreement_grid": lambda: problem.agreement_grid(
        {"few": pd.DataFrame(np.eye(4), PAIRS, PAIRS)}
    ),
    "doubled": lambda: problem.doubled(
        pd.DataFrame([("mutagenesis", 0, 2.0, 1.0)], columns=COLUMNS)
    ),
}
COLUMNS = ["method", "seed", "once", "twice"]


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_figure_draws_and_leaves_settings_alone(draw):
    draws_and_leaves_settings_alone(draw)


def test_doubled_shows_shares_of_the_site_alone():
    figure = FIGURES["doubled"]()
    assert figure.axes[0].lines[0].get_ydata().tolist() == [1, 0.5]
    assert figure.axes[0].get_ylabel() == "attribution of the site"
    plt.close("all")
