"""The commands `motiflib simulate`, `compile` and `correct`, found by their entry point."""

from pathlib import Path
from typing import Annotated

import typer

GRAMMAR = Annotated[str, typer.Argument(metavar="GRAMMAR", help="Its name, or a YAML file.")]


def option(kind: object, text: str, metavar: str | None = None) -> object:
    """The annotation of an option."""
    return Annotated[kind, typer.Option(help=text, metavar=metavar)]


def add(app: typer.Typer) -> None:
    """Add them to the command line."""
    for name, command in {"simulate": simulate, "compile": compile_, "correct": correct}.items():
        app.command(name)(command)


def simulate(
    grammar: GRAMMAR, out: option(Path, "Folder for the files.", "DIR"),
    n: option(int, "Sequences, half of them positives.") = 2000,
    seed: option(int, "Same seed, same sequences.") = 1,
    length: option(int, "Length of a sequence in bp.") = 500,
) -> None:
    """Simulate a grammar: positives.fa, negatives.fa, truth.bed and oracle.tsv."""
    from motifbook.grammar import load_grammar, write_simulation
    from motiflib.cli import check_folder

    files = ("positives.fa", "negatives.fa", "truth.bed", "oracle.tsv")
    check_folder(out, files, grammar, into_run=True)
    write_simulation(load_grammar(grammar), n, seed, length, out)


def compile_(
    grammar: GRAMMAR,
    out: option(Path, "Folder for the run; made if it is not there.", "RUN"),
    sampled: option(bool, "For sites that vary as their matrices say: evidence is weighed, and the "
                    "rule need not hold exactly. By default, exact, for consensus words.") = False,
    candidates: option(int, "Windows of a sequence that can be looked at.") = 48,
) -> None:
    """Write a grammar as the weights of a network: a run that score, motifs, call and rules
    accept."""
    from motifbook.compiler.build import compile_run
    from motifbook.grammar import load_grammar
    from motiflib.cli import check_folder
    from motiflib.run import FILES

    check_folder(out, FILES, grammar, into_run=True)
    form = "pwm" if sampled else "consensus"
    compile_run(load_grammar(grammar), out, form=form, candidates=candidates)


def correct(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run trained at 50% GC.")],
    sequences: Annotated[Path, typer.Argument(metavar="SEQS.fa", help="FASTA, plain or gzip.")],
    out: option(Path, "Table: name, probability, corrected."),
) -> None:
    """Probabilities as of score, and with each filter corrected for a sequence's GC content."""
    import motiflib as ml
    from motifbook.correction import correct_background
    from motiflib.cli import check_place

    check_place(out, sequences, run=run)
    run, records = ml.load(run), list(ml.sequence.records_of(sequences))
    fixed = run._replace(model=correct_background(run.model, run.found).eval())
    told = ml.score(run, records).assign(corrected=ml.score(fixed, records).probability)
    ml.files.write_table(told, out)
