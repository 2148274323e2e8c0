"""Where filters start: at k-mers that stand out, so that training does not depend on luck.

A motif may be wider than its k-mer: what is conserved around the k-mer's occurrences is the rest.
Letters: K length of a k-mer, n its occurrences, V = K + 2 reach columns, W filter width.
"""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import torch
import torch.nn.functional as tf
from jaxtyping import Float, Int
from scipy.stats import chi2
from torch import Tensor

from motiflib.batches import Examples
from motiflib.model import Argminn, ArgminnConfig, MotifScanner
from motiflib.sequence import PART, codes_of, from_codes, one_hot, reverse_complement, shuffle_codes

K = 6  # length of a seed: short enough to be counted, long enough to stand out
CHANCE = 1e-4  # p-value from which a column beside a k-mer is part of its motif
MATCH, MISS = 0.6, -0.15  # first weights of a k-mer's bases, and of the others
WEIGHT = 0.2  # first weight of a bit in the columns beside it


def in_parts(function: Callable[..., Tensor], rows: Tensor, *more: object) -> Tensor:
    """A function of rows, asked of some at a time."""
    return torch.cat([function(part, *more) for part in rows.split(PART)])


def kmer_codes(x: Float[Tensor, "B 4 L"], k: int = K) -> Int[Tensor, "B T"]:
    """Strand-free number of the k-mer at each position: the smaller of its code and that of its
    reverse complement; -1 at an N.

    >>> kmer_codes(one_hot(["ACGT", "TTTT"]), 2)
    tensor([[1, 6, 1],
            [0, 0, 0]])
    """
    powers = 4.0 ** torch.arange(k - 1, -1, -1)
    forward = torch.arange(4.0, dtype=torch.float64)[:, None] * powers  # (4, k)
    both = tf.conv1d(x.double(), torch.stack([forward, forward.flip(0, 1)]))  # (B, 2, T)
    known = tf.avg_pool1d(x.double().sum(1), k, 1) > 1 - 0.5 / k
    return torch.where(known, both.amin(1).round().long(), -1)


def kmer_letters(code: int, k: int = K) -> str:
    """The k-mer of a code."""
    return "".join("ACGT"[code // 4**place % 4] for place in reversed(range(k)))


def z_scores(ours: Int[Tensor, "*S"], theirs: Int[Tensor, "*T"]) -> Float[Tensor, " N"]:
    """How much more often each k-mer occurs in `ours`: (p - r n) / sqrt(r (p + n)), r the ratio of
    window numbers. The variance is that of two Poisson counts with one rate, which both estimate;
    each by itself would make much of words that the smaller class lacks by chance."""
    p, n = (torch.bincount(seen[seen >= 0], minlength=4**K).double() for seen in (ours, theirs))
    ratio = p.sum() / n.sum().clamp(min=1)
    return (p - ratio * n) / (ratio * (p + n)).clamp(min=1).sqrt()


def hide(codes: Int[Tensor, "B T"], code: int) -> Int[Tensor, "B T"]:
    """Mask each window within one mismatch of a k-mer, on either strand, and all that share a base
    with one."""
    letters = torch.arange(4**K)[:, None] // 4 ** torch.arange(K - 1, -1, -1) % 4  # (4^K, K)
    one, other = letters[code], 3 - letters[code].flip(0)
    near = ((letters == one).sum(1) >= K - 1) | ((letters == other).sum(1) >= K - 1)
    hit = (near[codes.clamp(min=0).long()] & (codes >= 0)).float()
    return codes.masked_fill(tf.max_pool1d(hit, 2 * K - 1, 1, K - 1) > 0, -1)


def shifted(kmer: str, other: str) -> bool:
    """Is one k-mer the other, moved by one or two bases, on either strand?"""
    turned = reverse_complement(other)
    pairs = [(kmer, other), (other, kmer), (kmer, turned), (turned, kmer)]
    return any(a[move:] == b[:-move] for a, b in pairs for move in (1, 2))


def enriched_kmers(data: Examples, *, most: int = 12, least: float = 4.5, seed: int = 0,
                   middle: int | None = None) -> pd.DataFrame:
    """K-mers to start filters at, the strongest first: columns kmer, z, against ("middle",
    "negatives", "shuffled").

    First those that differ most between positives and negatives (a motif that speaks against
    binding has a negative z), then those over-represented in all sequences against their shuffles,
    as classes may differ in the arrangement of a motif only. The best is taken and hidden, and
    again, until |z| < least; an earlier one, moved, is only hidden. Where peaks have summits, the
    `middle` bases are counted first, where the protein's site stands out from what peaks share.

    >>> enriched_kmers(Examples(x, torch.arange(40) < 20)).columns.tolist()
    ['kmer', 'z', 'against']
    """
    bases, found = in_parts(lambda x: torch.from_numpy(codes_of(x)), data.x), []
    codes = in_parts(lambda some: kmer_codes(from_codes(some)).short(), bases)
    shuffle_codes(bases.numpy(), seed=seed)  # in place
    shuffled = in_parts(lambda some: kmer_codes(from_codes(some)).short(), bases)
    length, bound = codes.shape[1], data.y > 0.5
    for against in ("middle", "negatives", "shuffled")[middle is None :]:
        beside = max(0, length - max(middle, K) + K - 1) // 2 if against == "middle" else 0
        while len(found) < most:
            if against == "shuffled":
                z = z_scores(codes, shuffled).clamp(min=0)
            else:
                some = codes[:, beside : length - beside]
                z = z_scores(some[bound], some[~bound])
            best = int(z.abs().argmax())
            if z[best].abs() < least:
                break
            if not any(shifted(kmer_letters(best), kmer) for kmer, *_ in found):
                found.append((kmer_letters(best), round(float(z[best]), 1), against))
            codes, shuffled = in_parts(hide, codes, best), in_parts(hide, shuffled, best)
    return pd.DataFrame(found, columns=["kmer", "z", "against"])


def occurrences(x: Float[Tensor, "N 4 L"], kmer: str, reach: int) -> Float[Tensor, "n 4 V"]:
    """The bases around each occurrence of a k-mer with `reach` bases on both sides, turned so that
    the k-mer reads forwards; a palindrome's once."""
    parts, size, last = [], len(kmer) + 2 * reach, x.shape[2] - len(kmer) - reach
    for letters in dict.fromkeys((kmer, reverse_complement(kmer))):
        match = tf.conv1d(x.float(), one_hot([letters]))[:, 0, reach : last + 1]
        row, start = (match > len(kmer) - 0.5).nonzero(as_tuple=True)
        cut = x.unfold(2, size, 1)[row, :, start].float()  # (n, 4, V)
        parts.append(cut if letters == kmer else reverse_complement(cut))
    return torch.cat(parts)


def conserved(around: Float[Tensor, "n 4 V"], k: int) -> tuple[Tensor, Tensor]:
    """Log-odds in bits of the bases around a k-mer (4, V), and how far each column differs from the
    others (V,), 0 where CHANCE explains it: G = 2 n sum p ln(p / q), p the frequencies in a column,
    q those in all columns beside the k-mer (one count of q is added to p); by chance, chi-squared
    with 3 degrees of freedom."""
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
    conserved, centred."""
    reach, columns = (len(g) - k) // 2, g.nonzero()[:, 0].tolist()
    width = reach + k
    total = g.unfold(0, width, 1).sum(1)  # (reach + 1,)
    best = (total >= total.max() * (1 - 1e-9)).nonzero()[:, 0].tolist()
    centre = (columns[0] + columns[-1] + 1 - width) / 2 if columns else reach / 2
    return min(best, key=lambda start: abs(start - centre))


def pattern(kmer: str, width: int, around: Tensor | None = None) -> Float[Tensor, "4 W"]:
    """First weights of a filter for a k-mer, NaN where nothing is known. The k-mer stands in the
    middle or, with its `occurrences` (reach W - K), where `placed` says; conserved columns beside
    it then get WEIGHT times their log-odds, less their mean."""
    k, weights = len(kmer), torch.full((4, width), torch.nan)
    left = (width - k) // 2
    if around is not None and len(around):
        odds, g = conserved(around, k)
        odds, first = odds.clamp(-2, 2), placed(g, k)  # few occurrences make odds large
        weights = torch.where(g > 0, WEIGHT * (odds - odds.mean(0)), torch.nan)
        weights, left = weights[:, first : first + width].clone(), width - k - first
    weights[:, left : left + k] = MISS + (MATCH - MISS) * one_hot([kmer])[0]
    return weights


@torch.no_grad()
def seed_filters(scanner: MotifScanner, kmers: list[str],
                 around: list[Tensor] | None = None) -> None:
    """Write each k-mer into one filter (`pattern`), with what stands `around` it where that is
    given; ValueError if there are more k-mers than filters, or one is longer than a filter."""
    count, _, width = scanner.filters.shape
    if len(kmers) > count or any(len(kmer) > width for kmer in kmers):
        raise ValueError(f"{len(kmers)} k-mers do not fit {count} filters of width {width}")
    for i, kmer in enumerate(kmers):
        weights = pattern(kmer, width, around[i] if around else None)
        scanner.filters[i] = torch.where(weights.isnan(), 0.1 * scanner.filters[i], weights)


def seeded(config: ArgminnConfig, data: Examples, *, seed: int = 0, middle: int | None = None,
           flanks: bool = True) -> Argminn:
    """A new network with one filter for each of the `enriched_kmers`, at most `config.filters`; if
    none stands out, all filters start at random, as in the paper. With `middle` and `flanks`,
    filters also start with what is conserved around the k-mers in the middle of the positives:
    there is room for a motif of which the k-mer is one end."""
    found = enriched_kmers(data, most=config.filters, seed=seed, middle=middle)
    kmers = list(found.kmer) if config.width >= K else []
    torch.manual_seed(seed)
    if not kmers:
        return Argminn(config)
    model, around = Argminn(replace(config, filters=len(kmers))), None
    if middle is not None and flanks:
        reach, length = config.width - K, data.x.shape[2]
        beside = max(0, (length - max(middle, K)) // 2 - reach)
        x = data.x[data.y > 0.5][:, :, beside : length - beside]
        around = [occurrences(x, kmer, reach) for kmer in kmers]
    seed_filters(model.scanner, kmers, around)
    return model
