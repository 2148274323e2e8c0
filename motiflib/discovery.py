"""From counts of bases to a motif without its poor flanks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as tf
from jaxtyping import Bool, Float, Int
from torch import Tensor

from motiflib.hits import candidates
from motiflib.model import Argminn
from motiflib.motif import Motif, correlation_at, tomtom

TRIM = 0.3  # bits; columns below are cut from both ends
FRAGMENT = 0.5  # of the richest piece's bits; a piece with less, behind a gap, is the edge of a neighbour


def frequencies(counts: Float[np.ndarray, "4 V"]) -> Float[np.ndarray, "4 V"]:
    """Counts to columns that sum to one, with a quarter of a count more for each base.

    >>> frequencies(np.array([[3.0], [0], [0], [0]])).ravel()
    array([0.8125, 0.0625, 0.0625, 0.0625])
    """
    return (counts + 0.25) / (counts.sum(0) + 1)


def trim_ends(pfm: np.ndarray, bits: float = 1.0) -> tuple[np.ndarray, int]:
    """Cut what `rich_pieces` leaves out at both ends, then as little as leaves a mean of at least
    `bits` a column.

    Of all ranges of columns with such a mean, the one with most information is kept, of equal ones
    the shortest. Returns the matrix that is left, one column at least, and where it starts.
    """
    information = Motif("", pfm).information
    pieces = rich_pieces(information)
    low, high = pieces[0][0], pieces[-1][1]
    total = np.concatenate([[0.0], information.cumsum()])
    ranges = [(total[j] - total[i], i - j, i, j) for i in range(low, high) for j in range(i + 1, high + 1)]
    good = [item for item in ranges if item[0] >= bits * (item[3] - item[2]) - 1e-9]
    first, end = max(good or [item for item in ranges if item[1] == -1])[2:]
    return pfm[:, first:end], first


def rich_pieces(information: Float[np.ndarray, " w"], fragment: float = FRAGMENT) -> list[tuple[int, int]]:
    """Half-open ranges of columns of TRIM bits or more; two poorer columns in a row are a gap
    between pieces.

    At both ends, pieces with less than `fragment` of the richest one's bits are left out: they are
    bases of a neighbour that often stands at this distance, not part of this motif.

    >>> rich_pieces(np.array([2, 2, 2, 2, 0, 2, 0, 0, 2.0]))
    [(0, 6)]
    """
    rich = np.flatnonzero(information >= TRIM)
    if not len(rich):
        return [(int(information.argmax()), int(information.argmax()) + 1)]
    runs = np.split(rich, np.flatnonzero(np.diff(rich) > 2) + 1)
    content = np.array([information[run].sum() for run in runs])
    enough = np.flatnonzero(content >= fragment * content.max())
    return [(int(run[0]), int(run[-1]) + 1) for run in runs[enough[0] : enough[-1] + 1]]
# Filters to motifs: the windows on which the network acts, aligned and counted.
FLANK = 4  # bases beside the filter that a matrix starts with: a motif may be wider than its filter
SHARES = (0.5, 0.7, 0.85)  # of a filter's highest activation, from which on a window is a site; see `find_motifs`
READ = 0.4  # of a filter's widest range of weights in a column: columns with as much are read
PART = 2  # bits: as much as a base that never varies
SAME = 0.92  # correlation from which two filters read one motif
COLUMNS = [
    "motif", "consensus", "filter", "offset", "length", "information_bits", "sites", "contribution",
]  # fmt: skip

MEMBER_COLUMNS = ["motif", "filter", "offset", "strand"]


class Found(NamedTuple):
    """Motifs, the most important first, one row for each in `table` (`find_motifs`), and the
    filters that read them.

    Columns of `members`, a row for each filter of each motif: motif, filter, offset (where the
    motif starts in the filter's window, may be negative), strand (of the motif that the filter
    reads).
    """

    motifs: list[Motif]
    table: pd.DataFrame
    members: pd.DataFrame


def find_motifs(
    model: Argminn, x: Float[Tensor, "N 4 L"], *, shortest: int = 5, bits: float = 1.0, sites: int = 20,
    most: int = 4000,
) -> Found:  # fmt: skip
    """Read the motifs off a network's filters, with sequences x (positives and negatives) for it to
    answer to.

    The sites of a filter are its candidates above half of its highest activation, as in the paper,
    whose removal changes the odds by a factor of 2 or more. (Windows that only answer strongly hold
    more background, see `strong_windows`.) Where these are too mixed for a motif, the stronger ones
    are tried (SHARES). Their mean is the PFM, FLANK bases wider than the filter on both sides,
    trimmed of poor columns (`rich_pieces`), and further while the rest has less than `bits` of mean
    information. What is left is a motif if it is at least `shortest` long, has `bits` of mean
    information and `sites` sites; a second, looser half that the filter reads is put back
    (`whole`). A filter whose motif a more important one already describes is a member of that one.
    Columns of the table: motif, consensus, filter, offset (where the motif starts in the filter's
    window, may be negative), length, information_bits, sites, contribution (mean change of the
    logit by a site: positive speaks for, negative against the positive class). Two filters that
    each read a part of a wider motif are joined, see `motiflib.discovery`. Order: sum of |effect|
    over all sites. Of more than `most` sequences, so many are taken at equal steps.

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
    """Base counts around the sites of filter f (V = 3W), the motif that they make, and where it
    starts in the filter.

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
    """The motif that starts at `offset` in its filter's window, with what else the filter reads,
    and where that starts.

    Trimming keeps one half of a motif whose other half varies more, such as the two arms of a
    palindrome. A column of the filter is read if its weights differ by READ of the largest
    difference and the sites (`counts` as of `matrix_of`) have TRIM bits there. The motif is widened
    to the outermost of these if that adds PART bits, so that single poor flanks stay cut.

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
    """The bases of windows with `beside` more on each side, turned over where the channel is not
    the `forward` one."""
    columns = start[:, None] + torch.arange(width + 2 * beside)  # (n, V) in the padded sequence
    cut = tf.pad(x, (beside, beside))[row[:, None], :, columns].mT.float()  # (n, 4, V)
    return torch.where((channel != forward)[:, None, None], cut.flip(1, 2), cut)


def align(a: Motif, b: Motif) -> tuple[float, int, str]:
    """Best alignment of motif b with a: correlation (`motif.aligned_correlation`), where b starts
    in a, b's strand.

    >>> align(jaspar("MAX"), jaspar("MAX"))
    (1.0, 0, '+')
    """
    best = (-1.0, 0, "+")
    for strand, pfm in (("+", b.pfm), ("-", b.pfm[::-1, ::-1])):
        for shift in range(1 - b.width, a.width):
            best = max(best, (correlation_at(a.pfm, pfm, -shift), shift, strand), key=lambda item: item[0])
    return best


def merge(found: list[tuple]) -> list[tuple]:
    """Make a motif a member of an earlier, more important one that it equals (correlation SAME or
    more).

    Adds to each kept item its members: filter, where the kept motif starts in the filter's window,
    and its strand.
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


def tabulate(found: list[tuple]) -> Found:
    """Name the motifs M1, M2, ... in the order given."""
    motifs, rows, read = [], [], []
    for i, (motif, f, offset, effect, members) in enumerate(found):
        motif = Motif(f"M{i + 1}", motif.pfm, source=motif.source, sites=motif.sites)
        motifs.append(motif)
        rows.append((motif.name, motif.consensus, f, offset, motif.width, motif.information_bits, motif.sites, effect))
        read += [(motif.name, *member) for member in members]
    return Found(motifs, pd.DataFrame(rows, columns=COLUMNS), pd.DataFrame(read, columns=MEMBER_COLUMNS))


def channel_motifs(model: Argminn, found: Found) -> pd.DataFrame:
    """What each channel of a network reads, indexed by channel, channels that read no motif left
    out.

    Columns: motif, strand, offset (of the motif's leftmost base from the start of the window),
    length.

    >>> channel_motifs(model, found).motif.to_dict()
    {0: 'M1', 1: 'M2', 2: 'M1', 3: 'M2'}
    """
    filters, width, rows = len(model.scanner.filters), model.scanner.filters.shape[2], []
    for motif, f, start, strand, length in found.members.merge(found.table[["motif", "length"]]).itertuples(index=False):
        rows.append((f, motif, strand, start, length))
        if model.config.both_strands:
            rows.append((f + filters, motif, "-+"[strand == "-"], width - start - length, length))
    return pd.DataFrame(rows, columns=["channel", "motif", "strand", "offset", "length"]).set_index("channel")


def name_motifs(motifs: list[Motif], *, targets: list[Motif] | None = None) -> pd.DataFrame:
    """The closest JASPAR motif of each by TOMTOM, or of `targets`.

    Columns: motif, consensus, length, information_bits, sites, jaspar_id, jaspar_name, p_value,
    correlation (in TOMTOM's alignment, as in `motif.aligned_correlation`).

    >>> name_motifs(found.motifs).jaspar_name[0]
    'REST'
    """
    columns = ["motif", "consensus", "length", "information_bits", "sites"]
    rows = [(m.name, m.consensus, m.width, round(m.information_bits, 2), m.sites) for m in motifs]
    best = tomtom(motifs, targets)[["motif", "jaspar_id", "jaspar_name", "p_value", "correlation"]]
    return pd.DataFrame(rows, columns=columns).merge(best, on="motif", how="left")
# Motifs wider than a filter: two filters that each read a part of one motif become one motif.
#
# What stands around the sites of a filter tells. If its neighbour's matrix stands there at one
# distance, and the same is
# true the other way round, then neither is a motif of its own. Two parts that overlap describe the
# same bases, as
# duplicates do: a good share of sites is enough, as each filter is the stronger one, and has its
# site there, where the
# other's part is weak. Parts that only touch must stand together in nearly all sites. Partners at a
# fixed distance stay
# apart: a gap lies between them, or each also stands without the other.
#
# An item is what `discovery.merge` keeps: motif, filter, offset in the filter's window, effect,
# members. Letters: W
# filter width; `around` holds, for each filter, the base counts (4, 3W) of its sites, W beside the
# window on both sides.
GAP = 1  # columns between two parts of one motif, at most
SHARE = 1 / 3  # of the sites of either part have the other there, at least, where half of the shorter part overlaps
NEARLY_ALL = 0.8  # the same where less or nothing overlaps
LIKE = 0.8  # correlation of a part with what stands there, at least
Member = tuple[int, int, str]


def share_with(
    wide: Float[np.ndarray, "4 V"], at: int, part: Float[np.ndarray, "4 w"], outside: Bool[np.ndarray, " w"]
) -> float:
    """Estimated share of sites, with frequencies `wide` around them, that have `part` at column
    `at`.

    With p = part - 1/4 and e = wide - 1/4 in the columns `outside` the other motif, e = share * p
    if the rest is background with equal bases, so share = sum(e p) / sum(p p). 0 if the part does
    not fit in, has no such column, or looks otherwise (correlation below LIKE over all of its
    columns).

    >>> share_with(0.6 * motif.pfm + 0.4 * 0.25, 0, motif.pfm, np.full(motif.width, True))
    0.6
    """
    w = part.shape[1]
    if at < 0 or at + w > wide.shape[1] or not outside.any() or correlation_at(part, wide[:, at : at + w], 0) < LIKE:
        return 0.0
    p, e = part[:, outside] - 0.25, wide[:, at : at + w][:, outside] - 0.25
    return float((e * p).sum() / (p * p).sum())


def bridge(a: tuple, b: tuple, around: dict[int, np.ndarray]) -> tuple[int, str] | None:
    """Where the second item starts in the first, and its strand, if both are parts of one motif;
    else None.

    >>> bridge(left, right, around)
    (7, '+')
    """
    ours, theirs = (frequencies(around[item[1]]) for item in (a, b))
    our_start, their_start = (around[item[1]].shape[1] // 3 + item[2] for item in (a, b))
    best, where, half = SHARE, None, min(a[0].width, b[0].width) / 2
    for strand in "+-":
        part = b[0].pfm if strand == "+" else b[0].pfm[::-1, ::-1]
        wide = theirs if strand == "+" else theirs[::-1, ::-1]
        start = their_start if strand == "+" else wide.shape[1] - their_start - b[0].width
        for shift in range(-b[0].width - GAP, a[0].width + GAP + 1):
            mine, other = np.arange(a[0].width) - shift, np.arange(b[0].width) + shift
            there = share_with(ours, our_start + shift, part, (other < 0) | (other >= a[0].width))
            back = share_with(wide, start - shift, a[0].pfm, (mine < 0) | (mine >= b[0].width))
            overlap = min(a[0].width, shift + b[0].width) - max(0, shift)
            if min(there, back) >= max(best, SHARE if overlap >= half else NEARLY_ALL):
                best, where = min(there, back), (shift, strand)
    return where


def join(kept: list[tuple], around: dict[int, np.ndarray], bits: float = 1.0) -> list[tuple]:
    """Items with all that `bridge` connects made one, in the place of the more important part;
    `around` follows.

    The matrix of a joined item spans the columns of both and is trimmed as always. It is the mean
    over the sites of both, or of a part with a good SHARE of them where that tells more: a part
    that has its sites where the other is weak blurs the mean. The number of sites is that of both,
    the effect their mean.

    >>> len(join([left, right], around))
    1
    """
    done: list[tuple] = []
    for item in kept:
        bridges = ((k, bridge(other, item, around)) for k, other in enumerate(done))
        k, found = next(((k, found) for k, found in bridges if found), (0, None))
        if found:
            done[k] = fuse(done[k], item, around, *found, bits)
        else:
            done.append(item)
    return done


def fuse(a: tuple, b: tuple, around: dict[int, np.ndarray], shift: int, strand: str, bits: float) -> tuple:
    """One item of two, the second starting `shift` columns after the first and read on `strand`."""
    turned, width = strand == "-", around[a[1]].shape[1] // 3
    theirs = around[b[1]][::-1, ::-1] if turned else around[b[1]]
    their_start = theirs.shape[1] - width - b[2] - b[0].width if turned else width + b[2]
    theirs = moved(theirs, width + a[2] + shift - their_start)
    at = max(width + a[2] + min(0, shift), 0)
    end = width + a[2] + max(a[0].width, shift + b[0].width)
    sites = a[0].sites + b[0].sites
    views = [around[a[1]] + theirs]
    views += [view for view, part in ((around[a[1]], a), (theirs, b)) if part[0].sites >= SHARE * sites]
    trimmed = [(view, *trim_ends(frequencies(view[:, at:end]), bits)) for view in views]
    around[a[1]], pfm, cut = max(trimmed, key=lambda item: Motif("", item[1]).information_bits)
    start = at - width - a[2] + cut
    effect = (a[3] * a[0].sites + b[3] * b[0].sites) / max(sites, 1)
    motif = Motif(a[0].name, pfm, source=f"{a[0].source}, {b[0].source}", sites=sites)
    into = shift + b[0].width - start - motif.width if turned else start - shift  # where the whole starts in b
    members = [window(m, a[0].width, start, motif.width, False) for m in a[4]]
    members += [window(m, b[0].width, into, motif.width, turned) for m in b[4]]
    return motif, a[1], a[2] + start, effect, members


def moved(counts: Float[np.ndarray, "4 V"], by: int) -> Float[np.ndarray, "4 V"]:
    """The same counts, `by` columns to the right; what falls off is lost, what is not known counts
    nothing.

    >>> moved(np.array([[1.0, 2.0]]), 1)
    array([[0., 1.]])
    """
    out, size = np.zeros_like(counts), counts.shape[1]
    if abs(by) < size:
        out[:, max(by, 0) : size + min(by, 0)] = counts[:, max(-by, 0) : size - max(by, 0)]
    return out


def window(member: Member, part: int, start: int, width: int, turned: bool) -> Member:
    """A filter that read `part` columns, now of a motif of `width` columns that starts at column
    `start` of the part.

    The start in the filter's window is that of the leftmost base; `turned`: the part is read
    backwards in the motif.

    >>> window((0, 2, "+"), 5, -3, 9, False)
    (0, -1, '+')
    """
    f, left, strand = member
    if strand == "-":
        start = part - start - width
    return f, left + start, strand if not turned else "-+"[strand == "-"]
