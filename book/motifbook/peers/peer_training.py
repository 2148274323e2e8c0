"""Training for the peers: the loop, the data and the budget of ARGMINN."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from motiflib.batches import Batches, Examples
from motiflib.training import Fit, TrainConfig, fit


def train_classifier(
    model: nn.Module, batches: Batches, valid: Examples, config: TrainConfig | None = None, *,
    rate: float | None = None, progress: bool = True,
) -> Fit:  # fmt: skip
    """Train a peer with ``motiflib.training.fit``: same batches, same steps, one-cycle Adam,
    gradient norm 1.

    Its rate is ``rate``, or else its own, ``model.rate``: ARGMINN's would be too low for it,
    whatever ``config`` says. A peer has no penalties to wait for, so ANY epoch may be its best by
    validation loss (``best_from=0``).

    >>> model, history = train_classifier(StandardCNN(), GrammarBatches(load_grammar("rest")), valid)
    """
    config = replace(config or TrainConfig(), rate=rate or model.rate, best_from=0.0)
    return fit(model, batches, valid, config, progress=progress)
