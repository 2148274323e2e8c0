"""`motiflib train`: from sequences to a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from motiflib.verbs.base import app


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
