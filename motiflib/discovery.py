"""Filters to motifs: the windows on which the network acts, aligned and counted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as tf
from jaxtyping import Float, Int
from torch import Tensor

from motiflib.evidence import candidates
from motiflib.model import Argminn
from motiflib.motif import Motif, aligned_correlation, tomtom

FLANK = 4  # bases beside the filter that a matrix starts with: a motif may be wider than its filter
TRIM = 0.3  # bits; columns below are cut from both ends
COLUMNS = ["motif", "consensus", "filter", "offset", "length", "information_bits", "sites", "contribution"]


class Discovery(NamedTuple):
    """Motifs, the most important first, and one row for each: see `find_motifs`."""

    motifs: list[Motif]
    table: pd.DataFrame


def find_motifs(
    model: Argminn, x: Float[Tensor, "N 4 L"], *, shortest: int = 5, bits: float = 1.0, sites: int = 20
) -> Discovery:
    """Read the motifs off a network's filters, with sequences x (positives and negatives) for it to answer to.

    The sites of a filter are its candidates whose removal changes the odds by a factor of 2 or more. Their mean
    is the PFM, FLANK bases wider than the filter on both sides, trimmed of columns below TRIM bits. (The paper
    takes all windows above half of the highest activation; these hold more background, see `strong_windows`.) A
    motif is kept if it is at least `shortest` long, has `bits` of mean information and `sites` sites, and is not a
    more important one again. Columns of the table: motif, consensus, filter, offset (where the motif starts in the
    filter's window, may be negative), length, information_bits, sites, contribution (mean change of the logit by a
    site: positive speaks for, negative against the positive class). Order: contribution times sites.

    >>> find_motifs(model, examples.x).table.consensus[0]
    'GGACAGCGCC'
    """
    filters, width = len(model.scanner.filters), model.scanner.filters.shape[2]
    seen = candidates(model, x)
    seen = seen[seen.effect.abs() > np.log(2)]
    found = []
    for f, mine in seen.groupby(seen.channel % filters):
        windows = cut_windows(x, *(torch.from_numpy(mine[c].to_numpy()) for c in ("row", "start", "channel")), width, f)
        pfm, offset = trim_ends((windows.sum(0).double().numpy() + 0.25) / (windows.sum((0, 1)).numpy() + 1.0))
        motif = Motif("", pfm, source=f"filter {f}", sites=len(mine))
        if len(mine) >= sites and motif.width >= shortest and motif.information_bits >= bits * motif.width:
            found.append((motif, f, offset - FLANK, mine.effect.mean()))
    return tabulate(merge(sorted(found, key=lambda item: -abs(item[3]) * item[0].sites)))


def cut_windows(
    x: Float[Tensor, "N 4 L"], row: Int[Tensor, " n"], start: Int[Tensor, " n"], channel: Int[Tensor, " n"],
    width: int, forward: int,
) -> Float[Tensor, "n 4 V"]:  # fmt: skip
    """The bases of windows with FLANK more on each side, turned over where the channel is not the `forward` one."""
    columns = start[:, None] + torch.arange(width + 2 * FLANK)  # (n, V) in the padded sequence
    cut = tf.pad(x, (FLANK, FLANK))[row[:, None], :, columns].mT.float()  # (n, 4, V)
    return torch.where((channel != forward)[:, None, None], cut.flip(1, 2), cut)


def trim_ends(pfm: np.ndarray) -> tuple[np.ndarray, int]:
    """Cut columns below TRIM bits from both ends: the matrix that is left, one column at least, and where it starts."""
    information = Motif("", pfm).information
    rich = np.flatnonzero(information >= TRIM)
    first, last = (rich[0], rich[-1]) if len(rich) else (int(information.argmax()),) * 2
    return pfm[:, first : last + 1], int(first)


def merge(found: list[tuple]) -> list[tuple]:
    """Drop a motif that an earlier, more important one already describes (aligned correlation of 0.95 or more)."""
    kept: list[tuple] = []
    for item in found:
        if all(aligned_correlation(item[0], other[0]) < 0.95 for other in kept):
            kept.append(item)
    return kept


def tabulate(found: list[tuple]) -> Discovery:
    """Name the motifs M1, M2, ... in the order given."""
    motifs, rows = [], []
    for i, (motif, f, offset, effect) in enumerate(found):
        motif = Motif(f"M{i + 1}", motif.pfm, source=motif.source, sites=motif.sites)
        motifs.append(motif)
        rows.append((motif.name, motif.consensus, f, offset, motif.width, motif.information_bits, motif.sites, effect))
    return Discovery(motifs, pd.DataFrame(rows, columns=COLUMNS))


@torch.no_grad()
def strong_windows(model: Argminn, x: Float[Tensor, "N 4 L"], f: int, *, share: float = 0.5) -> Motif:
    """The paper's matrix of filter f: mean of its windows whose activation exceeds `share` of the highest, untrimmed.

    >>> strong_windows(model, examples.x, 0).information_bits
    """
    filters, width = len(model.scanner.filters), model.scanner.filters.shape[2]
    activations = torch.cat([model.scanner(part.float())[:, f::filters] for part in x.split(256)])  # (N, 2, T)
    row, strand, start = (activations > share * activations.max()).nonzero(as_tuple=True)
    counts = cut_windows(x, row, start, strand * filters + f, width, f).sum(0)[:, FLANK : FLANK + width].double()
    return Motif(f"filter {f}", ((counts + 0.25) / (counts + 0.25).sum(0)).numpy(), sites=len(row))


def name_motifs(motifs: list[Motif], *, targets: list[Motif] | None = None) -> pd.DataFrame:
    """The closest JASPAR motif of each by TOMTOM, or of `targets`.

    Columns: motif, consensus, length, information_bits, sites, jaspar_id, jaspar_name, p_value.

    >>> name_motifs(found.motifs).jaspar_name[0]
    'REST'
    """
    columns = ["motif", "consensus", "length", "information_bits", "sites"]
    rows = [(m.name, m.consensus, m.width, round(m.information_bits, 2), m.sites) for m in motifs]
    best = tomtom(motifs, targets)[["motif", "jaspar_id", "jaspar_name", "p_value"]]
    return pd.DataFrame(rows, columns=columns).merge(best, on="motif", how="left")
