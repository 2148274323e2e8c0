"""A genome in memory, one byte per base, on any device: batches are cut from it by index."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from motiflib.batches import Order
from motiflib.files import need
from motiflib.genome.fasta import Genome
from motiflib.sequence import UNKNOWN, from_codes, to_codes


class ResidentGenome:
    """All chromosomes (or those named; else InputError) as codes in one tensor, one after another.

    >>> size = Path("g.fa").write_text(">chrI\\nCCACACnnAC\\n")
    >>> ResidentGenome(Genome("g.fa")).cut(["chrI"], [5], 4).argmax(1).tolist()
    [[1, 0, 0, 0]]
    """

    def __init__(self, genome: Genome, chroms: Sequence[str] | None = None):
        names = list(genome.chroms if chroms is None else chroms)
        parts = [to_codes(genome.fetch(name, 0, genome.chroms.get(name, 1))) for name in names]
        self.chroms = {name: len(part) for name, part in zip(names, parts, strict=True)}
        self.row = {name: i for i, name in enumerate(names)}
        self.lengths = torch.tensor(list(self.chroms.values()))
        self.first = self.lengths.cumsum(0) - self.lengths
        self.codes = torch.from_numpy(np.concatenate(parts))

    def place(self, device: torch.device | str) -> None:
        for name in ("lengths", "first", "codes"):
            setattr(self, name, getattr(self, name).to(device))

    def cut(self, chrom: Sequence[str], start: Sequence[int] | Int[Tensor, " B"],
            length: int) -> Float[Tensor, "B 4 L"]:
        """One-hot windows [start, start + length), there; N stands beyond a chromosome."""
        device = self.codes.device
        row = torch.tensor([self.row[name] for name in chrom], device=device)
        steps = torch.arange(length, device=device)
        place = torch.as_tensor(start, device=device)[:, None] + steps  # (B, L)
        beyond = (place < 0) | (place >= self.lengths[row, None])
        index = (self.first[row, None] + place).clamp(0, len(self.codes) - 1)
        return from_codes(self.codes[index].masked_fill(beyond, UNKNOWN))


class LociBatches:
    """Training batches cut from a resident genome at each step, in the order of
    `batches.ArrayBatches`; `loci` has columns chrom, start, label. Each window moves by up to
    `shift` bp to either side, anew in each epoch, lest a few hundred peaks be learnt by heart."""

    def __init__(self, genome: ResidentGenome, loci: pd.DataFrame, width: int, *, shift: int = 0,
                 seed: int = 0):
        need(len(loci), "no loci: training needs sequences of both classes")
        self.genome, self.width, self.shift = genome, width, shift
        self.chrom, self.start = loci.chrom.to_numpy(), torch.tensor(loci.start.to_numpy())
        self.y = torch.tensor(loci.label.to_numpy(), dtype=torch.float32)
        self.order, self.distinct = Order(len(loci), seed=seed), len(loci)
        self.steps = self.order.steps

    def place(self, device: torch.device) -> None:
        self.genome.place(device)
        self.y = self.y.to(device)

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        for rows, generator in self.order.epoch(number):
            start, most = self.start[rows], self.shift
            if most:
                start += torch.randint(-most, most + 1, rows.shape, generator=generator)
            chrom = self.chrom[rows.numpy()]  # a tensor of one row would give a name, not an array
            yield self.genome.cut(chrom, start, self.width), self.y[rows]
