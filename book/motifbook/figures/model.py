"""The network, its filters and motifs as letters, and what it does with one sequence."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from jaxtyping import Float

from motifbook.figures.parts import BARE, TRACK, curves, label, name_rows, panels
from motiflib.motif import Motif
from motiflib.run.figures import COLOURS, INK, SOFT, axes_or_new, colour_of, letters, logo, styled


def _array(values: np.ndarray) -> np.ndarray:
    """numpy, from a tensor with gradient too."""
    return np.array(values.tolist(), dtype=float)


@styled
def network() -> plt.Axes:
    """The stages of the network from top to bottom: name, what it does, shape of what it gives."""
    stages = [
        ("sequence", "bases as ones and zeros", "(4, L)"),
        ("motif scanner", "each filter slides along, on both strands", "(C, T)"),
        ("candidates", "the M strongest hits become tokens", "(M, D)"),
        ("neighbourhood", "each token looks for partners at learnt distances", "(M, C)"),
        ("syntax builder", "a memory asks K questions, one after the other", "(K, H, M)"),
        ("logit", "bound or not, the same on both strands", "one number"),
    ]
    ax = axes_or_new(None, 0.72 * len(stages))
    ax.set(xlim=(0, 10), ylim=(-len(stages) + 0.55, 0.5), **BARE)
    for i, (name, does, shape) in enumerate(stages):
        if i > 0:
            arrow = {"arrowstyle": "-|>", "color": SOFT}
            ax.annotate("", (1.55, -i + 0.32), (1.55, -i + 0.68), arrowprops=arrow)
        new = name in ("candidates", "neighbourhood")  # not in the paper: orange
        box = {"boxstyle": "round,pad=0.6", "fc": COLOURS[1 if new else 0], "ec": "none"}
        ax.text(1.55, -i, f"{name:^16}", ha="center", va="center", color="white", weight="bold",
                family="monospace", bbox=box)
        ax.text(3.25, -i + 0.02, does, va="bottom", fontsize=10.5)
        ax.text(3.25, -i - 0.05, shape, va="top", color=SOFT, family="monospace", fontsize=10)
    return ax


@styled
def logos(motifs: list[Motif], *, titles: list[str] | None = None, columns: int = 2) -> plt.Figure:
    """Several motifs, `columns` side by side.

    >>> figure = logos(found.motifs)
    """
    cells = panels(max(len(motifs), 1), columns)
    if not motifs:
        label(cells[0], title="no motif", **BARE)
    names = titles or [None] * len(motifs)
    for cell, motif, title in zip(cells[: len(motifs)], motifs, names, strict=True):
        logo(motif, cell, title=title)
    return cells[0].figure


@styled
def filter_grid(filters: Float[np.ndarray, "F 4 W"], *, names: list[str] | None = None,
                columns: int = 2) -> plt.Figure:
    """Raw filters at one scale: a weak one looks weak; what a filter dislikes hangs below."""
    filters = _array(filters)
    names = names or [f"filter {i}" for i in range(len(filters))]
    cells = panels(len(filters), columns)
    for i, (cell, name) in enumerate(zip(cells, names, strict=True)):
        letters(cell, filters[i]).set(ylim=_limits(filters), xticks=[])
        label(cell, y="weight" if i % columns == 0 else "", title=name)
    return cells[0].figure


@styled
def filters_over_time(frames: list[Float[np.ndarray, "F 4 W"]], times: list[str], *,
                      names: list[str]) -> plt.Figure:
    """Small multiples: a row for each filter, a column for each moment of training; one scale."""
    frames = np.stack([_array(frame) for frame in frames])  # (times, F, 4, W)
    grid = panels(len(names) * len(times), len(times), 0.85, 0.25).reshape(-1, len(times))
    for (row, time), cell in np.ndenumerate(grid):
        letters(cell, frames[time, row]).set(ylim=_limits(frames), **BARE)
    for cell, time in zip(grid[0], times, strict=True):
        cell.set_title(time, loc="center", fontsize=10, weight="normal")
    for cell, name in zip(grid[:, 0], names, strict=True):
        cell.set_ylabel(name, color=SOFT, fontsize=10)
    return grid[0, 0].figure


@styled
def overlap_pair(top: Float[np.ndarray, "4 W"], other: Float[np.ndarray, "4 W"],
                 deltas: list[int], *, notes: list[str]) -> plt.Figure:
    """Two filters over one sequence, the second `delta` bp on; where both stand is shaded."""
    both = np.stack([_array(top), _array(other)])
    width = both.shape[2]
    grid = panels(2 * len(deltas), len(deltas), 1.3).reshape(2, -1)
    for column, delta, note in zip(grid.T, deltas, notes, strict=True):
        for cell, weights, start in zip(column, both, (0, delta), strict=True):
            ends = -0.6, width + delta - 0.4
            letters(cell, weights, start).set(ylim=_limits(both), xlim=ends, **BARE)
            if delta < width:
                cell.axvspan(delta - 0.5, width - 0.5, color=COLOURS[1], alpha=0.18, zorder=-1)
        column[0].set_title(f"$\\delta$ = {delta}", loc="center", weight="normal")
        column[1].set_xlabel(note, color=INK)
    grid[0, 0].set_ylabel("top filter", color=SOFT)
    grid[1, 0].set_ylabel("other", color=SOFT)
    return grid[0, 0].figure


@styled
def overlap_curve(weights: dict[str, Float[np.ndarray, " S"]]) -> plt.Axes:
    """Weight of a pair in the overlap penalty at each offset, A_a(delta) A_f(-delta), by name."""
    lines = {name: (np.arange(len(w)) - len(w) // 2, w) for name, w in weights.items()}
    x = r"offset $\delta$ of the other filter (bp)"
    return curves(lines, x, "price per unit of activation", ylim=(0, None))


def _limits(weights: np.ndarray) -> tuple[float, float]:
    """Room for the tallest stacks of letters, up and down."""
    up, down = (np.clip(side, 0, None).sum(-2).max() for side in (weights, -weights))
    reach = 1.08 * max(up, down / 0.75, 1e-6)
    return -0.75 * reach, reach


@styled
def sequence_view(activations: Float[np.ndarray, "C T"],
                  attention: Float[np.ndarray, "K H T"] | None = None, *, width: int,
                  names: list[str], truth: pd.DataFrame | None = None,
                  calls: pd.DataFrame | None = None, window: tuple | None = None) -> plt.Figure:
    """Activations (up; of the other strand, down) and attention (the largest head) at the middle of
    their windows; instances in `truth` and `calls` (columns start, end, motif, strand)."""
    activations = _array(activations)
    middle = np.arange(activations.shape[1]) + (width - 1) / 2
    tables = {"planted": truth, "called": calls}
    tables = {name: table for name, table in tables.items() if table is not None}
    steps = [] if attention is None else _array(attention).max(1)
    heights = [h for h in (3 * len(names), 2.2 * len(steps), 2.2 * len(tables)) if h]
    room = 0.9 + 0.21 * sum(heights)
    cells = panels(len(heights), height=0, room=room, sharex=True, height_ratios=heights)
    scaled = 0.48 * activations / max(activations.max(), 1e-9)
    _bars(cells[0], middle, scaled[: len(names)], COLOURS)
    _bars(cells[0], middle, -scaled[len(names) :], COLOURS)
    title = {"fontsize": 10, "weight": "normal", "color": SOFT}
    name_rows(label(cells[0]), names).set_title("activation", **title)
    if attention is not None:
        _bars(cells[1], middle, 0.85 * steps, [INK])
        lanes = [f"step {k + 1}" for k in range(len(steps))]
        name_rows(label(cells[1]), lanes, up=0.4).set_title("attention", **title)
    if tables:
        _instances(cells[-1], tables, colour_of(names))
        name_rows(label(cells[-1]), list(tables))
    for cell in cells[:-1]:
        cell.spines["bottom"].set_visible(False)
        cell.tick_params(axis="x", length=0)
    cells[-1].set(xlim=window or (0, middle[-1] + width / 2), xlabel="position (bp)")
    return cells[0].figure


def _bars(ax: plt.Axes, middle: np.ndarray, values: np.ndarray, colours: list[str]) -> None:
    """A lane of bars for each row of values."""
    for lane, heights in enumerate(values):
        seen, colour = np.abs(heights) > 0.004, colours[lane % len(colours)]
        ax.vlines(middle[seen], -lane, -lane + heights[seen], color=colour, lw=2.3)
        ax.axhline(-lane, **TRACK)


def _instances(ax: plt.Axes, tables: dict[str, pd.DataFrame], colours: dict[str, str]) -> None:
    """A lane of named boxes for each table; an arrow gives the strand."""
    for lane, table in enumerate(tables.values()):
        for site in table.itertuples():
            colour, length = colours.get(site.motif, SOFT), site.end - site.start
            ax.barh(-lane + 0.2, length, 0.45, left=site.start, color=colour)
            text = f"{site.motif} {'→' if site.strand == '+' else '←'}"
            ax.text(site.start + length / 2, -lane - 0.06, text, ha="center", va="top",
                    fontsize=9, clip_on=True)


@styled
def attention_steps(attention: Float[np.ndarray, "K H M"], tokens: list[str],
                    ax: plt.Axes | None = None) -> plt.Axes:
    """Which token each head of each step looked at; tokens below 8% everywhere are left out.

    >>> ax = attention_steps(np.array([[[0.9, 0.1]], [[0.2, 0.8]]]), ["left at 93", "nothing"])
    """
    attention = _array(attention)
    steps, heads, _ = attention.shape
    shown = np.flatnonzero(attention.max((0, 1)) >= 0.08)
    table = attention.reshape(steps * heads, -1)[:, shown].T
    numbers = np.where(table >= 0.03, np.char.mod("%.2f", table), "")
    ax = axes_or_new(ax, 1.2 + 0.34 * len(shown))
    sns.heatmap(table, ax=ax, cmap="Blues", vmin=0, vmax=1, cbar=False, annot=numbers, fmt="",
                annot_kws={"fontsize": 9})
    ax.vlines(heads * np.arange(1, steps), 0, len(shown), color=SOFT, lw=1.2)
    ax.set_yticks(np.arange(len(shown)) + 0.5, [tokens[i] for i in shown], rotation=0)
    ax.set_xticks(heads * (np.arange(steps) + 0.5), [f"step {k + 1}" for k in range(steps)])
    ax.tick_params(length=0)
    return label(ax, f"{heads} heads of each step")


@styled
def spacing_profiles(table: Float[np.ndarray, "C C S"], pairs: list[tuple[int, int]],
                     names: list[str], *, window: tuple[int, int]) -> plt.Figure:
    """Spacings of ordered pairs of channels: exp(rho) at each distance over its mean when new."""
    table = _array(table)
    size = table.shape[2]
    distances, weight = np.arange(size) - size // 2, np.exp(table) * size
    cells = panels(len(pairs), height=1.25, room=0.6, sharex=True, sharey=True)
    for cell, (a, b) in zip(cells, pairs, strict=True):
        cell.axhline(1, color=SOFT, lw=1, ls=":")
        cell.fill_between(distances, 1, weight[a, b], step="mid", alpha=0.85, lw=0)
        cell.axvline(0, **TRACK)
        label(cell, "", "weight", f"{names[b]}, seen from {names[a]}")
    top = max(1.5, *(weight[a, b].max() for a, b in pairs))
    cells[-1].set(xlim=(window[0] - 0.5, window[1] + 0.5), ylim=(0, 1.05 * top))
    cells[-1].set_xlabel("distance from start to start (bp)")
    return cells[0].figure
