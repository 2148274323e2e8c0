"""Training data as batches: the same batches for the same epoch number, every time, on one process
or several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from motiflib.files import InputError
from motiflib.sequence import one_hot, shuffle


class Batches(Protocol):
    """What `fit` asks of data: steps, the number of distinct sequences, and an epoch's batches (x
    (B,4,L), y (B,))."""

    steps: int
    distinct: float

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]: ...


class Examples(NamedTuple):
    """Labelled sequences: x (N,4,L) and y (N,), 1 for a positive."""

    x: Tensor
    y: Tensor


class ArrayBatches:
    """Batches of examples in memory, in an order that depends on `seed` and the epoch only.

    Without a `batch` size it is 128, and less where an epoch would have fewer than 60 steps, but at
    least 16: a few hundred sequences need as many steps as many thousands.

    >>> batches = ArrayBatches(examples, batch=64)
    >>> x, y = next(iter(batches.epoch(0)))
    """

    def __init__(self, examples: Examples, *, batch: int | None = None, seed: int = 0):
        self.distinct = len(examples.x)
        self.batch = batch or min(128, max(16, self.distinct // 60))
        self.examples, self.seed, self.steps = examples, seed, max(1, self.distinct // self.batch)

    def place(self, device: torch.device) -> None:
        """Move the examples there, once; batches are then cut where they are used."""
        self.examples = Examples(*(part.to(device) for part in self.examples))

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.randperm(
            len(self.examples.x), generator=torch.Generator().manual_seed(self.seed * 100_003 + number)
        )
        for rows in order.to(self.examples.x.device).split(self.batch)[: self.steps]:
            yield self.examples.x[rows].float(), self.examples.y[rows]


def examples(
    positives: Sequence[str], negatives: Sequence[str] | None = None, *, kind="dinucleotide", seed=0
) -> Examples:
    """Positives and negatives as one-hot; without negatives, each positive is shuffled (`kind`, as
    in `shuffle`).

    >>> train = examples(dataset.train.sequence)
    """
    positives = list(positives)
    negatives = shuffle(positives, kind=kind, seed=seed) if negatives is None else list(negatives)
    if not positives or not negatives:
        raise InputError(f"no {'negatives' if positives else 'positives'}: training needs sequences of both classes")
    y = torch.cat([torch.ones(len(positives)), torch.zeros(len(negatives))])
    return Examples(one_hot(positives + negatives), y)


def split(data: Examples, share: float = 0.1, *, seed: int = 0) -> tuple[Examples, Examples]:
    """Training and validation examples, at random; each class keeps its share.

    >>> train, valid = split(examples(positives), 0.1)
    """
    held = torch.zeros(len(data.y), dtype=torch.bool)
    generator = torch.Generator().manual_seed(seed)
    for label in (0, 1):
        rows = (data.y == label).nonzero()[:, 0]
        rows = rows[torch.randperm(len(rows), generator=generator)]
        held[rows[: max(1, round(share * len(rows)))]] = True
    if held.all():
        raise InputError(
            f"{len(data.y)} sequences are too few to hold some back for validation: give at least 2 of each class"
        )
    return Examples(data.x[~held], data.y[~held]), Examples(data.x[held], data.y[held])
