"""Training data as batches: the same ones for the same epoch number, on one process or several."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor

from motiflib.files import need
from motiflib.sequence import one_hot, shuffle


class Batches(Protocol):
    """What `training.fit` asks of data; an epoch's batches are x (B,4,L) and y (B,)."""

    steps: int  # of an epoch
    distinct: float  # number of distinct sequences

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]: ...


class Examples(NamedTuple):
    """Labelled sequences; y is 1 for a positive."""

    x: Float[Tensor, "N 4 L"]
    y: Float[Tensor, " N"]


class Order:
    """Which rows each batch of an epoch takes, by `seed` and the epoch's number only: 128, or fewer
    (at least 16) for 60 steps, as a few hundred sequences need no fewer steps than thousands."""

    def __init__(self, rows: int, *, batch: int | None = None, seed: int = 0):
        self.rows, self.seed = rows, seed
        self.batch = batch or min(128, max(16, rows // 60))
        self.steps = max(1, rows // self.batch)

    def epoch(self, number: int) -> Iterator[tuple[Int[Tensor, " B"], torch.Generator]]:
        """Rows of each batch, and the generator for whatever else is drawn for it."""
        generator = torch.Generator().manual_seed(self.seed * 100_003 + number)
        order = torch.randperm(self.rows, generator=generator)
        for rows in order.split(self.batch)[: self.steps]:
            yield rows, generator


class ArrayBatches:
    """Batches of examples in memory, in the `Order` of a seed.

    >>> next(ArrayBatches(Examples(x, torch.ones(40)), batch=16).epoch(0))[0].shape
    torch.Size([16, 4, 500])
    """

    def __init__(self, examples: Examples, *, batch: int | None = None, seed: int = 0):
        self.examples, self.distinct = examples, len(examples.x)
        self.order = Order(self.distinct, batch=batch, seed=seed)
        self.steps = self.order.steps

    def place(self, device: torch.device) -> None:
        """Move the examples there, once; batches are then cut where they are used."""
        self.examples = Examples(*(part.to(device) for part in self.examples))

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        x, y = self.examples
        for rows, _ in self.order.epoch(number):
            rows = rows.to(x.device)
            yield x[rows].float(), y[rows]


def examples(positives: Sequence[str], negatives: Sequence[str] | None = None) -> Examples:
    """Positives and negatives, by default shuffled positives; InputError for an empty class.

    >>> examples(["ACGT", "GGGG"], ["TTTT"]).y.tolist()
    [1.0, 1.0, 0.0]
    """
    positives = list(positives)
    negatives = list(shuffle(positives) if negatives is None else negatives)
    need(positives, "no positives: training needs sequences of both classes")
    need(negatives, "no negatives: training needs sequences of both classes")
    y = torch.cat([torch.ones(len(positives)), torch.zeros(len(negatives))])
    return Examples(one_hot(positives + negatives), y)


def split_rows(y: Tensor, share: float = 0.1, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Rows for training and for validation, a `share` of each class, drawn at random, in order."""
    held = torch.zeros(len(y), dtype=torch.bool)
    generator = torch.Generator().manual_seed(seed)
    for label in (0, 1):
        rows = (y == label).nonzero()[:, 0]
        rows = rows[torch.randperm(len(rows), generator=generator)]
        held[rows[: max(1, round(share * len(rows)))]] = True
    need(not held.all(), f"{len(y)} sequences are too few to hold some back for validation: "
                         "give at least 2 of each class")
    return (~held).nonzero()[:, 0], held.nonzero()[:, 0]


def split(data: Examples, share: float = 0.1, *, seed: int = 0) -> tuple[Examples, Examples]:
    """Examples for training and for validation (`split_rows`); InputError for too few."""
    parts = split_rows(data.y, share, seed=seed)
    return tuple(Examples(data.x[rows], data.y[rows]) for rows in parts)
