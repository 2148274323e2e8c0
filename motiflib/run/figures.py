"""Figures of a run's reports: logos, where sites stand, designs; and the look of all figures."""

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle

import logomaker
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from motiflib.designing import Designs
from motiflib.motif import Motif

# Okabe and Ito (2008), the yellow left out: it is too pale on white
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5195", "#5C5C5C")
INK, SOFT, FAINT = "#1f2933", "#52606d", "#d5dbe1"
WIDTH = 6.4  # inches; small enough that text stays readable when a phone shrinks the figure
_RC = {
    "figure.dpi": 120, "figure.facecolor": "white", "figure.constrained_layout.use": True,
    "savefig.facecolor": "white", "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11, "text.color": INK, "axes.facecolor": "white", "axes.titlesize": 11.5,
    "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.titlecolor": INK,
    "axes.labelsize": 11, "axes.labelcolor": INK, "axes.edgecolor": SOFT, "axes.linewidth": 0.8,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": False,
    "axes.prop_cycle": plt.cycler(color=COLOURS), "xtick.color": SOFT, "ytick.color": SOFT,
    "xtick.labelsize": 10, "ytick.labelsize": 10, "legend.frameon": False, "legend.fontsize": 10,
    "lines.linewidth": 2.0, "lines.markersize": 5,
}


@contextmanager
def style() -> Iterator[None]:
    """The book's settings for as long as a `with` block lasts; the session keeps its own.

    >>> with style():
    ...     figure, axes = plt.subplots()
    """
    # a notebook turns on interactive mode when the first figure loads its backend; loaded inside
    # the block, this would be undone at its end, and no later figure would show
    plt.draw_if_interactive()
    with plt.rc_context(_RC):
        yield


styled = style()  # the decorator of drawing functions: the style lasts as long as a call


def axes_or_new(ax: Axes | None, height: float = 3.2, width: float = WIDTH) -> Axes:
    return plt.subplots(figsize=(width, height))[1] if ax is None else ax


def label(ax: Axes, x: str = "", y: str = "", title: str = "") -> Axes:
    """Name the axes; ticks too are fixed now: matplotlib makes them when the style is gone."""
    ax.set(xlabel=x, ylabel=y)
    if title:
        ax.set_title(title)
    ax.tick_params(labelsize=10, colors=SOFT, which="both")
    return ax


def colour_of(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name, in order; after the last colour, again from the first."""
    return dict(zip(names, cycle(COLOURS), strict=False))


def png(figure: Figure, dpi: int = 110) -> bytes:
    """A figure as a PNG file, closed then; the same figure always gives the same bytes."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi, metadata={"Software": None})
    plt.close(figure)
    return file.getvalue()


def letters(ax: Axes, heights: Float[np.ndarray, "4 w"], start: float = 0) -> Axes:
    """Stacks of letters of these heights, the tallest outermost; negative ones hang below."""
    heights = np.asarray(heights, dtype=float)
    least = 0.01 * np.abs(heights).max(initial=0)
    seen = np.where(np.abs(heights) > least, heights, 0)
    table = pd.DataFrame(seen.T, columns=list("ACGT"), index=start + np.arange(seen.shape[1]))
    colours = {"A": COLOURS[2], "C": COLOURS[0], "G": COLOURS[4], "T": COLOURS[1]}
    logomaker.Logo(table, ax=ax, color_scheme=colours, font_name="DejaVu Sans", width=0.92,
                   vpad=0, flip_below=False, show_spines=False, baseline_width=0)
    ax.axhline(0, color=FAINT, lw=0.8, zorder=0)
    ax.set_xlim(start - 0.6, start + heights.shape[1] - 0.4)
    return ax


@styled
def logo(motif: Motif, ax: Axes | None = None, *, title: str | None = None) -> Axes:
    """A motif as a logo, each column as tall as its information (Schneider and Stephens 1990).

    >>> logo(run.motifs[0]).get_title("left")
    'M1'
    """
    ax = letters(axes_or_new(ax, 1.7), motif.pfm * motif.information)
    ax.set(ylim=(0, 2.05), yticks=[0, 1, 2], xticks=[])
    return label(ax, y="bits", title=motif.name if title is None else title)


def logo_png(motif: Motif) -> bytes:
    """A motif's logo as a PNG file, as wide as the motif."""
    figure = Figure(figsize=(1 + 0.35 * motif.width, 1.7), layout="constrained")
    logo(motif, figure.subplots())
    return png(figure, dpi=150)


@styled
def logos_aligned(found: Motif, known: Motif, shift: int, strand: str = "+") -> Figure:
    """A found motif above a known one, `shift` and `strand` as `motif.align` gives them."""
    known = known if strand == "+" else known.reverse_complement()
    low, high = min(0, shift), max(found.width, shift + known.width)
    figure, axes = plt.subplots(2, 1, figsize=(max(2.6, 1 + 0.3 * (high - low)), 2.7))
    titles = (found.name, f"{known.name} {known.source}".strip())
    for ax, motif, start, title in zip(axes, (found, known), (0, shift), titles, strict=True):
        padded = np.full((4, high - low), 0.25)
        padded[:, start - low : start - low + motif.width] = motif.pfm
        logo(Motif(motif.name, padded), ax, title=title)
    return figure


@styled
def profile(positions: Sequence[float], reach: float = 20) -> Axes:
    """Where sites stand, in bp from the middle of their sequences, up to `reach`."""
    ax = axes_or_new(None, 1.8)
    ax.hist(positions, bins=np.linspace(-reach, reach, 42), color=COLOURS[0])
    ax.axvline(0, color=FAINT, lw=0.8, zorder=0)
    ax.set_xlim(-reach, reach)
    return label(ax, "bp from the middle of the sequence", "sites")


@styled
def layouts(designs: Designs, most: int) -> Axes:
    """Where the instances of the first designs stand; an arrow head gives the strand."""
    shown, length = designs.names[:most], designs.codes.shape[1]
    ax = axes_or_new(None, 0.9 + 0.27 * len(shown))
    colour = colour_of(sorted(set(designs.sites.motif)))
    arrow = {"arrowstyle": "simple,head_length=.5,head_width=.9,tail_width=.55", "lw": 0}
    for i, name in enumerate(shown):
        ax.plot([0, length], [i, i], color=FAINT, lw=3, zorder=0, solid_capstyle="butt")
        for s in designs.sites[designs.sites.design == name].itertuples():
            tail, head = (s.start, s.end) if s.strand == "+" else (s.end, s.start)
            ax.annotate("", (head, i), (tail, i), arrowprops=arrow | {"color": colour[s.motif]})
    for motif, value in colour.items():
        ax.plot([], [], "s", color=value, label=motif)
    ax.set(ylim=(len(shown) - 0.4, -0.6), xlim=(0, length), yticks=range(len(shown)),
           yticklabels=[name.replace("_", " ") for name in shown])
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0.2)
    return label(ax, "position (bp)")


@styled
def twin_probabilities(kinds: dict[str, Designs], ax: Axes | None = None, *, judges=None) -> Axes:
    """Predicted probability of designs and of their twins, {"design": designs, **twins(...)}, a dot
    a sequence; or of `judges`, {kind: probabilities}."""
    ax, rng = axes_or_new(ax, 2.8), np.random.default_rng(0)
    values = judges or {kind: designs.probability for kind, designs in kinds.items()}
    for i, p in enumerate(values.values()):
        x = i + rng.uniform(-0.3, 0.3, len(p))
        ax.plot(x, p, ".", ms=4, alpha=0.5, color=COLOURS[min(i, 1)])
        ax.plot([i - 0.36, i + 0.36], [np.median(p)] * 2, color=INK, lw=1.5)
    ax.axhline(0.5, color=INK, lw=0.8, ls=":")
    names = {"design": "designs", "broken": "instance\nbroken", "spacing": "spacing\nwrong",
             "repressor": "repressor\nadded"}
    ax.set(xticks=range(len(values)), ylim=(-0.04, 1.04), xlim=(-0.6, len(values) - 0.4),
           xticklabels=[names.get(kind, kind) for kind in values])
    return label(ax, "", "probability")
