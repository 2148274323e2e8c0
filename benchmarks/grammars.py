"""One default training for every grammar: test AUROC against the Bayes oracle, minutes and memory.

    python benchmarks/grammars.py                          # 10 grammars x 3 seeds, two processes
    python benchmarks/grammars.py --only rest --seeds 0 python benchmarks/grammars.py --ablations
    --only rest e2f6-max --out benchmarks/results/ablations.tsv python benchmarks/grammars.py
    --variants "40 epochs" --only tal-gata --out benchmarks/results/longer.tsv

Each finished training is a line of results/grammars.tsv, so an interrupted run goes on; the table
is printed at the end. Networks are kept under --runs for other benchmarks.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
from footer import footer

HERE = Path(__file__).parent
CLASSIC = ["spi1", "tal-gata", "e2f6-max", "jund-tead", "rest", "spi1-ctcf"]
OURS = ["rest-nonadditive", "same-strand", "helical", "three-in-order"]
TEST = 4000  # fresh sequences; the standard error of an AUROC of 0.98 is then about 0.002
ABLATIONS = {
    "default": {},
    "random start": {"seeded": False},
    "no neighbourhood": {"neighbourhood": 0},
    "paper's form": {"neighbourhood": 0, "candidates": 0, "seeded": False},
    "24 candidates": {"candidates": 24},
    "no overlap loss": {"overlap": 0.0},
    "no L1": {"l1": 0.0},
    "one strand": {"both_strands": False},
    "40 epochs": {"epochs": 40},
}


def train(name: str, seed: int, variant: str, runs: Path) -> dict:
    """Train the default network, changed by `variant`, on one grammar and test it on fresh
    sequences."""
    import torch
    from motifbook.grammar import GrammarBatches, Oracle, load_grammar

    from motiflib.model import Argminn, ArgminnConfig
    from motiflib.seeding import seeded
    from motiflib.training import TrainConfig, evaluate, fit, roc_auc_score

    torch.set_num_threads(1)
    change = dict(ABLATIONS[variant])
    start = change.pop("seeded", True)
    config = TrainConfig(
        device="cpu", **{k: change.pop(k) for k in ("overlap", "l1", "epochs") if k in change}
    )
    shape, grammar = ArgminnConfig(**change), load_grammar(name)
    data, began = GrammarBatches(grammar, seed=seed), time.perf_counter()
    torch.manual_seed(seed)
    model = seeded(shape, data.sample(4000), seed=seed) if start else Argminn(shape)
    model, history = fit(model, data, data.sample(2000, 1), config, progress=False)
    minutes = (time.perf_counter() - began) / 60
    test = data.sample(TEST, 2)
    oracle = roc_auc_score(test.y, Oracle(grammar, 500, 0.5).log_likelihood_ratio(test.x))
    model.save_pretrained(runs / f"{name}-{seed}-{variant.replace(' ', '-')}")
    found = evaluate(model, test)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    row = {"grammar": name, "variant": variant, "seed": seed, "filters": len(model.scanner.filters)}
    row |= {
        "auroc": found["auroc"],
        "oracle": oracle,
        "gap": oracle - found["auroc"],
        "accuracy": found["accuracy"],
    }
    return row | {"auprc": found["auprc"], "minutes": minutes, "gigabytes": memory}


def recovered(row: pd.Series, runs: Path) -> float:
    """Share of the planted motifs that are read from a kept network, if it is there: aligned
    correlation >= 0.95."""
    from motifbook.grammar import GrammarBatches, load_grammar

    from motiflib.discovery import find_motifs
    from motiflib.model import Argminn
    from motiflib.motif import aligned_correlation

    grammar, folder = (
        load_grammar(row.grammar),
        runs / f"{row.grammar}-{row.seed}-{row.variant.replace(' ', '-')}",
    )
    if not folder.exists():
        return float("nan")
    model = Argminn.from_pretrained(folder)
    found = find_motifs(model, GrammarBatches(grammar, seed=row.seed).sample(2000, 3).x).motifs
    right = [
        any(aligned_correlation(m, planted) >= 0.95 for m in found)
        for planted in grammar.planted.values()
    ]
    return sum(right) / len(right)


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean over seeds, the worst seed, and what it cost."""
    groups = rows.groupby(["grammar", "variant"], sort=False)
    table = groups[["auroc", "oracle", "gap"]].mean()
    table["worst gap"], table["seeds"] = groups.gap.max(), groups.size()
    table["planted motifs found"] = groups.motifs.mean()
    table["filters"], table["minutes"] = groups.filters.mean(), groups.minutes.median()
    return table.assign(gigabytes=groups.gigabytes.max()).round(4)


def main() -> None:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--only", nargs="*", default=CLASSIC + OURS)
    ask.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    ask.add_argument("--variants", nargs="*", default=["default"], choices=list(ABLATIONS))
    ask.add_argument("--ablations", action="store_true", help="all variants")
    ask.add_argument("--jobs", type=int, default=2)
    ask.add_argument("--runs", type=Path, default=HERE / "runs")
    ask.add_argument("--out", type=Path, default=HERE / "results" / "grammars.tsv")
    a = ask.parse_args()
    a.out.parent.mkdir(parents=True, exist_ok=True)
    done = (
        pd.read_csv(a.out, sep="\t")
        if a.out.exists()
        else pd.DataFrame(columns=["grammar", "variant", "seed"])
    )
    have = set(done[["grammar", "variant", "seed"]].itertuples(index=False, name=None))
    variants = list(ABLATIONS) if a.ablations else a.variants
    todo = [(g, s, v) for v in variants for s in a.seeds for g in a.only if (g, v, s) not in have]
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(a.jobs, mp_context=get_context("spawn")) as pool:
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

    done["motifs"] = [recovered(row, a.runs) for row in done.itertuples()]
    print(summary(done).to_string())
    print(
        footer(f"{a.jobs} trainings at a time on one thread each", f"L=500, {TEST} test sequences")
    )


if __name__ == "__main__":
    main()
