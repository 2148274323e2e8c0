"""Stretches of a genome equal those of the file read whole, and no index is left beside it."""

from __future__ import annotations

import gzip
import os
import random

import pytest

from motiflib.genome import Genome
from motiflib.sequence import InputError, reverse_complement


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("motiflib.genome.fasta.cache_folder", lambda: tmp_path / "cache")


@pytest.fixture
def sequences():
    rng = random.Random(0)
    return {f"chr{i}": "".join(rng.choices("ACGTNacgtn", k=900 + 217 * i)) for i in range(1, 4)}


def text_of(sequences: dict[str, str], newline: str = "\n") -> bytes:
    lines = [
        line for name, s in sequences.items() for line in (f">{name} x", *(s[k : k + 60] for k in range(0, len(s), 60)))
    ]
    return (newline.join(lines) + newline).encode()


def write_bgzf(path, data: bytes) -> None:
    from Bio import bgzf

    with bgzf.BgzfWriter(str(path), "wb") as out:
        out.write(data)


@pytest.mark.parametrize("kind", ["plain", "crlf", "bgzf"])
def test_stretches_equal_the_whole(tmp_path, sequences, kind):
    path = tmp_path / ("g.fa.gz" if kind == "bgzf" else "g.fa")
    data = text_of(sequences, "\r\n" if kind == "crlf" else "\n")
    write_bgzf(path, data) if kind == "bgzf" else path.write_bytes(data)
    rng = random.Random(1)
    for _ in range(2):  # the second time from the kept index
        with Genome(path) as genome:
            assert genome.chroms == {name: len(s) for name, s in sequences.items()}
            for _ in range(50):
                chrom = rng.choice(list(sequences))
                start, end = sorted(rng.sample(range(len(sequences[chrom]) + 1), 2))
                expected = sequences[chrom][start:end].upper()
                assert genome.fetch(chrom, start, end) == expected
                assert genome.fetch(chrom, start, end, "-") == reverse_complement(expected)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cache", path.name]


def test_index_beside_the_file_is_used_unless_it_is_old(tmp_path, sequences):
    path, index = tmp_path / "g.fa", tmp_path / "g.fa.fai"
    path.write_bytes(b">chr1\nACGT\n")
    index.write_text("renamed\t4\t6\t4\t5\n")
    assert list(Genome(path).chroms) == ["renamed"]
    os.utime(index, (1, 1))
    assert list(Genome(path).chroms) == ["chr1"]


def test_a_changed_file_is_indexed_again(tmp_path):
    path = tmp_path / "g.fa"
    path.write_bytes(b">chr1\nACGT\n")
    assert Genome(path).fetch("chr1", 0, 4) == "ACGT"
    path.write_bytes(b">other\nGGGGG\n")
    assert Genome(path).fetch("other", 0, 5) == "GGGGG"


def test_iupac_codes_are_unknown(tmp_path):
    (tmp_path / "g.fa").write_text(">c\nACRGTm\n")
    assert Genome(tmp_path / "g.fa").fetch("c", 0, 6) == "ACNGTN"


def test_bad_places_are_named(tmp_path, sequences):
    (tmp_path / "g.fa").write_bytes(text_of(sequences))
    genome = Genome(tmp_path / "g.fa")
    with pytest.raises(InputError, match="no chromosome '2'; did you mean chr2"):
        genome.fetch("2", 0, 5)
    for start, end in ((-1, 5), (5, 5), (6, 5), (0, 10**6)):
        with pytest.raises(InputError, match=f"chr1:{start}-{end} .*0-1117"):
            genome.fetch("chr1", start, end)


BAD = {
    "ragged": (b">a\nACGT\nAC\nACGT\n", "cannot be indexed"),
    "empty": (b"", "g.fa"),
    "protein text": (b"MKV\n", "g.fa"),
    "twice": (b">a\nACGT\n>a\nACGT\n", "Duplicate"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_genomes_are_refused_in_one_line(tmp_path, case):
    content, message = BAD[case]
    path = tmp_path / ("g.fa.gz" if case == "plain gzip" else "g.fa")
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        Genome(path)
    assert "\n" not in str(caught.value)


def test_missing_genome(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        Genome(tmp_path / "none.fa")


def test_plain_gzip_is_unpacked_once_and_a_read_only_folder_is_no_obstacle(tmp_path, sequences):
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / "g.fa.gz").write_bytes(gzip.compress(text_of(sequences)))
    folder.chmod(0o500)
    for _ in range(2):
        with Genome(folder / "g.fa.gz") as genome:
            assert genome.fetch("chr2", 5, 50) == sequences["chr2"][5:50].upper()
    assert [path.name for path in folder.iterdir()] == ["g.fa.gz"]
    (tmp_path / "cut.fa.gz").write_bytes(gzip.compress(text_of(sequences))[:-30])
    with pytest.raises(InputError, match="damaged or truncated gzip"):
        Genome(tmp_path / "cut.fa.gz")


def test_every_place_of_a_bgzf_file_can_be_read(tmp_path):
    """Also those at the edge of a block, where pyfaidx 0.9 fails."""
    letters = "".join(random.Random(2).choices("ACGT", k=140_000))
    write_bgzf(tmp_path / "g.fa.gz", text_of({"c": letters}))
    genome = Genome(tmp_path / "g.fa.gz")
    for start in (*range(64_300, 64_800), *range(128_800, 129_200)):
        assert genome.fetch("c", start, start + 7) == letters[start : start + 7]
    assert genome.plain()[0].read_bytes() == text_of({"c": letters})


def test_an_empty_chromosome_is_named(tmp_path):
    (tmp_path / "g.fa").write_text(">a\nACGT\n>b\n>c\nACGT\n")
    with pytest.raises(InputError, match="'b' has no sequence"):
        Genome(tmp_path / "g.fa")
