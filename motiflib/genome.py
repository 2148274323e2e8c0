"""A genome on disk: any stretch of any chromosome, without reading the rest. Coordinates are 0-based half-open."""

from __future__ import annotations

import difflib
import hashlib
import logging
import os
import re
import tempfile
from pathlib import Path

from motiflib.datasets import cache_folder
from motiflib.sequence import InputError, reverse_complement

log = logging.getLogger(__name__)

_AMBIGUOUS = re.compile("[^ACGTN]")  # real genomes hold a few IUPAC codes such as R or M; they count as unknown


class Genome:
    """Random access to a FASTA file, plain or BGZF, through pyfaidx.

    An index that lies beside the file and is not older than it is used; otherwise one is made in the user's cache, so
    that the folder of the genome may be read-only.

    Raises:
        InputError: no such file, empty, malformed (lines of differing lengths), or compressed with plain gzip.

    Example:
        >>> genome = Genome("sacCer3.fa.gz")
        >>> genome.fetch("chrI", 0, 12)
        'CCACACCACACC'
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"{path}: no such file; expected a genome in FASTA, plain or BGZF")
        self._fasta = _open_indexed(self.path)
        self.chroms: dict[str, int] = {name: len(self._fasta[name]) for name in self._fasta.keys()}  # name -> length
        if not self.chroms:
            raise InputError(f"{path}: no sequence in this file; expected a genome in FASTA, plain or BGZF")

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
        sequence = _AMBIGUOUS.sub("N", self._fasta[chrom][int(start) : int(end)].upper())
        return reverse_complement(sequence) if strand == "-" else sequence

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


def _open_indexed(path: Path):  # -> pyfaidx.Fasta, imported late: it reads package metadata at import
    compressed = path.suffix.lower() in (".gz", ".bgz")
    beside = [Path(f"{path}{end}") for end in ([".fai", ".gzi"] if compressed else [".fai"])]
    made = path.stat().st_mtime
    if all(index.is_file() and index.stat().st_mtime >= made for index in beside):
        return _pyfaidx(path, beside)
    stat = path.stat()
    key = hashlib.sha256(f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest()[:16]
    folder = cache_folder() / "index"
    kept = [folder / f"{path.name}.{key}{index.suffix}" for index in beside]
    if not all(index.is_file() for index in kept):
        log.info("indexing %s", path)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder) as scratch:  # made aside, so that nobody reads half an index
                fresh = [Path(scratch, index.name) for index in kept]
                _pyfaidx(path, fresh).close()
                for index, place in zip(fresh, kept, strict=True):
                    index.replace(place)
        except OSError as error:
            raise InputError(f"{folder}: the index cannot be written ({error.strerror}); free the cache") from error
    return _pyfaidx(path, kept)


def _pyfaidx(path: Path, indexes: list[Path]):
    import pyfaidx

    names = dict(zip(("indexname", "gzi_indexname"), map(str, indexes), strict=False))
    try:
        return pyfaidx.Fasta(str(path), as_raw=True, **names)
    except pyfaidx.UnsupportedCompressionFormat as error:
        raise InputError(f"{path}: plain gzip cannot be read in places; run gunzip and then bgzip on it") from error
    except (pyfaidx.FastaIndexingError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be indexed ({reason}); repair the FASTA") from error
