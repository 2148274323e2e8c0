"""Fresh sequences of a grammar as training data."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from motifbook.grammar.schema import Grammar
from motifbook.grammar.simulate import simulate_batch
from motiflib.batches import Examples


class GrammarBatches:
    """Fresh sequences of a grammar at each step; none is ever seen twice or learnt by heart.

    >>> from motifbook.grammar import load_grammar
    >>> next(GrammarBatches(load_grammar("rest"), length=300).epoch(0))[0].shape
    torch.Size([128, 4, 300])
    """

    distinct = float("inf")

    def __init__(self, grammar: Grammar, *, length: int = 500, steps: int = 60, batch: int = 128,
                 seed: int = 0):
        self.grammar, self.length, self.steps, self.batch = grammar, length, steps, batch
        self.first = (seed + 1) * 10_000_019
        self.device: str | torch.device = "cpu"

    def place(self, device: torch.device) -> None:
        """Simulate there from now on, where it has float64: sequences do not depend on it."""
        self.device = "cpu" if device.type == "mps" else device

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        first = self.first + number * self.steps
        for seed in range(first, first + self.steps):
            yield self._draw(self.batch, seed)

    def sample(self, n: int, seed: int = 0) -> Examples:
        """`n` examples that training never sees: for seeding (seed 0), validation (1), test (2)."""
        return Examples(*self._draw(n, self.first - 1 - seed))

    def _draw(self, n: int, seed: int) -> tuple[Tensor, Tensor]:
        return simulate_batch(self.grammar, n, self.length, seed=seed, device=self.device)
