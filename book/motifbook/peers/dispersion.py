"""Is a filter a motif? Two measurements on a trained first layer, for any network with ``scan`` and
``first``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from motifbook.peers.filters import scan
from motiflib.motif import Motif


@torch.no_grad()
def filter_shares(
    model: nn.Module, x: Float[Tensor, "N 4 L"], y: Float[Tensor, " N"], *, batch_size: int = 250
) -> Float[np.ndarray, " F"]:
    """What part of the prediction each first-layer filter carries; the parts sum to 1.

    The gap is the mean logit of positives minus that of negatives. A filter is silenced by giving
    it its mean activation everywhere; its part is how much of the gap goes away, no less than 0,
    divided by the sum over filters.

    >>> filter_shares(model, x, y).sum()
    1.0
    """
    training = model.training
    model.eval()
    mean = scan(model, x).mean((0, 2))  # (F,)
    whole = _gap(model, x, y, batch_size)
    lost = []
    for f in range(len(mean)):
        hook = model.first.register_forward_hook(lambda _module, _input, a, f=f: _silence(a, f, mean[f]))
        lost.append(max(whole - _gap(model, x, y, batch_size), 0.0))
        hook.remove()
    model.train(training)
    return np.array(lost) / max(sum(lost), 1e-12)


def _silence(activations: Tensor, f: int, value: Tensor) -> Tensor:
    activations = activations.clone()
    activations[:, f] = value.to(activations)
    return activations


def _gap(model: nn.Module, x: Tensor, y: Tensor, batch_size: int) -> float:
    device = next(model.parameters()).device
    logits = torch.cat([model(part.to(device).float()).cpu() for part in x.split(batch_size)])
    return float(logits[y == 1].mean() - logits[y == 0].mean())


def effective_number(shares: Float[np.ndarray, " F"]) -> float:
    """How many filters share the work, as the inverse of the summed squares: 1 if one does all, F
    if all do the same.

    The inverse Simpson index (Hill 1973).

    >>> effective_number(np.array([0.5, 0.5, 0.0]))
    2.0
    """
    return float(1 / np.sum(np.square(shares)))


def sample_instances(motif: Motif, n: int, seed: int = 0) -> Float[Tensor, "n 4 w"]:
    """``n`` words drawn from a motif's columns, one-hot.

    >>> sample_instances(jaspar("MAX"), 5).shape[:2]
    torch.Size([5, 4])
    """
    draws = np.random.default_rng(seed).random((n, 1, motif.width))
    letters = (draws >= motif.pfm.cumsum(0)[:3]).sum(1)  # (n, w)
    return torch.from_numpy(np.eye(4, dtype=np.float32)[letters].transpose(0, 2, 1).copy())


def filter_responses(
    model: nn.Module, motifs: Sequence[Motif], *, n: int = 500, length: int = 100, seed: int = 0
) -> pd.DataFrame:
    """How well each filter alone tells a motif from background: AUROC, a row per filter, a column
    per motif.

    Instances are written into the middle of random sequence; a filter's score is its maximum over
    the windows touching the instance, against the same windows of the sequence without it. 0.5 is
    blind, 1 is perfect. Each filter is judged on the strand that it reads better.
    """
    generator = torch.Generator().manual_seed(seed)
    plain = nn.functional.one_hot(torch.randint(4, (n, length), generator=generator), 4).mT.float()
    columns = {}
    for motif in motifs:
        instances = sample_instances(motif, n, seed)
        strands = [_auroc(model, plain, word) for word in (instances, instances.flip(1, 2))]
        columns[motif.name] = np.maximum(*strands)
    return pd.DataFrame(columns).rename_axis("filter")


def _auroc(model: nn.Module, plain: Tensor, instances: Tensor) -> Float[np.ndarray, " F"]:
    """AUROC of each filter's best activation near the middle, with the instances written there
    against without."""
    width = instances.shape[2]
    start = (plain.shape[2] - width) // 2
    planted = plain.clone()
    planted[:, :, start : start + width] = instances
    near = slice(max(start - model.width + 1, 0), start + width)
    score = torch.cat([scan(model, x)[:, :, near].amax(2) for x in (plain, planted)]).numpy()  # (2N, F)
    label = np.repeat([0, 1], len(plain))
    return np.array([roc_auc_score(label, column) for column in score.T])
