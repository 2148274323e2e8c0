"""One small training in a process of its own: python train_once.py FOLDER [EPOCHS [EPOCH to be
killed in]].

Under `torchrun` several processes share it. Weights end up in FOLDER/weights-N.pt, N the number of
processes.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import torch

from motiflib.batches import ArrayBatches, Examples
from motiflib.model import Argminn, ArgminnConfig
from motiflib.training import TrainConfig, fit

SHAPE = ArgminnConfig(
    filters=3, width=5, token=8, stream=16, heads=2, position=4, candidates=10, neighbourhood=12
)
SETTINGS = TrainConfig(epochs=4, device="cpu")


def planted(n: int, length: int = 40, seed: int = 0) -> Examples:
    """Half of the sequences hold GATTACA somewhere."""
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randint(0, 4, (n, length), generator=generator)
    y = (torch.arange(n) % 2).float()
    for i in range(1, n, 2):
        start = int(torch.randint(0, length - 7, (1,), generator=generator))
        codes[i, start : start + 7] = torch.tensor([2, 0, 3, 3, 0, 1, 0])
    return Examples(torch.nn.functional.one_hot(codes, 4).mT.float(), y)


class Deadly(ArrayBatches):
    """Kills its own process after the first batch of one epoch, as a power cut would."""

    last = -1

    def epoch(self, number: int):
        for i, batch in enumerate(super().epoch(number)):
            if number == self.last and i == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            yield batch


def train(folder: Path | None, epochs: int = 4, killed_in: int = -1):
    """The training that all callers share."""
    torch.manual_seed(3)
    batches = Deadly(planted(96), batch=16)
    batches.last = killed_in
    settings = replace(SETTINGS, epochs=epochs)
    return fit(Argminn(SHAPE), batches, planted(60, seed=1), settings, out=folder, progress=False)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    model, _ = train(folder, *map(int, sys.argv[2:]))
    if not int(os.environ.get("RANK", 0)):
        torch.save(model.state_dict(), folder / f"weights-{os.environ.get('WORLD_SIZE', 1)}.pt")
