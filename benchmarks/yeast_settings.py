"""How the settings for training on peaks were chosen: on two chromosomes of the training set.

    python benchmarks/yeast_settings.py --seeds 0 1

Chromosomes XV and XVI are held out of the training set, and chrIV, VII and XII, on which results are reported, are not
looked at. One setting at a time differs from the library's. Rows of results/yeast_settings.tsv are kept, so an
interrupted run goes on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
import torch
from footer import footer
from yeast import HERE, ORDER, SEED, TEST_CHROMS

from motiflib.baselines.intervals import auroc
from motiflib.datasets import load
from motiflib.genome import Genome, LociBatches, ResidentGenome, from_peaks
from motiflib.genome.training import MIDDLE, SHIFT, WIDTH, as_examples, divided
from motiflib.model import ArgminnConfig
from motiflib.seeding import seeded
from motiflib.training import TrainConfig, fit, predict

CHROMS, LENGTH, RATIO = ("chrXV", "chrXVI"), 200, 4
CHOSEN = {"width": WIDTH, "shift": int(SHIFT * LENGTH), "middle": int(MIDDLE * LENGTH)}
SETTINGS = {
    "the library's": {}, "seeds from whole windows": {"middle": None}, "moved by 40 bp": {"shift": 40},
    "filters of 16 bp": {"width": 16}, "all three": {"middle": None, "shift": 40, "width": 16},
}  # fmt: skip


def measure(name: str, data, seed: int, width: int, shift: int, middle: int | None) -> float:
    """AUROC on the two chromosomes of a network trained without them."""
    peaks = data.peaks[name]
    with Genome(data.genome) as genome:
        table = from_peaks(genome, peaks[~peaks.chrom.isin(TEST_CHROMS)], LENGTH, ratio=RATIO, test_chroms=CHROMS,
                           blacklist=data.blacklist, seed=SEED)  # fmt: skip
        resident = ResidentGenome(genome)
    table = table[~table.chrom.isin(TEST_CHROMS)]
    mine, test = table[table.part == "train"].reset_index(drop=True), as_examples(table[table.part == "test"])
    train, valid, rows = divided(mine, SEED)
    model = seeded(ArgminnConfig(width=width), train, seed=seed, middle=middle)
    batches = LociBatches(resident, mine.iloc[rows], LENGTH, shift=shift, seed=seed)
    model = fit(model, batches, valid, TrainConfig(device="cpu"), progress=False).model
    return auroc(test.y, predict(model, test.x))


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--only", nargs="*", default=ORDER[:10])
    ask.add_argument("--seeds", nargs="*", type=int, default=[0])
    ask.add_argument("--settings", nargs="*", default=list(SETTINGS))
    ask.add_argument("--out", type=Path, default=HERE / "results" / "yeast_settings.tsv")
    a = ask.parse_args()
    torch.set_num_threads(1)
    data, columns = load("yeast-rossi2021"), ["setting", "factor", "seed", "auroc"]
    done = pd.read_csv(a.out, sep="\t") if a.out.exists() else pd.DataFrame(columns=columns)
    have = set(done[columns[:3]].itertuples(index=False, name=None))
    for key in [(s, name, seed) for seed in a.seeds for name in a.only for s in a.settings]:
        if key not in have:
            done.loc[len(done)] = [*key, measure(key[1], data, key[2], **CHOSEN | SETTINGS[key[0]])]
            done.to_csv(a.out, sep="\t", index=False, float_format="%.4f")
            print(*done.iloc[-1], flush=True)
    table = done.pivot_table(index="factor", columns="setting", values="auroc", sort=False)
    print(pd.concat([table, table.mean().to_frame("mean").T]).round(3).to_string())
    print(footer("one thread"))


if __name__ == "__main__":
    main()
