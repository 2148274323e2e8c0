"""Questions that single chapters ask of a network."""

from collections.abc import Iterable, Sequence
from itertools import combinations, product

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from scipy.stats import false_discovery_control, fisher_exact
from torch.nn.functional import one_hot

from motiflib.discovery import Found, channel_motifs
from motiflib.files import need
from motiflib.hits import Reader
from motiflib.model import Argminn, evaluating
from motiflib.syntax import name_key

X = Float[torch.Tensor, "N 4 L"]


def erase(x: X, spans: Sequence[Sequence[tuple[int, int]]]) -> X:
    """Copies in which the given stretches of each sequence are filled with bases drawn from that
    sequence, so the composition stays what it was on average. A list of half-open spans for each
    sequence; InputError if one lies outside."""
    need(len(spans) == len(x),
         f"{len(spans)} lists of spans for {len(x)} sequences: give one list each")
    generator, out, length = torch.Generator().manual_seed(0), x.clone(), x.shape[2]
    for row, cuts in enumerate(spans):
        for start, end in cuts:
            need(0 <= start <= end <= length,
                 f"span {start}-{end} of sequence {row} lies outside of 0-{length}")
            drawn = torch.randint(length, (end - start,), generator=generator)
            out[row, :, start:end] = x[row][:, drawn]
    return out


@torch.no_grad()
def attention_shares(model: Argminn, x: X, found: Found) -> tuple[torch.Tensor, list[str]]:
    """Attention (N, K, H, n) on all sites of each motif, and the n names, over which it sums to 1:
    the motifs', then "other", hits of filters that are no motif, and "nothing", the token."""
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


def attention_next(model: Argminn, x: X, found: Found) -> pd.DataFrame:
    """What a step picks after what the step before picked: columns step, motif, next; share, mean
    over sequences of (attention of step k on a motif) x (attention of step k + 1 on the next one),
    heads averaged; chance, the same if the steps looked at different sequences."""
    shares, names = attention_shares(model, x, found)
    mean = shares.mean(2)  # (N, K, n)
    rows = []
    for k in range(mean.shape[1] - 1):
        together = torch.einsum("bm,bn->mn", mean[:, k], mean[:, k + 1]) / len(mean)
        alone = torch.outer(mean[:, k].mean(0), mean[:, k + 1].mean(0))
        for (i, motif), (j, following) in product(enumerate(names), repeat=2):
            rows.append((k + 1, motif, following, float(together[i, j]), float(alone[i, j])))
    return pd.DataFrame(rows, columns=["step", "motif", "next", "share", "chance"])


def cooccurrence(calls: pd.DataFrame, sequences: int) -> pd.DataFrame:
    """Whether sequences that hold one motif hold another more or less often: columns motif_a,
    motif_b; with_a, with_b, together, sequences with each and with both; expected, with_a x with_b
    / `sequences`; p_value, Fisher's exact test, both sides, corrected for all pairs."""
    sets = {motif: set(mine.sequence) for motif, mine in calls.groupby("motif")}
    rows = []
    for a, b in combinations(sorted(sets, key=name_key), 2):
        n, m, k = len(sets[a]), len(sets[b]), len(sets[a] & sets[b])
        p = fisher_exact([[k, n - k], [m - k, sequences - n - m + k]])[1]
        rows.append((a, b, n, m, k, n * m / sequences, p))
    columns = "motif_a motif_b with_a with_b together expected p_value".split()
    out = pd.DataFrame(rows, columns=columns)
    return out.assign(p_value=false_discovery_control(out.p_value.to_numpy()))


def periodicity(distances: Iterable[float], *, least: float = 9.5, most: float = 11.5) -> dict:
    """Whether preferred distances, three or more, lie one turn of the double helix apart: the best
    period (bp) from `least` to `most`; coherence in [0, 1], |mean of exp(2 pi i d / period)|;
    p_value, the share of as many random distances within the same limits that do as well.

    >>> periodicity([10, 20, 31])["period"]
    10.5
    """
    d, periods = np.sort(np.asarray(list(distances), float)), np.arange(least, most + 0.01, 0.1)
    need(len(d) >= 3, f"periodicity of {len(d)} distances: give three or more")
    wave = abs(np.exp(2j * np.pi * d / periods[:, None]).mean(1))
    random = np.random.default_rng(0).uniform(d[0], d[-1], (4000, 1, len(d)))
    other = abs(np.exp(2j * np.pi * random / periods[:, None]).mean(2)).max(1)
    p_value = float((1 + (other >= wave.max()).sum()) / 4001)
    best = round(float(periods[wave.argmax()]), 1)
    return {"period": best, "coherence": float(wave.max()), "p_value": p_value}
