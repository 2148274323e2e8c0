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
from motiflib.joining import join, window
from motiflib.model import Argminn
from motiflib.motif import Motif, correlation_at, tomtom
from motiflib.trimming import TRIM, frequencies, trim_ends

FLANK = 4  # bases beside the filter that a matrix starts with: a motif may be wider than its filter
SHARES = (0.5, 0.7, 0.85)  # of a filter's highest activation, from which on a window is a site; see `find_motifs`
READ = 0.4  # of a filter's widest range of weights in a column: columns with as much are read
PART = 2  # bits: as much as a base that never varies
SAME = 0.92  # correlation from which two filters read one motif
COLUMNS = [
    "motif", "consensus", "filter", "offset", "length", "information_bits", "sites", "contribution", "members",
]  # fmt: skip


class Discovery(NamedTuple):
    """Motifs, the most important first, and one row for each: see `find_motifs`."""

    motifs: list[Motif]
    table: pd.DataFrame


def find_motifs(
    model: Argminn, x: Float[Tensor, "N 4 L"], *, shortest: int = 5, bits: float = 1.0, sites: int = 20,
    most: int = 4000,
) -> Discovery:  # fmt: skip
    """Read the motifs off a network's filters, with sequences x (positives and negatives) for it to answer to.

    The sites of a filter are its candidates above half of its highest activation, as in the paper, whose removal
    changes the odds by a factor of 2 or more. (Windows that only answer strongly hold more background, see
    `strong_windows`.) Where these are too mixed for a motif, the stronger ones are tried (SHARES). Their mean is the
    PFM, FLANK bases wider than the filter on both sides, trimmed of poor columns (`rich_pieces`), and further while the
    rest has less than `bits` of mean information. What is left is a motif if it is at least `shortest` long, has `bits`
    of mean information and `sites` sites; a second, looser half that the filter reads is put back (`whole`). A filter
    whose motif a more important one already describes is a member of that one. Columns of the table: motif, consensus,
    filter, offset (where the motif starts in the filter's window, may be negative), length, information_bits, sites,
    contribution (mean change of the logit by a site: positive speaks for, negative against the positive class), members
    (all its filters as filter:offset:strand). Two filters that each read a part of a wider motif are joined, see
    `motiflib.joining`. Order: sum of |effect| over all sites. Of more than `most` sequences, so many are taken at equal
    steps.

    >>> find_motifs(model, examples.x).table.consensus[0]
    'GGACAGCGCC'
    """
    filters, width = len(model.scanner.filters), model.scanner.filters.shape[2]
    x = x[:: -(-len(x) // most)] if len(x) > most else x
    seen = candidates(model, x, least=0.2)  # weaker sites never change the odds by 2
    highest = seen.groupby(seen.channel % filters).activation.transform("max")
    seen = seen.assign(share=seen.activation / highest)[seen.effect.abs() > np.log(2)]
    found, around = [], {}
    for f, mine in seen.groupby(seen.channel % filters):
        for share in SHARES:
            some = mine[mine.share > share]
            if len(some) < sites:
                break
            around[f], motif, offset = matrix_of(x, some, f, width, bits)
            if motif.width >= shortest and motif.information_bits >= bits * motif.width:
                motif, offset = whole(motif, offset, around[f], model.scanner.filters[f])
                found.append((some.effect.abs().sum(), (motif, f, offset, some.effect.mean())))
                break
    kept = merge([item for _, item in sorted(found, key=lambda pair: -pair[0])])
    return tabulate(merge(join(kept, around, bits)))  # a motif that has grown may describe others


def matrix_of(
    x: Float[Tensor, "N 4 L"], sites: pd.DataFrame, f: int, width: int, bits: float
) -> tuple[Float[np.ndarray, "4 V"], Motif, int]:  # fmt: skip
    """Base counts around the sites of filter f (V = 3W), the motif that they make, and where it starts in the filter.

    >>> matrix_of(examples.x, sites, 0, 12, 1.0)[1].consensus
    'GGACAGCGCC'
    """
    flank, where = min(FLANK, width), (torch.tensor(sites[c].to_numpy()) for c in ("row", "start", "channel"))
    counts = cut_windows(x, *where, width, f, beside=width).sum(0).double().numpy()  # (4, 3W)
    pfm, offset = trim_ends(frequencies(counts)[:, width - flank : 2 * width + flank], bits)
    return counts, Motif("", pfm, source=f"filter {f}", sites=len(sites)), offset - flank


def whole(
    motif: Motif, offset: int, counts: Float[np.ndarray, "4 V"], weights: Float[Tensor, "4 W"]
) -> tuple[Motif, int]:  # fmt: skip
    """The motif that starts at `offset` in its filter's window, with what else the filter reads, and where that starts.

    Trimming keeps one half of a motif whose other half varies more, such as the two arms of a palindrome. A column of
    the filter is read if its weights differ by READ of the largest difference and the sites (`counts` as of
    `matrix_of`) have TRIM bits there. The motif is widened to the outermost of these if that adds PART bits, so that
    single poor flanks stay cut.

    >>> whole(motif, 0, counts, model.scanner.filters[0])[0].consensus
    'ATTTCCTNATNNGGNAA'
    """
    width, pfm = weights.shape[1], frequencies(counts)
    spread = (weights.amax(0) - weights.amin(0)).detach().cpu().numpy()
    read = np.flatnonzero((spread >= READ * spread.max()) & (Motif("", pfm).information[width : 2 * width] >= TRIM))
    first, end = int(min([offset, *read[:1]])), max([offset + motif.width, *(read[-1:] + 1)])
    wide = Motif(motif.name, pfm[:, width + first : width + end], source=motif.source, sites=motif.sites)
    more = wide.information_bits - motif.information_bits >= PART
    return (wide, first) if more else (motif, offset)


def cut_windows(
    x: Float[Tensor, "N 4 L"], row: Int[Tensor, " n"], start: Int[Tensor, " n"], channel: Int[Tensor, " n"],
    width: int, forward: int, *, beside: int = FLANK,
) -> Float[Tensor, "n 4 V"]:  # fmt: skip
    """The bases of windows with `beside` more on each side, turned over where the channel is not the `forward` one."""
    columns = start[:, None] + torch.arange(width + 2 * beside)  # (n, V) in the padded sequence
    cut = tf.pad(x, (beside, beside))[row[:, None], :, columns].mT.float()  # (n, 4, V)
    return torch.where((channel != forward)[:, None, None], cut.flip(1, 2), cut)


def align(a: Motif, b: Motif) -> tuple[float, int, str]:
    """Best alignment of motif b with a: correlation (`motif.aligned_correlation`), where b starts in a, b's strand.

    >>> align(jaspar("MAX"), jaspar("MAX"))
    (1.0, 0, '+')
    """
    best = (-1.0, 0, "+")
    for strand, pfm in (("+", b.pfm), ("-", b.pfm[::-1, ::-1])):
        for shift in range(1 - b.width, a.width):
            best = max(best, (correlation_at(a.pfm, pfm, -shift), shift, strand), key=lambda item: item[0])
    return best


def merge(found: list[tuple]) -> list[tuple]:
    """Make a motif a member of an earlier, more important one that it equals (correlation SAME or more).

    Adds to each kept item its members: filter, where the kept motif starts in the filter's window, and its strand.
    """
    kept: list[tuple] = []
    for motif, f, offset, effect, *given in found:
        members = given[0] if given else [(f, offset, "+")]
        fits = [(align(other[0], motif), other) for other in kept]
        fits = [(fit, other) for fit, other in fits if fit[0] >= SAME]
        if not fits:
            kept.append((motif, f, offset, effect, list(members)))
            continue
        (_, shift, strand), owner = max(fits, key=lambda item: item[0][0])
        size, turned = owner[0].width, strand == "-"
        start = shift + motif.width - size if turned else -shift  # of the owner, in this motif
        owner[4].extend(window(member, motif.width, start, size, turned) for member in members)
    return kept


def tabulate(found: list[tuple]) -> Discovery:
    """Name the motifs M1, M2, ... in the order given."""
    motifs, rows = [], []
    for i, (motif, f, offset, effect, members) in enumerate(found):
        motif = Motif(f"M{i + 1}", motif.pfm, source=motif.source, sites=motif.sites)
        motifs.append(motif)
        rows.append((motif.name, motif.consensus, f, offset, motif.width, motif.information_bits, motif.sites, effect,
                     " ".join(f"{m}:{start}:{strand}" for m, start, strand in members)))  # fmt: skip
    return Discovery(motifs, pd.DataFrame(rows, columns=COLUMNS))


def channel_motifs(model: Argminn, found: Discovery) -> pd.DataFrame:
    """What each channel of a network reads, indexed by channel, channels that read no motif left out.

    Columns: motif, strand, offset (of the motif's leftmost base from the start of the window), length.

    >>> channel_motifs(model, found).motif.to_dict()
    {0: 'M1', 1: 'M2', 2: 'M1', 3: 'M2'}
    """
    filters, width, rows = len(model.scanner.filters), model.scanner.filters.shape[2], []
    for motif, length, members in zip(found.table.motif, found.table.length, found.table.members, strict=True):
        for f, start, strand in (member.split(":") for member in members.split()):
            other = "-" if strand == "+" else "+"
            rows.append((int(f), motif, strand, int(start), length))
            if model.config.both_strands:
                rows.append((int(f) + filters, motif, other, width - int(start) - length, length))
    return pd.DataFrame(rows, columns=["channel", "motif", "strand", "offset", "length"]).set_index("channel")


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

    Columns: motif, consensus, length, information_bits, sites, jaspar_id, jaspar_name, p_value, correlation (in
    TOMTOM's alignment, as in `motif.aligned_correlation`).

    >>> name_motifs(found.motifs).jaspar_name[0]
    'REST'
    """
    columns = ["motif", "consensus", "length", "information_bits", "sites"]
    rows = [(m.name, m.consensus, m.width, round(m.information_bits, 2), m.sites) for m in motifs]
    best = tomtom(motifs, targets)[["motif", "jaspar_id", "jaspar_name", "p_value", "correlation"]]
    return pd.DataFrame(rows, columns=columns).merge(best, on="motif", how="left")
