"""`motiflib design`: new sequences from a run's motifs and rules, each with its reasons."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from motiflib.verbs.base import RunFolder, app, check_folder


@app.command()
def design(
    run: RunFolder,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the files.")],
    n: Annotated[int, typer.Option(help="Designs.")] = 100,
    length: Annotated[int, typer.Option(help="Length of a design in bp.")] = 200,
    gc: Annotated[float, typer.Option(help="GC fraction of a design.")] = 0.5,
    forbid: Annotated[list[str] | None, typer.Option(help="Word that may stand on neither strand; repeatable.")] = None,
    left: Annotated[str, typer.Option(help="Fixed left flank, part of the length.")] = "",
    right: Annotated[str, typer.Option(help="Fixed right flank, part of the length.")] = "",
    count: Annotated[list[str] | None, typer.Option(help="Number of a motif, as M1=2; repeatable.")] = None,
    apart: Annotated[int, typer.Option(help="Bases in which two designs differ at least.")] = 0,
    ablate: Annotated[bool, typer.Option(help="Write each design's broken twins too.")] = True,
    seed: Annotated[int, typer.Option(help="Same seed, same designs.")] = 0,
) -> None:
    """Design sequences from a run's own motifs and rules: designs.fa, designs.tsv (a reason for every site) and
    report.html. The rules are asked of the network: every motif alone, in pairs at each distance, and so on."""
    from motiflib import runs
    from motiflib.design import Constraints, write_designs

    check_folder(out, ("designs.fa", "designs.tsv", "report.html"))
    wanted = Constraints(length, gc, tuple(forbid or ()), left, right, counts_of(count or []), apart)
    write_designs(runs.load_run(run), out, n, wanted, ablate=ablate, seed=seed)


def counts_of(options: list[str]) -> dict[str, int]:
    """{"M1": 2} of ["M1=2"]."""
    from motiflib.sequence import InputError

    out = {}
    for option in options:
        name, _, number = option.partition("=")
        if not name or not re.fullmatch("[0-9]{1,9}", number):
            raise InputError(f"count {option!r}: expected a motif and its number, such as M1=2")
        out[name] = int(number)
    return out
