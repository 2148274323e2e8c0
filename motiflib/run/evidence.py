"""Is a motif real, and not just a name? Its matrix, filters and sites in sequences held out."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as tf
from jaxtyping import Float
from pandas.api.types import is_numeric_dtype
from scipy.stats import fisher_exact
from torch import Tensor

from motiflib.batches import Examples
from motiflib.calling import call
from motiflib.discovery import Found, channel_motifs
from motiflib.files import ADVICE, LENGTH, InputError, need
from motiflib.model import Argminn, evaluating
from motiflib.motif import Motif
from motiflib.sequence import Record, decode, one_hot, records_of, reverse_complement, shuffle

CHANCE = 0.05  # share of shuffled sequences that may have a "site"
MOST = 500  # sequences of each class that are looked at
MANY = 2**26  # bytes of a table
FEW = 200  # sequences of a class; with fewer, what is found may be chance
FLANK = 5  # bases shown beside a site
FILES = ("evidence.tsv", "sites.tsv")  # in a run's folder
NAME = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"  # of a motif, and so of its logo's file
SHARE, NUMBER = (0.0, 1.0), (-1e12, 1e12)
SUPPORT = {"motif": NAME, "in_positives": SHARE, "in_negatives": SHARE, "in_shuffles": SHARE,
           "enrichment": NUMBER, "enrichment_p": SHARE, "over_shuffles": NUMBER,
           "shuffles_p": SHARE, "loss_rise": NUMBER, "loss_rise_se": NUMBER}
SITES = {"motif": NAME, "sequence": r"\S+", "start": (0, LENGTH), "end": (0, LENGTH),
         "strand": "[+-]", "score": SHARE, "effect": NUMBER, "from_middle": NUMBER,
         "bases": "[A-Za-z-]+"}
SUPPORT_COLUMNS, SITE_COLUMNS = list(SUPPORT), list(SITES)


class Evidence(NamedTuple):
    """`support`, a row for each motif, and `sites`, some of each (`example_sites`).

    A sequence has a site if the matrix scores some window, on either strand, as high as CHANCE of
    the positives' dinucleotide shuffles do (others are then counted). Columns of `support`: motif;
    in_positives, in_negatives, in_shuffles, shares of sequences with a site; enrichment and
    over_shuffles, odds ratios of positives to negatives and to shuffles, with p-values of Fisher's
    exact test, two-sided; loss_rise, by how much the mean cross-entropy (nats) rises when the
    motif's filters are silenced, and its standard error. A motif that counts by its place alone is
    in both classes, far above the shuffles, and the loss rises.
    """

    support: pd.DataFrame
    sites: pd.DataFrame


def gather(model: Argminn, found: Found, held: Examples,
           positives: Sequence[Record | str] | None = None) -> Evidence:
    """What each matrix alone, and each filter in the network, is worth in labelled sequences that
    training did not see. `positives`: those among them, in order, as records or letters; else they
    are decoded, and padding reads as N.

    >>> gather(model, found, Examples(x, torch.ones(40))).support.motif.tolist()
    ['M1', 'M2']
    """
    y = held.y.cpu()
    chosen = torch.cat([torch.nonzero(y == label)[:MOST, 0] for label in (1, 0)]).sort().values
    few = Examples(held.x.cpu()[chosen].float(), y[chosen])
    bound, rows = few.y > 0.5, []
    known = list(records_of(decode(few.x[bound]) if positives is None else positives[:MOST]))
    letters = [record.sequence for record in known]
    decoys, shuffles = (one_hot(shuffle(letters, seed=i), few.x.shape[2]) for i in (0, 1))
    groups = few.x[bound], few.x[~bound], shuffles
    for motif, rise, error in zip(found.motifs, *loss_rise(model, found, few), strict=True):
        threshold = np.quantile(best_score(motif, decoys), 1 - CHANCE, method="higher")
        counts = [(np.sum(best_score(motif, x) >= threshold), len(x)) for x in groups]
        shares, (ours, theirs, shuffled) = [k / max(n, 1) for k, n in counts], counts
        tests = *odds(ours, theirs), *odds(ours, shuffled)
        rows.append((motif.name, *shares, *tests, rise, error))
    sites = example_sites(model, found, known)
    return Evidence(pd.DataFrame(rows, columns=SUPPORT_COLUMNS), sites)


def odds(ours: tuple[int, int], theirs: tuple[int, int]) -> tuple[float, float]:
    """Odds ratio (half a count added to each cell) and p-value of k of n against k of n."""
    cells = np.array([[k, n - k] for k, n in (ours, theirs)])
    (a, b), (c, d) = cells + 0.5
    return float(a * d / (b * c)), float(fisher_exact(cells).pvalue)


def best_score(motif: Motif, x: Float[Tensor, "N 4 L"]) -> Float[np.ndarray, " N"]:
    """The matrix's best log-odds score in each sequence, on either strand, in bits; N counts 0.

    >>> best_score(Motif("M1", one_hot(["GATTACA"])[0].numpy()), one_hot(["TGTAATC"])).round(1)
    array([13.7], dtype=float32)
    """
    pwm = torch.tensor(motif.pwm().copy(), dtype=torch.float32)  # (4, w)
    both = torch.stack([pwm, pwm.flip(0, 1)])
    x = tf.pad(x, (0, max(motif.width - x.shape[2], 0)))
    return torch.cat([tf.conv1d(part.float(), both).amax((1, 2)) for part in x.split(256)]).numpy()


@torch.no_grad()
def loss_rise(model: Argminn, found: Found, held: Examples) -> tuple[np.ndarray, np.ndarray]:
    """For each motif, `loss_rise` of its evidence and the standard error. A silent filter's
    activation is 0 on both strands, so that other hits take its place among the candidates."""
    reads, parts = channel_motifs(model, found), []
    with evaluating(model) as device:
        channels = [torch.tensor(reads.index[reads.motif == name], dtype=torch.long, device=device)
                    for name in found.table.motif]
        for x, y in zip(held.x.split(128), held.y.split(128), strict=True):
            x, y = x.to(device).float(), y.to(device).float()
            whole = model.scanner(x)
            silenced = [whole.index_fill(1, silent, 0) for silent in channels]
            logits = torch.stack([model.read(x, a)[0] for a in (whole, *silenced)])
            target = y.expand_as(logits)
            loss = tf.binary_cross_entropy_with_logits(logits, target, reduction="none")
            parts.append(loss.cpu())
    losses = torch.cat(parts, 1).double()  # (1 + motifs, N)
    rises = (losses[1:] - losses[:1]).numpy()
    return rises.mean(1), rises.std(1) / np.sqrt(len(held.y))


def example_sites(model: Argminn, found: Found, records: list[Record],
                  most: int = 200) -> pd.DataFrame:
    """Sites that the network calls (columns as in `calling.call`), at most `most` of each motif, at
    equal steps; from_middle, bp from the sequence's middle to the site's; bases, as in `show`."""
    longest = max((len(record.sequence) for record in records), default=0)
    calls = call(model, found, records, tile=max(longest, 2 * model.config.width))
    taken = [part.iloc[:: -(-len(part) // most)] for _, part in calls.groupby("motif", sort=False)]
    sites = pd.concat(taken).sort_index() if taken else calls
    letters = list(map(dict(records).get, sites.sequence))
    sites["from_middle"] = (sites.start + sites.end - [len(text) for text in letters]) / 2
    sites["bases"] = list(map(show, letters, sites.start, sites.end, sites.strand))
    return sites[SITE_COLUMNS].reset_index(drop=True)


def show(sequence: str, start: int, end: int, strand: str = "+") -> str:
    """A site in capitals, turned round on strand "-", between FLANK others; `-` beyond the end."""
    edge = "-" * FLANK
    shown = (edge + sequence + edge)[start : end + 2 * FLANK]
    shown = reverse_complement(shown) if strand == "-" else shown
    return shown[:FLANK].lower() + shown[FLANK:-FLANK] + shown[-FLANK:].lower()


def doubts(y: Tensor, held: Tensor, auroc: float, support: pd.DataFrame) -> list[str]:
    """What speaks against a run, a sentence each, by the labels of all sequences and of those held
    back: few sequences, an AUROC that may be .5 (95%), no motif with support."""
    few = min(int((y == label).sum()) for label in (0, 1))
    error = auroc_error(auroc, *(int((held == label).sum()) for label in (1, 0)))
    told = {
        f"only {few} sequences of a class: below {FEW}, what is found may be chance": few < FEW,
        f"AUROC {auroc:.2f} on {len(held)} held-back sequences cannot be told from chance, 0.5: "
        "give more sequences, or other negatives": auroc - 1.96 * error <= 0.5,
        "no motif has support in held-back sequences: do not rely on the motifs":
            not supported(support).any(),
    }
    return [text for text, holds in told.items() if holds]


def auroc_error(auroc: float, ours: int, theirs: int) -> float:
    """Standard error of an AUROC of so many positives and negatives (Hanley and McNeil 1982)."""
    q, r = auroc / (2 - auroc) - auroc**2, 2 * auroc**2 / (1 + auroc) - auroc**2
    variance = (auroc * (1 - auroc) + (ours - 1) * q + (theirs - 1) * r) / (ours * theirs)
    return max(variance, 0) ** 0.5


def supported(support: pd.DataFrame) -> pd.Series:
    """Motifs that are more frequent in one class, or than in shuffles (corrected for the number of
    motifs), and that the network needs, by two standard errors."""
    p = support[["enrichment_p", "shuffles_p"]].min(axis=1) * len(support)
    return (p < CHANCE) & (support.loss_rise > 2 * support.loss_rise_se)


def write(evidence: Evidence, folder: Path) -> None:
    for frame, name in zip(evidence, FILES, strict=True):
        frame.to_csv(folder / name, sep="\t", index=False, float_format="%.5g")


def read(folder: Path, motifs: Sequence[str]) -> Evidence | None:
    """None if a run was written without evidence, InputError for a file that is not whole, or of
    other motifs."""
    support, sites = (folder / name for name in FILES)
    if not support.is_file() or not sites.is_file():
        return None
    found = Evidence(read_columns(support, SUPPORT), read_columns(sites, SITES))
    need(list(found.support.motif) == motifs and set(found.sites.motif) <= set(motifs),
         f"{support}: other motifs than in motifs.tsv beside it; {ADVICE}")
    return found


def read_columns(path: Path, rules: Mapping[str, str | tuple],
                 others: tuple | None = None) -> pd.DataFrame:
    """A table of a run; a rule is the pattern of a column's words, or the least and the most of its
    numbers, whole ones if these are; `others`, the rule of columns without one. InputError for what
    does not keep to it."""
    need(path.stat().st_size < MANY, f"{path}: too large for a table of a run; {ADVICE}")
    try:
        text = path.read_text()
        need(len({line.count("\t") for line in text.splitlines()}) == 1, "lines of one length")
        table = pd.read_csv(io.StringIO(text), sep="\t", keep_default_na=False,
                            quoting=csv.QUOTE_NONE)
    except ValueError as error:
        raise InputError(f"{path}: damaged, not a table; {ADVICE}") from error
    need(text.endswith("\n"), f"{path}: its last line is cut short; {ADVICE}")
    for name, rule in (dict.fromkeys(table if others else (), others) | dict(rules)).items():
        need(name in table, f"{path}: column {name!r} is missing; {ADVICE}")
        column = table[name]
        if isinstance(rule, str):
            fits = column.astype(str).str.fullmatch(rule)
        elif len(table):
            need(is_numeric_dtype(column),
                 f"{path}: column {name[:40]!a} does not hold numbers; {ADVICE}")
            fits = column.between(*rule) & (isinstance(rule[1], float) | (column % 1 == 0))
        odd = "".join(map(ascii, column[~fits.astype(bool)][:1]))[:40] if len(table) else ""
        need(not odd, f"{path}: column {name[:40]!a} cannot hold {odd}; {ADVICE}")
    return table
