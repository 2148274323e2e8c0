"""Golden files: what the command line makes of fixed inputs, the same before and after a change.

    python tools/golden.py record DIR                # make them in DIR
    python tools/golden.py compare DIR               # again, and compare; exit code 1 if not same
    python tools/golden.py compare DIR --only train  # a part: a stored run, train, genome, grammar

They belong to one machine and one set of package versions. Inputs are made here or simulated, so
nothing is downloaded. The library, the one beside this script, is asked by its command line only.
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
SIMULATED, CHIP, YEAST = "rest", "rest-gm12878", "yeast-reb1"  # stored runs
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.])")
SITE = "CCGGGTAA"  # of Reb1, planted in the toy genome
SHORT = ("--epochs", 2, "--device", "cpu", "--out")  # of a training
# calls with all their columns, which an older library wrote anyway
EXTRA = ["--extra"] if "EXTRA" in (ROOT / "motiflib/cli.py").read_text() else []
FAILED: list[str] = []  # verbs that ended with an error


def motiflib(verb: str, *args: object, refused: Path | None = None) -> None:
    """Run a verb; if it ends with an error, go on; what it said is kept in the file `refused`."""
    command, start = [sys.executable, "-m", "motiflib.cli", verb, *map(str, args)], time.time()
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    print(f"{time.time() - start:4.0f} s  {verb} {args[0]}", file=sys.stderr)
    if done.returncode and refused:
        refused.write_text(f"exit code {done.returncode}\n{done.stderr.strip().splitlines()[-1]}\n")
    elif done.returncode:
        FAILED.append(verb)
        print(f"FAILED, exit code {done.returncode}: {done.stderr[-600:]}", file=sys.stderr)


def keep(source: Path, gold: Path, *names: str, sums: tuple[str, ...] = ()) -> None:
    """Copy files of a folder to the golden ones; the sha256 of others becomes sha256.txt."""
    gold.mkdir(parents=True, exist_ok=True)
    for name in filter(lambda name: (source / name).exists(), names):
        shutil.copyfile(source / name, gold / name)
    there = [source / name for name in sums if (source / name).exists()]
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in there]
    if lines:
        (gold / "sha256.txt").write_text("".join(lines))


def bases(rng: random.Random, count: int) -> str:
    """Random DNA."""
    return "".join(rng.choices("ACGT", k=count))


def turned(rng: random.Random, word: str) -> str:
    """A word, or its reverse complement, with random bases for its N."""
    word = re.sub("N", lambda _: bases(rng, 1), word)
    return word if rng.random() < 0.5 else word[::-1].translate(str.maketrans("ACGT", "TGCA"))


def sequence(rng: random.Random, i: int, words: list[str], length: int, width: int) -> str:
    """Sequence `i`: one word, two or none in the middle; some long, short, lower case, with N."""
    size = 2500 if i % 50 == 9 else rng.randint(width, 2 * length) if i % 10 == 3 else length
    text, at = bases(rng, size), max(0, size // 2 - rng.randint(5, 20))
    first, second = words[:2] if i % 3 else rng.sample(words, 2)
    pair = first + bases(rng, 3 + 4 * (i % 2)) + second
    word = turned(rng, (pair, first, pair, "")[i % 4])
    text = (text[:at] + word + text[at + len(word) :])[:size]
    text = text[:3] + "N" + text[4:-8] + "N" * 8 if i % 20 == 7 else text
    return text.lower() if i % 20 == 5 else text


def sequences(run: Path, count: int = 300) -> list[str]:
    """Sequences with the words of a stored run, most of them as long as those of its training."""
    rng, words = random.Random(0), pd.read_csv(run / "motifs.tsv", sep="\t").consensus.tolist()
    data = json.loads((run / "train.json").read_text())["data"]
    length = data.get("length") or data["positives"]["median_length"]
    width = json.loads((run / "config.json").read_text())["width"]
    return [sequence(rng, i, words, length, width) for i in range(count)]


def simulated(work: Path) -> list[str]:
    """Sequences of both classes of a grammar."""
    motiflib("simulate", SIMULATED, "--n", 400, "--seed", 3, "--out", work)
    text = "".join((work / name).read_text() for name in ("positives.fa", "negatives.fa"))
    return ["".join(record.split("\n")[1:]) for record in text.split(">")[1:]]


def write_fasta(path: Path, texts: list[str]) -> Path:
    """Write sequences as s0, s1, ..."""
    path.write_text("".join(f">s{i}\n{text}\n" for i, text in enumerate(texts)))
    return path


def changed(rng: random.Random, text: str) -> str:
    """A sequence with one substitution, deletion or insertion near its middle."""
    at = len(text) // 2 + rng.randint(-len(text) // 10, len(text) // 10)
    other, size = rng.choice("ACGT".replace(text[at].upper(), "")), rng.randint(1, 6)
    new, old = ((other, 1), ("", size), (bases(rng, size), 0))[rng.randrange(3)]
    return text[:at] + new + text[at + old :]


def stored(run: Path, work: Path, gold: Path) -> None:
    """What each verb says of a stored run."""
    texts = simulated(work) if run.name == SIMULATED else sequences(run)
    before, rng = [text for text in texts if 50 < len(text) < 2000][:200], random.Random(1)
    seqs, ref = write_fasta(work / "seqs.fa", texts), write_fasta(work / "ref.fa", before)
    alt = write_fasta(work / "alt.fa", [changed(rng, text) for text in before])
    motiflib("call", run, seqs, *EXTRA, "--out", gold / "calls.bed")
    motiflib("call", run, seqs, "--all", *EXTRA, "--out", gold / "calls_all.bed")
    for verb in ("rules", "score"):
        motiflib(verb, run, seqs, "--out", gold / f"{verb}.tsv".replace("score", "scores"))
    motiflib("variants", run, "--ref", ref, "--alt", alt, "--out", gold / "effects.tsv")
    motiflib("motifs", run, "--out", work)
    motiflib("design", run, "--n", 20, "--length", 200, "--out", work, refused=work / "refused.txt")
    keep(work, gold, "motifs.tsv", "designs.fa", "designs.tsv", "refused.txt")


def train(data: Path, work: Path, gold: Path) -> None:
    """A short training on sequences."""
    texts = [text for text in sequences(data / "models" / CHIP, 4000) if len(text) < 2000]
    seqs = write_fasta(work / "train.fa", texts)
    motiflib("train", "--positives", seqs, "--shuffle", "dinucleotide", *SHORT, work / "run")
    tables = ("motifs.tsv", "fdr.tsv", "evidence.tsv", "sites.tsv")
    keep(work / "run", gold, *tables, sums=("model.safetensors",))


def chromosome(rng: random.Random, name: str, size: int) -> tuple[str, str, str]:
    """Random bases with a site every 1,500 bp as FASTA; peaks as BED; variants in them as VCF."""
    text, peaks, variants = bases(rng, size), "", ""
    for start in range(1000, size - 1000, 1500):
        at = start + rng.randint(0, 300)
        text = text[:at] + turned(rng, SITE) + text[at + len(SITE) :]
        peaks += f"{name}\t{at - 60 + rng.randint(-15, 15)}\t{at + 70}\n"
        place = at + rng.randint(-5, 10)
        ref = text[place]
        for alt in (rng.choice("ACGT".replace(ref, "")), ref + bases(rng, 3)):
            variants += f"{name}\t{place + 1}\tv{place}\t{ref}\t{alt}\n"
    text = "N" * 200 + text[200:5000] + text[5000:9000].lower() + text[9000:]
    return f">{name}\n{text}\n", peaks, variants


def genome(data: Path, work: Path, gold: Path) -> None:
    """A toy genome: a short training on its peaks; calls and variants of a stored run in it."""
    rng, run = random.Random(0), data / "models" / YEAST
    parts = [chromosome(rng, f"chr{name}", 40_000 + 10_000 * i) for i, name in enumerate("ABCD")]
    fasta, peaks, vcf = (work / name for name in ("toy.fa", "toy.bed", "toy.vcf"))
    for path, texts in zip((fasta, peaks, vcf), zip(*parts, strict=True), strict=True):
        path.write_text("".join(texts))
    where = ("--genome", fasta, "--peaks", peaks, "--test-chroms", "chrD")
    motiflib("train", *where, *SHORT, work / "run")
    keep(work / "run", gold, "examples.tsv", sums=("model.safetensors",))
    motiflib("call", run, "--genome", fasta, *EXTRA, "--out", gold / "calls.bed")
    motiflib("variants", run, "--genome", fasta, "--vcf", vcf, "--out", gold / "effects.tsv")


def grammar(data: Path, work: Path, gold: Path) -> None:
    """A simulation of a grammar, and the grammar as a network."""
    motiflib("simulate", SIMULATED, "--n", 200, "--out", work)
    motiflib("compile", SIMULATED, "--out", work / "run")
    names = ("positives.fa", "negatives.fa", "truth.bed", "oracle.tsv")
    keep(work, gold / "simulated", sums=names)
    keep(work / "run", gold / "compiled", "motifs.tsv", sums=("model.safetensors",))


def record(gold: Path, data: Path, only: str | None) -> None:
    """Make the golden files, of all parts or one, in a folder."""
    for name, make in PARTS.items():
        if only in (None, name):
            (gold / name).mkdir(parents=True)
            with tempfile.TemporaryDirectory() as work:
                source = data / "models" / name if make is stored else data
                make(source, Path(work), gold / name)


def difference(old: Path, new: Path) -> str:
    """'same', or in what two files differ."""
    if not (old.exists() and new.exists()):
        return f"DIFFERS (missing from the {'new' if old.exists() else 'golden'} files)"
    if old.read_bytes() == new.read_bytes():
        return "same"
    a, b = old.read_text(), new.read_text()
    if NUMBER.sub("#", a) == NUMBER.sub("#", b):
        x, y = (np.array(NUMBER.findall(text), dtype=float) for text in (a, b))
        size = np.abs(x - y) / np.maximum(np.maximum(np.abs(x), np.abs(y)), 1e-300)
        return f"DIFFERS ({(size > 0).sum()} numbers, the largest relatively by {size.max():.2g})"
    pairs = zip([*a.split("\n"), "(end)"], [*b.split("\n"), "(end)"], strict=False)
    i, (ours, theirs) = next((i, pair) for i, pair in enumerate(pairs, 1) if pair[0] != pair[1])
    return f"DIFFERS (line {i}: {ours[:200]!r} is now {theirs[:200]!r})"


def compare(gold: Path, data: Path, only: str | None) -> bool:
    """Make the golden files again and print a line for each; whether all are the same."""
    with tempfile.TemporaryDirectory() as name:
        record(Path(name), data, only)
        files = {p.relative_to(d) for d in (gold, Path(name)) for p in d.rglob("*") if p.is_file()}
        files = sorted(file for file in files if only in (None, file.parts[0]))
        found = [difference(gold / file, Path(name) / file) for file in files]
    for file, said in zip(files, found, strict=True):
        print(f"{file}: {said}")
    return set(found) == {"same"}


PARTS = {SIMULATED: stored, CHIP: stored, YEAST: stored}
PARTS |= {"train": train, "genome": genome, "grammar": grammar}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("what", choices=("record", "compare"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, default=ROOT / "data", help="it holds models/")
    parser.add_argument("--only", choices=PARTS)
    given = parser.parse_args()
    do = record if given.what == "record" else compare
    same = do(given.folder.resolve(), given.data.resolve(), given.only)
    sys.exit(1 if FAILED or same is False else 0)
