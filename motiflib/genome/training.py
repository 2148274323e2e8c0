"""From a genome and peaks to a run, and what it says of chromosomes that it has not seen."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch

from motiflib.batches import ArrayBatches, Examples, split
from motiflib.files import InputError
from motiflib.genome.fasta import Genome
from motiflib.genome.peaks import from_peaks
from motiflib.genome.windows import LociBatches, ResidentGenome
from motiflib.model import ArgminnConfig
from motiflib.run import folder as runs
from motiflib.seeding import seeded
from motiflib.sequence import one_hot
from motiflib.training import TrainConfig, fit, predict, roc_auc_score

log = logging.getLogger(__name__)
WIDTH = 20  # of filters: a motif such as Abf1's has 14 bp, and seeds at either end of it stand in the middle of one
SHIFT = 0.1  # of a window: how far it moves in training, since a peak's summit is not its motif
MIDDLE = 0.3  # of a window: where filters are seeded first, as the site is there; see benchmarks/yeast_settings.py


def train_on_peaks(
    genome: str | os.PathLike, peaks: str | os.PathLike | pd.DataFrame, out: str | os.PathLike, *, width: int = 200,
    negatives="gc-matched", ratio: int = 4, test_chroms=(), blacklist=None, rename: bool = False, seed: int = 0,
    shift: float = SHIFT, config: ArgminnConfig | None = None, training: TrainConfig | None = None,
    progress: bool = True,
) -> tuple[runs.Run, pd.DataFrame]:  # fmt: skip
    """Train on windows around peaks (`loci.from_peaks`), cut from the genome in memory, and keep
    the run in `out`.

    Filters start at words of the windows' MIDDLE, then of the whole windows
    (`seeding.enriched_kmers`). In each epoch every window is moved by up to `shift` of its width. A
    tenth of the training windows is held back for choosing the epoch. Interrupted, the same call
    goes on. Returns the run and all examples, those of the test chromosomes too: columns name,
    chrom, start, end, label, part, probability.

    Raises:
        InputError: what `from_peaks` or `runs.check_settings` refuse, or windows shorter than the
            filters; nothing is left behind then.

    Example:
        >>> run, table = train_on_peaks("sacCer3.fa.gz", "Reb1.bed", "run", test_chroms=["chrIV"], rename=True)
    """
    config, training = config or ArgminnConfig(width=WIDTH), training or TrainConfig()
    runs.check_settings(config, training, seed)
    if width < 2 * config.width:
        raise InputError(f"window of {width} bp: expected at least {2 * config.width}, twice the filters' width")
    with Genome(genome) as sequence:
        data = from_peaks(sequence, peaks, width, negatives=negatives, ratio=ratio, test_chroms=test_chroms,
                          blacklist=blacklist, rename=rename, seed=seed)  # fmt: skip
        _check_classes(data[data.part == "train"], "" if isinstance(peaks, pd.DataFrame) else f"{os.fspath(peaks)}: ")
        resident = ResidentGenome(sequence, sorted(set(data.chrom[data.part == "train"])))
    mine = data[data.part == "train"].reset_index(drop=True)
    train, valid, rows = divided(mine, seed)
    moved = int(shift * width)
    letters = "".join(f">{row.name}\n{row.sequence}\n" for row in mine.itertuples(index=False))
    about = {"length": width, "peaks": int(mine.label.sum()), "negatives": str(negatives), "ratio": ratio,
             "test_chroms": list(test_chroms), "sha256": hashlib.sha256(letters.encode()).hexdigest()}  # fmt: skip
    asked = {"model": asdict(config), "training": asdict(training), "seed": seed, "shift": moved, "data": about}
    batches = LociBatches(resident, mine.iloc[rows], width, shift=moved, seed=seed)
    if isinstance(negatives, str) and negatives == "dinucleotide":  # these stand nowhere in the genome
        batches = ArrayBatches(train, seed=seed)
    with runs._workplace(Path(out), asked) as folder:
        start = seeded(config, train, seed=seed, middle=int(MIDDLE * width))
        result = fit(start, batches, valid, training, out=folder, progress=progress)
        result.model.cpu()
        if runs.PartialState().is_main_process:
            runs.save_run(folder, result, train, valid, asked)
        runs.PartialState().wait_for_everyone()
        shutil.rmtree(folder / "checkpoint", ignore_errors=True)
    run = runs.load_run(out)
    data = data.assign(probability=predict(run.model, one_hot(data.sequence.tolist())).numpy())
    test = data[data.part == "test"]
    if len(test):
        auroc = roc_auc_score(test.label, test.probability)
        log.info("held-out chromosomes: AUROC %.3f on %d windows", auroc, len(test))
    return run, data[["name", "chrom", "start", "end", "label", "part", "probability"]]


def _check_classes(table: pd.DataFrame, where: str) -> None:
    """InputError for fewer than two of a class: one is held back for choosing the epoch, one is
    learnt from."""
    for label, name, advice in ((1, "peaks", "give more peaks"), (0, "negatives", "choose another kind of negatives")):
        if (count := int((table.label == label).sum())) < 2:
            raise InputError(f"{where}{count} {name} in the train part; training needs at least 2, and some hundreds "
                             f"to learn from: {advice}")  # fmt: skip


def as_examples(table: pd.DataFrame) -> Examples:
    """The windows of a table of `from_peaks` as labelled one-hot.

    >>> as_examples(from_peaks(genome, "Reb1.bed", 200)).x.shape[2]
    200
    """
    return Examples(one_hot(table.sequence.tolist()), torch.tensor(table.label.to_numpy(), dtype=torch.float32))


def divided(table: pd.DataFrame, seed: int = 0) -> tuple[Examples, Examples, list[int]]:
    """Training and validation examples (a tenth of each class), and the rows of the former.

    >>> train, valid, rows = divided(table)
    """
    data = as_examples(table)
    train, valid = split(Examples(torch.arange(len(data.y)), data.y), seed=seed)
    return Examples(data.x[train.x], train.y), Examples(data.x[valid.x], valid.y), train.x.tolist()
