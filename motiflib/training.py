"""Training: batches in, a network and its history out; an interrupted run goes on where it was."""

from __future__ import annotations

import math
import os
import time
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
import torch.nn.functional as tf
from accelerate import Accelerator
from jaxtyping import Float
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import Tensor, nn
from tqdm.auto import tqdm

from motiflib.batches import Batches, Examples
from motiflib.files import InputError
from motiflib.losses import l1_loss, overlap_loss, penalty_weight, spacing_loss
from motiflib.model import evaluating


@dataclass(frozen=True)
class TrainConfig:
    """How to train; the defaults serve every grammar and data set of the book.

    epochs, rate, warmup: one-cycle Adam, `rate` is reached after `warmup` of all steps. clip:
    gradient norm. overlap, l1: lambda_o and lambda_1; `losses.penalty_weight` says when they are in
    force. spacing: price in nats of each unit of log-weight in the table of spacings, over all
    training sequences: a prior, so that it fades with their number and a table cannot learn a few
    thousand of them by heart. best_from: share of training from which on an epoch can be the best;
    before, filters are not yet sharp. device: "auto", "cpu", "cuda" or "mps". precision: "auto"
    (bf16 on a GPU that has it), "no" or "bf16". compile: use torch.compile, on a GPU with CUDA
    graphs; None decides (`pays`): never on a CPU, where it takes a minute and gains nothing
    (benchmarks/step.py), and on a GPU where steps are many.
    """

    epochs: int = 20
    rate: float = 2e-3
    warmup: float = 0.1
    clip: float = 1.0
    overlap: float = 1.0
    l1: float = 2e-4
    spacing: float = 3.5
    best_from: float = 0.75
    device: str = "auto"
    precision: str = "auto"
    compile: bool | None = None


class Fit(NamedTuple):
    """A trained network (its best epoch, in evaluation mode) and the history, one row an epoch."""

    model: nn.Module
    history: pd.DataFrame


class Objective(nn.Module):
    """The loss of a batch: prediction, and for a network with a motif scanner both penalties."""

    def __init__(self, model: nn.Module, config: TrainConfig, distinct: float = math.inf):
        super().__init__()
        self.model, self.config, self.price = model, config, config.spacing / distinct

    def prices(self, share: float, device: torch.device | str = "cpu") -> Float[Tensor, " 2"] | None:
        """Prices of overlap and L1 when `share` of them is in force; None if nothing is: that step
        is much cheaper."""
        return torch.tensor([share * self.config.overlap, share * self.config.l1], device=device) if share else None

    def forward(self, x: Tensor, y: Tensor, prices: Float[Tensor, " 2"] | None) -> Float[Tensor, " 3"]:
        """Cross-entropy, overlap, and L1 with the price of spacings. Prices are a tensor: one
        compiled step for all."""
        scanner = getattr(self.model, "scanner", None)
        if scanner is None:
            return torch.stack([tf.binary_cross_entropy_with_logits(self.model(x), y), *y.new_zeros(2)])
        activations = scanner(x)
        prediction = tf.binary_cross_entropy_with_logits(self.model.read(x, activations)[0].float(), y)
        spacing = prediction.new_zeros(())
        if self.price and self.model.around is not None:
            spacing = self.price * spacing_loss(self.model.around)
        if prices is None:
            return torch.stack([prediction, y.new_zeros(()), spacing])
        overlap, l1 = prices[0] * overlap_loss(activations, scanner), prices[1] * l1_loss(scanner)
        return torch.stack([prediction, overlap, l1 + spacing])


class Trainer:
    """State of one training: everything that an interrupted run needs to go on and end with the
    same weights."""

    def __init__(self, model: nn.Module, batches: Batches, config: TrainConfig):
        self.accelerator = accelerator(config)
        self.model, self.config, self.steps = model, config, batches.steps
        self.total, self.distinct = self.steps * config.epochs, getattr(batches, "distinct", math.inf)
        optimiser = torch.optim.Adam(model.parameters(), lr=config.rate)
        objective = Objective(model, config, self.distinct)
        self.prices = objective.prices
        on_gpu = self.accelerator.device.type == "cuda"
        if config.compile or (config.compile is None and pays(on_gpu, self.total)):
            objective = torch.compile(objective, mode="reduce-overhead" if on_gpu else None)
        if hasattr(batches, "place"):
            batches.place(self.accelerator.device)
        self.objective, self.optimiser = self.accelerator.prepare(objective, optimiser)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.rate, self.total, pct_start=config.warmup)
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}

    def step(self, x: Tensor, y: Tensor, share: float) -> Tensor:
        """One batch (this process's rows of it): loss, gradient, clipped step; returns the parts of
        the loss."""
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        device = self.accelerator.device
        parts = self.objective(x[rank::world].to(device), y[rank::world].to(device), self.prices(share, device))
        self.optimiser.zero_grad()
        self.accelerator.backward(parts.sum())
        self.accelerator.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimiser.step()
        self.schedule.step()
        return parts.detach()

    def epoch(self, batches: Batches, valid: Examples) -> None:
        """One pass: train, measure on the validation examples, remember the network if it is the
        best so far."""
        number, began, sums = len(self.history), time.perf_counter(), 0.0
        self.model.train()
        for i, (x, y) in enumerate(batches.epoch(number)):
            share = penalty_weight((number * self.steps + i) / self.total)
            sums = sums + self.step(x, y, share)
        means = (sums / self.steps).tolist()
        if not all(map(torch.isfinite, torch.tensor(means))):
            raise InputError(
                f"the loss became {means[0]} in epoch {number + 1}: lower the rate (now {self.config.rate:g})"
            )
        row = {"epoch": number + 1, **dict(zip(("prediction", "overlap", "l1"), means, strict=True)), "penalty": share}
        row |= {f"valid_{name}": value for name, value in evaluate(self.model, valid).items()}
        row |= {"rate": self.schedule.get_last_lr()[0], "seconds": time.perf_counter() - began}
        self.history.append(row)
        late = [r for r in self.history if r["epoch"] > self.config.best_from * self.config.epochs] or [row]
        if row is min(late, key=lambda r: r["valid_loss"]):
            self.best = {name: value.detach().cpu().clone() for name, value in self.model.state_dict().items()}

    def save(self, folder: Path) -> None:
        """Write the state beside, then rename: a killed process leaves the epoch before."""
        if self.accelerator.is_main_process:
            folder.mkdir(parents=True, exist_ok=True)
            state = {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict(), "best": self.best}
            state |= {"schedule": self.schedule.state_dict(), "history": self.history, "about": self.about()}
            torch.save(state, folder / "state.part")
            os.replace(folder / "state.part", folder / "state.pt")

    def resume(self, folder: Path) -> None:
        """Take up the state of an earlier process, if there is one; refuse that of another
        training."""
        path = folder / "state.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location=self.accelerator.device, weights_only=True)
        if state["about"] != self.about():
            raise InputError(
                f"{path}: belongs to a training with other settings: choose another folder or delete {folder}"
            )
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.history, self.best = state["history"], state["best"]

    def about(self) -> dict:
        """What must agree for a training to be the same one."""
        shape = asdict(self.model.config) if hasattr(self.model, "config") else {}
        return {"config": asdict(self.config), "steps": self.steps, "distinct": self.distinct, "shape": shape}


def pays(on_gpu: bool, steps: int) -> bool:
    """Whether compiling is worth its minute: on a GPU that can, for more than 5,000 steps.

    >>> pays(on_gpu=False, steps=10**6)
    False
    """
    return on_gpu and steps > 5000 and find_spec("triton") is not None


def fit(
    model: nn.Module, batches: Batches, valid: Examples, config: TrainConfig | None = None, *,
    out: str | Path | None = None, progress: bool = True,
) -> Fit:  # fmt: skip
    """Train `model` in place and return it at its best epoch, with the history.

    The best epoch has the lowest validation loss once the penalties are in full force. With `out`,
    the state is kept in `out/checkpoint` after each epoch: the same call in a new process goes on
    from there and, on a CPU, ends with the very weights of an uninterrupted run. Under `torchrun`
    or `accelerate launch` each process takes its rows of every batch. Raises InputError for a loss
    that is not finite, a device that is not there, or another's checkpoint.

    >>> model, history = fit(seeded(ArgminnConfig(), train), ArrayBatches(train), valid)
    """
    config = config or TrainConfig()
    trainer = Trainer(model, batches, config)
    folder = Path(out) / "checkpoint" if out else None
    if folder:
        trainer.resume(folder)
    quiet = not (progress and trainer.accelerator.is_main_process)
    with tqdm(total=config.epochs, initial=len(trainer.history), desc="training", unit="epoch", disable=quiet) as bar:
        while len(trainer.history) < config.epochs:
            trainer.epoch(batches, valid)
            bar.set_postfix(valid_auroc=f"{trainer.history[-1]['valid_auroc']:.4f}")
            bar.update()
            if folder:
                trainer.save(folder)
    model.load_state_dict(trainer.best)
    return Fit(model.eval(), pd.DataFrame(trainer.history))


def accelerator(config: TrainConfig) -> Accelerator:
    """Device and precision, from accelerate; InputError if the device that was asked for is not
    there."""
    there = check_device(config.device)
    cpu = config.device == "cpu" or not any(there.values())
    bf16 = not cpu and there["cuda"] and torch.cuda.is_bf16_supported()
    return Accelerator(
        cpu=cpu, mixed_precision={"auto": "bf16" if bf16 else "no"}.get(config.precision, config.precision)
    )


@torch.no_grad()
def predict(model: nn.Module, x: Float[Tensor, "N 4 L"], *, batch: int = 512) -> Float[Tensor, " N"]:
    """Probability of each sequence; the network's device and mode are left as found.

    >>> predict(model, one_hot(["ACGT" * 30]))
    tensor([0.0312])
    """
    with evaluating(model) as device:
        return torch.cat([model(part.to(device).float()).float().sigmoid().cpu() for part in x.split(batch)])


def evaluate(model: nn.Module, data: Examples) -> dict[str, float]:
    """Loss, accuracy, AUROC and AUPRC on examples of both classes."""
    p, y = predict(model, data.x).double().clamp(1e-7, 1 - 1e-7), data.y.double().cpu()
    return {
        "loss": float(tf.binary_cross_entropy(p, y)),
        "accuracy": float(((p > 0.5) == (y > 0.5)).double().mean()),
        "auroc": float(roc_auc_score(y, p)),
        "auprc": float(average_precision_score(y, p)),
    }


def check_device(name: str) -> dict[str, bool]:
    """Which accelerators are there; InputError if the device `name` ("auto", "cpu", "cuda", "mps")
    is not.

    >>> check_device("auto")
    {'cuda': False, 'mps': False}
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(name, name in ("auto", "cpu")):
        names = ["cpu", *(other for other, ok in there.items() if ok)]
        raise InputError(f"device {name!r} is not available here: use one of auto, {', '.join(names)}")
    return there
