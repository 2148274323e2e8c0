"""Reading the files of a run: each is checked to be whole and to fit the others, or refused with its name and advice.

Only network and shape are sealed by a checksum. Tables and motifs can be cut short by a full disk or a broken copy, and
one that still parses would silently call fewer motifs.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pandas.api.types import is_integer_dtype, is_numeric_dtype

from motiflib.discovery import COLUMNS, Discovery
from motiflib.motif import Motif, read_meme
from motiflib.sequence import InputError

NEEDED = ("config.json", "model.safetensors", "history.tsv", "motifs.meme", "motifs.tsv", "fdr.tsv", "train.json")
MEMBERS = r"\d+:-?\d+:[+-](?: \d+:-?\d+:[+-])*"  # filter, where the motif starts in its window, strand
ADVICE = "copy the folder again, or train again"


def check_run(folder: Path) -> None:
    """InputError if a folder is not a finished run.

    >>> check_run(Path("run"))
    """
    if not folder.is_dir():
        what = "a file" if folder.exists() else "not there"
        raise InputError(f"{folder}: {what}; expected a run, the folder that `motiflib train --out` made")
    gone = [file for file in NEEDED if not (folder / file).is_file()]
    if gone and (folder / "checkpoint").is_dir():
        raise InputError(f"{folder}: its training is unfinished; give the same `motiflib train` command again")
    if gone:
        raise InputError(f"{folder}: {gone[0]} is missing; expected a run, the folder that `motiflib train --out` made")


def read_json(path: Path) -> dict:
    """A JSON object of a run.

    >>> read_json(Path("run/config.json"))["filters"]
    12
    """
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"{path}: damaged, not JSON; train again") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: not of a run; train again")
    return content


def read_settings(path: Path) -> dict:
    """train.json, with the parts that other verbs look into being what they expect there.

    >>> read_settings(Path("run/train.json"))["seed"]
    0
    """
    settings = read_json(path)
    for name in ("data", "metrics", "files"):
        if not isinstance(settings.get(name, {}), dict):
            raise _wrong(path, name)
    data, files = settings.get("data", {}), settings.get("files", {})
    if not all(type(value) in (int, float) for value in settings.get("metrics", {}).values()):
        raise _wrong(path, "metrics")
    if not all(isinstance(value, str) and file in NEEDED for file, value in files.items()):
        raise _wrong(path, "files")
    positives = data.get("positives", {})
    lengths = [data.get("length"), positives.get("median_length") if isinstance(positives, dict) else "none"]
    if not all(length is None or type(length) is int and length >= 0 for length in lengths):
        raise _wrong(path, "data")
    return settings


def _wrong(path: Path, name: str) -> InputError:
    return InputError(f"{path}: {name!r} does not hold what it should; {ADVICE}")


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


def read_found(folder: Path, filters: int) -> Discovery:
    """The motifs of a run with `filters` filters: motifs.tsv and motifs.meme, one row and one matrix for each.

    >>> read_found(Path("run"), 12).motifs[0].name
    'M1'
    """
    path = folder / "motifs.tsv"
    table = read_table(path, COLUMNS, ["filter", "offset", "length", "contribution"])
    if not len(table):
        if "letter-probability" in (folder / "motifs.meme").read_text():
            raise InputError(f"{folder / 'motifs.meme'}: holds motifs, motifs.tsv beside it has none; {ADVICE}")
        return Discovery([], table)  # there is no such thing as a MEME file without a motif
    if not is_integer_dtype(table.length) or not table.members.astype(str).str.fullmatch(MEMBERS).all():
        raise InputError(f"{path}: a row is cut short or holds what no motif has; {ADVICE}")
    read = [int(member.split(":")[0]) for members in table.members for member in members.split()]
    if max(read) >= filters:
        raise InputError(f"{path}: reads filter {max(read)}, the network has {filters}; is it of another run? {ADVICE}")
    motifs = read_meme(folder / "motifs.meme")
    _same_motifs(folder, motifs, table)
    return Discovery(motifs, table)


def _same_motifs(folder: Path, motifs: list[Motif], table: pd.DataFrame) -> None:
    """InputError unless both files tell of the same motifs, in the same order, each as long in one as in the other."""
    ours, theirs = [(m.name, m.width) for m in motifs], list(zip(table.motif, table.length, strict=True))
    if len(ours) != len(theirs):
        raise InputError(f"{folder / 'motifs.meme'}: {len(ours)} motifs, motifs.tsv beside it has {len(theirs)}; "
                         f"one of them is cut short: {ADVICE}")  # fmt: skip
    for one, other in zip(ours, theirs, strict=True):
        if one != other:
            raise InputError(f"{folder / 'motifs.meme'}: has {one[0]} of {one[1]} bp where motifs.tsv has {other[0]} "
                             f"of {other[1]} bp; {ADVICE}")  # fmt: skip


def sha256(path: Path) -> str:
    """Checksum of a file's content.

    >>> sha256(Path("run/config.json"))[:4]
    '1f0c'
    """
    return hashlib.sha256(path.read_bytes()).hexdigest()
