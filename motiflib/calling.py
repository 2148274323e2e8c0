"""Which motif stands where: calls with strand and score, their false discovery rate, BED."""

from __future__ import annotations

from collections import defaultdict, namedtuple
from collections.abc import Iterable, Iterator
from os import PathLike

import numpy as np
import pandas as pd
from jaxtyping import Float
from torch import Tensor

from motiflib.discovery import Found, channel_motifs
from motiflib.files import InputError, write_atomic
from motiflib.hits import candidates, shares_half
from motiflib.model import Argminn
from motiflib.sequence import Record, one_hot, shuffle

THRESHOLD = 0.5  # of the score: a site that is more probably an instance than not
LEAST = 0.05  # sites below are never worth keeping
CONTEXT = 0.3  # calls of this score stay in place in decoys: most instances do, and few chance hits
DRAWS = 2  # decoys of each sequence
CALL_COLUMNS = [
    "sequence", "start", "end", "motif", "score", "strand",
    "activation", "attention", "effect", "probability",
]
BED_HEADER = "#" + "\t".join(CALL_COLUMNS) + "\n"
Records = Iterable[Record | tuple[str, str]]
# Bases [begin, end) of a sequence; the calls whose middle lies in [low, high) are this tile's own.
Tile = namedtuple("Tile", "sequence letters begin end low high last")


def call(
    model: Argminn, found: Found, records: Records, *, threshold: float = THRESHOLD, tile: int = 500
) -> pd.DataFrame:
    """Instances of the motifs `found` in named sequences, in order of sequence, then start.

    Columns: sequence; start, end of the (trimmed) motif, 0-based half-open; motif; score in [0, 1]
    (`hits.site_score`); strand; activation of the filter; attention; effect, the fall of the logit
    if the site is silenced (negative: it speaks against); probability of the sequence (of the tile,
    in a long one). Calls that share half of the shorter one's bases are one: the best score stays.
    Sequences above 2 x `tile` bp are read as tiles of `tile` bp that overlap by half. Give the
    length that the network was trained on: the network knows where the middle is. Raises InputError
    if a setting is out of range.

    >>> call(model, found, records).columns.tolist()[:4]
    ['sequence', 'start', 'end', 'motif']
    """
    parts = list(call_parts(model, found, records, threshold=threshold, tile=tile))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=CALL_COLUMNS)


def call_parts(
    model: Argminn, found: Found, records: Records, *,
    threshold: float = THRESHOLD, tile: int = 500, batch: int = 128,
) -> Iterator[pd.DataFrame]:
    """`call` in parts, each some sequences, for files that do not fit into memory.

    >>> len(list(call_parts(model, found, records[:4], batch=2)))
    2
    """
    width, least, waiting = model.config.width, max(threshold, LEAST), []
    if not 0 <= threshold <= 1:
        raise InputError(f"threshold {threshold} is not a score; choose one from 0 to 1")
    if tile < 2 * width:
        needed = f"at least {2 * width}, twice the filters' width"
        raise InputError(f"tile of {tile} bp: expected {needed}")
    for group in grouped(tiles(records, tile), batch):
        letters = [piece.letters for piece in group]
        x = one_hot(letters, max(width, *map(len, letters)))
        waiting.append(piece_calls(model, found, x, pd.DataFrame(group), least))
        if group[-1].last:  # nothing that follows belongs to these sequences
            calls = pd.concat(waiting)
            calls = merge(calls.assign(rank=pd.factorize(calls.sequence)[0]))
            calls = calls.sort_values(["rank", "start", "end", "motif"], kind="stable")
            yield calls[CALL_COLUMNS].reset_index(drop=True)
            waiting = []


def tiles(records: Records, tile: int) -> Iterator[Tile]:
    """Sequences up to 2 x `tile` bp whole, longer ones as tiles that overlap by half."""
    step = tile // 2
    for name, sequence in records:
        length = len(sequence)
        size = length if length <= 2 * tile else tile
        for begin in range(0, length - size + step, step):
            end = min(begin + size, length)
            low = begin + step // 2 if begin else 0
            high = begin + step + step // 2 if end < length else length
            yield Tile(name, sequence[begin:end], begin, end, low, high, end == length)


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


def piece_calls(
    model: Argminn, found: Found, x: Float[Tensor, "N 4 L"], pieces: pd.DataFrame, least: float
) -> pd.DataFrame:
    """Sites in x with at least the score `least` as calls in the coordinates of the sequences that
    x was cut from, not yet merged.

    `pieces` has a row for each of x: sequence (its name), begin (where x begins there), end (no
    call reaches beyond), low and high: only calls whose middle lies in [low, high) are taken.
    """
    seen = candidates(model, x, least=least)
    sites = seen[seen.score >= least].join(channel_motifs(model, found), on="channel", how="inner")
    sites = sites.join(pieces, on="row")
    start = sites.begin + sites.start + sites.offset
    end = start + sites.length
    middle = start + sites.length // 2
    own = (sites.low <= middle) & (middle < sites.high)
    sites["start"] = start.clip(lower=0)  # a flank may reach beyond the sequence
    sites["end"] = np.minimum(end, sites.end)
    return sites.loc[own, CALL_COLUMNS]


def merge(calls: pd.DataFrame, share: float = 0.5) -> pd.DataFrame:
    """Of calls in a sequence that share this part of the shorter one's bases (0: any base), keep
    the best: the highest score, then the highest activation."""
    best = ["score", "activation", "start"]
    order = calls.sort_values(best, ascending=[False, False, True], kind="stable")
    taken: dict[str, list[tuple[int, int]]] = defaultdict(list)
    keep = []
    for name, start, end in zip(order.sequence, order.start, order.end, strict=True):
        free = not any(
            min(end, e) - max(start, s) >= max(share * min(end - start, e - s), 1)
            for s, e in taken[name]
        )
        keep.append(free)
        if free:
            taken[name].append((start, end))
    return order[np.array(keep, dtype=bool)]


def calibrate(
    model: Argminn, found: Found, records: Records, *,
    background: Records | None = None, tile: int = 500,
) -> pd.DataFrame:
    """What false discovery rate each score has in sequences like `records`, from 0.05 to 1.

    Columns: score; per_mb, calls in `records` of at least this score; background_per_mb, calls that
    chance gives; fdr, their ratio, at most 1 and never rising with the score. Chance is seen in
    `decoys` of the records: a call there counts unless it shares half with one kept in place. In a
    `background` of sequences without any instance all calls count, but the network judges them
    without the context that true instances make, and the rate is off for sequences that hold one.

    >>> calibrate(model, found, records[:4]).columns.tolist()
    ['score', 'per_mb', 'background_per_mb', 'fdr']
    """
    records = [Record(*record) for record in records]
    ours = call(model, found, records, threshold=LEAST, tile=tile)
    if background is None:
        kept = ours[ours.score >= CONTEXT]
        drawn = [decoys(records, kept, seed) for seed in range(DRAWS)]
    else:
        kept, drawn = ours[:0], [[Record(*record) for record in background]]
    chance = [call(model, found, part, threshold=LEAST, tile=tile) for part in drawn]
    chance = pd.concat([calls.drop(index=overlaps(calls, kept).call) for calls in chance])
    table = pd.DataFrame({"score": np.round(np.linspace(LEAST, 1, 96), 2)})
    table["per_mb"] = per_megabase(ours, table.score, records)
    table["background_per_mb"] = per_megabase(chance, table.score, sum(drawn, []))
    ratio = table.background_per_mb / table.per_mb.clip(lower=1e-9)
    return table.assign(fdr=ratio.clip(upper=1).cummin())


def per_megabase(calls: pd.DataFrame, scores: pd.Series, records: list[Record]) -> np.ndarray:
    """How many calls have at least each score, for 10^6 bases of the records searched."""
    mine, bases = np.sort(calls.score.to_numpy(float)), sum(len(r.sequence) for r in records)
    return (len(mine) - np.searchsorted(mine, scores)) / max(bases, 1) * 1e6


def decoys(records: Records, kept: pd.DataFrame, seed: int = 0) -> list[Record]:
    """The same sequences with the calls `kept` in place and the rest, joined, shuffled by
    dinucleotides around them.

    Why: what the network makes of a chance hit depends on its company. In a sequence shuffled whole
    it searches harder, and chance hits score higher than beside an instance.

    >>> kept = pd.DataFrame({"sequence": ["s"], "start": [2], "end": [6]})
    >>> decoys([("s", "ACGTTTGACCAGAT")], kept)[0].sequence[2:6]
    'GTTT'
    """
    records, places = [Record(*record) for record in records], dict(list(kept.groupby("sequence")))
    letters = [np.array(list(record.sequence)) for record in records]
    free = [np.ones(len(row), dtype=bool) for row in letters]
    for record, mask in zip(records, free, strict=True):
        for site in places.get(record.name, kept[:0]).itertuples():
            mask[site.start : site.end] = False
    rest = ["".join(row[mask]) for row, mask in zip(letters, free, strict=True)]
    for row, mask, mixed in zip(letters, free, shuffle(rest, seed=seed), strict=True):
        row[mask] = list(mixed)
    return [Record(record.name, "".join(row)) for record, row in zip(records, letters, strict=True)]


def at_fdr(table: pd.DataFrame, fdr: float = 0.05) -> float:
    """The lowest score whose false discovery rate is at most `fdr`; 1 if there is none.

    >>> at_fdr(pd.DataFrame({"score": [0.1, 0.5], "fdr": [0.3, 0.04]}))
    0.5
    """
    good = table.score[table.fdr <= fdr]
    return float(good.min()) if len(good) else 1.0


def bed_lines(calls: pd.DataFrame) -> str:
    """Calls as lines of BED, sorted by sequence name and start, as bedtools and IGV want: six
    standard columns, the score times 1000, then activation, attention, effect, probability."""
    bed = calls[CALL_COLUMNS].sort_values(["sequence", "start", "end", "motif"], kind="stable")
    bed["score"] = (1000 * bed.score.astype(float)).round().clip(0, 1000).astype(int)
    return bed.to_csv(sep="\t", index=False, header=False, float_format="%.4g")


def write_bed(calls: pd.DataFrame | Iterable[pd.DataFrame], path: str | PathLike) -> None:
    """Write calls, or parts of them as `call_parts` yields, as BED: a line beginning with # that
    names the columns, then `bed_lines`. Raises InputError for a path that cannot be written.

    >>> write_bed(call_parts(model, found, records), "calls.bed")
    """
    parts = [calls] if isinstance(calls, pd.DataFrame) else calls
    lines = [line for part in parts for line in bed_lines(part).encode().splitlines(True)]
    lines.sort(key=lambda line: line.split(b"\t")[0])  # stable: those of a sequence are in order
    write_atomic(path, [BED_HEADER.encode(), *lines])


def overlaps(calls: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Pairs of a call and an interval of its sequence that share half of the shorter one's bases:
    call, planted (positions in their tables), then all columns, those of the second with _true.

    >>> len(overlaps(calls, calls)) == len(calls)
    True
    """
    ours = calls.reset_index(drop=True).rename_axis("call").reset_index()
    theirs = others.reset_index(drop=True).rename_axis("planted").reset_index()
    pairs = ours.merge(theirs, on="sequence", suffixes=("", "_true"))
    return pairs[shares_half(pairs.start, pairs.end, pairs.start_true, pairs.end_true)]
