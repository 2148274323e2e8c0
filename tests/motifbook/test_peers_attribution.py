"""Attributions on models whose right answer can be written down, and TF-MoDISco on attributions
that are exact."""

from __future__ import annotations

import pytest
import torch
from motifbook.peers import METHODS, ExplaiNN, StandardCNN, attribute, deeplift, modisco_motifs
from motifbook.peers.attribution import integrated_gradients, mutagenesis, shuffled_references
from test_peers_networks import random_sequences
from torch import nn


class Linear(nn.Module):
    """logit = sum of weights over the bases that are there."""

    def __init__(self, length: int = 30) -> None:
        super().__init__()
        self.weight = nn.Parameter(
            torch.randn(4, length, generator=torch.Generator().manual_seed(3))
        )

    def forward(self, x):
        return (x * self.weight).sum((1, 2))


class Squared(Linear):
    """The square of the linear model: integrated gradients are exact from two points on."""

    def forward(self, x):
        return super().forward(x) ** 2


class Either(nn.Module):
    """logit 1 if TTTTT stands anywhere, however often: the saturated OR."""

    def __init__(self) -> None:
        super().__init__()
        self.scan = nn.Conv1d(4, 1, 5)
        with torch.no_grad():
            self.scan.weight.zero_()
            self.scan.weight[0, 3] = 1.0
            self.scan.bias.fill_(-4.0)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.scan(x)).amax((1, 2))


def test_linear_model_has_one_right_answer():
    model, x = Linear(), random_sequences(5, 30)
    weight = model.weight.detach()
    reference = shuffled_references(x, 10, seed=4).mean(1)  # (N, 4, L)
    expected = x * (weight - (weight * reference).sum(1, keepdim=True))
    torch.testing.assert_close(deeplift(model, x, seed=4), expected)
    torch.testing.assert_close(integrated_gradients(model, x, seed=4, steps=1), expected)
    torch.testing.assert_close(mutagenesis(model, x), x * (weight - weight.mean(0)))


def test_integrated_gradients_are_exact_for_a_polynomial():
    model, x = Squared(), random_sequences(4, 30)
    gained = integrated_gradients(model, x, references=3, steps=2).sum((1, 2))
    with torch.no_grad():
        expected = model(x) - model(shuffled_references(x, 3).flatten(0, 1)).view(4, 3).mean(1)
    torch.testing.assert_close(gained, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "build", [lambda: StandardCNN(filters=8, hidden=8), lambda: ExplaiNN(units=4)]
)
def test_attributions_add_up_to_what_they_explain(build):
    torch.manual_seed(0)
    model, x = build().eval(), random_sequences(3, 90)
    with torch.no_grad():
        expected = model(x) - model(shuffled_references(x, 4).flatten(0, 1)).view(3, 4).mean(1)
    torch.testing.assert_close(
        deeplift(model, x, references=4).sum((1, 2)), expected, rtol=1e-3, atol=1e-4
    )
    gained = integrated_gradients(model, x, references=4, steps=64).sum((1, 2))
    torch.testing.assert_close(gained, expected, rtol=0.05, atol=0.01)


def test_a_motif_that_is_there_twice_is_invisible_to_mutagenesis():
    x = torch.zeros(2, 4, 40)
    x[:, 0] = 1.0
    for row, start in ((0, 5), (1, 5), (1, 25)):
        x[row, :, start : start + 5] = torch.tensor([0.0, 0, 0, 1])[:, None]
    seen = mutagenesis(Either(), x)[:, 3].sum(-1)
    assert seen[0] > 3 and seen[1] == 0  # once: five bases at 3/4 each; twice: nothing


def test_hypothetical_attributions_agree_at_the_base_that_is_there():
    torch.manual_seed(0)
    model, x = StandardCNN(filters=8, hidden=8).eval(), random_sequences(2, 60)
    for method in METHODS:
        whole = attribute(model, x, method, hypothetical=True)
        assert whole.shape == x.shape and (whole[x == 0] != 0).any()
        torch.testing.assert_close(attribute(model, x, method), whole * x, rtol=1e-4, atol=1e-6)


def test_state_is_given_back_and_unknown_methods_are_named():
    model, x = StandardCNN(filters=8, hidden=8), random_sequences(2, 40)
    for training in (True, False):
        for method in METHODS:
            attribute(model.train(training), x, method)
            assert {module.training for module in model.modules()} == {training}
            assert all(p.grad is None for p in model.parameters())
    with pytest.raises(ValueError, match="choose one of deeplift"):
        attribute(model, x, "magic")


def test_modisco_finds_what_exact_attributions_point_at():
    pytest.importorskip("modiscolite")
    x = random_sequences(300, 100, seed=5)
    word = torch.tensor([3, 1, 0, 2, 1, 0, 1, 1])  # TCAGCACC
    starts = torch.randint(30, 60, (300,), generator=torch.Generator().manual_seed(6))
    hypothetical = 0.01 * torch.randn(x.shape, generator=torch.Generator().manual_seed(7))
    effect = nn.functional.one_hot(word, 4).T - 0.25
    for i, start in enumerate(starts.tolist()):
        x[i, :, start : start + 8] = nn.functional.one_hot(word, 4).T.float()
        hypothetical[i, :, start : start + 8] += effect
    motifs = modisco_motifs(x, hypothetical)
    assert [m.name for m in motifs] == ["pos0"]
    assert "TCAGCACC" in motifs[0].consensus or "GGTGCTGA" in motifs[0].consensus
    assert modisco_motifs(x, torch.zeros_like(x)) == []
