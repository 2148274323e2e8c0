"""What the syntax builder looks at: which motif each step picks, and which one next."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from motiflib.discovery import Discovery, channel_motifs
from motiflib.evidence import Reader
from motiflib.model import Argminn


@torch.no_grad()
def attention_shares(
    model: Argminn, x: Float[Tensor, "N 4 L"], found: Discovery, *, batch: int = 256
) -> tuple[Float[Tensor, "N K H n"], list[str]]:
    """Attention of each sequence, step and head on all sites of each motif, and the names of the last axis.

    The names are the motifs', then "other", hits of filters that are no motif, and "nothing", the token of that name.
    The last axis sums to 1.

    >>> shares, names = attention_shares(model, x, found)
    """
    motif_of = channel_motifs(model, found).motif.to_dict()
    names, parts = [*found.table.motif, "other", "nothing"], []
    was, device = model.training, next(model.parameters()).device
    owner = torch.tensor([names.index(motif_of.get(c, "other")) for c in range(model.config.channels)])
    model.eval()
    for part in x.split(batch):
        reader = Reader(model, part.to(device).float())
        _, attention = reader.logit(torch.arange(len(part), device=device), reader.hits.activation)
        kind = torch.nn.functional.one_hot(owner.to(device)[reader.hits.channel], len(names)).to(attention)
        parts.append((attention @ kind[:, None]).cpu())
    model.train(was)
    share = torch.cat(parts)
    share[..., -1] = 1 - share[..., :-1].sum(-1)
    return share, names


def attention_steps(model: Argminn, x: Float[Tensor, "N 4 L"], found: Discovery, *, batch: int = 256) -> pd.DataFrame:
    """What each step and head of the syntax builder looks at: columns step, head (from 1), motif, attention.

    The mean of `attention_shares` over sequences. A step's and a head's rows sum to 1.

    >>> attention_steps(model, x, found).pivot_table(index="motif", columns=["step", "head"], values="attention")
    """
    shares, names = attention_shares(model, x, found, batch=batch)
    share = shares.mean(0)
    rows = [(k + 1, h + 1, name, float(share[k, h, n])) for k, h in np.ndindex(*share.shape[:2])
            for n, name in enumerate(names)]  # fmt: skip
    return pd.DataFrame(rows, columns=["step", "head", "motif", "attention"])


def attention_next(model: Argminn, x: Float[Tensor, "N 4 L"], found: Discovery, *, batch: int = 256) -> pd.DataFrame:
    """What a step picks after what the step before picked: columns step, motif, next, share, chance.

    share: mean over sequences of (attention of step k on a motif) x (attention of step k + 1 on the next one), heads
    averaged; a step's rows sum to 1. chance: the same if the two steps looked at different sequences. A share above
    chance says that the second choice goes with the first.

    >>> attention_next(model, x, found).sort_values("share").tail(1)
    """
    shares, names = attention_shares(model, x, found, batch=batch)
    mean = shares.mean(2)  # (N, K, n)
    rows = []
    for k in range(mean.shape[1] - 1):
        together = torch.einsum("bm,bn->mn", mean[:, k], mean[:, k + 1]) / len(mean)
        alone = torch.outer(mean[:, k].mean(0), mean[:, k + 1].mean(0))
        rows += [(k + 1, a, b, float(together[i, j]), float(alone[i, j])) for i, a in enumerate(names)
                 for j, b in enumerate(names)]  # fmt: skip
    return pd.DataFrame(rows, columns=["step", "motif", "next", "share", "chance"])
