"""What the tools know about a chapter's source: its place in the book, its parameters, its hash,
its opening lines."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import sys
from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS, BOOK = ROOT / "notebooks", ROOT / "book"
sys.path.insert(0, str(ROOT))  # the library of this very copy, installed or not
FROZEN = BOOK / "frozen"
CHAPTER_LINK = re.compile(r"\[([^\]]+)\]\((?:notebooks/)?(\d\d_\w+)\.ipynb(?:#[\w-]*)?\)")
OPTION = re.compile(r"^#\| *(label|caption|alt): *(.+)$")


def toc_entries() -> list[tuple[str, str]]:
    """(part caption, page) of every page in reading order, from `book/_toc.yml`, the only list
    there is."""
    toc = yaml.safe_load((BOOK / "_toc.yml").read_text())
    return [(part["caption"], entry["file"]) for part in toc["parts"] for entry in part["chapters"]]


def chapter_names() -> list[str]:
    """Notebook names (without folder and suffix) in reading order."""
    return [Path(page).stem for _, page in toc_entries() if page.startswith("notebooks/")]


def known_links(text: str) -> str:
    """Markdown in which links to chapters that are not in the table of contents (yet) are plain
    words."""
    here = set(chapter_names())
    return CHAPTER_LINK.sub(lambda link: link[0] if link[2] in here else link[1], text)


def read_source(name: str) -> nbformat.NotebookNode:
    """The clean source of a chapter."""
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4)


def has_tag(cell: nbformat.NotebookNode, tag: str) -> bool:
    return tag in cell.metadata.get("tags", [])


def code_of(cell: nbformat.NotebookNode) -> str:
    """Source of a cell without its `#| caption:` lines."""
    return "\n".join(line for line in cell.source.splitlines() if not OPTION.match(line))


def options_of(cell: nbformat.NotebookNode) -> dict[str, str]:
    """The `#| label:`, `#| caption:` and `#| alt:` lines of a cell."""
    return dict(
        match.groups() for line in cell.source.splitlines() if (match := OPTION.match(line))
    )


def parameters_of(notebook: nbformat.NotebookNode) -> dict[str, object]:
    """Literal assignments of the cell tagged `parameters`: PROFILE, and DATASETS where a chapter
    reads real data."""
    source = "\n".join(cell.source for cell in notebook.cells if has_tag(cell, "parameters"))
    assignments = [node for node in ast.parse(source).body if isinstance(node, ast.Assign)]
    return {node.targets[0].id: ast.literal_eval(node.value) for node in assignments}


def source_hash(notebook: nbformat.NotebookNode) -> str:
    """sha256 of what a reader would call the chapter: kinds, texts and tags of its cells, but not
    the Colab cells."""
    cells = [
        c for c in notebook.cells if not has_tag(c, "colab-badge") and not has_tag(c, "colab-setup")
    ]
    content = [[cell.cell_type, cell.source, cell.metadata.get("tags", [])] for cell in cells]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def opening_of(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Title, first sentence and time of a chapter, read from its title cell."""
    text = notebook.cells[0].source
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    time = re.search(r"\*\*Time\*\*:?\s*(.+?)(?:\n\n|\Z)", text, re.S)
    return {
        "title": paragraphs[0].removeprefix("# "),
        "line": next((p.strip("*_") for p in paragraphs[1:] if not p.startswith("**")), ""),
        "time": " ".join(time.group(1).split()).rstrip(".") if time else "",
    }
