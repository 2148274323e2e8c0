"""A compiled run is read by the same verbs as a trained one."""

from __future__ import annotations

import pandas as pd
import pytest
from motifbook.compiler import cases, rule_of
from motifbook.compiler.build import compile_run
from motifbook.grammar import load_grammar, simulate_batch
from typer.testing import CliRunner

from motiflib.batches import Examples
from motiflib.cli import app
from motiflib.run.folder import load_run
from motiflib.sequence import write_fasta
from motiflib.training import evaluate


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("compiled")
    table = cases(rule_of(load_grammar("rest")), 60, 300, seed=7)
    names = [f"{'keep' if holds else 'break'}{i}" for i, holds in enumerate(table.holds)]
    write_fasta(place / "seqs.fa", list(zip(names, table.sequence, strict=True)))
    assert run("compile", "rest", "--out", str(place / "run")).exit_code == 0
    return place


def run(*words: str):
    return CliRunner().invoke(app, list(words))


def test_score_is_the_rule(folder):
    assert (
        run(
            "score", str(folder / "run"), str(folder / "seqs.fa"), "--out", str(folder / "s.tsv")
        ).exit_code
        == 0
    )
    table = pd.read_csv(folder / "s.tsv", sep="\t")
    assert ((table.probability > 0.99) == table.name.str.startswith("keep")).all()
    assert (table.probability.between(0.01, 0.99)).sum() == 0


def test_motifs_and_calls(folder):
    found = pd.read_csv(folder / "run" / "motifs.tsv", sep="\t")
    assert set(found.consensus) == {"TCAGCACC", "GGACAGCGCC"}
    assert (
        run(
            "call", str(folder / "run"), str(folder / "seqs.fa"), "--out", str(folder / "c.bed")
        ).exit_code
        == 0
    )
    calls = pd.read_csv(folder / "c.bed", sep="\t")
    assert calls["#sequence"].str.startswith("keep").all() and len(calls) >= 120


def test_rules(folder):
    assert (
        run(
            "rules", str(folder / "run"), str(folder / "seqs.fa"), "--out", str(folder / "r.tsv")
        ).exit_code
        == 0
    )
    rules = pd.read_csv(folder / "r.tsv", sep="\t")
    best = rules[rules.p_value < 1e-3]
    assert (
        len(best) and best.distance.between(10, 23).all()
    )  # 8 bp of the left half, and a gap of 2 to 15


def test_sampled_sites_are_for_the_soft_form(folder):
    """Sites drawn from matrices: the exact network hardly knows them, the soft one does."""
    assert run("compile", "rest", "--sampled", "--out", str(folder / "soft")).exit_code == 0
    x, y = simulate_batch(load_grammar("rest"), 400, 500, seed=5)
    exact, soft = (evaluate(load_run(folder / name).model, Examples(x, y))["auroc"]
                   for name in ("run", "soft"))
    assert soft > 0.9 > 0.75 > exact
    help_text = run("compile", "--help").output
    assert "--sampled" in help_text and "--form" not in help_text


def test_refusals_write_nothing(tmp_path):
    (tmp_path / "long.yml").write_text(
        "motifs: {A: {consensus: CACGTC}, B: {consensus: GATAAG}}\n"
        "positives: [{plant: [A, B], spacing: 700}]\nnegatives: [{plant: []}]\n"
    )
    done = run("compile", str(tmp_path / "long.yml"), "--out", str(tmp_path / "run"))
    assert done.exit_code == 2 and not (tmp_path / "run").exists()
    (tmp_path / "busy" / "checkpoint").mkdir(parents=True)
    with pytest.raises(ValueError, match="unfinished training"):
        compile_run(load_grammar("spi1"), tmp_path / "busy")
