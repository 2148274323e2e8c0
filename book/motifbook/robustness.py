"""The same motifs, base by base, in changed surroundings: what predictions and calls do then.
Negatives are changed in the same way as positives, so a change tells a classifier nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from motifbook.grammar import Simulated
from motifbook.grammar.background import Background, streams
from motifbook.peers.attribution import planted_mask
from motiflib.calling import THRESHOLD, call, overlaps
from motiflib.discovery import Found
from motiflib.files import need
from motiflib.run.known import jaspar
from motiflib.sequence import codes_of, from_codes
from motiflib.training import predict

# name of a context: {level: change}, a change being (sequences, seed) -> sequences
Contexts = Mapping[str, Mapping[str, Callable[[Simulated, int], Simulated]]]
BEFORE = "as trained"
DISTRACTORS = ("SP1", "NFYA", "NRF1", "YY1", "STAT1", "HNF4A", "CEBPA", "TP53")
# Rows: what follows A, C, G, T. Composition is uniform in "runs" and "alternating".
CHAINS = {
    "runs": 0.16 + 0.36 * np.eye(4),
    "alternating": 0.36 * np.roll(np.eye(4), 2, 1) + 0.16,
    "CpG-poor": np.array([[0.30, 0.18, 0.28, 0.24], [0.34, 0.28, 0.04, 0.34],
                          [0.28, 0.24, 0.28, 0.20], [0.20, 0.22, 0.28, 0.30]]),
}


def rebuilt(data: Simulated, codes: np.ndarray, by: int = 0) -> Simulated:
    """`data` with other bases, its instances `by` bp further on; those that left are not listed."""
    truth = data.truth.assign(start=data.truth.start + by, end=data.truth.end + by)
    inside = (truth.start >= 0) & (truth.end <= codes.shape[1])
    x = from_codes(codes).to(torch.uint8)
    return data._replace(x=x, truth=truth[inside].reset_index(drop=True))


def redraw(data: Simulated, seed: int = 0, *, gc: float = 0.5, background=None,
           length: int | None = None, by: int = 0) -> Simulated:
    """The same instances on a new background, as of `grammar.simulate`, `by` bp further on, in a
    sequence of `length` bp (middle on middle); InputError where one would leave the sequence."""
    truth, (n, _, before) = data.truth, data.x.shape
    length = length or before
    by += length // 2 - before // 2
    inside = (truth.start + by >= 0) & (truth.end + by <= length)
    need(inside.all(), f"{length} bp with instances moved by {by} bp: some leave it; choose less")
    codes = Background(length, gc, background).draw(streams(seed, 0, n)).numpy().copy()
    row, column = np.nonzero(planted_mask(truth, n, before))
    codes[row, column + by] = codes_of(data.x)[row, column]
    return rebuilt(data, codes, by)


def slide(data: Simulated, seed: int = 0, *, by: int = 1) -> Simulated:
    """An insertion (`by` > 0) or deletion at the left end: all else moves, the length stays."""
    old, length = codes_of(data.x), data.x.shape[2]
    new = Background(length).draw(streams(seed, 0, len(old))).numpy().copy()
    new[:, max(by, 0) : length + min(by, 0)] = old[:, max(-by, 0) : length - max(by, 0)]
    return rebuilt(data, new, by)


def turn_over(data: Simulated, seed: int = 0) -> Simulated:
    """The other strand of every sequence."""
    length, t = data.x.shape[2], data.truth
    strand = t.strand.map({"+": "-", "-": "+"})
    truth = t.assign(start=length - t.end, end=length - t.start, strand=strand)
    return data._replace(x=data.x.flip(1, 2), truth=truth)


def distract(data: Simulated, seed: int = 0, *, count: int = 4) -> Simulated:
    """`count` sampled instances of motifs that mean nothing here, anywhere but on the planted."""
    motifs = [jaspar(name) for name in DISTRACTORS]
    rng, codes = np.random.default_rng(seed), codes_of(data.x)
    taken = planted_mask(data.truth, *codes.shape)
    for letters, full in zip(codes, taken, strict=True):
        for m in rng.choice(len(motifs), count):
            motif = motifs[m] if rng.random() < 0.5 else motifs[m].reverse_complement()
            windows = np.lib.stride_tricks.sliding_window_view(full, motif.width)
            free = np.flatnonzero(~windows.any(1))
            if len(free):
                at = rng.choice(free)
                cut = motif.pfm.cumsum(0)[:3] < rng.random(motif.width)  # (3, w)
                letters[at : at + motif.width] = cut.sum(0)
                full[at : at + motif.width] = True
    return rebuilt(data, codes)


def standard_contexts(flanks: Mapping[str, Sequence[str]] | None = None) -> Contexts:
    """The changes that `context_sweep` knows; `flanks` are real sequences by name."""
    flanks = {name: list(sequences) for name, sequences in (flanks or {}).items()}
    moves, shifts = (-100, -50, -25, -10, 0, 10, 25, 50, 100), (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5)
    lengths = (300, 500, 750, 1000, 1500, 2000)
    out = {
        "gc": {f"{gc}": partial(redraw, gc=gc / 100) for gc in range(5, 100, 5)},
        "dinucleotide": {name: partial(redraw, background=c) for name, c in CHAINS.items()},
        "flanks": {name: partial(redraw, background=real) for name, real in flanks.items()},
        "position": {f"{by:+d}": partial(redraw, by=by) for by in moves},
        "distractors": {f"{count}": partial(distract, count=count) for count in (1, 2, 4, 8)},
        "shift": {f"{by:+d}": partial(slide, by=by) for by in shifts},
        "reverse complement": {"other strand": turn_over},
        "length": {f"{length}": partial(redraw, length=length) for length in lengths},
    }
    return {name: levels for name, levels in out.items() if levels}


def context_sweep(model: nn.Module | Callable[[Tensor], Tensor], data: Simulated,
                  contexts: Sequence[str] | Contexts, *, found: Found | None = None,
                  draws: int = 200, seed: int = 0) -> pd.DataFrame:
    """How a classifier, a network that gives logits or any function from x (N,4,L) to
    probabilities, does in changed surroundings: names out of `standard_contexts()`, or changes of
    your own. With `found`, the motifs of an ARGMINN, instances in the positives are called too.

    Columns: context ("as trained": before any change), level, measure, value, low, high (95%), n.
    Measures: accuracy, auroc, auprc; change, the median of a probability's; precision and recall of
    calls; kept, the share of calls that stay; agreement, Spearman's rho of the instances' scores.

    >>> table = context_sweep(lambda x: x[:, 1].mean(1), simulated, ["reverse complement"], draws=9)
    >>> table.level.unique().tolist()
    ['', 'other strand']
    """
    if not isinstance(contexts, Mapping):
        known = standard_contexts()
        unknown = [name for name in contexts if name not in known]
        need(not unknown, f"unknown context {unknown[:1]}: choose from {', '.join(known)}")
        contexts = {name: known[name] for name in contexts}
    before = Reading(model, data, found)
    rows = [(BEFORE, "", *row) for row in before.compare(before, draws, seed)]
    for context, levels in contexts.items():
        for level, change in levels.items():
            after = Reading(model, change(data, seed + 1), found)  # one seed for all levels
            rows += [(context, level, *row) for row in after.compare(before, draws, seed)]
    return pd.DataFrame(rows, columns="context level measure value low high n".split())


class Reading:
    """What a classifier says of sequences: probabilities, and calls on the planted instances."""

    def __init__(self, model, data: Simulated, found: Found | None):
        judge = partial(predict, model) if isinstance(model, nn.Module) else model
        self.p, self.y = np.asarray(judge(data.x.float()), float), data.y.numpy() > 0.5
        self.instances = None
        if found is not None:
            self.instances, self.calls = instance_scores(model, found, data)

    def compare(self, before: Reading, draws: int, seed: int) -> list[tuple]:
        weights = resampled(self.y, draws, seed)
        every = classified(self.y, self.p, weights)
        gap, rng = np.abs(self.p - before.p), np.random.default_rng(seed)
        drawn = gap[rng.integers(len(gap), size=(draws, len(gap)))]
        every["change"] = np.append(np.median(gap), np.median(drawn, 1))
        calling = self.instances is not None
        positives = called(self, before, weights[:, self.y]) if calling else {}
        rows = [(name, *interval(v), len(self.y)) for name, v in every.items()]
        return rows + [(name, *interval(v), int(self.y.sum())) for name, v in positives.items()]


def resampled(y: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """How often each sequence is drawn, (1 + draws, N), classes apart; first the sample itself."""
    rng, out = np.random.default_rng(seed), np.ones((1 + draws, len(y)))
    for label in (True, False):
        rows = np.flatnonzero(y == label)
        if len(rows):
            out[1:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), draws)
    return out


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """The first value, which is the estimate, and 95% of the others."""
    low, high = np.nan, np.nan
    if np.isfinite(values[1:]).any():
        low, high = np.nanquantile(values[1:], [0.025, 0.975])
    return float(values[0]), float(low), float(high)


def classified(y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Measures for each row of weights, from one sorting; ties of p are one step of the curve."""
    order = np.argsort(-p, kind="stable")
    last = np.append(np.flatnonzero(np.diff(p[order])), len(p) - 1)  # of each group of equal p
    w, positive = weights[:, order], y[order]
    hits, false = (np.cumsum(w * side, 1)[:, last] for side in (positive, ~positive))
    tpr, fpr = (np.pad(c / c[:, -1:], ((0, 0), (1, 0))) for c in (hits, false))
    return {
        "accuracy": (weights * ((p > 0.5) == y)).sum(1) / weights.sum(1),
        "auroc": (np.diff(fpr, axis=1) * (tpr[:, 1:] + tpr[:, :-1]) / 2).sum(1),
        "auprc": (np.diff(tpr, axis=1) * (hits / np.maximum(hits + false, 1e-12))).sum(1),
    }


def instance_scores(model, found: Found | None, data: Simulated) -> tuple[pd.DataFrame, np.ndarray]:
    """Best score of a call on each planted instance, or 0; (positives, 2): right calls, calls."""
    positive = data.y.numpy() > 0.5
    rows = np.flatnonzero(positive)
    names = [data.names[i] for i in rows]
    some = data._replace(x=data.x[rows], names=names)
    if found is None:
        calls = model(some)
    else:
        calls = call(model, found, some.records(), threshold=0, tile=data.x.shape[2])
    planted = data.truth[positive[data.truth.row]].reset_index(drop=True)
    pairs = overlaps(calls, planted)
    best = pairs.groupby("planted").score.max().reindex(planted.index, fill_value=0.0)
    planted = planted.assign(place=np.searchsorted(rows, planted.row), score=best.to_numpy())
    place = calls.sequence.map({name: i for i, name in enumerate(names)}).to_numpy(dtype=int)
    sure = (calls.score >= THRESHOLD).to_numpy()
    right = sure & np.isin(np.arange(len(calls)), pairs.call)
    counts = [np.bincount(place[kind], minlength=len(rows)) for kind in (right, sure)]
    return planted, np.stack(counts, 1)


def called(after: Reading, before: Reading, weights: np.ndarray) -> dict[str, np.ndarray]:
    each = weights[:, after.instances.place.to_numpy()]  # (1 + draws, instances)
    scores = [reading.instances.score.to_numpy() for reading in (before, after)]
    was, now = (score >= THRESHOLD for score in scores)
    right, total = (weights @ after.calls).T
    size = each.sum(1, keepdims=True)
    ranks = [rankdata(score) for score in scores]
    a, b = (rank - (each * rank).sum(1, keepdims=True) / size for rank in ranks)
    norm = np.sqrt((each * a * a).sum(1) * (each * b * b).sum(1))
    return {
        "precision": right / np.maximum(total, 1),
        "recall": each @ now / np.maximum(size[:, 0], 1),
        "kept": each @ (was & now) / np.maximum(each @ was, 1),
        "agreement": (each * a * b).sum(1) / np.maximum(norm, 1e-12),
    }


def kept_calls(model, found: Found | None, data: Simulated, *, surroundings=100) -> pd.DataFrame:
    """The planted instances of the positives, score, and kept, the share of `surroundings` new
    backgrounds in which each is called. Without `found`, `model` gives calls for `Simulated`."""
    first, _ = instance_scores(model, found, data)
    times = 0
    for seed in range(1, surroundings + 1):
        again, _ = instance_scores(model, found, redraw(data, seed))
        times = times + (again.score >= THRESHOLD)
    return first.drop(columns="place").assign(kept=times / surroundings)
