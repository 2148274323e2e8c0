"""Instances along a whole genome, in bins of STEP bases. A bin where no filter fires is skipped.
Else the network reads a window around it, as long as those of its training; if it takes this for
bound, the sites in the bin are calls."""

import hashlib
import json
import logging
import os
import re
import shutil
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from accelerate import PartialState
from filelock import FileLock, Timeout
from jaxtyping import Bool, Int
from tqdm.auto import tqdm

from motiflib.calling import CALL_COLUMNS, THRESHOLD, bed_lines, merge, piece_calls, write_lines
from motiflib.discovery import channel_motifs
from motiflib.files import InputError, need, write_atomic
from motiflib.genome.fasta import Genome, ResidentGenome
from motiflib.genome.peaks import PLACE, on_genome, overlaps
from motiflib.run import folder as runs
from motiflib.training import check_device, predict

log = logging.getLogger(__name__)
STEP = 20  # bp of a bin: a site stands at most 10 bp from the middle of its window
FIRE = 0.5  # share of a filter's highest possible activation below which it is taken to be silent
PROBABILITY = 0.5  # of a window, from which its sites are looked at
UNIT = 2_000  # bins that are called at a time, by one process
MARGIN = 3  # bins beside a unit that are read too
BATCH = 256  # windows that the network reads at a time


def call_genome(
    run: runs.Run, genome: str | os.PathLike, out: str | os.PathLike, *,
    regions: str | os.PathLike | None = None, rename: bool = False, threshold: float = THRESHOLD,
    probability: float = PROBABILITY, device: str = "cpu", extra: bool = False,
    progress: bool = True,
) -> None:
    """Instances of a run's motifs along a genome as BED (`bed_lines`): of at least the
    score `threshold`, in windows that are bound with at least `probability`; with `regions`, only
    those whose middle lies in one. Under `torchrun` or `accelerate launch`, processes share the
    work; the file is the same to the byte. Killed at any time, the same call goes on from the parts
    that are finished. InputError while another call is writing there.

    >>> size = Path("g.fa").write_text(">c\\n" + "TTCAGCACCACGGACAGCGCC" * 30)
    >>> call_genome(run, "g.fa", "calls.bed", progress=False)
    """
    for name, value in (("threshold", threshold), ("probability", probability)):
        need(0 <= value <= 1, f"{name} {value}: expected a number from 0 to 1")
    there = check_device(device)
    device = next((name for name, ok in there.items() if ok), "cpu") if device == "auto" else device
    state = PartialState(cpu=device == "cpu")
    with Genome(genome) as sequence:
        chroms = sequence.chroms
        whole = pd.DataFrame({"chrom": chroms.keys(), "start": 0, "end": chroms.values()})
        wanted = whole
        if regions is not None:
            wanted = on_genome(regions, chroms, rename=rename, whole=True)
        resident = ResidentGenome(sequence, sorted(set(wanted.chrom)))
    # the letters, not the file's time: another genome must never get the parts of this one
    letters = hashlib.sha256(resident.codes.numpy()).hexdigest()
    about = [letters, resident.chroms, wanted.to_csv(), threshold, probability, extra]
    with ExitStack() as after:
        folder = _workplace(Path(out), run, about, state, after)
        todo = units(resident, wanted)
        parts = [folder / f"{i}.bed" for i in range(len(todo))]
        mine = range(state.process_index, len(todo), state.num_processes)
        quiet = not (progress and state.is_main_process)
        after.callback(torch.set_num_threads, torch.get_num_threads())
        torch.set_num_threads(1)  # sums in the same order, whatever the number of processes
        after.callback(run.model.to, next(run.model.parameters()).device)
        run.model.to(device)
        resident.place(device)
        for i in tqdm(mine, desc="calling", unit="part", disable=quiet):
            if not parts[i].exists():
                calls = unit_calls(run, resident, todo[i], wanted, threshold, probability)
                write_atomic(parts[i], bed_lines(calls, extra=extra))
        if state.is_main_process:
            _join(Path(out), folder, parts, [parts[i] for i in mine], extra)


def _workplace(out: Path, run: runs.Run, about: list, state: PartialState,
               after: ExitStack) -> Path:
    """The hidden folder of finished parts, for this very call alone; those of older calls go."""
    weights = b"".join(value.cpu().numpy().tobytes() for value in run.model.state_dict().values())
    tables = run.found.table.to_csv() + run.found.members.to_csv()
    key = hashlib.sha256(weights + tables.encode() + json.dumps(about).encode()).hexdigest()[:16]
    home = out.parent / f".{out.name}.parts"
    folder, lock = home / key, FileLock(home / "lock", timeout=0)
    if state.is_main_process:
        write_atomic(folder / "begun", "")
        try:
            lock.acquire()  # until it is released or the process ends, in whatever way
        except Timeout as error:
            raise InputError(f"{out}: another call is writing this file; wait for it, or choose "
                             "another file") from error
        after.callback(lock.release)
        for other in set(home.iterdir()) - {folder}:
            _remove(other)
        runs.sweep(out)
    state.wait_for_everyone()
    return folder


def _remove(folder: Path) -> None:
    """A folder of parts, if it carries our name and mark: what others keep there stays."""
    if re.fullmatch("[0-9a-f]{16}", folder.name) and (folder / "begun").is_file():
        shutil.rmtree(folder, ignore_errors=True)


def _leave(folder: Path) -> None:
    """Removes all parts of ours, and the folder around them if nothing else is in it."""
    shutil.rmtree(folder, ignore_errors=True)  # its mark may be what is missing
    with suppress(OSError):
        for other in folder.parent.iterdir():  # such as of a call that was refused meanwhile
            _remove(other)
        (folder.parent / "lock").unlink(missing_ok=True)
        folder.parent.rmdir()


def _join(out: Path, folder: Path, parts: list[Path], ours: list[Path], extra: bool) -> None:
    """The parts of all processes as one file; `ours` are there, unless somebody removed them."""
    while not all(part.exists() for part in parts):
        if not all(part.exists() for part in [folder / "begun", *ours]):
            _leave(folder)
            raise InputError(f"{folder}: finished parts were removed in the middle, perhaps by "
                             "another run of the same call; give the command again when no other "
                             "is at work")
        time.sleep(0.1)  # for the other processes
    write_lines([part.read_bytes() for part in parts], out, extra=extra)
    _leave(folder)


def units(genome: ResidentGenome, regions: pd.DataFrame) -> list:
    """Stretches (chrom, start, end) of UNIT bins that touch a region, in order of name."""
    rows, size = [], UNIT * STEP
    for chrom, length in sorted(genome.chroms.items()):
        rows += [(chrom, start, min(start + size, length)) for start in range(0, length, size)]
    table = pd.DataFrame(rows, columns=PLACE)
    return list(table[overlaps(table, regions)].itertuples(index=False))


def unit_calls(run: runs.Run, genome: ResidentGenome, unit, regions: pd.DataFrame,
               threshold: float, probability: float) -> pd.DataFrame:
    """Calls whose middle lies in a unit and in a region; MARGIN bins on both sides are read too, so
    that calls that overlap across an edge are merged there."""
    chrom, margin, parts = unit.chrom, MARGIN * STEP, []
    regions, length = regions[regions.chrom == chrom], genome.chroms[chrom]
    bins = np.arange(max(unit.start - margin, 0), min(unit.end + margin, length), STEP)
    around = pd.DataFrame({"chrom": chrom, "start": bins - margin, "end": bins + STEP + margin})
    bins = bins[overlaps(around, regions)]
    for chosen in filter(len, np.array_split(bins, -(-len(bins) // UNIT) or 1)):
        fired = chosen[firing(run, genome, chrom, chosen)]
        for mine in filter(len, np.array_split(fired, -(-len(chosen) // BATCH))):
            begin = mine + (STEP - run.tile) // 2
            x = genome.cut([chrom] * len(mine), begin, run.tile)
            bound = (predict(run.model, x) >= probability).numpy()
            pieces = {"sequence": chrom, "begin": begin, "low": mine, "high": mine + STEP}
            pieces = pd.DataFrame(pieces | {"end": length})[bound].reset_index(drop=True)
            if len(pieces):
                parts.append(piece_calls(run.model, run.found, x[bound], pieces, threshold))
    if not parts:
        return pd.DataFrame(columns=CALL_COLUMNS)
    calls = merge(pd.concat(parts))
    middle = ((calls.start + calls.end) // 2).to_numpy()
    inside = overlaps(pd.DataFrame({"chrom": chrom, "start": middle, "end": middle + 1}), regions)
    own = (unit.start <= middle) & (middle < unit.end) & inside
    return calls[own].sort_values(["start", "end", "motif"], kind="stable")


@torch.no_grad()
def firing(run: runs.Run, genome: ResidentGenome, chrom: str,
           bins: Int[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Bins in which a filter that reads a motif reaches FIRE of its highest possible activation."""
    scanner, width = run.model.scanner, run.model.config.width
    kernel, bias = scanner.channels()
    highest = kernel.clamp(min=0).amax(1).sum(1) + bias  # (C,)
    reads = torch.tensor(sorted(channel_motifs(run.model, run.found).index), dtype=torch.long)
    fires = np.zeros(len(bins), dtype=bool)
    if not len(reads):
        return fires
    for rows in np.split(np.arange(len(bins)), np.flatnonzero(np.diff(bins) > STEP) + 1):
        # bins in a row are scanned in one stretch, a filter's width more on each side
        x = genome.cut([chrom], [bins[rows[0]] - width], len(rows) * STEP + 2 * width)
        share = (scanner(x)[0, reads] / highest[reads, None].clamp(min=1e-6)).amax(0)
        # windows that begin up to a width before a bin count too
        best = torch.nn.functional.max_pool1d(share[None], width + STEP, STEP)[0]
        fires[rows] = (best[: len(rows)] >= FIRE).cpu().numpy()
    return fires
