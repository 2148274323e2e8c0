"""What the overlap penalty punishes, drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from motifbook.figures.logos import _reach
from motiflib.run.figures import (
    COLOURS,
    INK,
    SOFT,
    WIDTH,
    _array,
    axes_or_new,
    bare,
    label,
    letters,
    styled,
)


@styled
def overlap_pair(
    top: Float[np.ndarray, "4 W"], other: Float[np.ndarray, "4 W"], deltas: Sequence[int], *, notes: Sequence[str] = ()
) -> Figure:
    """Two filters over one sequence, the second `delta` bp further on; the columns that both cover
    are shaded.

    >>> overlap_pair(filters[0], filters[1], [0, 4])
    """
    top, other = _array(top), _array(other)
    width, limit = top.shape[1], max(_reach(top), _reach(other))
    figure, grid = plt.subplots(2, len(deltas), figsize=(WIDTH, 2.6), squeeze=False, sharex="col")
    for column, delta in enumerate(deltas):
        for cell, weights, start in ((grid[0, column], top, 0), (grid[1, column], other, delta)):
            bare(letters(cell, weights, start))
            cell.set(ylim=(-0.75 * limit, limit), xlim=(min(0, delta) - 0.6, width + max(0, delta) - 0.4))
            low, high = max(0, delta), min(width, width + delta)
            if high > low:
                cell.axvspan(low - 0.5, high - 0.5, color=COLOURS[1], alpha=0.18, lw=0, zorder=-1)
        grid[0, column].set_title(f"$\\delta$ = {delta}", loc="center", weight="normal")
        if column < len(notes):
            grid[1, column].set_xlabel(notes[column], color=INK)
    grid[0, 0].set_ylabel("top filter", color=SOFT)
    grid[1, 0].set_ylabel("other", color=SOFT)
    return figure


@styled
def overlap_curve(curves: Mapping[str, Float[np.ndarray, " S"]], ax: Axes | None = None) -> Axes:
    """Weight of a pair in the overlap penalty at each offset, A_a(delta) A_f(-delta), for each
    {name: (S,)}.

    >>> overlap_curve({"both full": product, "other shortened": shorter})
    """
    ax = axes_or_new(ax, 2.6)
    for name, values in curves.items():
        values = _array(values)
        ax.plot(np.arange(len(values)) - len(values) // 2, values, "o-", label=name)
    ax.set_ylim(bottom=0)
    ax.legend()
    return label(ax, r"offset $\delta$ of the other filter (bp)", "price per unit of activation")
