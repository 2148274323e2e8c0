"""Training for the peers: the loop, the data and the budget of ARGMINN."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from motiflib.batches import Batches, Examples
from motiflib.training import Fit, TrainConfig, fit


def train_classifier(
    model: nn.Module, batches: Batches, valid: Examples, config: TrainConfig | None = None, *, progress: bool = True
) -> Fit:
    """Train a peer with ``motiflib.training.fit``: same batches, same steps, one-cycle Adam, gradient norm 1.

    A peer has no penalties to wait for, so ANY epoch may be its best by validation loss (``best_from=0``).

    >>> model, history = train_classifier(StandardCNN(), GrammarBatches(load_grammar("rest")), valid)
    """
    return fit(model, batches, valid, replace(config or TrainConfig(), best_from=0.0), progress=progress)
