"""`motiflib score | motifs | call | rules`: what a run says of itself and of sequences."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from motiflib.verbs.base import RunFolder, Sequences, app, check_place, write_table


@app.command()
def score(
    run: RunFolder, sequences: Sequences, out: Annotated[Path, typer.Option(help="Table: name, probability.")]
) -> None:
    """Probability of each sequence that it is a positive."""
    from motiflib import report, runs
    from motiflib.sequence import read_fasta

    check_place(out)
    write_table(report.score(runs.load_run(run), read_fasta(sequences), sequences), out)


@app.command()
def motifs(run: RunFolder, out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the files.")]) -> None:
    """Motifs as motifs.meme, motifs.tsv (with the closest JASPAR motif) and one logo each, as PNG."""
    from motiflib import report, runs

    check_place(out / "motifs.tsv")
    report.write_motifs(runs.load_run(run), out)


@app.command()
def call(
    run: RunFolder, sequences: Sequences, out: Annotated[Path, typer.Option(help="BED file: one line an instance.")]
) -> None:
    """Motif instances as BED: sequence, start, end, motif, score 0-1000, strand; activation of the filter, attention,
    effect on the logit if silenced, probability of the sequence."""
    from motiflib import report, runs
    from motiflib.instances import write_bed
    from motiflib.sequence import read_fasta

    check_place(out)
    write_bed(report.calls(runs.load_run(run), read_fasta(sequences), sequences), out)


@app.command()
def rules(
    run: RunFolder, sequences: Sequences, out: Annotated[Path, typer.Option(help="Table of pairs and distances.")]
) -> None:
    """Which motifs stand together, on which strands, at what distance, and how sure that is."""
    from motiflib import report, runs
    from motiflib.sequence import read_fasta

    check_place(out)
    loaded = runs.load_run(run)
    write_table(report.rules(loaded, read_fasta(sequences), sequences), out)
