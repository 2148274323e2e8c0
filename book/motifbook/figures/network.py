"""The network and what it does with one sequence."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from motiflib.run.figures import (
    COLOURS,
    FAINT,
    INK,
    SOFT,
    WIDTH,
    _array,
    axes_or_new,
    bare,
    label,
    styled,
)

STAGES = (
    ("sequence", "bases as ones and zeros", "(4, L)"),
    ("motif scanner", "each filter slides along, on both strands", "(C, T)"),
    ("candidates", "the M strongest hits become tokens", "(M, D)"),
    ("neighbourhood", "each token looks for partners at learnt distances", "(M, C)"),
    ("syntax builder", "a memory asks K questions, one after the other", "(K, H, M)"),
    ("logit", "bound or not, the same on both strands", "one number"),
)
OURS = ("candidates", "neighbourhood")


@styled
def network(stages: Sequence[tuple[str, str, str]] = STAGES) -> Axes:
    """The stages of the network from top to bottom: name, what it does, shape of what it gives.

    Stages that the paper does not have (`OURS`) are orange.

    >>> network()
    """
    ax = bare(axes_or_new(None, 0.72 * len(stages)))
    ax.set(xlim=(0, 10), ylim=(-len(stages) + 0.55, 0.5))
    for i, (name, does, shape) in enumerate(stages):
        colour = COLOURS[1] if name in OURS else COLOURS[0]
        box = FancyBboxPatch((0.1, -i - 0.3), 2.9, 0.6, "round,pad=0,rounding_size=0.12", fc=colour, ec="none")
        ax.add_patch(box)
        ax.text(1.55, -i, name, color="white", weight="bold", ha="center", va="center", fontsize=10.5)
        ax.text(3.25, -i + 0.02, does, va="bottom", fontsize=10.5)
        ax.text(3.25, -i - 0.05, shape, va="top", color=SOFT, family="monospace", fontsize=10)
        if i + 1 < len(stages):
            ax.annotate("", (1.55, -i - 0.68), (1.55, -i - 0.32), arrowprops={"arrowstyle": "-|>", "color": SOFT})
    return ax


@styled
def sequence_view(
    activations: Float[np.ndarray, "C T"], attention: Float[np.ndarray, "K H T"] | None = None, *, width: int,
    names: Sequence[str] | None = None, truth: pd.DataFrame | None = None, calls: pd.DataFrame | None = None,
    window: tuple[int, int] | None = None,
) -> Figure:  # fmt: skip
    """What the network sees in one sequence: activations of each filter, attention of each step,
    instances below.

    Forward activations rise above their line, those of the other strand hang below; each bar is
    drawn at the middle of its window. Attention is the largest of the heads. `truth` and `calls`
    have start, end, motif, strand.

    >>> sequence_view(readout.activations[0], readout.attention[0], width=12, truth=planted)
    """
    activations = _array(activations)
    channels, starts = activations.shape
    count = channels // 2 if channels % 2 == 0 else channels
    names, middle = list(names or [f"filter {i}" for i in range(count)]), np.arange(starts) + (width - 1) / 2
    lanes = [(name, table) for name, table in (("planted", truth), ("called", calls)) if table is not None]
    draw = [(3 * count, lambda ax: _activation_lanes(ax, middle, activations, names))]
    if attention is not None:
        draw.append((2.2 * len(attention), lambda ax: _attention_lanes(ax, middle, _array(attention))))
    if lanes:
        draw.append((2.2 * len(lanes), lambda ax: _instance_lanes(ax, lanes, names)))
    heights = [height for height, _ in draw]
    figure, panels = plt.subplots(
        len(draw), 1, figsize=(WIDTH, 0.9 + 0.21 * sum(heights)), sharex=True, height_ratios=heights, squeeze=False
    )
    for panel, (_, fill) in zip(panels[:, 0], draw, strict=True):
        fill(panel)
        panel.spines["bottom"].set_visible(panel is panels[-1, 0])
        panel.tick_params(axis="x", length=4 if panel is panels[-1, 0] else 0, labelsize=10, colors=SOFT)
    panels[0, 0].set_xlim(window or (0, starts + width - 1))
    panels[-1, 0].set_xlabel("position (bp)")
    return figure


def _activation_lanes(ax: Axes, middle: np.ndarray, activations: np.ndarray, names: list[str]) -> None:
    scale = 0.48 / max(activations.max(), 1e-9)
    for f in range(len(names)):
        for channel, sign in ((f, 1), (f + len(names), -1)):
            if channel < len(activations):
                on, colour = activations[channel] > 0, COLOURS[f % len(COLOURS)]
                ax.vlines(middle[on], -f, -f + sign * scale * activations[channel][on], color=colour, lw=2.2)
        ax.axhline(-f, color=FAINT, lw=0.8, zorder=0)
    _lanes(ax, names, "activation")


def _attention_lanes(ax: Axes, middle: np.ndarray, attention: np.ndarray) -> None:
    for k, step in enumerate(attention.max(1)):
        ax.vlines(middle[step > 0.005], -k - 0.4, -k - 0.4 + 0.8 * step[step > 0.005], color=INK, lw=2.6)
        ax.axhline(-k - 0.4, color=FAINT, lw=0.8, zorder=0)
    _lanes(ax, [f"step {k + 1}" for k in range(len(attention))], "attention", floor=0.45)


def _instance_lanes(ax: Axes, lanes: list[tuple[str, pd.DataFrame]], names: list[str]) -> None:
    for row, (_, table) in enumerate(lanes):
        for call in table.itertuples():
            colour = COLOURS[names.index(call.motif) % len(COLOURS)] if call.motif in names else SOFT
            box = Rectangle((call.start, -row), call.end - call.start, 0.45, fc=colour, ec="none")
            ax.add_patch(box)
            sign = {"+": "\u2192", "-": "\u2190"}.get(call.strand, "")
            ax.annotate(
                f"{call.motif} {sign}", ((call.start + call.end) / 2, -row), xytext=(0, -2), textcoords="offset points",
                ha="center", va="top", fontsize=9, color=INK, annotation_clip=True,
            )  # fmt: skip
    _lanes(ax, [name for name, _ in lanes], "", floor=0.55)


def _lanes(ax: Axes, names: Sequence[str], title: str, floor: float = 0.55) -> None:
    ax.set_ylim(-len(names) + 1 - floor, floor)
    ax.set_yticks(-np.arange(len(names)), names)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0, labelsize=10, colors=INK)
    ax.set_title(title, fontsize=10, weight="normal", color=SOFT)


@styled
def attention_steps(
    attention: Float[np.ndarray, "K H M"], tokens: Sequence[str], ax: Axes | None = None, *, least: float = 0.08
) -> Axes:
    """Which token each head of each step looked at; tokens that no head gave `least` attention are
    left out.

    >>> attention_steps(attention[0], ["filter 0 + at 93", "filter 1 - at 110", "nothing"])
    """
    attention = _array(attention)
    steps, heads, _ = attention.shape
    shown = np.flatnonzero(attention.max((0, 1)) >= least)
    ax = axes_or_new(ax, 1.2 + 0.34 * len(shown))
    ax.imshow(attention.reshape(steps * heads, -1)[:, shown].T, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (column, row), value in np.ndenumerate(attention.reshape(steps * heads, -1)[:, shown]):
        if value >= 0.03:
            ink = "white" if value > 0.5 else INK
            ax.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=9, color=ink)
    for edge in range(1, steps):
        ax.axvline(edge * heads - 0.5, color=SOFT, lw=1.2)
    ax.set_yticks(range(len(shown)), [tokens[i] for i in shown])
    ax.set_xticks([k * heads + (heads - 1) / 2 for k in range(steps)], [f"step {k + 1}" for k in range(steps)])
    ax.tick_params(length=0)
    return label(ax, f"{heads} heads of each step")


@styled
def spacing_profiles(
    table: Float[np.ndarray, "C C S"], pairs: Sequence[tuple[int, int]], names: Sequence[str], *,
    window: tuple[int, int] | None = None,
) -> Figure:  # fmt: skip
    """The learnt spacing table: for each ordered pair of channels, exp(rho) at each distance over
    its mean when new.

    Above 1 the network likes the second motif at that distance from the first (start to start),
    below 1 it does not.

    >>> spacing_profiles(model.around.table(), [(0, 1)], ["AGGAAG +", "CACGTG +"])
    """
    table = _array(table)
    size = table.shape[2]
    reach, weight = size // 2, np.exp(table) * size
    low, high = window or (-reach, reach)
    top = max(weight[a, b].max() for a, b in pairs)
    figure, cells = plt.subplots(
        len(pairs), 1, figsize=(WIDTH, 0.6 + 1.25 * len(pairs)), sharex=True, sharey=True, squeeze=False
    )
    for cell, (a, b) in zip(cells[:, 0], pairs, strict=False):
        cell.axhline(1, color=SOFT, lw=1, ls=":")
        cell.fill_between(np.arange(size) - reach, 1, weight[a, b], step="mid", color=COLOURS[0], alpha=0.85, lw=0)
        cell.axvline(0, color=FAINT, lw=1, zorder=0)
        cell.set(xlim=(low - 0.5, high + 0.5), ylim=(0, 1.05 * max(top, 1.5)))
        label(cell, "", "weight", f"{names[b]}, seen from {names[a]}")
    cells[-1, 0].set_xlabel("distance from start to start (bp)")
    return figure
