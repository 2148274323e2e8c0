"""From a genome and peaks to a run, and what it says of chromosomes that it has not seen."""

from __future__ import annotations

import logging
import os

import pandas as pd

from motiflib import runs
from motiflib.genome.fasta import Genome
from motiflib.genome.loci import from_peaks
from motiflib.model import ArgminnConfig
from motiflib.sequence import Record, one_hot
from motiflib.training import predict, roc_auc_score

log = logging.getLogger(__name__)

WIDTH = 16  # of filters: near the 15 that the paper takes for experiments; a motif such as Abf1's needs 14


def train_on_peaks(
    genome: str | os.PathLike, peaks: str | os.PathLike | pd.DataFrame, out: str | os.PathLike, *, width: int = 200,
    negatives="gc-matched", ratio: int = 4, test_chroms=(), blacklist=None, rename: bool = False, seed: int = 0,
    **settings,
) -> tuple[runs.Run, pd.DataFrame]:  # fmt: skip
    """Train on windows around peaks (`loci.from_peaks`) and keep the run in `out` (`runs.train_run`, whose `settings`).

    Returns the run and all examples, those of the test chromosomes too: columns name, chrom, start, end, label, part,
    probability.

    Raises:
        InputError: what `from_peaks` or `train_run` refuse; nothing is left behind then.

    Example:
        >>> run, table = train_on_peaks("sacCer3.fa.gz", "Reb1.bed", "run", test_chroms=["chrIV"], rename=True)
    """
    settings["config"] = settings.get("config") or ArgminnConfig(width=WIDTH)
    with Genome(genome) as sequence:
        data = from_peaks(sequence, peaks, width, negatives=negatives, ratio=ratio, test_chroms=test_chroms,
                          blacklist=blacklist, rename=rename, seed=seed)  # fmt: skip
    run = runs.train_run(records(data, 1), out, negatives=records(data, 0), seed=seed, **settings)
    data = data.assign(probability=predict(run.model, one_hot(data.sequence.tolist())).numpy())
    test = data[data.part == "test"]
    if len(test):
        auroc = roc_auc_score(test.label, test.probability)
        log.info("held-out chromosomes: AUROC %.3f on %d windows", auroc, len(test))
    return run, data[["name", "chrom", "start", "end", "label", "part", "probability"]]


def records(data: pd.DataFrame, label: int, part: str = "train") -> list[Record]:
    """The sequences of one class and part of a table of `from_peaks`.

    >>> records(data, 1)[0].name
    'chrI:1000-1200'
    """
    mine = data[(data.part == part) & (data.label == label)]
    return [Record(*row) for row in mine[["name", "sequence"]].to_numpy()]
