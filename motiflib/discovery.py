"""Filters to motifs: the sites at which a filter makes the network decide, aligned and trimmed.

Two filters that read parts of one motif are joined: the other's matrix stands beside the sites of
each at one distance. If the parts overlap, a good share of sites is enough, as each filter has its
site where the other's part is weak. If they only touch, it must be nearly all: partners at a fixed
distance, which stay apart, have a gap or also stand alone.
Letters: W filter width; w and V columns of a motif and of a wider matrix.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from scipy import ndimage
from torch import Tensor

from motiflib.hits import candidates
from motiflib.model import Argminn
from motiflib.motif import Motif, align, correlation_at
from motiflib.sequence import reverse_complement

TRIM = 0.3  # bits; columns below are cut from both ends
BITS = 1.0  # a motif has as much in a column, on average
SHARES = (0.5, 0.7, 0.85)  # of a filter's highest activation: from the first that will do, sites
SHARE = 1 / 3  # of the sites of either part have the other there, at least, if half of it overlaps
FLIP = {"+": "-", "-": "+"}
COLUMNS = "motif consensus filter offset length information_bits sites contribution".split()


class Member(NamedTuple):
    """A filter, where a motif's leftmost base is in its window (may be < 0), which strand."""

    filter: int
    offset: int
    strand: str


class Reading(NamedTuple):
    """A motif, its mean effect, the filters that read it, and the base counts around the sites of
    the first of these: its window and W bases on both sides."""

    motif: Motif
    effect: float
    members: list[Member]
    counts: Float[np.ndarray, "4 3W"] = np.zeros((4, 0))

    @property
    def start(self) -> int:
        """Where the motif starts in the counts."""
        first, columns = self.members[0], self.counts.shape[1]
        left = columns // 3 + first.offset
        return left if first.strand == "+" else columns - left - self.motif.width

    def reverse_complement(self) -> Reading:
        members = [m._replace(strand=FLIP[m.strand]) for m in self.members]
        motif, counts = self.motif.reverse_complement(), self.counts[::-1, ::-1]
        return Reading(motif, self.effect, members, counts)


class Found(NamedTuple):
    """Motifs, the most important first, with one row each in `table` (`find_motifs`) and, in
    `members`, a row for each filter of each: motif and the fields of `Member`."""

    motifs: list[Motif]
    table: pd.DataFrame
    members: pd.DataFrame


def frequencies(counts: Float[np.ndarray, "4 w"]) -> Float[np.ndarray, "4 w"]:
    return (counts + 0.25) / (counts.sum(0) + 1)  # one pseudocount, shared


def rich_pieces(information: Float[np.ndarray, " w"], fragment: float = 0.5) -> list[tuple]:
    """Half-open ranges of columns of TRIM bits or more, parted by two poorer ones. One at the ends
    with less than `fragment` of the richest one's bits is left out, the edge of a neighbour.

    >>> rich_pieces(np.array([2, 2, 2, 2, 0, 2, 0, 0, 2.0]))
    [(0, 6)]
    """
    rich = np.flatnonzero(information >= TRIM)
    rich = rich if len(rich) else information.argmax(keepdims=True)
    runs = np.split(rich, np.flatnonzero(np.diff(rich) > 2) + 1)
    content = np.array([information[run].sum() for run in runs])
    enough = np.flatnonzero(content >= fragment * content.max())
    return [(int(run[0]), int(run[-1]) + 1) for run in runs[enough[0] : enough[-1] + 1]]


def trim_ends(pfm: Float[np.ndarray, "4 V"]) -> tuple[Float[np.ndarray, "4 w"], int]:
    """The part of a matrix with most information, within its `rich_pieces`, that has a mean of BITS
    or more (of equal ones the shortest; else the richest column), and where it starts."""
    information = Motif("", pfm).information
    low, *_, high = np.ravel(rich_pieces(information))
    first, end = low + np.stack(np.triu_indices(high - low + 1, 1))  # all ranges
    total = np.concatenate([[0.0], information.cumsum()])
    bits = total[end] - total[first]
    good = bits >= BITS * (end - first) - 1e-9
    good = good if good.any() else end == first + 1
    best = np.lexsort((first, first - end, np.where(good, bits, -1)))[-1]
    return pfm[:, first[best] : end[best]], int(first[best])


def find_motifs(model: Argminn, x: Float[Tensor, "N 4 L"], *,
                shortest: int = 5, sites: int = 20) -> Found:
    """Read the motifs off a network's filters, with sequences x of both classes for it to answer to
    (of more than 4000, so many at equal steps). Sites are candidates above half of the filter's
    highest activation, as in the paper, whose removal changes the odds by 2 or more; where these
    make no motif of `shortest` columns with BITS each, the stronger ones, if there are `sites`.

    Columns of the table: motif, consensus, filter, offset (`Member`), length, information_bits,
    sites, contribution (mean effect on the logit, signed). Order: sum of |effect| over all sites.

    >>> find_motifs(model, x, sites=5).table.motif.tolist()
    ['M1', 'M2']
    """
    filters, x = model.scanner.filters, x[:: max(-(-len(x) // 4000), 1)]
    seen = candidates(model, x, least=0.2)  # weaker sites never change the odds by 2
    found = []
    for f, mine in seen.groupby(seen.channel % len(filters)):
        share, strong = mine.activation / mine.activation.max(), mine.effect.abs() > np.log(2)
        for least in SHARES:
            some = mine[strong & (share > least)]
            if len(some) < sites:
                break
            one = read_off(x, some, f, filters.shape[2])
            if one.motif.width >= shortest and one.motif.information_bits >= BITS * one.motif.width:
                found.append((some.effect.abs().sum(), whole(one, filters[f])))
                break
    found = [one for _, one in sorted(found, key=lambda pair: -pair[0])]
    return tabulate(merge(join(merge(found))))  # a motif that has grown may describe others


def read_off(x: Float[Tensor, "N 4 L"], sites: pd.DataFrame, f: int, width: int) -> Reading:
    """The motif that the sites of filter f make."""
    row, start, channel = torch.tensor(sites[["row", "start", "channel"]].to_numpy()).T
    cut = torch.nn.functional.pad(x, (width, width)).unfold(2, 3 * width, 1)[row, :, start]
    cut = torch.where((channel != f)[:, None, None], reverse_complement(cut), cut)  # (n, 4, 3W)
    counts = cut.sum(0, dtype=torch.double).numpy()
    flank = min(4, width)  # a motif may be wider than its filter
    pfm, offset = trim_ends(frequencies(counts)[:, width - flank : 2 * width + flank])
    motif = Motif("", pfm, source=f"filter {f}", sites=len(sites))
    return Reading(motif, sites.effect.mean(), [Member(f, offset - flank, "+")], counts)


def whole(one: Reading, weights: Float[Tensor, "4 W"]) -> Reading:
    """A motif widened to the outermost columns with TRIM bits that its filter reads: trimming cuts
    off a half that varies more, as of a palindrome."""
    width, pfm, member = weights.shape[1], frequencies(one.counts), one.members[0]
    spread = np.ptp(weights.detach().cpu().numpy(), axis=0)
    rich = Motif("", pfm).information[width : 2 * width] >= TRIM
    read = np.flatnonzero(rich & (spread >= 0.4 * spread.max())).tolist()
    columns = [member.offset, member.offset + one.motif.width - 1, *read]
    motif = replace(one.motif, pfm=pfm[:, width + min(columns) : width + max(columns) + 1])
    if motif.information_bits - one.motif.information_bits < 2:  # as a sure base has
        return one
    return one._replace(motif=motif, members=[member._replace(offset=min(columns))])


def merge(found: list[Reading]) -> list[Reading]:
    """Make motifs members of an earlier, more important one that they equal."""
    kept: list[Reading] = []
    for one in found:
        fits = [(*align(other.motif, one.motif), other) for other in kept]
        fits.append((0.92, 0, "+", None))  # less correlation is another motif
        _, shift, strand, owner = max(fits, key=lambda fit: fit[0])
        if owner is None:
            kept.append(one)
            continue
        turned = one if strand == "+" else one.reverse_complement()
        owner.members.extend(members_of(turned, -shift, owner.motif.width))
    return kept


def members_of(one: Reading, start: int, width: int) -> list[Member]:
    """Its members, now of a motif of `width` columns that starts at column `start` of this one."""
    shift = {"+": start, "-": one.motif.width - start - width}  # of the leftmost base
    return [m._replace(offset=m.offset + shift[m.strand]) for m in one.members]


def join(kept: list[Reading]) -> list[Reading]:
    """Readings with all that `bridge` connects made one, in the place of the more important."""
    done: list[Reading] = []
    for one in kept:
        for k, other in enumerate(done):
            if found := bridge(other, one):
                done[k] = fuse(other, *found)
                break
        else:
            done.append(one)
    return done


def bridge(a: Reading, b: Reading) -> tuple[Reading, int] | None:
    """The second, on the first one's strand, and where it starts in it; None if no parts of one."""
    best, found, width, size = SHARE, None, a.motif.width, b.motif.width
    for other in (b, b.reverse_complement()):
        for shift in range(-size - 1, width + 2):  # a column between, at most
            together = min(share_with(a, other, shift), share_with(other, a, -shift))
            overlap = min(width, shift + size) - max(0, shift)
            needed = SHARE if 2 * overlap >= min(width, size) else 0.8  # nearly all
            if together >= max(best, needed):
                best, found = together, (other, shift)
    return found


def share_with(a: Reading, b: Reading, shift: int) -> float:
    """Estimated share of the sites of a that have b as well, `shift` columns after a; 0 if b does
    not fit in, has no column outside a, or looks otherwise."""
    columns, at = np.arange(b.motif.width) + shift, a.start + shift
    outside = (columns < 0) | (columns >= a.motif.width)
    if at < 0 or at + b.motif.width > a.counts.shape[1] or not outside.any():
        return 0.0
    there = frequencies(a.counts[:, at : at + b.motif.width])
    if correlation_at(b.motif.pfm, there, 0) < 0.8:
        return 0.0
    p, e = b.motif.pfm[:, outside] - 0.25, there[:, outside] - 0.25  # e is the share of p
    return float((e * p).sum() / (p * p).sum())


def fuse(a: Reading, b: Reading, shift: int) -> Reading:
    """One reading of two, the second starting `shift` columns after the first."""
    sites = a.motif.sites + b.motif.sites
    theirs = ndimage.shift(b.counts, (0, a.start + shift - b.start), order=0)
    first = max(a.start + min(0, shift), 0)
    end = a.start + max(a.motif.width, shift + b.motif.width)
    views = [a.counts + theirs]
    # A part with its sites where the other is weak blurs the mean: each alone may tell more.
    views += [a.counts] if a.motif.sites >= SHARE * sites else []
    views += [theirs] if b.motif.sites >= SHARE * sites else []
    trimmed = [(*trim_ends(frequencies(view[:, first:end])), view) for view in views]
    pfm, cut, counts = max(trimmed, key=lambda one: Motif("", one[0]).information_bits)
    motif = Motif("", pfm, f"{a.motif.source}, {b.motif.source}", sites)
    start = first + cut - a.start  # in a
    effect = (a.effect * a.motif.sites + b.effect * b.motif.sites) / sites
    members = members_of(a, start, motif.width) + members_of(b, start - shift, motif.width)
    return Reading(motif, effect, members, counts)


def tabulate(found: list[Reading]) -> Found:
    """Name the motifs M1, M2, ... in the order given."""
    motifs, rows, read = [], [], []
    for number, one in enumerate(found, 1):
        motif, first = replace(one.motif, name=f"M{number}"), one.members[0]
        motifs.append(motif)
        rows.append((motif.name, motif.consensus, first.filter, first.offset, motif.width,
                     motif.information_bits, motif.sites, one.effect))
        read += [(motif.name, *member) for member in one.members]
    members = pd.DataFrame(read, columns=["motif", *Member._fields])
    return Found(motifs, pd.DataFrame(rows, columns=COLUMNS), members)


def channel_motifs(model: Argminn, found: Found) -> pd.DataFrame:
    """What each channel of a network reads, indexed by channel, channels that read no motif left
    out: motif, strand, offset (of the motif's leftmost base in the window), length.

    >>> channel_motifs(model, found).motif.unique().tolist()
    ['M1', 'M2']
    """
    filters, _, width = model.scanner.filters.shape
    reads = found.members.merge(found.table[["motif", "length"]])
    if model.config.both_strands:
        turned = reads.assign(filter=reads["filter"] + filters, strand=reads.strand.map(FLIP),
                              offset=width - reads.offset - reads.length)
        reads = pd.concat([reads, turned]).sort_index(kind="stable")  # both of a filter together
    return reads.set_index("filter").rename_axis("channel")[["motif", "strand", "offset", "length"]]
