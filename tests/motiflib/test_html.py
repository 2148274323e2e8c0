"""Pages in one file: nothing is fetched, text is escaped, figures are inside and repeatable."""

import re

import pandas as pd
from matplotlib.figure import Figure

from motiflib.run import report
from motiflib.run.figures import png


def figure() -> Figure:
    made = Figure(figsize=(1, 1))
    made.subplots().plot([0, 1])
    return made


def page(**told) -> str:
    told = {"title": "A & B", "data": {}, "metrics": {}, "seed": 0, "motifs": [], "held": None,
            "run": "r", "day": "2026-08-19", "version": "0", "warnings": []} | told
    shape = type("Shape", (), {"filters": 1, "width": 2})
    return report.PAGES.get_template("motifs.html.j2").render(config=shape, **told)


def test_page_is_whole_and_self_contained():
    data = {"<script>": 1, "positives": {"name": "<b>"}, "negatives": {"shuffle": "di"}}
    text = page(data=data, warnings=["few <i>"])
    assert text.startswith("<!doctype html>") and text.endswith("</html>\n")
    assert "<title>A &amp; B</title>" in text and "<td>&lt;script&gt;</td>" in text
    assert "<td>&lt;b&gt;</td>" in text and "<td>the positives, shuffled (di)</td>" in text
    assert "few &lt;i&gt;" in text and "Run r, written 2026-08-19 by motiflib 0." in text
    assert not re.search(r'(src|href)="(?!data:)', text) and "http" not in text


def test_figures_are_png_and_repeatable():
    assert png(figure()) == png(figure())
    text = report.image(png(figure()), 'a "line"')
    assert 'src="data:image/png;base64,iVBOR' in text and 'alt="a &#34;line&#34;"' in text


def test_table_escapes_and_rounds():
    text = report.table(pd.DataFrame({"name": ["<script>"], "p": [1 / 3], "q": [float("nan")]}))
    assert "&lt;script&gt;" in text and "0.333" in text and "<td>-</td>" in text
    assert text.startswith('<div class="wide">')


def test_marks_escape():
    assert report.mark("ac<GT>") == "ac&lt;<mark>GT</mark>&gt;"
