"""Questions that single chapters ask of a network: what if this stretch were not there, what does
each step look at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from scipy.stats import false_discovery_control, fisher_exact
from torch import Tensor
from torch.nn.functional import one_hot

from motiflib.discovery import Found, channel_motifs
from motiflib.files import InputError
from motiflib.hits import Reader
from motiflib.model import Argminn, evaluating
from motiflib.syntax import name_key


def erase(
    x: Float[Tensor, "N 4 L"], spans: Sequence[Sequence[tuple[int, int]]]
) -> Float[Tensor, "N 4 L"]:
    """Copies in which the given stretches of each sequence are filled with bases drawn from that
    sequence, so the composition stays what it was on average.

    Half-open spans, a list for each sequence (it may be empty). Raises InputError for a span
    outside of the sequence or a list of another length.

    >>> erase(x, [[(100, 120)]] * 40)[:, :, :100].equal(x[:, :, :100])
    True
    """
    if len(spans) != len(x):
        raise InputError(f"{len(spans)} lists of spans for {len(x)} sequences: give one list each")
    generator, out = torch.Generator().manual_seed(0), x.clone()
    length = x.shape[2]
    for row, cuts in enumerate(spans):
        for start, end in cuts:
            if not 0 <= start <= end <= length:
                raise InputError(f"span {start}-{end} of sequence {row} lies outside of 0-{length}")
            drawn = torch.randint(length, (end - start,), generator=generator)
            out[row, :, start:end] = x[row][:, drawn]
    return out


@torch.no_grad()
def attention_shares(
    model: Argminn, x: Float[Tensor, "N 4 L"], found: Found
) -> tuple[Float[Tensor, "N K H n"], list[str]]:
    """Attention of each sequence, step and head on all sites of each motif, and the names of the
    last axis, over which it sums to 1: the motifs', then "other", hits of filters that are no
    motif, and "nothing", the token of that name.

    >>> attention_shares(model, x, found)[1]
    ['M1', 'M2', 'other', 'nothing']
    """
    motif_of = channel_motifs(model, found).motif.to_dict()
    names, parts = [*found.table.motif, "other", "nothing"], []
    owners = [names.index(motif_of.get(c, "other")) for c in range(model.config.channels)]
    with evaluating(model) as device:
        owner = torch.tensor(owners, device=device)
        for part in x.split(256):
            reader = Reader(model, part.to(device).float())
            _, attention = reader.logit()
            kind = one_hot(owner[reader.hits.channel], len(names)).to(attention)
            parts.append((attention @ kind[:, None]).cpu())
    share = torch.cat(parts)
    share[..., -1] = 1 - share[..., :-1].sum(-1)
    return share, names


def attention_next(model: Argminn, x: Float[Tensor, "N 4 L"], found: Found) -> pd.DataFrame:
    """What a step picks after what the step before picked: columns step, motif, next, share,
    chance.

    share: mean over sequences of (attention of step k on a motif) x (attention of step k + 1 on the
    next one), heads averaged; a step's rows sum to 1. chance: the same if the two steps looked at
    different sequences. A share above chance says that the second choice goes with the first.

    >>> len(attention_next(model, x, found))
    16
    """
    shares, names = attention_shares(model, x, found)
    mean = shares.mean(2)  # (N, K, n)
    rows = []
    for k in range(mean.shape[1] - 1):
        together = torch.einsum("bm,bn->mn", mean[:, k], mean[:, k + 1]) / len(mean)
        alone = torch.outer(mean[:, k].mean(0), mean[:, k + 1].mean(0))
        for i, motif in enumerate(names):
            for j, following in enumerate(names):
                rows.append((k + 1, motif, following, float(together[i, j]), float(alone[i, j])))
    return pd.DataFrame(rows, columns=["step", "motif", "next", "share", "chance"])


def cooccurrence(calls: pd.DataFrame, sequences: int) -> pd.DataFrame:
    """Whether sequences that hold one motif hold another more or less often, wherever it stands.

    Columns: motif_a, motif_b; with_a, with_b, together, sequences with each and with both of
    `sequences` searched; expected, with_a x with_b / sequences; p_value, Fisher's exact test, both
    sides, corrected for all pairs. together > expected is co-occurrence, together < expected
    exclusion.

    >>> cooccurrence(calls, 40)[["motif_a", "motif_b", "with_a", "with_b", "together"]]
      motif_a motif_b  with_a  with_b  together
    0      M1      M2      25      25        20
    """
    sets = {motif: set(mine.sequence) for motif, mine in calls.groupby("motif")}
    rows = []
    for a, b in combinations(sorted(sets, key=name_key), 2):
        n, m, k = len(sets[a]), len(sets[b]), len(sets[a] & sets[b])
        p = fisher_exact([[k, n - k], [m - k, sequences - n - m + k]])[1]
        rows.append((a, b, n, m, k, n * m / sequences, p))
    columns = ["motif_a", "motif_b", "with_a", "with_b", "together", "expected", "p_value"]
    out = pd.DataFrame(rows, columns=columns)
    return out.assign(p_value=false_discovery_control(out.p_value.to_numpy()))


def periodicity(distances: Iterable[float], *, least: float = 9.5, most: float = 11.5) -> dict:
    """Whether preferred distances, three or more, lie one turn of the double helix apart: period
    (bp), coherence in [0, 1], p_value.

    Coherence of period T: |mean of exp(2 pi i d / T)| over the distances d; the best T from `least`
    to `most` counts. p_value: the share of as many random distances within the same limits that do
    as well.

    >>> periodicity([10, 20, 31])["period"]
    10.5
    """
    d, periods = np.sort(np.asarray(list(distances), float)), np.arange(least, most + 0.01, 0.1)
    if len(d) < 3:
        raise InputError(f"periodicity of {len(d)} distances: give three or more")
    wave = abs(np.exp(2j * np.pi * d / periods[:, None]).mean(1))
    random = np.random.default_rng(0).uniform(d[0], d[-1], (4000, 1, len(d)))
    other = abs(np.exp(2j * np.pi * random / periods[:, None]).mean(2)).max(1)
    return {
        "period": round(float(periods[wave.argmax()]), 1),
        "coherence": float(wave.max()),
        "p_value": float((1 + (other >= wave.max()).sum()) / 4001),
    }
