"""How the settings for training on peaks were chosen: by cross-validation over the chromosomes of
the training set.

    python benchmarks/yeast_settings.py python benchmarks/yeast_settings.py --only Reb1 Cin5
    --settings "the library's" "moved by 40 bp" python benchmarks/yeast_settings.py --settings "the
    library's" "filters of 16 bp" --seeds 1   # is a lead chance?

Four folds of whole chromosomes; chrIV, VII and XII, on which results are reported, are not looked
at. Factors: the ten that have at least 40 peaks on those. Each setting differs from the library's
in what it names. Besides the AUROC: in how many folds one of the factor's own motifs comes first,
and minus log10 of TOMTOM's p-value there (0 where it does not). Rows of results/yeast_settings.tsv
are kept, so an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from footer import footer
from motifbook.datasets import load
from motifbook.peers.intervals import auroc
from yeast import HERE, ORDER, SEED, TEST_CHROMS, is_known, targets

from motiflib.discovery import find_motifs
from motiflib.genome.fasta import Genome, ResidentGenome
from motiflib.genome.peaks import from_peaks
from motiflib.genome.training import MIDDLE, SHIFT, WIDTH, LociBatches, as_examples, divided
from motiflib.model import ArgminnConfig
from motiflib.run.known import tomtom
from motiflib.seeding import seeded
from motiflib.training import TrainConfig, fit, predict

LENGTH, RATIO, FOLDS = 200, 4, 4
FACTORS = ORDER[:10]
CHOSEN = {"width": WIDTH, "shift": int(SHIFT * LENGTH), "middle": int(MIDDLE * LENGTH)}
SETTINGS = {
    "the library's": {},
    "seeds without flanks": {"flanks": False},
    "seeds from whole windows": {"middle": None},
    "moved by 10 bp": {"shift": 10},
    "moved by 40 bp": {"shift": 40},
    "filters of 16 bp": {"width": 16},
}


def measure(
    name: str,
    data,
    held: list[str],
    seed: int,
    width: int,
    shift: int,
    middle: int | None,
    flanks: bool = True,
) -> tuple[float, bool, float]:
    """AUROC on held chromosomes of a network trained on the others; whether its own motif comes
    first, and how sure."""
    peaks = data.peaks[name]
    with Genome(data.genome) as genome:
        table = from_peaks(
            genome,
            peaks[~peaks.chrom.isin(TEST_CHROMS)],
            LENGTH,
            ratio=RATIO,
            test_chroms=held,
            blacklist=data.blacklist,
            seed=SEED,
        )
        resident = ResidentGenome(genome)
    table = table[~table.chrom.isin(TEST_CHROMS)]
    mine, test = (
        table[table.part == "train"].reset_index(drop=True),
        as_examples(table[table.part == "test"]),
    )
    train, valid, rows = divided(mine, SEED)
    model = seeded(ArgminnConfig(width=width), train, seed=seed, middle=middle, flanks=flanks)
    batches = LociBatches(resident, mine.iloc[rows], LENGTH, shift=shift, seed=seed)
    model = fit(model, batches, valid, TrainConfig(device="cpu"), progress=False).model
    found = find_motifs(model, train.x).motifs[:1]
    best = tomtom(found, targets(), top=3)
    own = best[[is_known(name, other) for other in best.jaspar_name]]
    sure = float(-np.log10(own.p_value.min())) if len(own) else 0.0
    return auroc(test.y, predict(model, test.x)), bool(len(own)), sure


def main() -> None:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--only", nargs="*", default=FACTORS)
    ask.add_argument("--settings", nargs="*", default=list(SETTINGS), choices=list(SETTINGS))
    ask.add_argument("--seeds", nargs="*", type=int, default=[SEED])
    ask.add_argument("--out", type=Path, default=HERE / "results" / "yeast_settings.tsv")
    a = ask.parse_args()
    torch.set_num_threads(1)
    data, columns = (
        load("yeast-rossi2021"),
        ["setting", "seed", "factor", "fold", "auroc", "own_first", "own_sure"],
    )
    chroms = [chrom for chrom in data.chroms if chrom not in (*TEST_CHROMS, "chrM")]
    done = pd.read_csv(a.out, sep="\t") if a.out.exists() else pd.DataFrame(columns=columns)
    have = set(done[columns[:4]].itertuples(index=False, name=None))
    for key in itertools.product(a.settings, a.seeds, a.only, range(FOLDS)):
        if key not in have:
            setting, seed, name, fold = key
            row = measure(name, data, chroms[fold::FOLDS], seed, **CHOSEN | SETTINGS[setting])
            done.loc[len(done)] = [*key, *row]
            done.to_csv(a.out, sep="\t", index=False, float_format="%.4f")
            print(*done.iloc[-1], flush=True)
    done["own_first"] = done.own_first.astype(bool)
    table = done.pivot_table(
        index=["setting", "seed"], columns="factor", values="auroc", sort=False
    )
    table = table.assign(
        mean=table.mean(axis=1),
        own_first=done.groupby(["setting", "seed"]).own_first.mean(),
        own_sure=done.groupby(["setting", "seed"]).own_sure.mean(),
    )
    print(table.round(3).to_string())
    print(footer("one thread"))


if __name__ == "__main__":
    main()
