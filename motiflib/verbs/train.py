"""`motiflib train`: from sequences, or from a genome and peaks, to a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from motiflib.verbs.base import app, check_folder, write_table


@app.command()
def train(
    out: Annotated[Path, typer.Option(metavar="RUN", help="Folder for the run; made if it is not there.")],
    positives: Annotated[
        Path | None, typer.Option(help="FASTA of bound sequences, plain or gzip; lengths may differ.")
    ] = None,
    negatives: Annotated[
        str | None,
        typer.Option(help="FASTA of unbound sequences; with --genome gc-matched, dinucleotide, flanks or BED."),
    ] = None,
    shuffle: Annotated[str | None, typer.Option(help="Instead: dinucleotide or mononucleotide.")] = None,
    genome: Annotated[Path | None, typer.Option(help="Instead of --positives: FASTA, plain, bgzip or gzip.")] = None,
    peaks: Annotated[Path | None, typer.Option(help="With --genome: BED, narrowPeak or summits.")] = None,
    window: Annotated[int, typer.Option(help="With --genome: bp around each summit.")] = 200,
    ratio: Annotated[int, typer.Option(help="With --genome: negatives for each peak.")] = 4,
    test_chroms: Annotated[str, typer.Option(help="With --genome: chromosomes to hold out, chrA,chrB.")] = "",
    blacklist: Annotated[Path | None, typer.Option(help="With --genome: BED of places to leave out.")] = None,
    rename_chroms: Annotated[bool, typer.Option(help="Take chr1, 1 and chrI for one another.")] = False,
    filters: Annotated[int, typer.Option(help="At most so many motifs.")] = 12,
    width: Annotated[int | None, typer.Option(help="Width of a filter in bp: 12, or 20 with --genome.")] = None,
    layers: Annotated[int, typer.Option(help="Layers of the syntax builder.")] = 2,
    epochs: Annotated[int, typer.Option(help="Passes over the sequences.")] = 20,
    seed: Annotated[int, typer.Option(help="Same seed, same network.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Train a network; interrupted, the same command goes on where it was.

    From a genome and peaks, RUN also holds examples.tsv: every window with its place, label, part (train or test) and
    the probability that the network gives it.
    """
    from motiflib.bounds import LENGTH, RATIO, within
    from motiflib.model import ArgminnConfig
    from motiflib.runs import BESIDE, FILES, train_run
    from motiflib.sequence import InputError
    from motiflib.training import TrainConfig

    if (positives is None) == (genome is None) or (genome is None) != (peaks is None):
        raise InputError("Missing option '--positives', or '--genome' with '--peaks': give one of them")
    check_folder(out, (*FILES, *BESIDE), positives, negatives, genome, peaks, blacklist, into_run=True)
    width = (12 if genome is None else 20) if width is None else width
    settings = {"config": ArgminnConfig(filters=filters, width=width, layers=layers), "seed": seed}
    settings["training"] = TrainConfig(epochs=epochs, device=device)
    if genome is None:
        others = {"--test-chroms": test_chroms, "--blacklist": blacklist, "--rename-chroms": rename_chroms,
                  "--window": window != 200, "--ratio": ratio != 4}  # fmt: skip
        if told := [name for name, given in others.items() if given]:
            raise InputError(f"{told[0]}: needs --genome with --peaks; leave it out, or give them")
        train_run(positives, out, negatives=negatives, shuffle=shuffle, **settings)
        return
    from motiflib.genome.training import train_on_peaks

    if shuffle is not None:
        raise InputError(f"--shuffle {shuffle}: with --genome, write --negatives dinucleotide")
    within("window", window, 1, LENGTH)
    within("ratio", ratio, 1, RATIO)
    chroms = [name for name in test_chroms.split(",") if name]
    about = {"negatives": negatives or "gc-matched", "ratio": ratio, "test_chroms": chroms, "blacklist": blacklist}
    _, table = train_on_peaks(genome, peaks, out, width=window, rename=rename_chroms, **about, **settings)
    write_table(table, out / "examples.tsv")
