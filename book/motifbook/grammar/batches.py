"""Fresh sequences of a grammar as training data."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from motifbook.grammar.schema import Grammar
from motifbook.grammar.simulate import simulate_batch
from motiflib.batches import Examples


class GrammarBatches:
    """Fresh sequences of a grammar at each step; no sequence is ever seen twice, so there is
    nothing to learn by heart.

    >>> batches = GrammarBatches(load_grammar("rest"), length=500, steps=60)
    """

    distinct = float("inf")

    def __init__(
        self, grammar: Grammar, *, length: int = 500, gc: float = 0.5, steps: int = 60, batch: int = 128,
        seed: int = 0, device: str = "cpu",
    ):  # fmt: skip
        self.grammar, self.length, self.gc, self.steps = grammar, length, gc, steps
        self.batch, self.seed, self.device = batch, seed, device

    def place(self, device: torch.device) -> None:
        """Simulate there from now on, where it has float64: sequences depend on seed and number,
        not on the device."""
        self.device = "cpu" if device.type == "mps" else device

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        first = (self.seed + 1) * 10_000_019 + number * self.steps
        for step in range(self.steps):
            yield simulate_batch(self.grammar, self.batch, self.length, self.gc, seed=first + step, device=self.device)

    def sample(self, n: int, seed: int = 0) -> Examples:
        """`n` examples that training never sees: for seeding (seed 0), validation (1), test (2),
        and so on."""
        seed = (self.seed + 1) * 10_000_019 - 1 - seed
        return Examples(*simulate_batch(self.grammar, n, self.length, self.gc, seed=seed, device=self.device))
