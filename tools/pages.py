"""Parts of pages that are made when the book is built: the map of chapters, the table of runs, the
API reference."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import yaml
from bootstrap import colab_address
from chapters import ROOT, known_links, opening_of, read_source, toc_entries
from execute import Run
from frozen import index

# In the order that data flows; rooms not named here follow by alphabet.
ORDER = (
    "sequence motif grammar genome datasets model losses seeding batches training discovery instances syntax "
    "robustness design variants baselines plots runs cli paths"
).split()
SECTION = re.compile(r"[A-Z][a-z]+:")


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
        text += f"\n\nMachine: {machine}. Versions: {', '.join(f'{k} {v}' for k, v in versions.items())}."
    return (
        text
        + f"\n\nAll chapters together: {sum(run.seconds for run in done) / 60:.1f} minutes of running."
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


def write_api(stage: Path) -> None:
    """Write `api/<room>.md` for each room, list them in `api.md`, and hang them below it in the
    staged contents."""
    folder = stage / "api"
    folder.mkdir(exist_ok=True)
    trees_of = {
        room: [ast.parse(path.read_text()) for path in room_sources(room)] for room in rooms()
    }
    for room, trees in trees_of.items():
        (folder / f"{room}.md").write_text(room_page(room, trees))
    rows = [
        [f"[`motiflib.{room}`](api/{room}.md)", first_line(trees[0])]
        for room, trees in trees_of.items()
    ]
    page = stage / "api.md"
    page.write_text(
        page.read_text().replace("<!-- api-rooms -->", table(["room", "what lives there"], rows))
    )
    toc = yaml.safe_load((stage / "_toc.yml").read_text())
    entry = next(
        entry for part in toc["parts"] for entry in part["chapters"] if entry["file"] == "api"
    )
    entry["sections"] = [{"file": f"api/{room}"} for room in trees_of]
    (stage / "_toc.yml").write_text(yaml.safe_dump(toc, sort_keys=False))


def rooms() -> list[str]:
    """Names of the library's public modules and packages, in the order that data flows."""
    found = {
        p.stem
        for p in (ROOT / "motiflib").glob("[!_]*")
        if p.suffix == ".py" or (p / "__init__.py").exists()
    }
    return [room for room in ORDER if room in found] + sorted(found - set(ORDER))


def room_sources(room: str) -> list[Path]:
    """Files of a room: one module, or a package with its public modules."""
    package = ROOT / "motiflib" / room
    if not package.is_dir():
        return [package.with_suffix(".py")]
    return [package / "__init__.py", *sorted(package.glob("[!_]*.py"))]


def first_line(node: ast.AST) -> str:
    """First line of a docstring, or nothing."""
    return (ast.get_docstring(node) or "").split("\n\n")[0].replace("\n", " ")


def room_page(room: str, trees: list[ast.Module]) -> str:
    """One Markdown page: the room's own words, then each public name with its signature and
    docstring."""
    blocks = [f"# motiflib.{room}"]
    for tree in trees:
        blocks.append(prose(ast.get_docstring(tree)))
        for node in tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                blocks += entry(node)
    return "\n\n".join(block for block in blocks if block) + "\n"


def entry(node: ast.ClassDef | ast.FunctionDef) -> list[str]:
    """Heading, signature and docstring of a class (with its public methods) or a function."""
    blocks = [
        f"## {node.name}",
        f"```python\n{signature(node)}\n```",
        prose(ast.get_docstring(node)),
    ]
    if isinstance(node, ast.ClassDef):
        fields = [ast.unparse(item) for item in node.body if isinstance(item, ast.AnnAssign)]
        blocks += ["```python\n" + "\n".join(fields) + "\n```"] if fields else []
        for item in node.body:
            if (
                isinstance(item, ast.FunctionDef)
                and not item.name.startswith("_")
                and ast.get_docstring(item)
            ):
                blocks += [
                    f"### {node.name}.{item.name}",
                    f"```python\n{signature(item)}\n```",
                    prose(ast.get_docstring(item)),
                ]
    return blocks


def signature(node: ast.ClassDef | ast.FunctionDef) -> str:
    """The line(s) that declare a name, decorators included, without its body."""
    decorators = [f"@{ast.unparse(d)}" for d in node.decorator_list]
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(map(ast.unparse, [*node.bases, *[k.value for k in node.keywords]]))
        return "\n".join([*decorators, f"class {node.name}" + (f"({bases})" if bases else "")])
    arguments = ast.unparse(node.args)
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    line = f"def {node.name}({arguments}){returns}"
    if len(line) > 100:
        line = f"def {node.name}(\n    " + arguments.replace(", *", ",\n    *", 1) + f"\n){returns}"
    return "\n".join([*decorators, line])


def prose(docstring: str | None) -> str:
    """A docstring as Markdown: paragraphs as they are, sections such as `Raises:` as lists,
    examples as code."""
    return "\n\n".join(
        block_of(block) for block in (docstring or "").split("\n\n") if block.strip()
    )


def block_of(block: str) -> str:
    """One paragraph, section, list or piece of code of a docstring."""
    head, _, body = block.partition("\n")
    if SECTION.fullmatch(head) and body.startswith("  "):
        content = inspect.cleandoc("\n" + body)
        inner = code_block(content) if ">>>" in content else items(content)
        return f"**{head.rstrip(':')}**\n\n{inner}"
    if all(line.startswith("    ") for line in block.splitlines()) or block.startswith(">>>"):
        return code_block(inspect.cleandoc("\n" + block))
    if any(line.startswith(("  ", "- ", "|")) for line in block.splitlines()):
        return f"```text\n{block}\n```"
    return escape(block)


def code_block(content: str) -> str:
    return f"```{'pycon' if '>>>' in content else 'python'}\n{content}\n```"


def items(content: str) -> str:
    """The entries of a section as a list; a line that is indented continues the entry above."""
    entries = re.sub(r"\n +", " ", content).splitlines()
    return "\n".join(f"- {escape(entry)}" for entry in entries)


def escape(text: str) -> str:
    """Keep Markdown code spans, escape what MyST would read as markup outside of them."""
    parts = text.replace("``", "`").split("`")
    if len(parts) % 2 == 0:
        return f"```text\n{text}\n```"
    for i in range(0, len(parts), 2):
        for character in "\\*_[]<>{}$":
            parts[i] = parts[i].replace(character, "\\" + character)
    return "`".join(parts)
