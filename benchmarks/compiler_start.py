"""A compiled network as a start for training on sampled motifs, at a quarter of the usual steps.

    python benchmarks/compiler_start.py --only rest spi1

For each grammar and start ("compiled", the soft form; "seeded", the usual one at enriched k-mers):
AUROC on fresh sequences before training and after EPOCHS of the usual 20 epochs, all else as by
default, against the Bayes oracle. Each finished training is a line of results/compiler_start.tsv,
so an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pandas as pd
import torch
from footer import footer
from motifbook.compiler import compile_grammar
from motifbook.grammar import GrammarBatches, Oracle, grammar_names, load_grammar

from motiflib.model import ArgminnConfig
from motiflib.seeding import seeded
from motiflib.training import TrainConfig, evaluate, fit, roc_auc_score

EPOCHS, TEST = 5, 4000


def train(name: str, start: str, seed: int) -> dict:
    """A row of the table."""
    grammar = load_grammar(name)
    data, began = GrammarBatches(grammar, seed=seed), time.perf_counter()
    compiled = start == "compiled"
    model = (
        compile_grammar(grammar, form="pwm")
        if compiled
        else seeded(ArgminnConfig(), data.sample(4000), seed=seed)
    )
    test = data.sample(TEST, 2)
    oracle = roc_auc_score(test.y, Oracle(grammar).log_likelihood_ratio(test.x))
    before = evaluate(model, test)
    model, _ = fit(
        model, data, data.sample(2000, 1), TrainConfig(epochs=EPOCHS, device="cpu"), progress=False
    )
    after, minutes = evaluate(model, test), (time.perf_counter() - began) / 60
    row = {"grammar": name, "start": start, "seed": seed, "epochs": EPOCHS, "oracle": oracle}
    row |= {"untrained": before["auroc"], "trained": after["auroc"], "gap": oracle - after["auroc"]}
    return row | {"accuracy": after["accuracy"], "minutes": minutes}


def main() -> None:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--only", nargs="*", default=grammar_names())
    ask.add_argument("--starts", nargs="*", default=["compiled", "seeded"])
    ask.add_argument("--seeds", nargs="*", type=int, default=[0])
    ask.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "results" / "compiler_start.tsv"
    )
    a = ask.parse_args()
    torch.set_num_threads(1)
    done = (
        pd.read_csv(a.out, sep="\t")
        if a.out.exists()
        else pd.DataFrame(columns=["grammar", "start", "seed"])
    )
    have = set(done[["grammar", "start", "seed"]].itertuples(index=False, name=None))
    for start in a.starts:
        for seed in a.seeds:
            for name in (n for n in a.only if (n, start, seed) not in have):
                row = train(name, start, seed)
                print(
                    {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()},
                    flush=True,
                )
                done = (
                    pd.concat([done, pd.DataFrame([row])], ignore_index=True)
                    if len(done)
                    else pd.DataFrame([row])
                )
                done.round(5).to_csv(a.out, sep="\t", index=False)
    print(done.round(4).to_string())
    print(footer("one thread", f"L=500, {TEST} test sequences"))


if __name__ == "__main__":
    main()
