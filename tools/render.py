"""From an executed chapter to the notebook that Jupyter Book reads: banner, card of objectives,
captions, alt texts."""

from __future__ import annotations

import nbformat
from chapters import code_of, known_links, options_of, read_source
from execute import Run
from frozen import index, is_current, stored

STORED = """\
:::{{admonition}} A stored copy
:class: warning
This chapter needs data that could not be had when this book was built ({missing}), so what
you see is its last executed copy, run on {date} at the `{profile}` profile.{changed}
[How this book was run](../how_this_book_was_run.md) has the details.
:::"""
CHANGED = " **Its text has changed since then**, so words and outputs may disagree."
NEVER_RUN = """\
:::{{admonition}} Not run
:class: warning
This chapter needs data that could not be had when this book was built ({missing}), and no
executed copy is stored: you see its source without outputs.
:::"""


def rendered(run: Run) -> nbformat.NotebookNode:
    """The chapter to show for a run: its outputs, else its stored copy, else its bare source, both
    under a banner."""
    if not run.missing:
        return frame_opening(lift_options(nbformat.read(run.path, 4)))
    notebook = stored(run.name)
    if notebook is None:
        banner, notebook = NEVER_RUN.format(missing=", ".join(run.missing)), read_source(run.name)
    else:
        facts, changed = index()[run.name], "" if is_current(run.name) else CHANGED
        banner = STORED.format(missing=", ".join(run.missing), changed=changed, **facts)
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(banner, id="stored-copy"))
    return frame_opening(lift_options(notebook))


def frame_opening(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Put what follows the first sentence of the title cell (objectives, needs, time) into a
    card."""
    head, mark, rest = notebook.cells[0].source.partition("**You will learn**")
    if mark:
        notebook.cells[
            0
        ].source = f"{head}::::{{card}}\n:class-card: opening\n\n{mark}{rest.rstrip()}\n::::"
    return notebook


def lift_options(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Turn the `#| caption:` and such lines of code cells into MyST-NB metadata; unlink chapters
    that are missing."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = known_links(cell.source)
        options = options_of(cell) if cell.cell_type == "code" else {}
        if not options:
            continue
        figure = {
            "name" if key == "label" else key: options[key]
            for key in ("label", "caption")
            if key in options
        }
        cell.metadata["mystnb"] = {"image": {"alt": options.get("alt", "")}} | (
            {"figure": figure} if "caption" in figure else {}
        )
        cell.source = code_of(cell)
    return notebook
