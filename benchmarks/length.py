"""How a training step grows with the length of sequences, in time and memory, and sequences/s by
batch size.

    python benchmarks/length.py                  # 100 to 10,000 bp on 2 threads
    python benchmarks/length.py --device cuda

Each measurement runs in a process of its own, so that its peak memory is its own. The exponent is
the slope of log(cost) against log(length); memory is what the step adds to the memory of an idle
process.
"""

from __future__ import annotations

import argparse
import platform
import resource
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pandas as pd
import torch

from motiflib.model import Argminn, ArgminnConfig
from motiflib.training import Objective, TrainConfig


def measure(length: int, batch: int, device: str, threads: int, rounds: int) -> dict:
    """Median seconds of a step (forward, losses, backward, Adam) and the gigabytes that it
    takes."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = Argminn(ArgminnConfig(filters=4)).to(device)
    step, adam = Objective(model, TrainConfig()), torch.optim.Adam(model.parameters())
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    x = torch.nn.functional.one_hot(torch.randint(0, 4, (batch, length)), 4).mT.float().to(device)
    y, times = (torch.arange(batch) % 2).float().to(device), []
    for _ in range(rounds + 2):
        began = time.perf_counter()
        adam.zero_grad()
        step(x, y, step.prices(1.0, device)).sum().backward()
        adam.step()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - idle
    gigabytes = torch.cuda.max_memory_allocated() / 1e9 if device == "cuda" else peak / 1e6
    seconds = statistics.median(times[2:])
    return {
        "length": length,
        "batch": batch,
        "ms": 1000 * seconds,
        "sequences/s": batch / seconds,
        "GB": gigabytes,
    }


def exponent(table: pd.DataFrame, cost: str) -> float:
    """Slope of log(cost) against log(length), by least squares."""
    return float(np.polyfit(np.log(table.length), np.log(table[cost]), 1)[0])


def main() -> None:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument(
        "--lengths", nargs="*", type=int, default=[100, 200, 500, 1000, 2000, 5000, 10_000]
    )
    ask.add_argument("--batches", nargs="*", type=int, default=[32, 128, 512])
    ask.add_argument("--rounds", type=int, default=7)
    ask.add_argument("--threads", type=int, default=2)
    ask.add_argument("--device", default="cpu")
    a = ask.parse_args()
    jobs = [(length, 64) for length in a.lengths] + [(500, batch) for batch in a.batches]
    rows = []
    for length, batch in jobs:  # one after the other, each in a fresh process
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            rows.append(pool.submit(measure, length, batch, a.device, a.threads, a.rounds).result())
        print({k: round(v, 3) for k, v in rows[-1].items()}, flush=True)
    by_length = pd.DataFrame(rows[: len(a.lengths)]).query(
        "length >= 500"
    )  # below, the fixed cost of a step rules
    print(
        f"\nfrom 500 bp: exponent of time {exponent(by_length, 'ms'):.3f}, of memory "
        f"{exponent(by_length, 'GB'):.3f}"
    )
    where = (
        torch.cuda.get_device_name()
        if a.device == "cuda"
        else f"{platform.machine()}, {a.threads} threads"
    )
    print(
        f"{where}; Python {platform.python_version()}, torch {torch.__version__}; median of "
        f"{a.rounds} steps"
    )


if __name__ == "__main__":
    main()
