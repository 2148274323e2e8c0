"""Time of one training step of each peer: forward, loss, backward, clipped Adam step. Prints a
table.

    python benchmarks/peers.py [--batch 128] [--length 500] [--steps 10]

Medians after two steps of warm-up, by the clock and by processor time (all threads together).
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time

import torch
from motifbook.grammar import load_grammar, simulate_batch
from motifbook.peers import ExplaiNN, StandardCNN
from torch import nn

PEERS = {
    "CNN, 64 filters": lambda: StandardCNN(64),
    "CNN, 32 filters": lambda: StandardCNN(32),
    "ExplaiNN, 32 units": lambda: ExplaiNN(32),
    "ExplaiNN, 100 units": lambda: ExplaiNN(100),
}


def times(model: nn.Module, x: torch.Tensor, y: torch.Tensor, steps: int) -> tuple[float, float]:
    """Median seconds of a step, by the clock and by processor time."""
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    clock, processor = [], []
    for _ in range(steps + 2):
        began, used = time.perf_counter(), time.process_time()
        loss = nn.functional.binary_cross_entropy_with_logits(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        clock.append(time.perf_counter() - began)
        processor.append(time.process_time() - used)
    return statistics.median(clock[2:]), statistics.median(processor[2:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("batch", 128), ("length", 500), ("steps", 10)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    x, y = simulate_batch(load_grammar("rest"), options.batch, options.length, seed=0)
    print(
        f"# torch {torch.__version__}, python {platform.python_version()}, "
        f"{torch.get_num_threads()} threads, CPU;"
        f" B={options.batch}, L={options.length}, median of {options.steps} steps"
    )
    print(f"{'network':<22}{'parameters':>12}{'ms a step':>12}{'processor ms':>14}")
    for name, build in PEERS.items():
        torch.manual_seed(0)
        model = build()
        clock, processor = times(model, x, y, options.steps)
        size = sum(p.numel() for p in model.parameters())
        print(f"{name:<22}{size:>12,}{1000 * clock:>12.0f}{1000 * processor:>14.0f}")


if __name__ == "__main__":
    main()
