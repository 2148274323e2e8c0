"""Background in which the scanner finds nothing and no forbidden word stands, of exactly the composition given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as tf
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from motiflib.discovery import Discovery, channel_motifs
from motiflib.evidence import cores
from motiflib.model import Argminn, MotifScanner
from motiflib.sequence import InputError, reverse_complement

EMPTY = 0.3  # of the highest activation that a filter can give: weaker windows count as empty
ROUNDS = 4  # for each base
FREE = 255  # code of a base that is not decided yet


def to_codes(sequence: str) -> UInt8[np.ndarray, " L"]:
    """Codes 0..3 of a sequence of ACGT."""
    return np.array(["ACGT".index(base) for base in sequence], dtype=np.uint8)


def tensor_of(codes: UInt8[np.ndarray, "n L"]) -> Float[Tensor, "n 4 L"]:
    """One-hot of codes."""
    return torch.from_numpy((codes[:, None] == np.arange(4, dtype=np.uint8)[:, None]).astype(np.float32))


def peaks(model: Argminn, found: Discovery) -> Float[Tensor, " C"]:
    """The highest activation that each channel can give; infinite for channels that read no motif."""
    weights, bias = (v.detach() for v in model.scanner.channels())
    top, mine = torch.full((model.config.channels,), torch.inf), list(channel_motifs(model, found).index)
    top[mine] = (weights.amax(1).sum(1) + bias)[mine].clamp(min=0)
    return top


def holes(
    scanner: MotifScanner, x: Float[Tensor, "n 4 L"], planned: Bool[np.ndarray, "n L"], limit: Float[Tensor, " C"]
) -> Bool[np.ndarray, "n L"]:
    """Bases of windows that are not empty and that no planned site explains (half of the window's core is planned)."""
    first, end = cores(scanner)
    width = scanner.filters.shape[2]
    core = ((torch.arange(width) >= first[:, None]) & (torch.arange(width) < end[:, None])).float()  # (C, W)
    covered = tf.conv1d(torch.from_numpy(planned[:, None].astype(np.float32)), core[:, None])  # (n, C, T)
    loud = (scanner(x) > limit[:, None]) & (2 * covered < core.sum(1)[:, None])
    spread = tf.conv_transpose1d(loud.float(), core[:, None], groups=len(core))  # (n, C, L)
    return (spread.sum(1) > 0).numpy()


def words_at(codes: UInt8[np.ndarray, "n L"], words: Sequence[np.ndarray]) -> Bool[np.ndarray, "n L"]:
    """Bases that are part of one of the words."""
    out = np.zeros(codes.shape, dtype=bool)
    for word in words:
        if len(word) <= codes.shape[1]:
            hit = (np.lib.stride_tricks.sliding_window_view(codes, len(word), axis=1) == word).all(2)
            for i in range(len(word)):
                out[:, i : i + hit.shape[1]] |= hit
    return out


def both_strands(words: Sequence[str]) -> list[np.ndarray]:
    """Codes of words and of their reverse complements."""
    return [to_codes(w) for w in dict.fromkeys([*words, *map(reverse_complement, words)])]


@torch.no_grad()
def empty(
    model: Argminn, found: Discovery, codes: UInt8[np.ndarray, "n L"], free: Bool[np.ndarray, "n L"],
    planned: Bool[np.ndarray, "n L"], *, forbid: Sequence[str] = (), seed: int = 0,
    strict: bool = True,
) -> tuple[UInt8[np.ndarray, "n L"], Bool[np.ndarray, " n"]]:  # fmt: skip
    """Exchange free bases of each sequence with each other until nothing is left to see: outside the planned sites no
    window above EMPTY of its filter's highest activation, no forbidden word on either strand. The composition stays.

    Returns the codes and a mask of the sequences in which it went well. Raises InputError, if `strict`, with the
    constraint that could not be met in more than half of them.

    >>> codes, solved = empty(run.model, run.found, codes, free, planned, forbid=["GAATTC"])
    """
    limit, words = EMPTY * peaks(model, found), both_strands(forbid)
    rng, tried, out = np.random.default_rng(seed), codes.copy(), codes.copy()
    fewest, todo = np.full(len(codes), codes.shape[1] + 1), np.arange(len(codes))
    bad = np.zeros(codes.shape, dtype=bool)
    for _ in range(ROUNDS * codes.shape[1]):
        wrong = words_at(tried[todo], words)
        now = (holes(model.scanner, tensor_of(tried[todo]), planned[todo], limit) & free[todo]) | wrong
        better = now.sum(1) <= fewest[todo]  # an exchange that makes it worse is taken back
        kept = todo[better]
        out[kept], bad[kept], fewest[kept] = tried[kept], now[better], now[better].sum(1)
        todo = todo[fewest[todo] > 0]
        if not len(todo):
            break
        for row in todo:
            here, everywhere = np.flatnonzero(bad[row] & free[row]), np.flatnonzero(free[row])
            tried[row] = out[row]
            here = rng.choice(here if len(here) else everywhere, min(2 + len(here) // 12, len(here)), replace=False)
            for a, b in zip(here, rng.choice(everywhere, len(here)), strict=True):
                tried[row, [a, b]] = tried[row, [b, a]]
    if not len(todo) or not strict or 2 * len(todo) <= len(codes) > 1:
        return out, fewest == 0
    wrong = words_at(out[todo], words)
    what = f"forbidden words {', '.join(forbid)}" if wrong.any() else "a background without motifs"
    raise InputError(f"{what}: not possible in {len(todo)} of {len(codes)} sequences with the bases that are left; "
                     "allow another gc, a greater length, or fewer words")  # fmt: skip
