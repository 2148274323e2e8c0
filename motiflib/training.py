"""Training: batches in, a network and its history out; an interrupted run goes on where it was."""

import hashlib
import io
import logging
import math
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
from motiflib.files import InputError, need, write_atomic
from motiflib.losses import l1_loss, overlap_loss, penalty_weight, spacing_loss
from motiflib.model import evaluating

log = logging.getLogger(__name__)
STATES = ("state.pt", "before.pt")  # of the last whole epoch, and of the one before it


@dataclass(frozen=True)
class TrainConfig:
    """How to train; the defaults serve every grammar and data set of the book."""

    epochs: int = 20
    rate: float = 2e-3  # of Adam, one cycle
    warmup: float = 0.1  # share of all steps after which the rate is reached
    clip: float = 1.0  # gradient norm
    overlap: float = 1.0  # lambda_o; `losses.penalty_weight` says when both penalties are in force
    l1: float = 2e-4  # lambda_1
    spacing: float = 3.5  # nats a unit of rho, over all sequences: against overfitting a few
    best_from: float = 0.75  # share of training before which filters are not yet sharp
    device: str = "auto"  # or "cpu", "cuda", "mps"
    precision: str = "auto"  # bf16 on a GPU that has it; or "no", "bf16"
    compile: bool | None = None  # by torch.compile; None: where it pays


class Fit(NamedTuple):
    """A trained network (its best epoch, in evaluation mode) and the history, one row an epoch."""

    model: nn.Module
    history: pd.DataFrame


class Objective(nn.Module):
    """The loss of a batch: prediction, and for a network with a motif scanner both penalties."""

    def __init__(self, model: nn.Module, config: TrainConfig, distinct: float = math.inf):
        super().__init__()
        self.model, self.config, self.price = model, config, config.spacing / distinct

    def prices(self, share: float, device: torch.device | str = "cpu") -> Tensor | None:
        """Weights of overlap and L1, `share` of them in force; None, a cheaper step, for none."""
        weights = [share * self.config.overlap, share * self.config.l1]
        return torch.tensor(weights, device=device) if share else None

    def forward(self, x: Tensor, y: Tensor, prices: Tensor | None) -> Float[Tensor, " 3"]:
        """Cross-entropy, overlap, L1 with spacings; a tensor of prices, for one compiled step."""
        scanner, spacing = getattr(self.model, "scanner", None), y.new_zeros(())
        if scanner is None:
            prediction = tf.binary_cross_entropy_with_logits(self.model(x), y)
            return torch.stack([prediction, *y.new_zeros(2)])
        activations = scanner(x)
        logit = self.model.read(x, activations)[0].float()
        prediction = tf.binary_cross_entropy_with_logits(logit, y)
        if self.price and self.model.around is not None:
            spacing = self.price * spacing_loss(self.model.around)
        if prices is None:
            return torch.stack([prediction, y.new_zeros(()), spacing])
        overlap, l1 = prices[0] * overlap_loss(activations, scanner), prices[1] * l1_loss(scanner)
        return torch.stack([prediction, overlap, l1 + spacing])


class Trainer:
    """State of one training: all that an interrupted run needs to end with the same weights."""

    def __init__(self, model: nn.Module, batches: Batches, config: TrainConfig):
        self.accelerator = accelerator(config)
        self.model, self.config, self.steps = model, config, batches.steps
        self.total, self.distinct = self.steps * config.epochs, batches.distinct
        optimiser = torch.optim.Adam(model.parameters(), lr=config.rate)
        objective = Objective(model, config, self.distinct)
        self.prices = objective.prices
        on_gpu = self.accelerator.device.type == "cuda"
        compiled = config.compile
        if compiled is None:  # it takes a minute, and on a CPU gains nothing (benchmarks/step.py)
            compiled = on_gpu and self.total > 5000 and find_spec("triton") is not None
        if compiled:
            objective = torch.compile(objective, mode="reduce-overhead" if on_gpu else None)
        if hasattr(batches, "place"):
            batches.place(self.accelerator.device)
        self.objective, self.optimiser = self.accelerator.prepare(objective, optimiser)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.rate, self.total,
                                                            pct_start=config.warmup)
        self.stateful = {"model": model, "optimiser": self.optimiser, "schedule": self.schedule}
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}

    def step(self, x: Tensor, y: Tensor, share: float) -> Tensor:
        """One batch (this process's rows): loss, gradient, clipped step; the parts of the loss."""
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        device = self.accelerator.device
        mine = x[rank::world].to(device), y[rank::world].to(device)
        parts = self.objective(*mine, self.prices(share, device))
        self.optimiser.zero_grad()
        self.accelerator.backward(parts.sum())
        self.accelerator.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimiser.step()
        self.schedule.step()
        return parts.detach()

    def epoch(self, batches: Batches, valid: Examples) -> None:
        """One pass: train, validate, remember the network if it is the best so far."""
        number, began, sums = len(self.history), time.perf_counter(), 0.0
        self.model.train()
        for i, (x, y) in enumerate(batches.epoch(number)):
            share = penalty_weight((number * self.steps + i) / self.total)
            sums = sums + self.step(x, y, share)
        means = (sums / self.steps).tolist()
        need(all(map(math.isfinite, means)), f"the loss became {means[0]} in epoch {number + 1}: "
                                             f"lower the rate (now {self.config.rate:g})")
        row = {"epoch": number + 1, "prediction": means[0], "overlap": means[1], "l1": means[2]}
        row["penalty"] = share
        row |= {f"valid_{name}": value for name, value in evaluate(self.model, valid).items()}
        row |= {"rate": self.schedule.get_last_lr()[0], "seconds": time.perf_counter() - began}
        self.history.append(row)
        first = self.config.best_from * self.config.epochs
        late = [past for past in self.history if past["epoch"] > first] or [row]
        if row is min(late, key=lambda past: past["valid_loss"]):
            weights = self.model.state_dict().items()
            self.best = {name: value.cpu().clone() for name, value in weights}

    def save(self, folder: Path) -> None:
        """Write the state behind its checksum, and keep that of the epoch before."""
        if self.accelerator.is_main_process:
            state = {name: part.state_dict() for name, part in self.stateful.items()}
            state |= {"best": self.best, "history": self.history, "about": self.about()}
            torch.save(state, file := io.BytesIO())
            now, before = (folder / name for name in STATES)
            if now.exists():
                now.replace(before)
            write_atomic(now, hashlib.sha256(file.getvalue()).digest() + file.getvalue())

    def resume(self, folder: Path) -> None:
        """Take up the newest state of an earlier process that is whole; refuse another training's.
        One that is damaged goes, and is told of."""
        damaged = []
        for path in filter(Path.is_file, map(folder.joinpath, STATES)):
            content = path.read_bytes()
            if hashlib.sha256(content[32:]).digest() == content[:32]:
                self.take_up(io.BytesIO(content[32:]), path)
                break
            damaged.append(str(path))
            path.unlink(missing_ok=True)
        if damaged:
            how = f"goes on after epoch {len(self.history)}" if self.history else "begins anew"
            log.warning("%s: damaged; training %s", " and ".join(damaged), how)

    def take_up(self, content: io.BytesIO, path: Path) -> None:
        try:
            state = torch.load(content, map_location=self.accelerator.device, weights_only=True)
            same = state["about"] == self.about()
            for name, part in self.stateful.items() if same else ():
                part.load_state_dict(state[name])
            for weights, kept in self.optimiser.state.items():  # which torch takes as they are
                need(kept["exp_avg"].shape == kept["exp_avg_sq"].shape == weights.shape, "")
            self.history, self.best = state["history"], state["best"]
            need(all({"epoch", "valid_loss"} <= row.keys() for row in self.history), "")
        except Exception as error:  # of any class, for what is no checkpoint
            raise InputError(f"{path}: not a checkpoint of this network; delete it") from error
        need(same, f"{path}: belongs to a training with other settings: choose another folder or "
                   f"delete {path.parent}")

    def about(self) -> dict:
        """What must agree for a training to be the same one."""
        shape = asdict(self.model.config) if hasattr(self.model, "config") else {}
        return {"config": asdict(self.config), "steps": self.steps, "distinct": self.distinct,
                "shape": shape}


def fit(model: nn.Module, batches: Batches, valid: Examples, config: TrainConfig | None = None, *,
        out: str | Path | None = None, progress: bool = True) -> Fit:
    """Train `model` in place; return it at its best epoch, that of the lowest validation loss once
    the penalties are in full force, and the history. With `out`, the state is kept in
    `out/checkpoint` after each epoch: the same call in a new process goes on from there and, on a
    CPU, ends with the very weights of an uninterrupted run. Under `torchrun` or `accelerate launch`
    each process takes its rows of every batch. InputError for a loss that is not finite, a device
    that is not there, or another's checkpoint."""
    config = config or TrainConfig()
    trainer = Trainer(model, batches, config)
    folder = Path(out) / "checkpoint" if out else None
    if folder:
        trainer.resume(folder)
    done, quiet = len(trainer.history), not (progress and trainer.accelerator.is_main_process)
    with tqdm(range(done, config.epochs), desc="training", unit="epoch", initial=done,
              total=config.epochs, disable=quiet) as bar:
        for _ in bar:
            trainer.epoch(batches, valid)
            bar.set_postfix(valid_auroc=f"{trainer.history[-1]['valid_auroc']:.4f}")
            if folder:
                trainer.save(folder)
    model.load_state_dict(trainer.best)
    return Fit(model.eval(), pd.DataFrame(trainer.history))


def accelerator(config: TrainConfig) -> Accelerator:
    """Device and precision; InputError if the device that was asked for is not there."""
    there, precision = check_device(config.device), config.precision
    cpu = config.device == "cpu" or not any(there.values())
    if precision == "auto":
        bf16 = not cpu and there["cuda"] and torch.cuda.is_bf16_supported()
        precision = "bf16" if bf16 else "no"
    return Accelerator(cpu=cpu, mixed_precision=precision)


def check_device(name: str) -> dict[str, bool]:
    """Which of "cuda" and "mps" are there; InputError if the device `name` is not."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    names = ["auto", "cpu", *(other for other, ok in there.items() if ok)]
    need(name in names, f"device {name!r} is not available here: use one of {', '.join(names)}")
    return there


@torch.no_grad()
def logits(model: nn.Module, x: Float[Tensor, "N 4 L"], *, batch: int = 512) -> Float[Tensor, " N"]:
    """Log-odds of each sequence; the network's device and mode are left as found."""
    with evaluating(model) as device:
        return torch.cat([model(part.to(device).float()).float().cpu() for part in x.split(batch)])


def predict(model: nn.Module, x: Float[Tensor, "N 4 L"]) -> Float[Tensor, " N"]:
    """Probability of each sequence, the sigmoid of its logit."""
    return logits(model, x).sigmoid()


def evaluate(model: nn.Module, data: Examples) -> dict[str, float]:
    """Loss, accuracy, AUROC and AUPRC on examples of both classes.

    >>> evaluate(model, Examples(x, predict(model, x).round()))["auroc"]
    1.0
    """
    p, y = predict(model, data.x).double().clamp(1e-7, 1 - 1e-7), data.y.double().cpu()
    accuracy = float(((p > 0.5) == (y > 0.5)).double().mean())
    return {"loss": float(tf.binary_cross_entropy(p, y)), "accuracy": accuracy,
            "auroc": float(roc_auc_score(y, p)), "auprc": float(average_precision_score(y, p))}
