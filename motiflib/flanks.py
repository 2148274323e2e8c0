"""What stands around a k-mer: the rest of a motif that is wider than the k-mer itself.

Letters: K length of the k-mer, n its occurrences, V = K + 2 reach columns, W filter width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as tf
from jaxtyping import Bool, Float
from scipy.stats import chi2
from torch import Tensor

from motiflib.sequence import one_hot, reverse_complement

CHANCE = 1e-4  # p-value from which a column beside a k-mer is part of its motif
MOST = 2.0  # bits of log-odds that count, at most: few occurrences make them large
MATCH, MISS = 0.6, -0.15  # first weights of a k-mer's bases, and of the others
WEIGHT = 0.2  # first weight of a bit in the columns beside it


def occurrences(x: Float[Tensor, "N 4 L"], kmer: str, reach: int) -> Float[Tensor, "n 4 V"]:
    """The bases around each occurrence of a k-mer, on either strand, turned so that the k-mer reads forwards.

    Only occurrences with `reach` bases on both sides are taken, and those of a palindrome once.

    >>> occurrences(one_hot(["TTCACGTGTT"]), "CACGTG", 2).shape
    torch.Size([1, 4, 10])
    """
    parts, size = [], len(kmer) + 2 * reach
    for letters in dict.fromkeys((kmer, reverse_complement(kmer))):
        match = tf.conv1d(x.float(), one_hot([letters]))[:, 0, reach : x.shape[2] - len(kmer) - reach + 1]
        row, start = (match > len(kmer) - 0.5).nonzero(as_tuple=True)
        cut = x.float().unfold(2, size, 1)[row, :, start]  # (n, 4, V)
        parts.append(cut if letters == kmer else cut.flip(1, 2))
    return torch.cat(parts)


def conserved(around: Float[Tensor, "n 4 V"], k: int) -> tuple[Float[Tensor, "4 V"], Bool[Tensor, " V"]]:
    """Log-odds in bits of the bases around a k-mer, and which columns differ from the mean of all: the k-mer's do.

    With p the frequencies in a column and q those in all columns beside the k-mer (one count of q is added to p), the
    statistic is G = 2 n sum p ln(p / q): where a column is like the others, it has a chi-squared distribution with
    three degrees of freedom.

    >>> conserved(occurrences(x, "AGTGAT", 14), 6)[1].sum()
    tensor(9)
    """
    counts, reach = around.double().sum(0), (around.shape[2] - k) // 2
    beside = torch.ones(around.shape[2], dtype=torch.bool)
    beside[reach : reach + k] = False
    q = (counts[:, beside].sum(1, keepdim=True) + 1) / (counts[:, beside].sum() + 4)  # (4, 1)
    n = counts.sum(0).clamp(min=1)
    p = (counts + q) / (n + 1)
    g = 2 * n * (p * (p / q).log()).sum(0)
    return (p / q).log2().float(), (g > chi2.isf(CHANCE, 3)) | ~beside


def pattern(
    kmer: str, width: int, around: Float[Tensor, "n 4 V"] | None = None, *, match: float = MATCH, miss: float = MISS
) -> Float[Tensor, "4 W"]:  # fmt: skip
    """First weights of a filter for a k-mer, NaN where nothing is known.

    The k-mer stands in the middle, `match` on its base and `miss` on the others. With the occurrences `around` it
    (reach W - K), the middle is that of all conserved columns, as far as the k-mer stays inside, and those beside the
    k-mer get WEIGHT times their log-odds, less their mean.

    >>> pattern("CACGTG", 8).nan_to_num().argmax(0)
    """
    k, weights = len(kmer), torch.full((4, width), torch.nan)
    left = (width - k) // 2
    if around is not None:
        odds, good = conserved(around, k)
        columns, reach = good.nonzero()[:, 0], width - k
        first = round((int(columns[0]) + int(columns[-1]) + 1 - width) / 2)
        left = reach - min(max(first, 0), reach)
        odds = odds.clamp(-MOST, MOST)
        wide = torch.where(good, WEIGHT * (odds - odds.mean(0)), torch.nan)
        weights = wide[:, reach - left : reach - left + width]
    weights = weights.clone()
    weights[:, left : left + k] = miss + (match - miss) * one_hot([kmer])[0]
    return weights
