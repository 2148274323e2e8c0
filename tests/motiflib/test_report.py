"""The report of a run's motifs: one file, nothing fetched, with evidence or a line that says why
not."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from test_calling import OneWord, background, planted

from motiflib.discovery import find_motifs
from motiflib.run import evidence, report
from motiflib.run import folder as runs
from motiflib.sequence import one_hot


@pytest.fixture(scope="module")
def run():
    model = OneWord()
    found = find_motifs(
        model, one_hot([sequence for _, sequence in planted(300, letters="ACGT")[0]])
    )
    settings = {
        "seed": 0,
        "data": {"positives": {"name": "p<.fa"}, "length": 80},
        "metrics": {"auroc": 0.5},
    }
    return runs.Run(model, found, pd.DataFrame(), pd.DataFrame(), settings)


@pytest.fixture(scope="module")
def held():
    return [s for _, s in planted(60, letters="ACGT")[0]], background(60, 80, "ACGT", seed=2)


def test_report_holds_logo_evidence_and_sites(run, held, tmp_path):
    report.write_motifs(run, tmp_path, *held)
    text = (tmp_path / "report.html").read_text()
    assert "M1: GATTACAG" in text and "p&lt;.fa" in text and "speaks for" in text
    assert text.count("<img") == 2 and "<mark>GATTACAG</mark>" in text and "loss_rise" in text
    assert not re.search(r'(src|href)="(?!data:)', text)
    table = pd.read_csv(tmp_path / "motifs.tsv", sep="\t")
    assert table.in_positives[0] == 1 and set(evidence.SUPPORT_COLUMNS) <= set(table)


def test_report_without_evidence_or_motifs(run, tmp_path):
    report.write_motifs(run, tmp_path)
    assert "No evidence" in (tmp_path / "report.html").read_text()
    nothing = run._replace(found=run.found._replace(motifs=[], table=run.found.table[:0]))
    report.write_motifs(nothing, tmp_path / "nothing")
    page = (tmp_path / "nothing" / "report.html").read_text()
    assert "No filter of this network reads a motif" in page and "<script>" not in page


def test_sites_are_marked():
    assert report.mark("acGTtg") == "ac<mark>GT</mark>tg" and report.mark("--ac") == "--ac"
