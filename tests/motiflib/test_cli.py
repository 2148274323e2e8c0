"""The command line from end to end on a small simulation: every verb, every file, every documented
column."""

from __future__ import annotations

import gzip
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from motiflib import cli
from motiflib.model import ArgminnConfig
from motiflib.motif import read_meme
from motiflib.run.folder import load_run
from motiflib.sequence import read_fasta, reverse_complement
from motiflib.syntax import COLUMNS
from motiflib.training import TrainConfig


def motiflib(*typed: object) -> None:
    assert cli.app([str(word) for word in typed], standalone_mode=False) == 0


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """Simulated sequences of mixed length, lower case, N and gzip, and a network trained on
    them."""
    folder = tmp_path_factory.mktemp("work")
    rng = np.random.default_rng(1)
    positives, negatives = [], []
    for i in range(400):
        length = int(rng.integers(60, 101))
        letters = "".join(rng.choice(list("ACGT"), length))
        negatives.append(f">n{i}\n{letters.lower()}\n")
        start = int(rng.integers(5, length - 15))
        motif = reverse_complement("TGACTCAGGC") if i % 2 else "TGACTCAGGC"
        positives.append(
            f">p{i} planted at {start}\n{letters[:start]}{motif}{letters[start + 10 :][:-3]}NNN\n"
        )
    (folder / "p.fa.gz").write_bytes(gzip.compress("".join(positives).encode()))
    (folder / "n.fa").write_text("".join(negatives))
    files = [
        "--positives",
        folder / "p.fa.gz",
        "--negatives",
        folder / "n.fa",
        "--out",
        folder / "deep" / "run",
    ]
    motiflib("train", *files, "--width", 12, "--filters", 2, "--epochs", 12, "--device", "cpu")
    return folder


@pytest.fixture(scope="module")
def run(work) -> Path:
    return work / "deep" / "run"


def test_train(run):
    files = {
        "config.json",
        "model.safetensors",
        "train.json",
        "history.tsv",
        "motifs.meme",
        "motifs.tsv",
        "fdr.tsv",
    }
    assert {path.name for path in run.iterdir()} == files | {"evidence.tsv", "sites.tsv"}
    settings = load_run(run).settings
    assert settings["metrics"]["auroc"] > 0.95
    assert (
        settings["data"]["positives"]["name"] == "p.fa.gz"
        and settings["data"]["negatives"]["sequences"] == 400
    )
    assert (
        settings["minutes"] > 0
        and "cores" in settings["hardware"]
        and "torch" in settings["versions"]
    )


def test_score(work, run, capsys):
    for name in ("p.fa.gz", "n.fa"):
        motiflib("score", run, work / name, "--out", work / "new" / f"{name}.tsv")
    assert capsys.readouterr().out == ""
    ours, theirs = (
        pd.read_csv(work / "new" / f"{name}.tsv", sep="\t") for name in ("p.fa.gz", "n.fa")
    )
    assert list(ours) == ["name", "probability"] and ours.name[3] == "p3" and len(ours) == 400
    assert (
        ours.probability.between(0, 1).all()
        and ours.probability.median() > theirs.probability.median() + 0.3
    )


def test_motifs(work, run):
    motiflib("motifs", run, "--out", work / "motifs")
    table = pd.read_csv(work / "motifs" / "motifs.tsv", sep="\t")
    assert list(table)[:11] == [
        "motif",
        "consensus",
        "length",
        "information_bits",
        "sites",
        "jaspar_id",
        "jaspar_name",
        "p_value",
        "correlation",
        "in_positives",
        "in_negatives",
    ]
    assert table.enrichment[0] > 10 and table.enrichment_p[0] < 1e-6 and table.loss_rise[0] > 0.1
    assert any(core in table.consensus[0] for core in ("GACTCA", "TGAGTC"))
    assert [motif.name for motif in read_meme(work / "motifs" / "motifs.meme")] == list(table.motif)
    for name in table.motif:
        assert (work / "motifs" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_call(work, run):
    motiflib("call", run, work / "p.fa.gz", "--out", work / "calls.bed")
    header, *lines = (work / "calls.bed").read_text().splitlines()
    assert header.startswith("#sequence\tstart\tend\tmotif\tscore\tstrand")
    calls = pd.read_csv(work / "calls.bed", sep="\t").rename(columns={"#sequence": "sequence"})
    sequences = dict(read_fasta(work / "p.fa.gz"))
    assert calls.score.between(0, 1000).all() and set(calls.strand) <= {"+", "-"}
    assert (calls.start >= 0).all() and (calls.end <= calls.sequence.map(sequences).str.len()).all()
    best = calls.sort_values("score").groupby("sequence").tail(1)
    assert len(best) > 300  # a planted instance in nearly every sequence
    both = {sequences[row.sequence][row.start : row.end] for row in best.itertuples()}
    right = sum("GACTCA" in text or "TGAGTC" in text for text in both)
    assert right > 0.9 * len(both)
    odd = best.sequence.str[1:].astype(int) % 2
    strands = pd.crosstab(odd, best.strand)
    assert strands.max(axis=1).sum() > 0.9 * len(
        best
    )  # planted on "+" in even, on "-" in odd sequences
    assert strands.idxmax(axis=1).nunique() == 2


def test_threshold_is_chosen_before_or_after(work, run):
    fa = work / "p.fa.gz"
    motiflib("call", run, fa, "--out", work / "all.bed", "--all")
    motiflib("call", run, fa, "--out", work / "some.bed", "--threshold", "0.3")
    every = pd.read_csv(work / "all.bed", sep="\t")
    some = pd.read_csv(work / "some.bed", sep="\t")
    assert 0 < len(some) < len(every) and every.score.min() >= 50
    assert len(some) == pytest.approx((every.score >= 300).sum(), abs=1)  # scores are rounded
    fdr = pd.read_csv(run / "fdr.tsv", sep="\t").fdr
    motiflib("call", run, fa, "--out", work / "rate.bed", "--fdr", str(max(fdr.min(), 0.2)))
    assert (work / "rate.bed").read_text().startswith("#sequence")


def test_rules(work, run):
    motiflib("rules", run, work / "p.fa.gz", "--out", work / "rules.tsv")
    header = (work / "rules.tsv").read_text().splitlines()[0]
    assert header.split("\t") == [*COLUMNS, "sentence"]


def test_results_are_replaced_and_repeat(work, run):
    (work / "s.tsv").write_text("old")
    motiflib("score", run, work / "n.fa", "--out", work / "s.tsv")
    first = (work / "s.tsv").read_bytes()
    motiflib("score", run, work / "n.fa", "--out", work / "s.tsv")
    assert first == (work / "s.tsv").read_bytes() and first.startswith(b"name\t")


def test_simulate(tmp_path):
    motiflib("simulate", "rest", "--n", 20, "--seed", 3, "--length", 120, "--out", tmp_path / "a")
    motiflib("simulate", "rest", "--n", 20, "--seed", 3, "--length", 120, "--out", tmp_path / "b")
    names = {"positives.fa", "negatives.fa", "truth.bed", "oracle.tsv"}
    assert {path.name for path in (tmp_path / "a").iterdir()} == names
    assert all(
        (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        for name in names
    )


def test_defaults_are_those_of_the_library():
    import inspect

    from motiflib.cli import train

    typed = inspect.signature(train).parameters
    for name in ("filters", "layers"):  # the width depends on where the sequences come from
        assert typed[name].default == getattr(ArgminnConfig(), name)
    for name in ("epochs", "device"):
        assert typed[name].default == getattr(TrainConfig(), name)


def test_help_is_quick_and_needs_no_torch():
    program = "import sys; from motiflib import cli; cli.app(['--help'], standalone_mode=False); "
    program += "assert 'torch' not in sys.modules"
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0 and "simulate" in done.stdout
    assert time.monotonic() - began < 10  # 0.4 s on a machine with nothing else to do
