"""Speed and memory of calling: the network, and FIMO with the same motifs, on the same genome-like
sequence.

    python benchmarks/calling.py --fasta sacCer3.fa.gz --megabases 1 10 100

Speed: 1 Mb in records of 10 kb, warm, both methods in one process one after the other; seconds by
the clock and of the processor (all threads). Memory: `motiflib call` on files of so many megabases,
in processes of their own; the genome is repeated where it is too short. Each file is called twice
and the bytes are compared where --twice is given.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path

from footer import footer

HERE = Path(__file__).parent
RECORD = 10_000
MEASURED = """
import resource, sys
from motiflib import cli
cli.app(sys.argv[1:], standalone_mode=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def pieces(fasta: Path, megabases: float):
    """Records of RECORD bp cut from a genome, again from its start where it is too short."""
    from motiflib.sequence import Record, read_fasta

    chromosomes = [record.sequence for record in read_fasta(fasta)]
    cuts = cycle(
        [s[i : i + RECORD] for s in chromosomes for i in range(0, len(s) - RECORD, RECORD)]
    )
    return (Record(f"r{i:06d}", next(cuts)) for i in range(round(megabases * 1e6 / RECORD)))


def speed(run, fasta: Path, threshold: float) -> list[str]:
    """Lines of the table: seconds, bases a second, calls a second."""
    import pandas as pd
    from motifbook.peers import fimo_calls

    from motiflib.calling import call_parts

    records, lines = list(pieces(fasta, 1)), []
    methods = {
        "network": lambda some: pd.concat(
            call_parts(run.model, run.found, some, threshold=threshold, tile=run.tile)
        ),
        "FIMO, same motifs": lambda some: fimo_calls(run.motifs, some),
    }
    for name, method in methods.items():
        method(records[:10])  # warm
        clock, used = time.perf_counter(), time.process_time()
        calls = method(records)
        clock, used = time.perf_counter() - clock, time.process_time() - used
        lines.append(
            f"{name:<20}{clock:>10.1f}{used:>12.1f}{len(calls):>10}{len(calls) / clock:>12.0f}"
        )
    return lines


def memory(run: Path, fasta: Path, megabases: float, twice: bool) -> str:
    """Peak memory of `motiflib call` on a file, its seconds, and whether two runs give the same
    bytes."""
    with tempfile.TemporaryDirectory() as name:
        path, digests = Path(name) / "genome.fa", []
        with path.open("w") as file:
            file.writelines(
                f">{record.name}\n{record.sequence}\n" for record in pieces(fasta, megabases)
            )
        began = time.perf_counter()
        for i in range(2 if twice else 1):
            out = Path(name) / f"{i}.bed"
            done = subprocess.run(
                [sys.executable, "-c", MEASURED, "call", run, path, "--out", out],
                check=True,
                capture_output=True,
                text=True,
            )
            digests.append(hashlib.sha256(out.read_bytes()).hexdigest()[:12])
        seconds = (time.perf_counter() - began) / len(digests)
    same = "" if not twice else "  same bytes" if len(set(digests)) == 1 else "  DIFFERENT BYTES"
    memory = int(done.stdout.split()[-1])
    return f"{megabases:>6g} Mb{memory:>10} MiB{seconds:>10.1f} s  {digests[0]}{same}"


def main() -> None:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--run", type=Path, default=HERE.parent / "data" / "models" / "rest")
    ask.add_argument("--fasta", type=Path, required=True)
    ask.add_argument("--megabases", nargs="*", type=float, default=[1, 10, 100])
    ask.add_argument("--threshold", type=float, default=0.5)
    ask.add_argument("--twice", action="store_true")
    a = ask.parse_args()
    import torch

    from motiflib.run.folder import load_run

    run = load_run(a.run)
    print(
        f"1 Mb of {a.fasta.name}, {len(run.motifs)} motifs of {a.run.name}, threshold {a.threshold}"
    )
    print(f"{'':<20}{'seconds':>10}{'processor':>12}{'calls':>10}{'calls/s':>12}")
    print(*speed(run, a.fasta, a.threshold), sep="\n", flush=True)
    for size in a.megabases:
        print(memory(a.run, a.fasta, size, a.twice), flush=True)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(footer(f"load average {load}", f"{torch.get_num_threads()} threads"))


if __name__ == "__main__":
    main()
