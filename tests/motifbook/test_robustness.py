"""Changed surroundings leave the instances as they were; the measures are those that one computes
by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from motifbook import robustness as r
from motifbook.correction import correct_background, departure, filter_scale
from motifbook.figures import robustness as drawn
from motifbook.grammar import load_grammar, simulate
from sklearn.metrics import average_precision_score, roc_auc_score

from motiflib.discovery import Found
from motiflib.files import InputError
from motiflib.model import Argminn, ArgminnConfig
from motiflib.motif import Motif
from motiflib.sequence import decode


@pytest.fixture(scope="module")
def data():
    return simulate(load_grammar("rest"), 40, 300, seed=3)


def instances(data):
    letters = decode(data.x)
    return [
        letters[row][a:b]
        for row, a, b in zip(data.truth.row, data.truth.start, data.truth.end, strict=True)
    ]


LEVELS = [
    (name, level)
    for name, levels in r.standard_contexts({"poly": ["A" * 3000]}).items()
    for level in levels
]


@pytest.mark.parametrize(("name", "level"), [pair for pair in LEVELS if pair != ("gc", "")][::3])
def test_instances_stay_base_by_base(data, name, level):
    if name == "position" and abs(int(level)) > 50:
        pytest.skip("a window of 300 bp is too short")
    changed = r.standard_contexts({"poly": ["A" * 3000]})[name][level](data, 7)
    if name == "reverse complement":
        changed = r.turn_over(changed)
    assert instances(changed) == instances(data)
    assert (changed.y == data.y).all() and changed.truth.motif.tolist() == data.truth.motif.tolist()


def test_redraw_has_the_composition_asked_for(data):
    x = r.redraw(data, gc=0.9).x
    assert 0.8 < float(x[:, 1:3].float().sum(1).mean()) < 0.92
    assert not (x == data.x).all()


def test_instances_may_not_leave(data):
    with pytest.raises(InputError, match="leave"):
        r.redraw(data, length=80)


def test_chains_are_chains():
    for chain in r.CHAINS.values():
        assert np.allclose(chain.sum(1), 1) and (chain > 0).all()


def test_slide_moves_everything_by_one(data):
    right, left = r.slide(data, by=1), r.slide(data, by=-1)
    assert (right.x[:, :, 1:] == data.x[:, :, :-1]).all() and (
        left.x[:, :, :-1] == data.x[:, :, 1:]
    ).all()


def test_measures_equal_sklearn_with_ties():
    rng = np.random.default_rng(0)
    y, p = rng.random(200) < 0.4, rng.random(200).round(1)
    out = r.classified(y, p, r.resampled(y, 5, 0))
    assert out["auroc"][0] == pytest.approx(roc_auc_score(y, p))
    assert out["auprc"][0] == pytest.approx(average_precision_score(y, p))
    assert out["accuracy"][0] == ((p > 0.5) == y).mean()
    assert r.classified(y, np.zeros(200), np.ones((1, 200)))["auroc"][0] == pytest.approx(0.5)


def test_any_function_is_a_classifier(data):
    table = r.context_sweep(
        lambda x: x[:, 1].mean(1), data, ["reverse complement", "shift"], draws=20
    )
    assert set(table.measure) == {"accuracy", "auroc", "auprc", "change"}
    assert (table.low <= table.value + 1e-9).all() and (table.value <= table.high + 1e-9).all()
    assert table[table.context == r.BEFORE].query("measure == 'change'").value.item() == 0
    with pytest.raises(InputError, match="choose from gc"):
        r.context_sweep(lambda x: x[:, 1].mean(1), data, ["moon"])


def toy() -> tuple[Argminn, Found, Motif]:
    """A network of one filter that reads GATAAG, and the motif it reads."""
    pfm = np.full((4, 6), 0.01)
    pfm[[2, 0, 3, 0, 0, 2], range(6)] = 0.97
    torch.manual_seed(0)
    model = Argminn(ArgminnConfig(filters=1, width=8, layers=1, candidates=8)).eval()
    with torch.no_grad():
        model.scanner.filters.zero_()
        model.scanner.filters[0, :, 1:7] = 0.5 * torch.from_numpy(np.log(pfm / 0.25)).float()
    row = {"motif": "M1", "consensus": "GATAAG", "filter": 0, "offset": 1, "length": 6}
    members = pd.DataFrame([{"motif": "M1", "filter": 0, "offset": 1, "strand": "+"}])
    return model, Found([Motif("M1", pfm)], pd.DataFrame([row]), members), Motif("M1", pfm)


def test_flanks_are_changes_of_your_own(data):
    real = r.standard_contexts({"real": ["ACGT" * 150] * 3})["flanks"]
    table = r.context_sweep(lambda x: x[:, 1].mean(1), data, {"flanks": real}, draws=5)
    assert set(table.level) == {"", "real"}


def test_calls_are_compared(data):
    model, found, _ = toy()
    table = r.context_sweep(model, data, ["reverse complement"], found=found, draws=10)
    assert {"precision", "recall", "kept", "agreement"} <= set(table.measure)
    kept = r.kept_calls(model, found, data, surroundings=2)
    assert (
        kept.kept.between(0, 1).all() and len(kept) == (data.y.numpy()[data.truth.row] > 0.5).sum()
    )


def test_correction_is_the_log_odds_against_the_sequence():
    model, found, motif = toy()
    corrected = correct_background(model, found)
    x = r.redraw(simulate(load_grammar("spi1"), 4, 400, seed=1), gc=0.2).x.float()
    plain, now = model.scanner(x), corrected.scanner(x)
    gc = 0.5 + float(departure(x[:1, 1:3].sum((1, 2)), x[:1].sum((1, 2))))
    q = np.array([1 - gc, gc, gc, 1 - gc]) / 2
    at = int(now[0, 0].argmax())
    window = x[0, :, at + 1 : at + 7].numpy()
    by_hand = 0.5 * (window * np.log(motif.pfm / q[:, None])).sum()
    assert float(now[0, 0, at].detach()) == pytest.approx(by_hand, abs=1e-4)
    assert not torch.allclose(plain, now)
    assert torch.allclose(now[:, :1], corrected.scanner(x.flip(1, 2))[:, 1:].flip(2), atol=1e-5)


def test_departure_by_hand():
    # 100 bases: s^2 = 1/400, so 4 s^2 = 0.01; 80 of 100 is d = 0.3, and 0.3 (1 - 0.01 / 0.09) =
    # 0.26667
    strong, known = torch.tensor([80.0, 20.0, 58.0, 0.0]), torch.tensor([100.0, 100.0, 100.0, 0.0])
    assert departure(strong, known).tolist() == pytest.approx([0.8 / 3, -0.8 / 3, 0, 0])


def test_an_ordinary_composition_is_not_corrected():
    model, found, _ = toy()
    x = torch.eye(4)[torch.arange(400) % 4].T[None]  # as many of each base
    assert torch.equal(correct_background(model, found).scanner(x), model.scanner(x))


def test_scale_of_a_filter():
    pfm = toy()[2].pfm
    assert filter_scale(2 * np.log(pfm), pfm, 0)[0] == pytest.approx(2)
    assert filter_scale(np.log(pfm)[:, 2:], pfm, -2)[0] == pytest.approx(1)


def test_figures(data):
    table = r.context_sweep(lambda x: x[:, 1].mean(1), data, ["gc", "shift"], draws=5).assign(
        model="cnn", grammar="g"
    )
    gc = table[(table.context == "gc") & (table.measure == "auroc")]
    assert len(drawn.sweep(gc).lines) == 1 and len(drawn.sweep_grid(gc).axes) == 2
    assert len(drawn.contexts(table).axes) == 1
    drawn.kept(pd.DataFrame({"score": [0.2, 0.9], "kept": [0.1, 1.0]}))
