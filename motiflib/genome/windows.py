"""A genome in memory, one byte per base, on any device: batches are cut from it by index, without
worker processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from motiflib.files import InputError
from motiflib.genome.fasta import Genome
from motiflib.sequence import BASES

UNKNOWN = 4  # the code of N, and of what lies beyond a chromosome
_CODES = np.full(256, UNKNOWN, dtype=np.uint8)
_CODES[np.frombuffer(BASES.encode(), dtype=np.uint8)] = range(4)


class ResidentGenome:
    """All chromosomes (or those named) as codes 0-3 for ACGT and 4 for N, one after another, in one
    uint8 tensor.

    A human genome takes 3.1 GB. On a CPU the tensor can be in shared memory (`share`), so that
    processes made by torch.multiprocessing read the same copy.

    Raises:
        InputError: a chromosome that the genome does not have.

    Example:
        >>> genome = ResidentGenome(Genome("sacCer3.fa.gz"), device="cuda")
        >>> genome.cut(["chrI"], [1000], 200).shape
        torch.Size([1, 4, 200])
    """

    def __init__(
        self, genome: Genome, chroms: Sequence[str] | None = None, *, device: str = "cpu", share: bool = False
    ):
        self.names = list(genome.chroms if chroms is None else chroms)
        letters = (genome.fetch(name, 0, genome.chroms.get(name, 1)) for name in self.names)
        parts = [_CODES[np.frombuffer(text.encode(), dtype=np.uint8)] for text in letters]
        lengths = torch.tensor([len(part) for part in parts])
        self.row = {name: i for i, name in enumerate(self.names)}
        self.lengths, self.first = lengths.to(device), (lengths.cumsum(0) - lengths).to(device)
        codes = torch.from_numpy(np.concatenate(parts))
        self.codes = codes.share_memory_() if share and device == "cpu" else codes.to(device)

    def to(self, device: torch.device | str) -> ResidentGenome:
        """The same genome, moved there.

        >>> genome.to("cuda").codes.device
        device(type='cuda', index=0)
        """
        self.lengths, self.first, self.codes = (part.to(device) for part in (self.lengths, self.first, self.codes))
        return self

    def cut(
        self, chrom: Sequence[str], start: Sequence[int] | Int[Tensor, " B"], length: int,
        strand: Sequence[str] | None = None,
    ) -> Float[Tensor, "B 4 L"]:  # fmt: skip
        """One-hot windows [start, start + length) on the genome's device; beyond a chromosome
        stands N.

        >>> genome.cut(["chrI", "chrI"], [0, 0], 4, strand=["+", "-"])
        """
        device = self.codes.device
        row = torch.tensor([self.row[name] for name in chrom], dtype=torch.long, device=device)
        place = torch.as_tensor(start, device=device)[:, None] + torch.arange(length, device=device)  # (B, L)
        beyond = (place < 0) | (place >= self.lengths[row, None])
        index = (self.first[row, None] + place).clamp(0, len(self.codes) - 1)
        codes = self.codes[index].masked_fill(beyond, UNKNOWN)
        x = (codes[:, None] == torch.arange(4, dtype=torch.uint8, device=device)[:, None]).float()  # (B, 4, L)
        if strand is None:
            return x
        turned = torch.tensor([s == "-" for s in strand], dtype=torch.bool, device=device)
        return torch.where(turned[:, None, None], x.flip(1, 2), x)


class LociBatches:
    """Training batches cut from a resident genome at each step: nothing is copied beforehand, no
    process fetches.

    `loci` has columns chrom, start, label. Each window is moved by up to `shift` bp to either side,
    anew in each epoch: a few hundred peaks are then not learnt by heart. Same order as
    `batches.ArrayBatches` on the same examples, seed and batch size.

    >>> fit(model, LociBatches(genome, loci, 200, shift=40), valid)
    """

    def __init__(
        self, genome: ResidentGenome, loci: pd.DataFrame, width: int, *, shift: int = 0, batch: int | None = None,
        seed: int = 0,
    ):  # fmt: skip
        if not len(loci):
            raise InputError("no loci: training needs sequences of both classes")
        self.genome, self.chrom, self.width = genome, loci.chrom.to_numpy(), width
        self.start = torch.tensor(loci.start.to_numpy())
        self.y = torch.tensor(loci.label.to_numpy(), dtype=torch.float32)
        self.distinct, self.shift, self.seed = len(loci), shift, seed
        self.batch = batch or min(128, max(16, self.distinct // 60))
        self.steps = max(1, self.distinct // self.batch)

    def place(self, device: torch.device) -> None:
        """Move genome and labels there, once; batches are then cut where they are used."""
        self.genome, self.y = self.genome.to(device), self.y.to(device)

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator().manual_seed(self.seed * 100_003 + number)
        for rows in torch.randperm(self.distinct, generator=generator).split(self.batch)[: self.steps]:
            moved = torch.randint(-self.shift, self.shift + 1, (len(rows),), generator=generator) if self.shift else 0
            chrom = self.chrom[rows.numpy()]  # a tensor with one row would give a name, not an array of one
            yield self.genome.cut(chrom, self.start[rows] + moved, self.width), self.y[rows]
