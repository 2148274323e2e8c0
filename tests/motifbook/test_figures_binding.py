"""Figures on real binding data draw what they are given."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from motifbook.figures import binding

from motiflib.motif import jaspar


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_aligned_has_a_row_for_each_motif():
    rest = jaspar("REST")
    figure = binding.aligned(
        rest, [rest.slice(0, 9), rest.slice(9, 17).reverse_complement()], [0, 9], ["+", "-"]
    )
    assert len(figure.axes) == 3
    assert "reverse complement" in figure.axes[2].get_title(loc="left")
    assert figure.axes[0].get_xlim()[1] == pytest.approx(rest.width - 0.4)


def test_intervals_place_values_in_their_group():
    table = pd.DataFrame(
        [
            ("test", "network", 0.99, 0.98, 1.0),
            ("test", "peer", 0.97, 0.96, 0.98),
            ("held back", "network", 0.9, 0.8, 1),
        ],
        columns=["group", "name", "value", "low", "high"],
    )
    ax = binding.intervals(table)
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["test", "held back"]
    assert len(ax.get_legend().get_texts()) == 2


def test_spacings_draw_counts_and_weights():
    figure = binding.spacings(
        {11: 30, 18: 10}, {11: 3.0}, {11: 2.5, 18: 1.7}, peaks={"canonical": [11]}
    )
    counts, weights = (
        {round(bar.get_x() + 0.425): bar.get_height() for bar in ax.patches} for ax in figure.axes
    )
    assert counts[11] == 30 and counts[18] == 10 and weights[11] == pytest.approx(1.5)


def test_by_rank_and_changes():
    ax = binding.by_rank(
        pd.DataFrame({"both": [0.9, 0.2]}, index=["1-500", "501-1000"]), x="rank", y="share"
    )
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1-500", "501-1000"]
    ax = binding.changes({"as it is": [3, 4, 5], "erased": [0, 1, 2]})
    assert [patch.get_x() + patch.get_width() / 2 for patch in ax.patches] == pytest.approx([4, 1])
