"""Examples from peaks: the right bases with the right labels, fair negatives, splits; the genome in
memory."""

from __future__ import annotations

import random

import numpy as np
import pandas as pd
import pytest
import torch

from motiflib.batches import ArrayBatches, Examples
from motiflib.files import InputError
from motiflib.genome.fasta import Genome, ResidentGenome
from motiflib.genome.peaks import from_peaks, matched_negatives, overlaps
from motiflib.genome.training import LociBatches
from motiflib.sequence import decode, one_hot


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    """Three chromosomes whose GC rises along them, soft-masked in places."""
    rng, folder = random.Random(0), tmp_path_factory.mktemp("genome")
    text = []
    for name, length in (("chrI", 12_000), ("chrII", 9_000), ("chrIII", 9_000)):
        letters = [
            rng.choice("GC" if rng.random() < 0.2 + 0.5 * i / length else "AT")
            for i in range(length)
        ]
        letters[500:900] = [letter.lower() for letter in letters[500:900]]
        text.append(f">{name}\n{''.join(letters)}\n")
    (folder / "g.fa").write_text("".join(text))
    return Genome(folder / "g.fa")


@pytest.fixture(scope="module")
def peaks():
    rng, rows = random.Random(1), []
    for name, length in (("chr1", 12_000), ("chr2", 9_000), ("chr3", 9_000)):
        rows += [
            (name, at, at + 1, "p", ".", ".", at)
            for at in sorted(rng.sample(range(length // 2, length, 97), 12))
        ]
    return pd.DataFrame(
        rows, columns=["chrom", "start", "end", "name", "score", "strand", "summit"]
    )


ALL = pd.DataFrame(
    {"chrom": ["chrI", "chrII", "chrIII"], "start": 0, "end": [12_000, 9_000, 9_000]}
)


def gc(table) -> float:
    return np.mean([(s.count("G") + s.count("C")) / len(s) for s in table.sequence])


@pytest.mark.parametrize("kind", ["gc-matched", "dinucleotide", "flanks"])
def test_examples(genome, peaks, kind):
    data = from_peaks(
        genome, peaks, 60, negatives=kind, ratio=2, test_chroms=["chrII"], rename=True, seed=3
    )
    again = from_peaks(
        genome, peaks, 60, negatives=kind, ratio=2, test_chroms=["chrII"], rename=True, seed=3
    )
    pd.testing.assert_frame_equal(data, again)
    assert set(data.chrom[data.part == "test"]) == {"chrII"} and "chrII" not in set(
        data.chrom[data.part == "train"]
    )
    ours, theirs = data[data.label == 1], data[data.label == 0]
    assert len(ours) + data.attrs["dropped"]["over an edge"] == len(peaks) and len(theirs) > len(
        ours
    )
    assert (ours.start + 30).tolist()[:3] == peaks.summit[:3].tolist()
    for row in (ours if kind == "dinucleotide" else data).itertuples():
        assert (
            row.sequence == genome.fetch(row.chrom, row.start, row.end) and row.sequence.isupper()
        )
    if kind != "dinucleotide":
        assert not overlaps(theirs, ours).any() and not theirs.duplicated(["chrom", "start"]).any()
    assert (
        abs(gc(ours) - gc(theirs)) < {"gc-matched": 0.02, "dinucleotide": 1e-9, "flanks": 0.1}[kind]
    )


def test_negatives_of_your_own_and_the_blacklist(genome, peaks, tmp_path):
    (tmp_path / "n.bed").write_text("chrI\t100\t160\nchrII\t200\t260\nchrI\t5\t9\n")
    (tmp_path / "b.bed").write_text("chrI\t0\t6000\nplasmid\t1\t5\n")
    data = from_peaks(genome, peaks, 60, negatives=tmp_path / "n.bed", rename=True)
    assert data[data.label == 0].name.tolist() == ["chrI:100-160", "chrII:200-260"]
    data = from_peaks(genome, peaks, 60, blacklist=tmp_path / "b.bed", rename=True)
    assert (
        data.start[data.chrom == "chrI"].min() >= 5970
        and data.attrs["dropped"]["in the blacklist"] <= 1
    )


def test_gc_matched_windows_avoid_and_are_enough(genome, peaks):
    table = peaks.assign(
        chrom="chrI", start=peaks.start % 5000 + 3000, end=peaks.start % 5000 + 3060
    )
    avoid = pd.DataFrame({"chrom": ["chrI"], "start": [6000], "end": [9000]})
    found = matched_negatives(genome, table, avoid, 2)
    assert (
        not overlaps(found, avoid).any()
        and not overlaps(found, table).any()
        and set(found.chrom) == {"chrI"}
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"negatives": "nothing"}, "neither a file nor one of gc-matched"),
        ({"ratio": 0}, "must be at least 1"),
        ({"ratio": 1_001}, "1001 negatives for each peak: must be at most 1,000"),
        ({"test_chroms": ["chrIV"]}, "'chrIV': not in the genome"),
        ({"test_chroms": ["chrI", "chrII", "chrIII"]}, "leave some to train on"),
        ({"rename": False}, "chr1 = chrI"),
        (
            {"width": 13000},
            "no peak is left in the train part: of 36 windows of 13000 bp, 36 over an edge; choose",
        ),
        (
            {"blacklist": ALL},
            "no peak is left .* 36 windows of 60 bp, 3[56] in the blacklist.*; is the blacklist",
        ),
        (
            {"blacklist": ALL.iloc[:1], "test_chroms": ["chrI"]},
            "left in the test part: of 12 .*, 12 in the blacklist",
        ),
    ],
)
def test_what_cannot_be(genome, peaks, change, message):
    settings = {"width": 60, "rename": True} | change
    with pytest.raises(InputError, match=message):
        from_peaks(genome, peaks, settings.pop("width"), **settings)


def test_a_resident_genome_gives_the_same_bases(genome):
    resident = ResidentGenome(genome)
    assert resident.codes.dtype == torch.uint8 and len(resident.codes) == 30_000
    rng = random.Random(4)
    chrom = rng.choices(list(genome.chroms), k=30)
    start = [rng.randrange(8900) for _ in chrom]
    letters = [genome.fetch(c, s, s + 70) for c, s in zip(chrom, start, strict=True)]
    assert decode(resident.cut(chrom, start, 70)) == letters
    ends = decode(resident.cut(["chrII", "chrII"], [-3, 8998], 5))
    assert (
        ends[0].startswith("NNN")
        and ends[1].endswith("NNN")
        and ends[1][:2] == genome.fetch("chrII", 8998, 9000)
    )


def test_batches_cut_by_index_equal_those_of_arrays(genome, peaks):
    data = from_peaks(genome, peaks, 60, ratio=2, rename=True)
    arrays = Examples(
        one_hot(data.sequence.tolist()), torch.tensor(data.label.to_numpy(), dtype=torch.float32)
    )
    ours = LociBatches(ResidentGenome(genome), data, 60, seed=5)
    theirs = ArrayBatches(arrays, seed=5)
    assert (ours.steps, ours.distinct) == (theirs.steps, theirs.distinct)
    for (x, y), (other, label) in zip(ours.epoch(2), theirs.epoch(2), strict=True):
        assert torch.equal(x, other) and torch.equal(y, label)


def test_a_part_without_any_peak(genome, peaks):
    with pytest.raises(
        InputError, match="in the test part: none lies on its chromosomes; choose other test chromo"
    ):
        from_peaks(
            genome,
            peaks[peaks.chrom == "chr1"],
            60,
            negatives="flanks",
            test_chroms=["chrII"],
            rename=True,
        )


def test_a_batch_of_one(genome):
    """As a last batch, or where training has a single example left."""
    loci = pd.DataFrame({"chrom": ["chrII"], "start": [200], "label": [1]})
    x, y = next(LociBatches(ResidentGenome(genome), loci, 50, shift=3).epoch(0))
    assert x.shape == (1, 4, 50) and y.tolist() == [1]


def test_batches_move_with_the_genome(genome):
    loci = pd.DataFrame({"chrom": ["chrI", "chrII"], "start": [100, 200], "label": [1, 0]})
    batches = LociBatches(ResidentGenome(genome), loci, 50)
    plain = next(batches.epoch(0))
    batches.place(torch.device("cpu"))
    assert all(torch.equal(a, b) for a, b in zip(plain, next(batches.epoch(0)), strict=True))
