"""Is a motif real, and not just a name? Its matrix, its filters and its sites in sequences that no
training saw."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as tf
from jaxtyping import Float
from scipy.stats import fisher_exact
from torch import Tensor

from motiflib.batches import Examples
from motiflib.calling import call
from motiflib.discovery import Found, channel_motifs
from motiflib.files import read_table
from motiflib.model import Argminn
from motiflib.motif import Motif
from motiflib.sequence import Record, decode, one_hot, shuffle

CHANCE = 0.05  # share of shuffled sequences that may have a "site"
MOST = 500  # sequences of each class that are looked at
STORED = 200  # sites of each motif that are kept for a report
FLANK = 5  # bases shown beside a site
FILES = ("evidence.tsv", "sites.tsv")  # in a run's folder
SUPPORT_COLUMNS = [
    "motif", "in_positives", "in_negatives", "in_shuffles", "enrichment", "enrichment_p", "over_shuffles", "shuffles_p",
    "loss_rise", "loss_rise_se",
]  # fmt: skip
SITE_COLUMNS = ["motif", "sequence", "start", "end", "strand", "score", "effect", "from_middle", "bases"]


class Evidence(NamedTuple):
    """`support`: a row per motif, see `support`. `sites`: up to STORED sites of each motif, see
    `example_sites`."""

    support: pd.DataFrame
    sites: pd.DataFrame


def gather(model: Argminn, found: Found, held: Examples, *, seed: int = 0) -> Evidence:
    """All evidence for the motifs `found`, from labelled sequences that training did not see.

    >>> gather(model, find_motifs(model, train.x), valid).support.enrichment_p[0] < 1e-6
    True
    """
    chosen = torch.cat([torch.nonzero(held.y.cpu() == label)[:MOST, 0] for label in (1, 0)]).sort().values
    x, y = held.x.cpu()[chosen].float(), held.y.cpu()[chosen]
    records = [Record(f"held{i}", s.rstrip("N") or "N") for i, s in enumerate(decode(x[y > 0.5]))]
    return Evidence(support(model, found, Examples(x, y), seed=seed), example_sites(model, found, records))


def support(model: Argminn, found: Found, held: Examples, *, seed: int = 0) -> pd.DataFrame:
    """What each matrix alone, and each filter in the network, is worth on held-out sequences x
    (N,4,L), y (N,).

    A sequence has a site if the matrix scores some window, on either strand, as high as CHANCE of
    the positives' dinucleotide shuffles do (log-odds against equal bases; a second set of shuffles
    is then counted). Columns: motif; in_positives, in_negatives, in_shuffles, shares of sequences
    with a site; enrichment and over_shuffles, the odds ratio of positives to negatives and to
    shuffles, each with the p-value of Fisher's exact test, two-sided; loss_rise, by how much the
    mean cross-entropy (nats) rises when the motif's filters are silenced, and its standard error. A
    motif may count by its place alone: then it is in both classes, far above the shuffles, and the
    loss rises.

    >>> support(model, found, valid)[["motif", "enrichment", "loss_rise"]]
    """
    positive = held.y > 0.5
    letters, rows = decode(held.x[positive]), []
    decoys = [one_hot(shuffle(letters, seed=seed + i), held.x.shape[2]) for i in range(2)]
    groups = (held.x[positive].float(), held.x[~positive].float(), decoys[1])
    rise = loss_rise(model, found, held)
    for motif in found.motifs:
        threshold = np.quantile(best_score(motif, decoys[0]), 1 - CHANCE, method="higher")
        hits = [(int((best_score(motif, part) >= threshold).sum()), len(part)) for part in groups]
        shares = [hit / max(n, 1) for hit, n in hits]
        rows.append((motif.name, *shares, *odds(hits[0], hits[1]), *odds(hits[0], hits[2]), *rise[motif.name]))
    return pd.DataFrame(rows, columns=SUPPORT_COLUMNS)


def odds(ours: tuple[int, int], theirs: tuple[int, int]) -> tuple[float, float]:
    """Odds ratio (half a count added to each cell) and two-sided p-value of Fisher's test of k of n
    against k of n.

    >>> odds((5, 10), (5, 10))
    (1.0, 1.0)
    """
    cells = np.array([[k, n - k] for k, n in (ours, theirs)])
    (a, b), (c, d) = cells + 0.5
    return float(a * d / (b * c)), float(fisher_exact(cells).pvalue)


def best_score(motif: Motif, x: Float[Tensor, "N 4 L"], batch: int = 256) -> Float[np.ndarray, " N"]:
    """The matrix's best log-odds score in each sequence, on either strand, in bits; an unknown base
    counts 0.

    >>> best_score(jaspar("MAX"), one_hot(["TTCACGTGTT"]))
    """
    pwm = torch.tensor(motif.pwm(pseudocount=0.01).copy(), dtype=torch.float32)  # (4, w)
    both = torch.stack([pwm, pwm.flip(0, 1)])
    x = tf.pad(x, (0, max(motif.width - x.shape[2], 0)))
    return torch.cat([tf.conv1d(part.float(), both).amax((1, 2)) for part in x.split(batch)]).numpy()


@torch.no_grad()
def loss_rise(model: Argminn, found: Found, held: Examples, *, batch: int = 128) -> dict[str, tuple[float, float]]:
    """For each motif: rise of the mean cross-entropy when all its filters are silent on both
    strands, standard error.

    A silenced filter has activation 0 everywhere, so that other hits take its place among the
    candidates.

    >>> loss_rise(model, found, valid)["M1"]
    (0.31, 0.01)
    """
    reads = channel_motifs(model, found)
    channels = {name: reads.index[reads.motif == name].tolist() for name in found.table.motif}
    device, was = next(model.parameters()).device, model.training
    model.eval()
    parts = []
    for x, y in zip(held.x.split(batch), held.y.split(batch), strict=True):
        x, y = x.to(device).float(), y.to(device).float()
        activations = model.scanner(x)
        silenced = [activations, *(without(activations, silent) for silent in channels.values())]
        logits = [model.read(x, a)[0] for a in silenced]
        parts.append(torch.stack([tf.binary_cross_entropy_with_logits(z, y, reduction="none") for z in logits]).cpu())
    model.train(was)
    losses = torch.cat(parts, 1).double()  # (1 + motifs, N)
    rises = (losses[1:] - losses[:1]).numpy()
    return {name: (r.mean(), r.std() / np.sqrt(len(r))) for name, r in zip(channels, rises, strict=True)}


def without(activations: Float[Tensor, "B C T"], silent: list[int]) -> Float[Tensor, "B C T"]:
    """The same activations, with channels `silent` at 0.

    >>> without(torch.ones(1, 2, 1), [0]).flatten().tolist()
    [0.0, 1.0]
    """
    changed = activations.clone()
    changed[:, silent] = 0
    return changed


def example_sites(model: Argminn, found: Found, records: list[Record], most: int = STORED) -> pd.DataFrame:
    """Sites that the network calls in the records, at most `most` of each motif, taken at equal
    steps.

    Columns: motif; sequence; start, end (0-based, half-open); strand; score and effect as in
    `instances.call`; from_middle, the distance in bp of the site's middle from the sequence's;
    bases, read along the motif, those beside the site in lower case.

    >>> example_sites(model, found, records).bases[0]
    'ctaggTTCAGCACCatgga'
    """
    longest = max((len(record.sequence) for record in records), default=0)
    calls = call(model, found, records, tile=max(longest, 2 * model.config.width))
    taken = [part.iloc[:: -(-len(part) // most)] for _, part in calls.groupby("motif", sort=False)]
    sites = pd.concat(taken).sort_index() if taken else calls
    letters = {record.name: record.sequence for record in records}
    places = list(zip(sites.sequence, sites.start, sites.end, strict=True))
    sites["from_middle"] = [(start + end - len(letters[name])) / 2 for name, start, end in places]
    sites["bases"] = [
        show(letters[name], start, end, strand) for (name, start, end), strand in zip(places, sites.strand, strict=True)
    ]
    return sites[SITE_COLUMNS].reset_index(drop=True)


def show(sequence: str, start: int, end: int, strand: str = "+", flank: int = FLANK) -> str:
    """A site in capitals between `flank` bases in lower case, `-` beyond the sequence; turned round
    on strand "-".

    >>> show("ACGTTGCA", 2, 4, flank=2), show("ACGTTGCA", 0, 2, "-", 2)
    ('acGTtg', 'acGT--')
    """
    padded = "-" * flank + sequence + "-" * flank
    parts = padded[start : start + flank], padded[start + flank : end + flank], padded[end + flank : end + 2 * flank]
    if strand == "-":
        parts = tuple(part.translate(COMPLEMENT)[::-1] for part in reversed(parts))
    return parts[0].lower() + parts[1] + parts[2].lower()
COMPLEMENT = str.maketrans("ACGT", "TGCA")


def write(evidence: Evidence, folder: Path) -> None:
    """Write FILES into a run's folder.

    >>> write(gather(model, found, valid), Path("run"))
    """
    for frame, name in zip(evidence, FILES, strict=True):
        frame.to_csv(folder / name, sep="\t", index=False, float_format="%.5g")


def read(folder: Path) -> Evidence | None:
    """Read FILES back; None if a run was written without them.

    Raises:
        InputError: a file that is not a table, or not a whole one.

    Example:
        >>> read(Path("run")).support.loss_rise[0]
        0.31
    """
    if not all((folder / name).is_file() for name in FILES):
        return None
    support, sites = (folder / name for name in FILES)
    return Evidence(read_table(support, SUPPORT_COLUMNS), read_table(sites, SITE_COLUMNS, ["start", "end", "score"]))
