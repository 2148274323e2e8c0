"""Which bases does a prediction rest on? Three answers that a reader would use for an ordinary
network.

All take a model that returns logits (B,) and one-hot sequences (N, 4, L), and return attributions
(N, 4, L): zero except at the base that is there, or, with ``hypothetical=True``, a value for each
base that could be there.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from tangermeme.deep_lift_shap import _nonlinear, deep_lift_shap
from tangermeme.ersatz import dinucleotide_shuffle
from tangermeme.saturation_mutagenesis import saturation_mutagenesis
from torch import Tensor, nn

from motifbook.peers.networks import Exponential

METHODS = ("deeplift", "integrated gradients", "mutagenesis")


class _Column(nn.Module):
    """The same model with logits as a column (B, 1), the shape that tangermeme asks for."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.training = model.training  # tangermeme gives back the mode of the whole, this wrapper included

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)[:, None]


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device


def shuffled_references(x: Float[Tensor, "N 4 L"], n: int = 10, seed: int = 0) -> Float[Tensor, "N n 4 L"]:
    """``n`` dinucleotide shuffles of each sequence: what "no signal" looks like to these
    methods."""
    return dinucleotide_shuffle(x.cpu().float(), n=n, random_state=seed, allow_N=True)


def deeplift(
    model: nn.Module, x: Float[Tensor, "N 4 L"], *, references: int = 10, seed: int = 0, hypothetical: bool = False
) -> Float[Tensor, "N 4 L"]:
    """DeepLIFT/SHAP: differences from dinucleotide shuffles, passed back through the network by the
    rescale rule.

    Shrikumar, Greenside, Kundaje 2017; Lundberg, Lee 2017. The attributions of a sequence sum to
    its logit minus the mean logit of its shuffles.

    >>> deeplift(model, x).sum((1, 2))   # model(x) - model(shuffles).mean()
    """
    return deep_lift_shap(
        _Column(model),
        x.float(),
        references=shuffled_references(x, references, seed),
        hypothetical=hypothetical,
        additional_nonlinear_ops={Exponential: _nonlinear},
        only_warn=True,
        device=str(_device(model)),
        batch_size=64,
    ).cpu()


def integrated_gradients(
    model: nn.Module,
    x: Float[Tensor, "N 4 L"],
    *,
    references: int = 10,
    steps: int = 16,
    seed: int = 0,
    hypothetical: bool = False,
) -> Float[Tensor, "N 4 L"]:
    """Integrated gradients from dinucleotide shuffles r to the sequence x, averaged over the
    shuffles.

        (x - r) * integral over s in [0, 1] of  grad f(r + s (x - r))

    Sundararajan, Taly, Yan 2017. The integral is a Gauss-Legendre sum of ``steps`` points: exact
    for a polynomial of degree below 2 * steps, close for a network of ReLUs.

    >>> integrated_gradients(model, x).shape == x.shape
    True
    """
    points, weights = (torch.tensor(v / 2, dtype=torch.float32) for v in np.polynomial.legendre.leggauss(steps))
    device, training = _device(model), model.training
    model.eval()
    out = torch.zeros_like(x, dtype=torch.float32, device="cpu")
    for i, row in enumerate(shuffled_references(x, references, seed)):
        sequence = x[i].cpu().float()
        for reference in row:
            path = reference + (points + 0.5)[:, None, None] * (sequence - reference)  # (steps, 4, L)
            gradient = _gradient(model, path.to(device))
            slope = (weights[:, None, None] * gradient).sum(0)  # (4, L)
            out[i] += _share(slope, sequence, reference, hypothetical) / references
    model.train(training)
    return out


def _gradient(model: nn.Module, path: Tensor) -> Tensor:
    path = path.detach().requires_grad_(True)
    return torch.autograd.grad(model(path).sum(), path)[0].cpu()


def _share(slope: Tensor, sequence: Tensor, reference: Tensor, hypothetical: bool) -> Tensor:
    """(4, L): what base c at a position would add over the reference's base there."""
    gain = slope - (slope * reference).sum(0, keepdim=True)
    return gain if hypothetical else gain * sequence


def mutagenesis(
    model: nn.Module, x: Float[Tensor, "N 4 L"], *, hypothetical: bool = False, seed: int = 0
) -> Float[Tensor, "N 4 L"]:
    """In-silico mutagenesis: the logit with each base changed, less the mean over the four bases at
    that position.

    Zhou, Troyanskaya 2015. Chance plays no part: ``seed`` is there so that the three methods are
    called alike.

    >>> mutagenesis(model, x).shape == x.shape
    True
    """
    del seed
    device = str(_device(model))
    wrapped = _Column(model)
    return saturation_mutagenesis(wrapped, x.float(), hypothetical=hypothetical, device=device, batch_size=256).cpu()


def attribute(model: nn.Module, x: Float[Tensor, "N 4 L"], method: str, **options: object) -> Float[Tensor, "N 4 L"]:
    """The attribution method named, one of ``METHODS``; options are those of the method's own
    function.

    Raises ``ValueError`` for an unknown name.

    >>> attribute(model, x, "mutagenesis").shape == x.shape
    True
    """
    functions = dict(zip(METHODS, (deeplift, integrated_gradients, mutagenesis), strict=True))
    if method not in functions:
        raise ValueError(f"unknown attribution method {method!r}: choose one of {', '.join(METHODS)}")
    return functions[method](model, x, **options)
