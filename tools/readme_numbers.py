"""Copy the headline tables of the chapters into README.md, each with the facts of the run that made
it.

python tools/readme_numbers.py

A chapter offers a table by the tag `headline` on the cell that shows it as a DataFrame; the README
shows those of SHOWN. Numbers come from the last runs of the chapters (`make book`), never from a
keyboard.
"""

from __future__ import annotations

import json
import re

import nbformat
from chapters import ROOT, has_tag, opening_of
from execute import CACHE

SHOWN = ("06_motif_discovery", "07_motif_instances")
BLOCK = re.compile(r"(<!-- numbers:begin -->\n).*?(<!-- numbers:end -->)", re.S)
TABLE = re.compile(r"<table.*?</table>", re.S)


def headline(name: str) -> str:
    """The headline tables of one chapter as HTML under a line that says where they are from; empty
    if it has none."""
    record = CACHE / f"{name}.json"
    if not record.exists():
        return ""
    notebook, facts = nbformat.read(CACHE / f"{name}.ipynb", 4), json.loads(record.read_text())
    outputs = [
        output
        for cell in notebook.cells
        if has_tag(cell, "headline")
        for output in cell.get("outputs", [])
    ]
    tables = [
        match
        for output in outputs
        for match in TABLE.findall(output.get("data", {}).get("text/html", ""))
    ]
    title = f"**{opening_of(notebook)['title']}** (`notebooks/{name}.ipynb`, "
    title += f"`{facts['profile']}` profile, "
    plain = [re.sub(r' (border|class|style)="[^"]*"', "", table) for table in tables]
    return "\n\n".join([title + f"{facts['hardware']}, {facts['date']})", *plain]) if plain else ""


def with_numbers(readme: str, blocks: list[str]) -> str:
    """The README with the part between its markers replaced."""
    text = "\n\n".join(blocks)
    return BLOCK.sub(lambda match: f"{match[1]}{text}\n{match[2]}", readme)


if __name__ == "__main__":
    found = [block for block in map(headline, SHOWN) if block]
    path = ROOT / "README.md"
    if found:
        path.write_text(with_numbers(path.read_text(), found))
    print(f"{len(found)} chapters with headline tables")
