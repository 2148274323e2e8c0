"""Instances along a whole genome: every base is judged in the middle of a window, as in training.

The genome is cut into bins of STEP bases. Where no filter fires in a bin, it is skipped. Else the
network reads a window as long as those of its training around the bin; if it takes this for bound,
the sites in the bin are calls.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from accelerate import PartialState
from jaxtyping import Bool, Float, Int
from torch import Tensor
from tqdm.auto import tqdm

from motiflib.calling import CALL_COLUMNS, THRESHOLD, merge
from motiflib.discovery import channel_motifs
from motiflib.files import InputError, write_atomic
from motiflib.genome.fasta import Genome
from motiflib.genome.peaks import on_genome, read_intervals
from motiflib.genome.windows import ResidentGenome
from motiflib.hits import candidates
from motiflib.run import folder as runs
from motiflib.training import check_device

try:
    import fcntl
except ImportError:  # Windows: two calls into one file at once are then noticed late, but they are
    fcntl = None
log = logging.getLogger(__name__)
STEP = 20  # bp of a bin: a site stands at most 10 bp from the middle of its window
FIRE = 0.5  # share of a filter's highest possible activation below which it is taken to be silent
PROBABILITY = 0.5  # of a window, from which its sites are looked at
UNIT = 2_000  # bins that are called at a time, by one process
MARGIN = 3  # bins beside a unit that are read too
BATCH = 256  # windows that the network reads at a time
BEGUN = "begun"  # file in the folder of finished parts, locked while a call is at work there


class Unit(NamedTuple):
    """Bins [first, end) of a chromosome."""

    chrom: str
    first: int
    end: int


def call_genome(
    run: runs.Run, genome: str | os.PathLike, out: str | os.PathLike, *, regions: str | os.PathLike | None = None,
    rename: bool = False, threshold: float = THRESHOLD, probability: float = PROBABILITY, device: str = "cpu",
    progress: bool = True,
) -> None:  # fmt: skip
    """Instances of a run's motifs along a genome as BED: columns of `instances.write_bed`, sorted
    by name and start.

    A call has at least the score `threshold`, and stands in a window that is bound with at least
    `probability`. With `regions`, only calls whose middle lies in one of its intervals. Under
    `torchrun` or `accelerate launch`, processes share the work; the file is the same to the byte.
    Finished parts wait beside `out`, in a hidden folder that belongs to this very run, genome and
    settings: killed at any time, the same call goes on; `out` appears when it is whole.

    Raises:
        InputError: a genome or regions that cannot be read or do not fit, a setting out of range, a
            place that cannot be written, or into which another call is writing at this time.

    Example:
        >>> call_genome(load_run("run"), "sacCer3.fa.gz", "calls.bed")
    """
    for name, value in (("threshold", threshold), ("probability", probability)):
        if not 0 <= value <= 1:
            raise InputError(f"{name} {value}: expected a number from 0 to 1")
    there = check_device(device)
    device = next((name for name, ok in there.items() if ok), "cpu") if device == "auto" else device
    state = PartialState(cpu=device == "cpu")
    with Genome(genome) as sequence:
        wanted = None if regions is None else on_genome(
            read_intervals(regions), sequence.chroms, rename=rename, where=os.fspath(regions))  # fmt: skip
        names = sorted(sequence.chroms if wanted is None else set(wanted.chrom))
        resident = ResidentGenome(sequence, names, device=device)
    places = None if wanted is None else wanted[["chrom", "start", "end"]].to_csv()  # a pipe cannot be read again
    about = [_identity(run), [os.path.getsize(genome), os.path.getmtime(genome), str(genome)], threshold, probability,
             places]  # fmt: skip
    key, todo = hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16], list(units(resident, wanted))
    with _workplace(Path(out), key, state) as folder:
        _make_parts(run, resident, wanted, folder, todo, state, threshold, probability, progress)
        if state.is_main_process:
            _join(Path(out), folder, todo, state)


def _make_parts(run, resident, wanted, folder, todo, state, threshold, probability, progress) -> None:
    """Call the units of this process that are not yet done, a file each."""
    mine = range(state.process_index, len(todo), state.num_processes)
    threads, home = torch.get_num_threads(), next(run.model.parameters()).device
    torch.set_num_threads(1)  # sums in the same order, whatever the number of processes
    run.model.to(resident.codes.device)
    try:
        for i in tqdm(mine, desc="calling", unit="part", disable=not (progress and state.is_main_process)):
            place = folder / f"{i}.bed"
            if state.is_main_process and not (folder / BEGUN).exists():
                raise _gone(folder)
            if not place.exists():
                calls = unit_calls(run, resident, todo[i], wanted, threshold, probability)
                write_atomic(place, _lines(calls))
    finally:
        torch.set_num_threads(threads)
        run.model.to(home)


def _join(out: Path, folder: Path, todo: Sequence[Unit], state: PartialState) -> None:
    """The parts of all processes as one file; those of this process are there, unless somebody
    removed them."""
    parts = [folder / f"{i}.bed" for i in range(len(todo))]
    while missing := [i for i, part in enumerate(parts) if not part.exists()]:
        if not (folder / BEGUN).exists() or any(i % state.num_processes == state.process_index for i in missing):
            raise _gone(folder)
        time.sleep(0.1)  # for the other processes
    header = "#" + "\t".join(CALL_COLUMNS) + "\n"
    try:
        data = header.encode() + b"".join(part.read_bytes() for part in parts)
    except FileNotFoundError as error:
        raise _gone(folder) from error
    write_atomic(out, data)
    shutil.rmtree(folder, ignore_errors=True)


def _gone(folder: Path) -> InputError:
    shutil.rmtree(folder, ignore_errors=True)  # what this call has written there since
    return InputError(f"{folder}: finished parts were removed in the middle, perhaps by another run of the same call; "
                      "give the command again when no other is at work")  # fmt: skip


def units(genome: ResidentGenome, regions: pd.DataFrame | None) -> Iterator[Unit]:
    """Stretches of UNIT bins, in order of name; with `regions`, only those that touch one.

    >>> list(units(ResidentGenome(Genome("sacCer3.fa.gz")), None))[0]
    Unit(chrom='chrI', first=0, end=2000)
    """
    for chrom in sorted(genome.names):
        bins = -(-int(genome.lengths[genome.row[chrom]]) // STEP)
        for first in range(0, bins, UNIT):
            unit = Unit(chrom, first, min(first + UNIT, bins))
            if regions is None or inside(regions, unit, np.arange(unit.first, unit.end) * STEP, STEP).any():
                yield unit


def inside(regions: pd.DataFrame, unit: Unit, start: Int[np.ndarray, " n"], width: int = 1) -> Bool[np.ndarray, " n"]:
    """Which stretches [start, start + width) of a unit's chromosome share a base with a region."""
    mine = regions[regions.chrom == unit.chrom]
    begun = np.searchsorted(np.sort(mine.start.to_numpy()), start + width, side="left")
    return begun > np.searchsorted(np.sort(mine.end.to_numpy()), start, side="right")


@torch.no_grad()
def unit_calls(
    run: runs.Run, genome: ResidentGenome, unit: Unit, regions: pd.DataFrame | None = None,
    threshold: float = THRESHOLD, probability: float = PROBABILITY,
) -> pd.DataFrame:  # fmt: skip
    """Calls whose middle lies in a unit: columns of `instances.call`, in order of start.

    MARGIN bins on both sides are read too, so that calls that overlap across an edge are merged
    there.
    """
    window, length = run.tile, int(genome.lengths[genome.row[unit.chrom]])
    bins = np.arange(max(unit.first - MARGIN, 0), min(unit.end + MARGIN, -(-length // STEP)))
    if regions is not None:
        bins = bins[inside(regions, unit, (bins - MARGIN) * STEP, (2 * MARGIN + 1) * STEP)]
    parts = []
    for chosen in np.array_split(bins, -(-len(bins) // UNIT) or 1):
        start = chosen * STEP + (STEP - window) // 2
        for rows in np.array_split(firing(run, genome, unit.chrom, chosen), -(-len(chosen) // BATCH) or 1):
            x = genome.cut([unit.chrom] * len(rows), start[rows], window)
            bound = (run.model(x).sigmoid() >= probability).cpu().numpy() if len(rows) else np.zeros(0, dtype=bool)
            if bound.any():
                parts.append(sites(run, x[bound], chosen[rows[bound]], unit.chrom, length, threshold))
    calls = pd.concat(parts) if parts else pd.DataFrame(columns=CALL_COLUMNS)
    calls = merge(calls) if len(calls) else calls
    middle = (calls.start + calls.end) // 2
    own = (middle >= unit.first * STEP) & (middle < unit.end * STEP)
    if regions is not None:
        own &= inside(regions, unit, middle.to_numpy(dtype=int))
    return calls[own].sort_values(["start", "end", "motif"], kind="stable").reset_index(drop=True)


def firing(run: runs.Run, genome: ResidentGenome, chrom: str, bins: Int[np.ndarray, " n"]) -> Int[np.ndarray, " m"]:
    """Rows of `bins` in which a filter that reads a motif answers with FIRE of its highest possible
    activation."""
    scanner, width = run.model.scanner, run.model.config.width
    kernel, bias = scanner.channels()
    highest = kernel.clamp(min=0).amax(1).sum(1) + bias  # (C,)
    reads = torch.tensor(sorted(channel_motifs(run.model, run.found).index), dtype=torch.long)
    if not len(bins) or not len(reads):
        return np.zeros(0, dtype=int)
    runs_of = np.split(np.arange(len(bins)), np.flatnonzero(np.diff(bins) > 1) + 1)
    fires = np.zeros(len(bins), dtype=bool)
    for rows in runs_of:  # bins in a row are scanned in one stretch, a filter's width more on each side
        begin, size = bins[rows[0]] * STEP - width, len(rows) * STEP
        x = genome.cut([chrom], [begin], size + 2 * width)
        share = (scanner(x)[0, reads] / highest[reads, None].clamp(min=1e-6)).amax(0)  # (size + W + 1,)
        best = torch.nn.functional.max_pool1d(share[None], width + STEP, STEP)[0]  # windows that begin up to W before
        fires[rows] = (best[: len(rows)] >= FIRE).cpu().numpy()
    return np.flatnonzero(fires)


def sites(
    run: runs.Run, x: Float[Tensor, "B 4 L"], bins: Int[np.ndarray, " B"], chrom: str, length: int, threshold: float
) -> pd.DataFrame:  # fmt: skip
    """Calls in the middle bin of each window, in coordinates of the chromosome, not yet merged."""
    reads = channel_motifs(run.model, run.found)
    with torch.enable_grad():
        seen = candidates(run.model, x, least=threshold)
    seen = seen[(seen.score >= threshold) & seen.channel.isin(reads.index)]
    mine, row = reads.loc[seen.channel], bins[seen.row.to_numpy()]
    start = row * STEP + (STEP - x.shape[2]) // 2 + seen.start.to_numpy() + mine.offset.to_numpy()
    end = start + mine.length.to_numpy()
    own = (start + end) // 2 // STEP == row
    calls = seen[["score", "activation", "attention", "effect", "probability"]].assign(
        sequence=chrom, start=start.clip(0), end=end.clip(max=length), motif=mine.motif.to_numpy(),
        strand=mine.strand.to_numpy(),
    )  # fmt: skip
    return calls.loc[own, CALL_COLUMNS]


def _lines(calls: pd.DataFrame) -> str:
    score = (1000 * calls.score.astype(float)).round().clip(0, 1000).astype(int)
    return calls[CALL_COLUMNS].assign(score=score).to_csv(sep="\t", index=False, header=False, float_format="%.4g")


def _identity(run: runs.Run) -> str:
    weights = b"".join(value.cpu().numpy().tobytes() for value in run.model.state_dict().values())
    return hashlib.sha256(weights + run.found.table.to_csv().encode() + run.found.members.to_csv().encode()).hexdigest()


@contextmanager
def _workplace(out: Path, key: str, state: PartialState) -> Iterator[Path]:
    """The hidden folder of finished parts, for this call alone; those of earlier calls into the
    same file are removed.

    InputError if another call is at work for this file: each would remove what the other has done.
    """
    folder, lock = out.parent / f".{out.name}.{key}.parts", None
    if state.is_main_process:
        name = re.compile(re.escape(f".{out.name}.") + "[0-9a-f]{16}[.]parts")  # not the parts of OUT.bed beside OUT
        old = [other for other in out.parent.glob(".*.parts") if name.fullmatch(other.name) and other != folder]
        for other in old:
            if free := _lock(other, out):
                free.close()
        if not (folder / BEGUN).exists():
            write_atomic(folder / BEGUN, "")
        lock = _lock(folder, out)
        for other in old:
            shutil.rmtree(other, ignore_errors=True)
    state.wait_for_everyone()
    try:
        yield folder
    finally:
        if lock is not None:
            lock.close()


def _lock(folder: Path, out: Path):
    """A file that is locked until it is closed or its process ends, in whatever way."""
    file = None
    try:
        file = (folder / BEGUN).open("ab")
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise InputError(f"{out}: another call is writing this file; wait for it, or choose another file"
                         ) from error  # fmt: skip
    except OSError:
        pass  # no mark yet, or a file system without locks
    return file
