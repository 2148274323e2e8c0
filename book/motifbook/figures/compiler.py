"""What a network decides as one thing changes, drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from motiflib.run.figures import COLOURS, SOFT, axes_or_new, label, styled

MARKS = ("o", "s", "^", "D", "v", "P")


@styled
def curves(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]], x: str, y: str, ax: Axes | None = None, *,
    threshold: float | None = None, marks: bool = True,
) -> Axes:  # fmt: skip
    """Lines by name, each (x values, y values), with a dotted line at `threshold`.

    >>> curves({"in order": (range(3), [-1, 1, -1])}, "gap (bp)", "logit", threshold=0)
    """
    ax = axes_or_new(ax, 3.0)
    if threshold is not None:
        ax.axhline(threshold, color=SOFT, lw=1, ls=":")
    for i, (name, (across, up)) in enumerate(lines.items()):
        mark = MARKS[i % len(MARKS)] if marks else None
        ax.plot(list(across), list(up), marker=mark, ms=4, lw=1.6, color=COLOURS[i % len(COLOURS)], label=name)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(lines) > 1:
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return label(ax, x, y)
