"""The two networks that a reader would train instead, an ordinary CNN and ExplaiNN, and their
training: the loop, the data and the budget of ARGMINN.

Letters: B batch, L length, F filters (or units), W filter width, T = L - W + 1 positions.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from motiflib.batches import Batches, Examples
from motiflib.training import Fit, TrainConfig, fit

WIDTH = 19  # of the filters, in both
DROPOUT = 0.3


class Exponential(nn.Module):
    """`exp(x)` as a module of its own, so that attribution tools can hook it."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.exp(x)


class StretchedMaxPool(nn.Module):
    """Maximum pooling into a fixed number of bins, for any length.

    The window is `ceil(T / bins)` positions; the right end is filled with zeros, which no maximum
    of non-negative activations can notice. The pooling itself is a plain `nn.MaxPool1d`, because
    the DeepLIFT rules that exist know that class and not `nn.AdaptiveMaxPool1d`.

    >>> StretchedMaxPool(2)(torch.tensor([[[1.0, 3.0, 2.0]]]))
    tensor([[[3., 2.]]])
    """

    def __init__(self, bins: int) -> None:
        super().__init__()
        self.bins = bins
        self.pool = nn.MaxPool1d(1)

    def forward(self, a: Float[Tensor, "B F T"]) -> Float[Tensor, "B F bins"]:
        window = -(-a.shape[-1] // self.bins)
        self.pool.kernel_size = self.pool.stride = window
        return self.pool(nn.functional.pad(a, (0, window * self.bins - a.shape[-1])))


class Scanning(nn.Module):
    """A network whose first layer, `first` of `scan`, reads windows of `width` bases."""

    rate = 1.6e-2  # of training: the best that benchmarks/prediction.py --rates found for both

    def activations(self, x: Float[Tensor, "B 4 L"]) -> Float[Tensor, "B F T"]:
        """First-layer activations, >= 0: position t belongs to the bases [t, t + W)."""
        if x.ndim != 3 or x.shape[1] != 4 or x.shape[2] < self.width:
            wanted = f"one-hot sequences (B, 4, L) with L >= {self.width}"
            raise ValueError(f"expected {wanted}, got {tuple(x.shape)}")
        return self.first(self.scan(x))


class StandardCNN(Scanning):
    """An ordinary convolutional network for sequences: three convolutions, then two dense layers.

    The arrangement and the widths 19, 11, 7 are those of Basset (Kelley, Snoek, Rinn, Genome
    Research 2016), with two changes: 64 filters a layer instead of 300/200/200 (one yes-or-no task
    instead of 164), and the last pooling takes the maximum over all positions, so that any length
    of at least `widths[0]` works.

    >>> StandardCNN()(torch.zeros(2, 4, 100)).shape
    torch.Size([2])
    """

    def __init__(
        self, filters: int = 64, widths: tuple[int, int, int] = (WIDTH, 11, 7), hidden: int = 64
    ) -> None:
        super().__init__()
        self.width = widths[0]
        self.scan = nn.Conv1d(4, filters, widths[0], bias=False)  # no padding: windows of bases
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
        dense = (nn.Linear(filters, hidden), nn.ReLU(), nn.Dropout(DROPOUT), nn.Linear(hidden, 1))
        self.head = nn.Sequential(nn.Flatten(), *dense)

    def forward(self, x: Float[Tensor, "B 4 L"]) -> Float[Tensor, " B"]:
        return self.head(self.body(self.activations(x))).squeeze(-1)


class ExplaiNN(Scanning):
    """Independent one-filter networks, summed by one linear layer.

    Written from the description in Novakovsky, Fornes, Saraswat, Mostafavi, Wasserman, *ExplaiNN:
    interpretable and transparent neural networks for genomics*, Genome Biology 2023. The logit is a
    linear read-out of the units: a unit sees no other unit, so nothing between two motifs can be
    learnt except that their effects add.

    The pooling window is stretched so that any length gives `bins` values; at 500 bp it is the
    published 7. Shorter and longer sequences keep as many weights.

    >>> ExplaiNN(units=8)(torch.zeros(2, 4, 500)).shape
    torch.Size([2])
    """

    def __init__(self, units: int = 32, bins: int = 69, hidden: int = 100) -> None:
        super().__init__()
        self.width = WIDTH
        self.scan = nn.Conv1d(4, units, WIDTH)
        self.first = nn.Sequential(nn.BatchNorm1d(units), Exponential())
        self.pool = StretchedMaxPool(bins)
        self.unit = nn.Sequential(  # a grouped 1x1 convolution is one dense layer a unit
            nn.Conv1d(units * bins, units * hidden, 1, groups=units),
            nn.BatchNorm1d(units * hidden),
            nn.ReLU(),
            nn.Dropout(DROPOUT),
            nn.Conv1d(units * hidden, units, 1, groups=units),
            nn.BatchNorm1d(units),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.read_out = nn.Linear(units, 1)

    def units(self, x: Float[Tensor, "B 4 L"]) -> Float[Tensor, "B F"]:
        """Output of each unit, >= 0; times `read_out.weight`, its share of the logit."""
        pooled = self.pool(self.activations(x))  # (B, F, bins)
        return self.unit(pooled.flatten(1).unsqueeze(-1))  # (B, F * bins, 1) -> (B, F)

    def forward(self, x: Float[Tensor, "B 4 L"]) -> Float[Tensor, " B"]:
        return self.read_out(self.units(x)).squeeze(-1)


def train_classifier(
    model: nn.Module, batches: Batches, valid: Examples, config: TrainConfig, *,
    rate: float | None = None, progress: bool = True,
) -> Fit:
    """Train a peer with `motiflib.training.fit`: same batches, same steps, same optimiser.

    Its rate is `rate`, or else its own, `model.rate`: ARGMINN's would be too low for it, whatever
    `config` says. A peer has no penalties to wait for, so any epoch may be its best.

    >>> from motiflib.batches import ArrayBatches
    >>> data, config = Examples(x, simulated.y), TrainConfig(epochs=1, device="cpu")
    >>> fit = train_classifier(StandardCNN(4), ArrayBatches(data), data, config, progress=False)
    """
    config = replace(config, rate=rate or model.rate, best_from=0.0)
    return fit(model, batches, valid, config, progress=progress)
