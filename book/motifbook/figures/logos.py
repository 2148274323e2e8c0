"""Motifs and filters as letters."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from motiflib.motif import Motif
from motiflib.run.figures import (
    SOFT,
    WIDTH,
    _array,
    axes_or_new,
    bare,
    label,
    letters,
    logo,
    styled,
)


@styled
def logos(motifs: Sequence[Motif], *, titles: Sequence[str] | None = None, columns: int = 2) -> Figure:
    """Several motifs, `columns` side by side.

    >>> logos([jaspar("REST"), jaspar("MAX")])
    """
    figure, cells = _grid(len(motifs), columns, 1.35)
    for i, (cell, motif) in enumerate(zip(cells, motifs, strict=False)):
        logo(motif, cell, title=None if titles is None else titles[i])
    return figure


@styled
def filter_logo(
    weights: Float[np.ndarray, "4 W"], ax: Axes | None = None, *, title: str = "", limit: float | None = None
) -> Axes:
    """A raw filter: each letter as tall as its weight; what the filter dislikes hangs below the
    line.

    >>> filter_logo(model.scanner.filters[0].detach())
    """
    weights = _array(weights)
    ax = letters(axes_or_new(ax, 1.7), weights)
    limit = limit or _reach(weights)
    ax.set(ylim=(-0.75 * limit, limit), xticks=[])
    return label(ax, y="weight", title=title)


@styled
def filter_grid(filters: Float[np.ndarray, "F 4 W"], *, names: Sequence[str] | None = None, columns: int = 2) -> Figure:
    """All filters at one scale, so that a weak filter looks weak.

    >>> filter_grid(model.scanner.filters.detach())
    """
    filters = _array(filters)
    limit, names = _reach(filters), names or [f"filter {i}" for i in range(len(filters))]
    figure, cells = _grid(len(filters), columns, 1.35)
    for i, cell in enumerate(cells[: len(filters)]):
        filter_logo(filters[i], cell, title=names[i], limit=limit)
        cell.set_ylabel("weight" if i % columns == 0 else "")
    return figure


@styled
def filters_over_time(
    frames: Sequence[Float[np.ndarray, "F 4 W"]], times: Sequence[str], *, names: Sequence[str] | None = None
) -> Figure:
    """Small multiples: a row for each filter, a column for each moment of training; one scale for
    all.

    >>> filters_over_time([before, after], ["epoch 0", "epoch 8"])
    """
    frames = [_array(frame) for frame in frames]
    count, limit = len(frames[0]), max(_reach(frame) for frame in frames)
    names = names or [f"filter {i}" for i in range(count)]
    figure, grid = plt.subplots(count, len(frames), figsize=(WIDTH, 0.25 + 0.85 * count), squeeze=False)
    for row, cells in enumerate(grid):
        for column, cell in enumerate(cells):
            bare(letters(cell, frames[column][row])).set_ylim(-0.75 * limit, limit)
            if row == 0:
                cell.set_title(times[column], loc="center", fontsize=10, weight="normal")
        cells[0].set_ylabel(names[row], color=SOFT, fontsize=10)
    return figure


def _reach(weights: np.ndarray) -> float:
    """Height of the tallest stack, plus a little."""
    up, down = np.clip(weights, 0, None).sum(-2).max(), np.clip(-weights, 0, None).sum(-2).max()
    return 1.08 * max(up, down / 0.75, 1e-6)


def _grid(count: int, columns: int, height: float) -> tuple[Figure, np.ndarray]:
    rows = -(-count // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(WIDTH, height * rows), squeeze=False)
    for cell in grid.flat[count:]:
        cell.set_visible(False)
    return figure, grid.flat[:]
