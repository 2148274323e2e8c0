"""Train the models that chapters share: data/models/NAME/, a run folder (motiflib.run.folder) with
a card, README.md.

python tools/train_models.py                  # all that are not there yet; an interrupted one goes
on python tools/train_models.py rest-gm12878     # one python tools/train_models.py --force rest
# again python tools/train_models.py --read-again     # no training: motifs, evidence and FDR anew
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from chapters import ROOT
from motifbook.datasets import load
from motifbook.grammar import GrammarBatches, grammar_names, load_grammar

from motiflib.batches import Examples, examples
from motiflib.files import InputError, write_atomic
from motiflib.genome.fasta import Genome
from motiflib.genome.training import train_on_peaks
from motiflib.model import ArgminnConfig
from motiflib.run import folder as runs
from motiflib.sequence import Record, decode
from motiflib.training import Fit, TrainConfig, evaluate, fit

MODELS = ROOT / "data" / "models"
REAL = ["rest-gm12878", "usf1-hepg2", "foxa1-hepg2", "ctcfl-k562", "nfe2-gm12878", "elk1-gm12878"]
YEAST = ["yeast-reb1", "yeast-abf1"]
TEST_CHROMS = ("chrIV", "chrVII", "chrXII")  # of yeast, held out
GRAMMARS = grammar_names()
ALL = REAL + YEAST + GRAMMARS
SEED, LENGTH, HELD_BACK, TEST = (
    0,
    500,
    4_000,
    10_000,
)  # of the grammars: bp, validation and test sequences


def main(names: list[str], force: bool, read_again: bool) -> int:
    unknown = [name for name in names if name not in ALL]
    if unknown:
        raise InputError(f"no model is named {unknown[0]!r}; choose of {', '.join(ALL)}")
    for name in names or ALL:
        folder = MODELS / name
        if (folder / "README.md").exists() and not force and not read_again:
            print(f"{name}: there already", file=sys.stderr)
            continue
        runs.fit = stored(folder) if read_again else fit
        (folder / "README.md").unlink(missing_ok=True)
        print(f"{name}: {'reading' if read_again else 'training'}", file=sys.stderr)
        make = real if name in REAL else yeast if name in YEAST else simulated
        run, test, about = make(name, folder)
        write_atomic(
            folder / "README.md", card(name, run, evaluate(run.model, test), len(test.y), about)
        )
    return 0


def stored(folder: Path):
    """What stands in for a training when only what is read from its network is to be made anew."""
    run = runs.load_run(folder)
    return lambda *args, **settings: Fit(run.model, run.history)


def real(name: str, folder: Path) -> tuple[runs.Run, Examples, str]:
    """Train on a data set of the registry; where it has no negatives, they are the positives'
    dinucleotide shuffles."""
    data = load(name)
    classes = [data.train[data.train.label == label] for label in (1, 0)]
    ours, theirs = (
        [Record(*row) for row in part[["name", "sequence"]].to_numpy()] for part in classes
    )
    against = {"negatives": theirs} if theirs else {"shuffle": "dinucleotide"}
    run = runs.train_run(ours, folder, **against, seed=SEED)
    test = examples(*(data.test.sequence[data.test.label == label] for label in (1, 0)))
    kind = f"{len(theirs)} others" if theirs else "their dinucleotide shuffles"
    return (
        run,
        test,
        f"{data.description}; {len(ours)} sequences and {kind}. {data.citation}. {data.licence}.",
    )


def yeast(name: str, folder: Path) -> tuple[runs.Run, Examples, str]:
    """Train on 200 bp around the ChIP-exo peaks of a factor against GC-matched windows of the same
    chromosomes."""
    data = load("yeast-rossi2021")
    peaks = data.peaks[name.split("-")[1].capitalize()]
    settings = {"test_chroms": TEST_CHROMS, "blacklist": data.blacklist, "seed": SEED}
    run, table = train_on_peaks(data.genome, peaks, folder, **settings, progress=False)
    table = table[table.part == "test"]
    with Genome(data.genome) as genome:
        letters = [
            genome.fetch(*place)
            for place in table[["chrom", "start", "end"]].itertuples(index=False)
        ]
    test = examples(
        *([s for s, y in zip(letters, table.label, strict=True) if y == label] for label in (1, 0))
    )
    about = f"{len(peaks)} peaks; {', '.join(TEST_CHROMS)} are the test set. "
    about += f"{data.citation}. {data.licence}."
    return run, test, f"{data.description}. {about}"


def simulated(name: str, folder: Path) -> tuple[runs.Run, Examples, str]:
    """Train on fresh sequences of a grammar, none of which is seen twice."""
    batches = GrammarBatches(load_grammar(name), length=LENGTH, seed=SEED)
    first, valid, test = (
        batches.sample(n, seed) for seed, n in enumerate((HELD_BACK, HELD_BACK, TEST))
    )
    parts = [runs.Labelled(part, decode(part.x[part.y > 0.5])) for part in (first, valid)]
    training = TrainConfig()
    about = {
        "grammar": name,
        "length": LENGTH,
        "sequences": batches.steps * batches.batch * training.epochs,
    }
    settings = {"seed": SEED, "about": {"data": about}}
    run = runs.keep(folder, *parts, batches, ArgminnConfig(), training, **settings)
    text = f"{about['sequences']} fresh sequences of {LENGTH} bp of the grammar "
    text += f"`data/grammars/{name}.yml`."
    return run, test, text


def card(name: str, run: runs.Run, metrics: dict[str, float], tested: int, about: str) -> str:
    """The model card: what it is trained on, how well it does, what made it."""
    settings = run.settings
    packages = ", ".join(f"{package} {number}" for package, number in settings["versions"].items())
    found = "".join(
        f"| {m.name} | {m.consensus} | {m.information_bits:.1f} | {m.sites} |\n" for m in run.motifs
    )
    rows = "".join(f"| {measure} | {value:.4f} |\n" for measure, value in metrics.items())
    return f"""# {name}

A network of motiflib, an independent implementation of ARGMINN (arXiv:2410.06211), trained by
`python tools/train_models.py {name}`. Read it with `motiflib.load("data/models/{name}")`.

**Data.** {about}

**Settings.** The defaults of the library, seed {settings["seed"]}; all of them in `train.json`.

**Cost.** {settings["minutes"]} minutes on {settings["hardware"]}; {packages}.

| test set, {tested} sequences | |
|---|---|
{rows}
| motif | consensus | bits | sites |
|---|---|---|---|
{found}
**Use.** For teaching and for the book's chapters; not for clinical decisions. MIT licence, as the
code.
"""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(ALL))
    parser.add_argument("--force", action="store_true", help="train again what is there")
    parser.add_argument(
        "--read-again", action="store_true", help="do not train, but read the networks again"
    )
    given = parser.parse_args()
    try:
        raise SystemExit(main(given.names, given.force, given.read_again))
    except InputError as error:
        raise SystemExit(f"error: {error}") from None
