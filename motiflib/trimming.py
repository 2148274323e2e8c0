"""From counts of bases to a motif without its poor flanks."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from motiflib.motif import Motif

TRIM = 0.3  # bits; columns below are cut from both ends
FRAGMENT = 0.5  # of the richest piece's bits; a piece with less, behind a gap, is the edge of a neighbour


def frequencies(counts: Float[np.ndarray, "4 V"]) -> Float[np.ndarray, "4 V"]:
    """Counts to columns that sum to one, with a quarter of a count more for each base.

    >>> frequencies(np.array([[3.0], [0], [0], [0]])).ravel()
    array([0.8125, 0.0625, 0.0625, 0.0625])
    """
    return (counts + 0.25) / (counts.sum(0) + 1)


def trim_ends(pfm: np.ndarray, bits: float = 1.0) -> tuple[np.ndarray, int]:
    """Cut what `rich_pieces` leaves out at both ends, then as little as leaves a mean of at least `bits` a column.

    Of all ranges of columns with such a mean, the one with most information is kept, of equal ones the shortest.
    Returns the matrix that is left, one column at least, and where it starts.
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
    """Half-open ranges of columns of TRIM bits or more; two poorer columns in a row are a gap between pieces.

    At both ends, pieces with less than `fragment` of the richest one's bits are left out: they are bases of a neighbour
    that often stands at this distance, not part of this motif.

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
