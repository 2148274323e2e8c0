"""What all verbs of the command line share: the app, its errors, its options, how it writes."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

AGAIN = {"train": "give the same command again to go on from the last whole epoch"}


class Verbs(TyperGroup):
    """Turns what can go wrong into one line on stderr and an exit code."""

    def main(self, *args, standalone_mode: bool = True, **kwargs):
        try:
            code = super().main(*args, standalone_mode=False, **kwargs)
        except Exception as error:
            if not hasattr(error, "format_message"):  # not a wrong option
                raise
            code = complain(f"{' '.join(error.format_message().split()).rstrip('.')}; see motiflib --help")
        code = code if isinstance(code, int) else 0
        return sys.exit(code) if standalone_mode else code

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:  # a verb that keeps parts says so in it
            advice = str(stop) or AGAIN.get(ctx.invoked_subcommand, "nothing was written")
            raise typer.Exit(complain(advice, "interrupted", 130)) from None
        except (ValueError, OSError, MemoryError, RuntimeError) as error:
            line = foreseeable(error)
            if line is None:
                raise
            raise typer.Exit(complain(line)) from None


def complain(line: str, kind: str = "error", code: int = 2) -> int:
    """Write one line to stderr and return the exit code."""
    print(f"{kind}: {line}", file=sys.stderr)
    return code


def foreseeable(error: Exception) -> str | None:
    """The line for an error that is not a mistake of ours, else None."""
    from motiflib.sequence import InputError

    if isinstance(error, InputError):
        return " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'a file'}: {error.strerror}; free space or choose another place"
    if isinstance(error, MemoryError) or "out of memory" in str(error) or "can't allocate memory" in str(error):
        return "out of memory; give fewer or shorter sequences, or a machine with more memory"
    return None


app = typer.Typer(cls=Verbs, add_completion=False, help="From regulatory sequences to motifs and their rules.")

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder made by `motiflib train --out`.")]
Sequences = Annotated[Path, typer.Argument(metavar="SEQS.fa", help="FASTA, plain or gzip.")]


@app.callback()
def setup() -> None:
    """From regulatory sequences to motifs and their rules: an independent implementation of ARGMINN."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr, force=True)
    logging.getLogger("motiflib").setLevel(logging.INFO)
    warnings.simplefilter("ignore")


def check_place(path: Path, *inputs: Path | str | None, run: Path | None = None) -> None:
    """InputError, before any work is done, if a file cannot be written there, or must not be.

    That is so for an input of the same command, by whatever name, and for the files of the `run` that it reads.
    """
    from motiflib.sequence import InputError

    for given in inputs:
        if given is not None and os.path.isfile(given) and path.exists() and os.path.samefile(given, path):
            raise InputError(f"{path}: is read by this command and would be overwritten; choose another --out")
    if run is not None:
        from motiflib import runs

        if path.resolve().parent == run.resolve() and path.name in (*runs.FILES, *runs.BESIDE, "checkpoint"):
            raise InputError(f"{path}: is a file of the run itself and would be overwritten; choose another --out")
    there = next(p for p in (path, *path.absolute().parents) if p.exists())
    if there == path and not path.is_dir():
        return
    if there == path or not there.is_dir():
        raise InputError(f"{path}: cannot be written, {there} is a {'folder' if there == path else 'file'}; "
                         "choose another --out")  # fmt: skip
    if not os.access(there, os.W_OK):
        raise InputError(f"{path}: cannot be written, {there} does not allow it; choose another --out")


def check_folder(folder: Path, names: Iterable[str], *inputs: Path | str | None, into_run: bool = False) -> None:
    """`check_place` for each of these files in a folder, which may be a run only if `into_run`."""
    from motiflib.sequence import InputError

    if not into_run and any((folder / name).exists() for name in ("train.json", "checkpoint")):
        raise InputError(f"{folder}: holds a run, whose files would be overwritten; choose another --out")
    for name in names:
        check_place(folder / name, *inputs)


def write_table(table, path: Path) -> None:
    """Write a table as tab-separated text, whole or not at all."""
    from motiflib.sequence import write_atomic

    write_atomic(path, table.to_csv(sep="\t", index=False, float_format="%.6g"))
