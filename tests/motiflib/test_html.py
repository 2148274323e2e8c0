"""Reports in one file: nothing is fetched, text is escaped, figures are inside."""

import re

import pandas as pd
from matplotlib.figure import Figure

from motiflib.run import report


def figure() -> Figure:
    made = Figure(figsize=(1, 1))
    made.subplots().plot([0, 1])
    return made


def test_page_is_whole_and_self_contained():
    text = report.page(
        "A & B",
        [
            ("Motifs <1>", report.img(figure(), 'a "line"')),
            ("", report.table(pd.DataFrame({"a": [1]}))),
        ],
    )
    assert text.startswith("<!doctype html>") and text.endswith("</html>\n")
    assert "<title>A &amp; B</title>" in text and "<h2>Motifs &lt;1&gt;</h2>" in text
    assert text.count("<h2>") == 1 and 'alt="a &quot;line&quot;"' in text
    assert not re.search(r'(src|href)="(?!data:)', text) and "http" not in text


def test_figures_are_png_and_repeatable():
    assert report.img(figure(), "x") == report.img(figure(), "x")
    assert 'src="data:image/png;base64,iVBOR' in report.img(figure(), "x")


def test_table_escapes_and_rounds():
    text = report.table(pd.DataFrame({"name": ["<script>"], "p": [1 / 3], "q": [float("nan")]}))
    assert "&lt;script&gt;" in text and "0.333" in text and "<td>-</td>" in text
