"""Prediction by ARGMINN, an ordinary CNN and ExplaiNN on every grammar: same batches, same steps,
same test sequences.

    python benchmarks/prediction.py                        # 10 grammars x 3 seeds; run
    benchmarks/grammars.py first python benchmarks/prediction.py --only rest --seeds 0 --peers
    cnn-64 explainn-100 python benchmarks/prediction.py --rates                # is ARGMINN's rate a
    handicap for the peers?

The peers are trained here (kept under --runs for other benchmarks; --again trains those that are
not there any more), ARGMINN is read from there. Each test is a line of results/prediction.tsv, so
an interrupted run goes on. Intervals: 95%, percentile bootstrap over test sequences. --rates trains
peers at other rates, into results/peer_rates.tsv, measured on sequences that are neither those that
choose the epoch nor those of the test. A peer below 0.8 on the validation sequences is trained
again, at a quarter and an eighth of its rate; the best counts.
"""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
from footer import footer

HERE = Path(__file__).parent
CLASSIC = ["spi1", "tal-gata", "e2f6-max", "jund-tead", "rest", "spi1-ctcf"]
OURS = ["rest-nonadditive", "same-strand", "helical", "three-in-order"]
TEST = 4000
POOR = 0.8  # AUROC on validation examples below which a peer is trained again
# The peers' own default sizes are 64 filters and, in the paper on ExplaiNN, 100 units: the -64 and
# -100 forms.
SIZES = {"cnn": 32, "explainn": 32, "cnn-64": 64, "explainn-100": 100}
# Seed 0, (grammar, peer, rate, epochs): rates from a quarter of ARGMINN's on.
RATES = (5e-4, 1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2, 3.2e-2)
SCAN = [
    (g, p, rate, 20) for rate in RATES for g in ("tal-gata", "rest") for p in ("cnn", "explainn")
]


def build(peer: str):
    """An untrained peer."""
    from motifbook.peers import ExplaiNN, StandardCNN

    return (StandardCNN if peer.startswith("cnn") else ExplaiNN)(SIZES[peer])


def fitted(data, seed: int, peer: str, rate: float | None = None, epochs: int = 20):
    """A peer trained on `data` at its own rate or another, at its best epoch."""
    import torch
    from motifbook.peers import train_classifier

    from motiflib.training import TrainConfig

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    config = TrainConfig(device="cpu", epochs=epochs)
    return train_classifier(
        build(peer), data, data.sample(2000, 1), config, rate=rate, progress=False
    ).model


def at_best_rate(data, seed: int, peer: str):
    """A peer trained at its own rate; while it does poorly on the validation examples, at a quarter
    and an eighth."""
    from motiflib.training import evaluate

    valid, fits = data.sample(2000, 1), []
    for share in (1, 1 / 4, 1 / 8):
        fits.append(fitted(data, seed, peer, share * build(peer).rate))
        if evaluate(fits[-1], valid)["auroc"] > POOR:
            break
    return min(fits, key=lambda model: evaluate(model, valid)["loss"])


def train(name: str, seed: int, peer: str, runs: Path) -> dict:
    """Train `peer` on one grammar (or read ARGMINN back) and test it on fresh sequences."""
    from motifbook.grammar import GrammarBatches, load_grammar
    from safetensors.torch import save_file

    from motiflib.model import Argminn
    from motiflib.training import predict

    data, began = GrammarBatches(load_grammar(name), seed=seed), time.perf_counter()
    if peer == "argminn":
        model = Argminn.from_pretrained(runs / f"{name}-{seed}-default").eval()
    else:
        model = at_best_rate(data, seed, peer)
        folder = runs / f"{name}-{seed}-{peer}"
        folder.mkdir(parents=True, exist_ok=True)
        save_file(model.state_dict(), folder / "model.safetensors")
    minutes = (
        (time.perf_counter() - began) / 60 if peer != "argminn" else None
    )  # that is in results/grammars.tsv
    test = data.sample(TEST, 2)
    row = {"grammar": name, "model": peer, "seed": seed, "minutes": minutes}
    return row | measures(predict(model, test.x).double().numpy(), test.y.numpy() > 0.5)


def scan(out: Path) -> None:
    """Measure each setting of SCAN; those that `out` has already are left."""
    from motifbook.grammar import GrammarBatches, load_grammar

    from motiflib.training import predict

    rows = pd.read_csv(out, sep="\t").to_dict("records") if out.exists() else []
    have = {(r["grammar"], r["model"], r["rate"], r["epochs"]) for r in rows}
    for name, peer, rate, epochs in SCAN:
        if (name, peer, rate, epochs) not in have:
            data = GrammarBatches(load_grammar(name), seed=0)
            model, held = fitted(data, 0, peer, rate, epochs), data.sample(TEST, 5)
            row = {"grammar": name, "model": peer, "rate": rate, "epochs": epochs}
            rows.append(
                row | measures(predict(model, held.x).double().numpy(), held.y.numpy() > 0.5)
            )
            pd.DataFrame(rows).to_csv(out, sep="\t", index=False, float_format="%.5g")
    print(
        pd.DataFrame(rows)[
            ["grammar", "model", "rate", "epochs", "auroc", "auroc_low", "auroc_high"]
        ].to_string()
    )


def measures(p, y, draws: int = 300) -> dict:
    """Accuracy, AUROC and AUPRC of probabilities p, each with the limits of its interval."""
    from motifbook.peers.intervals import bootstrap
    from sklearn.metrics import average_precision_score, roc_auc_score

    of = {
        "accuracy": lambda y, p: ((p > 0.5) == y).mean(),
        "auroc": roc_auc_score,
        "auprc": average_precision_score,
    }
    found = {name: bootstrap(y, p, measure, draws=draws) for name, measure in of.items()}
    return {
        name + end: value
        for name, interval in found.items()
        for end, value in zip(("", "_low", "_high"), interval, strict=True)
    }


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean over seeds; `low` and `high` are means of the seeds' limits."""
    columns = [c for c in rows if c not in ("grammar", "model", "seed")]
    groups = rows.groupby(["grammar", "model"], sort=False, observed=True)
    return groups[columns].mean().assign(seeds=groups.size()).round(4)


def main() -> None:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--only", nargs="*", default=CLASSIC + OURS)
    ask.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    ask.add_argument("--peers", nargs="*", default=["cnn", "explainn", "argminn"])
    ask.add_argument("--jobs", type=int, default=2)
    ask.add_argument("--runs", type=Path, default=HERE / "runs")
    ask.add_argument("--out", type=Path, default=HERE / "results" / "prediction.tsv")
    ask.add_argument("--again", action="store_true")
    ask.add_argument("--rates", action="store_true")
    a = ask.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    if a.rates:
        return scan(a.out.with_name("peer_rates.tsv"))
    done = (
        pd.read_csv(a.out, sep="\t")
        if a.out.exists()
        else pd.DataFrame(columns=["grammar", "model", "seed"])
    )
    wanted = [(g, s, m) for s in a.seeds for g in a.only for m in a.peers]
    if a.again:
        files = {
            (g, s, m): a.runs / f"{g}-{s}-{m}" / "model.safetensors"
            for g, s, m in wanted
            if m in SIZES
        }
        lost = [row for row, file in files.items() if not file.exists()]
        done = done[
            [
                row not in lost
                for row in done[["grammar", "seed", "model"]].itertuples(index=False, name=None)
            ]
        ]
    have = set(done[["grammar", "seed", "model"]].itertuples(index=False, name=None))
    todo = [row for row in wanted if row not in have]
    with ProcessPoolExecutor(
        a.jobs, mp_context=get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        for job in as_completed([pool.submit(train, *args, a.runs) for args in todo]):
            row = job.result()
            print(
                {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}, flush=True
            )
            done = (
                pd.concat([done, pd.DataFrame([row])], ignore_index=True)
                if len(done)
                else pd.DataFrame([row])
            )
            done.to_csv(a.out, sep="\t", index=False)

    done["grammar"] = pd.Categorical(done.grammar, [*CLASSIC, *OURS], ordered=True)
    print(summary(done.sort_values(["grammar", "model", "seed"])).to_string())
    print(footer(f"{a.jobs} at a time on one thread each", f"L=500, {TEST} test sequences"))


if __name__ == "__main__":
    main()
