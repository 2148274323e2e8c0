"""All at once: what is written, that it goes on where it was, and that it says what it should."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pandas as pd
import pytest

import motiflib as ml
from motiflib import analysis, cli
from motiflib.files import InputError
from motiflib.sequence import Record

SITE = "GATTACAGTC"
FAST = {"epochs": 6, "filters": 3, "width": 12, "layers": 1, "device": "cpu", "progress": False}


def drawn(rng: random.Random, length: int) -> str:
    return "".join(rng.choices("ACGT", k=length))


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A toy genome with 240 sites on three chromosomes, analysed from its peaks."""
    folder, rng, peaks = tmp_path_factory.mktemp("analysis"), random.Random(0), []
    with (folder / "g.fa").open("w") as file:
        for chrom, count in (("chr1", 120), ("chr2", 90), ("chr3", 30)):
            letters = drawn(rng, 1000 * count)
            for start in range(450, 1000 * count, 1000):
                letters = letters[:start] + SITE + letters[start + len(SITE) :]
                peaks.append(f"{chrom}\t{start - 50}\t{start + 60}\n")
            file.write(f">{chrom}\n{letters}\n")
    (folder / "p.bed").write_text("".join(peaks))
    names = analyse(folder)
    return folder, names


def analyse(folder: Path, **changed):
    asked = {"genome": folder / "g.fa", "window": 120, "ratio": 1, "seeds": 2} | FAST | changed
    return ml.analyse(folder / "out", folder / "p.bed", **asked)


def test_what_is_written(done):
    folder, names = done
    out = folder / "out"
    there = {path.name for path in out.iterdir()}
    assert there == {"analysis.json", "calls.bed", "index.html", "motifs", "rules.tsv",
                     "run-0", "run-1"}
    assert {"report.html", "motifs.meme", "motifs.tsv", "M1.png"} <= {
        path.name for path in (out / "motifs").iterdir()}
    calls = pd.read_csv(out / "calls.bed", sep="\t")
    assert (calls.start % 1000 == 450).sum() >= 220  # of 240 that were planted
    assert names.trainings.tolist()[:1] == [2]  # both trainings found the planted motif
    table = pd.read_csv(out / "run-0" / "examples.tsv", sep="\t")
    assert set(table.chrom[table.part == "test"]) == {"chr3"}  # the fewest peaks, an eighth of all


def test_what_the_page_says(done):
    text = re.sub("<[^>]*>", "", (done[0] / "out" / "index.html").read_text())
    for heading in ("What was found", "How sure that is", "What to look at",
                    "What not to believe, or not yet", "All motifs"):
        assert heading in text
    assert re.search("chromosomes that no training saw .chr3., a window at a peak is ranked above "
                     r"one elsewhere in (9\d|100)% of all pairs", text)
    assert re.search(r"M1, \w+, .*a site in (9\d|100)% of the held-back positives", text)
    assert "along a whole genome, where few places are bound, far more" in text


def test_the_same_again_goes_on(done):
    folder, names = done
    before = {path: path.stat().st_mtime_ns for path in folder.glob("out/run-*/train.json")}
    (folder / "out" / "index.html").unlink()
    again = analyse(folder)
    pd.testing.assert_frame_equal(again, names)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (folder / "out" / "index.html").exists()


def test_another_analysis_is_not_overwritten(done, tmp_path):
    folder, _ = done
    with pytest.raises(InputError, match="another folder, or replace it with --force"):
        analyse(folder, epochs=7)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    for name in ("g.fa", "p.bed"):
        (tmp_path / name).symlink_to(folder / name)
    with pytest.raises(InputError, match="holds files of something else"):
        analyse(tmp_path, force=True)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_force_goes_on_where_it_was_interrupted_and_else_begins_anew(tmp_path):
    run, page = tmp_path / "run-0" / "train.json", tmp_path / "index.html"
    asked = {"sequences": "p.fa"}
    analysis.claim(tmp_path, dict(asked), force=True)
    run.parent.mkdir()
    run.write_text("{}")
    analysis.claim(tmp_path, dict(asked), force=True)  # the page was not yet written
    assert run.exists()
    page.write_text("")
    analysis.claim(tmp_path, dict(asked), force=False)
    assert run.exists() and page.exists()
    analysis.claim(tmp_path, dict(asked), force=True)
    assert not run.exists() and not page.exists()


def test_chromosomes_that_are_held_out(tmp_path):
    (tmp_path / "g.fa").write_text("".join(f">c{i}\n{'ACGT' * 50}\n" for i in range(4)))

    def few(*counts):
        rows = [(f"c{i}", 9, 10) for i, count in enumerate(counts) for _ in range(count)]
        table = pd.DataFrame(rows, columns=["chrom", "start", "end"])
        return analysis.fewest(table, tmp_path / "g.fa", rename=False)

    assert few(70, 15, 10, 5) == ["c2", "c3"]  # with c1 it were 30%
    assert few(99, 1) == []  # one peak says nothing
    assert few(50, 50) == []


def test_standard_input_is_refused(tmp_path):
    with pytest.raises(InputError, match="-: is read more than once"):
        ml.analyse(tmp_path / "out", "-")
    assert not (tmp_path / "out").exists()


def test_from_fasta_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = random.Random(1)
    rows = [f">s{i}\n{drawn(rng, 30)}{SITE}{drawn(rng, 30)}\n" for i in range(60)]
    Path("p.fa").write_text("".join(rows))
    typed = "run p.fa --out out --seeds 1 --epochs 2 --device cpu"
    assert cli.app(typed.split(), standalone_mode=False) == 0
    text = Path("out/index.html").read_text()
    assert "only 60 sequences of a class" in text and "<script" not in text
    assert cli.app(typed.replace("p.fa", "none.fa").split(), standalone_mode=False) == 2
    err = capsys.readouterr().err.splitlines()
    assert err[-1].startswith("error: ")
    assert Path("out/index.html").read_text() == text


def test_composition_is_told():
    ours = [Record(f"p{i}", "GCGCGCGATC") for i in range(20)]
    theirs = [Record(f"n{i}", "ATATATGATC") for i in range(20)]
    assert analysis.gc_auroc(ours, theirs) == 1 and analysis.gc_auroc(ours, []) == 0.5
    assert analysis.gc_auroc(ours, ours) == 0.5
