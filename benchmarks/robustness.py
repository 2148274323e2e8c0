"""ARGMINN, an ordinary CNN and ExplaiNN on the same motif instances in changed surroundings.

    python benchmarks/robustness.py                  # six grammars; run benchmarks/grammars.py and
    prediction.py first python benchmarks/robustness.py --only rest --n 500 python
    benchmarks/robustness.py --only tal-gata --parts bars --variant 40-epochs    # of grammars.py
    python benchmarks/robustness.py --parts gc --seeds 0 1 2 --again argminn-corrected  # these rows
    anew

All networks were trained at 50% GC only. "argminn-corrected" is the same network with
`correct_background`, which trains nothing. The oracle is told the GC. Rows of
results/robustness.tsv are kept, so an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import pandas as pd
import torch
from calls import oracle_calls
from footer import footer
from motifbook import datasets, robustness
from motifbook.correction import correct_background
from motifbook.grammar import GrammarBatches, Oracle, load_grammar, simulate
from motifbook.peers import ExplaiNN, StandardCNN
from safetensors.torch import load_file

from motiflib.calling import THRESHOLD, call
from motiflib.discovery import find_motifs
from motiflib.files import InputError
from motiflib.genome.fasta import Genome
from motiflib.model import Argminn
from motiflib.training import predict

HERE = Path(__file__).parent
CLASSIC = ["spi1", "tal-gata", "e2f6-max", "jund-tead", "rest", "spi1-ctcf"]
SEED = 20_000_003  # of the test sequences: no training uses it


def networks(name: str, seed: int, variant: str, runs: Path) -> tuple[dict, object]:
    """The trained networks of a grammar and the motifs read from ARGMINN."""
    argminn = Argminn.from_pretrained(runs / f"{name}-{seed}-{variant}").eval()
    found = find_motifs(argminn, GrammarBatches(load_grammar(name), seed=seed).sample(2000, 3).x)
    out = {"argminn": argminn, "argminn-corrected": correct_background(argminn, found)}
    for peer, network in (("cnn", StandardCNN(32)), ("explainn", ExplaiNN(32))):
        weights = runs / f"{name}-{seed}-{peer}" / "model.safetensors"
        if weights.exists():
            network.load_state_dict(load_file(weights))
            out[peer] = network.eval()
    return out, found


def gc_sweep(name: str, models: dict, n: int, oracle_too: bool) -> pd.DataFrame:
    """All networks and the oracle at 5% to 95% GC."""
    grammar, contexts, parts = load_grammar(name), robustness.standard_contexts(), []
    data = simulate(grammar, n, seed=SEED)
    for model, network in models.items():
        parts.append(robustness.context_sweep(network, data, ["gc"], seed=1).assign(model=model))
    for level in contexts["gc"] if oracle_too else []:
        oracle = Oracle(grammar, 500, int(level) / 100)
        table = robustness.context_sweep(
            lambda x, oracle=oracle: oracle.log_likelihood_ratio(x).sigmoid(),
            data,
            {"gc": {level: contexts["gc"][level]}},
            seed=1,
        )
        parts.append(table[table.context == "gc"].assign(model="oracle"))
    return pd.concat(parts)


def other_contexts(name: str, models: dict, found, n: int) -> pd.DataFrame:
    """Everything else, with calls for ARGMINN; yeast flanks where the genome is at hand."""
    contexts, parts = robustness.standard_contexts(yeast()), []
    few = {
        **contexts,
        "gc": {level: contexts["gc"][level] for level in ("20", "35", "50", "65", "80")},
    }
    data = simulate(load_grammar(name), n, seed=SEED + 1)
    for model, network in models.items():
        calls = found if model.startswith("argminn") else None
        chosen = (
            few
            if model != "argminn-corrected"
            else {k: few[k] for k in ("gc", "dinucleotide", "flanks") if k in few}
        )
        parts.append(
            robustness.context_sweep(network, data, chosen, found=calls, seed=2).assign(model=model)
        )
    out = pd.concat(parts)
    return out.assign(context=out.context.replace("gc", "gc, calls"))


def yeast() -> dict[str, list[str]]:
    """Windows of the yeast genome, or nothing where it cannot be had."""
    try:
        with Genome(datasets.fetch("yeast/sacCer3.fa.gz")) as genome:
            return {"yeast": random_windows(genome, 200, 2400)}
    except InputError:
        return {}


def random_windows(genome: Genome, count: int, length: int) -> list[str]:
    """`count` stretches of `length` bp at random places of the chromosomes, by their length."""
    room = {
        name: size - length + 1
        for name, size in genome.chroms.items()
        if name != "chrM" and size >= length
    }
    rng, share = np.random.default_rng(0), np.array(list(room.values())) / sum(room.values())
    chosen = rng.choice(list(room), count, p=share)
    starts = [(name, int(rng.integers(room[name]))) for name in chosen]
    return [genome.fetch(name, start, start + length) for name, start in starts]


def bars(name: str, network: Argminn, found) -> pd.DataFrame:
    """One motif in 100 surroundings, with the oracle's calls as limit; calls of both strands; the
    shift by one bp."""
    grammar, rows = load_grammar(name), []
    oracle, data = Oracle(grammar, 500, 0.5), simulate(grammar, 200, seed=SEED + 2)
    best = robustness.kept_calls(lambda d: oracle_calls(oracle, d.x, d.records()), None, data)
    kept = robustness.kept_calls(network, found, data)
    for level, some in (
        ("all called", kept[kept.score >= THRESHOLD]),
        ("score >= 0.9", kept[kept.score >= 0.9]),
        ("the oracle's", best[best.score >= THRESHOLD]),
    ):
        rows.append(("100 surroundings", level, "kept", some.kept.mean(), len(some)))
    data = simulate(grammar, 1000, seed=SEED + 3)
    ours, theirs = (call(network, found, d.records()) for d in (data, robustness.turn_over(data)))
    theirs = theirs.assign(
        start=500 - theirs.end,
        end=500 - theirs.start,
        strand=theirs.strand.map({"+": "-", "-": "+"}),
    )
    place = ["sequence", "start", "end", "motif"]
    for level, key in (("place", place), ("place and strand", [*place, "strand"])):
        lost = len(ours) - len(
            ours[key].merge(theirs[key])
        )  # a palindrome's strand is a tie of equal activations
        rows.append(("reverse complement", level, "calls changed", lost, len(ours)))
    p = predict(network, data.x.float())
    for by in (-1, 1):
        moved = predict(network, robustness.slide(data, 1, by=by).x.float())
        rows.append(
            ("shift", f"{by:+d}", "median change", float((moved - p).abs().median()), len(p))
        )
    return pd.DataFrame(rows, columns=["context", "level", "measure", "value", "n"]).assign(
        model="argminn"
    )


def measure(
    part: str, name: str, models: dict, found, n: int, oracle_too: bool = True
) -> pd.DataFrame:
    """One part of the benchmark for one grammar."""
    if part == "gc":
        return gc_sweep(name, models, n, oracle_too)
    return (
        bars(name, models["argminn"], found)
        if part == "bars"
        else other_contexts(name, models, found, n // 4)
    )


def summary(table: pd.DataFrame) -> str:
    """The claims, one line a grammar."""
    gc = table[(table.context == "gc") & (table.measure == "auroc")].assign(
        level=lambda t: t.level.astype(int)
    )
    rows = []
    for (name, model), mine in gc.groupby(["grammar", "model"], sort=False):
        at = mine.groupby("level").value.mean()
        rows.append(
            (
                name,
                model,
                at[50],
                at.loc[20:80].min(),
                at.loc[20:80].idxmin(),
                at.min(),
                at.idxmin(),
            )
        )
    wide = pd.DataFrame(
        rows, columns=["grammar", "model", "50%", "worst of 20-80%", "at", "worst of 5-95%", "at "]
    )
    return wide.round(4).to_string(index=False)


def main() -> None:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--only", nargs="*", default=CLASSIC)
    ask.add_argument("--seeds", nargs="*", type=int, default=[0])
    ask.add_argument("--n", type=int, default=1500)
    ask.add_argument("--parts", nargs="*", default=["gc", "bars", "other"])
    ask.add_argument("--variant", default="default")
    ask.add_argument("--again", nargs="*", default=[], metavar="MODEL")
    ask.add_argument("--runs", type=Path, default=HERE / "runs")
    ask.add_argument("--out", type=Path, default=HERE / "results" / "robustness.tsv")
    a = ask.parse_args()
    torch.set_num_threads(1)
    done = pd.read_csv(a.out, sep="\t", dtype={"level": str}) if a.out.exists() else pd.DataFrame()
    keys = ["grammar", "seed", "part"]
    have = (
        set(done[keys].itertuples(index=False, name=None)) if len(done) and not a.again else set()
    )
    of = "" if a.variant == "default" else f", {a.variant}"
    for part in a.parts:
        for name, seed in [
            (g, s) for s in a.seeds for g in a.only if (g, s, part + of) not in have
        ]:
            began = time.perf_counter()
            models, found = networks(name, seed, a.variant, a.runs)
            models = {model: models[model] for model in a.again or models}
            table = measure(part, name, models, found, a.n, not a.again)
            table = table.assign(
                grammar=name, seed=seed, part=part + of, level=table.level.astype(str)
            )
            if a.again:
                same = (done.grammar == name) & (done.seed == seed) & (done.part == part + of)
                done = done[~(same & done.model.isin(a.again))]
            done = pd.concat([done, table], ignore_index=True) if len(done) else table
            done.to_csv(a.out, sep="\t", index=False, float_format="%.5g")
            print(name, seed, part, f"{time.perf_counter() - began:.0f} s", flush=True)
    print(summary(done))
    print(
        "\n"
        + done[done.part.str.startswith("bars")]
        .drop(columns=["low", "high", "model"])
        .to_string(index=False)
    )
    print(footer("one thread", f"L=500, {a.n} sequences a GC level"))


if __name__ == "__main__":
    main()
