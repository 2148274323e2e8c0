"""What stands around a k-mer: the rest of a motif that is wider than the k-mer itself.

Letters: K length of the k-mer, n its occurrences, V = K + 2 reach columns, W filter width.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import torch
import torch.nn.functional as tf
from jaxtyping import Bool, Float, Int
from scipy.stats import chi2
from torch import Tensor

from motiflib.batches import Examples
from motiflib.model import Argminn, ArgminnConfig, MotifScanner
from motiflib.sequence import BASES, decode, one_hot, reverse_complement, shuffle

CHANCE = 1e-4  # p-value from which a column beside a k-mer is part of its motif
MOST = 2.0  # bits of log-odds that count, at most: few occurrences make them large
MATCH, MISS = 0.6, -0.15  # first weights of a k-mer's bases, and of the others
WEIGHT = 0.2  # first weight of a bit in the columns beside it


def occurrences(x: Float[Tensor, "N 4 L"], kmer: str, reach: int) -> Float[Tensor, "n 4 V"]:
    """The bases around each occurrence of a k-mer, on either strand, turned so that the k-mer reads
    forwards.

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
    """Log-odds in bits of the bases around a k-mer, and how far each column differs from the
    others, 0 if by chance.

    With p the frequencies in a column and q those in all columns beside the k-mer (one count of q
    is added to p), the statistic is G = 2 n sum p ln(p / q): where a column is like the others, it
    has a chi-squared distribution with three degrees of freedom, and a value that CHANCE explains
    counts as 0.

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
    """Where a filter of width V - reach starts, so that it holds the k-mer and most of what is
    conserved, centred.

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

    The k-mer stands in the middle, `match` on its base and `miss` on the others. With the
    occurrences `around` it (reach W - K), it stands where `placed` says, and conserved columns
    beside it get WEIGHT times their log-odds, less their mean.

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
# Where filters start: at k-mers that stand out, so that training does not depend on luck.
K = 6  # length of a seed: short enough to be counted, long enough to stand out


def kmer_codes(x: Float[Tensor, "B 4 L"], k: int = K) -> Int[Tensor, "B T"]:
    """Strand-free number of the k-mer at each position: the smaller of its code and its mate's; -1
    at an N.

    >>> kmer_codes(one_hot(["ACGT", "TTTT"]), 2)
    tensor([[1, 6, 1], [0, 0, 0]])
    """
    forward = torch.arange(4.0, dtype=torch.float64)[:, None] * 4.0 ** torch.arange(k - 1, -1, -1)  # (4, k)
    both = tf.conv1d(x.double(), torch.stack([forward, forward.flip(0, 1)]))  # (B, 2, T)
    known = tf.avg_pool1d(x.double().sum(1), k, 1) > 1 - 0.5 / k
    return torch.where(known, both.amin(1).round().long(), -1)


def kmer_letters(code: int, k: int = K) -> str:
    """The k-mer of a code.

    >>> kmer_letters(6, 2)
    'CG'
    """
    return "".join(BASES[code // 4**i % 4] for i in range(k - 1, -1, -1))


def within_one(code: int, k: int = K) -> Bool[Tensor, " N"]:
    """Which of the N = 4^k k-mers differ from `code` in at most one base, on either strand."""
    letters = torch.arange(4**k)[:, None] // 4 ** torch.arange(k - 1, -1, -1) % 4  # (N, k)
    one, other = letters[code], 3 - letters[code].flip(0)
    return ((letters == one).sum(1) >= k - 1) | ((letters == other).sum(1) >= k - 1)


def z_scores(ours: Int[Tensor, ...], theirs: Int[Tensor, ...], k: int = K) -> Float[Tensor, " N"]:
    """How much more often each k-mer occurs in `ours`: (p - r n) / sqrt(r (p + n)), r the ratio of
    window numbers.

    The variance is that of two Poisson counts with one rate, which both counts together estimate:
    where r is not 1, the counts one by one would make much of words that the smaller class lacks by
    chance.
    """
    p, n = (torch.bincount(codes[codes >= 0], minlength=4**k).double() for codes in (ours, theirs))
    ratio = p.sum() / n.sum().clamp(min=1)
    return (p - ratio * n) / (ratio * (p + n)).clamp(min=1).sqrt()


def hide(codes: Int[Tensor, "B T"], code: int, k: int = K) -> Int[Tensor, "B T"]:
    """Mask each window within one mismatch of a k-mer, and all windows that share a base with
    one."""
    hit = (within_one(code, k)[codes.clamp(min=0)] & (codes >= 0)).float()
    return codes.masked_fill(tf.max_pool1d(hit, 2 * k - 1, 1, k - 1) > 0, -1)


def shifted(kmer: str, other: str, most: int = 2) -> bool:
    """Is one k-mer the other, moved by 1 to `most` bases, on either strand?

    >>> shifted("TAAACA", "AAACAT"), shifted("TAAACA", "AAAACA")
    (True, False)
    """
    pairs = [(a, b) for b in (other, reverse_complement(other)) for a, b in ((kmer, b), (b, kmer))]
    return any(a[move:] == b[:-move] for a, b in pairs for move in range(1, most + 1))


def enriched_kmers(
    data: Examples, *, most: int = 12, least: float = 4.5, seed: int = 0, middle: int | None = None
) -> pd.DataFrame:
    """K-mers to start filters at, the strongest first: columns kmer, z, against ("middle",
    "negatives", "shuffled").

    First those whose counts differ most between positives and negatives, of either sign: a motif
    that speaks against binding has a negative z. Then, as a motif may be as frequent in both
    classes and only its arrangement matter, those over-represented in all sequences against their
    dinucleotide shuffles. The best is taken and hidden, with what is within one mismatch of it, and
    again, until |z| < least. A k-mer that is an earlier one moved by a base or two is hidden too,
    but not kept: it is the same motif.

    Where peaks have summits, `middle` says how many bases around the middle are counted first:
    there the site of the protein stands out from what peaks share with their surroundings, such as
    the runs of A in yeast's promoters.

    >>> enriched_kmers(examples).head(1)
         kmer     z    against
    0  AGGAAG  88.1  negatives
    """
    codes, found = kmer_codes(data.x), []
    shuffled = kmer_codes(one_hot(shuffle(decode(data.x), seed=seed)))
    for against in ("negatives", "shuffled") if middle is None else ("middle", "negatives", "shuffled"):
        beside = max(0, codes.shape[1] - max(middle, K) + K - 1) // 2 if against == "middle" else 0
        while len(found) < most:
            if against == "shuffled":
                z = z_scores(codes, shuffled).clamp(min=0)
            else:
                some = codes[:, beside : codes.shape[1] - beside]
                z = z_scores(some[data.y > 0.5], some[data.y <= 0.5])
            best = int(z.abs().argmax())
            if z[best].abs() < least:
                break
            if not any(shifted(kmer_letters(best), kmer) for kmer, *_ in found):
                found.append((kmer_letters(best), round(float(z[best]), 1), against))
            codes, shuffled = hide(codes, best), hide(shuffled, best)
    return pd.DataFrame(found, columns=["kmer", "z", "against"])


@torch.no_grad()
def seed_filters(
    scanner: MotifScanner, kmers: list[str], around: list[Float[Tensor, "n 4 V"] | None] | None = None,
    *, match: float = MATCH, miss: float = MISS,
) -> None:  # fmt: skip
    """Write each k-mer into one filter, `match` on its base and `miss` on the others: see
    `flanks.pattern`.

    With `around`, what stands around each (`flanks.occurrences`, reach: width less the k-mer's
    length), filters also start with what is conserved there. Raises ValueError if there are more
    k-mers than filters, or a k-mer is longer than a filter.
    """
    count, _, width = scanner.filters.shape
    if len(kmers) > count or any(len(kmer) > width for kmer in kmers):
        raise ValueError(f"{len(kmers)} k-mers do not fit {count} filters of width {width}")
    for i, kmer in enumerate(kmers):
        weights = pattern(kmer, width, around[i] if around else None, match=match, miss=miss)
        scanner.filters[i] = torch.where(weights.isnan(), 0.1 * scanner.filters[i], weights)


def seeded(config: ArgminnConfig, data: Examples, *, seed: int = 0, middle: int | None = None) -> Argminn:
    """A new network with one filter for each enriched k-mer of `data` (`enriched_kmers`), at most
    `config.filters`.

    With `middle`, filters also start with what is conserved around the k-mers in the middle of the
    positives: a filter then has room for the whole of a motif of which the k-mer is one end. If no
    k-mer stands out, all filters start at random, as in the paper.

    >>> model = seeded(ArgminnConfig(), examples)
    """
    kmers = list(enriched_kmers(data, most=config.filters, seed=seed, middle=middle).kmer) if config.width >= K else []
    torch.manual_seed(seed)
    if not kmers:
        return Argminn(config)
    model, around = Argminn(replace(config, filters=len(kmers))), None
    if middle is not None:
        reach, length = config.width - K, data.x.shape[2]
        beside = max(0, (length - max(middle, K)) // 2 - reach)
        x = data.x[data.y > 0.5][:, :, beside : length - beside]
        around = [occurrences(x, kmer, reach) for kmer in kmers]
    seed_filters(model.scanner, kmers, around)
    return model
