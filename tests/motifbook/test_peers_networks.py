"""The peers' networks: shapes at every length, gradients, one-batch overfit, and filters whose
motif is known."""

from __future__ import annotations

import pytest
import torch
from motifbook.peers import ExplaiNN, StandardCNN, filter_motifs
from motifbook.peers.networks import StretchedMaxPool
from torch import nn

BUILD = {
    "cnn": lambda: StandardCNN(filters=16, hidden=16),
    "explainn": lambda: ExplaiNN(units=6, bins=10, hidden=8),
}
each_network = pytest.mark.parametrize("build", BUILD.values(), ids=BUILD)


def random_sequences(n: int, length: int, seed: int = 0) -> torch.Tensor:
    codes = torch.randint(4, (n, length), generator=torch.Generator().manual_seed(seed))
    return nn.functional.one_hot(codes, 4).transpose(1, 2).float()


@each_network
@pytest.mark.parametrize("length", [19, 20, 23, 37, 101, 500])
def test_any_length_from_the_filter_width_on(build, length):
    model = build().eval()
    x = random_sequences(3, length)
    assert model(x).shape == (3,)
    assert model.activations(x).shape == (3, model.scan.out_channels, length - 18)
    assert (model.activations(x) >= 0).all()


@each_network
@pytest.mark.parametrize("shape", [(2, 4, 18), (2, 30, 4), (4, 30)])
def test_wrong_shapes_are_named(build, shape):
    with pytest.raises(ValueError, match=r"\(B, 4, L\) with L >= 19"):
        build()(torch.zeros(shape))


@each_network
def test_one_batch_can_be_learnt_by_heart_and_every_parameter_gets_a_gradient(build):
    torch.manual_seed(0)
    model = build()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    x, y = random_sequences(32, 80), (torch.arange(32) % 2).float()
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    reached = {name: 0.0 for name, _ in model.named_parameters()}
    for _ in range(150):
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(model(x), y)
        loss.backward()
        optimizer.step()
        for name, p in model.named_parameters():
            reached[name] += float(p.grad.abs().sum())
    assert loss < 0.05
    assert not [name for name, total in reached.items() if total == 0]


def test_units_are_independent_and_sum_to_the_logit():
    torch.manual_seed(1)
    model, x = ExplaiNN(units=5, bins=10, hidden=8).eval(), random_sequences(4, 100)
    with torch.no_grad():
        before = model.units(x)
        torch.testing.assert_close(model.read_out(before).squeeze(-1), model(x))
        model.scan.weight[2] += torch.randn_like(model.scan.weight[2])
        changed = (model.units(x) - before).abs().sum(0) > 0
    assert not changed[[0, 1, 3, 4]].any()


def test_explainn_pools_by_seven_at_500_bp_as_published():
    model = ExplaiNN()
    model(random_sequences(2, 500))
    assert model.pool.pool.kernel_size == 7


@pytest.mark.parametrize("bins", [1, 2, 4, 7, 12])
def test_stretched_pool_keeps_the_maximum(bins):
    a = torch.rand(2, 3, 9)
    pooled = StretchedMaxPool(bins)(a)
    assert pooled.shape == (2, 3, bins)
    torch.testing.assert_close(pooled.amax(-1), a.amax(-1))


def test_filter_written_by_hand_gives_its_word():
    model = StandardCNN(filters=2, widths=(5, 3, 3), hidden=4)
    x = random_sequences(64, 60)
    word = torch.tensor([0, 2, 1, 3, 0])  # AGCTA
    x[:40, :, 20:25] = nn.functional.one_hot(word, 4).T.float()
    with torch.no_grad():
        model.scan.weight.zero_()
        model.scan.weight[0] = nn.functional.one_hot(word, 4).T * 1.0
        model.first[0].bias[0] = -3.9  # fires for five of five only; filter 1 never changes
    model.train()
    motif, *others = filter_motifs(model, x)
    assert model.training and not others
    assert motif.consensus == "AGCTA" and motif.name == "filter0"
    assert motif.sites >= 40 and motif.pfm.max() == 1.0
