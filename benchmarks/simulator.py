"""Speed of the simulator and of the oracle, with what it ran on; medians after a warm-up.

python benchmarks/simulator.py                 # prints the table and writes results/simulator.tsv
python benchmarks/simulator.py --threads 2 --device cuda
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from motifbook.grammar import Oracle, best_calls, load_grammar, simulate, simulate_batch

FLANKS = ["ACGTTGCAAC" * 100] * 200
CHAIN = np.array(
    [
        [0.32, 0.17, 0.28, 0.23],
        [0.33, 0.26, 0.06, 0.35],
        [0.26, 0.22, 0.26, 0.26],
        [0.18, 0.22, 0.28, 0.32],
    ]
)


def rate(work, n: int, repeats: int = 5) -> tuple[float, float]:
    """Sequences per second of wall clock and of processor time: medians of `repeats` runs of
    `work`, after a warm-up.

    The second is what an idle core would do; the first suffers when other programs share the
    machine.
    """
    wall, cpu = [], []
    for _ in range(repeats + 1):
        start, used = time.perf_counter(), time.process_time()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - used)
    return n / statistics.median(wall[1:]), n / statistics.median(cpu[1:])


def simulator_rows(device: str) -> list[tuple]:
    """Rates of `simulate_batch` by grammar, length, batch and background, and of `simulate` with
    its truth."""
    rows = []
    for name in ("spi1", "e2f6-max", "three-in-order"):
        grammar = load_grammar(name)
        for n, length in ((128, 500), (8_192, 500), (8_192, 100), (2_048, 2_000), (512, 10_000)):
            speed = rate(
                lambda g=grammar, n=n, length=length: simulate_batch(g, n, length, device=device), n
            )
            rows.append((name, "simulate_batch", "GC 0.5", n, length, *speed))
        rows.append(
            (
                name,
                "simulate",
                "GC 0.5",
                8_192,
                500,
                *rate(lambda g=grammar: simulate(g, 8_192), 8_192),
            )
        )
    for label, background in (("Markov", CHAIN), ("real flanks", FLANKS)):
        speed = rate(
            lambda b=background: simulate_batch(load_grammar("spi1"), 8_192, background=b), 8_192
        )
        rows.append(("spi1", "simulate_batch", label, 8_192, 500, *speed))
    return rows


def oracle_rows() -> list[tuple]:
    """Rates of the oracle on a CPU."""
    rows = []
    for name in ("spi1", "e2f6-max", "rest", "three-in-order"):
        grammar = load_grammar(name)
        oracle, x = Oracle(grammar), simulate_batch(grammar, 1024)[0]
        for what, work in (
            ("likelihood ratio", oracle.log_likelihood_ratio),
            ("posteriors", oracle.posteriors),
            ("best calls", lambda x, o=oracle: best_calls(o, x)),
        ):
            rows.append((name, what, "GC 0.5", 1024, 500, *rate(lambda w=work, x=x: w(x), 1024, 3)))
    return rows


def main() -> None:
    """Measure, print, store."""
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--threads", type=int, default=1)
    ask.add_argument("--device", default="cpu")
    ask.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "results" / "simulator.tsv"
    )
    a = ask.parse_args()
    torch.set_num_threads(a.threads)
    columns = [
        "grammar",
        "what",
        "background",
        "sequences",
        "length",
        "per_second",
        "per_cpu_second",
    ]
    table = pd.DataFrame(simulator_rows(a.device) + oracle_rows(), columns=columns).round(0)
    table = table.assign(
        threads=a.threads,
        device=a.device,
        machine=f"{platform.machine()} {os.cpu_count()} cores",
        load=round(os.getloadavg()[0], 1),
        python=platform.python_version(),
        torch=torch.__version__,
    )
    a.out.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(a.out, sep="\t", index=False)
    print(table.drop(columns=["machine", "python", "torch", "device"]).to_string(index=False))
    print(
        f"{a.device}, {table.machine[0]}, Python {table.python[0]}, torch {table.torch[0]}; load: "
        f"of the machine"
    )


if __name__ == "__main__":
    main()
