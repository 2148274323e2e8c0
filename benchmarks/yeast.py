"""Yeast factors on held-out chromosomes, and calls along the whole genome.

    python benchmarks/yeast.py                # AUROC of the network and of 6-mers on the same
    windows, all factors python benchmarks/yeast.py --seeds 1 2    # the same, other first weights
    and batches python benchmarks/yeast.py --only Abf1 --seeds 0 1 2 --shift 10   # windows moved by
    10 bp: into yeast_shift10.tsv python benchmarks/yeast.py --known        # AUROC of JASPAR's
    matrices, into the rows that are there python benchmarks/yeast.py --genome-wide  # calls of Reb1
    and Abf1 on 12 Mb: minutes, peaks with a call python benchmarks/yeast.py --limits       # of
    these calls: looser settings, and windows without a call's place python benchmarks/yeast.py
    --table        # only print what is there

Peaks: ChIP-exo points of Rossi et al. 2021; 200 bp around each, four GC-matched windows of the same
chromosomes for each; chrIV, chrVII and chrXII held out. Factors whose network lies in data/models
are not trained again with its seed. Of a factor's matrices in JASPAR (for Hsf1 also the
textbook's), the one that does best on the other chromosomes is measured.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")  # TOMTOM's threads become torch's

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as tf
from motifbook.datasets import load
from motifbook.peers.intervals import auroc, bootstrap_auroc
from motifbook.peers.kmers import KmerRegression
from scipy.stats import rankdata

from motiflib.discovery import find_motifs
from motiflib.genome.fasta import Genome, ResidentGenome
from motiflib.genome.peaks import from_peaks
from motiflib.genome.training import MIDDLE, SHIFT, WIDTH, LociBatches, as_examples, divided
from motiflib.model import ArgminnConfig
from motiflib.motif import Motif
from motiflib.run import folder as runs
from motiflib.run.evidence import best_score
from motiflib.run.known import jaspar, jaspar_collection, tomtom
from motiflib.seeding import seeded
from motiflib.sequence import one_hot
from motiflib.training import TrainConfig, fit, predict

HERE = Path(__file__).parent
MODELS, RESULTS = HERE.parent / "data" / "models", HERE / "results"
TEST_CHROMS, ENOUGH, SEED = ("chrIV", "chrVII", "chrXII"), 40, 0
ORDER = "Abf1 Reb1 Mcm1 Fkh1 Cbf1 Cin5 Fkh2 Swi4 Mbp1 Hsf1 Ste12 Gcn4".split()
# Names under which a factor's motif may stand: relatives whose motif is the same.
KNOWN = {"Cin5": ("CIN5", "YAP"), "Fkh1": ("FKH",), "Fkh2": ("FKH",)}
# JASPAR's matrix of Hsf1 is one of the three inverted copies of nGAAn in a heat-shock element (Amin
# et al. 1988).
TEXTBOOK = {"Hsf1": "TTCNNGAANNTTC"}
NEAR = 20  # bp from a peak to a call
SITE = 4  # bits from which a place is a site at all


def textbook() -> list[Motif]:
    """Motifs that the literature knows better than JASPAR, 0.85 on each base of the consensus."""
    words = {name: one_hot([word])[0].numpy() for name, word in TEXTBOOK.items()}
    pfms = {
        name: np.where(word.sum(0) > 0, 0.8 * word + 0.05, 0.25) for name, word in words.items()
    }
    return [Motif(f"{name.upper()} element", pfm, source="textbook") for name, pfm in pfms.items()]


def targets() -> list[Motif]:
    """What motifs are compared with."""
    return [*jaspar_collection("fungi"), *textbook()]


def is_known(name: str, motif: str) -> bool:
    """Is this the name of a factor's motif, or of a relative whose motif is the same?"""
    return motif.upper().startswith(KNOWN.get(name, (name.upper(),)))


def matrices(name: str) -> list[Motif]:
    """JASPAR's matrices of a factor, in all versions, and the textbook's."""
    last = [m.source.split(".") for m in jaspar_collection("fungi") if is_known(name, m.name)]
    versions = [
        jaspar(f"{base}.{version + 1}")
        for base, versions in last
        for version in range(int(versions))
    ]
    return versions + [m for m in textbook() if is_known(name, m.name)]


def windows(name: str, data) -> tuple[pd.DataFrame, ResidentGenome]:
    with Genome(data.genome) as genome:
        table = from_peaks(
            genome,
            data.peaks[name],
            200,
            ratio=4,
            test_chroms=TEST_CHROMS,
            blacklist=data.blacklist,
            seed=SEED,
        )
        return table, ResidentGenome(genome)


def known(name: str, data) -> dict:
    """AUROC of JASPAR's matrix on the same windows; of several, the one that does best on training
    chromosomes."""
    table, _ = windows(name, data)
    train, test = (as_examples(table[table.part == part]) for part in ("train", "test"))
    best = max(matrices(name), key=lambda m: auroc(train.y, best_score(m, train.x)))
    interval = bootstrap_auroc(test.y, best_score(best, test.x))
    return {
        "known_id": best.source,
        "known": interval.value,
        "known_low": interval.low,
        "known_high": interval.high,
    }


def factor(name: str, data, seed: int, shift: int) -> dict:
    """Train (or load) and test one factor's network, and the 6-mers on the same split."""
    table, resident = windows(name, data)
    began, stored = time.process_time(), MODELS / f"yeast-{name.lower()}"
    mine = table[table.part == "train"].reset_index(drop=True)
    train, valid, rows = divided(mine, SEED)
    test = as_examples(table[table.part == "test"])
    if (stored / "README.md").exists() and seed == SEED and shift == int(SHIFT * 200):
        run = runs.load_run(stored)
        model, found, minutes = run.model, run.found, run.settings["minutes"]
    else:
        model = seeded(ArgminnConfig(width=WIDTH), train, seed=seed, middle=int(200 * MIDDLE))
        batches = LociBatches(resident, mine.iloc[rows], 200, shift=shift, seed=seed)
        model = fit(model, batches, valid, TrainConfig(device="cpu"), progress=False).model
        found, minutes = find_motifs(model, train.x), (time.process_time() - began) / 60
    y, ours = test.y.numpy(), predict(model, test.x).numpy()
    peer = KmerRegression(train, valid)(test.x)
    row = {"factor": name, "seed": seed, "train_peaks": int((train.y.sum() + valid.y.sum()).item())}
    row |= {"test_peaks": int(y.sum()), "filters": len(model.scanner.filters), "minutes": minutes}
    for label, interval in (
        ("argminn", bootstrap_auroc(y, ours)),
        ("kmers", bootstrap_auroc(y, peer)),
        ("difference", bootstrap_auroc(y, ours, peer)),
    ):
        row |= {label: interval.value, f"{label}_low": interval.low, f"{label}_high": interval.high}
    best = tomtom(found.motifs, targets(), top=3)
    mine = best[[is_known(name, other) for other in best.jaspar_name]]
    top = best.iloc[0] if len(best) else None
    row |= {"motif": found.motifs[0].consensus if found.motifs else "", "motifs": len(found.motifs)}
    row |= {
        "top_match": top.jaspar_name if top is not None else "",
        "top_p": top.p_value if top is not None else 1.0,
    }
    rank = [m.name for m in found.motifs].index(mine.iloc[0].motif) + 1 if len(mine) else 0
    return row | {"known_rank": rank, "known_p": mine.p_value.iloc[0] if len(mine) else np.nan}


def genome_wide(name: str, data, out: Path, chroms: list[str]) -> dict:
    """Call one factor along chromosomes; threshold: the highest at which 80% of the held-out peaks
    have a call."""
    from motiflib.genome.scan import call_genome

    wanted, began, used = out.with_suffix(".regions.bed"), time.perf_counter(), time.process_time()
    out.parent.mkdir(exist_ok=True)
    wanted.write_text("".join(f"{chrom}\t0\t{data.chroms[chrom]}\n" for chrom in chroms))
    call_genome(
        runs.load_run(MODELS / f"yeast-{name.lower()}"),
        data.genome,
        out,
        regions=wanted,
        threshold=0.05,
        probability=0.3,
        extra=True,
        progress=False,
    )
    row = {
        "factor": name,
        "chromosomes": len(chroms),
        "mb": sum(data.chroms[chrom] for chrom in chroms) / 1e6,
    }
    row |= {
        "minutes": (time.perf_counter() - began) / 60,
        "core_minutes": (time.process_time() - used) / 60,
    }
    calls, peaks = read_calls(out), data.peaks[name]
    held = peaks[peaks.chrom.isin(set(TEST_CHROMS) & set(chroms))]
    row |= {"calls": len(calls)} | operating_point(calls, held)
    kept = calls.sequence.isin(set(held.chrom)) & (calls.odds >= row["threshold"])
    each = kept.sum() / sum(data.chroms[chrom] for chrom in set(held.chrom))  # calls per base
    return row | {"chance": 1 - np.exp(-each * (2 * NEAR + 1))} | known_point(name, data, held)


def known_point(name: str, data, held: pd.DataFrame) -> dict:
    """What the best of JASPAR's matrices reaches, chosen on the other chromosomes; and peaks with a
    site at all."""
    with Genome(data.genome) as genome:
        resident = ResidentGenome(genome)
    others = data.peaks[name][~data.peaks[name].chrom.isin(TEST_CHROMS)]
    best = max(
        matrices(name), key=lambda m: operating_point(places(m, resident, others), others)["share"]
    )
    there = places(best, resident, held)
    point, sites = operating_point(there, held), there[there.odds >= SITE]
    size = sum(data.chroms[chrom] for chrom in set(held.chrom))
    return {
        "known_id": best.source,
        "known_share": point["share"],
        "known_beside": point["beside_per_called_peak"],
        "has_site": operating_point(sites, held, most=np.inf)["share"],
        "site_chance": 1 - np.exp(-len(sites) / size * (2 * NEAR + 1)),
    }


def limits(name: str, data, out: Path) -> dict:
    """What bounds the share of held-out peaks with a call: calls with hardly a threshold, and
    windows with no place.

    Of windows, the share of peaks above nine tenths of the negatives, for the network, for 6-mers,
    and for the sum of their ranks.
    """
    from motiflib.genome.scan import call_genome

    table, _ = windows(name, data)
    train, valid, _ = divided(table[table.part == "train"].reset_index(drop=True), SEED)
    test, run = (
        as_examples(table[table.part == "test"]),
        runs.load_run(MODELS / f"yeast-{name.lower()}"),
    )
    scores = {
        "network": predict(run.model, test.x).numpy(),
        "kmers": KmerRegression(train, valid)(test.x),
    }
    scores["both"] = rankdata(scores["network"]) + rankdata(scores["kmers"])
    bound, wanted = test.y.numpy() > 0.5, out.with_suffix(".held.bed")
    row = {"factor": name}
    row |= {
        f"windows_{k}": float((s[bound] > np.quantile(s[~bound], 0.9)).mean())
        for k, s in scores.items()
    }
    out.parent.mkdir(exist_ok=True)
    wanted.write_text("".join(f"{chrom}\t0\t{data.chroms[chrom]}\n" for chrom in TEST_CHROMS))
    loose = {"threshold": 0.02, "probability": 0.05, "extra": True, "progress": False}
    call_genome(run, data.genome, out, regions=wanted, **loose)
    calls, peaks = read_calls(out), data.peaks[name]
    held = peaks[peaks.chrom.isin(TEST_CHROMS)]
    every = operating_point(calls, held, np.inf)
    return row | {
        "loose": operating_point(calls, held)["share"],
        "every": every["share"],
        "every_beside": every["beside_per_called_peak"],
    }


def places(motif: Motif, genome: ResidentGenome, peaks: pd.DataFrame) -> pd.DataFrame:
    """Every place on the chromosomes of the peaks where a matrix scores above 0 bits, on either
    strand."""
    pwm, parts = torch.tensor(motif.pwm(pseudocount=0.01).copy(), dtype=torch.float32), []
    for chrom in sorted(set(peaks.chrom)):
        x = genome.cut([chrom], [0], genome.chroms[chrom])
        score = tf.conv1d(x, torch.stack([pwm, pwm.flip(0, 1)]))[0].amax(0).double().numpy()
        at = np.flatnonzero(score > 0)
        parts.append(
            pd.DataFrame({"sequence": chrom, "middle": at + motif.width // 2, "odds": score[at]})
        )
    return pd.concat(parts)


def read_calls(path: Path) -> pd.DataFrame:
    calls = pd.read_csv(path, sep="\t").rename(columns={"#sequence": "sequence"})
    return calls.assign(
        middle=(calls.start + calls.end) // 2, odds=both(calls.score / 1000, calls.probability)
    )


def both(score: pd.Series, probability: pd.Series) -> pd.Series:
    """The odds of the site and of its window multiplied, as a probability: chosen on training
    chromosomes."""
    score, probability = (value.clip(1e-4, 1 - 1e-4) for value in (score, probability))
    return 1 / (1 + (1 / score - 1) * (1 / probability - 1))


def operating_point(calls: pd.DataFrame, peaks: pd.DataFrame, most: float = 10) -> dict:
    """On held-out chromosomes: the largest share of peaks with a call near, while fewer than `most`
    calls for each called peak lie beside all peaks; the threshold on `odds` that reaches it; and
    there the share among the strongest quarter of the peaks, which come in order of strength."""
    calls = calls[calls.sequence.isin(set(peaks.chrom))]
    best, beside = [], np.ones(len(calls), dtype=bool)
    place, odds = calls.middle.to_numpy(), calls.odds.to_numpy()
    for peak in peaks.itertuples():
        here = (calls.sequence == peak.chrom).to_numpy()
        best.append(odds[here & (abs(place - peak.summit) <= NEAR)].max(initial=0.0))
        beside &= ~(here & (abs(place - peak.summit) <= 100))
    rows = []
    for threshold in sorted(set(best) - {0.0}):
        found, others = (
            int((np.array(best) >= threshold).sum()),
            int((beside & (odds >= threshold)).sum()),
        )
        if others < most * found:
            rows.append((found / len(peaks), threshold, others / found))
    share, threshold, rate = max(rows, default=(0.0, 1.0, 0.0))
    strongest = float((np.array(best[: len(best) // 4]) >= threshold).mean())
    return {
        "test_peaks": len(peaks),
        "share": share,
        "strongest_quarter": strongest,
        "threshold": threshold,
        "beside_per_called_peak": rate,
    }


def add(row: dict, path: Path) -> None:
    old = pd.read_csv(path, sep="\t") if path.exists() else pd.DataFrame()
    new = pd.DataFrame([row])
    keys = [key for key in ("factor", "seed") if key in row]
    new = pd.concat([old, new]).drop_duplicates(keys, keep="last").sort_values(keys)
    new.to_csv(path, sep="\t", index=False, float_format="%.5g")
    print({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}, flush=True)


def show(path: Path) -> None:
    table = pd.read_csv(path, sep="\t")
    print(table.round(4).to_string(index=False))
    if "kmers" in table:
        each = table[table.test_peaks >= ENOUGH].groupby("factor")
        some = (
            each[["argminn", "kmers", "known"]]
            .mean()
            .assign(lowest=each.argminn.min(), highest=each.argminn.max())
        )
        print(f"mean over the seeds, factors with at least {ENOUGH} test peaks:")
        print(pd.concat([some, some.mean().to_frame("mean").T]).round(3).to_string())
        print(
            f"ahead of 6-mers in {(some.argminn > some.kmers).sum()}, of the matrix in "
            f"{(some.argminn > some.known).sum()} of {len(some)}"
        )
    print(f"{runs.machine()['hardware']}; {runs.machine()['versions']}")


def main() -> None:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--only", nargs="*", default=None)
    ask.add_argument("--seeds", nargs="*", type=int, default=[SEED])
    ask.add_argument(
        "--shift", type=int, default=int(SHIFT * 200), help="bp by which windows move in training"
    )
    ask.add_argument("--known", action="store_true")
    ask.add_argument("--genome-wide", action="store_true")
    ask.add_argument("--limits", action="store_true")
    ask.add_argument(
        "--chroms", nargs="*", default=None, help="only these chromosomes, with --genome-wide"
    )
    ask.add_argument("--table", action="store_true")
    a = ask.parse_args()
    torch.set_num_threads(1)
    data, few = load("yeast-rossi2021"), a.genome_wide or a.limits
    kind = "yeast_genome" if a.genome_wide else "yeast_limits" if a.limits else "yeast"
    path = RESULTS / (
        f"{kind}.tsv" if a.shift == int(SHIFT * 200) else f"{kind}_shift{a.shift}.tsv"
    )
    old = pd.read_csv(path, sep="\t") if path.exists() else pd.DataFrame()
    done = set(zip(old.factor, old.seed, strict=True)) if "seed" in old else set()
    for name in old.factor.unique() if a.known else []:
        new = known(name, data)
        for row in old[old.factor == name].to_dict("records"):
            add(row | new, path)
    matrix: dict[str, dict] = {}  # the same for all seeds
    for name in [] if a.table or a.known else a.only or (ORDER, ["Reb1", "Abf1"])[few]:
        if a.limits:
            add(limits(name, data, HERE / "runs" / f"{name}.loose.bed"), path)
        if a.genome_wide:
            add(
                genome_wide(
                    name, data, HERE / "runs" / f"{name}.bed", a.chroms or list(data.chroms)
                ),
                path,
            )
        for seed in [] if few else a.seeds:
            if a.only or (name, seed) not in done:
                matrix[name] = matrix.get(name) or known(name, data)
                add(factor(name, data, seed, a.shift) | matrix[name], path)
    show(path)


if __name__ == "__main__":
    sys.exit(main())
