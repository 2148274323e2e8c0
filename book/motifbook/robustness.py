"""The same motifs in changed surroundings: what predictions, calls and their scores do then.

A change takes simulated (or labelled) sequences with their truth and gives them back changed, the
motif instances base by base as they were. Negatives are changed in the same way as positives, so a
change tells a classifier nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from motifbook.grammar import Grammar, Simulated, simulate
from motifbook.grammar.background import Background
from motifbook.grammar.rng import streams
from motiflib.calling import THRESHOLD, call
from motiflib.discovery import Found
from motiflib.files import InputError
from motiflib.genome.fasta import Genome
from motiflib.motif import Motif, jaspar
from motiflib.training import predict

Change = Callable[[Simulated, int], Simulated]  # (sequences, seed) -> the same instances in other surroundings
COLUMNS = ["context", "level", "measure", "value", "low", "high", "n"]
BEFORE = "as trained"
DISTRACTORS = ("SP1", "NFYA", "NRF1", "YY1", "STAT1", "HNF4A", "CEBPA", "TP53")
# Rows: what follows A, C, G, T. Composition is uniform in "runs" and "alternating".
CHAINS = {
    "runs": 0.16 + 0.36 * np.eye(4),
    "alternating": 0.36 * np.roll(np.eye(4), 2, 1) + 0.16,
    "CpG-poor": np.array([[0.30, 0.18, 0.28, 0.24], [0.34, 0.28, 0.04, 0.34], [0.28, 0.24, 0.28, 0.20],
                          [0.20, 0.22, 0.28, 0.30]]),
}  # fmt: skip


def codes_of(x: Tensor) -> Tensor:
    """Base codes (n, L), 0..3 for ACGT and 4 for N, of one-hot x."""
    return torch.where(x.sum(1) > 0, x.argmax(1), 4).to(torch.uint8)


def rebuilt(data: Simulated, codes: Tensor, truth: pd.DataFrame) -> Simulated:
    """`data` with other bases and other places of its instances."""
    x = (codes[:, None] == torch.arange(4, dtype=torch.uint8)[:, None]).to(torch.uint8)
    inside = (truth.start >= 0) & (truth.end <= codes.shape[1])
    return Simulated(x, data.y, data.names, truth[inside].reset_index(drop=True))


def redraw(
    data: Simulated, seed: int = 0, *, gc: float = 0.5, background=None, length: int | None = None, by: int = 0
) -> Simulated:
    """The same instances on a new background, `by` bp further on, in a sequence of `length` bp
    (middle on middle).

    `gc` and `background` are those of `grammar.simulate`: a fraction, a (4, 4) matrix of
    transitions, real sequences. Raises InputError where an instance would leave the sequence.

    >>> redraw(simulate(load_grammar("rest"), 100), gc=0.3).truth.motif[0]
    'left'
    """
    old, truth = codes_of(data.x), data.truth
    length = length or old.shape[1]
    shift = length // 2 - old.shape[1] // 2 + by
    if len(truth) and (truth.start.min() + shift < 0 or truth.end.max() + shift > length):
        raise InputError(f"{length} bp with instances moved by {by} bp: some would leave the sequence; choose less")
    new = Background(length, gc, background).draw(streams(seed, 0, len(old))).clone()
    width = (truth.end - truth.start).to_numpy()
    row = np.repeat(truth.row.to_numpy(), width)
    inside = np.concatenate([np.arange(w) for w in width]) if len(width) else width
    column = np.repeat(truth.start.to_numpy(), width) + inside
    new[row, column + shift] = old[row, column]
    return rebuilt(data, new, truth.assign(start=truth.start + shift, end=truth.end + shift))


def slide(data: Simulated, seed: int = 0, *, by: int = 1) -> Simulated:
    """An insertion (`by` > 0) or deletion at the left end: all else moves by `by` bp, the length
    stays.

    >>> slide(data, by=-3)
    """
    old = codes_of(data.x)
    length = old.shape[1]
    new = Background(length).draw(streams(seed, 0, len(old))).clone()
    new[:, max(by, 0) : length + min(by, 0)] = old[:, max(-by, 0) : length - max(by, 0)]
    return rebuilt(data, new, data.truth.assign(start=data.truth.start + by, end=data.truth.end + by))


def turn_over(data: Simulated, seed: int = 0) -> Simulated:
    """The other strand of every sequence.

    >>> turn_over(turn_over(data)).truth.equals(data.truth)
    True
    """
    length, t = data.x.shape[2], data.truth
    flip = t.strand.map({"+": "-", "-": "+"})
    return data._replace(x=data.x.flip(1, 2), truth=t.assign(start=length - t.end, end=length - t.start, strand=flip))


def distract(data: Simulated, seed: int = 0, *, count: int = 4, motifs: Sequence[Motif] | None = None) -> Simulated:
    """`count` sampled instances of motifs that mean nothing here, anywhere but on the planted ones.

    By default, motifs of eight well known factors from JASPAR; take out those that the classifier
    has learnt.

    >>> distract(data, count=2, motifs=[jaspar("SP1")])
    """
    motifs = list(motifs or map(jaspar, DISTRACTORS))
    rng, codes = np.random.default_rng(seed), codes_of(data.x).numpy()
    taken = np.zeros(codes.shape, dtype=bool)
    for row, start, end in zip(data.truth.row, data.truth.start, data.truth.end, strict=True):
        taken[row, start:end] = True
    for row in range(len(codes)):
        for m in rng.choice(len(motifs), count):
            motif = motifs[m] if rng.random() < 0.5 else motifs[m].reverse_complement()
            free = np.flatnonzero(~np.lib.stride_tricks.sliding_window_view(taken[row], motif.width).any(1))
            if len(free):
                at = rng.choice(free)
                cut = motif.pfm.cumsum(0)[:3] < rng.random(motif.width)  # (3, w)
                codes[row, at : at + motif.width] = cut.sum(0)
                taken[row, at : at + motif.width] = True
    return rebuilt(data, torch.from_numpy(codes), data.truth)


def standard_contexts(flanks: Mapping[str, Sequence[str]] | None = None) -> dict[str, dict[str, Change]]:
    """The changes that `context_sweep` knows: {context: {level: change}}; `flanks` are real
    sequences by name.

    gc 5% to 95% in steps of 5; dinucleotide structure; real flanks; position of the motifs from
    where they were; distractor motifs; shift by an insertion or deletion; the other strand; length
    of the sequence.

    >>> list(standard_contexts())
    ['gc', 'dinucleotide', 'position', 'distractors', 'shift', 'reverse complement', 'length']
    """
    out: dict[str, dict[str, Change]] = {
        "gc": {f"{gc}": partial(redraw, gc=gc / 100) for gc in range(5, 100, 5)},
        "dinucleotide": {name: partial(redraw, background=chain) for name, chain in CHAINS.items()},
        "flanks": {name: partial(redraw, background=list(source)) for name, source in (flanks or {}).items()},
        "position": {f"{by:+d}": partial(redraw, by=by) for by in (-100, -50, -25, -10, 0, 10, 25, 50, 100)},
        "distractors": {f"{count}": partial(distract, count=count) for count in (1, 2, 4, 8)},
        "shift": {f"{by:+d}": partial(slide, by=by) for by in (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5)},
        "reverse complement": {"other strand": turn_over},
        "length": {f"{n}": partial(redraw, length=n) for n in (300, 500, 750, 1000, 1500, 2000)},
    }
    return {name: levels for name, levels in out.items() if levels}


def context_sweep(
    model: nn.Module | Callable[[Tensor], Tensor], source: Grammar | Simulated,
    contexts: Iterable[str] | Mapping[str, Mapping[str, Change]] | None = None, *, found: Found | None = None,
    flanks: Mapping[str, Sequence[str]] | None = None, n: int = 1000, length: int = 500, threshold: float = THRESHOLD,
    draws: int = 200, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """How a classifier does when the surroundings of the same motif instances change: a row a
    context, level, measure.

    `model` is a network that gives logits, or any function from x (N,4,L) to probabilities.
    `source` is a grammar (`n` sequences of `length` bp are drawn) or sequences with labels and
    truth. `contexts`: names out of `standard_contexts(flanks)` (all by default;
    `genome.random_windows` makes flanks), or changes of your own. With `found`, the motifs of an
    ARGMINN, instances in the positives are called too (`threshold` of the score).

    Columns: context, level, measure, value, low, high (95%, bootstrap over sequences), n. Measures:
    accuracy, auroc, auprc; change, the median change of a sequence's probability; precision and
    recall of calls; kept, the share of instances called before that still are; agreement,
    Spearman's rank correlation of the instances' scores before and after. The context "as trained"
    holds the sequences before any change.

    >>> context_sweep(model, load_grammar("rest"), ["gc"]).query("measure == 'auroc'").value.min()
    0.94
    """
    known = contexts if isinstance(contexts, Mapping) else standard_contexts(flanks)
    chosen = list(known if contexts is None else contexts)
    if unknown := [name for name in chosen if name not in known]:
        known = ["flanks (give flanks={name: sequences})", *known] if unknown[0] == "flanks" else known
        raise InputError(f"unknown context {unknown[0]!r}: choose from {', '.join(known)}")
    data = simulate(source, n, length, seed=seed) if isinstance(source, Grammar) else source
    before, rows = Reading(model, data, found, threshold), []
    rows += [(BEFORE, "", *row) for row in before.compare(before, draws, seed)]
    for context in chosen:
        for level, change in known[context].items():
            after = Reading(model, change(data, seed + 1), found, threshold)  # one seed: levels differ in nothing else
            rows += [(context, level, *row) for row in after.compare(before, draws, seed)]
    return pd.DataFrame(rows, columns=COLUMNS)


class Reading:
    """What a classifier says of sequences: p (N,), and for calls a row a planted instance and the
    counts of calls."""

    def __init__(self, model, data: Simulated, found: Found | None, threshold: float):
        p = predict(model, data.x.float()) if isinstance(model, nn.Module) else model(data.x.float())
        self.p, self.y = np.asarray(p, dtype=float), data.y.numpy() > 0.5
        self.instances = None
        if found is not None:
            self.threshold = threshold
            self.instances, self.calls = instance_scores(model, found, data, threshold)

    def compare(self, before: Reading, draws: int, seed: int) -> list[tuple[str, float, float, float, int]]:
        """Rows (measure, value, low, high, n)."""
        weights = resampled(self.y, draws, seed)
        rows = {**classified(self.y, self.p, weights), "change": median_change(self.p, before.p, draws, seed)}
        if self.instances is not None:
            rows |= called(self, before, weights[:, self.y])
        n = int(self.y.sum())
        of = {"precision": n, "recall": n, "kept": n, "agreement": n}
        return [(name, *interval(values), of.get(name, len(self.y))) for name, values in rows.items()]


def resampled(y: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """How often each sequence is drawn, (1 + draws, N), classes apart; the first row is all ones,
    the sample itself."""
    rng, out = np.random.default_rng(seed), np.ones((1 + draws, len(y)))
    for label in (True, False):
        rows = np.flatnonzero(y == label)
        if len(rows):
            out[1:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=draws)
    return out


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """The first value, which is the estimate, and 95% of the others."""
    low, high = np.nanquantile(values[1:], [0.025, 0.975]) if np.isfinite(values[1:]).any() else (np.nan, np.nan)
    return float(values[0]), float(low), float(high)


def classified(y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Accuracy, AUROC and AUPRC for each row of weights, from one sorting; ties of p are one step
    of the curve."""
    order = np.argsort(-p, kind="stable")
    last = np.append(np.flatnonzero(np.diff(p[order])), len(p) - 1)  # of each group of equal p
    w, positive = weights[:, order], y[order]
    hits, false = (np.cumsum(w * side, 1)[:, last] for side in (positive, ~positive))
    tpr, fpr = (np.pad(c / c[:, -1:], ((0, 0), (1, 0))) for c in (hits, false))
    precision = hits / np.maximum(hits + false, 1e-12)
    return {
        "accuracy": (weights * ((p > 0.5) == y)).sum(1) / weights.sum(1),
        "auroc": (np.diff(fpr, axis=1) * (tpr[:, 1:] + tpr[:, :-1]) / 2).sum(1),
        "auprc": (np.diff(tpr, axis=1) * precision).sum(1),
    }


def median_change(p: np.ndarray, before: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Median of |p - before|, then of `draws` resamples."""
    gap, rng = np.abs(p - before), np.random.default_rng(seed)
    return np.append(np.median(gap), np.median(gap[rng.integers(len(gap), size=(draws, len(gap)))], 1))


def instance_scores(
    model, found: Found | None, data: Simulated, threshold: float
) -> tuple[pd.DataFrame, np.ndarray]:
    """The best score of a call on each planted instance of the positives, and (positives, 2): right
    calls, calls.

    A call is on an instance if they share half of the shorter one's bases; its score is 0 where
    there is no call.
    """
    rows = np.flatnonzero(data.y.numpy() > 0.5)
    some = data._replace(x=data.x[rows], names=[data.names[i] for i in rows])
    calls = model(some) if found is None else call(model, found, some.records(), threshold=0, tile=data.x.shape[2])
    calls = calls.reset_index(names="call")
    place = np.full(len(data.y), -1)
    place[rows] = np.arange(len(rows))
    planted = data.truth[data.y.numpy()[data.truth.row] > 0.5].reset_index(drop=True).reset_index(names="instance")
    both = planted.merge(calls, on="sequence", suffixes=("", "_called"))
    overlap = np.minimum(both.end, both.end_called) - np.maximum(both.start, both.start_called)
    shorter = np.minimum(both.end - both.start, both.end_called - both.start_called)
    both = both[2 * overlap >= shorter]
    best = both.groupby("instance").score.max().reindex(planted.instance, fill_value=0.0).to_numpy()
    sure = calls[calls.score >= threshold]
    row = place[sure.sequence.map({name: i for i, name in enumerate(data.names)}).to_numpy(dtype=int)]
    counts = np.stack([np.bincount(row[sure.call.isin(both.call)], minlength=len(rows)),
                       np.bincount(row, minlength=len(rows))], 1)  # fmt: skip
    return planted.assign(score=best, place=place[planted.row]), counts


def called(after: Reading, before: Reading, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Precision, recall, kept and agreement for each row of weights (1 + draws, positives)."""
    now, then = after.instances, before.instances
    each = weights[:, now.place.to_numpy()]  # (1 + draws, instances)
    was, is_ = (t.score.to_numpy() >= after.threshold for t in (then, now))
    right, total = weights @ after.calls[:, 0], weights @ after.calls[:, 1]
    a, b = (rankdata(t.score) for t in (then, now))
    mean = each.sum(1, keepdims=True)
    a, b = (v - (each * v).sum(1, keepdims=True) / mean for v in (a, b))
    norm = np.sqrt((each * a * a).sum(1) * (each * b * b).sum(1))
    return {
        "precision": right / np.maximum(total, 1), "recall": each @ is_ / np.maximum(mean[:, 0], 1),
        "kept": each @ (was & is_) / np.maximum(each @ was, 1),
        "agreement": (each * a * b).sum(1) / np.maximum(norm, 1e-12),
    }  # fmt: skip


def kept_calls(
    model, found: Found | None, data: Simulated, *, surroundings: int = 100, threshold: float = THRESHOLD,
    seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """The planted instances of the positives in `surroundings` new backgrounds each: the share in
    which each is called.

    Without `found`, `model` is any function from sequences (`Simulated`) to a table of calls: how
    the oracle is asked. Columns: those of the truth; score, in the sequence as it was; kept, the
    share.

    >>> kept_calls(model, found, simulate(grammar, 20)).query("score >= 0.5").kept.mean()
    0.98
    """
    first, _ = instance_scores(model, found, data, threshold)
    share = sum(instance_scores(model, found, redraw(data, seed + 1 + i), threshold)[0].score >= threshold
                for i in range(surroundings))  # fmt: skip
    return first.drop(columns=["instance", "place"]).assign(kept=share / surroundings)


def random_windows(genome: Genome, count: int, length: int, *, without: Sequence[str] = (), seed: int = 0) -> list[str]:
    """`count` stretches of `length` bp at random places: real surroundings, as flanks of
    `robustness.context_sweep`.

    Each chromosome that is long enough, but those of `without`, gives its share by length.

    >>> random_windows(Genome("sacCer3.fa.gz"), 200, 2400, without=["chrM"])[0]
    'ATTTTCTTGGA...'
    """
    room = {name: size - length + 1 for name, size in genome.chroms.items() if name not in without and size >= length}
    if not room:
        raise InputError(f"no chromosome of {length} bp or more in the genome; ask for shorter windows")
    rng, share = np.random.default_rng(seed), np.array(list(room.values())) / sum(room.values())
    starts = [(name, int(rng.integers(room[name]))) for name in rng.choice(list(room), count, p=share)]
    return [genome.fetch(name, start, start + length) for name, start in starts]
