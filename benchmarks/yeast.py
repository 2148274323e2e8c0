"""Yeast factors on held-out chromosomes, and calls along the whole genome.

    python benchmarks/yeast.py                # AUROC of the network and of 6-mers on the same windows, all factors
    python benchmarks/yeast.py --genome-wide  # calls of Reb1 and Abf1 on 12 Mb: minutes, peaks with a call
    python benchmarks/yeast.py --table        # only print what is there

Peaks: ChIP-exo points of Rossi et al. 2021; 200 bp around each, four GC-matched windows of the same chromosomes for
each; chrIV, chrVII and chrXII held out. Factors whose network lies in data/models are not trained again.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import torch

from motiflib import runs
from motiflib.baselines.intervals import bootstrap_auroc
from motiflib.baselines.kmers import KmerRegression
from motiflib.datasets import load
from motiflib.discovery import find_motifs
from motiflib.genome import Genome, LociBatches, ResidentGenome, from_peaks
from motiflib.genome.training import SHIFT, WIDTH, as_examples, divided
from motiflib.model import ArgminnConfig
from motiflib.motif import jaspar_collection, tomtom
from motiflib.seeding import seeded
from motiflib.training import TrainConfig, fit, predict

HERE = Path(__file__).parent
MODELS, RESULTS = HERE.parent / "data" / "models", HERE / "results"
TEST_CHROMS, ENOUGH, SEED = ("chrIV", "chrVII", "chrXII"), 40, 0
ORDER = "Abf1 Reb1 Mcm1 Fkh1 Cbf1 Cin5 Fkh2 Swi4 Mbp1 Hsf1 Ste12 Gcn4".split()
KNOWN = {"Cin5": ("CIN5", "YAP")}  # other names under which a factor's motif may stand; bZIP twins share a motif
NEAR = 20  # bp from a peak to a call


def factor(name: str, data) -> dict:
    """Train (or load) and test one factor's network, and the 6-mers on the same split."""
    with Genome(data.genome) as genome:
        table = from_peaks(genome, data.peaks[name], 200, ratio=4, test_chroms=TEST_CHROMS, blacklist=data.blacklist,
                           seed=SEED)  # fmt: skip
        resident = ResidentGenome(genome)
    began, stored = time.process_time(), MODELS / f"yeast-{name.lower()}"
    mine = table[table.part == "train"].reset_index(drop=True)
    train, valid, rows = divided(mine, SEED)
    test = as_examples(table[table.part == "test"])
    if (stored / "README.md").exists():
        run = runs.load_run(stored)
        model, found, minutes = run.model, run.found, run.settings["minutes"]
    else:
        model = seeded(ArgminnConfig(width=WIDTH), train, seed=SEED)
        batches = LociBatches(resident, mine.iloc[rows], 200, shift=int(SHIFT * 200), seed=SEED)
        model = fit(model, batches, valid, TrainConfig(device="cpu"), progress=False).model
        found, minutes = find_motifs(model, train.x), (time.process_time() - began) / 60
    y, ours = test.y.numpy(), predict(model, test.x).numpy()
    peer = KmerRegression(train, valid)(test.x)
    row = {"factor": name, "seed": SEED, "train_peaks": int((train.y.sum() + valid.y.sum()).item())}
    row |= {"test_peaks": int(y.sum()), "filters": len(model.scanner.filters), "minutes": minutes}
    for label, interval in (("argminn", bootstrap_auroc(y, ours)), ("kmers", bootstrap_auroc(y, peer)),
                            ("difference", bootstrap_auroc(y, ours, peer))):  # fmt: skip
        row |= {label: interval.value, f"{label}_low": interval.low, f"{label}_high": interval.high}
    best = tomtom(found.motifs, jaspar_collection("fungi"), top=3)
    mine = best[best.jaspar_name.str.upper().str.startswith(KNOWN.get(name, (name.upper(),)))]
    top = best.iloc[0] if len(best) else None
    row |= {"motif": found.motifs[0].consensus if found.motifs else "", "motifs": len(found.motifs)}
    row |= {"top_match": top.jaspar_name if top is not None else "", "top_p": top.p_value if top is not None else 1.0}
    rank = [m.name for m in found.motifs].index(mine.iloc[0].motif) + 1 if len(mine) else 0
    return row | {"known_rank": rank, "known_p": mine.p_value.iloc[0] if len(mine) else np.nan}


def genome_wide(name: str, data, out: Path, chroms: list[str]) -> dict:
    """Call one factor along chromosomes; threshold: the highest at which 80% of the held-out peaks have a call."""
    from motiflib.genome.calling import call_genome

    wanted, began, used = out.with_suffix(".regions.bed"), time.perf_counter(), time.process_time()
    out.parent.mkdir(exist_ok=True)
    wanted.write_text("".join(f"{chrom}\t0\t{data.chroms[chrom]}\n" for chrom in chroms))
    call_genome(runs.load_run(MODELS / f"yeast-{name.lower()}"), data.genome, out, regions=wanted, threshold=0.05,
                probability=0.3, progress=False)  # fmt: skip
    row = {"factor": name, "chromosomes": len(chroms), "mb": sum(data.chroms[chrom] for chrom in chroms) / 1e6}
    row |= {"minutes": (time.perf_counter() - began) / 60, "core_minutes": (time.process_time() - used) / 60}
    calls, peaks = read_calls(out), data.peaks[name]
    held = peaks[peaks.chrom.isin(set(TEST_CHROMS) & set(chroms))]
    return row | {"calls": len(calls)} | operating_point(calls, held)


def read_calls(path: Path) -> pd.DataFrame:
    calls = pd.read_csv(path, sep="\t").rename(columns={"#sequence": "sequence"})
    return calls.assign(middle=(calls.start + calls.end) // 2, odds=calls.score / 1000 * calls.probability)


def operating_point(calls: pd.DataFrame, peaks: pd.DataFrame, most: float = 10) -> dict:
    """On held-out chromosomes: the largest share of peaks with a call near, while fewer than `most` calls for each
    called peak lie beside all peaks; and the threshold on score x probability that reaches it."""
    calls = calls[calls.sequence.isin(set(peaks.chrom))]
    best, beside = [], np.ones(len(calls), dtype=bool)
    place, odds = calls.middle.to_numpy(), calls.odds.to_numpy()
    for peak in peaks.itertuples():
        here = (calls.sequence == peak.chrom).to_numpy()
        best.append(odds[here & (abs(place - peak.summit) <= NEAR)].max(initial=0.0))
        beside &= ~(here & (abs(place - peak.summit) <= 100))
    rows = []
    for threshold in sorted(set(best) - {0.0}):
        found, others = int((np.array(best) >= threshold).sum()), int((beside & (odds >= threshold)).sum())
        if others < most * found:
            rows.append((found / len(peaks), threshold, others / found))
    share, threshold, rate = max(rows, default=(0.0, 1.0, 0.0))
    return {"test_peaks": len(peaks), "share": share, "threshold": threshold, "beside_per_called_peak": rate}


def add(row: dict, path: Path) -> None:
    old = pd.read_csv(path, sep="\t") if path.exists() else pd.DataFrame(columns=["factor"])
    new = pd.DataFrame([row])
    new = pd.concat([old[old.factor != row["factor"]], new]) if len(old) else new
    new.to_csv(path, sep="\t", index=False, float_format="%.5g")
    print({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}, flush=True)


def show(path: Path) -> None:
    table = pd.read_csv(path, sep="\t")
    print(table.round(4).to_string(index=False))
    if "kmers" in table:
        for least in (ENOUGH, 0):
            some = table[table.test_peaks >= least]
            print(f"mean over the {len(some)} factors with at least {least} test peaks:")
            ahead = (some.argminn > some.kmers).sum()
            print(f"ARGMINN {some.argminn.mean():.4f}, 6-mers {some.kmers.mean():.4f}; ahead in {ahead}")
    print(f"{runs.machine()['hardware']}; {runs.machine()['versions']}")


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--only", nargs="*", default=None)
    ask.add_argument("--genome-wide", action="store_true")
    ask.add_argument("--chroms", nargs="*", default=None, help="only these chromosomes, with --genome-wide")
    ask.add_argument("--table", action="store_true")
    a = ask.parse_args()
    torch.set_num_threads(1)
    data, kind = load("yeast-rossi2021"), "yeast_genome" if a.genome_wide else "yeast"
    path = RESULTS / f"{kind}.tsv"
    done = set(pd.read_csv(path, sep="\t").factor) if path.exists() else set()
    names = a.only or (["Reb1", "Abf1"] if a.genome_wide else [name for name in ORDER if name not in done])
    for name in [] if a.table else names:
        chroms = a.chroms or list(data.chroms)
        place = HERE / "runs" / f"{name}.bed"
        add(genome_wide(name, data, place, chroms) if a.genome_wide else factor(name, data), path)
    show(path)


if __name__ == "__main__":
    sys.exit(main())
