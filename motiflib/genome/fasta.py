"""A genome on disk: any stretch of any chromosome, without reading the rest. Coordinates are 0-based half-open."""

from __future__ import annotations

import difflib
import gzip
import hashlib
import logging
import os
import re
import shutil
import tempfile
import zlib
from pathlib import Path

from motiflib.datasets import cache_folder
from motiflib.sequence import InputError, reverse_complement

log = logging.getLogger(__name__)

_AMBIGUOUS = re.compile("[^ACGTN]")  # real genomes hold a few IUPAC codes such as R or M; they count as unknown


class Genome:
    """Random access to a FASTA file, plain, BGZF or gzip, through pyfaidx.

    An index that lies beside the file and is not older than it is used; otherwise one is made in the user's cache, so
    that the folder of the genome may be read-only. Plain gzip cannot be read in places: it is unpacked there, once.

    Raises:
        InputError: no such file, empty, malformed (lines of differing lengths), damaged gzip, a chromosome without
            sequence, or a cache that cannot be written.

    Example:
        >>> genome = Genome("sacCer3.fa.gz")
        >>> genome.fetch("chrI", 0, 12)
        'CCACACCACACC'
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"{path}: no such file; expected a genome in FASTA, plain or BGZF")
        self.file, self.indexes = _indexed(self.path)  # what is read, maybe unpacked, and where its indexes lie
        self._fasta = _pyfaidx(self.file, self.indexes)
        self.chroms: dict[str, int] = {name: len(self._fasta[name]) for name in self._fasta.keys()}  # name -> length
        if not self.chroms:
            raise InputError(f"{path}: no sequence in this file; expected a genome in FASTA, plain or BGZF")
        if empty := [name for name, length in self.chroms.items() if not length]:
            raise InputError(f"{path}: chromosome {empty[0]!r} has no sequence; is the file cut short? Else remove it")

    def fetch(self, chrom: str, start: int, end: int, strand: str = "+") -> str:
        """Letters [start, end) of a chromosome, upper case, ACGTN only; strand "-" reads the other strand.

        Raises:
            InputError: an unknown chromosome (with the nearest names), or a stretch that is empty or leaves it.

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
        sequence = _AMBIGUOUS.sub("N", self._read(chrom, int(start), int(end)).upper())
        return reverse_complement(sequence) if strand == "-" else sequence

    def _read(self, chrom: str, start: int, end: int) -> str:
        try:
            return self._fasta[chrom][start:end]
        except ValueError:  # pyfaidx 0.9 cannot begin at the first byte of a BGZF block, only before it
            return self._fasta[chrom][max(start - 100, 0) : end][start - max(start - 100, 0) :]

    def plain(self) -> tuple[Path, Path]:
        """The FASTA uncompressed, and its index; a compressed one is unpacked into the user's cache, once."""
        if len(self.indexes) == 1:
            return self.file, self.indexes[0]
        path = _kept(self.file, [".fa"], _unpack)[0]
        return path, _indexed(path)[1][0]

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


def _indexed(path: Path) -> tuple[Path, list[Path]]:
    """The file to read and its indexes, made if they are not there."""
    with path.open("rb") as stream:
        head = stream.read(16)
    compressed, bgzf = head[:2] == b"\x1f\x8b", head[12:14] == b"BC"
    if compressed and not (bgzf and path.suffix.lower() in (".gz", ".bgz")):
        path, compressed = _kept(path, [".fa"], _unpack)[0], False
    ends = [".fai", ".gzi"] if compressed else [".fai"]
    beside, made = [Path(f"{path}{end}") for end in ends], path.stat().st_mtime
    if all(index.is_file() and index.stat().st_mtime >= made for index in beside):
        return path, beside
    return path, _kept(path, ends, lambda source, fresh: _pyfaidx(source, fresh).close())


def _kept(path: Path, ends: list[str], make) -> list[Path]:
    """Files made from `path` by make(path, places), kept in the user's cache."""
    stat = path.stat()
    key = hashlib.sha256(f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest()[:16]
    folder = cache_folder() / "index"
    kept = [folder / f"{path.name}.{key}{end}" for end in ends]
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
            raise InputError(f"{path}: damaged or truncated gzip ({error}); fetch the file again") from error
        except OSError as error:
            raise InputError(f"{folder}: the index cannot be written ({error.strerror}); free the cache") from error
    return kept


def _unpack(path: Path, places: list[Path]) -> None:
    with gzip.open(path) as packed, places[0].open("wb") as plain:
        shutil.copyfileobj(packed, plain, 2**20)


def _pyfaidx(path: Path, indexes: list[Path]):
    import pyfaidx

    names = dict(zip(("indexname", "gzi_indexname"), map(str, indexes), strict=False))
    try:
        return pyfaidx.Fasta(str(path), as_raw=True, **names)
    except (pyfaidx.FastaIndexingError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be indexed ({reason}); repair the FASTA") from error
