"""The command line: `motiflib train | score | motifs | call | rules | simulate`, thin over the rooms of the library.

Progress goes to stderr, results to the file that was named and nowhere else. A bad input ends with one line `error:
...` on stderr and exit code 2, and leaves nothing behind; Ctrl-C ends with exit code 130. The library is imported
inside the verbs, so that `motiflib --help` is quick.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
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
        except KeyboardInterrupt:
            advice = AGAIN.get(ctx.invoked_subcommand, "nothing was written")
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


@app.command()
def train(
    positives: Annotated[Path, typer.Option(help="FASTA of bound sequences, plain or gzip; lengths may differ.")],
    out: Annotated[Path, typer.Option(metavar="RUN", help="Folder for the run; made if it is not there.")],
    negatives: Annotated[Path | None, typer.Option(help="FASTA of unbound sequences.")] = None,
    shuffle: Annotated[str | None, typer.Option(help="Instead: dinucleotide or mononucleotide.")] = None,
    filters: Annotated[int, typer.Option(help="At most so many motifs.")] = 12,
    width: Annotated[int, typer.Option(help="Width of a filter in bp.")] = 12,
    layers: Annotated[int, typer.Option(help="Layers of the syntax builder.")] = 2,
    epochs: Annotated[int, typer.Option(help="Passes over the sequences.")] = 20,
    seed: Annotated[int, typer.Option(help="Same seed, same network.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Train a network; interrupted, the same command goes on where it was."""
    from motiflib.model import ArgminnConfig
    from motiflib.runs import train_run
    from motiflib.training import TrainConfig

    config = ArgminnConfig(filters=filters, width=width, layers=layers)
    training = TrainConfig(epochs=epochs, device=device)
    train_run(positives, out, negatives=negatives, shuffle=shuffle, config=config, training=training, seed=seed)


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

    check_place(out / "truth.bed")
    write_simulation(load_grammar(grammar), n, seed, length, out)


def check_place(path: Path) -> None:
    """InputError, before any work is done, if a file cannot be written there."""
    from motiflib.sequence import InputError

    there = next(p for p in (path, *path.absolute().parents) if p.exists())
    if there == path and not path.is_dir():
        return
    if there == path or not there.is_dir():
        raise InputError(f"{path}: cannot be written, {there} is a {'folder' if there == path else 'file'}; "
                         "choose another --out")  # fmt: skip
    if not os.access(there, os.W_OK):
        raise InputError(f"{path}: cannot be written, {there} does not allow it; choose another --out")


def write_table(table, path: Path) -> None:
    """Write a table as tab-separated text, whole or not at all."""
    from motiflib.sequence import write_atomic

    write_atomic(path, table.to_csv(sep="\t", index=False, float_format="%.6g"))


if __name__ == "__main__":
    app()
