"""Draw book/figures/idea.svg, the book's one idea as a picture; the logos are the two halves of
JASPAR's REST.

python tools/draw_idea.py

Colours are CSS variables with fall-backs: inside a page the figure follows the page's light or dark
theme, elsewhere (README) it brings its own white card.
"""

from __future__ import annotations

import numpy as np
from chapters import BOOK
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path as Outline
from matplotlib.textpath import TextPath
from pyjaspar import jaspardb

WIDTH, HEIGHT, LEFT, STEP = 1120, 520, 290, 14.4
SEQUENCE = "GCATTGACCTAATTTCAGCACCATGGACAGCGCCTTAGGCATCATAGTCTGAAACT"
SITES = {"A": (13, 22), "B": (24, 34)}  # where the two halves stand in SEQUENCE
COLOURS = {"A": "#7b4fa3", "B": "#00827f"}
BASES = dict(zip("ACGT", ("#009e73", "#0072b2", "#e69f00", "#d55e00"), strict=True))
INK, SOFT, CARD, LINE = (
    "var(--idea-ink,#1f2933)",
    "var(--idea-soft,#52606d)",
    "var(--idea-card,#fff)",
    "var(--idea-line,#9aa5b1)",
)
BOLD = FontProperties(family="DejaVu Sans", weight="bold")


def outline(letter: str) -> str:
    """SVG path of a letter in the unit square, y downwards."""
    path = TextPath((0, 0), letter, size=1, prop=BOLD)
    low, high = path.vertices.min(0), path.vertices.max(0)
    size = high - low
    verbs = {
        Outline.MOVETO: "M",
        Outline.LINETO: "L",
        Outline.CURVE3: "Q",
        Outline.CURVE4: "C",
        Outline.CLOSEPOLY: "Z",
    }
    parts = []
    for points, code in path.iter_segments(curves=True):
        pairs = (points.reshape(-1, 2) - low) / size * [1, -1] + [0, 1]
        parts.append(
            verbs[code]
            + ("" if verbs[code] == "Z" else " ".join(f"{x:.3f} {y:.3f}" for x, y in pairs))
        )
    return "".join(parts)


def text(x: float, y: float, words: str, size: int = 16, fill: str = INK, **more: str) -> str:
    extra = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in more.items())
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{fill}"{extra}>{words}</text>'


def logo(matrix: np.ndarray, x: float, y: float, width: float, height: float) -> str:
    """Sequence logo of a (4, w) matrix of probabilities; letters as tall as their information, 2
    bits at most."""
    bits = 2 + (matrix * np.log2(matrix + 1e-9)).sum(0)
    step, drawn = width / matrix.shape[1], []
    for column, information in enumerate(bits):
        base = y + height
        for row in np.argsort(matrix[:, column]):
            tall = matrix[row, column] * information / 2 * height
            if tall > 1:
                base -= tall
                place = f"translate({x + column * step:.1f} {base:.1f}) "
                place += f"scale({step * 0.94:.2f} {tall:.2f})"
                drawn.append(f'<use href="#base-{"ACGT"[row]}" transform="{place}"/>')
    return "".join(drawn)


def track(name: str, y: float) -> str:
    """Activation of one filter along the sequence: seeded noise near zero and one peak at its
    site."""
    centre = LEFT + np.mean(SITES[name]) * STEP
    noise = np.random.default_rng(ord(name)).random(len(SEQUENCE)) ** 4 * 9
    xs = LEFT + (np.arange(len(SEQUENCE)) + 0.5) * STEP
    keep = np.abs(xs - centre) > 2 * STEP
    points = sorted([(x, y - n) for x, n in zip(xs[keep], noise[keep], strict=True)])
    peak = [
        (centre - STEP, y),
        (centre - 3, y - 46),
        (centre, y - 50),
        (centre + 3, y - 46),
        (centre + STEP, y),
    ]
    line = " ".join(f"{a:.1f},{b:.1f}" for a, b in sorted([*points, *peak]))
    end = LEFT + len(SEQUENCE) * STEP
    return (
        f'<polygon points="{LEFT},{y} {line} {end:.1f},{y}" fill="{COLOURS[name]}" '
        f'fill-opacity=".8"/>'
        + (f'<path d="M{LEFT} {y}H{end:.1f}" stroke="{LINE}"/>')
    )


def halves() -> dict[str, np.ndarray]:
    """The two half sites of REST as (4, w) probabilities, from JASPAR MA0138."""
    counts = jaspardb(release="JASPAR2026").fetch_motif_by_id("MA0138").counts
    matrix = np.array([counts[base] for base in "ACGT"], float)
    matrix /= matrix.sum(0)
    consensus = "".join("ACGT"[i] for i in matrix.argmax(0))
    return {"A": _around(matrix, consensus, "CAGCACC"), "B": _around(matrix, consensus, "GGACAG")}


def _around(matrix: np.ndarray, consensus: str, core: str) -> np.ndarray:
    start = consensus.index(core)
    return matrix[
        :, max(0, start - (core[0] == "C") * 2) : start + len(core) + (core[0] == "G") * 4
    ]


def draw() -> str:
    """The whole figure as SVG."""
    end = LEFT + len(SEQUENCE) * STEP
    parts = [f'<rect width="{WIDTH}" height="{HEIGHT}" rx="14" fill="{CARD}"/>']
    parts.append(
        "<defs>"
        + "".join(f'<path id="base-{b}" d="{outline(b)}" fill="{c}"/>' for b, c in BASES.items())
        + "</defs>"
    )
    for name, (start, stop) in SITES.items():
        box = f'x="{LEFT + start * STEP:.1f}" y="34" width="{(stop - start) * STEP:.1f}" '
        box += 'height="32" rx="5"'
        parts.append(f'<rect {box} fill="{COLOURS[name]}" fill-opacity=".22"/>')
    for i, base in enumerate(SEQUENCE):
        parts.append(
            text(
                round(LEFT + (i + 0.5) * STEP, 1),
                56,
                base,
                17,
                BASES[base],
                text_anchor="middle",
                font_weight="700",
            )
        )
    parts += [
        text(28, 48, "Sequence in", 19, font_weight="700"),
        text(28, 69, "one-hot, 4 × L", 14, SOFT),
    ]
    for name, y in {"A": 160, "B": 260}.items():
        parts.append(logo(halves()[name], 28, y - 58, 190, 58))
        parts.append(
            text(
                28,
                y + 20,
                f"filter {name} <tspan fill='{SOFT}'>is a motif</tspan>",
                15,
                COLOURS[name],
                font_weight="700",
            )
        )
        parts.append(track(name, y))
    parts += [
        text(end, 100, "Motif scanner: where does each filter fire?", 15, SOFT, text_anchor="end")
    ]
    queries = {"A": 520, "B": 680}
    for number, (name, x) in enumerate(queries.items(), 1):
        top = LEFT + np.mean(SITES[name]) * STEP
        y = {"A": 164, "B": 264}[name]
        parts.append(
            f'<path d="M{x} 338C{x} 300 {top:.0f} 320 {top:.0f} {y}" fill="none" '
            f'stroke="{COLOURS[name]}" stroke-width="2.5"/>'
        )
        parts.append(f'<circle cx="{x}" cy="360" r="22" fill="{COLOURS[name]}"/>')
        parts.append(text(x, 365, f"{number}", 16, "#fff", text_anchor="middle", font_weight="700"))
    parts.append(
        f'<path d="M{LEFT} 360H498M542 360H658M702 360H{end - 148:.0f}" stroke="{INK}" '
        f'stroke-width="3" fill="none"/>'
    )
    parts.append(f'<path d="M{end - 150:.0f} 353l12 7l-12 7z" fill="{INK}"/>')
    parts.append(text(end, 366, "bound or not", 17, text_anchor="end", font_weight="700"))
    parts += [
        text(28, 354, "Syntax builder", 19, font_weight="700"),
        text(28, 375, "one query at a time, one instance each", 13, SOFT),
    ]
    parts.append(text(LEFT, 350, "memory stream", 14, SOFT))
    cards = [
        ("Motifs", "the filters, as matrices"),
        ("Instances", "where, which strand, how sure"),
        ("Rules", "A then B, with 2 bp between"),
    ]
    parts.append(text(28, 458, "Read out", 19, font_weight="700"))
    parts.append(text(28, 479, "from weights and attention alone", 13, SOFT))
    for i, (title, words) in enumerate(cards):
        x = LEFT + i * 273
        parts.append(
            f'<rect x="{x}" y="425" width="258" height="68" rx="10" fill="none" stroke="{LINE}" '
            f'stroke-width="1.5"/>'
        )
        parts += [
            text(x + 16, 454, title, 17, font_weight="700"),
            text(x + 16, 476, words, 14, SOFT),
        ]
    label = (
        "A DNA sequence enters at the top. Two filters, drawn as sequence logos, each fire at one "
        "place: the left and "
        "the right half of a REST site. Two queries pick these instances in turn and lead to the "
        "answer, bound or not. "
        "Motifs, instances and rules are read from the weights and the attention."
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
    head += f'aria-label="{label}" '
    return (
        head
        + 'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif">\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


if __name__ == "__main__":
    (BOOK / "figures" / "idea.svg").write_text(draw())
