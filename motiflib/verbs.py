"""The ten doors of the library: `import motiflib as ml` gives `ml.train`, `ml.call`, and so on.

`run` is a folder that `train` made, or what `load` read from it. `sequences` are the path of a
FASTA file, (name, letters) records, or a list of plain strings, which are named s0, s1, ... Results
are tidy tables. The length of windows and tiles and the filters' width are the run's own and never
asked for. What cannot be used raises `motiflib.files.InputError`, one line.
"""

import logging
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd
from scipy.special import expit, logsumexp
from tqdm.auto import tqdm

from motiflib import calling, designing, syntax
from motiflib.discovery import channel_motifs
from motiflib.files import LENGTH, RATIO, need, within, write_table
from motiflib.genome import variants as reading
from motiflib.genome.fasta import Genome
from motiflib.genome.scan import call_genome
from motiflib.genome.training import WIDTH, train_on_peaks
from motiflib.hits import candidates
from motiflib.model import ArgminnConfig
from motiflib.run.folder import Run, fitting, load_run, train_run
from motiflib.sequence import Record, Sequences, one_hot
from motiflib.training import TrainConfig, logits

log = logging.getLogger(__name__)
Path = str | os.PathLike
BATCH = 128  # sequences that are read at a time
LONGER = 1.2  # times the length of training; further up, random sequences score high (test_streams)


def train(run: Path, sequences: Sequences | pd.DataFrame, *, negatives: Sequences | None = None,
          shuffle: str | None = None, genome: Path | None = None, window: int = 200,
          ratio: int = 4, test_chroms: Iterable[str] = (), blacklist: Path | None = None,
          rename_chroms: bool = False, filters: int = 12, width: int | None = None,
          layers: int = 2, epochs: int = 20, seed: int = 0, device: str = "auto",
          force: bool = False, progress: bool = True) -> Run:
    """Train a network on bound `sequences` and keep it in the folder `run`; interrupted, the same
    call goes on where it was; a finished run is replaced only with `force`.

    Give `negatives`, or a kind of `shuffle` ("dinucleotide", "mononucleotide"). With a `genome`,
    `sequences` are peaks (BED, narrowPeak, a table): `window` bp around each summit are cut, and
    `negatives` are "gc-matched" (the default), "dinucleotide", "flanks" or a BED file, `ratio` for
    each peak; examples.tsv in the folder then lists every window, its part (train, or test on
    `test_chroms`) and probability.

    >>> train("run", ["ACGTTGCA" * 3] * 20)
    Traceback (most recent call last):
    motiflib.files.InputError: training needs either negatives or a kind of shuffle, ...
    """
    width = (12 if genome is None else WIDTH) if width is None else width
    settings = {"config": ArgminnConfig(filters=filters, width=width, layers=layers), "seed": seed,
                "training": TrainConfig(epochs=epochs, device=device), "force": force,
                "progress": progress}
    if genome is None:
        return train_run(sequences, run, negatives=negatives, shuffle=shuffle, **settings)
    need(shuffle is None, f"--shuffle {shuffle}: with --genome, write --negatives dinucleotide")
    within("window", window, 1, LENGTH)
    within("ratio", ratio, 1, RATIO)
    negatives = "gc-matched" if negatives is None else negatives
    trained, table = train_on_peaks(
        genome, sequences, run, width=window, ratio=ratio, test_chroms=list(test_chroms),
        negatives=negatives, blacklist=blacklist, rename=rename_chroms, **settings)
    write_table(table, os.path.join(run, "examples.tsv"))
    return trained


def load(run: Path | Run) -> Run:
    """A run: its network (evaluation mode, CPU), motifs, evidence, history and settings.

    >>> load(run).motifs[0].consensus
    'GGCGCTGTCC'
    """
    return run if isinstance(run, Run) else load_run(run)


def score(run: Path | Run, sequences: Sequences) -> pd.DataFrame:
    """Probability of each sequence that it is bound: columns name, probability.

    A network knows the length of its training. Records of more than LONGER times that are read by
    windows of it, and their odds are the mean of the windows' odds: one is bound, whichever, or
    none. The best window's alone would be high by chance in any long record.

    >>> score(run, records).probability.gt(0.5).value_counts().to_dict()
    {False: 22, True: 18}
    """
    run, scores = load(run), defaultdict(list)
    records = told("scoring", fitting(sequences, run.model.config.width), sequences)
    for group in calling.grouped(calling.tiles(records, run.tile, LONGER), BATCH):
        log_odds = logits(run.model, one_hot([window.letters for window in group]))
        for window, one in zip(group, log_odds.double().tolist(), strict=True):
            scores[window.sequence].append(one)
    long = sum(len(windows) > 1 for windows in scores.values())
    if long:
        log.warning("%d of %d records are much longer than the %d bp of the training: they are "
                    "read by windows", long, len(scores), run.tile)
    rows = [(name, expit(logsumexp(windows) - np.log(len(windows))))
            for name, windows in scores.items()]
    return pd.DataFrame(rows, columns=["name", "probability"])


def find_motifs(run: Path | Run, sequences: Sequences | None = None, *,
                negatives: Sequences | None = None, taxon: str = "all") -> pd.DataFrame:
    """The motifs of a run, the known one (of all JASPAR CORE, or a taxon) that each is most like,
    and what held-out sequences say.

    The evidence is from the sequences that training held back, or from bound `sequences` and their
    `negatives` (by default, their shuffles). Columns: those of `known.name_motifs`, then of
    `evidence.support`. The matrices are in `load(run).motifs`.

    >>> find_motifs(run)  # doctest: +SKIP
    """
    from motiflib.run.report import motif_table  # brings matplotlib, which is slow to import

    run = load(run)
    return motif_table(run, *records_in(run, sequences, negatives), taxon=taxon)[0]


def call(run: Path | Run, sequences: Sequences, *, threshold: float | None = None,
         fdr: float | None = None, every: bool = False) -> pd.DataFrame:
    """Instances of the run's motifs, in order of sequence and start: columns of `calling.call`.

    `threshold` is the least score, 0.5 by default; or `fdr`, the false discovery rate that you
    accept in sequences like those of the training; or `every` candidate down to 0.05.

    >>> call(run, records).columns.tolist()[:6]
    ['sequence', 'start', 'end', 'motif', 'score', 'strand']
    """
    return together(call_in_parts(run, sequences, threshold, fdr, every), calling.CALL_COLUMNS)


def scan(run: Path | Run, genome: Path, out: Path, *, regions: Path | None = None,
         rename_chroms: bool = False, threshold: float | None = None, fdr: float | None = None,
         every: bool = False, extra: bool = False, device: str = "cpu") -> None:
    """Instances along a genome, or in `regions` of it, as the BED file `out` (`scan.call_genome`),
    of six columns, or with `extra` of all that `call` gives.

    >>> scan(run, "missing.fa", "calls.bed")
    Traceback (most recent call last):
    motiflib.files.InputError: missing.fa: no such file; ...
    """
    run = load(run)
    call_genome(run, genome, out, regions=regions, rename=rename_chroms, device=device, extra=extra,
                threshold=least_score(run, threshold, fdr, every))


def rules(run: Path | Run, sequences: Sequences) -> pd.DataFrame:
    """Which motifs stand together, on which strands, how far apart, how sure that is and what the
    network makes of it: columns of `syntax.find_rules`, and sentence. Records of more than LONGER
    times the length of training are read as windows of it, side by side.

    >>> rules(run, records).columns.tolist()[:4]
    ['motif_a', 'strand_a', 'motif_b', 'strand_b']
    """
    run = load(run)
    records = list(side_by_side(fitting(sequences, run.model.config.width), run.tile))
    calls = calling.call(run.model, run.found, told("calling", records, records),
                         threshold=0.3, tile=run.tile)  # negatives score lower
    table = syntax.find_rules(run.model, run.found, records, calls=calls, tile=run.tile)
    return table.assign(sentence=[syntax.rule_sentence(rule) for _, rule in table.iterrows()])


def explain(run: Path | Run, sequences: Sequences) -> pd.DataFrame:
    """Every site that a filter of a motif fires at, with what the network makes of it; sequences
    are read whole, and sites that share bases are not merged.

    Columns: sequence, motif, start, end, strand; activation, attention, effect (fall of the
    log-odds if the site is silenced), probability of the sequence, score (`hits.site_score`).

    >>> explain(run, records[:1]).columns.tolist()[:4]
    ['sequence', 'motif', 'start', 'end']
    """
    run, parts = load(run), []
    reads = channel_motifs(run.model, run.found)
    for part in batches_of(fitting(sequences, run.model.config.width)):
        seen = candidates(run.model, one_hot([record.sequence for record in part]))
        seen = seen.join(reads, on="channel", how="inner")
        start = seen.start + seen.offset
        name = seen.row.map(dict(enumerate(record.name for record in part)))
        parts.append(seen.assign(sequence=name, start=start, end=start + seen.length))
    columns = ["sequence", "motif", "start", "end", "strand", *calling.CALL_COLUMNS[-4:], "score"]
    return together(parts, columns)[columns]


def design(run: Path | Run, n: int = 100, *, length: int = 200, gc: float = 0.5,
           forbid: Iterable[str] = (), left: str = "", right: str = "",
           counts: Mapping[str, int] | None = None, apart: int = 0, seed: int = 0) -> pd.DataFrame:
    """New sequences from the run's own motifs and rules, under `designing.Constraints`: columns
    design, sequence, probability, text (the reason for every base).

    >>> bool(design(run, 2, length=120).probability.min() > 0.9)
    True
    """
    run = load(run)
    asked = designing.Constraints(length, gc, tuple(forbid), left, right, counts or {}, apart)
    made = designing.design(run.model, run.found, n, asked, seed=seed)
    reasons = designing.explain(run.model, made).drop_duplicates("design").set_index("design")
    table = pd.DataFrame(made.records, columns=["design", "sequence"])
    return table.assign(probability=made.probability, text=table.design.map(reasons.text))


def variants(run: Path | Run, sequences: Path, *, genome: Path | None = None,
             alt: Path | None = None, rename_chroms: bool = False,
             threshold: float = calling.THRESHOLD, strict: bool = False) -> pd.DataFrame:
    """What each variant does to the log-odds and to the instances: columns of `variants.effects`.

    `sequences` is a VCF file, with the `genome` of its reference; or a FASTA file of the sequences
    before, with `alt`, the same sequences after, in the same order. Alleles of the VCF that are not
    spelt out are left out and listed in `attrs["skipped"]`, or refused if `strict`.

    >>> variants(run, "tert.vcf")
    Traceback (most recent call last):
    motiflib.files.InputError: variants need either a genome or the sequences after (alt): give one
    """
    need((genome is None) != (alt is None),
         "variants need either a genome or the sequences after (alt): give one")
    run = load(run)
    least = run.model.config.width
    if alt is not None:
        table, pairs = reading.from_fasta(sequences, alt, least=least)
    else:
        table = reading.read_vcf(sequences, strict=strict)
        with Genome(genome) as reference:
            pairs = reading.on_reference(reference, table, run.tile, rename=rename_chroms,
                                         where=sequences, least=least)
    out = reading.effects(run, table, pairs, threshold=threshold)
    out.attrs |= table.attrs
    return out


def told(what: str, records: Iterable[Record], source: Sequences = ()) -> Iterable[Record]:
    """Records with a bar of progress, if somebody looks at a terminal."""
    total = len(source) if hasattr(source, "__len__") and not isinstance(source, str) else None
    return tqdm(records, what, total or None, unit=" sequences", leave=False, disable=None)


def side_by_side(records: Iterable[Record], size: int) -> Iterator[Record]:
    """Records, and in place of long ones their windows of `size` bp, named by their places."""
    for name, letters in records:
        if len(letters) <= LONGER * size:
            yield Record(name, letters)
            continue
        for start in range(0, len(letters) - size + 1, size):
            yield Record(f"{name}:{start}-{start + size}", letters[start : start + size])


def together(parts: Iterable[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    """Tables as one, with its columns even where there is none."""
    return pd.concat(list(parts) or [pd.DataFrame(columns=columns)], ignore_index=True)


def records_in(run: Run, *sources: Sequences | None) -> list[list[Record]]:
    """The records of each source that is given."""
    width = run.model.config.width
    return [list(fitting(source, width)) for source in sources if source is not None]


def call_in_parts(run: Path | Run, sequences: Sequences, threshold: float | None,
                  fdr: float | None, every: bool) -> Iterator[pd.DataFrame]:
    """`call`, some sequences at a time: for files that do not fit into memory."""
    run = load(run)
    records = told("calling", fitting(sequences, run.model.config.width), sequences)
    return calling.call_parts(run.model, run.found, records, tile=run.tile,
                              threshold=least_score(run, threshold, fdr, every))


def least_score(run: Run, threshold: float | None, fdr: float | None, every: bool) -> float:
    """The score that calls must reach: the one given, that of a false discovery rate, the lowest,
    or the default; InputError if more than one is given, or no score reaches the rate."""
    given = (threshold is not None) + (fdr is not None) + every
    need(given <= 1, "--threshold, --fdr and --all each choose the least score: give one of them")
    if fdr is not None:
        return calling.at_fdr(run.fdr, fdr)
    usual = calling.LEAST if every else calling.THRESHOLD
    return usual if threshold is None else threshold


def batches_of(records: Iterable[Record], bases: int = 2**18) -> Iterator[list[Record]]:
    """Consecutive records that, padded to the longest, hold at most `bases`; one at least."""
    part, longest = [], 0
    for record in records:
        longest = max(longest, len(record.sequence))
        if part and longest * (len(part) + 1) > bases:
            yield part
            part, longest = [], len(record.sequence)
        part.append(record)
    if part:
        yield part
