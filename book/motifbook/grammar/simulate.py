"""Sequences from a grammar: background, planted instances, and half of all turned over."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from motifbook.grammar.background import Background, cut_points, lanes, streams, uniforms
from motifbook.grammar.oracle import Oracle
from motifbook.grammar.schema import Grammar
from motiflib.batches import Examples
from motiflib.files import LENGTH, SEED, SEQUENCES, InputError, need, within, write_atomic
from motiflib.sequence import Record, decode, write_fasta

BLOCK = 2048  # sequences made at a time: what one block touches fits a cache
CHOICES, INSTANCES = 0, 64  # first word of each use in a sequence's random stream
WORDS_PER_INSTANCE = 32


class _Tables(NamedTuple):
    """The grammar as arrays: R arrangements, P planted at most, V gap values, M motifs."""

    cumulative: Tensor  # (R,) weights of class 0, then from 1 on those of class 1
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
    """What is planted where, before turning: arrangement row (B,), starts (B, P), turned (B,)."""

    row: Tensor
    start: Tensor
    turned: Tensor


def _tables(grammar: Grammar, length: int, device: str | torch.device) -> _Tables:
    negatives, names = grammar.arrangements(0), list(grammar.motifs)
    rows = negatives + grammar.arrangements(1)
    cumulative = np.cumsum([a.weight for a in rows])
    cumulative[[len(negatives) - 1, -1]] = 1, 2  # rounding never picks a row of another class
    planted = max(len(a.motifs) for a in rows)
    values = max((len(g) for a in rows for g in a.gaps), default=1)
    motif, gap_count = np.full((len(rows), planted), -1), np.ones((len(rows), planted), int)
    gap_value = np.zeros((len(rows), planted, values), int)
    low, count = np.zeros(len(rows), int), np.ones(len(rows), int)
    for r, a in enumerate(rows):
        for p, (name, strand) in enumerate(zip(a.motifs, a.strands, strict=True)):
            motif[r, p] = names.index(name) * 2 + (strand == "-")
        for p, gaps in enumerate(a.gaps):
            gap_count[r, p] = len(gaps)
            gap_value[r, p, : len(gaps)] = gaps
        first, last = grammar.starts(grammar.span(a), length)
        low[r], count[r] = first, last - first
    width = np.array([grammar.motifs[m].width for m in names])
    thresholds = np.full((len(names), width.max(), 3), 32768)
    for i, m in enumerate(names):
        thresholds[i, : width[i]] = cut_points(grammar.motifs[m].pfm.T)
    arrays = (cumulative, motif, gap_count, gap_value, low, count, width,
              thresholds.astype(np.int32))
    tensors = (torch.from_numpy(array).to(device) for array in arrays)
    return _Tables(*tensors, names, [a.component for a in rows])


def _plan(keys: Tensor, label: Tensor, t: _Tables) -> _Plan:
    planted = t.motif.shape[1]
    u = uniforms(keys, CHOICES, 3 + planted)  # (B, 3 + P)
    row = (label[:, None] + u[:, :1] >= t.cumulative).sum(1)
    start = torch.zeros((len(keys), planted + 1), dtype=torch.int64, device=keys.device)
    start[:, 0] = t.low[row] + (u[:, 1] * t.count[row]).long()
    for p in range(planted):
        which = (u[:, 3 + p] * t.gap_count[row, p]).long()
        width = t.width[t.motif[row, p].clamp(min=0) // 2]
        start[:, p + 1] = start[:, p] + width + t.gap_value[row, p, which]
    return _Plan(row, start[:, :planted], u[:, 2] < 0.5)


def _plant(codes: Tensor, keys: Tensor, plan: _Plan, t: _Tables) -> None:
    """Overwrite the background `codes` (B, L) with sampled instances."""
    widest = t.thresholds.shape[1]
    offset = torch.arange(widest, device=codes.device)
    for p in range(t.motif.shape[1]):
        motif = t.motif[plan.row, p]
        rows = (motif >= 0).nonzero()[:, 0]
        kind, minus = motif[rows] // 2, motif[rows, None] % 2 == 1
        u = lanes(keys[rows], INSTANCES + WORDS_PER_INSTANCE * p, widest)
        base = (u[:, :, None] >= t.thresholds[kind]).sum(2, dtype=torch.uint8)  # (R, W)
        base = torch.where(minus, 3 - base, base)
        width = t.width[kind][:, None]
        here = torch.where(minus, width - 1 - offset, offset)  # a minus instance runs backwards
        inside = offset < width
        at = rows[:, None] * codes.shape[1] + plan.start[rows, p][:, None] + here
        codes.view(-1)[at[inside]] = base[inside]


def _make(grammar: Grammar, n: int, length: int, gc: float, seed: int, first: int,
          background: np.ndarray | Sequence[str] | None, device: str | torch.device,
          dtype: torch.dtype) -> tuple[Tensor, Tensor, _Plan, _Tables]:
    """One-hot sequences and labels (B,), with what was planted, before turning."""
    if n < 1 or first < 0:
        raise InputError(f"n is {n} and first is {first}; expected n >= 1 and first >= 0")
    grammar.check_length(length)
    drawn, tables = Background(length, gc, background, device), _tables(grammar, length, device)
    label = 1 - (torch.arange(first, first + n, device=device) & 1)
    x, plans = torch.empty(n, 4, length, dtype=dtype, device=device), []
    block = BLOCK if torch.device(device).type == "cpu" else 32 * BLOCK
    for start in range(0, n, block):
        end = min(start + block, n)
        keys = streams(seed, first + start, end - start, device)
        plan, codes = _plan(keys, label[start:end], tables), drawn.draw(keys)
        _plant(codes, keys, plan, tables)
        rows = codes[plan.turned].flip(1)
        codes[plan.turned] = torch.where(rows < 4, 3 - rows, rows)  # N (4) stays N
        for base in range(4):
            x[start:end, base] = codes == base
        plans.append(plan)
    return x, label.float(), _Plan(*map(torch.cat, zip(*plans, strict=True))), tables


def simulate_batch(grammar: Grammar, n: int, length: int = 500, gc: float = 0.5, seed: int = 0,
                   device: str | torch.device = "cpu", *, first: int = 0,
                   background: np.ndarray | Sequence[str] | None = None,
                   ) -> tuple[Float[Tensor, "B 4 L"], Float[Tensor, " B"]]:
    """One-hot sequences and labels: numbers first .. first+n of `seed`, even ones positive, the
    same in every batch size and on every device. `background` and errors as in `simulate`.

    >>> from motifbook.grammar import load_grammar
    >>> simulate_batch(load_grammar("spi1"), 4)[1].tolist()
    [1.0, 0.0, 1.0, 0.0]
    """
    return _make(grammar, n, length, gc, seed, first, background, device, torch.float32)[:2]


class Simulated(NamedTuple):
    """Simulated sequences and `truth`, a row per planted instance: sequence (its name), start, end,
    motif, strand, component (the alternative, such as `E2F6+MAX`), row (of `x`)."""

    x: UInt8[Tensor, "B 4 L"]
    y: Float[Tensor, " B"]
    names: list[str]
    truth: pd.DataFrame

    def records(self) -> list[Record]:
        return [Record(*pair) for pair in zip(self.names, decode(self.x), strict=True)]


def simulate(grammar: Grammar, n: int, length: int = 500, gc: float = 0.5, seed: int = 0, *,
             first: int = 0, background: np.ndarray | Sequence[str] | None = None) -> Simulated:
    """Sequences with their truth, the very ones of `simulate_batch` with the same seed.

    `background` replaces independent bases of fraction `gc` by those of a Markov chain or of real
    sequences, see `Background`. Raises InputError when an arrangement is longer than the sequence.

    >>> from motifbook.grammar import load_grammar
    >>> simulate(load_grammar("rest"), 100, seed=1).truth.columns.tolist()
    ['sequence', 'start', 'end', 'motif', 'strand', 'component', 'row']
    """
    x, y, plan, tables = _make(grammar, n, length, gc, seed, first, background, "cpu", torch.uint8)
    names = [f"{'negative' if i % 2 else 'positive'}_{i}" for i in range(first, first + n)]
    truth = _truth(plan, tables, length)
    truth.insert(0, "sequence", np.array(names, dtype=object)[truth.row])
    return Simulated(x, y, names, truth)


def _truth(plan: _Plan, t: _Tables, length: int) -> pd.DataFrame:
    """Planted instances in the coordinates of the finished sequences."""
    motif = t.motif[plan.row]  # (B, P)
    row, p = (motif >= 0).nonzero(as_tuple=True)
    kind, turned = motif[row, p], plan.turned[row]
    start, width = plan.start[row, p], t.width[kind // 2]
    start = torch.where(turned, length - start - width, start).numpy()
    minus = (kind % 2 == 1) ^ turned
    table = pd.DataFrame({
        "start": start, "end": start + width.numpy(),
        "motif": np.array(t.names, dtype=object)[kind.numpy() // 2],
        "strand": np.where(minus, "-", "+").astype(object),
        "component": np.array(t.components, dtype=object)[plan.row[row].numpy()],
        "row": row.numpy(),
    })
    return table.sort_values(["row", "start"], ignore_index=True)


def write_simulation(grammar: Grammar, n: int, seed: int, length: int, out: str | Path) -> Path:
    """Simulate `n` sequences into the folder `out`: positives.fa and negatives.fa, half each,
    truth.bed with the instances of both, oracle.tsv (name, log_likelihood_ratio in nats).

    >>> from motifbook.grammar import load_grammar
    >>> write_simulation(load_grammar("rest"), 20, seed=1, length=200, out="rest").name
    'rest'
    """
    need(n >= 2, f"n is {n}; expected at least 2 sequences, one of each class")
    within("n", n, 0, SEQUENCES)
    within("length", length, 0, LENGTH)
    within("seed", seed, 0, SEED)
    out = Path(out)
    data = simulate(grammar, n, length, seed=seed)
    ratios = Oracle(grammar, length).log_likelihood_ratio(data.x).tolist()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: {error.strerror}; expected a folder that can be made") from None
    for i, name in enumerate(("positives.fa", "negatives.fa")):
        write_fasta(out / name, data.records()[i::2])
    bed = data.truth.assign(score=0)[["sequence", "start", "end", "motif", "score", "strand"]]
    write_atomic(out / "truth.bed", bed.to_csv(sep="\t", header=False, index=False))
    lines = [f"{name}\t{ratio:.6f}\n" for name, ratio in zip(data.names, ratios, strict=True)]
    write_atomic(out / "oracle.tsv", "name\tlog_likelihood_ratio\n" + "".join(lines))
    return out


class GrammarBatches:
    """Fresh sequences of a grammar at each step; none is ever seen twice or learnt by heart.

    >>> from motifbook.grammar import load_grammar
    >>> next(GrammarBatches(load_grammar("rest"), length=300).epoch(0))[0].shape
    torch.Size([128, 4, 300])
    """

    distinct = float("inf")

    def __init__(self, grammar: Grammar, *, length: int = 500, steps: int = 60, batch: int = 128,
                 seed: int = 0):
        self.grammar, self.length, self.steps, self.batch = grammar, length, steps, batch
        self.first = (seed + 1) * 10_000_019
        self.device: str | torch.device = "cpu"

    def place(self, device: torch.device) -> None:
        """Simulate there from now on, where it has float64: sequences do not depend on it."""
        self.device = "cpu" if device.type == "mps" else device

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        first = self.first + number * self.steps
        for seed in range(first, first + self.steps):
            yield self._draw(self.batch, seed)

    def sample(self, n: int, seed: int = 0) -> Examples:
        """`n` examples that training never sees: for seeding (seed 0), validation (1), test (2)."""
        return Examples(*self._draw(n, self.first - 1 - seed))

    def _draw(self, n: int, seed: int) -> tuple[Tensor, Tensor]:
        return simulate_batch(self.grammar, n, self.length, seed=seed, device=self.device)
