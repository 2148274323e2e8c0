"""Stretches of a genome equal those of the file read whole, and no index is left beside it."""

from __future__ import annotations

import gzip
import os
import random

import pytest

from motiflib.files import InputError
from motiflib.genome.fasta import Genome
from motiflib.sequence import reverse_complement


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("motiflib.genome.fasta.cache_folder", lambda: tmp_path / "cache")


@pytest.fixture
def sequences():
    rng = random.Random(0)
    return {f"chr{i}": "".join(rng.choices("ACGTNacgtn", k=900 + 217 * i)) for i in range(1, 4)}


def text_of(sequences: dict[str, str], newline: str = "\n") -> bytes:
    lines = [
        line
        for name, s in sequences.items()
        for line in (f">{name} x", *(s[k : k + 60] for k in range(0, len(s), 60)))
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


@pytest.mark.parametrize(
    ("letters", "message"),
    [
        ("ACGTMKVLAAG", "'c', position 8: letter 'L' is not .*; is this a protein file"),
        ("ACGTACGuACG", "'c', position 8: letter 'U' is not .*; replace U by T"),
        ("ACGT-CGTACG", "'c', position 5: letter '-' is not .*; write N for an unknown base"),
        ("ACGT CGTACG", "'c', position 5: letter ' ' is not"),
    ],
)
def test_other_letters_are_refused_where_they_are_read(tmp_path, letters, message):
    (tmp_path / "g.fa").write_text(f">c\n{letters}\n")
    genome = Genome(tmp_path / "g.fa")
    assert genome.fetch("c", 0, 4) == "ACGT"
    with pytest.raises(InputError, match=f"g.fa: record {message}"):
        genome.fetch("c", 3, 11)


DRESS = {
    "byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "empty lines at the end": lambda data: data + b"\n\n\n",
    "empty lines, Windows": lambda data: data.replace(b"\n", b"\r\n") + b"\r\n\r\n",
    "empty lines within": lambda data: data.replace(b"\n", b"\n\n", 12),
    "blanks at line ends": lambda data: data.replace(b"\n", b" \t\n"),
    "blank at the very end": lambda data: data[:-1] + b" ",
    "old Mac": lambda data: data.replace(b"\n", b"\r"),
}


@pytest.mark.parametrize("packed", ["", "gzip", "bgzf"])
@pytest.mark.parametrize("dress", DRESS)
def test_odd_dress_changes_no_base(tmp_path, sequences, dress, packed):
    path, data = tmp_path / ("g.fa.gz" if packed else "g.fa"), DRESS[dress](text_of(sequences))
    if packed == "bgzf":
        write_bgzf(path, data)
    else:
        path.write_bytes(gzip.compress(data) if packed else data)
    for _ in range(2):  # the second time from the kept copy
        genome = Genome(path)
        assert {name: genome.fetch(name, 0, n) for name, n in genome.chroms.items()} == {
            name: letters.upper() for name, letters in sequences.items()
        }
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cache", path.name]


def test_line_ends_across_pieces_that_are_read_at_a_time(tmp_path):
    letters = "".join(random.Random(3).choices("ACGT", k=2**20 - 3))
    for end in ("\r", " \n", "\r\n \r\n", "\n\n"):
        for k in range(6):
            (tmp_path / f"g{k}.fa").write_bytes(f">c\n{letters}{'A' * k}{end}GG{end}".encode())
            genome = Genome(tmp_path / f"g{k}.fa")
            assert genome.fetch("c", 0, genome.chroms["c"]) == letters + "A" * k + "GG"


def test_text_that_is_named_like_gzip(tmp_path, sequences):
    (tmp_path / "g.fa.gz").write_bytes(text_of(sequences))
    assert Genome(tmp_path / "g.fa.gz").fetch("chr2", 5, 50) == sequences["chr2"][5:50].upper()


def damaged(data: bytes) -> dict[str, bytes]:
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 0x40
    return {
        "half": data[: len(data) // 2],
        "a byte flipped": bytes(flipped),
        "no end block": data[:-28],
    }


@pytest.mark.parametrize("case", damaged(b"x" * 99))
@pytest.mark.parametrize("index", [False, True])
def test_damaged_bgzf(tmp_path, case, index):
    letters = "".join(random.Random(2).choices("ACGT", k=200_000))
    path = tmp_path / "g.fa.gz"
    write_bgzf(path, text_of({"c": letters}))
    indexes = [file.read_bytes() for file in Genome(path).indexes]
    path.write_bytes(damaged(path.read_bytes())[case])
    if index:
        (tmp_path / "g.fa.gz.fai").write_bytes(indexes[0])
        (tmp_path / "g.fa.gz.gzi").write_bytes(indexes[1])
    if index and case == "no end block":  # an index shows that nothing is missing
        assert Genome(path).fetch("c", 0, 200_000) == letters
        return
    with pytest.raises(
        InputError, match=r"g\.fa\.gz: damaged or truncated gzip \(.*fetch the file again$"
    ):
        Genome(path).fetch("c", 0, 200_000)


def test_a_bad_index_of_bgzf_is_made_anew(tmp_path, sequences):
    path = tmp_path / "g.fa.gz"
    write_bgzf(path, text_of(sequences))
    fai, gzi = Genome(path).indexes
    for good, bad in ((fai, ".gzi"), (gzi, ".fai")):
        (tmp_path / f"g.fa.gz{good.suffix}").write_bytes(good.read_bytes())
        (tmp_path / f"g.fa.gz{bad}").write_bytes(b"garbage \xff garbage garbage")
        assert Genome(path).fetch("chr3", 100, 900) == sequences["chr3"][100:900].upper()
        assert (
            (tmp_path / f"g.fa.gz{bad}").read_bytes().startswith(b"garbage")
        )  # not ours: left as it is


@pytest.mark.parametrize(
    "index",
    [
        b"",
        b"\xff\0",
        b"chr1\tx\ty\tz\tw\n",
        b"chr1\t5\t0\t0\t0\n",
        b"chr1\t9\t-4\t4\t5\n",
        b"chr1\t1117\t8\t60\t61\n",
        b"chr1\t1117\t7\t60\t61\nchr2\t1334\t1149\t60\t61\nchr3\t1551\t2513\t60\t61\n",
        b"chr1\t9000\t8\t60\t61\n",
    ],
)
def test_an_index_that_does_not_fit_is_not_used(tmp_path, sequences, index, caplog):
    """Empty, garbage, no numbers, cut after the first chromosome, or of a file that differs a
    little."""
    (tmp_path / "g.fa").write_bytes(text_of(sequences))
    (tmp_path / "g.fa.fai").write_bytes(index)
    with Genome(tmp_path / "g.fa") as genome:
        assert {name: genome.fetch(name, 0, n) for name, n in genome.chroms.items()} == {
            name: letters.upper() for name, letters in sequences.items()
        }
    assert "g.fa.fai, does not fit" in caplog.text


def test_fewer_letters_than_asked_for_are_refused(tmp_path, sequences):
    path = tmp_path / "g.fa"
    path.write_bytes(text_of(sequences))
    genome = Genome(path)
    path.write_bytes(text_of(sequences)[:700])
    with pytest.raises(
        InputError, match=r"chr1:500-1000 has .*\.fai does not fit the file; delete it"
    ):
        genome.fetch("chr1", 500, 1000)


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
    "binary": (bytes(range(256)), "binary content"),
    "only blanks": (b"\n \n\n", "g.fa: no sequence"),
    "ragged and blanks": (
        b">a\nACGT\nAC\n\nACGT\n\n\n",
        r"/g.fa: cannot be indexed \(.* found in >a.\)",
    ),
    "gzip of nothing": (gzip.compress(b""), "/g.fa: no sequence"),
    "gzip of text": (gzip.compress(b"ACGT\n"), "/g.fa: cannot be indexed"),
    "no gzip": (b"\x1f\x8bgarbage garbage", "/g.fa: damaged or truncated gzip"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_genomes_are_refused_in_one_line(tmp_path, case):
    content, message = BAD[case]
    path = tmp_path / "g.fa"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        Genome(path)
    assert "\n" not in str(caught.value) and "cache" not in str(caught.value)


def test_missing_genome(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        Genome(tmp_path / "none.fa")
    with pytest.raises(InputError, match="is a folder"):
        Genome(tmp_path)
    with pytest.raises(InputError, match="/dev/null: is empty"):
        Genome("/dev/null")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is a pipe or device"):
        Genome(tmp_path / "pipe")


def test_a_cache_that_cannot_be_written(tmp_path, sequences):
    (tmp_path / "g.fa").write_bytes(text_of(sequences))
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(
        InputError, match=r"index: the index cannot be written \(Not a directory\); free the cache"
    ):
        Genome(tmp_path / "g.fa")


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
