"""Results of a run: scores, motifs with logos, calls as BED, rules as a table."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd
import torch

from motiflib import motif_evidence, motif_report, runs
from motiflib.batches import Examples
from motiflib.discovery import name_motifs
from motiflib.instances import LEAST, THRESHOLD, at_fdr, calibrate, call
from motiflib.motif import Motif, write_meme
from motiflib.sequence import InputError, Record, one_hot, write_atomic
from motiflib.training import predict


def score(run: runs.Run, records: Iterable[Record], where: object = "sequences") -> pd.DataFrame:
    """Probability of each sequence that it is a positive: columns name, probability. Reads the records as a stream.

    Raises:
        InputError: a sequence shorter than the filters.

    Example:
        >>> score(load_run("run"), read_fasta("peaks.fa")).columns.tolist()
        ['name', 'probability']
    """
    names, values = [], [torch.zeros(0)]
    for part in batches_of(runs.fitting(records, run.model.config.width, where)):
        names += [record.name for record in part]
        values.append(predict(run.model, one_hot([record.sequence for record in part])))
    return pd.DataFrame({"name": names, "probability": torch.cat(values).numpy()})


def batches_of(records: Iterable[Record], bases: int = 2**18) -> Iterator[list[Record]]:
    """Lists of consecutive records that, padded to the longest, hold at most `bases` bases; one record at least.

    >>> [len(part) for part in batches_of([Record("a", "ACGT")] * 5, bases=8)]
    [2, 2, 1]
    """
    part, longest = [], 0
    for record in records:
        longest = max(longest, len(record.sequence))
        if part and longest * (len(part) + 1) > bases:
            yield part
            part, longest = [], len(record.sequence)
        part.append(record)
    if part:
        yield part


def write_motifs(run: runs.Run, folder: Path, held: Examples | None = None) -> None:
    """Write motifs.meme, motifs.tsv, report.html and NAME.png, a logo, for each motif into `folder`.

    motifs.tsv: `discovery.name_motifs`, then `motif_evidence.support`, from the labelled sequences `held` or, without
    them, from those that the run's training held back; an old run may have neither.
    """
    table, evidence = name_motifs(run.motifs), run.evidence
    if held is not None:
        evidence = motif_evidence.gather(run.model, run.found, held)
    page = motif_report.report(run, table, evidence)
    if evidence is not None:
        table = table.merge(evidence.support, on="motif", how="left")
    pictures = {f"{motif.name}.png": logo_png(motif) for motif in run.motifs}
    write_meme(folder / "motifs.meme", run.motifs)
    write_atomic(folder / "motifs.tsv", table.to_csv(sep="\t", index=False, float_format="%.4g"))
    write_atomic(folder / "report.html", page)
    for name, picture in pictures.items():
        write_atomic(folder / name, picture)


def logo_png(motif: Motif) -> bytes:
    """A motif's logo as a PNG file; the same motif always gives the same bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from motiflib import plots

    figure = Figure(figsize=(1 + 0.35 * motif.width, 1.7), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    plots.logo(motif, figure.subplots())
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def calls(run: runs.Run, records: Iterable[Record], where: object = "sequences") -> pd.DataFrame:
    """Instances of a run's motifs, as `instances.call` finds them; long sequences are read in tiles.

    Raises:
        InputError: a sequence shorter than the filters.

    Example:
        >>> calls(load_run("run"), read_fasta("peaks.fa")).motif.value_counts()
    """
    return call(run.model, run.found, runs.fitting(records, run.model.config.width, where), tile=run.tile)


def least_score(run: runs.Run, threshold: float | None = None, fdr: float | None = None, every: bool = False) -> float:
    """The score that calls must reach: the one given, that of a false discovery rate, the lowest, or the default.

    Raises:
        InputError: more than one is given, or no score of the run reaches the rate.

    Example:
        >>> least_score(load_run("run"), fdr=0.05)
        0.41
    """
    if (threshold is not None) + (fdr is not None) + every > 1:
        raise InputError("--threshold, --fdr and --all each choose the least score: give one of them")
    if fdr is None:
        return LEAST if every else THRESHOLD if threshold is None else threshold
    least = run.fdr.fdr.min()
    if not least <= fdr <= 1:
        raise InputError(f"false discovery rate {fdr}: this run's scores reach {least:.2g} to 1; choose one of those")
    return at_fdr(run.fdr, fdr)


def recalibrate(folder: Path, positives: Iterable[Record]) -> pd.DataFrame:
    """Write fdr.tsv of a run anew, from sequences like those that it was trained on, and return it.

    Example:
        >>> recalibrate("run", list(read_fasta("peaks.fa"))[:500])
    """
    run = runs.load_run(folder)
    table = calibrate(run.model, run.found, positives, tile=run.tile)
    write_atomic(Path(folder) / "fdr.tsv", table.to_csv(sep="\t", index=False, float_format="%.4g"))
    return table


def rules(run: runs.Run, records: Iterable[Record], where: object = "sequences") -> pd.DataFrame:
    """Rules between a run's motifs, as `rules.find_rules` finds them, each with its sentence."""
    from motiflib.rules import find_rules, rule_sentence

    records = list(runs.fitting(records, run.model.config.width, where))
    table = find_rules(run.model, run.found, records, tile=run.tile)
    return table.assign(sentence=[rule_sentence(rule) for _, rule in table.iterrows()])
