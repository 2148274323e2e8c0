"""Effects of variants against saturation mutagenesis (Kircher et al. 2019): the right model and a wrong one.

    python benchmarks/variants.py           # all elements on GRCh37, ELK1 (ETS) and, as control, REST; TERT in detail
    python benchmarks/variants.py --table   # only print what is there
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
from scipy.stats import spearmanr

from motiflib import runs, variants
from motiflib.datasets import VariantDataset, load
from motiflib.discovery import name_motifs
from motiflib.genome import Genome
from motiflib.sequence import write_fasta

HERE = Path(__file__).parent
MODELS = {"ELK1": "elk1-gm12878", "REST (control)": "rest-gm12878"}
CANCER = {1295228: "C228T", 1295250: "C250T"}  # GRCh37 5, G>A on the + strand
DRAWS, FEWEST = 500, 10  # barcodes below which a measured effect is left out


def pairs_of(data: VariantDataset, element: str, width: int) -> tuple[pd.DataFrame, list[variants.Pair]]:
    """Variants of an element with enough barcodes, and their windows on the rebuilt reference."""
    table, sequence = data.element(element)
    table = table[table.barcodes >= FEWEST].assign(chrom=element, name=lambda t: t.place.astype(str))
    with tempfile.TemporaryDirectory() as folder:
        write_fasta(f"{folder}/element.fa", [(element, sequence)])
        with Genome(f"{folder}/element.fa") as genome:
            return table.reset_index(drop=True), variants.on_reference(genome, table, width, where=element)


def changes(run: runs.Run, pairs: list[variants.Pair]) -> np.ndarray:
    """Change of the log-odds by each variant."""
    letters = list(dict.fromkeys(s for pair in pairs for s in (pair.before, pair.after)))
    logit = dict(zip(letters, variants.log_odds(run, letters), strict=True))
    return np.array([logit[pair.after] - logit[pair.before] for pair in pairs])


def correlation(change: np.ndarray, measured: np.ndarray, place: np.ndarray) -> tuple[float, float, float]:
    """Spearman's correlation, and its interval from drawing positions (their variants are not independent)."""
    rng, rows = np.random.default_rng(0), [np.flatnonzero(place == p) for p in np.unique(place)]
    drawn = []
    for _ in range(DRAWS):
        chosen = np.concatenate([rows[i] for i in rng.integers(len(rows), size=len(rows))])
        drawn.append(spearmanr(change[chosen], measured[chosen])[0])
    return float(spearmanr(change, measured)[0]), *map(float, np.quantile(drawn, (0.025, 0.975)))


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
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
    for label, folder in MODELS.items():
        run = runs.load_run(HERE.parent / "data" / "models" / folder)
        known = name_motifs(run.motifs).set_index("motif").jaspar_name
        for element in sorted(set(data.variants.element)):
            began = time.perf_counter()
            table, pairs = pairs_of(data, element, run.tile)
            change = changes(run, pairs)
            value, low, high = correlation(change, table.coefficient.to_numpy(), table.place.to_numpy())
            rows.append((element, label, len(table), value, low, high, time.perf_counter() - began))
            print(rows[-1], flush=True)
            mine = [i for i in range(len(table)) if element.startswith("TERT") and table.place[i] in CANCER
                    and table.alt[i] == "A"]  # fmt: skip
            if mine:
                seen = variants.effects(run, table.iloc[mine], [pairs[i] for i in mine])
                share = pd.Series(change).rank(ascending=False, pct=True).to_numpy()[mine]
                about = {"element": element, "model": label, "known": seen.motif.map(known), "top_share": share}
                about |= {"measured": table.coefficient[mine].to_numpy()}
                cancer.append(seen.assign(**about, mutation=table.place[mine].map(CANCER).to_numpy()))
    columns = ["element", "model", "variants", "spearman", "low", "high", "seconds"]
    pd.DataFrame(rows, columns=columns).to_csv(out, sep="\t", index=False, float_format="%.4g")
    keep = ["element", "model", "mutation", "measured", "change", "top_share", "event", "motif", "known", "strand",
            "score_ref", "score_alt"]  # fmt: skip
    pd.concat(cancer)[keep].to_csv(tert, sep="\t", index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
