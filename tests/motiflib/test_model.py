"""The network: fast forms against plain forms, invariances, and what is stored."""

from __future__ import annotations

import json

import pytest
import torch
from plain import plain_neighbours, plain_step
from torch.testing import assert_close

from motiflib.model import (
    Argminn,
    ArgminnConfig,
    Hits,
    MotifScanner,
    Neighbourhood,
    StreamAttention,
    sinusoid,
)
from motiflib.sequence import one_hot, reverse_complement

SMALL = ArgminnConfig(
    filters=3, width=5, token=8, stream=16, heads=2, position=4, candidates=10, neighbourhood=12
)
PAPER = ArgminnConfig(
    filters=3, width=5, token=8, stream=16, heads=2, position=4, candidates=0, neighbourhood=0
)


def sequences(n: int, length: int, seed: int = 0) -> torch.Tensor:
    letters = torch.randint(0, 4, (n, length), generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.one_hot(letters, 4).mT.float()


def make(config: ArgminnConfig, seed: int = 0) -> Argminn:
    torch.manual_seed(seed)
    model = Argminn(config)
    with torch.no_grad():
        model.scanner.filters.mul_(5)
    return model


def test_scanner_by_hand():
    scanner = MotifScanner(ArgminnConfig(filters=1, width=3))
    with torch.no_grad():
        scanner.filters.copy_(one_hot(["AAC"]))
        scanner.bias.fill_(-1.5)
    got = scanner(one_hot(["AACGTTNAA"]))
    assert_close(
        got[0, 0], torch.tensor([1.5, 0, 0, 0, 0, 0, 0])
    )  # AAC stands at 0; windows with the N are silent
    assert_close(got[0, 1], torch.tensor([0, 0, 0, 1.5, 0, 0, 0]))  # its mate GTT at 3


@pytest.mark.parametrize(("heads", "size", "tokens"), [(1, 4, 3), (2, 8, 30), (4, 32, 7)])
def test_attention_equals_plain_form(heads, size, tokens):
    torch.manual_seed(1)
    step = StreamAttention(ArgminnConfig(heads=heads, token=size, stream=16))
    stream, items = torch.randn(5, 16), torch.randn(5, tokens, size, requires_grad=True)
    fast, slow = step(stream, items, None), plain_step(step, stream, items)
    assert_close(fast[0], slow[0], atol=1e-5, rtol=1e-5)
    assert_close(fast[1], slow[1], atol=1e-5, rtol=1e-5)
    inputs = [items, *step.parameters()]
    for a, b in zip(
        *(torch.autograd.grad(out[0].sin().sum(), inputs) for out in (fast, slow)), strict=True
    ):
        assert_close(a, b, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("both", [True, False])
def test_neighbourhood_equals_plain_form(both):
    torch.manual_seed(2)
    around = Neighbourhood(ArgminnConfig(filters=2, neighbourhood=6, both_strands=both))
    with torch.no_grad():
        around.spacing.normal_(std=0.1)
    channels = 4 if both else 2
    hits = Hits(
        torch.randint(0, 20, (3, 9)), torch.randint(0, channels, (3, 9)), torch.randn(3, 9).relu()
    )
    fast, slow = (
        around(hits),
        torch.stack([plain_neighbours(around, *(part[b] for part in hits)) for b in range(3)]),
    )
    assert_close(fast, slow, atol=1e-5, rtol=1e-5)
    grads = [torch.autograd.grad(out.sin().sum(), around.spacing)[0] for out in (fast, slow)]
    assert_close(*grads, atol=1e-5, rtol=1e-5)


def test_shift_is_a_rotation_of_the_position_code():
    code, turn = sinusoid(torch.arange(50.0), 16), sinusoid(torch.tensor([7.0]), 16)
    sine, cosine = code[:-7].split(8, -1)
    turned = [sine * turn[:, 8:] + cosine * turn[:, :8], cosine * turn[:, 8:] - sine * turn[:, :8]]
    assert_close(
        torch.cat(turned, -1), code[7:], atol=1e-5, rtol=0
    )  # one linear map, wherever it starts


def test_reverse_complement_and_padding_change_nothing():
    model, x = make(SMALL).eval(), sequences(6, 60)
    out, mate = model.explain(x), model.explain(reverse_complement(x))
    assert_close(out.logit, mate.logit, atol=1e-5, rtol=1e-5)
    assert_close(out.attention, mate.attention.flip(-1), atol=1e-5, rtol=1e-4)
    assert_close(model(torch.nn.functional.pad(x, (0, 25))), out.logit, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("config", [SMALL, PAPER])
def test_readout(config):
    model, x = make(config), sequences(4, 40)
    out = model.explain(x)
    assert_close(out.logit, model(x))
    assert out.activations.shape == (4, 6, 36) and out.attention.shape == (4, 2, 2, 36)
    assert (out.activations >= 0).all() and (out.attention.sum(-1) <= 1 + 1e-5).all()


def test_candidates_are_the_strongest_hits():
    model, x = make(SMALL), sequences(4, 40)
    activations = model.scanner(x)
    hits = model.hits(activations)
    assert_close(hits.activation, activations.flatten(1).sort(descending=True).values[:, :10])
    rows = torch.arange(4)[:, None]
    assert_close(activations[rows, hits.channel, hits.start], hits.activation)


@pytest.mark.parametrize("length", [5, 6, 7])
def test_short_and_empty_sequences(length):
    model = make(SMALL)
    assert torch.isfinite(model(sequences(2, length))).all()
    assert torch.isfinite(model(torch.zeros(2, 4, length))).all()


@pytest.mark.parametrize(
    "config", [SMALL, PAPER, ArgminnConfig(filters=2, width=4, both_strands=False)]
)
def test_gradient_reaches_every_parameter(config):
    model = make(config)
    with torch.no_grad():
        model.scanner.bias.fill_(0.3)
    model(sequences(32, 50)).sin().sum().backward()
    silent = [
        name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0
    ]
    assert not silent


def test_parameter_count_by_hand():
    f, c, w, d, e, h, p, k, s = 3, 6, 5, 8, 16, 2, 4, 2, 25
    scanner, spacing = f * 4 * w + f, f * c * s
    tokens = (3 * c + p + 1) * d + (d + 1) * d + d
    step = (e + 1) * h * d + 2 * h * d * d + (h * d + 1) * e + 2 * (e + 1) * e + 2 * 2 * e
    assert (
        sum(v.numel() for v in make(SMALL).parameters())
        == scanner + spacing + tokens + k * step + 2 * e + e + 1
    )


def test_save_and_load(tmp_path):
    model, x = make(SMALL), sequences(3, 40)
    model.save_pretrained(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} >= {"config.json", "model.safetensors"}
    again = Argminn.from_pretrained(tmp_path)
    assert again.config == SMALL and not again.training
    assert torch.equal(again(x), model.eval()(x))
    text = json.loads((tmp_path / "config.json").read_text())
    assert "filters" in str(text)


def test_unknown_settings_and_contradictions_raise():
    with pytest.raises(TypeError):
        ArgminnConfig(filter=3)
    with pytest.raises(ValueError, match="candidates"):
        Argminn(ArgminnConfig(candidates=0, neighbourhood=5))
