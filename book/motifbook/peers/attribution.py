"""Which bases does a prediction rest on? Three answers, and how far they can be trusted.

All methods take a model that returns logits (B,) and one-hot sequences (N, 4, L), and return
attributions (N, 4, L): zero except at the base that is there, or, with `hypothetical=True`, a value
for each base that could be there.
"""

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from tangermeme.deep_lift_shap import _nonlinear, deep_lift_shap
from tangermeme.ersatz import dinucleotide_shuffle
from tangermeme.saturation_mutagenesis import saturation_mutagenesis
from torch import Tensor, nn

from motifbook.peers.networks import Exponential
from motiflib.model import evaluating

X, Each = Float[Tensor, "N 4 L"], Float[np.ndarray, " N"]
Map, Mask = Float[np.ndarray, "N L"], Bool[np.ndarray, "N L"]


class _Column(nn.Module):
    """The same model with logits as a column (B, 1), the shape that tangermeme asks for."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.device = model, str(next(model.parameters()).device)
        self.training = model.training  # tangermeme gives the whole its mode back, wrapper included

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)[:, None]


def shuffled_references(x: X, n: int = 10, seed: int = 0) -> Float[Tensor, "N n 4 L"]:
    """`n` dinucleotide shuffles of each sequence: what "no signal" looks like to these methods."""
    return dinucleotide_shuffle(x.cpu().float(), n=n, random_state=seed, allow_N=True)


def deeplift(model: nn.Module, x: X, *, references: int = 10, seed: int = 0,
             hypothetical: bool = False) -> X:
    """DeepLIFT/SHAP: differences from dinucleotide shuffles, passed back through the network by the
    rescale rule (Shrikumar, Greenside, Kundaje 2017; Lundberg, Lee 2017); those of a sequence sum
    to its logit minus the mean logit of its shuffles.

    >>> from motifbook.peers import StandardCNN
    >>> deeplift(StandardCNN(8), x[:1], references=2).shape
    torch.Size([1, 4, 500])
    """
    column, shuffles = _Column(model), shuffled_references(x, references, seed)
    return deep_lift_shap(
        column, x.float(), references=shuffles, hypothetical=hypothetical, only_warn=True,
        additional_nonlinear_ops={Exponential: _nonlinear}, device=column.device, batch_size=64,
    ).cpu()


def integrated_gradients(model: nn.Module, x: X, *, references: int = 10, steps: int = 16,
                         seed: int = 0, hypothetical: bool = False) -> X:
    """Integrated gradients from dinucleotide shuffles r to the sequence x, averaged over the
    shuffles (Sundararajan, Taly, Yan 2017), by captum (extra `baselines`):

        (x - r) * integral over s in [0, 1] of  grad f(r + s (x - r))

    The integral is a Gauss-Legendre sum of `steps` points: exact for a polynomial of degree below
    2 * steps, close for a network of ReLUs.
    """
    try:
        from captum.attr import IntegratedGradients
    except ImportError as error:
        extra = "the extra 'baselines': pip install 'motiflib[baselines]'"
        raise ImportError(f"integrated gradients need {extra}") from error
    x, out = x.cpu().float(), []
    slopes = IntegratedGradients(model, multiply_by_inputs=False)
    with evaluating(model) as device:
        for sequence, shuffles in zip(x, shuffled_references(x, references, seed), strict=True):
            paths = (sequence.expand_as(shuffles).to(device), shuffles.to(device))  # (n, 4, L)
            slope = slopes.attribute(*paths, n_steps=steps, method="gausslegendre").cpu()
            out.append((slope - (slope * shuffles).sum(1, keepdim=True)).mean(0))
    gain = torch.stack(out)  # what each base would add over the reference's base there
    return gain if hypothetical else gain * x


def mutagenesis(model: nn.Module, x: X, *, hypothetical: bool = False) -> X:
    """In-silico mutagenesis: the logit with each base changed, less the mean over the four bases at
    that position (Zhou, Troyanskaya 2015)."""
    column = _Column(model)
    return saturation_mutagenesis(column, x.float(), hypothetical=hypothetical, batch_size=256,
                                  device=column.device).cpu()


METHODS = {"deeplift": deeplift, "integrated gradients": integrated_gradients,
           "mutagenesis": mutagenesis}


def attribute(model: nn.Module, x: X, method: str, **options: object) -> X:
    """The attribution method of that name in `METHODS`; options are those of its own function."""
    if method not in METHODS:
        known = ", ".join(METHODS)
        raise ValueError(f"unknown attribution method {method!r}: choose one of {known}")
    return METHODS[method](model, x, **options)


def per_base(attributions: X) -> Map:
    """Attribution of the base that is there: the sum over the four channels."""
    return attributions.sum(1).numpy()


def agreement(a: Map, b: Map, where: Mask | None = None) -> Each:
    """Pearson correlation of two attributions of a sequence, over the positions `where` (default:
    all); 0 where one of them is constant."""
    where = np.ones(a.shape, dtype=bool) if where is None else where
    size = np.maximum(where.sum(1, keepdims=True), 1)
    a, b = (np.where(where, v - (v * where).sum(1, keepdims=True) / size, 0.0) for v in (a, b))
    norm = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    return np.where(norm > 0, (a * b).sum(1) / np.maximum(norm, 1e-30), 0.0)


def planted_mask(truth: pd.DataFrame, n: int, length: int) -> Mask:
    """True where a base belongs to a planted instance; `truth` has columns row, start, end."""
    mask = np.zeros((n, length), dtype=bool)
    for row, start, end in zip(truth.row, truth.start, truth.end, strict=True):
        mask[row, start:end] = True
    return mask


def precision(values: Map, mask: Mask) -> Each:
    """Of the k positions with the largest values, k being the number of planted bases, the share
    that is planted (R-precision in information retrieval); NaN where nothing is planted."""
    size = mask.sum(1)
    rank = (-values).argsort(1, kind="stable").argsort(1, kind="stable")
    hits = ((rank < size[:, None]) & mask).sum(1)
    return np.where(size > 0, hits / np.maximum(size, 1), np.nan)


def share_outside(values: Map, mask: Mask) -> Each:
    """Share of the total absolute attribution that lies on bases outside `mask`."""
    size = np.abs(values)
    return (size * ~mask).sum(1) / np.maximum(size.sum(1), 1e-30)


def twice(x: X, truth: pd.DataFrame, *, apart: int = 10) -> tuple[X, Mask, Mask]:
    """Each sequence with its planted block, from the first to the last planted base, copied once
    more, `apart` bp to the right (or left, if it would not fit); where both are."""
    doubled, (block, copy) = x.clone(), np.zeros((2, len(x), x.shape[2]), dtype=bool)
    for row, (start, end) in truth.groupby("row").agg({"start": "min", "end": "max"}).iterrows():
        size = end - start
        to = end + apart if end + apart + size <= x.shape[2] else start - apart - size
        if to < 0:
            have = x.shape[2]
            raise ValueError(f"row {row}: no room for a second block of {size} bp in {have} bp")
        doubled[row, :, to : to + size] = x[row, :, start:end]
        block[row, start:end] = copy[row, to : to + size] = True
    return doubled, block, copy
