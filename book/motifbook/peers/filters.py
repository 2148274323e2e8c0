"""Is a filter a motif? The usual reading of filters that are not motifs by design, and two
measurements on a trained first layer, for any network with `scan`, `first` and `activations`."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from motiflib.model import evaluating
from motiflib.motif import Motif

X = Float[Tensor, "N 4 L"]
SEED, LENGTH = 0, 100  # of the random sequences in which motifs are shown to filters


@torch.no_grad()
def scan(model: nn.Module, x: X) -> Float[Tensor, "N F T"]:
    with evaluating(model) as device:
        parts = [model.activations(part.to(device).float()).cpu() for part in x.split(256)]
    return torch.cat(parts)


def filter_motifs(model: nn.Module, x: X, *, fraction: float = 0.5) -> list[Motif]:
    """One motif per filter: the mean of the windows whose activation exceeds a fraction of the
    filter's maximum, the rule of DeepBind (Alipanahi et al. 2015) and Basset (Kelley et al. 2016).

    A filter with fewer than 10 such windows, or whose activation never changes, gives none. Motifs
    are named `filter0` ... after their channel, and not trimmed.

    >>> from motifbook.peers import StandardCNN
    >>> filter_motifs(StandardCNN(8), x)[0].width
    19
    """
    activations = scan(model, x)  # (N, F, T)
    windows = x.unfold(2, model.width, 1)  # (N, 4, T, W), a view
    motifs = []
    for f in range(activations.shape[1]):
        a = activations[:, f]
        n, t = torch.nonzero(a > max(fraction * float(a.max()), 1e-6), as_tuple=True)
        if len(n) < 10 or float(a.max() - a.min()) < 1e-6:
            continue
        counts = windows[n, :, t].double().sum(0).numpy()  # (4, W)
        total = counts.sum(0)
        pfm = np.where(total > 0, counts / np.maximum(total, 1e-12), 0.25)  # all N: uniform
        motifs.append(Motif(f"filter{f}", pfm, source=type(model).__name__, sites=len(n)))
    return motifs


@torch.no_grad()
def filter_shares(model: nn.Module, x: X, y: Tensor) -> Float[np.ndarray, " F"]:
    """What part of the prediction each first-layer filter carries; the parts sum to 1.

    A filter is silenced by giving it its mean activation everywhere; its part is how much goes away
    of the gap between the mean logits of positives and negatives, no less than 0."""
    mean = scan(model, x).mean((0, 2))  # (F,)
    with evaluating(model) as device:
        whole = _gap(model, x, y, device)
        lost = []
        for f, value in enumerate(mean):
            hook = model.first.register_forward_hook(partial(_silenced, f, value))
            lost.append(max(whole - _gap(model, x, y, device), 0.0))
            hook.remove()
    return np.array(lost) / max(sum(lost), 1e-12)


def _silenced(f: int, value: Tensor, _module, _input, activations: Tensor) -> Tensor:
    where = torch.tensor([f], device=activations.device)
    return activations.index_fill(1, where, float(value))


def _gap(model: nn.Module, x: Tensor, y: Tensor, device: torch.device) -> float:
    logits = torch.cat([model(part.to(device).float()).cpu() for part in x.split(250)])
    return float(logits[y == 1].mean() - logits[y == 0].mean())


def effective_number(shares: Float[np.ndarray, " F"]) -> float:
    """How many filters share the work: 1 if one does all, F if all do the same; the inverse
    Simpson index (Hill 1973).

    >>> effective_number(np.array([0.5, 0.5, 0.0]))
    2.0
    """
    return float(1 / np.sum(np.square(shares)))


def sample_instances(motif: Motif, n: int) -> Float[Tensor, "n 4 w"]:
    """`n` words drawn from a motif's columns, one-hot."""
    draws = np.random.default_rng(SEED).random((n, 1, motif.width))
    letters = (draws >= motif.pfm.cumsum(0)[:3]).sum(1)  # (n, w)
    return nn.functional.one_hot(torch.from_numpy(letters), 4).mT.float()


def filter_responses(model: nn.Module, motifs: Sequence[Motif], *, n: int = 500) -> pd.DataFrame:
    """How well each filter alone tells a motif from background: AUROC, a row per filter, a column
    per motif; each filter is judged on the strand that it reads better.

    Its score is its maximum over the windows that touch an instance in the middle of `n` random
    sequences, against the same windows without it.

    >>> from motifbook.peers import StandardCNN
    >>> filter_responses(StandardCNN(8), found.motifs, n=20).shape
    (8, 2)
    """
    generator = torch.Generator().manual_seed(SEED)
    plain = nn.functional.one_hot(torch.randint(4, (n, LENGTH), generator=generator), 4).mT.float()
    columns = {}
    for motif in motifs:
        word = sample_instances(motif, n)
        strands = [_auroc(model, plain, instances) for instances in (word, word.flip(1, 2))]
        columns[motif.name] = np.maximum(*strands)
    return pd.DataFrame(columns).rename_axis("filter")


def _auroc(model: nn.Module, plain: Tensor, instances: Tensor) -> Float[np.ndarray, " F"]:
    """AUROC of each filter's best activation near the middle, with against without instances."""
    start = (LENGTH - instances.shape[2]) // 2
    end = start + instances.shape[2]
    planted = plain.clone()
    planted[:, :, start:end] = instances
    near = slice(max(start - model.width + 1, 0), end)
    score = torch.cat([scan(model, x)[:, :, near].amax(2) for x in (plain, planted)]).numpy()
    label = np.repeat([0, 1], len(plain))
    return np.array([roc_auc_score(label, column) for column in score.T])
