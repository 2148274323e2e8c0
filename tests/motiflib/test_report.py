"""The report of a run's motifs: one file, nothing fetched, with evidence or a line that says why
not."""

from __future__ import annotations

import re
from datetime import date

import pandas as pd
import pytest
from motifbook.datasets import data_path
from test_calling import OneWord, background, planted

from motiflib import __version__
from motiflib.discovery import FLIP, find_motifs
from motiflib.files import InputError
from motiflib.run import evidence, report
from motiflib.run import folder as runs
from motiflib.sequence import Record, one_hot


@pytest.fixture(scope="module")
def run():
    model = OneWord()
    found = find_motifs(
        model, one_hot([sequence for _, sequence in planted(300, letters="ACGT")[0]])
    )
    settings = {
        "seed": 0,
        "data": {
            "positives": {"name": "p<.fa", "sequences": 300, "shortest": 70, "longest": 80},
            "negatives": {"shuffle": "dinucleotide", "sha256": "eaa4ed8e"},
            "test_chroms": ["chr1", "chr2"],
            "sha256": "eaa4ed8e",
        },
        "metrics": {"auroc": 0.5},
        "validation_sequences": 60,
        "warnings": ["only 60 sequences of a class"],
    }
    return runs.Run(model, found, pd.DataFrame(), pd.DataFrame(), settings)


@pytest.fixture(scope="module")
def held():
    return [s for _, s in planted(60, letters="ACGT")[0]], background(60, 80, "ACGT", seed=2)


def test_report_holds_logo_evidence_and_sites(run, held, tmp_path):
    report.write_motifs(run, tmp_path, *held, name="run-7")
    text = (tmp_path / "report.html").read_text()
    assert "M1: GATTACAG" in text and "p&lt;.fa" in text and "speaks for" in text
    assert text.count("<img") == 2 and "<mark>GATTACAG</mark>" in text and "loss_rise" in text
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert "GATTACAG, no known motif</h2>" in text and "most like" not in text
    for said in (f"Run run-7, written {date.today()} by motiflib {__version__}.",
                 "<b>Warning:</b> only 60 sequences of a class",
                 "<td>p&lt;.fa, 300 sequences, 70 to 80 bp long</td>", "<td>chr1, chr2</td>",
                 "<td>the positives, shuffled (dinucleotide)</td>",
                 "<td>auroc on 60 held-back sequences</td>"):
        assert said in text, said
    assert "{" not in re.sub("<style>.*?</style>", "", text, flags=re.S) and "eaa4ed8e" not in text
    assert text.count('<div class="wide">') == text.count("<table") == 3
    for column in report.motif_table(run, *held)[0].columns[1:]:
        assert re.search(rf"<d[td]>[^/]*\b{column}\b", text), column
    table = pd.read_csv(tmp_path / "motifs.tsv", sep="\t")
    assert table.in_positives[0] == 1 and set(evidence.SUPPORT_COLUMNS) <= set(table)


def test_report_without_evidence_or_motifs(run, tmp_path):
    report.write_motifs(run, tmp_path)
    assert "No evidence" in (tmp_path / "report.html").read_text()
    nothing = run._replace(found=run.found._replace(motifs=[], table=run.found.table[:0]))
    report.write_motifs(nothing, tmp_path / "nothing")
    page = (tmp_path / "nothing" / "report.html").read_text()
    assert "No filter of this network reads a motif" in page and "<script>" not in page


def test_records_keep_their_names_in_the_report(run, tmp_path):
    records = [Record(f"chr7:{i}", text) for i, (_, text) in enumerate(planted(20)[0])]
    report.write_motifs(run, tmp_path, records, background(20, 80, "ACGT", seed=2))
    assert "chr7:3 " in (tmp_path / "report.html").read_text()
    with pytest.raises(InputError, match="no negatives"):
        report.motif_table(run, records, [])


def sites(pairs, alone=0):
    """Sites of A (8 bp) and, `distance` later, of B on a strand; every third pair turned round."""
    rows = []
    for i, (distance, strand) in enumerate(pairs):
        placed = [("A", 20, "+"), ("B", 20 + distance, strand)]
        if i % 3 == 0:
            placed = [(name, 200 - at - 8, FLIP[way]) for name, at, way in placed]
        rows += [(name, f"s{i}", at, at + 8, way) for name, at, way in placed]
    rows += [("A", f"t{i}", 5, 13, "+") for i in range(alone)]
    return pd.DataFrame(rows, columns=["motif", "sequence", "start", "end", "strand"])


def test_halves_of_one_site_are_told():
    apart, spread = [(11, "+")] * 27 + [(40, "-")] * 3, [(10 + i, "-") for i in range(30)]
    assert report.halves(sites(apart, alone=50)) == [
        "A and B stand 11 bp from start to start, on the same strand, in 90% of the sites in "
        "sequences with both: two halves of one site"]
    assert "20 to 22" not in report.halves(sites([(20, "-"), (21, "-"), (22, "-")] * 5))[0]
    assert report.halves(sites(spread)) == [] == report.halves(sites(spread), {"A": "", "B": ""})
    assert report.halves(sites(spread), {"A": "MA1", "B": "MA2"}) == []
    assert report.halves(sites(spread), {"A": "MA1", "B": "MA1"}) == [
        "A and B stand 10 to 39 bp from start to start, facing each other, in 100% of the sites in "
        "sequences with both: two halves of one site"]
    assert report.halves(sites([(11, "+")] * 9)) == []  # too few
    mixed = [(11, "+")] * 12 + [(30, "-")] * 13 + [(45, "-")] * 9
    assert report.halves(sites(mixed)) == []  # less than half of them in one way
    assert report.halves(sites([])) == []


def test_halves_of_stored_runs():
    said = {}
    for name in ("rest", "jund-tead", "yeast-abf1"):
        run = runs.load_run(data_path("models", name))
        known = report.motif_table(run)[0].set_index("motif").jaspar_id
        said[name] = report.halves(run.evidence.sites, known.to_dict())
    assert said == {"jund-tead": [], "yeast-abf1": [], "rest": [
        "M1 and M2 stand 12 to 25 bp from start to start, facing each other, in 100% of the sites "
        "in sequences with both: two halves of one site"]}


def test_names_only_what_is_near(tmp_path):
    run = runs.load_run(data_path("models", "yeast-abf1"))
    report.write_motifs(run, tmp_path / "all")
    text = (tmp_path / "all" / "report.html").read_text()
    assert text.count("most like ABF1 (MA0265.3)") == 6 and text.count("no known motif</h2>") == 3
    report.write_motifs(run, tmp_path / "vertebrates", taxon="vertebrates")
    table = pd.read_csv(tmp_path / "vertebrates" / "motifs.tsv", sep="\t", keep_default_na=False)
    assert set(table.jaspar_id) == {""} and set(table.jaspar_name) == {"no known motif"}


def test_sites_are_marked():
    assert report.mark("acGTtg") == "ac<mark>GT</mark>tg" and report.mark("--ac") == "--ac"
