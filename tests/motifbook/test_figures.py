"""Each figure draws from tiny inputs, names its axes, leaves the session's settings as they were,
and shows the numbers that it was given."""

from __future__ import annotations

import inspect
from types import SimpleNamespace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from motifbook import figures
from motifbook.figures import binding, design, discovery, genome, grammars, problem, robustness

from motiflib.motif import Motif
from motiflib.run import figures as base

RNG = np.random.default_rng(0)
MOTIF = Motif("E-box", np.eye(4)[:, [1, 0, 1, 2, 3, 2]])
FILTERS = RNG.normal(size=(3, 4, 8))
ACTIVATIONS, ATTENTION = RNG.random((6, 33)), np.full((2, 4, 33), 1 / 33)
TABLE = np.log(np.full((6, 6, 11), 1 / 11))
LABELS, SCORES = [0, 1, 0, 1], [0.1, 0.9, 0.4, 0.3]
HISTORY = pd.DataFrame(
    {
        "epoch": [1, 2, 3],
        "prediction": [0.7, 0.5, 0.3],
        "overlap": [0.0, 0.1, 0.2],
        "l1": [0.0, 0.01, 0.02],
        "valid_auroc": [0.6, 0.8, 0.9],
    }
)
SEEDS = pd.DataFrame({"kmer": ["AAGGAA", "CACGTG"], "z": [40.0, -12.0]})
SEEDS["against"] = ["negatives", "shuffled"]
CALLS = pd.DataFrame({"start": [3], "end": [11], "motif": ["filter 1"], "strand": ["-"]})
RULES = pd.DataFrame({"distance": [11, 16], "count": [30, 8], "expected": [2.0, 2.0]})
SILENCED = ["both", "without_a", "without_b", "without_both"]
FOUND = pd.DataFrame({"low": [2, 2], "high": 15, "found_low": [2, None], "found_high": [15, None]})
PLANTED = FOUND.assign(grammar="rest", rule="left + right +", speaks=["for", "against"])
RATES = pd.DataFrame({"grammar": "rest", "seed": 0, "stated": [0.4, 0.05], "measured": [0.5, 0.04]})
RUNS = pd.DataFrame(
    [
        ("rest", "a", 2, 2, 0, 0),
        ("rest", "b", 1, 2, 9, 20),
        ("spi1", "a", 1, 1, 0, 0),
        ("rest", "a", 1, 2, 1, 0),
        ("rest", "not shown", 1, 2, 1, 0),
    ],
    columns=["grammar", "method", "recovered", "planted", "spurious", "redundant"],
)
TRUTH = pd.DataFrame({"row": [0, 0, 1], "start": [10, 30, 20], "end": [16, 38, 26]})
TRUTH = TRUTH.assign(motif=["A", "B", "A"], strand=["+", "-", "+"])
ESTIMATES = pd.DataFrame(
    [
        ("test", "network", 0.99, 0.98, 1.0),
        ("test", "peer", 0.97, 0.96, 0.98),
        ("held back", "network", 0.9, 0.8, 1),
    ],
    columns=["group", "name", "value", "low", "high"],
)
GC = ESTIMATES.assign(grammar="rest", level=[20, 20, 80], model=["cnn", "oracle", "cnn"])
LOSS = pd.DataFrame({"context": ["as trained", "shift"], "value": [0.9, 0.8], "grammar": "rest"})
LOSS = LOSS.assign(model="cnn", measure="auroc")
PAIRS = pd.MultiIndex.from_product([["deeplift", "mutagenesis"], [0, 1]])
SITES = [SimpleNamespace(motif=name, strand="+", start=at) for name, at in (("A", 0), ("B", 9))]
YEAST = pd.DataFrame({"sequence": ["c", "c", "d"], "start": [10, 900, 12], "end": [20, 910, 22]})
YEAST["score"] = [0.9, 1, 1]
PEAKS = pd.DataFrame({"chrom": ["c", "d"], "summit": [15, 15]})

FIGURES = {
    "logos": lambda: figures.logos([MOTIF] * 3),
    "filter_grid": lambda: figures.filter_grid(FILTERS),
    "filters_over_time": lambda: figures.filters_over_time(
        [FILTERS, FILTERS], ["first", "last"], names=list("abc")
    ),
    "network": lambda: figures.network(),
    "sequence_view": lambda: figures.sequence_view(
        ACTIVATIONS, ATTENTION, width=8, names=["filter 0", "filter 1", "c"], truth=CALLS
    ),
    "attention_steps": lambda: figures.attention_steps(
        np.full((2, 4, 3), 1 / 3), ["a", "b", "nothing"]
    ),
    "spacing_profiles": lambda: figures.spacing_profiles(
        TABLE, [(0, 1), (0, 4)], list("abcdef"), window=(-4, 4)
    ),
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
    "silencing": lambda: figures.silencing(
        pd.DataFrame([[3.0, -1.0, -2.0, -4.0]], columns=SILENCED), ["JUND, TEAD"]
    ),
    "planted_and_found": lambda: figures.planted_and_found(PLANTED),
    "false_discovery": lambda: figures.false_discovery(
        [0.1, 0.9], {"decoys": [0.5, 0.1], "truth": [0.4, 0.1]}
    ),
    "stated_and_measured": lambda: figures.stated_and_measured(RATES),
    "dots": lambda: figures.dots(
        pd.DataFrame({"network": [0.9], "oracle": [0.95]}, index=["rest"]), "F1"
    ),
    "rule_profile": lambda: design.rule_profile(
        pd.DataFrame({"motifs": 2, "parts": [SITES], "logit": 3.0})
    ),
    "matches": lambda: design.matches(
        pd.DataFrame({"method": ["rules", "ledidi on cnn"], "motif match": [16.0, 12.0]})
    ),
    "aligned": lambda: binding.aligned(
        MOTIF, [MOTIF.slice(0, 4), MOTIF.slice(2, 6).reverse_complement()], [0, 2], ["+", "-"]
    ),
    "intervals": lambda: binding.intervals(ESTIMATES),
    "spacings": lambda: binding.spacings(
        {11: 30, 18: 10}, {11: 3.0}, {11: 2.5, 18: 1.7}, peaks={"canonical": [11]}
    ),
    "by_rank": lambda: binding.by_rank(
        pd.DataFrame({"both": [0.9, 0.2]}, index=["1-500", "501-1000"]), x="rank", y="share"
    ),
    "changes": lambda: binding.changes({"as it is": [3, 4, 5], "erased": [0, 1, 2]}),
    "found_beside_known": lambda: discovery.found_beside_known(
        [(MOTIF, MOTIF, 0, "+")] * 4, list("abcd")
    ),
    "methods_by_grammar": lambda: discovery.methods_by_grammar(RUNS, {"a": "A", "b": "B"}),
    "locus": lambda: genome.locus(
        {"A": YEAST, "B": YEAST[:0]}, {"A": PEAKS, "B": PEAKS[:0]}, "c", 0, 100
    ),
    "trade": lambda: genome.trade(
        {"A": pd.DataFrame({"x": [1, 10], "y": [0.5, 0.9]})}, x="beside", y="share"
    ),
    "effects_along": lambda: genome.effects_along(
        np.array([1, 2]), {"m": np.array([2.0, -1.0])}, {"here": 2}
    ),
    "planted": lambda: grammars.planted(TRUTH, [0, 1, 2], 60, names=["first", "second", "third"]),
    "gaps": lambda: grammars.gaps([2, 2, 3], {2: 0.5, 3: 0.5}),
    "evidence": lambda: grammars.evidence(
        {"A": np.ones(60)}, {"A": np.zeros(60)}, TRUTH.iloc[:1], (5, 40)
    ),
    "ratios": lambda: grammars.ratios(np.linspace(-3, 3, 20), np.arange(20) >= 10, title="REST"),
    "limits": lambda: grammars.limits({"SPI1": 0.981, "REST": 0.99}),
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
        pd.DataFrame({"method": ["mutagenesis"], "seed": 0, "once": 2.0, "twice": 1.0})
    ),
    "sweep": lambda: robustness.sweep(GC),
    "sweep_grid": lambda: robustness.sweep_grid(GC),
    "kept": lambda: robustness.kept(
        pd.DataFrame({"score": [0.2, 0.9], "kept": [0.1, 1.0]}), threshold=0.5
    ),
    "contexts": lambda: robustness.contexts(LOSS),
    "logo": lambda: base.logo(MOTIF),
    "logos_aligned": lambda: base.logos_aligned(MOTIF, MOTIF.slice(2, 6), 2),
    "logos_aligned, turned": lambda: base.logos_aligned(MOTIF.slice(0, 3), MOTIF, -3, "-"),
    "profile": lambda: base.profile([-3, 0, 8]),
    "profile, empty": lambda: base.profile([]),
}
PICTURES = {"network", "overlap_pair", "filters_over_time", "methods_by_grammar", "agreement_grid"}
PICTURES |= {"found_beside_known", "filters_beside", "sweep_grid", "contexts"}  # named elsewhere
ROOMS = (figures, binding, design, discovery, genome, grammars, problem, robustness)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def figure_of(drawn: Axes | Figure) -> Figure:
    return drawn if isinstance(drawn, Figure) else drawn.figure


def names_of_rows(ax: Axes) -> list[str]:
    return [tick.get_text() for tick in ax.get_yticklabels()]


def ends(lines) -> list[float]:
    """Where the bars drawn by `vlines` end."""
    return [path.vertices[-1, 1] for path in lines.get_paths()]


def test_every_figure_is_drawn_here():
    members = {name: member for room in ROOMS for name, member in vars(room).items()}
    drawn = {
        name
        for name, member in members.items()
        if inspect.isfunction(member)
        and member.__module__.startswith("motifbook.figures")
        and hasattr(member, "__wrapped__")  # by `styled`
    }
    assert drawn <= set(FIGURES)


@pytest.mark.parametrize("name", FIGURES)
def test_draws_names_its_axes_and_leaves_no_settings(name):
    before, open_before = dict(mpl.rcParams), plt.get_fignums()
    figure = figure_of(FIGURES[name]())
    figure.canvas.draw()
    assert dict(mpl.rcParams) == before
    assert len(plt.get_fignums()) == len(open_before) + 1
    last = [ax for ax in figure.axes if ax.get_visible()][-1]
    assert name in PICTURES or last.get_xlabel() or last.get_ylabel()


def test_draws_into_given_axes():
    _, ax = plt.subplots()
    assert robustness.sweep(GC, ax) is ax


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
    tops = [top for _, top in spans(base.logo(MOTIF))]
    assert len(tops) == 6 and tops == pytest.approx([2.0] * 6)


def test_what_a_filter_dislikes_hangs_below():
    filters = np.array([[[2.0], [1.0], [-0.5], [0.0]]])
    got = spans(figures.filter_grid(filters).axes[0])  # G below the line, then C, then A
    assert np.allclose(got, [(-0.5, 0.0), (0.0, 1.0), (1.0, 3.0)])


def test_filter_grid_has_one_scale():
    figure = figures.filter_grid(np.stack([FILTERS[0], 0.1 * FILTERS[0]]))
    assert len({ax.get_ylim() for ax in figure.axes if ax.get_visible()}) == 1


def test_a_strand_has_its_side():
    activations = np.zeros((2, 10))
    activations[1, 4] = 1.0  # the other strand of the only filter
    figure = figures.sequence_view(activations, np.zeros((1, 1, 10)), width=4, names=["A"])
    got = [end for lines in figure.axes[0].collections for end in ends(lines)]
    assert got and min(got) < 0 and max(got) <= 0


def test_aligned_has_a_row_for_each_motif():
    axes = FIGURES["aligned"]().axes
    assert len(axes) == 3 and "reverse complement" in axes[2].get_title(loc="left")
    assert axes[0].get_xlim()[1] == pytest.approx(MOTIF.width - 0.4)
    assert spans(axes[2]) == spans(axes[0])[2:]  # turned back


def test_found_and_known_share_their_columns():
    axes = discovery.found_beside_known([(MOTIF, MOTIF.slice(2, 6), 2, "+")], ["E-box"]).axes
    assert axes[0].get_xlim() == axes[1].get_xlim() == (-0.6, 5.6)
    starts = [min(patch.get_extents().x0 for patch in ax.patches) for ax in axes]
    assert starts[0] < starts[1]


def test_intervals_place_values_in_their_group():
    ax = FIGURES["intervals"]()
    assert names_of_rows(ax) == ["test", "held back"]
    network = ax.lines[0]
    assert network.get_xdata().tolist() == [0.99, 0.9] and network.get_ydata()[1] < -0.5
    assert len(ax.get_legend().get_texts()) == 2


def test_spacings_draw_counts_and_weights():
    axes = FIGURES["spacings"]().axes
    counts, weights = (
        {round(bar.get_x() + 0.425): bar.get_height() for bar in ax.patches} for ax in axes
    )
    assert counts[11] == 30 and counts[18] == 10 and weights[11] == pytest.approx(1.5)


def test_by_rank_and_changes():
    ax = FIGURES["by_rank"]()
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1-500", "501-1000"]
    ax = FIGURES["changes"]()
    assert [bar.get_x() + bar.get_width() / 2 for bar in ax.patches] == pytest.approx([4, 1])


def test_fields_show_the_share_over_all_runs():
    ax = FIGURES["methods_by_grammar"]().axes[0]
    shown = sorted(text.get_text() for text in ax.texts if text.get_text())
    assert shown == ["+", "100%", "50%", "75%", "not run"]
    assert names_of_rows(ax) == ["rest", "spi1"]


def test_locus_shows_what_lies_in_the_stretch():
    ax = FIGURES["locus"]()
    assert ax.get_xlim() == (0, 100) and names_of_rows(ax) == ["A", "B"]
    bars = [lines for lines in ax.collections if len(lines.get_segments())]
    assert len(bars) == 1 and np.allclose(bars[0].get_segments()[0], [[15, -0.25], [15, 0.38]])


def test_trade_and_effects():
    assert FIGURES["trade"]().get_xscale() == "log"
    ax = FIGURES["effects_along"]()
    assert np.allclose(ends(ax.collections[0]), [0.45, -0.225])


def test_planted_draws_an_arrow_per_instance_towards_its_end():
    ax = FIGURES["planted"]()
    arrows = [text for text in ax.texts if text.arrow_patch is not None]
    assert [(a.xyann[0], a.xy[0]) for a in arrows] == [(10, 16), (38, 30), (20, 26)]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["A", "B"]


def test_gaps_count_and_limits_are_written():
    assert [bar.get_height() for bar in FIGURES["gaps"]().patches] == [2, 1]
    assert [text.get_text() for text in FIGURES["limits"]().texts] == ["0.981", "0.990"]


def test_a_dashed_line_has_the_colour_of_the_line_before():
    lines = {name: ([1, 2], [3, 4]) for name in "abc"}
    a, b, c = figures.curves(lines, "x", "y", dashed=["b"]).lines
    assert a.get_color() == b.get_color() != c.get_color() and b.get_linestyle() == "--"


def test_evidence_marks_the_truth():
    assert [line.get_xdata()[0] for line in FIGURES["evidence"]().axes[0].lines] == [10]


def test_doubled_shows_shares_of_the_site_alone():
    ax = FIGURES["doubled"]().axes[0]
    assert ax.lines[0].get_ydata().tolist() == [1, 0.5]
    assert ax.get_ylabel() == "attribution of the site"


def test_contexts_show_what_is_lost():
    dots = FIGURES["contexts"]().axes[0].lines[0]
    assert dots.get_xdata() == pytest.approx([-0.1]) and abs(dots.get_ydata()[0]) <= 0.25
