"""Figures of the grammar chapter: they show the numbers given, on the axes given."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import pytest  # noqa: E402
from motifbook.figures import grammars as draw  # noqa: E402

TRUTH = pd.DataFrame(
    {
        "row": [0, 0, 1],
        "start": [10, 30, 20],
        "end": [16, 38, 26],
        "motif": ["A", "B", "A"],
        "strand": ["+", "-", "+"],
    }
)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_planted_draws_an_arrow_per_instance_towards_its_end():
    ax = draw.planted(TRUTH, [0, 1, 2], 60)
    arrows = [t for t in ax.texts if t.arrow_patch is not None]
    assert [(a.xyann[0], a.xy[0]) for a in arrows] == [(10, 16), (38, 30), (20, 26)]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["A", "B"]


def test_gaps_counts():
    ax = draw.gaps([2, 2, 3], {2: 0.5, 3: 0.5})
    assert [bar.get_height() for bar in ax.patches] == [2, 1]


def test_ratios_limits_and_curves_use_the_axes_given():
    given = plt.subplots()[1]
    assert draw.ratios(np.linspace(-3, 3, 20), np.arange(20) >= 10, given) is given
    ax = draw.limits({"SPI1": 0.981, "REST": 0.99})
    assert [t.get_text() for t in ax.texts] == ["0.981", "0.990"]
    ax = draw.curves(
        {"a": ([1, 2], [3, 4]), "b": ([1, 2], [4, 5]), "c": ([1, 2], [0, 1])},
        "x",
        "y",
        dashed=["b"],
    )
    colours = [line.get_color() for line in ax.lines]
    assert colours[0] == colours[1] != colours[2] and ax.lines[1].get_linestyle() == "--"


def test_evidence_marks_the_truth():
    figure = draw.evidence({"A": np.ones(60)}, {"A": np.zeros(60)}, TRUTH.iloc[:1], (5, 40))
    top = figure.axes[0]
    assert [line.get_xdata()[0] for line in top.lines] == [10]
