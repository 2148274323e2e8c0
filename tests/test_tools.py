"""The tools that build the book, on pages and notebooks small enough to check by eye."""

from __future__ import annotations

import nbformat
import pytest
from api import escape, prose
from chapters import opening_of, parameters_of, source_hash
from check_site import check
from frozen import index, is_current, stored
from pages import table
from readme_numbers import with_numbers
from render import lift_options

GOOD = """<html><body><h1>A</h1><h1>A</h1><img src="dot.svg" alt="a dot"><a href="#here">x</a>
<a href="other.html#there">x</a>
<a href="https://example.org">outside</a><p id="here"></p></body></html>"""
OTHER = '<html><body><h1>B</h1><h1>B</h1><p id="there"></p></body></html>'


@pytest.fixture
def page(tmp_path):
    """A clean site of two pages; returns a function that spoils the first one and gives the
    problems found."""

    def spoil(old: str = "", new: str = "") -> list[str]:
        (tmp_path / "page.html").write_text(GOOD.replace(old, new) if old else GOOD)
        return check(tmp_path)

    (tmp_path / "other.html").write_text(OTHER)
    (tmp_path / "dot.svg").write_text("<svg/>")
    return spoil


def test_clean_site_has_no_problems(page):
    assert page() == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('src="dot.svg"', 'src="https://example.org/dot.svg"', "asks another host"),
        ('alt="a dot"', 'alt=""', "without alt"),
        ("dot.svg", "gone.svg", "file is missing"),
        ("<h1>A</h1><h1>A</h1>", "<h1>A</h1>", "0 H1"),
        ("#here", "#nowhere", "broken link: #nowhere"),
        ("other.html#there", "other.html#gone", "broken link: other.html#gone"),
        ("other.html#there", "gone.html", "broken link: gone.html"),
        ('<p id="here">', '<p id="here">Traceback (most recent call last):', "traceback"),
    ],
)
def test_each_fault_is_found(page, old, new, problem):
    (found,) = page(old, new)
    assert problem in found and found.startswith("page.html")


def test_fault_in_style_sheet_is_found(page, tmp_path):
    (tmp_path / "a.css").write_text("@import url('https://example.org/font.css');")
    assert page() == ["a.css: https://example.org/font.css"]


def notebook(*cells: tuple[str, str, list[str]]) -> nbformat.NotebookNode:
    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    return nbformat.v4.new_notebook(
        cells=[make[kind](source, metadata={"tags": tags}) for kind, source, tags in cells]
    )


def test_caption_and_alt_move_from_code_to_metadata():
    (cell,) = lift_options(
        notebook(("code", "#| label: fig-a\n#| caption: C: d.\n#| alt: An a.\nplot()", []))
    ).cells
    assert cell.source == "plot()"
    assert cell.metadata["mystnb"] == {
        "image": {"alt": "An a."},
        "figure": {"name": "fig-a", "caption": "C: d."},
    }


def test_parameters_are_read_as_literals():
    source = notebook(
        ("code", 'PROFILE = "quick"\nDATASETS = ["rest-gm12878"]', ["parameters"]),
        ("code", "x = 1", []),
    )
    assert parameters_of(source) == {"PROFILE": "quick", "DATASETS": ["rest-gm12878"]}


def test_source_hash_sees_words_but_not_the_colab_cells():
    plain = notebook(("markdown", "# A", []))
    assert source_hash(plain) == source_hash(
        notebook(("markdown", "# A", []), ("code", "x", ["colab-setup"]))
    )
    assert source_hash(plain) != source_hash(notebook(("markdown", "# B", [])))


def test_opening_gives_the_map_its_words():
    cell = "# The model\n\nWhat one\nleaves knowing.\n\n**You will learn**\n\n- a\n\n"
    cell += "**Time** 4 minutes on a\nlaptop.\n"
    assert opening_of(notebook(("markdown", cell, []))) == {
        "title": "The model",
        "line": "What one leaves knowing.",
        "time": "4 minutes on a laptop",
    }


def test_headline_tables_replace_what_stood_between_the_markers():
    readme = "a\n<!-- numbers:begin -->\nold\n<!-- numbers:end -->\nb"
    assert (
        with_numbers(readme, ["x", "y"])
        == "a\n<!-- numbers:begin -->\nx\n\ny\n<!-- numbers:end -->\nb"
    )


def test_docstrings_become_markdown():
    assert escape("a_b `c_d` *e*") == r"a\_b `c_d` \*e\*"
    assert prose("One.\n\n    >>> f(1)\n    2") == "One.\n\n```pycon\n>>> f(1)\n2\n```"
    assert (
        prose("Raises:\n    A: if\n        so.\n    B: b_c.")
        == "**Raises**\n\n- A: if so.\n- B: b\\_c."
    )
    assert table(["a"], [["x|y"]]) == "| a |\n| --- |\n| x\\|y |"


@pytest.mark.parametrize("name", sorted(index()))
def test_stored_copy_is_of_the_present_source(name):
    assert stored(name) is not None, f"book/frozen/{name}.ipynb is missing"
    assert is_current(name), (
        f"the source of {name} has changed: python tools/build_book.py --freeze {name}"
    )
