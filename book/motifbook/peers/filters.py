"""From filters to motifs: the usual route for networks whose filters are not motifs by design."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from motifbook.peers.networks import ExplaiNN
from motiflib.motif import Motif


class Scans(Protocol):
    """A network with a first layer of ``width`` bases and its activations (B, F, T)."""

    width: int

    def activations(self, x: Tensor) -> Tensor: ...


@torch.no_grad()
def scan(model: Scans, x: Float[Tensor, "N 4 L"], batch_size: int = 256) -> Float[Tensor, "N F T"]:
    """First-layer activations of many sequences, in evaluation mode; the model is given back as
    found."""
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    parts = [model.activations(part.to(device).float()).cpu() for part in x.split(batch_size)]
    model.train(training)
    return torch.cat(parts)


def filter_motifs(
    model: Scans, x: Float[Tensor, "N 4 L"], *, fraction: float = 0.5, min_sites: int = 10, name: str = "filter"
) -> list[Motif]:
    """One motif per filter: the mean of the windows whose activation exceeds half of the filter's
    maximum.

    The rule is that of DeepBind (Alipanahi et al. 2015) and Basset (Kelley et al. 2016), in the
    form that the ARGMINN paper uses. A filter with fewer than ``min_sites`` such windows, or whose
    activation never changes, gives none.

    Motifs are named ``filter0`` ... after their channel and are not trimmed.

    >>> motifs = filter_motifs(StandardCNN(), x)
    >>> motifs[0].width
    19
    """
    activations = scan(model, x)  # (N, F, T)
    windows = x.unfold(2, model.width, 1)  # (N, 4, T, W), a view
    motifs = []
    for f in range(activations.shape[1]):
        a = activations[:, f]
        n, t = torch.nonzero(a > max(fraction * float(a.max()), 1e-6), as_tuple=True)
        if len(n) < min_sites or float(a.max() - a.min()) < 1e-6:
            continue
        counts = windows[n, :, t].double().sum(0).numpy()  # (4, W)
        motifs.append(Motif(f"{name}{f}", _columns(counts), source=type(model).__name__, sites=len(n)))
    return motifs


@torch.no_grad()
def important_units(
    model: ExplaiNN, x: Float[Tensor, "N 4 L"], y: Float[Tensor, " N"], *, share: float = 0.01
) -> list[int]:
    """Units of ExplaiNN that carry at least `share` of the prediction, the most important first.

    A unit's importance, as in its paper, is its weight in the read-out times its output; here the
    difference of that between the classes, as a share of the sum of all units' absolute
    differences.

    >>> important_units(model, x, y)
    [4, 17, 0]
    """
    training = model.training
    model.eval()
    outputs = torch.cat([model.units(part.float()) for part in x.split(256)])  # (N, F)
    gap = (model.read_out.weight[0] * (outputs[y > 0.5].mean(0) - outputs[y <= 0.5].mean(0))).abs()
    model.train(training)
    order = gap.argsort(descending=True)
    return order[gap[order] >= share * gap.sum().clamp(min=1e-12)].tolist()


def _columns(counts: np.ndarray) -> np.ndarray:
    """Counts (4, w) to columns that sum to one; a column without counts is uniform."""
    total = counts.sum(0, keepdims=True)
    return np.where(total > 0, counts / np.maximum(total, 1e-12), 0.25)
