"""Bad genomes and peaks on the command line: exit code 2, one line, nothing left; good ones in odd
dress work."""

from __future__ import annotations

import gzip
import os
import random
import re
from pathlib import Path

import pandas as pd
import pytest
from motifbook.datasets import data_path

from motiflib import cli

RUN = data_path("models", "rest-gm12878")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "motiflib.genome.fasta.cache_folder", lambda: tmp_path.parent / f"{tmp_path.name}-cache"
    )
    rng = random.Random(0)
    bases = {name: "".join(rng.choices("ACGTacgt", k=4000)) for name in ("chrI", "chrII", "chrIII")}
    good = "".join(f">{name}\n{letters}\n" for name, letters in bases.items())
    peaks = "".join(f"{c}\t{at}\t{at + 1}\n" for c in bases for at in range(300, 3800, 250))
    files = {
        "g.fa": good,
        "g2.fa": good,
        "iupac.fa": good.replace("ACG", "RYN"),
        "gap.fa": good + ">chrIV\n",
        "p.bed": peaks,
        "crlf.bed": peaks.replace("\n", "\r\n"),
        "unsorted.bed": "\n".join(reversed(peaks.splitlines())) + "\n",
        "arabic.bed": peaks.replace("chrIII", "3").replace("chrII", "2").replace("chrI", "1"),
        "none.bed": "",
        "one.bed": "chrI\t5\t5\n",
        "past.bed": "chrI\t3990\t4100\n",
        "contig.bed": "chr1_random\t5\t9\n",
        "text.bed": "I am no BED\n",
        "edge.bed": "chrI\t1\t2\nchrII\t3998\t3999\n",
        "single.bed": "chrI\t400\t401\n",
        "all.bed": "".join(f"{c}\t0\t4000\n" for c in bases),
        "protein.fa": good.replace("ACG", "MKL"),
        "rna.fa": good.replace("T", "U"),
        "empty.fa": "",
        "ragged.fa": ">c\nAC\nA\nACGT\n",
    }
    for name, text in files.items():
        Path(name).write_bytes(text.encode())
    Path("cut.fa.gz").write_bytes(gzip.compress(good.encode())[:-30])
    return tmp_path


TRAIN = "train --out new/run --device cpu --epochs 1 --genome"
CALL = f"call {RUN} --out new/c.bed --genome"
CASES = {
    f"{TRAIN} g.fa --peaks none.bed": "none.bed: no interval",
    f"{TRAIN} g.fa --peaks missing.bed": "missing.bed: no such file",
    f"{TRAIN} g.fa --peaks one.bed": "one.bed: line 1: .*1-based",
    f"{TRAIN} g.fa --peaks past.bed": "past.bed: chrI:3990-4100 lies beyond",
    f"{TRAIN} g.fa --peaks contig.bed": "no chromosome 'chr1_random'",
    f"{TRAIN} g.fa --peaks arabic.bed": "1 = chrI, 2 = chrII, 3 = chrIII: .*--rename-chroms",
    f"{TRAIN} g.fa --peaks text.bed": "text.bed: line 1: ",
    f"{TRAIN} g.fa --peaks edge.bed": "no peak is left",
    f"{TRAIN} g.fa --peaks g.fa": "g.fa: line 1: ",
    f"{TRAIN} g.fa": "'--genome' with '--peaks'",
    f"{TRAIN} empty.fa --peaks p.bed": "empty.fa: ",
    f"{TRAIN} ragged.fa --peaks p.bed": "ragged.fa: cannot be indexed",
    f"{TRAIN} gap.fa --peaks p.bed": "'chrIV' has no sequence",
    f"{TRAIN} cut.fa.gz --peaks p.bed": "damaged or truncated gzip",
    f"{TRAIN} nowhere.fa --peaks p.bed": "nowhere.fa: no such file",
    f"{TRAIN} g.fa --peaks p.bed --window 20": "window of 20 bp: expected at least 40",
    f"{TRAIN} g.fa --peaks p.bed --window "
    f"9999999999999999999999": "window = 9999999999999999999999: must be at most",
    f"{TRAIN} g.fa --peaks p.bed --ratio "
    f"9999999999999999999999": "ratio = 9999999999999999999999: must be at most",
    f"{TRAIN} g.fa --peaks p.bed --seed "
    f"4294967295": "seed = 4294967295: must be at most 4294967294",
    f"{TRAIN} g.fa --peaks p.bed --test-chroms chrV": "test chromosome 'chrV'",
    f"{TRAIN} g.fa --peaks p.bed --test-chroms chrI,chrII,chrIII": "leave some to train on",
    f"{TRAIN} g.fa --peaks p.bed --negatives others": "neither a file nor one of gc-matched",
    f"{TRAIN} g.fa --peaks p.bed --ratio 0": "must be at least 1",
    f"{TRAIN} g.fa --peaks p.bed --ratio 9999": "9999.*must be at most",
    f"{TRAIN} g.fa --peaks "
    f"single.bed": "single.bed: 1 peaks in the train part; training needs at least 2",
    f"{TRAIN} g.fa --peaks p.bed --blacklist "
    f"all.bed": "of 42 windows of 200 bp, .* in the blacklist; is the blackl",
    f"{TRAIN} rna.fa --peaks p.bed": "rna.fa: record 'chrI', position .*; replace U by T",
    f"{TRAIN} /dev/null --peaks p.bed": "/dev/null: is empty",
    f"{TRAIN} g.fa --peaks p.bed --shuffle dinucleotide": "write --negatives dinucleotide",
    f"{TRAIN} g.fa --peaks p.bed --blacklist none.bed": "none.bed: no interval",
    f"{CALL} nowhere.fa": "nowhere.fa: no such file",
    f"{CALL} gap.fa": "'chrIV' has no sequence",
    f"{CALL} g.fa --regions past.bed": "past.bed: chrI:3990-4100 lies beyond",
    f"{CALL} g.fa --regions arabic.bed": "--rename-chroms",
    f"{CALL} g.fa --threshold 2": "2",
    f"{CALL} protein.fa":
        "protein.fa: record 'chrI', position .*: letter 'L' .*is this a protein file",
    f"{CALL} .": ".: is a folder",
    f"call {RUN} g.fa --genome g.fa --out new/c.bed": "either SEQS.fa, or --genome",
    f"call {RUN} --regions p.bed --out new/c.bed": "either SEQS.fa, or --genome",
}


@pytest.mark.parametrize("typed", CASES)
def test_one_line_and_nothing_left(here, capsys, typed):
    before = {path.relative_to(here) for path in here.rglob("*")}
    assert cli.app(typed.split(), standalone_mode=False) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(lines) == 1 and pd.Series(lines).str.contains(CASES[typed]).all(), lines
    assert {path.relative_to(here) for path in here.rglob("*")} == before


@pytest.mark.parametrize("dress", ["p.bed", "crlf.bed", "unsorted.bed"])
def test_the_same_windows_in_any_dress(here, dress):
    """Order, line ends, soft mask and IUPAC letters change no window; nor does a read-only folder
    without an index."""
    from motiflib.genome.fasta import Genome
    from motiflib.genome.peaks import from_peaks

    plain = from_peaks(Genome("g.fa"), "p.bed", 60)
    found = from_peaks(Genome("g.fa"), dress, 60)
    assert (
        set(found.name[found.label == 1]) == set(plain.name[plain.label == 1])
        and found.sequence.str.isupper().all()
    )
    other = from_peaks(Genome("iupac.fa"), dress, 60)
    assert set(other.name[other.label == 1]) == set(plain.name[plain.label == 1])
    assert other.sequence.str.fullmatch("[ACGTN]+").all()


def test_what_was_read_is_said_once_and_how_long_training_takes(here, capsys):
    """Peaks and negatives with what their summits are, a blacklist without; outputs are readable to
    all whom the umask allows."""
    Path("n.bed").write_text("".join(f"{c}\t{at}\t{at + 9}\n" for c in ("chrI", "chrII", "chrIII")
                                     for at in range(170, 3800, 250)))  # fmt: skip
    Path("b.bed").write_text("chrI\t0\t9\n")
    mask = os.umask(0o022)
    typed = f"{TRAIN} g.fa --peaks p.bed --negatives n.bed --blacklist b.bed --test-chroms chrII"
    assert cli.app(f"{typed} --window 60".split(), standalone_mode=False) == 0
    os.umask(mask)
    said = capsys.readouterr().err
    for line in ("p.bed: BED, 42 summits", "b.bed: BED, 1 intervals",
                 "n.bed: BED, 45 intervals, their middles are used"):  # fmt: skip
        assert said.splitlines().count(line) == 1, said
    assert re.search(r"training: 100%.*1/1 \[.*<00:00", said)
    examples = pd.read_csv("new/run/examples.tsv", sep="\t")
    middles = (examples.start + 30)[(examples.label == 0) & (examples.chrom == "chrII")]
    assert middles.tolist() == list(range(174, 3800, 250))
    assert {path.stat().st_mode & 0o777 for path in here.rglob("new/run/*.*")} == {0o644}
