"""`motiflib score | motifs | call | rules`: what a run says of itself and of sequences."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from motiflib.verbs.base import RunFolder, Sequences, app, check_folder, check_place, write_table


@app.command()
def score(
    run: RunFolder, sequences: Sequences, out: Annotated[Path, typer.Option(help="Table: name, probability.")]
) -> None:
    """Probability of each sequence that it is a positive."""
    from motiflib import report, runs
    from motiflib.sequence import read_fasta

    check_place(out, sequences, run=run)
    write_table(report.score(runs.load_run(run), read_fasta(sequences), sequences), out)


@app.command()
def motifs(
    run: RunFolder,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the files.")],
    sequences: Annotated[Path | None, typer.Option(help="Positives as evidence, not those held back.")] = None,
    negatives: Annotated[Path | None, typer.Option(help="Their negatives; by default, their shuffles.")] = None,
) -> None:
    """Motifs as report.html (logos, evidence, JASPAR, sites), motifs.meme, motifs.tsv and one logo each, as PNG."""
    from motiflib import report, runs
    from motiflib.batches import examples
    from motiflib.sequence import InputError, read_fasta

    check_folder(out, ("motifs.tsv", "motifs.meme", "report.html"), sequences, negatives)
    if negatives and not sequences:
        raise InputError(f"{negatives}: negatives without --sequences; give the positives too")
    loaded = runs.load_run(run)
    paths = [path for path in (sequences, negatives) if path]
    texts = [[r.sequence for r in runs.fitting(read_fasta(p), loaded.model.config.width, p)] for p in paths]
    report.write_motifs(loaded, out, examples(*texts) if texts else None)


@app.command()
def call(
    run: RunFolder, out: Annotated[Path, typer.Option(help="BED file: one line an instance.")],
    sequences: Annotated[Path | None, typer.Argument(metavar="SEQS.fa", help="FASTA, plain or gzip.")] = None,
    genome: Annotated[Path | None, typer.Option(help="Instead: FASTA of a genome, searched whole.")] = None,
    regions: Annotated[Path | None, typer.Option(help="With --genome: BED of places to search.")] = None,
    rename_chroms: Annotated[bool, typer.Option(help="With --regions: take chr1, 1 and chrI for one another.")] = False,
    device: Annotated[str, typer.Option(help="With --genome: auto, cpu, cuda or mps.")] = "cpu",
    threshold: Annotated[float | None, typer.Option(help="Least score, 0 to 1; 0.5 if nothing is said.")] = None,
    fdr: Annotated[float | None, typer.Option(help="Instead: the false discovery rate that you accept, as 0.05; "
                                                 "RUN/fdr.tsv says which score reaches it.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All candidates down to a score of 0.05, to choose "
                                        "afterwards: the same calls, cut at the score.")] = False,
) -> None:  # fmt: skip
    """Motif instances as BED: sequence, start, end, motif, score 0-1000, strand; activation of the filter, attention,
    effect on the logit if silenced, probability of the sequence. A genome's calls are shared by several processes under
    `accelerate launch --num_processes 2 -m motiflib.cli call ...`; the file is the same."""
    from motiflib import report, runs
    from motiflib.instances import call_parts, write_bed
    from motiflib.sequence import InputError, read_fasta

    check_place(out, sequences, genome, regions, run=run)
    if (sequences is None) == (genome is None) or (regions is not None and genome is None):
        raise InputError("calls need either SEQS.fa, or --genome, alone or with --regions: give one of them")
    if rename_chroms and regions is None:
        raise InputError("--rename-chroms: there are no names to match without --regions; leave it out, or give them")
    if genome is None and device not in ("auto", "cpu"):
        raise InputError(f"--device {device}: only a --genome is searched there; leave it out, or give the genome")
    loaded = runs.load_run(run)
    least = report.least_score(loaded, threshold, fdr, every)
    if genome is not None:
        from motiflib.genome.calling import call_genome

        try:
            call_genome(loaded, genome, out, regions=regions, rename=rename_chroms, threshold=least, device=device)
        except KeyboardInterrupt:
            raise KeyboardInterrupt("give the same command again to go on from the parts that are finished") from None
        return
    records = runs.fitting(read_fasta(sequences), loaded.model.config.width, sequences)
    write_bed(call_parts(loaded.model, loaded.found, records, threshold=least, tile=loaded.tile), out)


@app.command()
def rules(
    run: RunFolder, sequences: Sequences, out: Annotated[Path, typer.Option(help="Table of pairs and distances.")]
) -> None:
    """Which motifs stand together, on which strands, at what distance, how sure that is, and what the network makes of
    it: one sentence a rule. Give sequences of both classes to see what speaks against, too."""
    from motiflib import report, runs
    from motiflib.sequence import read_fasta

    check_place(out, sequences, run=run)
    loaded = runs.load_run(run)
    write_table(report.rules(loaded, read_fasta(sequences), sequences), out)
