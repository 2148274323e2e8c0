"""Calls along a toy genome against planted sites, for cores that overlap themselves and others.

    python benchmarks/cores.py                            # ten cores, filters of 20 and 12 bp
    python benchmarks/cores.py --only CCGGGTAACC --width 20

A genome of 900,000 random bases holds 900 sites of one core, on either strand; peaks stand up to 15
bp beside their middle. A network is trained at its defaults (`motiflib train --genome`, half an
hour for all on two cores; trained ones are kept in results/runs/cores) and the whole genome is
called. A call is right if its middle is at most 2 bp from a site's, as a motif may hold more of one
flank; beside: it shares bases with a site or stands within 20 bp of it, and is not the right
one of it; elsewhere: chance.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import pandas as pd
from footer import footer

HERE = Path(__file__).parent
CORES = {  # a word, what it is
    "CCGGGTAACC": "near-palindrome", "TGACTCATGC": "AP-1 and flank", "GATTACAGTC": "plain",
    "TTAATTAGC": "palindrome inside", "CACGTGAT": "E-box and flank", "TGACGTCA": "palindrome",
    "GAATTCCGG": "two palindromes", "CCGCCGCCGC": "repeat", "AACCGGTTAC": "palindrome and flank",
    "GGTCANNNTGACC": "dimer with a gap",
}
SITES, SPACING, MARGIN = 900, 1000, 1000


def plant(core: str, folder: Path, seed: int = 0) -> pd.DataFrame:
    """Write g.fa and peaks.bed; the sites: chrom, start, end."""
    rng, sites, peaks, text = random.Random(seed), [], [], ""
    for chrom in ("chr1", "chr2", "chr3"):
        count = SITES // 3
        bases = rng.choices("ACGT", k=count * SPACING + 2 * MARGIN)
        for i in range(count):
            at = MARGIN + i * SPACING + rng.randint(-200, 200)
            word = "".join(rng.choice("ACGT") if base == "N" else base for base in core)
            turned = word[::-1].translate(str.maketrans("ACGT", "TGCA"))
            bases[at : at + len(core)] = rng.choice([word, turned])
            sites.append((chrom, at, at + len(core)))
            middle = at + len(core) // 2 + rng.randint(-15, 15)
            peaks.append(f"{chrom}\t{middle - 100}\t{middle + 100}\n")
        text += f">{chrom}\n{''.join(bases)}\n"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "g.fa").write_text(text)
    (folder / "peaks.bed").write_text("".join(peaks))
    return pd.DataFrame(sites, columns=["chrom", "start", "end"])


def measure(core: str, width: int, runs: Path) -> dict:
    """Train, unless that is done, and call; counts, precision and recall."""
    import motiflib as ml

    folder = runs / f"{core}-{width}"
    sites, run = plant(core, folder), folder / "run"
    if not (run / "train.json").exists():
        ml.train(run, folder / "peaks.bed", genome=folder / "g.fa", width=width)
    ml.scan(run, folder / "g.fa", folder / "calls.bed")
    calls = pd.read_csv(folder / "calls.bed", sep="\t", comment="#", header=None)
    calls = calls[[0, 1, 2]].set_axis(["chrom", "start", "end"], axis=1)
    kinds = [kind(call, sites) for call in calls.itertuples()]
    place = [site for what, site in kinds if what == "on"]
    right = len(set(place))  # a second call on a site is beside it
    beside = sum(what == "beside" for what, _ in kinds) + len(place) - right
    return {
        "core": core, "kind": CORES[core], "width": width, "calls": len(calls), "right": right,
        "beside": beside, "elsewhere": len(calls) - right - beside,
        "precision": right / max(len(calls), 1), "recall": right / len(sites),
    }


def kind(call, sites: pd.DataFrame) -> tuple[str, int]:
    """Is a call on a site (their middles 2 bp apart at most), beside one, or elsewhere; which."""
    mine = sites[(sites.chrom == call.chrom) & (sites.start < call.end + 20)]
    mine = mine[mine.end > call.start - 20]
    if not len(mine):
        return "elsewhere", -1
    off = abs(call.start + call.end - mine.start - mine.end) / 2
    return ("on" if off.min() <= 2 else "beside"), int(off.idxmin())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="*", default=list(CORES), choices=list(CORES))
    parser.add_argument("--width", nargs="*", type=int, default=[20, 12])
    parser.add_argument("--runs", type=Path, default=HERE / "results" / "runs" / "cores")
    args = parser.parse_args()
    rows = [measure(core, width, args.runs) for width in args.width for core in args.only]
    table = pd.DataFrame(rows)
    print(table.to_string(index=False, float_format="{:.3f}".format))
    means = table.groupby("width")[["precision", "recall", "beside"]].agg(["mean", "median"])
    print(means.to_string(float_format="{:.3f}".format))
    print(footer())
    table.to_csv(HERE / "results" / "cores.tsv", sep="\t", index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
