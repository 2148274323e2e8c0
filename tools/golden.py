"""Golden files: what the command line makes of fixed inputs, to be the same before and after a change.

python tools/golden.py record DIR       # make them in DIR
python tools/golden.py compare DIR      # make them again and compare; exit code 1 if any differs

They belong to one machine and one set of package versions. Inputs are made here or by `motiflib
simulate`, so nothing is downloaded; `--data FOLDER` reads the stored runs from FOLDER/models. The
library is asked by its command line only, and it is the one beside this script.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
SIMULATED, REAL = "rest", ("rest-gm12878", "yeast-reb1")  # stored runs
SITE = "CCGGGTAA"  # of Reb1, planted in the toy genome
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.])")
FAILED: list[str] = []  # commands that did not end well


def motiflib(verb: str, *args: object) -> None:
    """Run a verb of the command line; a failure is told and kept, and the rest goes on."""
    command = [sys.executable, "-m", "motiflib.cli", verb, *map(str, args)]
    env, start = os.environ | {"OMP_NUM_THREADS": "1"}, time.time()
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    said = f"{time.time() - start:4.0f} s  {verb} {args[0]}"
    if done.returncode:
        FAILED.append(verb)
        said += f" FAILED: {' '.join(done.stderr.split())[-300:]}"
    print(said, file=sys.stderr)


def keep(source: Path, gold: Path, *names: str, sums: tuple[str, ...] = ()) -> None:
    """Copy files of a folder to the golden ones, and the sha256 of others as one file, sha256.txt."""
    gold.mkdir(parents=True, exist_ok=True)
    for name in names:
        if (source / name).exists():
            shutil.copyfile(source / name, gold / name)
    there = [name for name in sums if (source / name).exists()]
    lines = [f"{hashlib.sha256((source / n).read_bytes()).hexdigest()}  {n}\n" for n in there]
    if lines:
        (gold / "sha256.txt").write_text("".join(lines))


def bases(rng: random.Random, count: int) -> str:
    """Random DNA."""
    return "".join(rng.choices("ACGT", k=count))


def turned(rng: random.Random, word: str) -> str:
    """A word, or its reverse complement, with random bases for its N."""
    word = "".join(bases(rng, 1) if base == "N" else base for base in word)
    return word if rng.random() < 0.5 else word[::-1].translate(str.maketrans("ACGT", "TGCA"))


def sequence(rng: random.Random, i: int, words: list[str], length: int, width: int) -> str:
    """Sequence `i`: often two words at one of two distances; some are long, short, lower case or with N."""
    size = 2500 if i % 50 == 9 else rng.randint(width, 2 * length) if i % 10 == 3 else length
    text, at = bases(rng, size), max(0, size // 2 - rng.randint(5, 20))
    first, second = (words[0], words[1]) if i % 3 else rng.sample(words, 2)
    pair = turned(rng, first + bases(rng, 3 + 4 * (i % 2)) + second)
    for word in ((pair,), (turned(rng, first),), (pair,), ())[i % 4]:
        text = (text[:at] + word + text[at + len(word) :])[:size]
    text = text[:3] + "N" + text[4:-8] + "N" * 8 if i % 20 == 7 else text
    return text.lower() if i % 20 == 5 else text


def sequences(run: Path) -> list[str]:
    """300 sequences with the words of a stored run, most of them as long as those of its training."""
    rng, words = random.Random(0), pd.read_csv(run / "motifs.tsv", sep="\t").consensus.tolist()
    data = json.loads((run / "train.json").read_text())["data"]
    length = data.get("length") or data["positives"]["median_length"]
    width = json.loads((run / "config.json").read_text())["width"]
    return [sequence(rng, i, words, length, width) for i in range(300)]


def write_fasta(path: Path, texts: list[str]) -> Path:
    """Write sequences as s0, s1, ..."""
    path.write_text("".join(f">s{i}\n{text}\n" for i, text in enumerate(texts)))
    return path


def changed(rng: random.Random, text: str) -> str:
    """A sequence with one substitution, deletion or insertion near its middle."""
    at = len(text) // 2 + rng.randint(-len(text) // 10, len(text) // 10)
    other = rng.choice("ACGT".replace(text[at].upper(), ""))
    size = rng.randint(1, 6)
    new, old = ((other, 1), ("", size), (bases(rng, size), 0))[rng.randrange(3)]
    return text[:at] + new + text[at + old :]


def inputs(run: Path, work: Path) -> tuple[Path, Path, Path]:
    """Sequences for a stored run, and the same before and after a change, as FASTA files."""
    if run.name == SIMULATED:
        motiflib("simulate", "rest", "--n", 400, "--seed", 3, "--out", work)
        parts = [(work / f"{name}.fa").read_text() for name in ("positives", "negatives")]
        texts = ["".join(r.split("\n")[1:]) for part in parts for r in part.split(">")[1:]]
    else:
        texts = sequences(run)
    ref, rng = [text for text in texts if 50 < len(text) < 2000][:200], random.Random(1)
    alt = [changed(rng, text) for text in ref]
    names = zip(("seqs", "ref", "alt"), (texts, ref, alt), strict=True)
    return tuple(write_fasta(work / f"{name}.fa", part) for name, part in names)


def stored_run(run: Path, work: Path, gold: Path) -> None:
    """What each verb says of a stored run."""
    for folder in (work, gold):
        folder.mkdir(parents=True)
    seqs, ref, alt = inputs(run, work)
    motiflib("call", run, seqs, "--out", gold / "calls.bed")
    motiflib("call", run, seqs, "--all", "--out", gold / "calls_all.bed")
    motiflib("rules", run, seqs, "--out", gold / "rules.tsv")
    motiflib("score", run, seqs, "--out", gold / "scores.tsv")
    motiflib("variants", run, "--ref", ref, "--alt", alt, "--out", gold / "effects.tsv")
    motiflib("motifs", run, "--out", work / "motifs")
    motiflib("design", run, "--n", 20, "--length", 200, "--out", work / "designs")
    keep(work / "motifs", gold, "motifs.tsv")
    keep(work / "designs", gold, "designs.fa", "designs.tsv")


def trained(data: Path, work: Path, gold: Path) -> None:
    """A short training on sequences."""
    texts = [text for text in sequences(data / "models" / REAL[0]) if len(text) < 2000]
    seqs, run = write_fasta(work / "train.fa", texts), work / "trained"
    motiflib("train", "--positives", seqs, "--shuffle", "dinucleotide", "--epochs", 2,
             "--device", "cpu", "--out", run)  # fmt: skip
    tables = ("motifs.tsv", "fdr.tsv", "evidence.tsv", "sites.tsv")
    keep(run, gold / "train", *tables, sums=("model.safetensors",))


def chromosome(rng: random.Random, name: str, size: int) -> tuple[str, str, str]:
    """Random bases with a site every 1,500 bp, as FASTA; its peaks as BED; variants in them as VCF."""
    text, peaks, variants = bases(rng, size), "", ""
    for start in range(1000, size - 1000, 1500):
        at = start + rng.randint(0, 300)
        text = text[:at] + turned(rng, SITE) + text[at + len(SITE) :]
        peaks += f"{name}\t{at - 60 + rng.randint(-15, 15)}\t{at + 70}\n"
        alt = rng.choice("ACGT".replace(text[at + 3], "")) + bases(rng, start // 1500 % 3)
        variants += f"{name}\t{at + 4}\tv{start}\t{text[at + 3]}\t{text[at + 3] + alt}\n"
        variants += f"{name}\t{at + 4}\tw{start}\t{text[at + 3]}\t{alt}\n"
    text = "N" * 200 + text[200:5000] + text[5000:9000].lower() + text[9000:]
    return f">{name}\n{text}\n", peaks, variants


def on_genome(run: Path, work: Path, gold: Path) -> None:
    """A toy genome: a short training on its peaks; calls along it and variants in it by a stored run."""
    rng = random.Random(0)
    parts = [chromosome(rng, f"chr{name}", 40_000 + 10_000 * i) for i, name in enumerate("ABCD")]
    genome, peaks, vcf = (work / name for name in ("toy.fa", "toy.bed", "toy.vcf"))
    for path, texts in zip((genome, peaks, vcf), zip(*parts, strict=True), strict=True):
        path.write_text("".join(texts))
    trained_run = work / "on_peaks"
    motiflib("train", "--genome", genome, "--peaks", peaks, "--test-chroms", "chrD", "--epochs", 2,
             "--device", "cpu", "--out", trained_run)  # fmt: skip
    keep(trained_run, gold / "genome", "examples.tsv", sums=("model.safetensors",))
    motiflib("call", run, "--genome", genome, "--out", gold / "genome" / "calls.bed")
    motiflib("variants", run, "--genome", genome, "--vcf", vcf, "--out", gold / "genome/effects.tsv")


def grammars(work: Path, gold: Path) -> None:
    """A simulation of a grammar, and the grammar as a network."""
    motiflib("simulate", "rest", "--n", 200, "--out", work / "simulated")
    sums = ("positives.fa", "negatives.fa", "truth.bed", "oracle.tsv")
    keep(work / "simulated", gold / "simulate", sums=sums)
    motiflib("compile", "rest", "--out", work / "compiled")
    keep(work / "compiled", gold / "compile", "motifs.tsv", sums=("model.safetensors",))


def record(gold: Path, data: Path) -> None:
    """Make all golden files in a folder."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        for run in (SIMULATED, *REAL):
            stored_run(data / "models" / run, work / run, gold / run)
        trained(data, work, gold)
        on_genome(data / "models" / "yeast-reb1", work, gold)
        grammars(work, gold)


def difference(old: Path, new: Path) -> str:
    """"same", or in what two files differ."""
    if not (old.exists() and new.exists()):
        return f"DIFFERS (missing from the {'new' if old.exists() else 'golden'} files)"
    a, b = old.read_text(), new.read_text()
    if old.read_bytes() == new.read_bytes():
        return "same"
    if NUMBER.sub("#", a) == NUMBER.sub("#", b):
        x, y = (np.array(NUMBER.findall(text), dtype=float) for text in (a, b))
        size = np.abs(x - y) / np.maximum(np.maximum(np.abs(x), np.abs(y)), 1e-300)
        return f"DIFFERS (numbers only, {(size > 0).sum()}; largest relative: {size.max():.2g})"
    lines = zip([*a.split("\n"), "(end)"], [*b.split("\n"), "(end)"], strict=False)
    number, pair = next((i, p) for i, p in enumerate(lines, 1) if p[0] != p[1])
    return f"DIFFERS (line {number}: {pair[0][:200]!r} is now {pair[1][:200]!r})"


def compare(gold: Path, data: Path) -> bool:
    """Make the golden files again and print a line for each; whether all are the same."""
    with tempfile.TemporaryDirectory() as name:
        new = Path(name)
        record(new, data)
        files = {p.relative_to(base) for base in (gold, new) for p in base.rglob("*") if p.is_file()}
        found = {file: difference(gold / file, new / file) for file in sorted(files)}
    for file, said in found.items():
        print(f"{file}: {said}")
    return set(found.values()) == {"same"}


def main() -> int:
    """Record or compare; exit code 1 if a file differs or a command failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("record", "compare"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, default=ROOT / "data", help="holds models/")
    args = parser.parse_args()
    gold, data = args.folder.resolve(), args.data.resolve()
    if args.what == "record" and gold.exists() and any(gold.iterdir()):
        parser.error(f"{gold} is not empty; choose another folder, or remove it")
    same = compare(gold, data) if args.what == "compare" else not record(gold, data)
    return int(not same or bool(FAILED))


if __name__ == "__main__":
    sys.exit(main())
