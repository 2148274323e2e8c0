"""Rules that each chapter's source keeps; CONTRIBUTING.md states them for authors."""

from __future__ import annotations

import re

import nbformat
import pytest
from bootstrap import stale
from chapters import NOTEBOOKS, chapter_names, code_of, parameters_of

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


def test_toc_lists_every_notebook():
    assert sorted(chapter_names()) == [path.stem for path in PATHS]


@each_notebook
def test_source_is_clean(path):
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags"}, f"cell {cell.id}: metadata other than tags"
        if cell.cell_type == "code":
            assert cell.execution_count is None and cell.outputs == [], (
                f"cell {cell.id} holds outputs (nbstripout --keep-id)"
            )


@each_notebook
def test_title_cell(path):
    cells = nbformat.read(path, 4).cells
    assert cells[0].cell_type == "markdown" and cells[0].source.startswith("# ")
    prose = [
        re.sub(r"(?ms)^(`{3,}|:{3,}).*?^\1", "", cell.source)
        for cell in cells
        if cell.cell_type == "markdown"
    ]
    assert sum(line.startswith("# ") for text in prose for line in text.splitlines()) == 1, (
        "exactly one H1"
    )
    opening = cells[0].source
    for block in ("**You will learn**", "**You need**", "**Time**"):
        assert block in opening, f"the title cell lacks {block}"
    assert re.search(r"\*\*Time\*\*.*\d+ (min|sec)", opening), "Time in minutes or seconds"


@each_notebook
def test_parameters_cell(path):
    notebook = nbformat.read(path, 4)
    assert sum("parameters" in tags(cell) for cell in notebook.cells) == 1
    assert parameters_of(notebook)["PROFILE"] == "quick"


@each_notebook
def test_cells_are_few_and_short(path):
    cells = [
        cell
        for cell in nbformat.read(path, 4).cells
        if cell.cell_type == "code" and "colab-setup" not in tags(cell)
    ]
    assert len(cells) <= 25
    long = [
        cell.id
        for cell in cells
        if len(code_of(cell).strip().splitlines()) > 15 and "listing" not in tags(cell)
    ]
    assert not long, f"cells over 15 lines without the tag listing: {long}"


@each_notebook
def test_captions_come_with_alt_text(path):
    for cell in nbformat.read(path, 4).cells:
        assert ("#| caption:" in cell.source) <= ("#| alt:" in cell.source), (
            f"cell {cell.id}: caption without alt"
        )


@each_notebook
def test_colab_cells_are_current(path):
    assert not stale(path), "run: python tools/bootstrap.py"
