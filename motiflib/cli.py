"""What all verbs of the command line share: the app, its errors, its options, how it writes."""

from __future__ import annotations

import logging
import os
import re
import sys
import warnings
from collections.abc import Iterable
from importlib.metadata import entry_points
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
        except KeyboardInterrupt as stop:  # a verb that keeps parts says so in it
            advice = str(stop) or AGAIN.get(ctx.invoked_subcommand, "nothing was written")
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
    from motiflib.files import InputError

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
    """From regulatory sequences to motifs and their rules: an independent implementation of
    ARGMINN."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr, force=True)
    logging.getLogger("motiflib").setLevel(logging.INFO)
    warnings.simplefilter("ignore")


def check_place(path: Path, *inputs: Path | str | None, run: Path | None = None) -> None:
    """InputError, before any work is done, if a file cannot be written there, or must not be.

    That is so for an input of the same command, by whatever name, and for the files of the `run`
    that it reads.
    """
    from motiflib.files import InputError

    for given in inputs:
        if given is not None and os.path.isfile(given) and path.exists() and os.path.samefile(given, path):
            raise InputError(f"{path}: is read by this command and would be overwritten; choose another --out")
    if run is not None:
        from motiflib.run import folder as runs

        if path.resolve().parent == run.resolve() and path.name in (*runs.FILES, *runs.BESIDE, "checkpoint"):
            raise InputError(f"{path}: is a file of the run itself and would be overwritten; choose another --out")
    there = next(p for p in (path, *path.absolute().parents) if p.exists())
    if there == path and not path.is_dir():
        return
    if there == path or not there.is_dir():
        raise InputError(f"{path}: cannot be written, {there} is a {'folder' if there == path else 'file'}; "
                         "choose another --out")  # fmt: skip
    if not os.access(there, os.W_OK):
        raise InputError(f"{path}: cannot be written, {there} does not allow it; choose another --out")


def check_folder(folder: Path, names: Iterable[str], *inputs: Path | str | None, into_run: bool = False) -> None:
    """`check_place` for each of these files in a folder, which may be a run only if `into_run`."""
    from motiflib.files import InputError

    if not into_run and any((folder / name).exists() for name in ("train.json", "checkpoint")):
        raise InputError(f"{folder}: holds a run, whose files would be overwritten; choose another --out")
    for name in names:
        check_place(folder / name, *inputs)


def write_table(table, path: Path) -> None:
    """Write a table as tab-separated text, whole or not at all."""
    from motiflib.files import write_atomic

    write_atomic(path, table.to_csv(sep="\t", index=False, float_format="%.6g"))
# `motiflib train`: from sequences, or from a genome and peaks, to a run.


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

    From a genome and peaks, RUN also holds examples.tsv: every window with its place, label, part
    (train or test) and the probability that the network gives it.
    """
    from motiflib.files import LENGTH, RATIO, InputError, within
    from motiflib.model import ArgminnConfig
    from motiflib.run.folder import BESIDE, FILES, train_run
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
# `motiflib score | motifs | call | rules`: what a run says of itself and of sequences.


@app.command()
def score(
    run: RunFolder, sequences: Sequences, out: Annotated[Path, typer.Option(help="Table: name, probability.")]
) -> None:
    """Probability of each sequence that it is a positive."""
    from motiflib.run import folder as runs
    from motiflib.run import report
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
    """Motifs as report.html (logos, evidence, JASPAR, sites), motifs.meme, motifs.tsv and one logo
    each, as PNG."""
    from motiflib.batches import examples
    from motiflib.files import InputError
    from motiflib.run import folder as runs
    from motiflib.run import report
    from motiflib.sequence import read_fasta

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
    """Motif instances as BED: sequence, start, end, motif, score 0-1000, strand; activation of the
    filter, attention, effect on the logit if silenced, probability of the sequence. A genome's
    calls are shared by several processes under `accelerate launch --num_processes 2 -m motiflib.cli
    call ...`; the file is the same."""
    from motiflib.calling import call_parts, write_bed
    from motiflib.files import InputError
    from motiflib.run import folder as runs
    from motiflib.run import report
    from motiflib.sequence import read_fasta

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
        from motiflib.genome.scan import call_genome

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
    """Which motifs stand together, on which strands, at what distance, how sure that is, and what
    the network makes of it: one sentence a rule. Give sequences of both classes to see what speaks
    against, too."""
    from motiflib.run import folder as runs
    from motiflib.run import report
    from motiflib.sequence import read_fasta

    check_place(out, sequences, run=run)
    loaded = runs.load_run(run)
    write_table(report.rules(loaded, read_fasta(sequences), sequences), out)
# `motiflib design`: new sequences from a run's motifs and rules, each with its reasons.


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
    """Design sequences from a run's own motifs and rules: designs.fa, designs.tsv (a reason for
    every site) and report.html. The rules are asked of the network: every motif alone, in pairs at
    each distance, and so on."""
    from motiflib.designing import Constraints
    from motiflib.run import folder as runs
    from motiflib.run.report import write_designs

    check_folder(out, ("designs.fa", "designs.tsv", "report.html"))
    wanted = Constraints(length, gc, tuple(forbid or ()), left, right, counts_of(count or []), apart)
    write_designs(runs.load_run(run), out, n, wanted, ablate=ablate, seed=seed)


def counts_of(options: list[str]) -> dict[str, int]:
    """{"M1": 2} of ["M1=2"]."""
    from motiflib.files import InputError

    out = {}
    for option in options:
        name, _, number = option.partition("=")
        if not name or not re.fullmatch("[0-9]{1,9}", number):
            raise InputError(f"count {option!r}: expected a motif and its number, such as M1=2")
        out[name] = int(number)
    return out
# `motiflib variants`: what each variant does to the log-odds and to the instances.


@app.command()
def variants(
    run: RunFolder,
    out: Annotated[Path, typer.Option(help="Table: one line a variant.")],
    genome: Annotated[Path | None, typer.Option(help="FASTA of the reference, with --vcf.")] = None,
    vcf: Annotated[Path | None, typer.Option(help="VCF, plain or gzip: SNVs, insertions, deletions.")] = None,
    ref: Annotated[Path | None, typer.Option(help="Instead: FASTA of sequences before, with --alt.")] = None,
    alt: Annotated[Path | None, typer.Option(help="FASTA of the same sequences after, in the same order.")] = None,
    rename_chroms: Annotated[bool, typer.Option(help="With --vcf: take chr1, 1 and chrI for one another.")] = False,
    threshold: Annotated[float, typer.Option(help="Score, 0 to 1, from which a site is an instance.")] = 0.5,
) -> None:
    """Change in log-odds, the instance gained, lost or moved with its scores before and after, the
    rule that breaks."""
    from motiflib import variants as room
    from motiflib.files import InputError
    from motiflib.genome.fasta import Genome
    from motiflib.run import folder as runs

    if (genome is None) != (vcf is None) or (ref is None) != (alt is None) or (genome is None) == (ref is None):
        raise InputError("variants need either --genome with --vcf, or --ref with --alt: give one of the pairs")
    if rename_chroms and vcf is None:
        raise InputError("--rename-chroms: there are no names to match without --vcf; leave it out")
    check_place(out, genome, vcf, ref, alt, run=run)
    loaded = runs.load_run(run)
    if ref is not None:
        table, pairs = room.from_fasta(ref, alt, least=loaded.model.config.width)
    else:
        table = room.read_vcf(vcf)
        with Genome(genome) as sequence:
            about = {"rename": rename_chroms, "where": vcf, "least": loaded.model.config.width}
            pairs = room.on_reference(sequence, table, loaded.tile, **about)
    write_table(room.effects(loaded, table, pairs, threshold=threshold), out)


for verbs in entry_points(group="motiflib.verbs"):
    verbs.load()(app)

if __name__ == "__main__":
    app()
