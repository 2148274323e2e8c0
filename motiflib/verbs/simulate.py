"""`motiflib simulate`: sequences of a grammar, with the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from motiflib.verbs.base import app, check_folder


@app.command()
def simulate(
    grammar: Annotated[str, typer.Argument(metavar="GRAMMAR", help="Name of a grammar, or a YAML file.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the files.")],
    n: Annotated[int, typer.Option(help="Sequences, half of them positives.")] = 2000,
    seed: Annotated[int, typer.Option(help="Same seed, same sequences.")] = 1,
    length: Annotated[int, typer.Option(help="Length of a sequence in bp.")] = 500,
) -> None:
    """Simulate a grammar: positives.fa, negatives.fa, truth.bed and oracle.tsv."""
    from motiflib.grammar import load_grammar, write_simulation

    check_folder(out, ("positives.fa", "negatives.fa", "truth.bed", "oracle.tsv"), grammar, into_run=True)
    write_simulation(load_grammar(grammar), n, seed, length, out)
