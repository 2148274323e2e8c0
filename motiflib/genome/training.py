"""From a genome and peaks to a run, and what it says of chromosomes that it has not seen."""

import hashlib
import logging
import os
from collections.abc import Iterator, Sequence

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from motiflib.batches import ArrayBatches, Examples, Order
from motiflib.files import need
from motiflib.genome.fasta import Genome, ResidentGenome
from motiflib.genome.peaks import PLACE, Intervals, from_peaks
from motiflib.model import ArgminnConfig
from motiflib.run import folder as runs
from motiflib.sequence import Record, one_hot
from motiflib.training import TrainConfig, predict, roc_auc_score

log = logging.getLogger(__name__)
WIDTH = 20  # of filters: a motif such as Abf1's has 14 bp, and seeds may start at either end of it
SHIFT = 0.1  # of a window: how far it moves in training, since a peak's summit is not its motif
MIDDLE = 0.3  # of a window: where filters are seeded first; see benchmarks/yeast_settings.py


def train_on_peaks(
    genome: str | os.PathLike, peaks: Intervals, out: str | os.PathLike, *, width: int = 200,
    negatives: Intervals = "gc-matched", ratio: int = 4, test_chroms: Sequence[str] = (),
    blacklist: Intervals | None = None, rename: bool = False, seed: int = 0,
    config: ArgminnConfig | None = None, training: TrainConfig | None = None, force: bool = False,
    progress: bool = True,
) -> tuple[runs.Run, pd.DataFrame]:
    """Train on windows around peaks (`from_peaks`) and keep the run in `out`, as `runs.train_run`;
    returns it and all examples, those of the test chromosomes too: columns name, chrom, start, end,
    label, part, probability. Filters start at words of the windows' middle, then of whole ones."""
    config, training = config or ArgminnConfig(width=WIDTH), training or TrainConfig()
    runs.check_settings(config, training, seed)
    least = 2 * config.width
    need(width >= least,
         f"window of {width} bp: expected at least {least}, twice the filters' width")
    with Genome(genome) as sequence:
        data = from_peaks(sequence, peaks, width, negatives=negatives, ratio=ratio, seed=seed,
                          test_chroms=test_chroms, blacklist=blacklist, rename=rename)
        mine = data[data.part == "train"].reset_index(drop=True)
        where = "" if isinstance(peaks, pd.DataFrame) else f"{os.fspath(peaks)}: "
        advice = {"peaks": "give more peaks", "negatives": "choose another kind of negatives"}
        for label, name in ((1, "peaks"), (0, "negatives")):  # one is held back, one learnt from
            count = (mine.label == label).sum()
            need(count >= 2, f"{where}{count} {name} in the train part; training needs at least 2, "
                             f"and some hundreds to learn from: {advice[name]}")
        resident = ResidentGenome(sequence, sorted(set(mine.chrom)))
    records = [Record(*row) for row in mine[["name", "sequence"]].itertuples(index=False)]
    train, held = runs.divide(records, _labels(mine), seed)
    shift = int(SHIFT * width)
    batches = LociBatches(resident, mine.iloc[train.rows], width, shift=shift, seed=seed)
    if isinstance(negatives, str) and negatives == "dinucleotide":  # these stand nowhere in it
        batches = ArrayBatches(train.examples, seed=seed)
    letters = "".join(f">{row.name}\n{row.sequence}\n" for row in mine.itertuples(index=False))
    about = {"length": width, "peaks": int(mine.label.sum()), "negatives": str(negatives),
             "ratio": ratio, "test_chroms": list(test_chroms),
             "sha256": hashlib.sha256(letters.encode()).hexdigest()}
    run = runs.keep(out, train, held, batches, config, training, seed=seed, force=force,
                    middle=int(MIDDLE * width), about={"shift": shift, "data": about},
                    progress=progress)
    data["probability"] = predict(run.model, one_hot(data.sequence.tolist())).numpy()
    test = data[data.part == "test"]
    if len(test):
        auroc = roc_auc_score(test.label, test.probability)
        log.info("held-out chromosomes: AUROC %.3f on %d windows", auroc, len(test))
    return run, data[["name", *PLACE, "label", "part", "probability"]]


class LociBatches:
    """Training batches cut from a resident genome at each step, in the order of
    `batches.ArrayBatches`; `loci` has columns chrom, start, label. Each window moves by up to
    `shift` bp to either side, anew in each epoch, lest a few hundred peaks be learnt by heart."""

    def __init__(self, genome: ResidentGenome, loci: pd.DataFrame, width: int, *, shift: int = 0,
                 seed: int = 0):
        need(len(loci), "no loci: training needs sequences of both classes")
        self.genome, self.width, self.shift = genome, width, shift
        self.chrom, self.start = loci.chrom.to_numpy(), torch.tensor(loci.start.to_numpy())
        self.y, self.order = _labels(loci), Order(len(loci), seed=seed)
        self.steps, self.distinct = self.order.steps, len(loci)

    def place(self, device: torch.device) -> None:
        self.genome.place(device)
        self.y = self.y.to(device)

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        for rows, generator in self.order.epoch(number):
            moved = torch.randint(-self.shift, self.shift + 1, rows.shape, generator=generator)
            chrom = self.chrom[rows.numpy()]  # a tensor of one row would give a name, not an array
            yield self.genome.cut(chrom, self.start[rows] + moved, self.width), self.y[rows]


def as_examples(table: pd.DataFrame) -> Examples:
    """The windows of a table of `from_peaks` as labelled one-hot."""
    return Examples(one_hot(table.sequence.tolist()), _labels(table))


def divided(table: pd.DataFrame, seed: int = 0) -> tuple[Examples, Examples, list[int]]:
    """Training and validation examples (a tenth of each class), and the rows of the former.

    >>> divided(pd.DataFrame({"sequence": ["ACGT"] * 6, "label": [1, 1, 1, 0, 0, 0]}))[2]
    [0, 1, 3, 4]
    """
    train, held = runs.divide(table.sequence.tolist(), _labels(table), seed)
    return train.examples, held.examples, train.rows


def _labels(table: pd.DataFrame) -> Float[Tensor, " N"]:
    return torch.tensor(table.label.to_numpy(), dtype=torch.float32)
