"""Each figure draws from tiny inputs, says what its axes are, and leaves the session's settings as
they were."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from motifbook import figures

from motiflib.motif import Motif

RNG = np.random.default_rng(0)
MOTIF = Motif("E-box", np.eye(4)[:, [1, 0, 1, 2, 3, 2]])
FILTERS = RNG.normal(size=(3, 4, 8))
HISTORY = pd.DataFrame(
    {
        "epoch": [1, 2, 3],
        "prediction": [0.7, 0.5, 0.3],
        "overlap": [0.0, 0.1, 0.2],
        "l1": [0.0, 0.01, 0.02],
        "valid_auroc": [0.6, 0.8, 0.9],
    }
)
SEEDS = pd.DataFrame(
    {"kmer": ["AAGGAA", "CACGTG"], "z": [40.0, -12.0], "against": ["negatives", "shuffled"]}
)
CALLS = pd.DataFrame({"start": [3], "end": [11], "motif": ["filter 1"], "strand": ["-"]})
RULES = pd.DataFrame({"distance": [11, 16], "count": [30, 8], "expected": [2.0, 2.0]})
RULE = pd.DataFrame(
    {"both": [3.0], "without_a": [-1.0], "without_b": [-2.0], "without_both": [-4.0]}
)
PLANTED = pd.DataFrame(
    {
        "grammar": "rest",
        "rule": "left + right +",
        "speaks": ["for", "against"],
        "low": 2,
        "high": 15,
        "found_low": [2, None],
        "found_high": [15, None],
    }
)
RATES = pd.DataFrame({"grammar": "rest", "seed": 0, "stated": [0.4, 0.05], "measured": [0.5, 0.04]})
ACTIVATIONS, ATTENTION = RNG.random((6, 33)), np.full((2, 4, 33), 1 / 33)
TABLE = np.log(np.full((6, 6, 11), 1 / 11))
LABELS, SCORES = [0, 1, 0, 1], [0.1, 0.9, 0.4, 0.3]

FIGURES = {
    "logo": lambda: figures.logo(MOTIF),
    "logos": lambda: figures.logos([MOTIF] * 3),
    "filter_logo": lambda: figures.filter_logo(FILTERS[0]),
    "filter_grid": lambda: figures.filter_grid(FILTERS),
    "filters_over_time": lambda: figures.filters_over_time([FILTERS, FILTERS], ["first", "last"]),
    "network": lambda: figures.network(),
    "sequence_view": lambda: figures.sequence_view(
        ACTIVATIONS, ATTENTION, width=8, truth=CALLS, calls=CALLS
    ),
    "attention_steps": lambda: figures.attention_steps(
        np.full((2, 4, 3), 1 / 3), ["a", "b", "nothing"]
    ),
    "spacing_profiles": lambda: figures.spacing_profiles(TABLE, [(0, 1), (0, 4)], list("abcdef")),
    "overlap_pair": lambda: figures.overlap_pair(
        FILTERS[0], FILTERS[1], [0, 5, 9], notes=["all", "some", "none"]
    ),
    "overlap_curve": lambda: figures.overlap_curve({"pair": RNG.random(15)}),
    "history": lambda: figures.history(HISTORY, oracle=0.95),
    "auroc_over_time": lambda: figures.auroc_over_time(
        {"seeded 0": HISTORY, "random 0": HISTORY}, oracle=0.95
    ),
    "to_the_oracle": lambda: figures.to_the_oracle(
        pd.DataFrame({"grammar": "rest", "gap": [0.01, 0.02]}), bar=0.01
    ),
    "curves": lambda: figures.curves(
        {"a": (range(3), [-1, 1, -1])}, "gap (bp)", "logit", threshold=0
    ),
    "schedule": lambda: figures.schedule([0, 0.5, 1], [0, 0.1, 1], [0.1, 1, 0]),
    "seeds": lambda: figures.seeds(SEEDS, least=4.5),
    "roc": lambda: figures.roc({"network": (LABELS, SCORES), "oracle": (LABELS, SCORES)}),
    "precision_recall": lambda: figures.precision_recall(
        {"calls": ([0.9, 1.0], [0.8, 0.5]), "one": ([0.7], [0.7])}
    ),
    "pair_distances": lambda: figures.pair_distances(RULES),
    "silencing": lambda: figures.silencing(RULE, ["JUND, TEAD"]),
    "planted_and_found": lambda: figures.planted_and_found(PLANTED),
    "false_discovery": lambda: figures.false_discovery(
        [0.1, 0.9], {"decoys": [0.5, 0.1], "truth": [0.4, 0.1]}
    ),
    "stated_and_measured": lambda: figures.stated_and_measured(RATES),
    "dots": lambda: figures.dots(
        pd.DataFrame({"network": [0.9], "oracle": [0.95]}, index=["rest"]), "F1"
    ),
}
PICTURES = {"network", "overlap_pair", "filters_over_time"}  # no x axis to name
each_figure = pytest.mark.parametrize("name", FIGURES)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def figure_of(drawn: Axes | Figure) -> Figure:
    return drawn if isinstance(drawn, Figure) else drawn.figure


def test_every_public_function_is_drawn_here():
    assert set(figures.__all__) - {"BASE_COLOURS", "COLOURS", "style"} == set(FIGURES)


@each_figure
def test_draws_names_its_axes_and_leaves_no_settings(name):
    before, open_before = dict(mpl.rcParams), plt.get_fignums()
    figure = figure_of(FIGURES[name]())
    figure.canvas.draw()
    assert dict(mpl.rcParams) == before
    assert len(plt.get_fignums()) == len(open_before) + 1
    shown = [ax for ax in figure.axes if ax.get_visible()]
    words = [
        ax.get_xlabel() + ax.get_ylabel() + ax.get_title(loc="left") + ax.get_title()
        for ax in shown
    ]
    assert any(words) or name == "network"
    if name not in PICTURES:
        assert shown[-1].get_xlabel() or shown[-1].get_ylabel()


def test_draws_into_given_axes():
    _, ax = plt.subplots()
    assert figures.filter_logo(FILTERS[0], ax, title="one") is ax
    assert ax.get_title(loc="left") == "one"


def test_style_ends_with_its_block():
    before = mpl.rcParams["font.size"]
    with figures.style():
        assert mpl.rcParams["axes.spines.top"] is False
    assert mpl.rcParams["font.size"] == before


def spans(ax: Axes) -> list[tuple[float, float]]:
    """Bottom and top of each letter that is drawn, from low to high."""
    drawn = [patch.get_path().vertices[:, 1] for patch in ax.patches]
    return sorted((y.min(), y.max()) for y in drawn if y.max() > y.min())


def test_logo_is_as_tall_as_its_information():
    tops = [top for _, top in spans(figures.logo(MOTIF))]
    assert len(tops) == 6 and tops == pytest.approx([2.0] * 6)


def test_what_a_filter_dislikes_hangs_below():
    got = spans(
        figures.filter_logo(np.array([[2.0], [1.0], [-0.5], [0.0]]))
    )  # G below the line, then C, then A
    assert np.allclose(got, [(-0.5, 0.0), (0.0, 1.0), (1.0, 3.0)])


def test_filter_grid_has_one_scale():
    figure = figures.filter_grid(np.stack([FILTERS[0], 0.1 * FILTERS[0]]))
    assert len({ax.get_ylim() for ax in figure.axes}) == 1


def test_a_strand_has_its_side():
    activations = np.zeros((2, 10))
    activations[1, 4] = 1.0  # the other strand of the only filter
    figure = figures.sequence_view(activations, np.zeros((1, 1, 10)), width=4)
    ends = [
        path.vertices[-1, 1] for lines in figure.axes[0].collections for path in lines.get_paths()
    ]
    assert ends and min(ends) < 0 and max(ends) <= 0
