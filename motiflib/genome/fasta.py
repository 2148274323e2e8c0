"""A genome on disk, or in memory on any device; coordinates are 0-based half-open."""

import difflib
import gzip
import hashlib
import logging
import os
import shutil
import tempfile
import zlib
from codecs import BOM_UTF8
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from jaxtyping import Float, Int
from torch import Tensor

from motiflib.files import InputError, need, read_lines
from motiflib.sequence import UNKNOWN, from_codes, to_codes

log = logging.getLogger(__name__)
IUPAC = b"RYSWKMBDHV"  # real genomes hold a few of these codes; they count as unknown
SAMPLES, BLOCK = 64, 1 << 16  # bytes of a file that tell whether it is still the same


class Genome(AbstractContextManager):
    """Any stretch of a FASTA file, plain, BGZF or gzip; `chroms` holds the chromosomes' lengths.
    Index and unpacked gzip are kept in the user's cache, and made again where they do not fit; the
    file's folder may be read-only, and an index that lies there is not trusted. InputError for what
    cannot be read as a genome.

    >>> size = Path("g.fa").write_text(">chrI\\nCCACACnnAC\\n>chrII\\nGATTACA\\n")
    >>> Genome("g.fa").fetch("chrI", 4, 8)
    'ACNN'
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = self.file = Path(path)  # the user's file, and the one that is read
        expected = "expected a genome in FASTA, plain or BGZF"
        file = os.path.isfile(path) or not os.path.exists(path) or str(path) == os.devnull
        what = "a folder" if self.path.is_dir() else "a pipe or device, not a file"
        need(file, f"{path}: is {what}; {expected}")
        text = next(read_lines(path), "")  # it refuses what is not there or not text
        need(text, f"{path}: is empty; {expected}")
        with self.path.open("rb") as stream:
            head = stream.read(14)
        packed, named = head[:2] == b"\x1f\x8b", self.path.suffix.lower() in (".gz", ".bgz")
        blocks = packed and head[12:14] == b"BC" and named  # BGZF; pyfaidx goes by the name
        try:
            if packed and not blocks:
                self.file = _kept(self.path, [".fa"], _unpack)[0]
            self.indexes = _kept(self.file, [".fai", ".gzi"] if blocks else [".fai"], _index)
            self._fasta = _opened(self.file, self.indexes)
        except Exception as error:  # pyfaidx, Biopython and gzip raise of many classes
            raise self._refused(error) from error
        self.chroms = {record.name: len(record) for record in self._fasta}
        for name, length in self.chroms.items():
            need(length, f"{path}: chromosome {name!r} has no sequence; is the file cut short? "
                         "Else remove it")

    def _refused(self, error: Exception) -> InputError:
        """An error of opening in one line that names the user's file, not the copy."""
        reason = " ".join(str(error).split()).replace(str(self.file), str(self.path))
        if isinstance(error, (EOFError, zlib.error, gzip.BadGzipFile)) or "EOF marker" in reason:
            return InputError(f"{self.path}: damaged or truncated gzip ({reason}); fetch the file "
                              "again")
        if isinstance(error, OSError) and error.strerror:
            why = f"the index cannot be written ({error.strerror}); free the cache"
            return InputError(f"{cache_folder() / 'index'}: {why}")
        if isinstance(error, MemoryError):
            return InputError(f"{self.path}: a line is too long for this machine's memory; break "
                              "its sequences into lines (seqkit seq -w 60)")
        reason = f"{reason[:150]} ... {reason[-40:]}" if len(reason) > 200 else reason
        return InputError(f"{self.path}: cannot be indexed ({reason}); repair the FASTA")

    def fetch(self, chrom: str, start: int, end: int) -> str:
        """Letters [start, end), upper case, ACGTN; InputError for no such place, other letters."""
        if chrom not in self.chroms:
            near = difflib.get_close_matches(chrom, self.chroms, 3, 0.4) or list(self.chroms)[:3]
            raise InputError(f"{self.path}: no chromosome {chrom!r}; did you mean "
                             f"{', '.join(near)}?")
        place, length = f"{self.path}: {chrom}:{start}-{end}", self.chroms[chrom]
        need(0 <= start < end <= length,
             f"{place} is empty or leaves the chromosome (0-{length}); correct it")
        record, start, end, before = self._fasta[chrom], int(start), int(end), max(start - 100, 0)
        try:
            try:
                text = record[start:end]
            except ValueError:  # pyfaidx 0.9 cannot begin at the first byte of a BGZF block
                text = record[before:end][start - before :]
        except Exception as error:  # the file was damaged after it was indexed
            raise self._refused(error) from error
        need(len(text) == end - start, f"{place} has {len(text)} letters there: the index "
                                       f"{self.indexes[0]} does not fit the file; delete it")
        codes = text.encode("latin-1", "replace")
        if odd := codes.translate(None, b"ACGTN" + IUPAC):  # here: all of the file would take long
            at = codes.index(odd[:1])
            advice = "replace U by T" if text[at] == "U" else "write N for an unknown base"
            advice = "is this a protein file?" if text[at] in "EFIJLOPQXZ*" else advice
            raise InputError(f"{self.path}: record {chrom!r}, position {start + at + 1}: letter "
                             f"{text[at]!r} is not one of A, C, G, T, N or an IUPAC code; {advice}")
        return codes.translate(bytes.maketrans(IUPAC, b"N" * len(IUPAC))).decode()

    def plain(self) -> tuple[Path, Path]:
        """The FASTA uncompressed, and its index; BGZF is unpacked into the user's cache, once."""
        if len(self.indexes) == 1:
            return self.file, self.indexes[0]
        return Genome(_kept(self.file, [".fa"], _unpack)[0]).plain()

    def __exit__(self, *_: object) -> None:
        self._fasta.close()


class ResidentGenome:
    """All chromosomes (or those named; else InputError) as codes in one tensor, one after another.

    >>> size = Path("g.fa").write_text(">chrI\\nCCACACnnAC\\n")
    >>> ResidentGenome(Genome("g.fa")).cut(["chrI"], [5], 4).argmax(1).tolist()
    [[1, 0, 0, 0]]
    """

    def __init__(self, genome: Genome, chroms: Sequence[str] | None = None):
        names = list(genome.chroms if chroms is None else chroms)
        parts = [to_codes(genome.fetch(name, 0, genome.chroms.get(name, 1))) for name in names]
        self.chroms = dict(zip(names, map(len, parts), strict=True))
        ends = np.cumsum(list(self.chroms.values())).tolist()
        self.first = dict(zip(names, [0, *ends[:-1]], strict=True))  # where each begins in codes
        self.codes = torch.from_numpy(np.concatenate(parts))

    def place(self, device: torch.device | str) -> None:
        self.codes = self.codes.to(device)

    def cut(self, chrom: Sequence[str], start: Sequence[int] | Int[Tensor, " B"],
            length: int) -> Float[Tensor, "B 4 L"]:
        """One-hot windows [start, start + length), there; N stands beyond a chromosome."""
        device, known = self.codes.device, [(self.first[name], self.chroms[name]) for name in chrom]
        first, size = torch.tensor(known, device=device).T[:, :, None]  # (B, 1) each
        place = torch.as_tensor(start, device=device)[:, None] + torch.arange(length, device=device)
        beyond = (place < 0) | (place >= size)
        codes = self.codes[(first + place).clamp(0, len(self.codes) - 1)]  # (B, L)
        return from_codes(codes.masked_fill(beyond, UNKNOWN))


def _kept(path: Path, ends: list[str], make) -> list[Path]:
    """What make(path, places) writes, kept in the user's cache under a seal: made again where it,
    or the file that it was made from, is not what it was."""
    folder, key = cache_folder() / "index", hashlib.sha256(os.fsencode(path.resolve())).hexdigest()
    kept = [folder / f"{path.name}.{key[:16]}{end}" for end in ends]
    seal = kept[0].with_name(f"{kept[0].name}.seal")
    if _seals(seal, [path, *kept]):
        return kept
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{seal}.lock"):  # two at a time could seal what the other has made
        if not _seals(seal, [path, *kept]):
            log.info("%s %s", "unpacking" if make is _unpack else "indexing", path)
            before = _state(path)
            with tempfile.TemporaryDirectory(dir=folder) as scratch:  # nobody reads half of it
                make(path, [Path(scratch, place.name) for place in kept])
                for place in kept:
                    Path(scratch, place.name).replace(place)
                Path(scratch, "seal").write_text("\n".join([before, *map(_state, kept)]))
                Path(scratch, "seal").replace(seal)
    return kept


def _seals(seal: Path, files: list[Path]) -> bool:
    there = all(file.is_file() for file in [seal, *files])
    return there and seal.read_bytes() == "\n".join(map(_state, files)).encode()


def _state(path: Path) -> str:
    """Size, times and a checksum: of all of a small file; of a genome, which would take seconds, of
    SAMPLES blocks, since whatever writes there also changes its ctime, which no program sets."""
    stat, told = path.stat(), hashlib.sha256()
    with path.open("rb") as file:
        for i in range(SAMPLES):
            file.seek(max(i * BLOCK, i * (stat.st_size - BLOCK) // (SAMPLES - 1)))
            told.update(file.read(BLOCK))
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {told.hexdigest()}"


def _unpack(path: Path, places: list[Path]) -> None:
    with gzip.open(path) as packed, places[0].open("wb") as plain:
        shutil.copyfileobj(packed, plain)


def _index(path: Path, places: list[Path]) -> None:
    """Refuses what pyfaidx would count as bases, and damaged gzip."""
    with gzip.open(path) if len(places) == 2 else path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            text = line.rstrip(b"\r\n")
            if number == 1 and text.startswith(BOM_UTF8):
                raise ValueError("a byte order mark before the first >: save it without one")
            if text[:1] == b">" and not _printable(text):
                raise ValueError(f"line {number}: name {text[1:60]!r} holds bytes that are not "
                                 "printable UTF-8")
            if b"\r" in text or text[:1] != b">" and text != text.rstrip():
                raise ValueError(f"line {number} ends in a blank, or as on an old Mac")
    _opened(path, places).close()
    os.utime(places[0], ns=(path.stat().st_mtime_ns,) * 2)  # pyfaidx warns of an older index


def _printable(header: bytes) -> bool:
    """Whether a name, the first word of a header, can be shown and written."""
    return "".join(header.decode(errors="surrogateescape").split()[:1]).isprintable()


def _opened(path: Path, indexes: list[Path]):
    import pyfaidx

    return pyfaidx.Fasta(str(path), str(indexes[0]), gzi_indexname=str(indexes[-1]),
                         rebuild=False, as_raw=True, sequence_always_upper=True)


def cache_folder() -> Path:
    """Folder that holds downloaded files: the system's cache for users, under ``motiflib``."""
    import pooch

    return Path(pooch.os_cache("motiflib"))
