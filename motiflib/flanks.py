"""What stands around a k-mer: the rest of a motif that is wider than the k-mer itself.

Letters: K length of the k-mer, n its occurrences, V = K + 2 reach columns, W filter width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as tf
from jaxtyping import Float
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


def conserved(around: Float[Tensor, "n 4 V"], k: int) -> tuple[Float[Tensor, "4 V"], Float[Tensor, " V"]]:
    """Log-odds in bits of the bases around a k-mer, and how far each column differs from the others, 0 if by chance.

    With p the frequencies in a column and q those in all columns beside the k-mer (one count of q is added to p), the
    statistic is G = 2 n sum p ln(p / q): where a column is like the others, it has a chi-squared distribution with
    three degrees of freedom, and a value that CHANCE explains counts as 0.

    >>> (conserved(occurrences(x, "AGTGAT", 14), 6)[1] > 0).sum()
    tensor(9)
    """
    counts, reach = around.double().sum(0), (around.shape[2] - k) // 2
    beside = torch.ones(around.shape[2], dtype=torch.bool)
    beside[reach : reach + k] = False
    q = (counts[:, beside].sum(1, keepdim=True) + 1) / (counts[:, beside].sum() + 4)  # (4, 1)
    n = counts.sum(0).clamp(min=1)
    p = (counts + q) / (n + 1)
    g = 2 * n * (p * (p / q).log()).sum(0)
    return (p / q).log2().float(), torch.where((g > chi2.isf(CHANCE, 3)) | ~beside, g, 0)


def placed(g: Float[Tensor, " V"], k: int) -> int:
    """Where a filter of width V - reach starts, so that it holds the k-mer and most of what is conserved, centred.

    >>> placed(torch.tensor([0.0, 0, 9, 9, 0, 5, 0, 0]), 2)  # a filter of 5 columns, the k-mer in 3 and 4
    1
    """
    reach, columns = (len(g) - k) // 2, g.nonzero()[:, 0].tolist()
    width = reach + k
    total = g.unfold(0, width, 1).sum(1)  # (reach + 1,)
    best = (total >= total.max() * (1 - 1e-9)).nonzero()[:, 0].tolist()
    centre = (columns[0] + columns[-1] + 1 - width) / 2 if columns else reach / 2
    return min(best, key=lambda start: abs(start - centre))


def pattern(
    kmer: str, width: int, around: Float[Tensor, "n 4 V"] | None = None, *, match: float = MATCH, miss: float = MISS
) -> Float[Tensor, "4 W"]:  # fmt: skip
    """First weights of a filter for a k-mer, NaN where nothing is known.

    The k-mer stands in the middle, `match` on its base and `miss` on the others. With the occurrences `around` it
    (reach W - K), it stands where `placed` says, and conserved columns beside it get WEIGHT times their log-odds, less
    their mean.

    >>> pattern("CACGTG", 8).nan_to_num().argmax(0)
    """
    k, weights = len(kmer), torch.full((4, width), torch.nan)
    left = (width - k) // 2
    if around is not None and len(around):
        odds, g = conserved(around, k)
        first = placed(g, k)
        odds = odds.clamp(-MOST, MOST)
        weights = torch.where(g > 0, WEIGHT * (odds - odds.mean(0)), torch.nan)[:, first : first + width].clone()
        left = width - k - first
    weights[:, left : left + k] = miss + (match - miss) * one_hot([kmer])[0]
    return weights
