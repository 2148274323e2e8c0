"""Files in and out, whole or not at all; errors that say what, where and what to do."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import pandas as pd
from pandas.api.types import is_numeric_dtype

ADVICE = "copy the folder again, or train again"
SEED = 2**32 - 2  # numpy takes seeds below 2^32, and some steps take the next one too
LENGTH = 10_000_000  # bp of a sequence or a window
SEQUENCES = 1_000_000_000
FILTERS, WIDTH, LAYERS, EPOCHS = 10_000, 1_000, 100, 1_000_000
RATIO = 1_000  # negatives for each peak: more take memory and hours, and no network learns from them


def within(name: str, value: int, least: int, most: int) -> None:
    """InputError unless least <= value <= most.

    >>> within("seed", 7, 0, SEED)
    """
    if value < least:
        raise InputError(f"{name} = {value}: must be at least {least}")
    if value > most:
        raise InputError(f"{name} = {value}: must be at most {most}")


class InputError(ValueError):
    """An input that cannot be used: one line that says what is wrong, where, and what to do about
    it."""


def write_atomic(path: str | os.PathLike, data: str | bytes | Iterable[bytes]) -> None:
    """Write a file beside its place and rename it, so that no reader ever sees half of it; missing
    folders are made.

    `data` may be an iterable of pieces, for what does not fit into memory.

    Raises:
        InputError: the place cannot be written.

    Example:
        >>> write_atomic("run/scores.tsv", "name\\tprobability\\n")
        >>> Path("run/scores.tsv").read_text()
        'name\\tprobability\\n'
    """
    data = data.encode() if isinstance(data, str) else data
    pieces = [data] if isinstance(data, bytes) else data
    target = Path(os.path.realpath(path))
    beside = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    try:
        if target.exists() and not target.is_file() and not target.is_dir():
            with target.open("wb") as file:  # a pipe or /dev/stdout: nothing to rename
                file.writelines(pieces)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with beside.open("wb") as file:
                file.writelines(pieces)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose a writable place") from error


def read_lines(path: str | os.PathLike) -> Iterator[str]:
    """Stream the lines of a text file, plain or gzip.

    Raises:
        InputError: no such file, a folder, binary content, damaged gzip.
    """
    try:
        with open(path, "rb") as raw:
            stream: BinaryIO = gzip.open(raw) if raw.peek(2)[:2] == b"\x1f\x8b" else raw  # type: ignore[assignment]
            buffered = io.BufferedReader(stream)  # type: ignore[arg-type]
            if b"\0" in buffered.peek(1024)[:1024]:
                raise InputError(f"{path}: binary content; expected a text file, plain or gzip")
            yield from io.TextIOWrapper(buffered, encoding="utf-8-sig", errors="replace")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: damaged or truncated gzip ({error}); fetch or make the file again") from error
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); expected a text file") from error


def sha256(path: Path) -> str:
    """Checksum of a file's content.

    >>> sha256(Path("run/config.json"))[:4]
    '1f0c'
    """
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_table(path: Path, columns: Sequence[str], numbers: Sequence[str] = ()) -> pd.DataFrame:
    """A whole table with at least these columns, `numbers` being numeric.

    >>> list(read_table(Path("run/fdr.tsv"), ["score", "fdr"], ["score", "fdr"]))[0]
    'score'
    """
    try:
        text = path.read_text()
        table = pd.read_csv(io.StringIO(text), sep="\t", keep_default_na=False)
    except ValueError as error:
        raise InputError(f"{path}: damaged, not a table; {ADVICE}") from error
    gone = [name for name in columns if name not in table]
    if gone:
        raise InputError(f"{path}: column {gone[0]!r} is missing; {ADVICE}")
    odd = [name for name in numbers if len(table) and not is_numeric_dtype(table[name])]
    if odd:
        raise InputError(f"{path}: column {odd[0]!r} does not hold numbers; {ADVICE}")
    if not text.endswith("\n"):
        raise InputError(f"{path}: its last line is cut short; {ADVICE}")
    return table
