"""Which motif stands where: calls with strand and score, their false discovery rate, BED."""

import csv
import logging
from collections import defaultdict, namedtuple
from collections.abc import Iterable, Iterator
from os import PathLike

import numpy as np
import pandas as pd
from jaxtyping import Float
from torch import Tensor

from motiflib.discovery import Found, channel_motifs
from motiflib.files import need, write_atomic
from motiflib.hits import candidates, shares_half
from motiflib.model import Argminn
from motiflib.motif import Motif
from motiflib.sequence import UNKNOWN, Record, codes_of, one_hot, shuffle

log = logging.getLogger(__name__)
THRESHOLD = 0.5  # of the score: a site that is more probably an instance than not
LEAST = 0.05  # sites below are never worth keeping
INFORMATIVE = 0.35  # of the bits of a motif's richest column: poorer columns may be shared
OWN = 0.35  # of a motif's bits, in bases that no better call explains: evidence of its own
CALL_COLUMNS = ["sequence", "start", "end", "motif", "score", "strand",
                "activation", "attention", "effect", "probability"]
EVIDENCE = ["first", "match"]  # start, even beyond the sequence, and `matches`: what `merge` needs
Records = Iterable[Record | tuple[str, str]]
# Bases [begin, end) of a sequence; the calls whose middle lies in [low, high) are this tile's own.
Tile = namedtuple("Tile", "sequence letters begin end low high last")


def call(model: Argminn, found: Found, records: Records, *,
         threshold: float = THRESHOLD, tile: int = 500) -> pd.DataFrame:
    """Instances of the motifs `found` in named sequences, in order of sequence, then start.

    Columns: sequence; start, end (0-based half-open); motif; score in [0, 1] (`hits.site_score`);
    strand; activation; attention; effect, the fall of the logit without the site; probability of
    the sequence or tile. Bases are explained once (`merge`). Above 2 x `tile` bp, tiles are
    read: give the length of training, as the network knows the middle. InputError for bad settings.

    >>> call(model, found, records).columns.tolist()[:4]
    ['sequence', 'start', 'end', 'motif']
    """
    parts = list(call_parts(model, found, records, threshold=threshold, tile=tile))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=CALL_COLUMNS)


def call_parts(model: Argminn, found: Found, records: Records, *, threshold: float = THRESHOLD,
               tile: int = 500, batch: int = 128) -> Iterator[pd.DataFrame]:
    """`call` in parts, each some sequences, for files that do not fit into memory.

    >>> len(list(call_parts(model, found, records[:4], batch=2)))
    2
    """
    twice, least, waiting = 2 * model.config.width, max(threshold, LEAST), []
    need(0 <= threshold <= 1, f"threshold {threshold} is not a score; choose one from 0 to 1")
    need(tile >= twice, f"tile of {tile} bp: expected at least {twice}, twice the filters' width")
    for group in grouped(tiles(records, tile), batch):
        letters = [piece.letters for piece in group]
        x = one_hot(letters, max(model.config.width, *map(len, letters)))
        waiting.append(piece_calls(model, found, x, pd.DataFrame(group), least))
        if group[-1].last:  # nothing that follows belongs to these sequences
            calls = pd.concat(waiting)
            calls = merge(calls.assign(rank=pd.factorize(calls.sequence)[0]))
            calls = calls.sort_values(["rank", "start", "end", "motif"], kind="stable")
            yield calls[CALL_COLUMNS].reset_index(drop=True)
            waiting = []


def tiles(records: Records, tile: int, most: float = 2) -> Iterator[Tile]:
    """Sequences up to `most` x `tile` bp whole, longer ones as tiles that overlap by half."""
    step = tile // 2
    for name, sequence in records:
        length = len(sequence)
        size = length if length <= most * tile else tile
        for begin in range(0, length - size + step, step):
            end = min(begin + size, length)
            low = begin + step // 2 if begin else 0
            high = begin + step + step // 2 if end < length else length
            yield Tile(name, sequence[begin:end], begin, end, low, high, end == length)


def grouped(stream: Iterable[Tile], batch: int) -> Iterator[list[Tile]]:
    """At most `batch` tiles at a time, of at most 512 bp on average."""
    group: list[Tile] = []
    for tile in stream:
        longest = max(len(piece.letters) for piece in [*group, tile])
        if group and (len(group) == batch or longest * (len(group) + 1) > 512 * batch):
            yield group
            group = []
        group.append(tile)
    if group:
        yield group


def piece_calls(model: Argminn, found: Found, x: Float[Tensor, "N 4 L"], pieces: pd.DataFrame,
                least: float) -> pd.DataFrame:
    """Sites in x as calls, not yet merged, in the sequences that x was cut from; `pieces` has a row
    for each of x: sequence (its name), begin, end, low and high, as in `Tile`."""
    seen = candidates(model, x, least=least).join(pieces, on="row")
    sites = seen[seen.score >= least].join(channel_motifs(model, found), on="channel", how="inner")
    first = sites.begin + sites.start + sites.offset
    middle = first + sites.length // 2
    sites["match"], sites["first"] = matches(found.motifs, x, sites), first
    sites["start"] = first.clip(lower=0)  # a flank may reach beyond the sequence
    sites["end"] = np.minimum(first + sites.length, sites.end)
    return sites.loc[(sites.low <= middle) & (middle < sites.high), [*CALL_COLUMNS, *EVIDENCE]]


def matches(motifs: list[Motif], x: Float[Tensor, "N 4 L"], sites: pd.DataFrame) -> pd.Series:
    """How well the bases of each site fit its motif, an array a site: log-odds as a share of the
    motif's information, nan in columns that are not INFORMATIVE, 0 beyond x and at an N."""
    widest = max((motif.width for motif in motifs), default=0)
    codes = np.pad(codes_of(x), ((0, 0), (widest, widest)), constant_values=UNKNOWN)
    out, known = pd.Series(index=sites.index, dtype=object), {m.name: m for m in motifs}
    for (name, strand), mine in sites.groupby(["motif", "strand"]):
        motif = known[name] if strand == "+" else known[name].reverse_complement()
        odds = np.vstack([motif.pwm(), np.zeros(motif.width)]) / motif.information_bits
        odds[:, motif.information < INFORMATIVE * motif.information.max()] = np.nan
        columns, start = np.arange(motif.width), (mine.start + mine.offset + widest).to_numpy()
        seen = codes[mine.row.to_numpy()[:, None], start[:, None] + columns]  # (n, w)
        out[mine.index] = pd.Series(list(odds[seen, columns]), index=mine.index)
    return out


def merge(calls: pd.DataFrame) -> pd.DataFrame:
    """Calls, the best first, without those whose bases are explained by better ones: where some
    of a call's informative bases are a better one's, the others must make OWN of its motif. The
    best is that of the highest score times the root of its match, lest chance beside a site, which
    shares the effect of the site, stands in its place."""
    fit = calls.match.map(np.nansum).astype(float).clip(lower=0) ** 0.5
    order = calls.assign(rank_=fit * calls.score.astype(float)).sort_values(
        ["rank_", "activation", "start"], ascending=[False, False, True], kind="stable")
    explained, keep = defaultdict(set), []
    for name, first, match in zip(order.sequence, order["first"], order.match, strict=True):
        bases = [(first + at, told) for at, told in enumerate(match) if told == told]  # no nan
        own = [told for at, told in bases if at not in explained[name]]
        keep.append(len(own) == len(bases) or sum(own) >= OWN)
        if keep[-1]:
            explained[name].update(at for at, _ in bases)
    return order[np.array(keep, dtype=bool)]


def calibrate(model: Argminn, found: Found, records: Records, *,
              background: Records | None = None, tile: int = 500) -> pd.DataFrame:
    """What false discovery rate each score has in sequences like `records`, from 0.05 to 1.

    Columns: score; per_mb and background_per_mb, calls of at least this score in `records` and by
    chance; fdr, their ratio, at most 1 and never rising. Chance is what is called in `decoys` but
    for the calls kept, or all in a `background` without instances, and so out of their company.

    >>> calibrate(model, found, records[:4]).columns.tolist()
    ['score', 'per_mb', 'background_per_mb', 'fdr']
    """
    records = list(records)
    ours = call(model, found, records, threshold=LEAST, tile=tile)
    kept, drawn = ours[:0], [list(background or ())]
    if background is None:
        kept = ours[ours.score >= 0.3]  # most instances, and few chance hits
        drawn = [decoys(records, kept, seed) for seed in range(2)]
    chance = [call(model, found, part, threshold=LEAST, tile=tile) for part in drawn]
    chance = pd.concat([calls.drop(index=overlaps(calls, kept).call) for calls in chance])
    table = pd.DataFrame({"score": np.round(np.linspace(LEAST, 1, 96), 2)})
    searched = {"per_mb": (ours, records), "background_per_mb": (chance, sum(drawn, []))}
    for column, (calls, sequences) in searched.items():
        fewer = np.searchsorted(np.sort(calls.score.to_numpy(float)), table.score)
        bases = sum(len(letters) for _, letters in sequences)
        table[column] = (len(calls) - fewer) / max(bases, 1) * 1e6
    ratio = table.background_per_mb / table.per_mb.clip(lower=1e-9)
    return table.assign(fdr=ratio.clip(upper=1).cummin())


def decoys(records: Records, kept: pd.DataFrame, seed: int = 0) -> list[Record]:
    """The same sequences with the calls `kept` in place and the rest shuffled by dinucleotides
    around them: in a sequence shuffled whole, chance hits score higher than beside an instance.

    >>> decoys(records, calls)[0].name == records[0].name
    True
    """
    letters = {name: np.array(list(sequence)) for name, sequence in records}
    free = {name: np.ones(len(row), dtype=bool) for name, row in letters.items()}
    for site in kept.itertuples():
        free[site.sequence][site.start : site.end] = False
    rest = ["".join(row[free[name]]) for name, row in letters.items()]
    for (name, row), mixed in zip(letters.items(), shuffle(rest, seed=seed), strict=True):
        row[free[name]] = list(mixed)
    return [Record(name, "".join(row)) for name, row in letters.items()]


def at_fdr(table: pd.DataFrame, fdr: float = 0.05) -> float:
    """The lowest score whose false discovery rate is at most `fdr`. InputError if there is none:
    above the best call of the training (0 calls a Mb) nothing is known.

    >>> at_fdr(pd.DataFrame({"score": [0.1, 0.5], "per_mb": [9, 4], "fdr": [0.3, 0.04]}))
    0.5
    """
    known = table[table.per_mb > 0]
    need(len(known), "this run made no call in its own training sequences; choose a --threshold")
    least = known.fdr.min()
    need(least <= fdr <= 1, f"false discovery rate {fdr}: this run's scores reach {least:.2g} to "
                            "1; choose one of those")
    return float(known.score[known.fdr <= fdr].min())


def bed_lines(calls: pd.DataFrame, *, extra: bool = False) -> str:
    """Lines of BED by sequence name and start, as bedtools and IGV want, the score times 1000;
    six columns, or with `extra` all of CALL_COLUMNS."""
    columns = CALL_COLUMNS if extra else CALL_COLUMNS[:6]
    bed = calls[columns].sort_values(["sequence", "start", "end", "motif"], kind="stable")
    bed["score"] = (1000 * bed.score.astype(float)).round().clip(0, 1000).astype(int)
    return bed.to_csv(sep="\t", index=False, header=False, float_format="%.4g",
                      quoting=csv.QUOTE_NONE)


def write_bed(parts: Iterable[pd.DataFrame], path: str | PathLike, *, extra: bool = False) -> None:
    """Write parts of calls as BED (`bed_lines`) below a line of column names, with a warning if
    there is none; InputError if it cannot be written.

    >>> write_bed(call_parts(model, found, records), "calls.bed")
    """
    texts = (bed_lines(part, extra=extra) for part in parts)
    lines = [line for text in texts for line in text.encode().splitlines(True)]
    lines.sort(key=lambda line: line.split(b"\t")[0])  # stable: those of a sequence are in order
    write_lines(lines, path, extra=extra)


def write_lines(lines: list[bytes], path: str | PathLike, *, extra: bool = False) -> None:
    """Write lines of BED below one of column names, a comment to those who read BED."""
    names = CALL_COLUMNS if extra else CALL_COLUMNS[:6]
    write_atomic(path, [("#" + "\t".join(names) + "\n").encode(), *lines])
    if not any(lines):
        log.warning("%s: no call; a lower --threshold, or --all, shows weaker sites", path)


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
