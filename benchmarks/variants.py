"""Effects of variants against saturation mutagenesis (Kircher et al. 2019): the right model and a
wrong one.

python benchmarks/variants.py           # all elements on GRCh37, ELK1 (ETS) and, as control, REST;
TERT in detail python benchmarks/variants.py --table   # only print what is there
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import torch
from motifbook.datasets import VariantDataset, load
from scipy.stats import spearmanr

from motiflib.genome import variants
from motiflib.genome.fasta import Genome
from motiflib.motif import aligned_correlation
from motiflib.run import folder as runs
from motiflib.run.known import jaspar, name_motifs
from motiflib.sequence import write_fasta

HERE = Path(__file__).parent
MODELS = {"ELK1": "elk1-gm12878", "REST (control)": "rest-gm12878"}
CANCER = {1295228: "C228T", 1295250: "C250T"}  # GRCh37 5, G>A on the + strand
DRAWS, FEWEST = 500, 10  # barcodes below which a measured effect is left out


def pairs_of(
    data: VariantDataset, element: str, width: int
) -> tuple[pd.DataFrame, list[variants.Pair]]:
    """Variants of an element with enough barcodes, and their windows on the rebuilt reference."""
    table, sequence = data.element(element)
    table = table[table.barcodes >= FEWEST].assign(
        chrom=element, name=lambda t: t.place.astype(str)
    )
    with tempfile.TemporaryDirectory() as folder:
        write_fasta(f"{folder}/element.fa", [(element, sequence)])
        with Genome(f"{folder}/element.fa") as genome:
            return table.reset_index(drop=True), variants.on_reference(
                genome, table, width, where=element
            )


def changes(run: runs.Run, pairs: list[variants.Pair]) -> np.ndarray:
    """Change of the log-odds by each variant."""
    letters = list(dict.fromkeys(s for pair in pairs for s in (pair.before, pair.after)))
    logit = dict(zip(letters, variants.log_odds(run, letters), strict=True))
    return np.array([logit[pair.after] - logit[pair.before] for pair in pairs])


def correlations(changes: list[np.ndarray], measured: np.ndarray, place: np.ndarray) -> list[tuple]:
    """Spearman's correlation of each model, and the first one's minus the second one's, with their
    intervals.

    Positions are drawn, as their variants are not independent; the same draws for both models.
    """
    rng, rows = np.random.default_rng(0), [np.flatnonzero(place == p) for p in np.unique(place)]
    draws = [
        np.concatenate([rows[i] for i in rng.integers(len(rows), size=len(rows))])
        for _ in range(DRAWS)
    ]
    drawn = np.array(
        [[spearmanr(c[d], measured[d])[0] for c in changes] for d in draws]
    )  # (DRAWS, 2)
    whole = [float(spearmanr(c, measured)[0]) for c in changes]
    values = [*zip(whole, drawn.T, strict=True), (whole[0] - whole[1], drawn[:, 0] - drawn[:, 1])]
    return [(value, *map(float, np.quantile(some, (0.025, 0.975)))) for value, some in values]


def main() -> None:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--table", action="store_true")
    out, tert = HERE / "results" / "variants.tsv", HERE / "results" / "variants_tert.tsv"
    if not ask.parse_args().table:
        torch.set_num_threads(1)
        measure(out, tert)
    for path in (out, tert):
        print(pd.read_csv(path, sep="\t").round(4).to_string(index=False), "\n")
    print(f"{runs.machine()['hardware']}; {runs.machine()['versions']}")


def measure(out: Path, tert: Path) -> None:
    data, rows, cancer = load("satmut-kircher2019"), [], []
    networks = {
        label: runs.load_run(HERE.parent / "data" / "models" / folder)
        for label, folder in MODELS.items()
    }
    for element in sorted(set(data.variants.element)):
        began, found = time.perf_counter(), []
        for run in networks.values():
            table, pairs = pairs_of(data, element, run.tile)
            found.append(changes(run, pairs))
        *each, difference = correlations(
            found, table.coefficient.to_numpy(), table.place.to_numpy()
        )
        seconds = (time.perf_counter() - began) / len(MODELS)
        rows += [
            (element, label, len(table), *value, seconds, *(difference if not i else [np.nan] * 3))
            for i, (label, value) in enumerate(zip(MODELS, each, strict=True))
        ]
        print(*rows[-2:], sep="\n", flush=True)
        if element.startswith("TERT"):
            cancer += [
                in_detail(element, *item, data)
                for item in zip(networks.items(), found, strict=True)
            ]
    columns = [
        "element",
        "model",
        "variants",
        "spearman",
        "low",
        "high",
        "seconds",
        "difference",
        "difference_low",
        "difference_high",
    ]
    pd.DataFrame(rows, columns=columns).to_csv(out, sep="\t", index=False, float_format="%.4g")
    pd.concat(cancer).to_csv(tert, sep="\t", index=False, float_format="%.4g")


def in_detail(
    element: str, network: tuple[str, runs.Run], change: np.ndarray, data: VariantDataset
) -> pd.DataFrame:
    """What a model says of the two cancer mutations: its motif's closest entry, and its likeness to
    ELK1's."""
    label, run = network
    table, pairs = pairs_of(data, element, run.tile)
    mine = [i for i in range(len(table)) if table.place[i] in CANCER and table.alt[i] == "A"]
    seen = variants.effects(run, table.iloc[mine], [pairs[i] for i in mine])
    closest = name_motifs(run.motifs, taxon="vertebrates").set_index("motif").jaspar_name
    ets = {motif.name: aligned_correlation(motif, jaspar("ELK1")) for motif in run.motifs}
    about = {
        "element": element,
        "model": label,
        "mutation": table.place[mine].map(CANCER).to_numpy(),
    }
    about |= {"measured": table.coefficient[mine].to_numpy(), "closest": seen.motif.map(closest)}
    share = pd.Series(change).rank(ascending=False, pct=True)
    about |= {"like_elk1": seen.motif.map(ets), "top_share": share[mine].to_numpy()}
    keep = [
        "element",
        "model",
        "mutation",
        "measured",
        "change",
        "top_share",
        "event",
        "motif",
        "closest",
        "like_elk1",
        "strand",
        "score_ref",
        "score_alt",
    ]
    return seen.assign(**about)[keep]


if __name__ == "__main__":
    main()
