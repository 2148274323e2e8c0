"""Sequences from a grammar, vectorised: background, planted instances, and half of all sequences
turned over."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from motifbook.grammar.background import Background, Flanks, cut_points
from motifbook.grammar.rng import lanes, streams, uniforms
from motifbook.grammar.schema import Grammar
from motiflib.files import InputError
from motiflib.sequence import Record, decode

BLOCK = 2048  # sequences made at a time: what one block touches fits a cache
CHOICES, INSTANCES = 0, 64  # first word of each use in a sequence's random stream
WORDS_PER_INSTANCE = 32


class _Tables(NamedTuple):
    """The grammar as arrays. R rows (one per arrangement), P planted at most, V gap values, M
    motifs x 2 strands."""

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
    """What is planted where, before turning: per sequence y, arrangement row, starts (B, P), turned
    (B,)."""

    y: Tensor
    row: Tensor
    start: Tensor
    turned: Tensor


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
        motif[r, : len(a.motifs)] = [names.index(m) * 2 + (s == "-") for m, s in zip(a.motifs, a.strands, strict=True)]
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


def _turn(codes: Tensor, turned: Tensor) -> Tensor:
    """Reverse-complement the rows marked in `turned`; N (4) stays N."""
    rows = codes[turned].flip(1)
    codes[turned] = torch.where(rows < 4, 3 - rows, rows)
    return codes


class _Maker:
    """Makes blocks of sequences: what `simulate` and `simulate_batch` share."""

    def __init__(self, grammar: Grammar, n: int, length: int, gc: float, seed: int, first: int, background, device):
        if n < 1 or first < 0:
            raise InputError(f"n is {n} and first is {first}; expected at least 1 sequence, and first >= 0")
        if grammar.longest() > length:
            raise InputError(f"{grammar.source or grammar.name}: the longest arrangement has {grammar.longest()} bp; "
                             f"expected at most the sequence length, {length} bp")
        self.n, self.seed, self.first, self.device = n, seed, first, device
        self.background = Background(length, gc, background, device)
        self.tables = _Tables(*(t.to(device) if isinstance(t, Tensor) else t for t in _tables(grammar, length)))

    def blocks(self):
        """Yield (slice, codes (b, L) uint8, plan) block by block."""
        block = BLOCK if torch.device(self.device).type == "cpu" else 32 * BLOCK
        for at in range(0, self.n, block):
            end = min(at + block, self.n)
            keys = streams(self.seed, self.first + at, end - at, self.device)
            label = 1 - (torch.arange(self.first + at, self.first + end, device=self.device) & 1)
            plan = _plan(keys, label, self.tables)
            codes = self.background.draw(keys)
            _plant(codes, keys, plan, self.tables)
            yield slice(at, end), _turn(codes, plan.turned), plan


def simulate_batch(
    grammar: Grammar, n: int, length: int = 500, gc: float = 0.5, seed: int = 0, device: str | torch.device = "cpu",
    *, first: int = 0, background: np.ndarray | Flanks | None = None,
) -> tuple[Float[Tensor, "B 4 L"], Float[Tensor, " B"]]:
    """One-hot sequences and labels for training: sequences first .. first+n of `seed`, even ones
    positive.

    The same seed and index give the same sequence in every batch size and on every device.
    `background` is described under `simulate`. Raises InputError when an arrangement is longer than
    the sequence.

    >>> from motifbook.grammar import load_grammar
    >>> x, y = simulate_batch(load_grammar("spi1"), 4, length=200, seed=1)
    >>> x.shape, y.tolist()
    (torch.Size([4, 4, 200]), [1.0, 0.0, 1.0, 0.0])
    """
    x, y = torch.empty(n, 4, length, device=device), torch.empty(n, device=device)
    for rows, codes, plan in _Maker(grammar, n, length, gc, seed, first, background, device).blocks():
        for base in range(4):
            x[rows, base] = codes == base
        y[rows] = plan.y.to(y.dtype)
    return x, y


class Simulated(NamedTuple):
    """Simulated sequences and all that was planted: `x` one-hot (n, 4, L) uint8, `y` (n,) float32,
    `names`, `truth`.

    `truth` has a row per planted instance: sequence (its name), start, end (0-based, half-open),
    motif, strand, component (the alternative, such as `E2F6+MAX`), row (of `x`).
    """

    x: UInt8[Tensor, "B 4 L"]
    y: Float[Tensor, " B"]
    names: list[str]
    truth: pd.DataFrame

    def records(self) -> list[Record]:
        """The sequences as named strings."""
        return [Record(*pair) for pair in zip(self.names, decode(self.x), strict=True)]


def simulate(
    grammar: Grammar, n: int, length: int = 500, gc: float = 0.5, seed: int = 0, device: str | torch.device = "cpu",
    *, first: int = 0, background: np.ndarray | Flanks | None = None,
) -> Simulated:
    """Sequences with their truth, the very ones of `simulate_batch` with the same seed.

    `background` replaces independent bases of fraction `gc`: a (4, 4) matrix of transition
    probabilities (see `markov`) or a list of real sequences of at least `length` bp, whose windows
    become the flanks. Raises InputError when an arrangement is longer than the sequence.

    >>> from motifbook.grammar import load_grammar
    >>> simulate(load_grammar("rest"), 100, seed=1).truth.columns.tolist()
    ['sequence', 'start', 'end', 'motif', 'strand', 'component', 'row']
    """
    maker = _Maker(grammar, n, length, gc, seed, first, background, device)
    x, truth = torch.empty(n, 4, length, dtype=torch.uint8, device=device), []
    for rows, codes, plan in maker.blocks():
        x[rows] = codes[:, None] == torch.arange(4, device=device)[:, None]
        truth.append(_truth(plan, maker.tables, length, rows.start))
    y = 1.0 - ((first + torch.arange(n, device=device)) & 1)
    names = [f"{'positive' if index % 2 == 0 else 'negative'}_{index}" for index in range(first, first + n)]
    table = pd.concat(truth, ignore_index=True)
    table.insert(0, "sequence", np.array(names, dtype=object)[table["row"]])
    return Simulated(x, y, names, table)


def _truth(plan: _Plan, t: _Tables, length: int, offset: int) -> pd.DataFrame:
    """Planted instances of a block in the coordinates of the finished sequences."""
    motif = t.motif[plan.row]  # (B, P)
    row, p = (motif >= 0).nonzero(as_tuple=True)
    start, kind, turned = plan.start[row, p], motif[row, p] // 2, plan.turned[row]
    width = t.width[kind]
    start = torch.where(turned, length - start - width, start)
    minus = (motif[row, p] % 2 == 1) ^ turned
    start, width, row, kind, minus, which = (v.cpu().numpy() for v in (start, width, row, kind, minus, plan.row[row]))
    order = np.lexsort((start, row))
    table = pd.DataFrame({
        "start": start, "end": start + width, "motif": np.array(t.names, dtype=object)[kind],
        "strand": np.where(minus, "-", "+").astype(object),
        "component": np.array(t.components, dtype=object)[which], "row": row + offset,
    })
    return table.iloc[order]
