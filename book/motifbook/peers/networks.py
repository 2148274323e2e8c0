"""The two networks that a reader would train instead: an ordinary CNN and ExplaiNN.

Letters: B batch, L length, F filters (or units), W filter width, T = L - W + 1 positions.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Exponential(nn.Module):
    """``exp(x)`` as a module of its own, so that attribution tools can hook it."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.exp(x)


class StretchedMaxPool(nn.Module):
    """Maximum pooling into a fixed number of bins, for any length.

    The window is ``ceil(T / bins)`` positions; the right end is filled with zeros, which no maximum
    of non-negative activations can notice. The pooling itself is a plain ``nn.MaxPool1d``, because
    the DeepLIFT rules that exist know that class and not ``nn.AdaptiveMaxPool1d``.

    >>> StretchedMaxPool(2)(torch.tensor([[[1.0, 3.0, 2.0]]]))
    tensor([[[3., 2.]]])
    """

    def __init__(self, bins: int = 1) -> None:
        super().__init__()
        self.bins = bins
        self.pool = nn.MaxPool1d(1)

    def forward(self, a: Float[Tensor, "B F T"]) -> Float[Tensor, "B F bins"]:
        window = -(-a.shape[-1] // self.bins)
        self.pool.kernel_size = self.pool.stride = window
        return self.pool(nn.functional.pad(a, (0, window * self.bins - a.shape[-1])))


def _check(x: Tensor, width: int) -> None:
    if x.ndim != 3 or x.shape[1] != 4 or x.shape[2] < width:
        raise ValueError(f"expected one-hot sequences (B, 4, L) with L >= {width}, got {tuple(x.shape)}")


class StandardCNN(nn.Module):
    """An ordinary convolutional network for sequences: three convolutions, then two dense layers.

    The arrangement and the widths 19, 11, 7 are those of Basset (Kelley, Snoek, Rinn, Genome
    Research 2016): convolution, batch normalisation, ReLU and maximum pooling (3, then 4), three
    times, then a dense layer with dropout 0.3. Two changes: 64 filters a layer instead of
    300/200/200 (one yes-or-no task instead of 164), and the last pooling takes the maximum over all
    positions, so that any length of at least ``widths[0]`` works.

    >>> StandardCNN()(torch.zeros(2, 4, 100)).shape
    torch.Size([2])
    """

    rate = 1.6e-2  # of training: the best on fresh data of those that benchmarks/prediction.py --rates compares

    def __init__(
        self, filters: int = 64, widths: tuple[int, int, int] = (19, 11, 7), hidden: int = 64, dropout: float = 0.3
    ) -> None:
        super().__init__()
        self.width = widths[0]
        self.scan = nn.Conv1d(4, filters, widths[0], bias=False)  # no padding: each output is one window of bases
        self.first = nn.Sequential(nn.BatchNorm1d(filters), nn.ReLU())
        self.body = nn.Sequential(
            nn.MaxPool1d(3, ceil_mode=True),
            nn.Conv1d(filters, filters, widths[1], padding="same", bias=False),
            nn.BatchNorm1d(filters),
            nn.ReLU(),
            nn.MaxPool1d(4, ceil_mode=True),
            nn.Conv1d(filters, filters, widths[2], padding="same", bias=False),
            nn.BatchNorm1d(filters),
            nn.ReLU(),
            StretchedMaxPool(1),
        )
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(filters, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, 1)
        )

    def activations(self, x: Float[Tensor, "B 4 L"]) -> Float[Tensor, "B F T"]:
        """First-layer activations, >= 0: position t belongs to the bases [t, t + W)."""
        _check(x, self.width)
        return self.first(self.scan(x))

    def forward(self, x: Float[Tensor, "B 4 L"]) -> Float[Tensor, " B"]:
        return self.head(self.body(self.activations(x))).squeeze(-1)


class ExplaiNN(nn.Module):
    """Independent one-filter networks, summed by one linear layer.

    Written from the description in Novakovsky, Fornes, Saraswat, Mostafavi, Wasserman, *ExplaiNN:
    interpretable and transparent neural networks for genomics*, Genome Biology 2023. Each unit: one
    filter of width 19, batch normalisation, exponential activation, maximum pooling (7), a dense
    layer of 100 with batch normalisation, ReLU and dropout 0.3, a dense layer of 1 with batch
    normalisation and ReLU. The logit is a linear read-out of the units: a unit sees no other unit,
    so nothing between two motifs can be learnt except that their effects add.

    The pooling window is stretched so that any length gives ``bins`` values; at 500 bp it is the
    published 7. Shorter and longer sequences keep as many weights.

    >>> ExplaiNN(units=8)(torch.zeros(2, 4, 500)).shape
    torch.Size([2])
    """

    rate = 1.6e-2  # as for StandardCNN

    def __init__(
        self, units: int = 32, width: int = 19, bins: int = 69, hidden: int = 100, dropout: float = 0.3
    ) -> None:
        super().__init__()
        self.width = width
        self.scan = nn.Conv1d(4, units, width)
        self.first = nn.Sequential(nn.BatchNorm1d(units), Exponential())
        self.pool = StretchedMaxPool(bins)
        self.unit = nn.Sequential(  # groups keep the units apart: a grouped 1x1 convolution is one dense layer a unit
            nn.Conv1d(units * bins, units * hidden, 1, groups=units),
            nn.BatchNorm1d(units * hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv1d(units * hidden, units, 1, groups=units),
            nn.BatchNorm1d(units),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.read_out = nn.Linear(units, 1)

    def activations(self, x: Float[Tensor, "B 4 L"]) -> Float[Tensor, "B F T"]:
        """Activations of each unit's filter, > 0: position t belongs to the bases [t, t + W)."""
        _check(x, self.width)
        return self.first(self.scan(x))

    def units(self, x: Float[Tensor, "B 4 L"]) -> Float[Tensor, "B F"]:
        """Output of each unit, >= 0; times ``read_out.weight`` it is the unit's share of the
        logit."""
        pooled = self.pool(self.activations(x))  # (B, F, bins)
        return self.unit(pooled.flatten(1).unsqueeze(-1))  # (B, F * bins, 1) -> (B, F)

    def forward(self, x: Float[Tensor, "B 4 L"]) -> Float[Tensor, " B"]:
        return self.read_out(self.units(x)).squeeze(-1)
