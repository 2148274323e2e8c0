"""One HTML file that needs no other: pages of sections with figures and tables inside, for reports."""

from __future__ import annotations

import base64
import io
from html import escape

import pandas as pd
from matplotlib.figure import Figure

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b }
h1, h2 { line-height: 1.2 } h2 { margin-top: 2.5rem; border-top: 1px solid #ccc; padding-top: 1rem }
table { border-collapse: collapse; margin: 0.8rem 0; font-size: 0.9rem; display: block; overflow-x: auto }
th, td { padding: 0.2rem 0.7rem; text-align: right; border-bottom: 1px solid #ddd } th { background: #f4f4f4 }
th:first-child, td:first-child { text-align: left } img { max-width: 100%; height: auto }
code, pre { font-family: ui-monospace, monospace; font-size: 0.85rem } pre { overflow-x: auto }
mark { background: #ffe9a8; padding: 0 } .note { color: #555 }
"""


def page(title: str, sections: list[tuple[str, str]]) -> str:
    """A whole document: `title`, then each section's heading (plain text, may be empty) and body (HTML).

    Styles are inside and nothing is fetched: the file can be mailed, or opened without a network.

    >>> page("Report", [("Motifs", "<p>None.</p>")]).startswith("<!doctype html>")
    True
    """
    parts = [f"<section>{f'<h2>{escape(head)}</h2>' if head else ''}\n{body}\n</section>" for head, body in sections]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width">\n<title>{escape(title)}</title>'
    body = f"<h1>{escape(title)}</h1>\n" + "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head>{head}\n<style>{STYLE}</style></head>\n<body>{body}</body></html>\n'


def img(figure: Figure, alt: str, *, dpi: int = 110) -> str:
    """A figure as an <img> that holds its own PNG; `alt` says what it shows. The same figure gives the same text.

    >>> img(plots.logo(motif).figure, "Logo of M1")[:10]
    '<img alt="'
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{escape(alt, quote=True)}" src="data:image/png;base64,{data}">'


def table(frame: pd.DataFrame, *, digits: int = 3) -> str:
    """A table, without its index; text is escaped, numbers are cut to `digits` significant ones.

    >>> "<td>0.333</td>" in table(pd.DataFrame({"share": [1 / 3]}))
    True
    """
    return frame.to_html(index=False, border=0, float_format=lambda v: f"{v:.{digits}g}", na_rep="-", justify="left")
