"""Motifs wider than a filter: two filters that each read a part of one motif become one motif.

What stands around the sites of a filter tells. If its neighbour's matrix stands there at one distance, and the same is
true the other way round, then neither is a motif of its own. Two parts that overlap describe the same bases, as
duplicates do: a good share of sites is enough, as each filter is the stronger one, and has its site there, where the
other's part is weak. Parts that only touch must stand together in nearly all sites. Partners at a fixed distance stay
apart: a gap lies between them, or each also stands without the other.

An item is what `discovery.merge` keeps: motif, filter, offset in the filter's window, effect, members. Letters: W
filter width; `around` holds, for each filter, the base counts (4, 3W) of its sites, W beside the window on both sides.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from motiflib.motif import Motif, correlation_at
from motiflib.trimming import frequencies, trim_ends

GAP = 1  # columns between two parts of one motif, at most
SHARE = 1 / 3  # of the sites of either part have the other there, at least, where half of the shorter part overlaps
NEARLY_ALL = 0.8  # the same where less or nothing overlaps
LIKE = 0.8  # correlation of a part with what stands there, at least
Member = tuple[int, int, str]


def share_with(
    wide: Float[np.ndarray, "4 V"], at: int, part: Float[np.ndarray, "4 w"], outside: Bool[np.ndarray, " w"]
) -> float:
    """Estimated share of sites, with frequencies `wide` around them, that have `part` at column `at`.

    With p = part - 1/4 and e = wide - 1/4 in the columns `outside` the other motif, e = share * p if the rest is
    background with equal bases, so share = sum(e p) / sum(p p). 0 if the part does not fit in, has no such column, or
    looks otherwise (correlation below LIKE over all of its columns).

    >>> share_with(0.6 * motif.pfm + 0.4 * 0.25, 0, motif.pfm, np.full(motif.width, True))
    0.6
    """
    w = part.shape[1]
    if at < 0 or at + w > wide.shape[1] or not outside.any() or correlation_at(part, wide[:, at : at + w], 0) < LIKE:
        return 0.0
    p, e = part[:, outside] - 0.25, wide[:, at : at + w][:, outside] - 0.25
    return float((e * p).sum() / (p * p).sum())


def bridge(a: tuple, b: tuple, around: dict[int, np.ndarray]) -> tuple[int, str] | None:
    """Where the second item starts in the first, and its strand, if both are parts of one motif; else None.

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
    """Items with all that `bridge` connects made one, in the place of the more important part; `around` follows.

    The matrix of a joined item spans the columns of both and is trimmed as always. It is the mean over the sites of
    both, or of a part with a good SHARE of them where that tells more: a part that has its sites where the other is
    weak blurs the mean. The number of sites is that of both, the effect their mean.

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
    """The same counts, `by` columns to the right; what falls off is lost, what is not known counts nothing.

    >>> moved(np.array([[1.0, 2.0]]), 1)
    array([[0., 1.]])
    """
    out, size = np.zeros_like(counts), counts.shape[1]
    if abs(by) < size:
        out[:, max(by, 0) : size + min(by, 0)] = counts[:, max(-by, 0) : size - max(by, 0)]
    return out


def window(member: Member, part: int, start: int, width: int, turned: bool) -> Member:
    """A filter that read `part` columns, now of a motif of `width` columns that starts at column `start` of the part.

    The start in the filter's window is that of the leftmost base; `turned`: the part is read backwards in the motif.

    >>> window((0, 2, "+"), 5, -3, 9, False)
    (0, -1, '+')
    """
    f, left, strand = member
    if strand == "-":
        start = part - start - width
    return f, left + start, strand if not turned else "-+"[strand == "-"]
