"""All at once: from peaks to a page that says what was found, how sure that is, what to look at,
and what not to believe. Each step is a door of `verbs` by itself."""

import json
import logging
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from motiflib import calling, verbs
from motiflib.files import STREAMS, need, sha256, within, write_atomic, write_table
from motiflib.genome.fasta import Genome
from motiflib.genome.peaks import PLACE, on_genome
from motiflib.motif import Motif, aligned_correlation
from motiflib.run.evidence import auroc_error, supported
from motiflib.run.folder import Run, fitting
from motiflib.run.report import halves, page, write_motifs
from motiflib.sequence import Record, Sequences

log = logging.getLogger(__name__)
PAGE = "index.html"
MARK = "analysis.json"  # what was asked for; a folder without it is not of an analysis
SEEDS = 100  # trainings at most
LEAST, SHARE = 0.05, 0.2  # of the peaks, on the chromosomes that are held out, if any
ALIKE = 0.8  # aligned correlation of two matrices, from which they are one motif
SHOWN = ["motif", "consensus", "jaspar_name", "in_positives", "in_negatives", "in_shuffles",
         "loss_rise", "trainings"]
MOST = 2000  # sequences of a class in which rules are counted
FEW = 20  # pairs, fewer of which make no rule to rely on
GC = 0.6  # AUROC of the GC content alone, from which it matters
TIMES = {"motifs": 0.3, "calls": 0.3, "rules": 0.3}  # of a training's, roughly


def analyse(out: str | os.PathLike, sequences: Sequences | pd.DataFrame, *,
            genome: str | os.PathLike | None = None, seeds: int = 3, taxon: str = "all",
            force: bool = False, **settings) -> pd.DataFrame:
    """Train `seeds` networks, keep the best, write its motifs, calls, rules and a page in words
    into the folder `out`; interrupted, the same call goes on where it was.

    `sequences` and `settings` are those of `verbs.train`. Without a genome, negatives are by
    default the shuffled positives; with one, the chromosomes with the fewest peaks, up to SHARE of
    all, are held out. In `out`: index.html; run-0, run-1, ...; motifs/ (`report.write_motifs`);
    calls.bed, of the positives; rules.tsv. Returns the table of motifs, as `verbs.find_motifs`, and
    trainings, how many of them found each. InputError as the steps raise it, or for a folder of
    something else.

    >>> analyse("out", "missing.fa")
    Traceback (most recent call last):
    motiflib.files.InputError: missing.fa: no such file; ...
    """
    within("seeds", seeds, 1, SEEDS)
    need(str(sequences) not in STREAMS, f"{sequences}: is read more than once; give a file")
    folder, clock = Path(out), Clock(seeds)
    if genome is None and settings.get("negatives") is None:
        settings["shuffle"] = settings.get("shuffle") or "dinucleotide"
    elif genome is not None and not settings.get("test_chroms"):
        settings["test_chroms"] = fewest(sequences, genome, settings.get("rename_chroms", False))
    claim(folder, {"sequences": sequences, "genome": genome} | settings, force)
    runs = []
    for seed in range(seeds):
        clock.begin(f"training {seed + 1} of {seeds}", 1)
        place = folder / f"run-{seed}"
        runs.append(verbs.train(place, sequences, genome=genome, seed=seed, **settings))
    best = int(np.argmin([run.settings["metrics"]["loss"] for run in runs]))
    run, name = runs[best], f"run-{best}"
    clock.begin("motifs", TIMES["motifs"])
    names = write_motifs(run, folder / "motifs", taxon=taxon, name=name)
    names["trainings"] = [sum(found_by(other, motif) for other in runs) for motif in run.motifs]
    clock.begin("calls", TIMES["calls"])
    windows = examples_of(folder / name) if genome is not None else None
    write_calls(run, sequences, genome, windows, folder / "calls.bed")
    clock.begin("rules", TIMES["rules"])
    ours, theirs = letters(run, sequences, genome, windows, settings.get("negatives"))
    rules = verbs.rules(run, [*ours[:MOST], *theirs[:MOST]])
    write_table(rules, folder / "rules.tsv")
    told = {"sure": sure(runs, run, windows), "found": found(run, names, seeds),
            "doubtful": doubtful(run, names, rules, ours, theirs, seeds)}
    text = page("summary.html.j2", run, name, title=f"What {seeds} trainings found", rules=rules,
                names=names[SHOWN], **told)
    write_atomic(folder / PAGE, text)
    log.info("%s says in words what was found", folder / PAGE)
    return names


class Clock:
    """Says which step begins, and how long the rest will take, by the times so far."""

    def __init__(self, seeds: int):
        self.began, self.done, self.all = time.monotonic(), 0.0, seeds + sum(TIMES.values())
        self.share = 0.0

    def begin(self, step: str, share: float) -> None:
        self.done, self.share = self.done + self.share, share
        gone = time.monotonic() - self.began
        left = gone / self.done * (self.all - self.done) if self.done else 0
        log.info("%s%s", step, f"; about {left / 60:.1f} minutes left" if left else "")


def claim(folder: Path, asked: dict, force: bool) -> None:
    """Make the folder that of this analysis; InputError if it is of another, and no `force`."""
    given = (str(asked.get(name)) for name in ("sequences", "negatives"))
    asked |= {"sha256": [sha256(Path(file)) for file in given if os.path.isfile(file)]}
    mark, text = folder / MARK, json.dumps(asked, indent=1, default=str) + "\n"
    same = mark.is_file() and mark.read_text() == text
    empty = not folder.exists() or folder.is_dir() and not any(folder.iterdir())
    need(same or empty or mark.is_file(),
         f"{folder}: holds files of something else; choose another folder")
    need(same or empty or force, f"{folder}: holds an analysis of other data or settings; choose "
                                 "another folder, or replace it with --force (force=True)")
    if force and (not same or (folder / PAGE).exists()):  # else it was interrupted, and goes on
        for old in folder.glob("run-*"):
            shutil.rmtree(old)
        (folder / PAGE).unlink(missing_ok=True)
    write_atomic(mark, text)


def fewest(peaks: str | os.PathLike | pd.DataFrame, genome: str | os.PathLike,
           rename: bool) -> list[str]:
    """The chromosomes with the fewest peaks, up to SHARE of all: to be held out; none if they have
    fewer than LEAST, which would say little."""
    with Genome(genome) as sequence:
        counts = on_genome(peaks, sequence.chroms, rename=rename).chrom.value_counts()[::-1]
    few = counts[counts.cumsum() <= SHARE * counts.sum()]
    return sorted(few.index) if few.sum() >= LEAST * counts.sum() else []


def examples_of(folder: Path) -> pd.DataFrame:
    """The windows of a run from a genome, examples.tsv."""
    return pd.read_csv(folder / "examples.tsv", sep="\t", dtype={"chrom": str})


def write_calls(run: Run, sequences: Sequences, genome: str | os.PathLike | None,
                windows: pd.DataFrame | None, out: Path) -> None:
    """The calls in the positives, or in the windows of a genome around the peaks."""
    if windows is None:
        return calling.write_bed(verbs.call_in_parts(run, sequences, None, None, False), out)
    verbs.scan(run, genome, out, regions=windows[windows.label == 1])


def letters(run: Run, sequences: Sequences, genome: str | os.PathLike | None,
            windows: pd.DataFrame | None, negatives: object) -> tuple[list[Record], list[Record]]:
    """Positives and negatives, these none if they were shuffled."""
    width = run.model.config.width
    if windows is None:
        both = (sequences, [] if negatives is None else negatives)
        return tuple(list(fitting(part, width)) for part in both)
    there = windows[(windows.label == 1) | (negatives != "dinucleotide")]
    with Genome(genome) as sequence:
        cut = [(row.label, Record(row.name, sequence.fetch(row.chrom, row.start, row.end)))
               for row in there[["label", "name", *PLACE]].itertuples(index=False)]
    return tuple([record for own, record in cut if own == label] for label in (1, 0))


def found_by(run: Run, motif: Motif) -> bool:
    """Whether a run has a motif like this one."""
    return any(aligned_correlation(motif, other) >= ALIKE for other in run.motifs)


def sure(runs: list[Run], run: Run, windows: pd.DataFrame | None) -> list[str]:
    """How well the network tells the classes apart, where it was not trained."""
    every = [other.settings["metrics"]["auroc"] for other in runs]
    told = [f"On the sequences that training held back, to choose the epoch, AUROC is "
            f"{run.settings['metrics']['auroc']:.3f} ({min(every):.3f} to {max(every):.3f} in "
            f"{len(runs)} trainings); chance gives 0.5."]
    test = windows[windows.part == "test"] if windows is not None else []
    if len(test) and test.label.nunique() == 2:
        auroc, counts = roc_auc_score(test.label, test.probability), test.label.value_counts()
        error = 1.96 * auroc_error(auroc, counts[1], counts[0])
        told.insert(0, f"On chromosomes that no training saw ({', '.join(test.chrom.unique())}), "
                       f"a window at a peak is ranked above one elsewhere in {auroc:.0%} of all "
                       f"pairs (AUROC {auroc:.3f}, 95% interval ±{error:.3f}; {counts[1]} "
                       "peaks).")
    return told


def found(run: Run, names: pd.DataFrame, seeds: int) -> list[str]:
    """A sentence for each motif with support, and for each site that two of them share."""
    told = []
    for row in names[supported(names)].itertuples():
        known = f"most like {row.jaspar_name} ({row.jaspar_id})" if row.jaspar_id else "unknown"
        told.append(f"{row.motif}, {row.consensus}, {known}: a site in {row.in_positives:.0%} of "
                    f"the held-back positives, {row.in_negatives:.0%} of the negatives, "
                    f"{row.in_shuffles:.0%} of shuffles; found in {row.trainings} of {seeds} "
                    "trainings.")
    known = dict(zip(names.motif, names.jaspar_id, strict=True))
    return told + [f"{sentence}." for sentence in halves(run.evidence.sites, known)]


def doubtful(run: Run, names: pd.DataFrame, rules: pd.DataFrame, ours: list[Record],
             theirs: list[Record], seeds: int) -> list[str]:
    """What is not to be believed, or not yet."""
    told, known = list(run.settings.get("warnings", [])), run.fdr[run.fdr.per_mb > 0]
    if weak := names.motif[~supported(names)].tolist():
        told.append(f"{', '.join(weak)}: no support in held-back sequences (more frequent in one "
                    "class, and needed by the network): they may stand for composition, or chance")
    if once := names.motif[names.trainings < seeds].tolist():
        told.append(f"{', '.join(once)}: not found in every training")
    share = known.fdr[known.score.between(0.495, 0.505)]
    rate = f"about {max(share.iloc[0], 0.01):.0%}" if len(share) else "an unknown share"
    told.append("calls of score 500 or a little more: in sequences like those of the training, "
                f"{rate} of those or better ones are chance (fdr.tsv in the run); along a whole "
                "genome, where few places are bound, far more")
    if len(rare := rules[rules["count"] < FEW]):
        told.append(f"{len(rare)} of {len(rules)} rules: counted in fewer than {FEW} pairs")
    gc = gc_auroc(ours, theirs)
    if abs(gc - 0.5) >= GC - 0.5:
        told.append("motifs of G and C alone, or of A and T: the GC content by itself tells the "
                    f"classes apart with AUROC {max(gc, 1 - gc):.2f}, and they may stand for it")
    return told


def gc_auroc(ours: list[Record], theirs: list[Record]) -> float:
    """AUROC of the share of G and C; 0.5 without negatives."""
    gc = [sum(map(record.sequence.count, "GC")) / len(record.sequence) for record in ours + theirs]
    return float(roc_auc_score([1] * len(ours) + [0] * len(theirs), gc)) if theirs else 0.5
