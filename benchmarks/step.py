"""One training step, plain against fast: B=128, L=500, F=8, W=10, K=4, forward, both losses,
backward.

    python benchmarks/step.py            # 2 threads
    python benchmarks/step.py --device cuda

Plain is the method as written (keys and values for every window, the overlap as a (B,T,C,S) tensor;
the forms that the tests hold the library to). Each round runs every form once, so that noise hits
all alike; medians.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from functools import partial
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from motifbook.grammar import load_grammar, simulate_batch  # noqa: E402
from plain import plain_overlap, plain_step  # noqa: E402

from motiflib.losses import l1_loss, overlap_loss  # noqa: E402
from motiflib.model import Argminn, ArgminnConfig  # noqa: E402

SIZE = {"filters": 8, "width": 10, "layers": 4}
PAPER = ArgminnConfig(**SIZE, candidates=0, neighbourhood=0)


def loss(model: Argminn, x: torch.Tensor, y: torch.Tensor, overlap) -> torch.Tensor:
    activations = model.scanner(x)
    logit = model.read(x, activations)[0]
    prediction = torch.nn.functional.binary_cross_entropy_with_logits(logit, y)
    return prediction + overlap(activations, model.scanner) + 1e-4 * l1_loss(model.scanner)


def make(config: ArgminnConfig, device: str, plain: bool = False) -> Argminn:
    torch.manual_seed(0)
    model = Argminn(config).to(device)
    if plain:  # the same weights and the same result, by the long way
        for step in model.syntax.steps:
            step.forward = partial(
                lambda step, stream, tokens, empty: plain_step(step, stream, tokens), step
            )
    return model


def seconds(model: Argminn, x: torch.Tensor, y: torch.Tensor, overlap, run=loss) -> float:
    began = time.perf_counter()
    model.zero_grad()
    run(model, x, y, overlap).backward()
    if x.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - began


def simulation(grammar, device: str) -> float:
    began = time.perf_counter()
    x, _ = simulate_batch(grammar, 128, 500, device=device)
    if x.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - began


def main() -> None:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--rounds", type=int, default=9)
    ask.add_argument("--threads", type=int, default=2)
    ask.add_argument("--device", default="cpu")
    ask.add_argument(
        "--compile",
        action="store_true",
        help="also ours through torch.compile (a minute to compile)",
    )
    a = ask.parse_args()
    torch.set_num_threads(a.threads)
    letters = torch.randint(0, 4, (128, 500), generator=torch.Generator().manual_seed(0))
    x = torch.nn.functional.one_hot(letters, 4).mT.float().to(a.device)
    y = (torch.arange(128) % 2).float().to(a.device)
    forms = {
        "paper's form, plain": (make(PAPER, a.device, plain=True), plain_overlap),
        "paper's form, fast": (make(PAPER, a.device), overlap_loss),
        "ours (candidates, neighbourhood)": (make(ArgminnConfig(**SIZE), a.device), overlap_loss),
    }
    if a.compile:
        ours = forms["ours (candidates, neighbourhood)"][0]
        forms["ours, torch.compile"] = (ours, overlap_loss, torch.compile(loss))
    grammar = load_grammar("e2f6-max")
    slow, fast = (loss(model, x, y, overlap) for model, overlap in list(forms.values())[:2])
    print(f"loss of the plain form {slow.item():.7f}, of the fast form {fast.item():.7f}")
    rows = [
        [
            *(seconds(model, x, y, *how) for model, *how in forms.values()),
            simulation(grammar, a.device),
        ]
        for _ in range(a.rounds + 1)
    ][1:]
    names = [*forms, "simulating the batch (E2F6/MAX)"]
    medians = dict(zip(names, map(statistics.median, zip(*rows, strict=True)), strict=True))
    first = next(iter(medians.values()))
    for name, value in medians.items():
        print(f"{name:34} {1000 * value:8.1f} ms   {first / value:5.1f}x")
    where = (
        torch.cuda.get_device_name()
        if a.device == "cuda"
        else f"{platform.machine()}, {a.threads} threads"
    )
    print(
        f"{where}; Python {platform.python_version()}, torch {torch.__version__}; median of "
        f"{a.rounds} rounds"
    )


if __name__ == "__main__":
    main()
