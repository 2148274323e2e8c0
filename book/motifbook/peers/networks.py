"""The two networks that a reader would train instead, an ordinary CNN and ExplaiNN, and their
training: the loop, the data and the budget of ARGMINN."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from motiflib.batches import Batches, Examples
from motiflib.training import Fit, TrainConfig, fit

WIDTH, DROPOUT = 19, 0.3  # of filters; in both networks


class Exponential(nn.Module):
    """`exp(x)` as a module of its own, so that attribution tools can hook it."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.exp(x)


class StretchedMaxPool(nn.Module):
    """Maximum pooling into a fixed number of bins, for any length."""

    def __init__(self, bins: int) -> None:
        super().__init__()
        self.bins = bins
        self.pool = nn.MaxPool1d(1)  # the DeepLIFT rules do not know nn.AdaptiveMaxPool1d

    def forward(self, a: Float[Tensor, "B F T"]) -> Float[Tensor, "B F bins"]:
        window = -(-a.shape[-1] // self.bins)
        self.pool.kernel_size = self.pool.stride = window
        # no maximum of non-negative activations can notice the zeros at the right end
        return self.pool(nn.functional.pad(a, (0, window * self.bins - a.shape[-1])))


class Scanning(nn.Module):
    """A network whose first layer, `first` of `scan`, reads windows of `width` bases."""

    rate = 1.6e-2  # of training: the best that benchmarks/prediction.py --rates found for both

    def activations(self, x: Float[Tensor, "B 4 L"]) -> Float[Tensor, "B F T"]:
        """First-layer activations, >= 0: position t belongs to the bases [t, t + W)."""
        if x.ndim != 3 or x.shape[1] != 4 or x.shape[2] < self.width:
            raise ValueError(f"expected one-hot sequences (B, 4, L) with L >= {self.width}, "
                             f"got {tuple(x.shape)}")
        return self.first(self.scan(x))


class StandardCNN(Scanning):
    """Three convolutions, then two dense layers, arranged as in Basset (Kelley, Snoek, Rinn, Genome
    Research 2016), but with 64 filters a layer (one yes-or-no task instead of 164) and a last
    pooling over all positions, so that any length of at least `widths[0]` works.

    >>> StandardCNN()(torch.zeros(2, 4, 100)).shape
    torch.Size([2])
    """

    def __init__(self, filters: int = 64, widths: tuple = (WIDTH, 11, 7), hidden: int = 64) -> None:
        super().__init__()
        self.width = widths[0]
        self.scan = nn.Conv1d(4, filters, widths[0], bias=False)  # no padding: windows of bases
        self.first = nn.Sequential(nn.BatchNorm1d(filters), nn.ReLU())
        layers = []
        for window, width in ((3, widths[1]), (4, widths[2])):
            conv = nn.Conv1d(filters, filters, width, padding="same", bias=False)
            pool = nn.MaxPool1d(window, ceil_mode=True)
            layers += [pool, conv, nn.BatchNorm1d(filters), nn.ReLU()]
        self.body = nn.Sequential(*layers, StretchedMaxPool(1))
        dense = (nn.Linear(filters, hidden), nn.ReLU(), nn.Dropout(DROPOUT), nn.Linear(hidden, 1))
        self.head = nn.Sequential(nn.Flatten(), *dense)

    def forward(self, x: Float[Tensor, "B 4 L"]) -> Float[Tensor, " B"]:
        return self.head(self.body(self.activations(x))).squeeze(-1)


class ExplaiNN(Scanning):
    """Independent one-filter networks, summed by one linear layer (Novakovsky, Fornes, Saraswat,
    Mostafavi, Wasserman, Genome Biology 2023): between two motifs, only that their effects add can
    be learnt. The pooling window gives `bins` values; at 500 bp it is the published 7.

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
            nn.BatchNorm1d(units * hidden), nn.ReLU(), nn.Dropout(DROPOUT),
            nn.Conv1d(units * hidden, units, 1, groups=units),
            nn.BatchNorm1d(units), nn.ReLU(), nn.Flatten(),
        )
        self.read_out = nn.Linear(units, 1)

    def units(self, x: Float[Tensor, "B 4 L"]) -> Float[Tensor, "B F"]:
        """Output of each unit, >= 0; times `read_out.weight`, its share of the logit."""
        pooled = self.pool(self.activations(x))  # (B, F, bins)
        return self.unit(pooled.flatten(1).unsqueeze(-1))  # (B, F * bins, 1) -> (B, F)

    def forward(self, x: Float[Tensor, "B 4 L"]) -> Float[Tensor, " B"]:
        return self.read_out(self.units(x)).squeeze(-1)


def train_classifier(model: nn.Module, batches: Batches, valid: Examples, config: TrainConfig, *,
                     rate: float | None = None, progress: bool = True) -> Fit:
    """Train a peer with `motiflib.training.fit`, at `rate` or else its own, `model.rate`: ARGMINN's
    would be too low for it. It has no penalties to wait for, so any epoch may be its best.

    >>> from motiflib.batches import ArrayBatches
    >>> data, config = Examples(x, simulated.y), TrainConfig(epochs=1, device="cpu")
    >>> fit = train_classifier(StandardCNN(4), ArrayBatches(data), data, config, progress=False)
    """
    config = replace(config, rate=rate or model.rate, best_from=0.0)
    return fit(model, batches, valid, config, progress=progress)
