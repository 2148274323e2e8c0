"""A genome on disk: any stretch of any chromosome, without reading the rest. Coordinates are
0-based half-open."""

from __future__ import annotations

import bisect
import difflib
import gzip
import hashlib
import logging
import os
import re
import struct
import tempfile
import zlib
from pathlib import Path

from motiflib.files import InputError
from motiflib.sequence import reverse_complement

log = logging.getLogger(__name__)
_IUPAC = "RYSWKMBDHV"  # real genomes hold a few of these codes; they count as unknown
_LETTERS = bytearray(256)  # byte of a letter -> A, C, G, T or N, anything else -> 0
for _letter in "ACGTN" + _IUPAC:
    for _byte in (_letter + _letter.lower()).encode():
        _LETTERS[_byte] = ord("N" if _letter in _IUPAC else _letter)
_MARK = b"\xef\xbb\xbf"  # byte order mark, which some editors put first
_ODD = (b"\n\n", b"\n\r\n", b" \n", b"\t\n", b" \r\n", b"\t\r\n")  # empty lines, and blanks at line ends
_LINE_END = re.compile(rb"[ \t\v\f]*[\r\n]\s*")
_UNREADABLE = (  # what pyfaidx and Biopython raise
    ValueError, EOFError, RuntimeError, AssertionError, LookupError, ArithmeticError, struct.error, zlib.error,
)  # fmt: skip


class Genome:
    """Random access to a FASTA file, plain, BGZF or gzip, through pyfaidx.

    An index that lies beside the file, is not older than it and fits it is used; otherwise one is
    made in the user's cache, so that the folder of the genome may be read-only. Plain gzip cannot
    be read in places: it is unpacked there, once. So is a file with a byte order mark, empty lines,
    blanks at line ends or those of an old Mac.

    Raises:
        InputError: no such file, empty, malformed (lines of differing lengths), damaged gzip, a
            chromosome without sequence, or a cache that cannot be written.

    Example:
        >>> genome = Genome("sacCer3.fa.gz")
        >>> genome.fetch("chrI", 0, 12)
        'CCACACCACACC'
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        self.file, self.indexes = _indexed(self.path)  # what is read, maybe unpacked, and where its indexes lie
        self._fasta = _pyfaidx(self.file, self.indexes, self.path)
        self.chroms: dict[str, int] = {name: len(self._fasta[name]) for name in self._fasta.keys()}  # name -> length
        if not self.chroms:
            raise InputError(f"{path}: no sequence in this file; expected a genome in FASTA, plain or BGZF")
        if empty := [name for name, length in self.chroms.items() if not length]:
            raise InputError(f"{path}: chromosome {empty[0]!r} has no sequence; is the file cut short? Else remove it")

    def fetch(self, chrom: str, start: int, end: int, strand: str = "+") -> str:
        """Letters [start, end) of a chromosome, upper case, ACGTN only; strand "-" reads the other
        strand.

        Raises:
            InputError: an unknown chromosome (with the nearest names), a stretch that is empty or
                leaves it, a letter that is neither ACGTN nor an IUPAC code, damaged gzip, or an
                index that does not fit.

        Example:
            >>> genome.fetch("chrI", 0, 4, "-")
            'GTGG'
        """
        if chrom not in self.chroms:
            raise InputError(f"{self.path}: no chromosome {chrom!r}; did you mean {', '.join(self._near(chrom))}?")
        length = self.chroms[chrom]
        if not 0 <= start < end <= length:
            place = f"{chrom}:{start}-{end}"
            raise InputError(f"{self.path}: {place} is empty or leaves the chromosome (0-{length}); correct it")
        sequence = self._letters(chrom, int(start), self._read(chrom, int(start), int(end)))
        return reverse_complement(sequence) if strand == "-" else sequence

    def _letters(self, chrom: str, start: int, text: str) -> str:
        """Upper case, IUPAC codes as N; checked here and not for the whole file, so that opening it
        stays quick."""
        codes = text.encode("latin-1", "replace").translate(_LETTERS)
        if (at := codes.find(0)) >= 0:
            letter = text[at].upper()
            advice = "replace U by T" if letter == "U" else "write N for an unknown base"
            advice = "is this a protein file?" if letter in "EFIJLOPQXZ*" else advice
            raise InputError(f"{self.path}: record {chrom!r}, position {start + at + 1}: letter {letter!r} is not one "
                             f"of A, C, G, T, N or an IUPAC code; {advice}")  # fmt: skip
        return codes.decode()

    def _read(self, chrom: str, start: int, end: int) -> str:
        place = f"{self.path}: {chrom}:{start}-{end}"
        try:
            try:
                text = self._fasta[chrom][start:end]
            except ValueError:  # pyfaidx 0.9 cannot begin at the first byte of a BGZF block, only before it
                text = self._fasta[chrom][max(start - 100, 0) : end][start - max(start - 100, 0) :]
        except (*_UNREADABLE, OSError) as error:
            if len(self.indexes) == 2:
                raise _damaged(self.path, error) from error
            raise InputError(f"{place} cannot be read ({_reason(error)}); repair the file") from error
        if len(text) != end - start:
            raise InputError(f"{place} has {len(text)} letters there: the index {self.indexes[0]} does not fit the "
                             "file; delete it")  # fmt: skip
        return text

    def plain(self) -> tuple[Path, Path]:
        """The FASTA uncompressed, and its index; a compressed one is unpacked into the user's
        cache, once."""
        if len(self.indexes) == 1:
            return self.file, self.indexes[0]
        file, indexes = _indexed(_kept(self.file, [".fa"], _unpack)[0])
        return file, indexes[0]

    def close(self) -> None:
        """Close the file; `with Genome(path) as genome` does so by itself."""
        self._fasta.close()

    def __enter__(self) -> Genome:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Genome({str(self.path)!r}, {len(self.chroms)} chromosomes, {sum(self.chroms.values()):,} bp)"

    def _near(self, chrom: str) -> list[str]:
        """Names to offer: the same without or with "chr", then similar ones, then the first."""
        other = chrom[3:] if chrom.startswith("chr") else f"chr{chrom}"
        near = [other] if other in self.chroms else difflib.get_close_matches(chrom, self.chroms, 3)
        return near or list(self.chroms)[:3]


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: damaged or truncated gzip ({_reason(error)}); fetch the file again")


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _indexed(path: Path) -> tuple[Path, list[Path]]:
    """The file to read and its indexes, made if they are not there; a file in odd dress is copied
    into the cache."""
    compressed, direct = _kind(path)
    ends = [".fai", ".gzi"] if compressed else [".fai"]
    if direct:
        beside, made = [Path(f"{path}{end}") for end in ends], path.stat().st_mtime
        if all(index.is_file() and index.stat().st_mtime >= made for index in beside) and _fits(path, beside):
            return path, beside
        known = all(index.is_file() for index in _places(path, ends))
        if known or not _places(path, [".fa"])[0].is_file() and not _odd(path, compressed):
            return path, _kept(path, ends, lambda source, fresh: _pyfaidx(source, fresh, path).close())
    copy = _kept(path, [".fa"], _unpack)[0]
    if not copy.stat().st_size:
        raise InputError(f"{path}: no sequence in this file; expected a genome in FASTA, plain or BGZF")
    return copy, _kept(copy, [".fai"], lambda source, fresh: _pyfaidx(source, fresh, path).close())


def _kind(path: Path) -> tuple[bool, bool]:
    """Whether a file is compressed, by its first bytes, and whether pyfaidx, which goes by the
    name, reads it so."""
    if not os.path.isfile(path):
        what = "no such file" if not os.path.exists(path) else "is a pipe or device, not a file"
        what = "is a folder" if os.path.isdir(path) else "is empty" if str(path) == os.devnull else what
        raise InputError(f"{path}: {what}; expected a genome in FASTA, plain or BGZF")
    try:
        with path.open("rb") as stream:
            head = stream.read(1024)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected a genome in FASTA") from error
    if not head:
        raise InputError(f"{path}: is empty; expected a genome in FASTA, plain or BGZF")
    compressed = head[:2] == b"\x1f\x8b"
    if not compressed and b"\0" in head:
        raise InputError(f"{path}: binary content; expected a genome in FASTA, plain or BGZF")
    if compressed:
        return True, head[12:14] == b"BC" and path.suffix.lower() in (".gz", ".bgz")
    return False, path.suffix.lower() not in (".gz", ".bgz", ".bz2", ".zip")


def _odd(path: Path, compressed: bool) -> bool:
    """Whether an index of the file would be refused or wrong; reads all of it, as indexing does, so
    damage is found."""
    last = b""
    try:
        with gzip.open(path) if compressed else path.open("rb") as stream:
            while block := stream.read(2**20):
                if _is_odd(last + block) or not last and block.startswith(_MARK):
                    return True
                last = block[-2:]
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(path, error) from error
    if compressed and not _ended(path):
        raise _damaged(path, EOFError("the block that ends a BGZF file is missing"))
    return last[-1:] in b" \t"


def _is_odd(text: bytes) -> bool:
    alone = text.count(b"\r") - text.count(b"\r\n") - text.endswith(b"\r")  # what follows the last is not yet known
    return alone > 0 or any(mark in text for mark in _ODD)


def _ended(path: Path) -> bool:
    """Whether a BGZF file ends with an empty block, as whole ones do: 28 bytes, the last 8 of them
    CRC and size 0."""
    with path.open("rb") as stream:
        stream.seek(-28, os.SEEK_END)
        return stream.read(2) == b"\x1f\x8b" and not any(stream.read()[-8:])


def _fits(path: Path, indexes: list[Path]) -> bool:
    """Whether lines of the file end where an index says so: it may be cut short, or belong to
    another assembly."""
    try:
        fasta = _pyfaidx(path, indexes, path)
        rows = list(fasta.faidx.index.values())
        last = max(rows, key=lambda row: row.offset)
        some = [row for row in (*rows[:: len(rows) // 50 + 1], last) if row.rlen]
        fits = all(_stands(fasta.faidx, row) for row in some) and not _bytes(fasta.faidx, last.bend, 9).strip()
        fasta.close()
    except (*_UNREADABLE, OSError):  # InputError is a ValueError
        fits = False
    if not fits:
        names = " and ".join(map(str, indexes))
        log.warning("%s: the index beside it, %s, does not fit and is not used; delete it", path, names)
    return fits


def _stands(faidx, row) -> bool:
    """Whether a chromosome of an index begins and ends where lines do, and so does its first
    line."""
    fold = row.lenb - row.lenc
    tail = _bytes(faidx, row.offset + row.rlen - 1 + (row.rlen - 1) // row.lenc * fold, 4)  # from the last base
    ends = tail[:1].strip() and tail[1:2] in b"\r\n" and tail[1:].lstrip()[:1] in (b"", b">")
    line = row.rlen <= row.lenc or _bytes(faidx, row.offset + row.lenc, 2)[:fold] in (b"\n", b"\r\n")
    return bool(ends and line and _bytes(faidx, row.offset - 1, 1) == b"\n")


def _bytes(faidx, at: int, size: int) -> bytes:
    """Bytes of the FASTA as it is uncompressed."""
    if blocks := getattr(faidx, "gzi_index", None):
        block = blocks[bisect.bisect_right(blocks, at, key=lambda block: block.ustart) - 1]
        at = block.cstart << 16 | at - block.ustart
    faidx.file.seek(at)
    return faidx.file.read(size)


def _places(path: Path, ends: list[str]) -> list[Path]:
    stat = path.stat()
    key = hashlib.sha256(f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest()[:16]
    return [cache_folder() / "index" / f"{path.name}.{key}{end}" for end in ends]


def _kept(path: Path, ends: list[str], make) -> list[Path]:
    """Files made from `path` by make(path, places), kept in the user's cache."""
    kept = _places(path, ends)
    folder = kept[0].parent
    if not all(file.is_file() for file in kept):
        log.info("%s %s", "unpacking" if make is _unpack else "indexing", path)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder) as scratch:  # made aside, so that nobody reads half of it
                fresh = [Path(scratch, file.name) for file in kept]
                make(path, fresh)
                for file, place in zip(fresh, kept, strict=True):
                    file.replace(place)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise _damaged(path, error) from error
        except OSError as error:
            reason = error.strerror or _reason(error)
            raise InputError(f"{folder}: the index cannot be written ({reason}); free the cache") from error
    return kept


def _unpack(path: Path, places: list[Path]) -> None:
    """The text uncompressed, without byte order mark, empty lines and blanks at line ends, which
    are line feeds."""
    with gzip.open(path) if _kind(path)[0] else path.open("rb") as packed, places[0].open("wb") as plain:
        first = packed.read(len(_MARK))
        held = b"" if first == _MARK else first
        while block := packed.read(2**20):
            text = (held + block) if plain.tell() else (held + block).lstrip()
            kept = text.rstrip()
            held = text[len(kept) :]  # whether a line ends here shows in the next block
            kept = kept.replace(b"\r\n", b"\n")
            plain.write(_LINE_END.sub(b"\n", kept) if _is_odd(kept) else kept)
        plain.write((held.strip() + b"\n") if held.strip() or plain.tell() else b"")


def _pyfaidx(path: Path, indexes: list[Path], named: Path):
    """The file opened; errors name the file that the user gave, of which `path` may be a copy."""
    import pyfaidx

    names = dict(zip(("indexname", "gzi_indexname"), map(str, indexes), strict=False))
    try:
        return pyfaidx.Fasta(str(path), as_raw=True, **names)
    except (pyfaidx.FastaIndexingError, ValueError) as error:
        reason = _reason(error).replace(str(path), str(named))
        reason = reason if path == named else re.sub(r" at line \d+", "", reason)  # of the copy
        raise InputError(f"{named}: cannot be indexed ({reason}); repair the FASTA") from error
    except (*_UNREADABLE, pyfaidx.UnsupportedCompressionFormat) as error:
        raise _damaged(named, error) from error


def cache_folder() -> Path:
    """Folder that holds downloaded files: the system's cache for users, under ``motiflib``."""
    import pooch

    return Path(pooch.os_cache("motiflib"))
