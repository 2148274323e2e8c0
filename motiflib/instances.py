"""Which motif stands where: calls with strand and score, their false discovery rate, BED, scoring against truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from os import PathLike

import numpy as np
import pandas as pd

from motiflib.discovery import Discovery, channel_motifs
from motiflib.evidence import candidates
from motiflib.model import Argminn
from motiflib.sequence import InputError, Record, one_hot, shuffle, write_atomic

THRESHOLD = 0.5  # of the score: a site that is more probably an instance than not
LEAST = 0.05  # sites below are never worth keeping
CALL_COLUMNS = [
    "sequence", "start", "end", "motif", "score", "strand", "activation", "attention", "effect", "probability",
]  # fmt: skip
FDR_COLUMNS = ["score", "per_mb", "background_per_mb", "fdr"]


def call(
    model: Argminn, found: Discovery, records: Iterable[Record | tuple[str, str]], *,
    threshold: float = THRESHOLD, tile: int = 500, batch: int = 128,
) -> pd.DataFrame:  # fmt: skip
    """Instances of the motifs `found` in named sequences, in order of sequence, then start.

    Columns: sequence; start, end of the (trimmed) motif, 0-based half-open; motif; score in [0, 1], what it means is
    said in `evidence.site_score`; strand; activation of the filter; attention; effect, the fall of the logit if the
    site is silenced (negative: it speaks against); probability of the sequence (of the tile, in a long one). Calls that
    share half of the shorter one's bases are one: the best score stays. Sequences above 2 x `tile` bp are read as tiles
    of `tile` bp that overlap by half; each call is taken from the tile that holds it in its middle. Give sequences of
    the length that the network was trained on, or this length as `tile`: the network knows where the middle is.
    Keep `threshold` low to choose one afterwards. Records are streamed: memory does not grow with their number,
    only with the calls. Raises InputError if a setting is out of range.

    >>> call(model, find_motifs(model, x), read_fasta("peaks.fa")).head(1)
      sequence  start  end motif  score strand ...
    """
    parts = list(call_parts(model, found, records, threshold=threshold, tile=tile, batch=batch))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=CALL_COLUMNS)


def call_parts(
    model: Argminn, found: Discovery, records: Iterable[Record | tuple[str, str]], *,
    threshold: float = THRESHOLD, tile: int = 500, batch: int = 128,
) -> Iterator[pd.DataFrame]:  # fmt: skip
    """`call` in parts, each some sequences: for files that do not fit into memory.

    >>> for part in call_parts(model, found, read_fasta("genome.fa.gz")): ...
    """
    if not 0 <= threshold <= 1:
        raise InputError(f"threshold {threshold} is not a score; choose one from 0 to 1")
    if tile < 2 * model.config.width:
        raise InputError(f"tile of {tile} bp: expected at least {2 * model.config.width}, twice the filters' width")
    names: list[str] = []
    waiting: list[pd.DataFrame] = []
    for group in grouped(tiles(records, tile), batch):
        new = [t.name for t in group if t.index == 0]
        names += new
        waiting.append(tile_calls(model, found, group, max(threshold, LEAST)))
        if group[-1].last:  # nothing that follows belongs to these sequences
            yield finish(pd.concat(waiting), names, threshold)
            names, waiting = [], []


class Tile:
    """A stretch of a sequence, and which part of it, [low, high) in the sequence, is its own."""

    def __init__(self, record: tuple[str, str], index: int, start: int, tile: int, whole: bool):
        self.name, sequence = record
        step, length = tile // 2, len(sequence)
        self.index, self.start = index, start
        self.letters = sequence if whole else sequence[start : start + tile]
        self.last = start + len(self.letters) >= length
        self.low = 0 if index == 0 else start + step // 2
        self.high = length if self.last else start + step + step // 2


def tiles(records: Iterable[Record | tuple[str, str]], tile: int) -> Iterator[Tile]:
    """Sequences up to 2 x `tile` bp whole, longer ones as tiles that overlap by half; the last ends at the end."""
    for record in records:
        length, step = len(record[1]), tile // 2
        if length <= 2 * tile:
            yield Tile(record, 0, 0, tile, True)
            continue
        count = -(-(length - tile) // step) + 1
        for index in range(count):
            yield Tile(record, index, index * step, tile, False)


def grouped(stream: Iterable[Tile], batch: int) -> Iterator[list[Tile]]:
    """At most `batch` tiles at a time, of at most 512 bp on average."""
    group: list[Tile] = []
    longest = 0
    for tile in stream:
        longest = max(longest, len(tile.letters))
        if group and (len(group) == batch or longest * (len(group) + 1) > 512 * batch):
            yield group
            group, longest = [], len(tile.letters)
        group.append(tile)
    if group:
        yield group


def tile_calls(model: Argminn, found: Discovery, group: list[Tile], least: float) -> pd.DataFrame:
    """Sites of a group of tiles as motifs in the coordinates of their sequences, not yet merged."""
    letters, reads = [tile.letters for tile in group], channel_motifs(model, found)
    seen = candidates(model, one_hot(letters, max(model.config.width, *map(len, letters))))
    seen = seen[(seen.score >= least) & seen.channel.isin(reads.index)]
    mine = reads.loc[seen.channel]
    length, at = mine.length.to_numpy(), seen.start.to_numpy() + mine.offset.to_numpy()
    tile = [group[row] for row in seen.row]
    start = at + np.array([t.start for t in tile], dtype=int)
    low, high, end = (np.array([getattr(t, name) for t in tile], dtype=int) for name in ("low", "high", "start"))
    end = end + np.array([len(t.letters) for t in tile], dtype=int)  # a flank may reach beyond the sequence
    calls = seen[["score", "activation", "attention", "effect", "probability"]].assign(
        sequence=np.array([t.name for t in tile], dtype=object), start=start, end=start + length,
        motif=mine.motif.to_numpy(), strand=mine.strand.to_numpy(),
    )  # fmt: skip
    middle = start + length // 2
    own = (middle >= low) & (middle < high)
    calls["start"], calls["end"] = calls.start.clip(lower=0), np.minimum(calls.end, end)
    return calls.loc[own, CALL_COLUMNS]


def finish(calls: pd.DataFrame, names: list[str], threshold: float) -> pd.DataFrame:
    """Merge, cut at the threshold, and sort by order of sequence, start and end."""
    rank = {name: i for i, name in enumerate(names)}
    calls = merge(calls[calls.score >= threshold])
    calls = calls.assign(_rank=calls.sequence.map(rank)).sort_values(["_rank", "start", "end", "motif"], kind="stable")
    return calls[CALL_COLUMNS].reset_index(drop=True)


def merge(calls: pd.DataFrame) -> pd.DataFrame:
    """Of calls in a sequence that share half of the shorter one's bases, keep the best: score, then activation."""
    order = calls.sort_values(["score", "activation", "start"], ascending=[False, False, True], kind="stable")
    taken: dict[str, list[tuple[int, int]]] = {}
    keep = []
    for name, start, end in zip(order.sequence, order.start, order.end, strict=True):
        here = taken.setdefault(name, [])
        free = not any(2 * (min(end, e) - max(start, s)) >= min(end - start, e - s) for s, e in here)
        keep.append(free)
        if free:
            here.append((start, end))
    return order[np.array(keep, dtype=bool)]


def calibrate(
    model: Argminn, found: Discovery, records: Iterable[Record | tuple[str, str]], *, background=None, seed: int = 0,
    tile: int = 500, repeats: int = 1,
) -> pd.DataFrame:  # fmt: skip
    """What false discovery rate each score has: calls per Mb in `records` and in `background` (their dinucleotide
    shuffles by default, `repeats` times), scores from 0.05 to 1.

    Columns: score; per_mb and background_per_mb, calls of at least this score; fdr, their ratio, at most 1 and never
    rising with the score. The background holds motifs by chance only, so the ratio is the share of calls in `records`
    that chance would give too (target and decoy). Keep the table with the model; `at_fdr` reads a threshold off it.

    >>> at_fdr(calibrate(model, found, records), 0.05)
    0.43
    """
    records = [Record(*record) for record in records]
    if background is None:
        letters = [record.sequence for record in records]
        shuffled = [s for i in range(repeats) for s in shuffle(letters, seed=seed + i)]
        background = [Record(f"shuffled{i}", s) for i, s in enumerate(shuffled)]
    background = [Record(*record) for record in background]
    scores = np.round(np.linspace(LEAST, 1, 96), 2)
    rates = []
    for data in (records, background):
        mine = np.sort(call(model, found, data, threshold=LEAST, tile=tile).score.to_numpy(dtype=float))
        bases = max(sum(len(record.sequence) for record in data), 1)
        rates.append((len(mine) - np.searchsorted(mine, scores)) / bases * 1e6)
    fdr = np.minimum(rates[1] / np.maximum(rates[0], 1e-9), 1)
    return pd.DataFrame(dict(zip(FDR_COLUMNS, (scores, *rates, np.minimum.accumulate(fdr)), strict=True)))


def at_fdr(table: pd.DataFrame, fdr: float = 0.05) -> float:
    """The lowest score whose false discovery rate is at most `fdr`; 1 if there is none.

    >>> at_fdr(pd.DataFrame({"score": [0.1, 0.5], "fdr": [0.3, 0.04]}))
    0.5
    """
    good = table.score[table.fdr <= fdr]
    return float(good.min()) if len(good) else 1.0


def write_bed(calls: pd.DataFrame, path: str | PathLike) -> None:
    """Write calls as BED: six standard columns, the score times 1000, then activation, attention, effect, probability.

    Sorted by sequence name and start, as bedtools and IGV want; a first line, beginning with #, names the columns.
    Raises InputError for a path that cannot be written.

    >>> write_bed(calls, "calls.bed")
    """
    bed = calls[CALL_COLUMNS].assign(score=(1000 * calls.score.astype(float)).round().clip(0, 1000).astype(int))
    bed = bed.sort_values(["sequence", "start", "end", "motif"], kind="stable")
    text = bed.to_csv(sep="\t", index=False, header=False, float_format="%.4g")
    write_atomic(path, "#" + "\t".join(CALL_COLUMNS) + "\n" + text)


def score_calls(calls: pd.DataFrame, truth: pd.DataFrame, rule: str = "half", sequences: int | None = None) -> dict:
    """How good calls are against planted instances (columns sequence, start, end; calls also score).

    A call is right by rule "half" if it overlaps an instance by at least half of the shorter of the two (the paper's
    rule), by "exact" if it starts where an instance starts. Precision: share of calls that are right. Recall: share of
    instances that a right call hits. average_precision: the area under the curve of both over all thresholds, up to
    the recall of the lowest score in `calls`. best_f1 and best_threshold: the best on this curve. calls_per_sequence
    needs `sequences`, their number (by default those named in either table). Raises InputError for another rule.

    >>> score_calls(call(model, found, simulated.records(), threshold=0), simulated.truth)["average_precision"]
    0.97
    """
    if rule not in ("half", "exact"):
        raise InputError(f"unknown rule {rule!r}: use 'half' or 'exact'")
    calls = calls.sort_values("score", ascending=False, kind="stable").reset_index(drop=True)
    pairs = calls[["sequence", "start", "end"]].rename_axis("call").reset_index()
    pairs = pairs.merge(truth[["sequence", "start", "end"]].reset_index(drop=True).rename_axis("planted").reset_index(),
                        on="sequence", suffixes=("", "_true"))  # fmt: skip
    overlap = np.minimum(pairs.end, pairs.end_true) - np.maximum(pairs.start, pairs.start_true)
    shorter = np.minimum(pairs.end - pairs.start, pairs.end_true - pairs.start_true)
    good = pairs[2 * overlap >= shorter] if rule == "half" else pairs[pairs.start == pairs.start_true]
    right = calls.index.isin(good.call)
    hits = np.bincount(good.groupby("planted").call.min().astype(int), minlength=len(calls))[: len(calls)].cumsum()
    precision = right.cumsum() / np.arange(1, len(calls) + 1)
    recall = hits / max(len(truth), 1)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    if sequences is None:
        sequences = len(set(calls.sequence) | set(truth.sequence))
    out = {"calls": len(calls), "planted": len(truth), "calls_per_sequence": len(calls) / max(sequences, 1)}
    if not len(calls):
        nothing = dict.fromkeys(("precision", "recall", "f1", "average_precision", "best_f1"), 0.0)
        return out | nothing | {"best_threshold": 1.0}
    best = int(f1.argmax())
    out |= {"precision": float(precision[-1]), "recall": float(recall[-1]), "f1": float(f1[-1])}
    out["average_precision"] = float((np.diff(recall, prepend=0) * precision).sum())
    return out | {"best_f1": float(f1[best]), "best_threshold": float(calls.score[best])}
