"""Parts of pages that are made when the book is built: the map of chapters, the table of runs."""

from __future__ import annotations

from pathlib import Path

from bootstrap import colab_address
from chapters import known_links, opening_of, read_source, toc_entries
from execute import Run
from frozen import index


def fill_page(text: str, runs: list[Run]) -> str:
    """Replace the markers such as `<!-- chapter-map -->` of a page by what they name."""
    made = {
        "chapter-map": chapter_map,
        "run-table": lambda: run_table(runs),
        "frozen-table": frozen_table,
    }
    made["colab-address"] = lambda: colab_address("11_chipseq.ipynb")
    for name, make in made.items():
        marker = f"<!-- {name} -->"
        text = text.replace(marker, make()) if marker in text else text
    return known_links(text)


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def chapter_map() -> str:
    """One table per part of the book: chapter, what the reader leaves knowing, time."""
    parts: dict[str, list[list[str]]] = {}
    for part, page in toc_entries():
        if page.startswith("notebooks/"):
            opening = opening_of(read_source(Path(page).stem))
            row = [f"[{opening['title']}]({page}.ipynb)", opening["line"], opening["time"]]
            parts.setdefault(part, []).append(row)
    return "\n\n".join(
        f"**{part}**\n\n" + table(["chapter", "you leave knowing", "time"], rows)
        for part, rows in parts.items()
    )


def run_table(runs: list[Run]) -> str:
    """Seconds, memory and profile of each chapter of this very build, then the machine and
    versions."""
    done = [run for run in runs if not run.missing]
    rows = [[f"`{r.name}`", f"{r.seconds:.0f}", str(r.peak_mib), r.profile, r.date] for r in done]
    rows += [
        [f"`{r.name}`", "stored copy", "", "", f"without {', '.join(r.missing)}"]
        for r in runs
        if r.missing
    ]
    text = table(["chapter", "seconds", "peak memory (MiB)", "profile", "run on"], rows)
    for machine in sorted({run.hardware for run in done}):
        versions = next(run.versions for run in done if run.hardware == machine)
        listed = ", ".join(f"{name} {number}" for name, number in versions.items())
        text += f"\n\nMachine: {machine}. Versions: {listed}."
    return (
        text
        + f"\n\nAll chapters together: {sum(run.seconds for run in done) / 60:.1f} minutes of "
          f"running."
    )


def frozen_table() -> str:
    """Stored copies and the facts of the runs that made them."""
    if not index():
        return "No chapter has a stored copy."
    rows = [
        [f"`{n}`", f["profile"], f["date"], f"{f['seconds']:.0f}", f["hardware"]]
        for n, f in sorted(index().items())
    ]
    return table(["chapter", "profile", "run on", "seconds", "machine"], rows)
