"""Questions that single chapters ask of a network: what if this stretch were not there, what does
each step look at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from scipy.stats import false_discovery_control, fisher_exact
from torch import Tensor

from motiflib.discovery import Found, channel_motifs
from motiflib.files import InputError
from motiflib.hits import Reader
from motiflib.model import Argminn
from motiflib.syntax import name_key


def erase(
    x: Float[Tensor, "N 4 L"], spans: Sequence[Sequence[tuple[int, int]]], *, seed: int = 0
) -> Float[Tensor, "N 4 L"]:
    """Copies in which the given stretches of each sequence are filled with bases drawn from that
    sequence.

    So the composition stays what it was on average. Half-open spans, a list for each sequence (it
    may be empty). Raises InputError for a span outside of the sequence or a list of another length.

    >>> erase(one_hot(["ACGTACGT"]), [[(2, 4)]])
    """
    if len(spans) != len(x):
        raise InputError(f"{len(spans)} lists of spans for {len(x)} sequences: give one list each")
    generator, out = torch.Generator().manual_seed(seed), x.clone()
    length = x.shape[2]
    for row, cuts in enumerate(spans):
        for start, end in cuts:
            if not 0 <= start <= end <= length:
                raise InputError(f"span {start}-{end} of sequence {row} lies outside of 0-{length}")
            out[row, :, start:end] = x[row][:, torch.randint(length, (end - start,), generator=generator)]
    return out
# What the syntax builder looks at: which motif each step picks, and which one next.


@torch.no_grad()
def attention_shares(
    model: Argminn, x: Float[Tensor, "N 4 L"], found: Found, *, batch: int = 256
) -> tuple[Float[Tensor, "N K H n"], list[str]]:
    """Attention of each sequence, step and head on all sites of each motif, and the names of the
    last axis.

    The names are the motifs', then "other", hits of filters that are no motif, and "nothing", the
    token of that name. The last axis sums to 1.

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


def attention_next(model: Argminn, x: Float[Tensor, "N 4 L"], found: Found, *, batch: int = 256) -> pd.DataFrame:
    """What a step picks after what the step before picked: columns step, motif, next, share,
    chance.

    share: mean over sequences of (attention of step k on a motif) x (attention of step k + 1 on the
    next one), heads averaged; a step's rows sum to 1. chance: the same if the two steps looked at
    different sequences. A share above chance says that the second choice goes with the first.

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


def cooccurrence(calls: pd.DataFrame, sequences: int) -> pd.DataFrame:
    """Whether sequences that hold one motif hold another more or less often, wherever it stands.

    Columns: motif_a, motif_b; with_a, with_b, together, sequences with each and with both of
    `sequences` searched; expected, with_a x with_b / sequences; p_value, Fisher's exact test, both
    sides, corrected for all pairs. together > expected is co-occurrence, together < expected
    exclusion.

    >>> cooccurrence(calls, len(records)).sort_values("p_value").head(1)
    """
    sets = {motif: set(mine.sequence) for motif, mine in calls.groupby("motif")}
    rows, names = [], sorted(sets, key=name_key)
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            n, m, k = len(sets[a]), len(sets[b]), len(sets[a] & sets[b])
            p = fisher_exact([[k, n - k], [m - k, sequences - n - m + k]])[1]
            rows.append((a, b, n, m, k, n * m / sequences, p))
    out = pd.DataFrame(rows, columns=["motif_a", "motif_b", "with_a", "with_b", "together", "expected", "p_value"])
    return out.assign(p_value=false_discovery_control(out.p_value.to_numpy()))


def periodicity(distances: Iterable[float], *, least: float = 9.5, most: float = 11.5, seed: int = 0) -> dict:
    """Whether preferred distances lie one turn of the double helix apart: period (bp), coherence in
    [0, 1], p_value.

    Coherence of period T: |mean of exp(2 pi i d / T)| over the distances d; the best T from `least`
    to `most` counts. p_value: the share of as many random distances within the same limits that do
    as well. Three distances or more.

    >>> periodicity([10, 20, 31])["period"]
    10.5
    """
    d, periods = np.sort(np.asarray(list(distances), dtype=float)), np.arange(least, most + 0.01, 0.1)
    if len(d) < 3:
        raise InputError(f"periodicity of {len(d)} distances: give three or more")
    wave = abs(np.exp(2j * np.pi * d / periods[:, None]).mean(1))
    rng = np.random.default_rng(seed)
    random = rng.uniform(d[0], d[-1], (4000, 1, len(d)))
    other = abs(np.exp(2j * np.pi * random / periods[:, None]).mean(2)).max(1)
    p_value = (1 + (other >= wave.max()).sum()) / 4001
    return {
        "period": round(float(periods[wave.argmax()]), 1),
        "coherence": float(wave.max()),
        "p_value": float(p_value),
    }
