"""How far attributions can be trusted: do two agree, and do they point at what was planted?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from torch import Tensor


def per_base(attributions: Float[Tensor, "N 4 L"]) -> Float[np.ndarray, "N L"]:
    """Attribution of the base that is there, summed over the four channels.

    >>> per_base(deeplift(model, x)).shape
    (N, L)
    """
    return attributions.sum(1).numpy()


def agreement(
    a: Float[np.ndarray, "N L"], b: Float[np.ndarray, "N L"], where: Bool[np.ndarray, "N L"] | None = None
) -> Float[np.ndarray, " N"]:
    """Pearson correlation of two attributions of the same sequences, over the positions ``where``
    (default: all).

    0 where one of them is constant.

    >>> agreement(a, 3 * a + 1)   # all 1
    """
    where = np.ones(a.shape, dtype=bool) if where is None else where
    size = np.maximum(where.sum(1, keepdims=True), 1)
    a, b = (np.where(where, v - (v * where).sum(1, keepdims=True) / size, 0.0) for v in (a, b))
    norm = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    return np.where(norm > 0, (a * b).sum(1) / np.maximum(norm, 1e-30), 0.0)


def planted_mask(truth: pd.DataFrame, n: int, length: int) -> Bool[np.ndarray, "N L"]:
    """True where a base belongs to a planted instance; ``truth`` has columns row, start, end.

    >>> planted_mask(simulated.truth, *simulated.x.shape[::2]).any(1)
    """
    mask = np.zeros((n, length), dtype=bool)
    for row, start, end in zip(truth.row, truth.start, truth.end, strict=True):
        mask[row, start:end] = True
    return mask


def precision(values: Float[np.ndarray, "N L"], mask: Bool[np.ndarray, "N L"]) -> Float[np.ndarray, " N"]:
    """Of the k positions with the largest values, k being the number of planted bases, the share
    that is planted.

    R-precision in information retrieval. Sequences in which nothing is planted give NaN.

    >>> precision(np.array([[0.9, 0.1, 0.5]]), np.array([[True, True, False]]))
    array([0.5])
    """
    size = mask.sum(1)
    rank = (-values).argsort(1, kind="stable").argsort(1, kind="stable")
    hits = ((rank < size[:, None]) & mask).sum(1)
    return np.where(size > 0, hits / np.maximum(size, 1), np.nan)


def share_outside(values: Float[np.ndarray, "N L"], mask: Bool[np.ndarray, "N L"]) -> Float[np.ndarray, " N"]:
    """Share of the total absolute attribution that lies on bases outside ``mask``, where nothing
    was planted.

    >>> share_outside(np.array([[3.0, -1.0]]), np.array([[True, False]]))
    array([0.25])
    """
    size = np.abs(values)
    return (size * ~mask).sum(1) / np.maximum(size.sum(1), 1e-30)


def twice(
    x: Float[Tensor, "N 4 L"], truth: pd.DataFrame, *, apart: int = 10
) -> tuple[Float[Tensor, "N 4 L"], Bool[np.ndarray, "N L"], Bool[np.ndarray, "N L"]]:
    """Each sequence with its planted block copied once more, ``apart`` bp to the right (or left, if
    it would not fit).

    The block is everything from the first to the last planted base of a sequence. Also returned:
    where the block was before, and where its copy is, so that attributions can be read with and
    without the copy.

    >>> doubled, block, copy = twice(simulated.x.float(), simulated.truth)
    """
    doubled, (block, copy) = x.clone(), np.zeros((2, len(x), x.shape[2]), dtype=bool)
    for row, (start, end) in truth.groupby("row").agg({"start": "min", "end": "max"}).iterrows():
        size = end - start
        to = end + apart if end + apart + size <= x.shape[2] else start - apart - size
        if to < 0:
            raise ValueError(f"row {row}: no room for a second block of {size} bp in {x.shape[2]} bp")
        doubled[row, :, to : to + size] = x[row, :, start:end]
        block[row, start:end] = copy[row, to : to + size] = True
    return doubled, block, copy
