"""Write the Colab badge and set-up cell of every notebook from ONE address, `repository` in
book/_config.yml.

python tools/bootstrap.py            # write
python tools/bootstrap.py --check    # only say which notebooks are stale
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import yaml
from chapters import BOOK, NOTEBOOKS, has_tag


def address() -> tuple[str, str]:
    """(address of the repository, branch): the only place where the tools read them."""
    repository = yaml.safe_load((BOOK / "_config.yml").read_text())["repository"]
    return repository["url"].rstrip("/"), repository["branch"]


def setup_source() -> str:
    """The set-up cell: on Colab it fetches the repository, and tools/setup_env.py installs what is
    missing.

    Whether there is something to do is asked of what is there, each time the cell runs: a set-up
    that failed is repeated, one that was finished ends at once. Without a network it says so in
    one line and stops the notebook: `_render_traceback_` is what IPython shows of an error.
    """
    url, branch = address()
    return f"""\
# Set-up: does nothing outside Google Colab.
import sys

if "google.colab" in sys.modules:
    import os
    import shutil
    import subprocess

    folder = "/content/{url.rsplit("/", 1)[1]}"
    script = f"{{folder}}/tools/setup_env.py"

    class SetupFailed(Exception):
        def _render_traceback_(self):
            return [str(self)]

    def run(*command):  # shows its lines as they come; returns why it failed
        pipes = {{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}}
        with subprocess.Popen(command, text=True, **pipes) as process:
            for line in process.stdout:
                print(line, end="", flush=True)
            said = ["no reason given", *process.stderr.read().strip().splitlines()]
        return said[-1] if process.returncode else ""

    if not os.path.isfile(script):
        print("1 of 3: fetching the book", flush=True)
        shutil.rmtree(folder, ignore_errors=True)  # what a failed try has left
        clone = ["git", "clone", "--quiet", "--depth", "1", "--branch", "{branch}"]
        if failed := run(*clone, "{url}.git", folder):
            shutil.rmtree(folder, ignore_errors=True)
            raise SetupFailed(
                "Set-up failed: {url} cannot be had. Is there a "
                f"network? Run this cell again when there is. ({{failed}})"
            )
    if failed := run(sys.executable, script, "--colab"):
        raise SetupFailed(failed)
    os.chdir(f"{{folder}}/notebooks")"""


def colab_address(name: str) -> str:
    """Where Colab opens a notebook of the repository, by file name."""
    url, branch = address()
    colab = url.replace("github.com", "colab.research.google.com/github")
    return f"{colab}/blob/{branch}/notebooks/{name}"


def badge_source(name: str) -> str:
    """The Markdown of the badge that opens one notebook in Colab."""
    return f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab_address(name)})"


def wanted_cells(path: Path) -> list[nbformat.NotebookNode]:
    """The two cells that stand right after the title cell."""
    badge = nbformat.v4.new_markdown_cell(badge_source(path.name), id="colab-badge")
    setup = nbformat.v4.new_code_cell(setup_source(), id="colab-setup")
    for cell in (badge, setup):
        cell.metadata["tags"] = [cell.id, "remove-cell"]
    return [badge, setup]


def stale(path: Path) -> bool:
    """Whether a notebook's badge and set-up cell are missing, out of place or from another
    address."""
    found = nbformat.read(path, 4).cells[1:3]
    return [(c.source, c.metadata.get("tags")) for c in found] != [
        (c.source, c.metadata.tags) for c in wanted_cells(path)
    ]


def write(path: Path) -> None:
    """Put both cells after the title cell (a removed first cell would hide the title) and take old
    ones away."""
    notebook = nbformat.read(path, 4)
    rest = [
        c for c in notebook.cells if not has_tag(c, "colab-badge") and not has_tag(c, "colab-setup")
    ]
    notebook.cells = rest[:1] + wanted_cells(path) + rest[1:]
    nbformat.write(notebook, path)


def main(check: bool) -> int:
    bad = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if stale(path)]
    for path in bad:
        print(f"{path.name}: {'stale set-up cell' if check else 'set-up cell written'}")
        if not check:
            write(path)
    return int(check and bool(bad))


if __name__ == "__main__":
    raise SystemExit(main("--check" in sys.argv))
