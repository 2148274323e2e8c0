"""Run the chapters with papermill and render the book with Jupyter Book.

python tools/build_book.py                       # every chapter at PROFILE=quick, then
book/_build/html/index.html python tools/build_book.py --only 03_the_model --no-html python
tools/build_book.py --profile full --freeze 11_chipseq    # store the executed copy in book/frozen/

A chapter is run again only when its source, its parameters or the library has changed. A chapter
whose data cannot be had is shown from its stored copy, under a banner that says so.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from api import write_api
from chapters import BOOK, FROZEN, chapter_names
from execute import Run, execute
from frozen import freeze
from pages import fill_page
from render import rendered

STAGE, HTML = BOOK / "_build" / "src", BOOK / "_build" / "html"
ASIDE = ("_build", "frozen", "notebooks", "*.ipynb", ".ipynb_checkpoints", "__pycache__", "*.py")


def run_chapters(
    names: list[str],
    profile: str,
    jobs: int,
    force: bool = False,
    timeout: int = 1200,
    threads: int = 0,
) -> list[Run]:
    """Execute chapters, `jobs` at a time, each with so many threads or its share of the cores; a
    line per chapter as it ends."""
    threads = threads or max(1, (os.cpu_count() or 1) // jobs)

    def one(name: str) -> Run:
        run = execute(name, profile, threads, force=force, timeout=timeout)
        print(run.describe(), file=sys.stderr if run.error else sys.stdout, flush=True)
        return run

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, names))


def vendor_mathjax(folder: Path) -> None:
    """Copy MathJax (one file, SVG output) from the installed package, so that formulas need no
    network."""
    from importlib.metadata import files

    found = [f for f in files("sphinx-mathjax-offline") or [] if f.name == "tex-svg-full.js"]
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(found[0].locate(), folder / "tex-svg-full.js")


def stage(runs: list[Run]) -> None:
    """Lay out what Jupyter Book reads: prose with its generated parts, executed chapters, API
    pages, MathJax."""
    shutil.rmtree(STAGE, ignore_errors=True)
    shutil.copytree(BOOK, STAGE, ignore=shutil.ignore_patterns(*ASIDE))
    vendor_mathjax(STAGE / "_vendor" / "mathjax")
    for page in STAGE.glob("*.md"):
        page.write_text(fill_page(page.read_text(), runs))
    write_api(STAGE)
    (STAGE / "notebooks").mkdir()
    for run in runs:
        nbformat.write(rendered(run), STAGE / "notebooks" / f"{run.name}.ipynb")


def render() -> None:
    """Build the staged sources with warnings as errors; raises CalledProcessError, with the
    warnings on the screen."""
    shutil.rmtree(HTML, ignore_errors=True)
    program = Path(sys.executable).with_name("jupyter-book")
    command = [
        program,
        "build",
        STAGE,
        "--path-output",
        BOOK,
        "--all",
        "-W",
        "-n",
        "--keep-going",
        "--quiet",
    ]
    here = {
        "PYTHONPATH": str(Path(__file__).parent)
    }  # book/_config.yml names an extension of ours, without_thebe
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | here)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", choices=["quick", "full"], default="quick")
    parser.add_argument("--jobs", type=int, default=2, help="chapters run at the same time")
    parser.add_argument("--threads", type=int, default=0, help="of each chapter")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="run only these chapters")
    parser.add_argument(
        "--force", action="store_true", help="run chapters even if nothing has changed"
    )
    parser.add_argument("--timeout", type=int, default=1200, help="seconds a cell may take")
    parser.add_argument("--no-html", action="store_true", help="run, do not render")
    parser.add_argument(
        "--freeze", nargs="+", metavar="NAME", help="store the executed copies of these chapters"
    )
    return parser.parse_args()


def main() -> int:
    options = arguments()
    chosen = options.freeze or options.only or chapter_names()
    if unknown := sorted(set(chosen) - set(chapter_names())):
        print(f"no such chapter in book/_toc.yml: {', '.join(unknown)}", file=sys.stderr)
        return 2
    how = options.jobs, options.force, options.timeout, options.threads
    runs = run_chapters(chosen, options.profile, *how)
    if failed := [run.name for run in runs if run.error]:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
        return 1
    if options.freeze:
        for run in runs:
            print(freeze(run).relative_to(FROZEN.parents[1]))
        return 0
    if options.no_html or options.only:
        return 0
    print("rendering", flush=True)
    stage(runs)
    try:
        render()
    except subprocess.CalledProcessError:
        print("the book has warnings or errors, see above", file=sys.stderr)
        return 1
    print(HTML.joinpath("index.html").relative_to(BOOK.parent))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
