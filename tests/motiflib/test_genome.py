"""Stretches of a genome equal those of the file read whole, and no index is left beside it."""

from __future__ import annotations

import gzip
import os
import random

import pytest

from motiflib.files import InputError
from motiflib.genome.fasta import Genome


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
                assert genome.fetch(chrom, start, end) == sequences[chrom][start:end].upper()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cache", path.name]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("index", [b"", b"renamed\t900\t7\t60\t61\n", b"\xff garbage"])
def test_an_index_beside_the_file_is_not_trusted(tmp_path, sequences, packed, index):
    path = tmp_path / ("g.fa.gz" if packed else "g.fa")
    write_bgzf(path, text_of(sequences)) if packed else path.write_bytes(text_of(sequences))
    for end in (".fai", ".gzi"):
        path.with_name(path.name + end).write_bytes(index)
    with Genome(path) as genome:
        found = {name: genome.fetch(name, 0, n) for name, n in genome.chroms.items()}
    assert found == {name: letters.upper() for name, letters in sequences.items()}
    assert path.with_name(path.name + ".fai").read_bytes() == index


def test_a_changed_file_is_indexed_again(tmp_path):
    path = tmp_path / "g.fa"
    path.write_bytes(b">chr1\nACGT\n")
    assert Genome(path).fetch("chr1", 0, 4) == "ACGT"
    path.write_bytes(b">other\nGGGGG\n")
    assert Genome(path).fetch("other", 0, 5) == "GGGGG"


HARM = {
    "row missing": lambda data: data[: data.rfind(b"chr3")],
    "cut short": lambda data: data[:-9],
    "altered": lambda data: data.replace(b"chr2", b"chr7"),
    "a length altered": lambda data: data.replace(b"1117", b"1017"),
    "empty": lambda data: b"",
    "none": None,
}


@pytest.mark.parametrize("packed", ["plain", "gzip", "bgzf", "future"])
@pytest.mark.parametrize("harm", HARM)
def test_what_was_harmed_in_the_cache_is_made_again(tmp_path, sequences, harm, packed, caplog):
    """At equal size and time too: no chromosome is lost, and none read at another's place."""
    path, data = tmp_path / "g.fa.gz", text_of(sequences)
    if packed == "bgzf":
        write_bgzf(path, data)
    else:
        path = path if packed == "gzip" else tmp_path / "g.fa"
        path.write_bytes(gzip.compress(data) if packed == "gzip" else data)
    if packed == "future":  # its index is always older
        os.utime(path, (4e9, 4e9))
    caplog.set_level("INFO")
    Genome(path)
    said = caplog.messages.copy()
    for file in [*tmp_path.glob("cache/index/*.fa*"), *tmp_path.glob("cache/index/*.gzi")]:
        caplog.clear()
        Genome(path)
        assert not caplog.messages  # from the cache, as it fits
        if file.suffix not in (".fai", ".gzi", ".fa"):
            continue
        stat, content = file.stat(), file.read_bytes()
        file.unlink() if HARM[harm] is None else file.write_bytes(HARM[harm](content))
        if HARM[harm]:
            os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        with Genome(path) as genome:
            found = {name: genome.fetch(name, 0, n) for name, n in genome.chroms.items()}
        assert found == {name: letters.upper() for name, letters in sequences.items()}
        assert set(caplog.messages) <= set(said)


@pytest.mark.parametrize("big", [False, True])
def test_a_genome_replaced_at_equal_size_and_time(tmp_path, big):
    """A base in the middle of a genome that is too big to be read whole, and names."""
    path, line = tmp_path / "g.fa", b"ACGTTGCAAC" * 6 + b"\n"
    old = b">chr1\n" + line * (90_000 if big else 2) + b">chr2\n" + line
    path.write_bytes(old)
    stat = path.stat()
    assert list(Genome(path).chroms) == ["chr1", "chr2"]
    new = old.replace(b">chr1", b">chrA").replace(b"\n>chr2\n", b"\n>chrB\n")
    (tmp_path / "new.fa").write_bytes(new)
    (tmp_path / "new.fa").replace(path)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size and path.stat().st_mtime_ns == stat.st_mtime_ns
    assert list(Genome(path).chroms) == ["chrA", "chrB"]


def test_names_with_quotes_stay_and_control_characters_are_refused(tmp_path):
    (tmp_path / "g.fa").write_text(">chr\"1' x\x01y\nACGT\n")
    assert list(Genome(tmp_path / "g.fa").chroms) == ["chr\"1'"]
    for name in (b"chr\x07", b"chr\x1b[31m", b"chr\xff", b"\x7f"):
        (tmp_path / "g.fa").write_bytes(b">a\nACGT\n>" + name + b" x\nACGT\n")
        with pytest.raises(InputError, match="line 3: name b'.*not printable UTF-8") as caught:
            Genome(tmp_path / "g.fa")
        assert str(caught.value).isprintable()


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
    "byte order mark": (lambda data: b"\xef\xbb\xbf" + data, "a byte order mark before the first"),
    "empty lines within": (lambda data: data.replace(b"\n", b"\n\n", 12), "Line length"),
    "blanks at line ends": (lambda data: data.replace(b"\n", b" \t\n"), "line 2 ends in a blank"),
    "blank at the very end": (lambda data: data[:-1] + b" ", "line [0-9]+ ends in a blank"),
    "old Mac": (lambda data: data.replace(b"\n", b"\r"), "line 1 ends .* as on an old Mac"),
}


@pytest.mark.parametrize("packed", ["", "gzip", "bgzf"])
@pytest.mark.parametrize("dress", DRESS)
def test_odd_dress_is_refused_in_one_line(tmp_path, sequences, dress, packed):
    """Bases would be counted wrongly."""
    change, message = DRESS[dress]
    path, data = tmp_path / ("g.fa.gz" if packed else "g.fa"), change(text_of(sequences))
    if packed == "bgzf":
        write_bgzf(path, data)
    else:
        path.write_bytes(gzip.compress(data) if packed else data)
    for _ in range(2):
        with pytest.raises(InputError, match=rf"/{path.name}: cannot be indexed \(.*{message}"):
            Genome(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cache", path.name]


@pytest.mark.parametrize("change", [lambda data: data + b"\n", lambda data: data[:-1]])
def test_an_empty_line_at_the_end_or_a_missing_one_is_no_obstacle(tmp_path, sequences, change):
    (tmp_path / "g.fa").write_bytes(change(text_of(sequences)))
    assert Genome(tmp_path / "g.fa").fetch("chr3", 1500, 1551) == sequences["chr3"][1500:].upper()


def test_text_that_is_named_like_gzip_is_refused(tmp_path, sequences):
    (tmp_path / "g.fa.gz").write_bytes(text_of(sequences))
    with pytest.raises(InputError, match="g.fa.gz: cannot be indexed .*only supported in BGZF"):
        Genome(tmp_path / "g.fa.gz")


def damaged(data: bytes) -> dict[str, bytes]:
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 0x40
    return {
        "half": data[: len(data) // 2],
        "a byte flipped": bytes(flipped),
        "no end block": data[:-28],
    }


@pytest.mark.parametrize("case", damaged(b"x" * 99))
def test_damaged_bgzf(tmp_path, case):
    letters = "".join(random.Random(2).choices("ACGT", k=200_000))
    path = tmp_path / "g.fa.gz"
    write_bgzf(path, text_of({"c": letters}))
    path.write_bytes(damaged(path.read_bytes())[case])
    with pytest.raises(
        InputError, match=r"g\.fa\.gz: damaged or truncated gzip \(.*fetch the file again$"
    ):
        Genome(path)


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
    "endless name": ((b">" + b"x" * 9999 + b"\nAC\n") * 2, "Duplicate key .xxx"),
    "binary": (bytes(range(256)), "binary content"),
    "only empty lines": (b"\n\n\n", "g.fa: cannot be indexed .*does not contain a valid sequence"),
    "ragged and blanks": (
        b">a\nACGT\nAC\n\nACGT\n\n\n",
        r"/g.fa: cannot be indexed \(.* found in >a at line 3.\)",
    ),
    "gzip of nothing": (gzip.compress(b""), "/g.fa: is empty"),
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
    assert len(str(caught.value)) < 300 + len(str(tmp_path))
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


def test_too_little_memory_is_told_as_that(tmp_path, monkeypatch):
    def index(*_):
        raise MemoryError

    (tmp_path / "g.fa").write_text(">c\nACGT\n")
    monkeypatch.setattr("motiflib.genome.fasta._index", index)
    with pytest.raises(InputError, match="/g.fa: a line is too long for this machine's memory"):
        Genome(tmp_path / "g.fa")
