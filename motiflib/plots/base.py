"""The look of all figures: colours that colour-blind readers can tell apart, type that a phone can show."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import wraps

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

# Okabe and Ito (2008), the yellow left out: it is too pale on white
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5195", "#5C5C5C")
BASE_COLOURS = {"A": "#009E73", "C": "#0072B2", "G": "#E69F00", "T": "#D55E00"}
INK, SOFT, FAINT = "#1f2933", "#52606d", "#d5dbe1"
WIDTH = 6.4  # inches; small enough that text stays readable when a phone shrinks the figure
_RC = {
    "figure.dpi": 120, "figure.facecolor": "white", "axes.facecolor": "white", "savefig.facecolor": "white",
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": 11, "text.color": INK,
    "axes.titlesize": 11.5, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.titlecolor": INK,
    "axes.labelsize": 11, "axes.labelcolor": INK, "axes.edgecolor": SOFT, "axes.linewidth": 0.8,
    "axes.spines.top": False, "axes.spines.right": False, "xtick.color": SOFT, "ytick.color": SOFT,
    "xtick.labelsize": 10, "ytick.labelsize": 10, "legend.frameon": False, "legend.fontsize": 10,
    "lines.linewidth": 2.0, "lines.markersize": 5, "axes.grid": False,
    "axes.prop_cycle": plt.cycler(color=COLOURS), "figure.constrained_layout.use": True,
}  # fmt: skip


def style() -> AbstractContextManager:
    """The book's settings for as long as a `with` block lasts; before and after, the session keeps its own.

    >>> with style():
    ...     figure, axes = plt.subplots()
    """
    # a notebook turns on interactive mode when the first figure loads its backend; loaded inside the block, this would
    # be undone at its end, and no later figure would show
    plt.draw_if_interactive()
    return plt.rc_context(_RC)


def styled(draw: Callable) -> Callable:
    """Make a drawing function use the style, and nothing else feel it."""

    @wraps(draw)
    def inside(*args, **kwargs):
        with style():
            return draw(*args, **kwargs)

    return inside


def axes_or_new(ax: Axes | None, height: float = 3.2, width: float = WIDTH) -> Axes:
    """The axes given, or those of a new figure."""
    return plt.subplots(figsize=(width, height))[1] if ax is None else ax


def label(ax: Axes, x: str = "", y: str = "", title: str = "") -> Axes:
    """Name the axes; ticks are fixed here too, as matplotlib makes them late, when the style is gone."""
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    if title:
        ax.set_title(title)
    ax.tick_params(labelsize=10, colors=SOFT, which="both")
    return ax


def bare(ax: Axes) -> Axes:
    """Axes without frame and ticks, for logos and pictures."""
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def colour_of(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name, in order; after the last colour, again from the first."""
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
