"""`motiflib compile`: a grammar to a run, without training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from motiflib.verbs.base import app, check_folder


@app.command(name="compile")
def compile_(
    grammar: Annotated[str, typer.Argument(metavar="GRAMMAR", help="Name of a grammar, or a YAML file.")],
    out: Annotated[Path, typer.Option(metavar="RUN", help="Folder for the run; made if it is not there.")],
    form: Annotated[str, typer.Option(help="consensus: exact, on words. pwm: evidence, by matrices.")] = "consensus",
    candidates: Annotated[int, typer.Option(help="Windows of a sequence that can be looked at.")] = 48,
) -> None:
    """Write a grammar as the weights of a network: a run that score, motifs, call and rules accept."""
    from motiflib.compiler.build import compile_run
    from motiflib.grammar import load_grammar
    from motiflib.runs import FILES

    check_folder(out, FILES, grammar, into_run=True)
    compile_run(load_grammar(grammar), out, form=form, candidates=candidates)
