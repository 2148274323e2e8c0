"""Classical peers without any network. Where STREME (Bailey 2021) would stand: count words in
positives and negatives, refine the best one to a matrix that separates the two sets, mask its
sites, again. FIMO: every place whose bases match a matrix better than chance."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int, UInt8
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor

from motiflib.calling import matches, merge
from motiflib.motif import Motif
from motiflib.seeding import kmer_codes, kmer_letters
from motiflib.sequence import Record, codes_of, from_codes, one_hot

MASK = 4  # the code of N and of masked bases; words that hold it are not counted


def _words(codes: UInt8[np.ndarray, "N L"], k: int) -> Int[np.ndarray, "N L-k+1"]:
    return kmer_codes(from_codes(codes), k).numpy()


def _presence(words: np.ndarray, k: int) -> np.ndarray:
    """(4 ** k,) in how many sequences each word occurs at least once."""
    rows = np.sort(words, axis=1)
    first = np.ones_like(rows, dtype=bool)
    first[:, 1:] = rows[:, 1:] != rows[:, :-1]
    return np.bincount(rows[first & (rows >= 0)], minlength=4**k)


def z_scores(hits: np.ndarray, misses: np.ndarray, n_hits: int, n_misses: int) -> np.ndarray:
    """Two-proportion z statistic of `hits` out of `n_hits` against `misses` out of `n_misses`."""
    pooled = (hits + misses) / (n_hits + n_misses)
    spread = np.sqrt(np.maximum(pooled * (1 - pooled), 1e-9) * (1 / n_hits + 1 / n_misses))
    return (hits / n_hits - misses / n_misses) / spread


def best_word(positive: np.ndarray, negative: np.ndarray,
              lengths: tuple[int, ...] = (6, 7, 8)) -> tuple[str, float]:
    """The word most unevenly spread between two sets of codes, on both strands, with its z."""
    best, score = "", 0.0
    for k in lengths:
        counts = [_presence(_words(codes, k), k) for codes in (positive, negative)]
        z = z_scores(*counts, len(positive), len(negative))
        top = int(np.abs(z).argmax())
        if abs(z[top]) > abs(score):
            best, score = kmer_letters(top, k), float(z[top])
    return best, score


def _match_scores(codes: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, T) scores of a (4, w) matrix on either strand; masked windows are -inf."""
    masked = np.full((1, weights.shape[1]), -np.inf)
    strands = [np.vstack([w, masked]) for w in (weights, weights[::-1, ::-1])]  # (5, w) each
    windows = codes.shape[1] - weights.shape[1] + 1
    forward, reverse = np.zeros((2, len(codes), windows))
    for i in range(weights.shape[1]):
        column = codes[:, i : i + windows]
        forward += strands[0][column, i]
        reverse += strands[1][column, i]
    return forward, reverse


def _best_cut(mine: np.ndarray, other: np.ndarray) -> float:
    """The cut of per-sequence best scores with the largest z of one set against the other."""
    cuts = np.unique(np.concatenate([mine, other]))
    cuts = cuts[np.isfinite(cuts)][-4000:]
    above = [len(s) - np.searchsorted(np.sort(s), cuts) for s in (mine, other)]
    return float(cuts[z_scores(*above, len(mine), len(other)).argmax()])


def _site_counts(codes: np.ndarray, scores: tuple, cut: float) -> Float[np.ndarray, "4 w"]:
    """Bases at every window that reaches `cut`, turned to the strand that scores better."""
    forward, reverse = scores
    n, t = np.nonzero(np.maximum(forward, reverse) >= cut)
    sites = sliding_window_view(codes, codes.shape[1] - forward.shape[1] + 1, axis=1)[n, t]
    flip = reverse[n, t] > forward[n, t]
    sites[flip] = np.where(sites[flip] == MASK, MASK, 3 - sites[flip])[:, ::-1]
    return np.stack([(sites == base).sum(0) for base in range(4)]).astype(float)


def _refine(mine: np.ndarray, other: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """One round: sites of the matrix in the set it belongs to, less those expected by chance."""
    scores = [_match_scores(codes, weights) for codes in (mine, other)]
    cut = _best_cut(*(np.maximum(*strands).max(1) for strands in scores))
    signal = _site_counts(mine, scores[0], cut) / len(mine)
    chance = _site_counts(other, scores[1], cut) / len(other)
    counts = np.maximum(signal - chance, 0) * len(mine) + 1
    return np.log2(counts / counts.sum(0, keepdims=True) / 0.25)


def _mask(codes: np.ndarray, word: str, weights: np.ndarray, cut: float) -> np.ndarray:
    """The same codes with every copy of the word masked, and every site of its matrix but for the
    flat flanks: a partner may stand there."""
    forward, reverse = _match_scores(codes, weights)
    core = np.flatnonzero((2.0**weights * 0.25 * weights).sum(0) > 0.3)  # columns of over 0.3 bits
    masked = codes.copy()
    _hide(masked, forward >= cut, core)
    _hide(masked, reverse >= cut, weights.shape[1] - 1 - core)
    copies = _words(masked, len(word)) == _words(codes_of(one_hot([word])), len(word))
    _hide(masked, copies, range(len(word)))
    return masked


def _hide(codes: np.ndarray, windows: np.ndarray, columns: Iterable[int]) -> None:
    """Mask these columns of the windows, in place."""
    n, t = np.nonzero(windows)
    for i in columns:
        codes[n, t + i] = MASK


def enriched_motifs(positives: Float[Tensor, "N 4 L"], negatives: Float[Tensor, "M 4 L"], *,
                    max_motifs: int = 8, min_z: float = 6.0) -> list[Motif]:
    """Motifs by enumeration, named by their rank and sign (`+1`, `-2`: words that mark the
    negatives are kept too); `sites` counts sequences with a site; not trimmed.

    Words and matrices are judged by the z of the sequences that hold them. It stops at `max_motifs`
    or when a word's |z| falls below `min_z` (chance alone, over the 43,000 words of 6 to 8 letters,
    reaches about 4.5).

    >>> enriched_motifs(x[simulated.y == 1], x[simulated.y == 0], min_z=9)
    []
    """
    positive, negative = codes_of(positives), codes_of(negatives)
    motifs = []
    for rank in range(1, max_motifs + 1):
        word, z = best_word(positive, negative)
        if abs(z) < min_z:
            break
        mine, other = (positive, negative) if z > 0 else (negative, positive)
        # a mismatch costs less than the threshold search may give away; five flat columns beside
        weights = np.pad(2 * one_hot([word])[0].double().numpy() - 1, ((0, 0), (5, 5)))
        for _ in range(4):
            weights = _refine(mine, other, weights)
        best = [np.maximum(*_match_scores(codes, weights)).max(1) for codes in (mine, other)]
        cut = _best_cut(*best)
        name, sites = f"{'+' if z > 0 else '-'}{rank}", int((best[0] >= cut).sum())
        motifs.append(Motif(name, 2.0**weights * 0.25, source="enumeration", sites=sites))
        positive, negative = (_mask(codes, word, weights, cut) for codes in (positive, negative))
    return motifs


def fimo_calls(motifs: Sequence[Motif], records: Sequence[Record | tuple[str, str]],
               p_value: float = 1e-4) -> pd.DataFrame:
    """Matches of `motifs` in named sequences, by FIMO (Grant et al. 2011) in memelite; `p_value` is
    its own default. Columns: sequence, start, end, motif, score (-log10 of the p-value), strand,
    p_value. Bases are explained once, by the rule of the network's calls (`calling.merge`).
    """
    from memelite import fimo  # brings numba, which is slow to import

    names, letters = zip(*records, strict=True)
    matrices = {str(i): motif.pfm for i, motif in enumerate(motifs)}
    x = one_hot(letters).numpy().astype(np.int8)
    hits = pd.concat(fimo(matrices, x, threshold=p_value), ignore_index=True)
    row, number = hits.sequence_name.astype(int), hits.motif_name.astype(int)
    p = hits["p-value"].astype(float)
    calls = pd.DataFrame({
        "row": row, "sequence": np.array(names, dtype=object)[row],
        "start": hits.start.astype(int), "end": hits.end.astype(int), "motif": hits.motif_name,
        "score": -np.log10(p.clip(lower=1e-30)), "strand": hits.strand, "p_value": p,
        "activation": hits.score.astype(float), "offset": 0, "first": hits.start.astype(int),
    })
    numbered = [replace(motif, name=str(i)) for i, motif in enumerate(motifs)]
    calls["match"] = matches(numbered, torch.from_numpy(x).float(), calls)
    calls["motif"] = np.array([motif.name for motif in motifs], dtype=object)[number]
    calls = merge(calls).sort_values(["row", "start"])
    return calls[["sequence", "start", "end", "motif", "score", "strand", "p_value"]].reset_index(
        drop=True)
