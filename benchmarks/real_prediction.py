"""Prediction by ARGMINN, an ordinary CNN and ExplaiNN on real binding sites: same peaks, same
steps, same test set.

    python benchmarks/real_prediction.py [--only rest-gm12878] [--most 2000]

At most so many peaks, at equal steps of rank, with their dinucleotide shuffles (nfe2-gm12878 has
negatives of its own) and a tenth held back for choosing the epoch: the same for all three networks,
as all 42,000 of foxa1-hepg2 took 25 minutes on a busy machine. A peer is trained at two rates, and
the validation examples choose; minutes are those of both. The test set is the published one. A line
of results/real_prediction.tsv for each network, so an interrupted run goes on. Intervals as in
prediction.py.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import pandas as pd
from footer import footer
from prediction import HERE, build, measures

SETS = ["rest-gm12878", "usf1-hepg2", "foxa1-hepg2", "ctcfl-k562", "nfe2-gm12878"]
MODELS = ["argminn", "cnn", "explainn"]
RATES = (
    4e-3,
    1.6e-2,
)  # of a peer: what is best with thousands of peaks need not be what is best with endless data


def sequences(name: str, most: int):
    """Training, validation and test examples of a set."""
    from motifbook.datasets import load

    from motiflib.batches import examples, split

    data = load(name)
    ours, theirs = (list(data.train.sequence[data.train.label == label]) for label in (1, 0))
    step = -(-len(ours) // most)
    both = examples(ours[::step], theirs[::step] or None)
    test = examples(*(list(data.test.sequence[data.test.label == label]) for label in (1, 0)))
    return *split(both), test


def trained(model: str, first, valid, seed: int):
    """The network, at its best epoch and, for a peer, its best rate; and that rate."""
    import torch
    from motifbook.peers import train_classifier

    from motiflib.batches import ArrayBatches
    from motiflib.model import ArgminnConfig
    from motiflib.seeding import seeded
    from motiflib.training import TrainConfig, fit

    batches, config, fits = ArrayBatches(first, seed=seed), TrainConfig(device="cpu"), {}
    torch.manual_seed(seed)
    if model == "argminn":
        network = seeded(ArgminnConfig(), first, seed=seed)
        return fit(network, batches, valid, config, progress=False).model, config.rate
    for rate in RATES:
        torch.manual_seed(seed)
        fits[rate] = train_classifier(
            build(model), batches, valid, config, rate=rate, progress=False
        )
    best = min(fits, key=lambda rate: fits[rate].history.valid_loss.min())
    return fits[best].model, best


def train(name: str, model: str, seed: int, most: int) -> dict:
    """Train one network and test it."""
    from motiflib.training import predict

    first, valid, test = sequences(name, most)
    began = time.process_time()
    network, rate = trained(model, first, valid, seed)
    minutes = (time.process_time() - began) / 60
    row = {
        "dataset": name,
        "model": model,
        "seed": seed,
        "training": len(first.y),
        "test": len(test.y),
        "rate": rate,
    }
    p = predict(network, test.x).double().numpy()
    return row | {"minutes": minutes} | measures(p, test.y.numpy() > 0.5)


def main() -> None:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--only", nargs="*", default=SETS)
    ask.add_argument("--seeds", nargs="*", type=int, default=[0])
    ask.add_argument("--most", type=int, default=2000)
    ask.add_argument("--out", type=Path, default=HERE / "results" / "real_prediction.tsv")
    a = ask.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)
    done = pd.read_csv(a.out, sep="\t") if a.out.exists() else pd.DataFrame()
    have = (
        set(done[["dataset", "model", "seed"]].itertuples(index=False, name=None))
        if len(done)
        else set()
    )
    for key in [
        (d, m, s) for s in a.seeds for d in a.only for m in MODELS if (d, m, s) not in have
    ]:
        row = train(*key, a.most)
        print({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}, flush=True)
        done = pd.concat([done, pd.DataFrame([row])], ignore_index=True)
        done.to_csv(a.out, sep="\t", index=False, float_format="%.5g")
    print(done.to_string(index=False, float_format=lambda v: f"{v:.4f}"))
    print(footer("one thread, processor minutes", f"at most {a.most} peaks"))


if __name__ == "__main__":
    main()
