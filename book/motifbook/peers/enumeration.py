"""A classical peer without any network: enriched words, widened to matrices and refined, one after
the other.

It stands where STREME (Bailey 2021) would: the same idea (count words in positives and negatives,
refine the best one to a matrix that separates the two sets, mask its sites, again), in a form that
needs no program besides this file.

Letters: N sequences, L length, k word length, w matrix width, T = L - w + 1 positions.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor

from motiflib.motif import Motif

MASK = 4  # the letter of N and of masked bases; words that hold it are not counted


def codes(x: Float[Tensor, "N 4 L"]) -> Int[np.ndarray, "N L"]:
    """One-hot to letters 0..3, and 4 where all four are zero.

    >>> codes(one_hot(["ACGTN"]))
    array([[0, 1, 2, 3, 4]])
    """
    return np.where(x.sum(1).numpy() > 0, x.argmax(1).numpy(), MASK)


def _words(letters: np.ndarray, k: int) -> np.ndarray:
    """(N, L - k + 1) number of the word that starts at each position, the smaller of both strands;
    -1 if masked."""
    windows = sliding_window_view(letters, k, axis=1)
    power = 4 ** np.arange(k - 1, -1, -1)
    forward = (windows * power).sum(-1)
    reverse = ((3 - windows) * power[::-1]).sum(-1)
    return np.where((windows == MASK).any(-1), -1, np.minimum(forward, reverse))


def _presence(words: np.ndarray, k: int) -> np.ndarray:
    """(4 ** k,) in how many sequences each word occurs at least once."""
    rows = np.sort(words, axis=1)
    first = np.ones_like(rows, dtype=bool)
    first[:, 1:] = rows[:, 1:] != rows[:, :-1]
    return np.bincount(rows[first & (rows >= 0)], minlength=4**k)


def z_scores(hits: np.ndarray, misses: np.ndarray, n_hits: int, n_misses: int) -> np.ndarray:
    """Two-proportion z statistic of ``hits`` out of ``n_hits`` against ``misses`` out of
    ``n_misses``.

    >>> z_scores(np.array([50]), np.array([50]), 100, 100)
    array([0.])
    """
    pooled = (hits + misses) / (n_hits + n_misses)
    spread = np.sqrt(np.maximum(pooled * (1 - pooled), 1e-9) * (1 / n_hits + 1 / n_misses))
    return (hits / n_hits - misses / n_misses) / spread


def best_word(positive: np.ndarray, negative: np.ndarray, lengths: tuple[int, ...] = (6, 7, 8)) -> tuple[str, float]:
    """The word most unevenly spread between the two sets, over all lengths and both strands, with
    its z."""
    best, score = "", 0.0
    for k in lengths:
        counts = [_presence(_words(letters, k), k) for letters in (positive, negative)]
        z = z_scores(*counts, len(positive), len(negative))
        top = int(np.abs(z).argmax())
        if abs(z[top]) > abs(score):
            best, score = "".join("ACGT"[top // 4**i % 4] for i in range(k - 1, -1, -1)), float(z[top])
    return best, score


def _match_scores(letters: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, T) scores of a (4, w) matrix on the forward and on the reverse strand; masked windows are
    -inf."""
    padded = np.vstack([weights, np.full(weights.shape[1], -np.inf)])  # (5, w)
    windows = letters.shape[1] - weights.shape[1] + 1
    forward, reverse = np.zeros((2, len(letters), windows))
    for i in range(weights.shape[1]):
        column = letters[:, i : i + windows]
        forward += padded[column, i]
        reverse += np.vstack([weights[::-1, ::-1], padded[-1:]])[column, i]
    return forward, reverse


def _threshold(positive: np.ndarray, negative: np.ndarray, sign: float) -> tuple[float, float]:
    """The cut of per-sequence best scores with the largest |z| between the sets, and that z."""
    cuts = np.unique(np.concatenate([positive, negative]))
    cuts = cuts[np.isfinite(cuts)][-4000:]
    above = [len(s) - np.searchsorted(np.sort(s), cuts) for s in (positive, negative)]
    z = sign * z_scores(*above, len(positive), len(negative))
    best = int(z.argmax())
    return float(cuts[best]), float(sign * z[best])


def _site_counts(letters: np.ndarray, scores: tuple[np.ndarray, np.ndarray], cut: float, width: int) -> np.ndarray:
    """(4, w) bases at every window that reaches ``cut``, turned to the strand that scores
    better."""
    forward, reverse = scores
    n, t = np.nonzero(np.maximum(forward, reverse) >= cut)
    sites = sliding_window_view(letters, width, axis=1)[n, t]
    flip = reverse[n, t] > forward[n, t]
    sites[flip] = np.where(sites[flip] == MASK, MASK, 3 - sites[flip])[:, ::-1]
    return np.stack([(sites == base).sum(0) for base in range(4)]).astype(float)


def _refine(
    positive: np.ndarray, negative: np.ndarray, weights: np.ndarray, sign: float
) -> tuple[np.ndarray, float, float, int]:
    """One round: threshold the matrix, count its sites in the set it belongs to, less those
    expected by chance."""
    both = [_match_scores(letters, weights) for letters in (positive, negative)]
    best = [np.maximum(*scores).max(1) for scores in both]
    cut, z = _threshold(*best, sign)
    width = weights.shape[1]
    counts = [_site_counts(letters, s, cut, width) for letters, s in zip((positive, negative), both, strict=True)]
    counts = [c / len(letters) for c, letters in zip(counts, (positive, negative), strict=True)]
    signal, chance = counts if sign > 0 else counts[::-1]
    size = len(positive if sign > 0 else negative)
    return np.maximum(signal - chance, 0) * size, cut, z, int((best[0 if sign > 0 else 1] >= cut).sum())


def _weights(counts: np.ndarray) -> np.ndarray:
    pfm = (counts + 1) / (counts + 1).sum(0, keepdims=True)
    return np.log2(pfm / 0.25)


def _seed(word: str, flank: int) -> np.ndarray:
    """(4, k + 2 flank) scores of a word: one mismatch costs less than the threshold search may give
    away."""
    weights = np.zeros((4, len(word) + 2 * flank))
    for i, base in enumerate(word):
        weights[:, flank + i] = -1.0
        weights["ACGT".index(base), flank + i] = 1.0
    return weights


def _mask(letters: np.ndarray, weights: np.ndarray, cut: float) -> np.ndarray:
    """The same letters with every site masked, but for its flat flanks: a partner may stand
    there."""
    forward, reverse = _match_scores(letters, weights)
    core = np.flatnonzero((2.0**weights * 0.25 * weights).sum(0) > 0.3)  # columns of over 0.3 bits
    masked = letters.copy()
    for scores, columns in ((forward, core), (reverse, weights.shape[1] - 1 - core)):
        n, t = np.nonzero(scores >= cut)
        for i in columns:
            masked[n, t + i] = MASK
    return masked


def _mask_word(letters: np.ndarray, word: str) -> np.ndarray:
    """The same letters with every copy of a word masked, on both strands: the search must move
    on."""
    k, number = len(word), 0
    for base in word:
        number = 4 * number + "ACGT".index(base)
    n, t = np.nonzero(_words(letters, k) == number)
    masked = letters.copy()
    for i in range(k):
        masked[n, t + i] = MASK
    return masked


def enriched_motifs(
    positives: Float[Tensor, "N 4 L"],
    negatives: Float[Tensor, "M 4 L"],
    *,
    lengths: tuple[int, ...] = (6, 7, 8),
    flank: int = 5,
    rounds: int = 4,
    max_motifs: int = 8,
    min_z: float = 6.0,
) -> list[Motif]:
    """Motifs by enumeration: the best word, widened and refined to a matrix, its sites masked,
    again.

    A word counts once per sequence, on either strand, and is judged by the two-proportion z of the
    sequences that hold it; so is a matrix, at the cut that separates the sets best. Counts expected
    from the other set are taken off before a matrix is made. It stops at ``max_motifs`` or when a
    word's |z| falls below ``min_z`` (chance alone, over the 43,000 words of 6 to 8 letters, reaches
    about 4.5). Words that mark the negatives are kept too (repressors).

    Motifs are named by their rank and sign (``+1``, ``-2``); ``sites`` counts sequences with a
    site; not trimmed.

    >>> enriched_motifs(x[y == 1], x[y == 0])[0].consensus
    """
    positive, negative = codes(positives), codes(negatives)
    motifs = []
    for rank in range(1, max_motifs + 1):
        word, z = best_word(positive, negative, lengths)
        if abs(z) < min_z:
            break
        sign = float(np.sign(z))
        weights = _seed(word, flank)
        for _ in range(rounds):
            counts, _, _, _ = _refine(positive, negative, weights, sign)
            weights = _weights(counts)
        _, cut, z, sites = _refine(positive, negative, weights, sign)
        pfm = 2.0**weights * 0.25
        motifs.append(Motif(f"{'+' if sign > 0 else '-'}{rank}", pfm, source="enumeration", sites=sites))
        positive, negative = (_mask_word(_mask(s, weights, cut), word) for s in (positive, negative))
    return motifs
