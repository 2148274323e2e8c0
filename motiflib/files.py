"""Files in and out, whole or not at all; errors that say what is wrong, where, and what to do."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import logging
import os
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from Bio.bgzf import BgzfWriter

if TYPE_CHECKING:  # pandas is slow to import, and `motiflib --help` does not need it
    import pandas as pd

log = logging.getLogger(__name__)
ADVICE = "copy the folder again, or train again"
SEED = 2**32 - 2  # numpy takes seeds below 2^32, and some steps take the next one too
LENGTH, SEQUENCES = 10_000_000, 1_000_000_000  # bp of a sequence or a window; how many
FILTERS, WIDTH, LAYERS, EPOCHS = 10_000, 1_000, 100, 1_000_000
STREAMS = ("-", "/dev/stdin", "/dev/stdout")  # the shell's, not files of that name
LINE, LONG = 20_000_000, 300  # letters of a line of a file at most; of an error
RATIO = 1_000  # negatives for each peak: more take memory and hours, and no network learns from it


class InputError(ValueError):
    """An input that cannot be used: one printable line, below LONG characters whatever the input
    holds, that says what, where, and what to do about it."""

    def __init__(self, message: object):
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(message))
        super().__init__(text if len(text) < LONG else f"{text[:190]} ... {text[-95:]}")


def need(fits: object, message: str) -> None:
    """InputError with this message, unless it fits."""
    if not fits:
        raise InputError(message)


def within(name: str, value: int, least: int, most: int) -> None:
    """InputError unless least <= value <= most."""
    need(value >= least, f"{name} = {value}: must be at least {least}")
    need(value <= most, f"{name} = {value}: must be at most {most}")


def write_atomic(path: str | os.PathLike, data: str | bytes | Iterable[bytes]) -> None:
    """Write a file beside its place and rename it, so that no reader ever sees half of it.

    Missing folders are made; `data` may come in pieces. A name in .gz gets BGZF, which is gzip that
    tabix and samtools can index; STREAMS mean standard output. InputError if it cannot be written.

    >>> write_atomic("run/scores.tsv", "name\\tprobability\\n")
    >>> Path("run/scores.tsv").read_text()
    'name\\tprobability\\n'
    """
    data = data.encode(errors="surrogateescape") if isinstance(data, str) else data
    pieces = [data] if isinstance(data, bytes) else data
    target = Path(os.path.realpath(path))
    beside = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    try:
        if str(path) in STREAMS:  # opened anew, a log behind it would be cut to nothing
            sys.stdout.buffer.writelines(pieces)
            return sys.stdout.buffer.flush()
        if target.exists() and not target.is_file() and not target.is_dir():
            with target.open("wb") as file:  # a pipe: nothing to rename
                return file.writelines(pieces)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with BgzfWriter(beside) if target.suffix == ".gz" else beside.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        why = f"{path}: cannot be written ({error.strerror}); choose a writable place"
        raise InputError(why) from error


def read_lines(path: str | os.PathLike) -> Iterator[str]:
    """Stream the lines of a text file, plain or gzip (told by its first bytes), or of standard
    input (STREAMS); bytes that are not UTF-8 stay as they are (surrogateescape).

    InputError: no such file, a folder, binary content, damaged gzip.

    >>> write_atomic("two.txt", "one\\ntwo\\n")
    >>> list(read_lines("two.txt"))
    ['one\\n', 'two\\n']
    """
    try:
        given = str(path) in STREAMS
        with open(sys.stdin.fileno() if given else path, "rb", closefd=not given) as raw:
            packed = raw.peek(2)[:2] == b"\x1f\x8b"
            buffered = io.BufferedReader(gzip.open(raw) if packed else raw)
            if b"\0" in buffered.peek(1024)[:1024]:
                raise InputError(f"{path}: binary content; expected a text file, plain or gzip")
            text = io.TextIOWrapper(buffered, encoding="utf-8-sig", errors="surrogateescape")
            for line in iter(partial(text.readline, LINE + 1), ""):
                need(len(line) <= LINE, f"{path}: a line of over {LINE:,} letters; is this text?")
                yield line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        why = f"{path}: damaged or truncated gzip ({error}); fetch or make the file again"
        raise InputError(why) from error
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the path") from error
    except OSError as error:
        why = f"{path}: cannot be read ({error.strerror or error}); expected a text file"
        raise InputError(why) from error


def write_table(table: pd.DataFrame, path: str | os.PathLike) -> None:
    """Write a table as tab-separated text, numbers to six digits, whole or not at all."""
    text = table.to_csv(sep="\t", index=False, float_format="%.6g", quoting=csv.QUOTE_NONE)
    write_atomic(path, text)


def sha256(path: Path) -> str:
    """Checksum of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def place_for_compiled(package: str) -> None:
    """Before a package is imported that numba compiles: without a folder for that, numba does not
    start, so give it one of the user's own where those that it knows cannot be written.

    >>> place_for_compiled("tangermeme")
    """
    beside = os.path.join(os.path.dirname(find_spec(package).origin), "__pycache__")
    cache = os.path.expanduser(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    known = [os.environ.get("NUMBA_CACHE_DIR", ""), beside, cache]
    if any(os.access(place if os.path.exists(place) else os.path.dirname(place), os.W_OK)
           for place in known if place):
        return
    place = os.path.join(tempfile.gettempdir(), f"motiflib-{os.getuid()}")
    os.makedirs(place, mode=0o700, exist_ok=True)
    seen = os.lstat(place)  # somebody else may have made it, with code of theirs in it
    if seen.st_uid != os.getuid() or seen.st_mode & 0o77:
        place = tempfile.mkdtemp(prefix="motiflib-")
    os.environ["NUMBA_CACHE_DIR"] = place
    log.info("compiled code is kept in %s, as %s and %s cannot be written", place, beside, cache)
