"""The command line: each command is a door of `motiflib.verbs` and a writer.

Progress goes to stderr, results to the file that was named and nowhere else. A bad input ends with
one line `error: ...` on stderr and exit code 2, and leaves nothing behind; Ctrl-C with code 130.
The library is imported inside the commands, so that `motiflib --help` is quick. Other packages add
theirs through the entry point `motiflib.verbs`.
"""

import logging
import os
import re
import sys
import warnings
from collections.abc import Iterable
from importlib.metadata import entry_points
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from typer.core import TyperGroup

import motiflib as ml  # its doors and rooms are imported when they are first named
from motiflib.files import STREAMS, InputError, need, write_atomic, write_table

AGAIN = {  # what to say of an interrupted command, by its name and whether it reads a genome
    ("train", False): "give the same command again to go on from the last whole epoch",
    ("train", True): "give the same command again to go on from the last whole epoch",
    ("call", True): "give the same command again to go on from the parts that are finished",
}


class Commands(TyperGroup):
    """Turns what can go wrong into one line on stderr and an exit code."""
    def main(self, *args, standalone_mode: bool = True, **kwargs):
        try:
            code = super().main(*args, standalone_mode=False, **kwargs)
        except (BrokenPipeError, SystemExit):  # by click: who reads our output has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 0
        except KeyboardInterrupt:  # before the command had begun
            code = 130
        except Exception as error:
            line = foreseeable(error)
            if line is None:
                raise
            print(f"error: {line}", file=sys.stderr)
            code = 2
        code = code if isinstance(code, int) else 0
        return sys.exit(code) if standalone_mode else code

    def invoke(self, ctx):
        genome = "--genome" in ctx.args
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            advice = AGAIN.get((ctx.invoked_subcommand, genome), "nothing was written")
            print(f"interrupted: {advice}", file=sys.stderr)
            raise typer.Exit(130) from None


def foreseeable(error: Exception) -> str | None:
    """The line for an error that is not a mistake of ours, else None."""
    if hasattr(error, "format_message"):  # a wrong option
        line = " ".join(error.format_message().split())
        return str(InputError(f"{line.rstrip('.')}; see motiflib --help"))
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'a file'}: {error.strerror}; free space or choose another place"
    full = "out of memory" in str(error) or "can't allocate memory" in str(error)
    if isinstance(error, MemoryError) or full:
        return "out of memory; give fewer or shorter sequences, or a machine with more memory"
    return None


def option(kind: object, text: str, *names: str, metavar: str | None = None) -> object:
    """The annotation of an option."""
    return Annotated[kind, typer.Option(*names, help=text, metavar=metavar)]


app = typer.Typer(cls=Commands, add_completion=False, rich_markup_mode="markdown",
                  help="From regulatory sequences to motifs and their rules.")
RUN = Annotated[Path, typer.Argument(metavar="RUN", help="Folder made by `motiflib train --out`.")]
FASTA = Annotated[Path, typer.Argument(metavar="SEQS.fa", help="FASTA, plain or gzip.")]
EXTRA = option(bool, "All columns: activation of the filter, attention, effect on the logit if "
               "silenced, probability of the sequence too.")
TAXON = option(str, "Known motifs to compare with: all of JASPAR CORE, or its vertebrates, fungi, "
               "insects, nematodes, plants, urochordates or diatoms.")
FORCE = option(bool, "Replace the finished run that is there.")
FOLDER = option(Path, "Folder for the files.", metavar="DIR")
RENAME = option(bool, "Take chr1, 1 and chrI for one another.")
File = Path | None


def tell_version(asked: bool) -> None:
    if asked:
        print(ml.__version__)
        raise typer.Exit


@app.callback()
def setup(version: Annotated[bool, typer.Option(
        "--version", help="Say the version and end.", callback=tell_version, is_eager=True,
)] = False) -> None:
    """Progress of ours goes to stderr; warnings of other libraries go nowhere."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr, force=True)
    logging.getLogger("motiflib").setLevel(logging.INFO)
    warnings.simplefilter("ignore")


def check_place(path: Path, *inputs: Path | str | None, run: Path | None = None) -> None:
    """InputError, before any work is done, if a file cannot be written there, or must not be: an
    input of the same command, by whatever name, or a file of the `run` that it reads."""
    if str(path) in STREAMS:
        return
    ml.run.folder.sweep(path)
    there = next(p for p in (path, *path.absolute().parents) if p.exists())
    read = [given for given in inputs if given is not None and os.path.isfile(given)]
    own = run is not None and path.resolve().parent == run.resolve()
    kind = "folder" if there == path else "file"
    reasons = {
        "is read by this command and would be overwritten":
            path.exists() and any(os.path.samefile(given, path) for given in read),
        "is a file of the run itself and would be overwritten":
            own and path.name in (*ml.run.FILES, *ml.run.BESIDE, "checkpoint"),
        f"cannot be written, {there} is a {kind}": there.is_dir() == (there == path),
        f"cannot be written, {there} does not allow it":
            there != path and not os.access(there, os.W_OK),
    }
    for reason, holds in reasons.items():
        need(not holds, f"{path}: {reason}; choose another --out")


def check_folder(folder: Path, names: Iterable[str], *inputs: Path | str | None,
                 into_run: bool = False) -> None:
    """`check_place` for each of these files in a folder, which may be a run only if `into_run`."""
    holds_run = any((folder / name).exists() for name in ("train.json", "checkpoint"))
    need(into_run or not holds_run,
         f"{folder}: holds a run, whose files would be overwritten; choose another --out")
    for name in names:
        check_place(folder / name, *inputs)


@app.command()
def train(
    out: option(Path, "Folder for the run; made if it is not there.", metavar="RUN"),
    positives: option(File, "FASTA of bound sequences, plain or gzip; lengths may differ.") = None,
    negatives: option(str | None, "FASTA of unbound sequences; with --genome gc-matched, "
                      "dinucleotide, flanks or BED.") = None,
    shuffle: option(str | None, "Instead: dinucleotide or mononucleotide.") = None,
    genome: option(File, "Instead of --positives: FASTA, plain, bgzip or gzip.") = None,
    peaks: option(File, "With --genome: BED, narrowPeak or summits.") = None,
    window: option(int, "With --genome: bp around each summit.") = 200,
    ratio: option(int, "With --genome: negatives for each peak.") = 4,
    test_chroms: option(str, "With --genome: chromosomes to hold out, chrA,chrB.") = "",
    blacklist: option(File, "With --genome: BED of places to leave out.") = None,
    rename_chroms: RENAME = False,
    filters: option(int, "At most so many motifs.") = 12,
    width: option(int | None, "Width of a filter in bp: 12, or 20 with --genome.") = None,
    layers: option(int, "Layers of the syntax builder.") = 2,
    epochs: option(int, "Passes over the sequences.") = 20,
    seed: option(int, "Same seed, same network.") = 0,
    device: option(str, "auto, cpu, cuda or mps.") = "auto",
    force: FORCE = False,
) -> None:
    """Train a network; interrupted, the same command goes on where it was.

    From a genome and peaks, RUN also holds examples.tsv: every window with its place, label, part
    (train or test) and the probability that the network gives it.
    """
    one = (positives is None) != (genome is None) and (genome is None) == (peaks is None)
    need(one, "Missing option '--positives', or '--genome' with '--peaks': give one of them")
    others = {"--test-chroms": test_chroms, "--blacklist": blacklist,
              "--rename-chroms": rename_chroms, "--window": window != 200, "--ratio": ratio != 4}
    for name, given in others.items():
        need(genome or not given,
             f"{name}: needs --genome with --peaks; leave it out, or give them")
    inputs = positives, negatives, genome, peaks, blacklist
    check_folder(out, (*ml.run.FILES, *ml.run.BESIDE), *inputs, into_run=True)
    ml.train(out, positives or peaks, negatives=negatives, shuffle=shuffle, genome=genome,
             window=window, ratio=ratio, test_chroms=filter(None, test_chroms.split(",")),
             blacklist=blacklist, rename_chroms=rename_chroms, filters=filters, width=width,
             layers=layers, epochs=epochs, seed=seed, device=device, force=force)


@app.command("run")
def run_all(
    positives: Annotated[str, typer.Argument(
        metavar="PEAKS", help="With --genome: BED, narrowPeak, summits or a table of MACS; else "
                              "FASTA of bound sequences.")],
    out: FOLDER,
    genome: option(File, "FASTA of the genome, plain, bgzip or gzip.") = None,
    negatives: option(str | None, "FASTA of unbound sequences, else shuffled ones; with --genome "
                      "gc-matched, dinucleotide, flanks or BED.") = None,
    window: option(int, "With --genome: bp around each summit.") = 200,
    ratio: option(int, "With --genome: negatives for each peak.") = 4,
    test_chroms: option(str, "With --genome: chromosomes to hold out, chrA,chrB; by default those "
                        "with the fewest peaks, a fifth of all.") = "",
    blacklist: option(File, "With --genome: BED of places to leave out.") = None,
    rename_chroms: RENAME = False,
    seeds: option(int, "Trainings, to see what they agree on; the best is used.") = 3,
    taxon: TAXON = "all",
    epochs: option(int, "Passes over the sequences.") = 20,
    device: option(str, "auto, cpu, cuda or mps.") = "auto",
    force: FORCE = False,
) -> None:
    """All at once: train, motifs, calls, rules, and a page (index.html) that says in words what was
    found, how sure that is, what to look at and what not to believe. Interrupted, the same command
    goes on."""
    given = {"window": window, "ratio": ratio, "blacklist": blacklist,
             "test_chroms": list(filter(None, test_chroms.split(","))),
             "rename_chroms": rename_chroms}
    ml.analyse(out, positives, genome=genome, negatives=negatives, seeds=seeds, taxon=taxon,
               epochs=epochs, device=device, force=force, **(given if genome else {}))


@app.command()
def score(run: RUN, sequences: FASTA, out: option(Path, "Table: name, probability.")) -> None:
    """Probability of each sequence that it is a positive; one that is much longer than those of
    the training is read by windows."""
    check_place(out, sequences, run=run)
    write_table(ml.score(run, sequences), out)


@app.command()
def motifs(
    run: RUN, out: FOLDER,
    sequences: option(File, "Positives as evidence, not those held back.") = None,
    negatives: option(File, "Their negatives; by default, their shuffles.") = None,
    taxon: TAXON = "all",
) -> None:
    """Motifs as report.html (logos, evidence, JASPAR, sites), motifs.meme, motifs.tsv and one logo
    each, as PNG.

    Columns of motifs.tsv: motif; consensus; length, bp; information_bits; sites, of the training;
    jaspar_id, jaspar_name, the nearest known motif, if it is near; p_value, TOMTOM's; correlation;
    in_positives, in_negatives, in_shuffles, shares of held-out sequences with a site; enrichment,
    over_shuffles, odds ratios, and their enrichment_p, shuffles_p; loss_rise, nats without the
    motif, and its error.
    """
    from motiflib.run.report import write_motifs

    check_folder(out, ("motifs.tsv", "motifs.meme", "report.html"), sequences, negatives)
    need(sequences or not negatives,
         f"{negatives}: negatives without --sequences; give the positives too")
    loaded = ml.load(run)
    given = ml.verbs.records_in(loaded, sequences, negatives)
    write_motifs(loaded, out, *given, taxon=taxon, name=run.resolve().name)


@app.command()
def call(
    run: RUN, out: option(Path, "BED file: one line an instance."),
    sequences: Annotated[File, typer.Argument(metavar="SEQS.fa", help="FASTA or gzip.")] = None,
    genome: option(File, "Instead: FASTA of a genome, searched whole.") = None,
    regions: option(File, "With --genome: BED of places to search.") = None,
    rename_chroms: RENAME = False,
    device: option(str, "With --genome: auto, cpu, cuda or mps.") = "cpu",
    threshold: option(float | None, "Least score, 0 to 1; 0.5 if nothing is said.") = None,
    fdr: option(float | None, "Instead: the false discovery rate that you accept, as 0.05; "
                "RUN/fdr.tsv says which score reaches it.") = None,
    every: option(bool, "All candidates down to a score of 0.05, to choose afterwards: the same "
                  "calls, cut at the score.", "--all") = False,
    extra: EXTRA = False,
) -> None:
    """Motif instances as BED: sequence, start, end, motif, score 0-1000, strand. A genome's calls
    are shared by several processes under `accelerate launch --num_processes 2 -m motiflib.cli call
    ...`; the file is the same."""
    check_place(out, sequences, genome, regions, run=run)
    one = (sequences is None) != (genome is None) and (genome or regions is None)
    need(one, "calls need either SEQS.fa, or --genome, alone or with --regions: give one of them")
    need(regions or not rename_chroms, "--rename-chroms: there are no names to match without "
         "--regions; leave it out, or give them")
    need(genome or device in ("auto", "cpu"), f"--device {device}: only a --genome is searched "
         "there; leave it out, or give the genome")
    if genome is None:
        parts = ml.verbs.call_in_parts(run, sequences, threshold, fdr, every)
        ml.calling.write_bed(parts, out, extra=extra)
        return
    with TemporaryDirectory() as folder:  # finished parts stand beside the file, so it must be one
        place = Path(folder, "calls.bed") if str(out) in STREAMS else out
        ml.scan(run, genome, place, regions=regions, rename_chroms=rename_chroms, device=device,
                threshold=threshold, fdr=fdr, every=every, extra=extra)
        if place != out:
            write_atomic(out, place.read_bytes())


@app.command()
def rules(run: RUN, sequences: FASTA, out: option(Path, "Table of pairs and distances.")) -> None:
    """Which motifs stand together, on which strands, at what distance, how sure that is, and what
    the network makes of it: one sentence a rule. Give sequences of both classes to see what speaks
    against, too."""
    check_place(out, sequences, run=run)
    write_table(ml.rules(run, sequences), out)


@app.command()
def design(
    run: RUN, out: FOLDER,
    n: option(int, "Designs.") = 100,
    length: option(int, "Length of a design in bp.") = 200,
    gc: option(float, "GC fraction of a design.") = 0.5,
    forbid: option(list[str] | None, "Word that may stand on neither strand; repeatable.") = None,
    left: option(str, "Fixed left flank, part of the length.") = "",
    right: option(str, "Fixed right flank, part of the length.") = "",
    count: option(list[str] | None, "Number of a motif, as M1=2; repeatable.") = None,
    apart: option(int, "Bases in which two designs differ at least.") = 0,
    ablate: option(bool, "Write controls.fa too: each design with one thing wrong.") = True,
    seed: option(int, "Same seed, same designs.") = 0,
) -> None:
    """Design sequences from a run's own motifs and rules: designs.fa, designs.tsv (a reason for
    every site) and report.html. The rules are asked of the network: every motif alone, in pairs at
    each distance, and so on."""
    from motiflib.run.report import write_designs

    controls = ["controls.fa"] * ablate
    check_folder(out, ["designs.fa", "designs.tsv", "report.html", *controls])
    counts = {}
    for wish in count or []:
        fits = re.fullmatch("([^=]+)=([0-9]{1,9})", wish)
        need(fits, f"count {wish!r}: expected a motif and its number, such as M1=2")
        counts[fits[1]] = int(fits[2])
    asked = ml.designing.Constraints(length, gc, tuple(forbid or ()), left, right, counts, apart)
    name = run.resolve().name
    write_designs(ml.load(run), out, n, asked, ablate=ablate, seed=seed, name=name)


@app.command()
def variants(
    run: RUN, out: option(Path, "Table: one line a variant."),
    genome: option(File, "FASTA of the reference, with --vcf.") = None,
    vcf: option(File, "VCF, plain or gzip: SNVs, insertions, deletions.") = None,
    ref: option(File, "Instead: FASTA of sequences before, with --alt.") = None,
    alt: option(File, "FASTA of the same sequences after, in the same order.") = None,
    rename_chroms: RENAME = False,
    threshold: option(float, "Score, 0 to 1, from which a site is an instance.") = 0.5,
    strict: option(bool, "Refuse a VCF with alleles that are not spelt out: `*`, `<DEL>`.") = False,
) -> None:
    """Change in log-odds, the instance gained, lost or moved with its scores before and after, the
    rule that breaks. Alleles of a VCF that are not spelt out are listed in OUT.skipped.tsv."""
    whole = (genome is None) == (vcf is None) and (ref is None) == (alt is None)
    need(whole and (genome is None) != (ref is None),
         "variants need either --genome with --vcf, or --ref with --alt: give one of the pairs")
    need(vcf or not rename_chroms,
         "--rename-chroms: there are no names to match without --vcf; leave it out")
    from motiflib.run.folder import all_or_none

    skipped = Path(f"{out}.skipped.tsv")
    for place in (out, skipped):
        check_place(place, genome, vcf, ref, alt, run=run)
    table = ml.variants(run, vcf or ref, genome=genome, alt=alt, rename_chroms=rename_chroms,
                        threshold=threshold, strict=strict)
    if str(out) in STREAMS or not len(table.attrs.get("skipped", ())):
        return write_table(table, out)
    with all_or_none(out.parent) as place:
        write_table(table.attrs["skipped"], place / skipped.name)
        write_table(table, place / out.name)


for entry in entry_points(group="motiflib.verbs"):
    entry.load()(app)

if __name__ == "__main__":
    app()
