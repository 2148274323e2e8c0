"""Where filters start: at k-mers that tell positives from negatives, so that training does not depend on luck."""

from __future__ import annotations

import pandas as pd
import torch
import torch.nn.functional as tf
from jaxtyping import Float, Int
from torch import Tensor

from motiflib.model import MotifScanner

RATE = 4  # letters of the alphabet


def kmer_codes(x: Float[Tensor, "B 4 L"], k: int) -> Int[Tensor, "B T"]:
    """Strand-free number of the k-mer at each position: the smaller of its code and its mate's; -1 where an N is.

    >>> kmer_codes(one_hot(["ACGT", "TTTT"]), 2)
    tensor([[1, 6, 1], [0, 0, 0]])
    """
    place = RATE ** torch.arange(k - 1, -1, -1, dtype=torch.float64)  # (k,)
    letter = torch.arange(4, dtype=torch.float64)
    forward = letter[:, None] * place  # (4, k)
    kernel = torch.stack([forward, forward.flip(0, 1)])  # (2, 4, k): the code and that of the other strand
    both = tf.conv1d(x.double(), kernel)  # (B, 2, T)
    known = tf.avg_pool1d(x.double().sum(1, keepdim=True), k, 1)[:, 0] > 1 - 0.5 / k
    return torch.where(known, both.amin(1).round().long(), -1)


def kmer_letters(code: int, k: int) -> str:
    """The k-mer of a code: `kmer_letters(6, 2) == "CG"`."""
    return "".join("ACGT"[code // RATE**i % RATE] for i in range(k - 1, -1, -1))


def similar(k: int) -> Float[Tensor, "N N"]:
    """Which k-mers are within one mismatch of one another, on either strand (N = 4^k, True/False)."""
    letters = torch.arange(RATE**k)[:, None] // RATE ** torch.arange(k - 1, -1, -1) % RATE  # (N, k)
    one = tf.one_hot(letters, RATE).float().flatten(1)  # (N, 4k)
    other = tf.one_hot(3 - letters.flip(1), RATE).float().flatten(1)
    return torch.maximum(one @ one.T, one @ other.T) >= k - 1


def enriched_kmers(
    x: Float[Tensor, "B 4 L"], y: Float[Tensor, " B"], *, k: int = 6, most: int = 12, least: float = 4.0
) -> pd.DataFrame:
    """K-mers whose counts differ most between positives and negatives, one per motif: columns kmer, z.

    z = (p - n r) / sqrt((p + n r^2)), p and n the counts in positives and negatives, r the ratio of their
    windows. The k-mer with the largest |z| is taken, all windows within one mismatch of it are masked with
    3 bp to each side, and again, until |z| < least. A negative z is a motif that speaks against binding.

    >>> enriched_kmers(x, y).head(1)
         kmer     z
    0  AGGAAG  88.1
    """
    codes, near = kmer_codes(x, k), similar(k)
    found = []
    while len(found) < most:
        counts = [
            torch.bincount(codes[y == label][codes[y == label] >= 0], minlength=RATE**k).double() for label in (1, 0)
        ]
        ratio = counts[0].sum() / counts[1].sum().clamp(min=1)
        z = (counts[0] - ratio * counts[1]) / (counts[0] + ratio**2 * counts[1]).clamp(min=1).sqrt()
        best = int(z.abs().argmax())
        if not z[best].abs() >= least:
            break
        found.append((kmer_letters(best, k), round(float(z[best]), 1)))
        hit = (near[best][codes.clamp(min=0)] & (codes >= 0)).float()  # (B, T)
        codes = codes.masked_fill(tf.max_pool1d(hit[:, None], 7, 1, 3)[:, 0] > 0, -1)
    return pd.DataFrame(found, columns=["kmer", "z"])


@torch.no_grad()
def seed_filters(
    scanner: MotifScanner, kmers: list[str], *, match: float = 0.6, miss: float = -0.15, bias: float = 0.0
) -> None:
    """Write each k-mer into the middle of one filter (`match` on its base, `miss` on the others), in order.

    The other filters stay small and random. Raises ValueError if there are more k-mers than filters.
    """
    count, _, width = scanner.filters.shape
    if len(kmers) > count:
        raise ValueError(f"{len(kmers)} k-mers for {count} filters: give at most as many k-mers as filters")
    for i, kmer in enumerate(kmers):
        left = (width - len(kmer)) // 2
        letters = torch.tensor(["ACGT".index(base) for base in kmer])
        word = miss + (match - miss) * tf.one_hot(letters, 4).T.to(scanner.filters)  # (4, k)
        scanner.filters[i] *= 0.1
        scanner.filters[i, :, left : left + len(kmer)] = word
        scanner.bias[i] = bias
