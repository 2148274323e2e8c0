"""Motifs found by each method against those planted: ten grammars, three seeds, the same 1,000
sequences for all.

    python benchmarks/discovery.py                       # what benchmarks/grammars.py and
    prediction.py have trained python benchmarks/discovery.py --seeds 0 --methods modisco python
    benchmarks/discovery.py --seeds 0 --only spi1 e2f6-max jund-tead rest --methods modisco
    modisco-defaults \
        --out benchmarks/results/modisco_defaults.tsv

Each finished run is a line of results/discovery.tsv, so an interrupted benchmark goes on, and
networks that are not there yet are left for the next time. Sequences are fresh, half of them
positive, 500 bp. Every method may use both classes. ARGMINN: filters to motifs
(motiflib.discovery). CNN: every filter as a motif, from windows above 50, 70 or 90% of its maximum,
whichever is best against the truth. ExplaiNN: every unit with at least 1% of the prediction.
MoDISco: DeepLIFT (10 shuffles each) of the CNN on 200 of the positives, then TF-MoDISco with two
Leiden runs (its own defaults, 50 runs and ten times the seqlets, are measured by the third line
above); patterns that hold two motifs are cut in two, and those of negative attributions are left
out, and flanks are cut harder, where that is better against the truth. What it reports is kept
under --runs as <grammar>-<seed>-modisco.meme, for benchmarks/calls.py. Enumeration: words, no
network, positives against negatives; shuffles: the same, all sequences against their dinucleotide
shuffles. Seconds are processor time on one thread, training not included; they are missing where
they were taken before numba was kept to one thread.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from pathlib import Path

import pandas as pd
from footer import footer

HERE = Path(__file__).parent
CLASSIC = ["spi1", "tal-gata", "e2f6-max", "jund-tead", "rest", "spi1-ctcf"]
OURS = ["rest-nonadditive", "same-strand", "helical", "three-in-order"]
METHODS = ["argminn", "cnn", "explainn", "enumeration", "shuffles", "modisco"]
NO_NETWORK = ("enumeration", "shuffles")
SEQUENCES = 1000
# bits: MoDISco's wide flanks, cut here and not at 0.3, no longer pull a motif's mean below one
STRICT = 0.5
ATTRIBUTED = (
    200  # positives for DeepLIFT, which costs most of all; 500 found no more of spi1 and spi1-ctcf
)


def network(name: str, seed: int, method: str, runs: Path):
    """The trained network that a method reads, or None while there is none; enumeration needs no
    network."""
    from motifbook.peers import ExplaiNN, StandardCNN
    from safetensors.torch import load_file

    from motiflib.model import Argminn

    kind = {"argminn": "default", "modisco": "cnn", "modisco-defaults": "cnn"}.get(method, method)
    folder = runs / f"{name}-{seed}-{kind}"
    if method in NO_NETWORK or not (folder / "model.safetensors").exists():
        return None
    if method == "argminn":
        return Argminn.from_pretrained(folder).eval()
    model = {"cnn": StandardCNN, "explainn": ExplaiNN}[kind](32)
    model.load_state_dict(load_file(folder / "model.safetensors"))
    return model.eval()


def discover(method: str, model, x, y, planted) -> tuple[list, dict]:
    """Motifs of a method, and what parts of it took."""
    from motifbook import peers

    from motiflib.discovery import find_motifs
    from motiflib.sequence import decode, one_hot, shuffle

    if method == "argminn":
        return find_motifs(model, x).motifs, {}
    if method == "enumeration":
        return peers.enriched_motifs(x[y > 0.5], x[y <= 0.5]), {}
    if method == "shuffles":
        return peers.enriched_motifs(x, one_hot(shuffle(decode(x)))), {}
    if method == "cnn":
        return best(
            [peers.filter_motifs(model, x, fraction=share) for share in (0.5, 0.7, 0.9)], planted
        ), {}
    if method == "explainn":
        wanted = {f"filter{f}" for f in important_units(model, x, y)}
        return [m for m in peers.filter_motifs(model, x) if m.name in wanted], {}
    began = time.process_time()
    some = x[y > 0.5][:ATTRIBUTED]
    hypothetical = peers.deeplift(model, some, hypothetical=True)
    spent = {"attribution_seconds": time.process_time() - began}
    settings = {"leiden_runs": 50, "max_seqlets": 20_000} if method == "modisco-defaults" else {}
    found = peers.split_patterns(peers.modisco_motifs(some, hypothetical, **settings))
    reports = [found, [m for m in found if m.name.startswith("pos")]]
    return best(
        [*reports, *([m.trim(STRICT) for m in report] for report in reports)], planted
    ), spent


def important_units(model, x, y, share: float = 0.01) -> list[int]:
    """Units of ExplaiNN that carry at least `share` of the prediction, the most important first.

    A unit's importance, as in its paper, is its weight in the read-out times its output; here the
    difference of that between the classes, as a share of the sum of all units' absolute
    differences.
    """
    import torch

    from motiflib.model import evaluating

    with evaluating(model), torch.no_grad():
        outputs = torch.cat([model.units(part.float()) for part in x.split(256)])  # (N, F)
    gap = outputs[y > 0.5].mean(0) - outputs[y <= 0.5].mean(0)
    gap = (model.read_out.weight[0].detach() * gap).abs()
    order = gap.argsort(descending=True)
    return order[gap[order] >= share * gap.sum().clamp(min=1e-12)].tolist()


def best(reports: list[list], planted) -> list:
    """The report that recovers most, and of those the one with least too many: to a peer's
    advantage."""
    from motifbook.peers import score_motifs

    def merit(motifs):
        score = score_motifs(motifs, planted).summary
        return score["recovered"], -score["spurious"] - score["redundant"]

    return max(reports, key=merit)


def run(name: str, seed: int, method: str, model, runs: Path) -> dict:
    """One line of the table."""
    from motifbook.grammar import GrammarBatches, load_grammar
    from motifbook.peers import planted_motifs, reportable, score_motifs

    from motiflib.motif import write_meme

    grammar = load_grammar(name)
    x, y = GrammarBatches(grammar, seed=seed).sample(SEQUENCES, 3)
    began = time.process_time()
    motifs, spent = discover(method, model, x, y, planted_motifs(grammar))
    seconds = time.process_time() - began
    if method == "modisco":
        write_meme(runs / f"{name}-{seed}-modisco.meme", reportable(motifs))
    score = score_motifs(motifs, planted_motifs(grammar))
    row = {
        "grammar": name,
        "method": method,
        "seed": seed,
        **score.summary,
        "seconds": seconds,
        **spent,
    }
    missed = score.planted.motif[~score.planted.recovered]
    worst = score.planted.correlation.min()
    return row | {"missed": " ".join(missed), "worst_correlation": worst}


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Over all runs of a method: share of planted motifs recovered, and means per run."""
    groups = rows.groupby("method", sort=False)
    table = groups[["recovered", "planted"]].sum()
    table["share"] = table.recovered / table.planted
    columns = ["spurious", "redundant", "bits_found", "seconds", "attribution_seconds"]
    return (
        table.join(groups[[c for c in columns if c in rows]].mean())
        .assign(runs=groups.size())
        .round(3)
    )


def warm_up() -> None:
    """Let numba compile what is timed later."""
    import numpy as np
    import torch
    from motifbook.peers import modisco_motifs

    from motiflib.run.known import jaspar, tomtom
    from motiflib.sequence import one_hot

    rng = np.random.default_rng(0)
    word, letters = "TGACTCATCC", ["".join(rng.choice(list("ACGT"), 100)) for _ in range(150)]
    x = one_hot([s[:45] + word + s[55:] for s in letters])
    marked = torch.zeros(100)
    marked[45:55] = 1
    modisco_motifs(x, (x - 0.25) * marked + 0.01 * torch.randn(x.shape))
    tomtom([jaspar("MAX")])


def main() -> None:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--only", nargs="*", default=CLASSIC + OURS)
    ask.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    ask.add_argument("--methods", nargs="*", default=METHODS)
    ask.add_argument("--runs", type=Path, default=HERE / "runs")
    ask.add_argument("--out", type=Path, default=HERE / "results" / "discovery.tsv")
    a = ask.parse_args()
    os.environ |= {
        "OMP_NUM_THREADS": "1",
        "NUMBA_NUM_THREADS": "1",
    }  # numba sets torch back to all cores
    warnings.simplefilter("ignore")
    import torch

    torch.set_num_threads(1)
    done = (
        pd.read_csv(a.out, sep="\t", keep_default_na=False, na_values=["nan"])
        if a.out.exists()
        else pd.DataFrame()
    )
    have = (
        set(done[["grammar", "seed", "method"]].itertuples(index=False, name=None))
        if len(done)
        else set()
    )
    todo = [(g, s, m) for s in a.seeds for m in a.methods for g in a.only if (g, s, m) not in have]
    if any(m.startswith("modisco") for _, _, m in todo):
        warm_up()
    for name, seed, method in todo:
        model = network(name, seed, method, a.runs)
        if model is None and method not in NO_NETWORK:
            print(f"{name} {seed} {method}: no network yet", flush=True)
            continue
        row = run(name, seed, method, model, a.runs)
        print({k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()}, flush=True)
        done = pd.concat([done, pd.DataFrame([row])], ignore_index=True)
        done.to_csv(a.out, sep="\t", index=False, float_format="%.5g", na_rep="nan")
    for seeds, part in (("all seeds", done), ("seed 0", done[done.seed == 0])):
        print(f"\n{seeds}\n{summary(part).to_string()}")
    print(footer("one thread", f"L=500, {SEQUENCES} sequences"))


if __name__ == "__main__":
    main()
