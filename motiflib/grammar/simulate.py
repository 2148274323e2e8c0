"""Sequences from a grammar, vectorised: background, planted instances, and half of all sequences turned over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from motiflib.grammar.rng import lanes, streams, uniforms
from motiflib.grammar.schema import Grammar
from motiflib.sequence import InputError

BLOCK = 2048  # sequences made at a time: what one block touches fits a cache
CHOICES, INSTANCES, BACKGROUND = 0, 64, 1024  # first word of each use in a sequence's random stream
WORDS_PER_INSTANCE = 32


class _Tables(NamedTuple):
    """The grammar as arrays. R rows (one per arrangement), P planted at most, V gap values, M motifs x 2 strands."""

    cumulative: Tensor  # (2, R) of class weights
    motif: Tensor  # (R, P) index of motif * 2 + (strand is -), or -1
    gap_count: Tensor  # (R, P)
    gap_value: Tensor  # (R, P, V) gap after motif p
    low: Tensor  # (R,) first start
    count: Tensor  # (R,) number of starts
    width: Tensor  # (M,)
    thresholds: Tensor  # (M, W, 3) int32 in the scale of `lanes`
    names: list[str]
    components: list[str]


class _Plan(NamedTuple):
    """What is planted where, before turning: per sequence y, arrangement row, starts (B, P), turned (B,)."""

    y: Tensor
    row: Tensor
    start: Tensor
    turned: Tensor


def cut_points(probabilities: np.ndarray) -> np.ndarray:
    """Thresholds (..., 3) on 16-bit lanes from probabilities (..., 4) of A, C, G, T; rounding is at most 2^-17."""
    return np.round(np.cumsum(probabilities, -1)[..., :3] * 65536).astype(np.int64) - 32768


def _tables(grammar: Grammar, length: int) -> _Tables:
    both = [grammar.arrangements(0), grammar.arrangements(1)]
    rows = both[0] + both[1]
    names = list(grammar.motifs)
    planted = max(len(a.motifs) for a in rows)
    values = max((len(g) for a in rows for g in a.gaps), default=1)
    motif = np.full((len(rows), planted), -1)
    gap_count, gap_value = np.ones((len(rows), planted), int), np.zeros((len(rows), planted, values), int)
    low, count = np.zeros(len(rows), int), np.ones(len(rows), int)
    for r, a in enumerate(rows):
        motif[r, : len(a.motifs)] = [names.index(m) * 2 + (s == "-") for m, s in zip(a.motifs, a.strands)]
        for p, gaps in enumerate(a.gaps):
            gap_count[r, p], gap_value[r, p, : len(gaps)] = len(gaps), gaps
        first, last = grammar.starts(grammar.span(a), length)
        low[r], count[r] = first, last - first
    cumulative = np.zeros((2, len(rows)))
    for label, start in ((0, 0), (1, len(both[0]))):
        weights = np.zeros(len(rows))
        weights[start : start + len(both[label])] = [a.weight for a in both[label]]
        cumulative[label] = np.cumsum(weights)
        cumulative[label, start + len(both[label]) - 1 :] = 2.0  # rounding never picks a row of another class
    width = np.array([grammar.motifs[m].width for m in names])
    thresholds = np.full((len(names), width.max(), 3), 32768)
    for i, m in enumerate(names):
        thresholds[i, : width[i]] = cut_points(grammar.motifs[m].pfm.T)
    arrays = (cumulative, motif, gap_count, gap_value, low, count, width, thresholds.astype(np.int32))
    return _Tables(*map(torch.from_numpy, arrays), names, [a.component for a in rows])


def _plan(keys: Tensor, label: Tensor, t: _Tables) -> _Plan:
    planted = t.motif.shape[1]
    u = uniforms(keys, CHOICES, 3 + planted)  # (B, 3 + P)
    row = (u[:, :1] >= t.cumulative[label]).sum(1)
    start = torch.full((len(keys), planted + 1), 0, dtype=torch.int64, device=keys.device)
    start[:, 0] = t.low[row] + (u[:, 1] * t.count[row]).long()
    for p in range(planted):
        gap = t.gap_value[row, p].gather(1, (u[:, 3 + p] * t.gap_count[row, p]).long()[:, None])[:, 0]
        start[:, p + 1] = start[:, p] + t.width[t.motif[row, p].clamp(min=0) // 2] + gap
    return _Plan(label, row, start[:, :planted], u[:, 2] < 0.5)


def _plant(codes: Tensor, keys: Tensor, plan: _Plan, t: _Tables) -> None:
    """Overwrite the background `codes` (B, L) with sampled instances."""
    widest = t.thresholds.shape[1]
    offset = torch.arange(widest, device=codes.device)
    for p in range(t.motif.shape[1]):
        motif = t.motif[plan.row, p]
        rows = (motif >= 0).nonzero()[:, 0]
        kind, minus = motif[rows] // 2, motif[rows] % 2 == 1
        u = lanes(keys[rows], INSTANCES + WORDS_PER_INSTANCE * p, widest)
        base = (u[:, :, None] >= t.thresholds[kind]).sum(2, dtype=torch.uint8)  # (R, W)
        width = t.width[kind][:, None]
        here = torch.where(minus[:, None], width - 1 - offset, offset)  # a minus instance is written backwards
        base = torch.where(minus[:, None], 3 - base, base)
        inside = offset < width
        at = (rows[:, None] * codes.shape[1] + plan.start[rows, p][:, None] + here)[inside]
        codes.view(-1)[at] = base[inside]


def _background(keys: Tensor, length: int, gc: float) -> Tensor:
    u = lanes(keys, BACKGROUND, length)
    cuts = cut_points(np.array([(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]))
    codes = torch.zeros(u.shape, dtype=torch.uint8, device=u.device)
    for cut in cuts.clip(-32767, 32767).tolist():
        codes += u >= cut
    return codes


def _turn(codes: Tensor, turned: Tensor) -> Tensor:
    """Reverse-complement the rows marked in `turned`."""
    codes[turned] = 3 - codes[turned].flip(1)
    return codes


def _check(grammar: Grammar, n: int, length: int, gc: float) -> None:
    if n < 1:
        raise InputError(f"n is {n}; expected at least 1 sequence")
    if not 0 < gc < 1:
        raise InputError(f"gc is {gc}; expected a fraction above 0 and below 1")
    if grammar.longest() > length:
        raise InputError(f"{grammar.source or grammar.name}: the longest arrangement has {grammar.longest()} bp; "
                         f"expected at most the sequence length, {length} bp")


def simulate_batch(
    grammar: Grammar, n: int, length: int = 500, gc: float = 0.5, seed: int = 0, device: str | torch.device = "cpu",
    *, first: int = 0,
) -> tuple[Float[Tensor, "B 4 L"], Float[Tensor, " B"]]:
    """One-hot sequences and labels for training; sequences first .. first+n of `seed`, even ones positive.

    The same seed and index give the same sequence in every batch size and on every device.

    >>> from motiflib.grammar import load_grammar
    >>> x, y = simulate_batch(load_grammar("spi1"), 4, length=200, seed=1)
    >>> x.shape, y.tolist()
    (torch.Size([4, 4, 200]), [1.0, 0.0, 1.0, 0.0])
    """
    _check(grammar, n, length, gc)
    tables = _Tables(*(t.to(device) if isinstance(t, Tensor) else t for t in _tables(grammar, length)))
    x = torch.empty(n, 4, length, device=device)
    y = torch.empty(n, device=device)
    block = BLOCK if torch.device(device).type == "cpu" else 65536
    for at in range(0, n, block):
        size = min(block, n - at)
        keys = streams(seed, first + at, size, device)
        label = 1 - (torch.arange(first + at, first + at + size, device=device) & 1)
        plan = _plan(keys, label, tables)
        codes = _background(keys, length, gc)
        _plant(codes, keys, plan, tables)
        codes = _turn(codes, plan.turned)
        for base in range(4):
            x[at : at + size, base] = codes == base
        y[at : at + size] = label
    return x, y
