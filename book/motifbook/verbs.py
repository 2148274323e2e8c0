"""The verbs `motiflib simulate` and `motiflib compile`; motiflib's command line finds them by their
entry point."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def add(app: typer.Typer) -> None:
    """Add both verbs to the command line."""
    app.command()(simulate)
    app.command(name="compile")(compile_)


def simulate(
    grammar: Annotated[str, typer.Argument(metavar="GRAMMAR", help="Name of a grammar, or a YAML file.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the files.")],
    n: Annotated[int, typer.Option(help="Sequences, half of them positives.")] = 2000,
    seed: Annotated[int, typer.Option(help="Same seed, same sequences.")] = 1,
    length: Annotated[int, typer.Option(help="Length of a sequence in bp.")] = 500,
) -> None:
    """Simulate a grammar: positives.fa, negatives.fa, truth.bed and oracle.tsv."""
    from motifbook.grammar import load_grammar, write_simulation
    from motiflib.cli import check_folder

    check_folder(out, ("positives.fa", "negatives.fa", "truth.bed", "oracle.tsv"), grammar, into_run=True)
    write_simulation(load_grammar(grammar), n, seed, length, out)


def compile_(
    grammar: Annotated[str, typer.Argument(metavar="GRAMMAR", help="Name of a grammar, or a YAML file.")],
    out: Annotated[Path, typer.Option(metavar="RUN", help="Folder for the run; made if it is not there.")],
    form: Annotated[str, typer.Option(help="consensus: exact, on words. pwm: evidence, by matrices.")] = "consensus",
    candidates: Annotated[int, typer.Option(help="Windows of a sequence that can be looked at.")] = 48,
) -> None:
    """Write a grammar as the weights of a network: a run that score, motifs, call and rules
    accept."""
    from motifbook.compiler.build import compile_run
    from motifbook.grammar import load_grammar
    from motiflib.cli import check_folder
    from motiflib.run.folder import FILES

    check_folder(out, FILES, grammar, into_run=True)
    compile_run(load_grammar(grammar), out, form=form, candidates=candidates)
