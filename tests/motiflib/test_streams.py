"""Files, pipes and standard streams as the shell gives them; names as they are, or refused."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from Bio.bgzf import BgzfBlocks
from motifbook.datasets import data_path

import motiflib as ml
from motiflib import cli
from motiflib.files import InputError, read_lines, write_atomic
from motiflib.sequence import one_hot, read_fasta
from motiflib.training import predict

RUN = str(data_path("models", "spi1"))
SITE = "AAAAAGAGGAAGTGAAA"
LETTERS = ("ACGTTGCATCAGTCCA" * 8)[:100]
ROWS = [(f"s{i}", LETTERS + SITE + LETTERS) for i in range(4)]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("s.fa").write_text("".join(f">{name}\n{letters}\n" for name, letters in ROWS))
    return tmp_path


def shell(command: str) -> subprocess.CompletedProcess:
    command = command.replace("motiflib", f"{sys.executable} -m motiflib.cli")
    return subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True)


def test_streams_hold_what_files_hold(here):
    ml.calling.write_bed([ml.call(RUN, "s.fa")], "file.bed")
    expected = Path("file.bed").read_bytes()
    assert expected.count(b"\n") == 5
    piped = shell(f"cat s.fa | motiflib call {RUN} - --out - | cat")
    assert (piped.returncode, piped.stdout, piped.stderr) == (0, expected, b"")
    packed = shell(f"gzip -c s.fa | motiflib call {RUN} /dev/stdin --out /dev/stdout | cat")
    assert (packed.returncode, packed.stdout) == (0, expected)
    assert {path.name for path in here.iterdir()} == {"s.fa", "file.bed"}


def test_a_log_is_not_cut(here):
    Path("log").write_text("before\n")
    assert shell(f"motiflib score {RUN} s.fa --out /dev/stdout >> log").returncode == 0
    lines = Path("log").read_text().splitlines()
    assert lines[:2] == ["before", "name\tprobability"] and len(lines) == 6


def test_a_genome_into_a_pipe(here):
    Path("g.fa").write_text(f">chr1\n{LETTERS * 5 + SITE + LETTERS * 5}\n")
    told = shell(f"motiflib call {RUN} --genome g.fa --out - | cat")
    ml.scan(RUN, "g.fa", "g.bed")
    assert told.returncode == 0 and told.stdout == Path("g.bed").read_bytes()
    assert {path.name for path in here.iterdir()} == {"s.fa", "g.fa", "g.bed"}


def test_a_reader_who_has_seen_enough(here):
    ended = shell(f"set +o pipefail; motiflib score {RUN} s.fa --out - | head -c 1")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"n", b"")


def test_bgzf_is_for_tabix(here):
    ml.calling.write_bed([ml.call(RUN, "s.fa")], "calls.bed")
    ml.calling.write_bed([ml.call(RUN, "s.fa")], "calls.bed.gz")
    assert gzip.decompress(Path("calls.bed.gz").read_bytes()) == Path("calls.bed").read_bytes()
    with open("calls.bed.gz", "rb") as file:  # what tabix asks for, and an empty block at the end
        assert [length for *_, length in BgzfBlocks(file)][-1] == 0
    write_atomic("two.gz", [b"a" * 70_000, b"b"])  # more than a block
    assert "".join(read_lines("two.gz")) == "a" * 70_000 + "b"


@pytest.mark.parametrize("name", [b"\xff\xfe", b"a\x07b", b"\x1b[31mred"])
def test_names_that_cannot_be_printed(here, name):
    Path("odd.fa").write_bytes(b">" + name + b"\nACGT\n")
    with pytest.raises(InputError, match="odd.fa: line 1: name .* not printable UTF-8") as caught:
        list(read_fasta("odd.fa"))
    assert str(caught.value).isprintable() and len(str(caught.value)) < 300


def test_what_stands_behind_a_name_may_be_anything(here):
    Path("odd.fa").write_bytes('>Ärger"1 caf'.encode() + b"\xe9 \x07\nACGT\n")
    assert [record.name for record in read_fasta("odd.fa")] == ['Ärger"1']


def test_long_errors_are_cut(here, capsys):
    assert cli.app(["score", RUN, "x" * 5000, "--out", "s.tsv"], standalone_mode=False) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and len(err) < 310 and err.endswith("\n")


def test_version(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.app(["--version"])
    assert ended.value.code == 0 and capsys.readouterr().out == f"{ml.__version__}\n"


def test_skipped_alleles_are_listed(here):
    Path("g.fa").write_text(f">chr1\n{LETTERS * 5}\n")
    lines = ["chr1\t300\t.\t{}\t{}", "chr1\t200\t.\tA\t<DEL>"]
    base = (LETTERS * 5)[299]
    text = "\n".join(lines).format(base, "A" if base != "A" else "C")
    Path("v.vcf").write_text(text + "\n")
    typed = ["variants", RUN, "--genome", "g.fa", "--vcf", "v.vcf", "--out", "e.tsv"]
    assert cli.app(typed, standalone_mode=False) == 0
    assert len(pd.read_csv("e.tsv", sep="\t")) == 1
    skipped = pd.read_csv("e.tsv.skipped.tsv", sep="\t")
    assert skipped.values.tolist() == [[2, "chr1", 200, "<DEL>"]]
    os.remove("e.tsv"), os.remove("e.tsv.skipped.tsv")
    assert cli.app([*typed, "--strict"], standalone_mode=False) == 2
    assert not Path("e.tsv").exists() and not Path("e.tsv.skipped.tsv").exists()


def test_random_records_of_any_length_score_alike():
    """Twenty times as long as those of its training, random records are bound for the network."""
    rng, run = np.random.default_rng(3), ml.load(data_path("models", "rest-gm12878"))
    short, long = (["".join(rng.choice(list("ACGT"), run.tile * times)) for _ in range(100)]
                   for times in (1, 20))
    whole = [(predict(run.model, one_hot(part)) > 0.5).float().mean() for part in (short, long)]
    assert whole[0] < 0.15 and whole[1] > 0.8
    assert (ml.score(run, short).probability > 0.5).mean() == pytest.approx(float(whole[0]))
    assert (ml.score(run, long).probability > 0.5).mean() < 0.4
