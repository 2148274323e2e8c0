"""Which motif stands where: calls with strand and score, their false discovery rate, BED, scoring
against truth."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from operator import itemgetter
from os import PathLike
from typing import IO

import numpy as np
import pandas as pd

from motiflib.discovery import Found, channel_motifs
from motiflib.files import InputError, write_atomic
from motiflib.hits import candidates
from motiflib.model import Argminn
from motiflib.sequence import Record, one_hot, shuffle

THRESHOLD = 0.5  # of the score: a site that is more probably an instance than not
LEAST = 0.05  # sites below are never worth keeping
CONTEXT = 0.3  # calls of this score stay in place in decoys: most instances do, and few chance hits
CALL_COLUMNS = [
    "sequence", "start", "end", "motif", "score", "strand", "activation", "attention", "effect", "probability",
]  # fmt: skip
FDR_COLUMNS = ["score", "per_mb", "background_per_mb", "fdr"]


def call(
    model: Argminn, found: Found, records: Iterable[Record | tuple[str, str]], *,
    threshold: float = THRESHOLD, tile: int = 500, batch: int = 128,
) -> pd.DataFrame:  # fmt: skip
    """Instances of the motifs `found` in named sequences, in order of sequence, then start.

    Columns: sequence; start, end of the (trimmed) motif, 0-based half-open; motif; score in [0, 1],
    what it means is said in `evidence.site_score`; strand; activation of the filter; attention;
    effect, the fall of the logit if the site is silenced (negative: it speaks against); probability
    of the sequence (of the tile, in a long one). Calls that share half of the shorter one's bases
    are one: the best score stays. Sequences above 2 x `tile` bp are read as tiles of `tile` bp that
    overlap by half; each call is taken from the tile that holds it in its middle. Give sequences of
    the length that the network was trained on, or this length as `tile`: the network knows where
    the middle is. Keep `threshold` low to choose one afterwards. Records are streamed: memory does
    not grow with their number, only with the calls. Raises InputError if a setting is out of range.

    >>> call(model, find_motifs(model, x), read_fasta("peaks.fa")).head(1)
      sequence  start  end motif  score strand ...
    """
    parts = list(call_parts(model, found, records, threshold=threshold, tile=tile, batch=batch))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=CALL_COLUMNS)


def call_parts(
    model: Argminn, found: Found, records: Iterable[Record | tuple[str, str]], *,
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
    """Sequences up to 2 x `tile` bp whole, longer ones as tiles that overlap by half; the last ends
    at the end."""
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


def tile_calls(model: Argminn, found: Found, group: list[Tile], least: float) -> pd.DataFrame:
    """Sites of a group of tiles as motifs in the coordinates of their sequences, not yet merged."""
    letters, reads = [tile.letters for tile in group], channel_motifs(model, found)
    seen = candidates(model, one_hot(letters, max(model.config.width, *map(len, letters))), least=least)
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


def merge(calls: pd.DataFrame, share: float = 0.5) -> pd.DataFrame:
    """Of calls in a sequence that share this part of the shorter one's bases (0: any base), keep
    the best.

    The best has the highest score, then the highest activation.
    """
    order = calls.sort_values(["score", "activation", "start"], ascending=[False, False, True], kind="stable")
    taken: dict[str, list[tuple[int, int]]] = {}
    keep = []
    for name, start, end in zip(order.sequence, order.start, order.end, strict=True):
        here = taken.setdefault(name, [])
        free = not any(min(end, e) - max(start, s) >= max(share * min(end - start, e - s), 1) for s, e in here)
        keep.append(free)
        if free:
            here.append((start, end))
    return order[np.array(keep, dtype=bool)]


def calibrate(
    model: Argminn, found: Found, records: Iterable[Record | tuple[str, str]], *, background=None, seed: int = 0,
    tile: int = 500, repeats: int = 2,
) -> pd.DataFrame:  # fmt: skip
    """What false discovery rate each score has in sequences like `records`, for scores from 0.05 to
    1.

    Columns: score; per_mb, calls in `records` of at least this score; background_per_mb, calls that
    chance gives; fdr, their ratio, at most 1 and never rising with the score. Chance is seen in
    `decoys` of the records, drawn `repeats` times: a call there counts if it is not one of those
    kept in place (half overlap). Or give a `background` of sequences without any instance, whose
    calls all count; then the network judges them without the context that true instances make, and
    the rate is too high (or too low) for sequences that hold one. Keep the table with the model;
    `at_fdr` reads a threshold off it.

    >>> at_fdr(calibrate(model, found, records), 0.05)
    0.43
    """
    records = [Record(*record) for record in records]
    scores, bases = np.round(np.linspace(LEAST, 1, 96), 2), max(sum(len(r.sequence) for r in records), 1)
    ours = call(model, found, records, threshold=LEAST, tile=tile)
    if background is None:
        kept = ours[ours.score >= CONTEXT]
        drawn = [
            call(model, found, decoys(records, kept, seed + i), threshold=LEAST, tile=tile) for i in range(repeats)
        ]
        chance, searched = pd.concat([calls.drop(index=overlaps(calls, kept).call) for calls in drawn]), repeats * bases
    else:
        background = [Record(*record) for record in background]
        chance = call(model, found, background, threshold=LEAST, tile=tile)
        searched = max(sum(len(record.sequence) for record in background), 1)
    rates = []
    for calls, size in ((ours, bases), (chance, searched)):
        mine = np.sort(calls.score.to_numpy(dtype=float))
        rates.append((len(mine) - np.searchsorted(mine, scores)) / size * 1e6)
    fdr = np.minimum(rates[1] / np.maximum(rates[0], 1e-9), 1)
    return pd.DataFrame(dict(zip(FDR_COLUMNS, (scores, *rates, np.minimum.accumulate(fdr)), strict=True)))


def decoys(records: Iterable[Record | tuple[str, str]], kept: pd.DataFrame, seed: int = 0) -> list[Record]:
    """The same sequences with the calls `kept` in place and the rest, joined, shuffled by
    dinucleotides around them.

    Why: what the network makes of a chance hit depends on its company. A sequence shuffled whole
    has no instance, so the network searches harder, and its chance hits score higher than those
    beside an instance.

    >>> decoys([("s", "ACGT" * 9)], calls)[0].sequence
    """
    records, places = [Record(*record) for record in records], kept.groupby("sequence").indices
    start, end, letters, free = kept.start.to_numpy(), kept.end.to_numpy(), [], []
    for record in records:
        letters.append(np.frombuffer(record.sequence.encode(), "u1").copy())
        free.append(np.ones(len(record.sequence), dtype=bool))
        for i in places.get(record.name, ()):
            free[-1][start[i] : end[i]] = False
    rest = [row[mask].tobytes().decode() for row, mask in zip(letters, free, strict=True)]
    for row, mask, mixed in zip(letters, free, shuffle(rest, seed=seed), strict=True):
        row[mask] = np.frombuffer(mixed.encode(), "u1")
    return [Record(r.name, row.tobytes().decode()) for r, row in zip(records, letters, strict=True)]


def at_fdr(table: pd.DataFrame, fdr: float = 0.05) -> float:
    """The lowest score whose false discovery rate is at most `fdr`; 1 if there is none.

    >>> at_fdr(pd.DataFrame({"score": [0.1, 0.5], "fdr": [0.3, 0.04]}))
    0.5
    """
    good = table.score[table.fdr <= fdr]
    return float(good.min()) if len(good) else 1.0


def write_bed(calls: pd.DataFrame | Iterable[pd.DataFrame], path: str | PathLike) -> None:
    """Write calls, or parts of them as `call_parts` yields, as BED: six standard columns, the score
    times 1000, then activation, attention, effect, probability.

    Sorted by sequence name and start, as bedtools and IGV want; a first line, beginning with #,
    names the columns. Parts go to disk one by one, so memory does not grow with their number.
    Raises InputError for a path that cannot be written.

    >>> write_bed(call_parts(model, found, read_fasta("genome.fa.gz")), "calls.bed")
    """
    places: dict[str, tuple[int, int]] = {}  # of each sequence's lines in the file
    with tempfile.TemporaryFile() as spill:
        for part in [calls] if isinstance(calls, pd.DataFrame) else calls:
            bed = part[CALL_COLUMNS].sort_values(["sequence", "start", "end", "motif"], kind="stable")
            bed["score"] = (1000 * bed.score.astype(float)).round().clip(0, 1000).astype(int)
            lines = bed.to_csv(sep="\t", index=False, header=False, float_format="%.4g").encode().splitlines(True)
            for name, mine in groupby(zip(bed.sequence, lines, strict=True), key=itemgetter(0)):
                begin = spill.tell()
                spill.writelines(line for _, line in mine)
                places[name] = (begin, spill.tell() - begin)
        header = "#" + "\t".join(CALL_COLUMNS) + "\n"
        write_atomic(path, chain([header.encode()], (cut(spill, *places[name]) for name in sorted(places))))


def cut(file: IO[bytes], begin: int, length: int) -> bytes:
    """A piece of a file."""
    file.seek(begin)
    return file.read(length)


def overlaps(calls: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Pairs of a call and an interval of its sequence that share half of the shorter one's bases.

    Columns: call, planted, the positions of both in their tables; all columns of both, those of the
    second with _true.

    >>> overlaps(calls, simulated.truth).call.nunique()
    """
    pairs = (
        calls.reset_index(drop=True)
        .rename_axis("call")
        .reset_index()
        .merge(
            others.reset_index(drop=True).rename_axis("planted").reset_index(), on="sequence", suffixes=("", "_true")
        )
    )
    shared = np.minimum(pairs.end, pairs.end_true) - np.maximum(pairs.start, pairs.start_true)
    shorter = np.minimum(pairs.end - pairs.start, pairs.end_true - pairs.start_true)
    return pairs[2 * shared >= shorter]
