"""The API reference, made from the sources: the ten doors first, then a page for each room."""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache
from pathlib import Path

import yaml
from chapters import ROOT
from pages import table

PACKAGES = {"motiflib": ROOT / "motiflib", "motifbook": ROOT / "book" / "motifbook"}
# In the order that data flows; rooms not named here follow by alphabet.
ORDER = (
    "verbs sequence motif model losses batches training seeding hits discovery calling syntax "
    "designing controls run genome variants files cli grammar compiler peers datasets robustness"
).split()
SECTION = re.compile(r"[A-Z][a-z]+:")
HELPERS = (
    "## Helpers\n\nThe functions below serve this room alone; nothing else in the project calls "
    "them."
)


def write_api(stage: Path) -> None:
    """Write `api/<package>.<room>.md` for each room, list doors and rooms in `api.md`, and hang the
    pages below it in the staged contents."""
    folder, page = stage / "api", stage / "api.md"
    folder.mkdir(exist_ok=True)
    text = page.read_text().replace("<!-- api-doors -->", doors())
    names = []
    for package in PACKAGES:
        found = {f"{package}.{room}": sources(package, room) for room in rooms(package)}
        for name, paths in found.items():
            (folder / f"{name}.md").write_text(room_page(name, paths))
        rows = [[f"[`{n}`](api/{n}.md)", first_line(paths[0])] for n, paths in found.items()]
        listed = table(["room", "what lives there"], rows)
        text = text.replace(f"<!-- api-{package} -->", listed)
        names += found
    page.write_text(text)
    toc = yaml.safe_load((stage / "_toc.yml").read_text())
    chapters = [chapter for part in toc["parts"] for chapter in part["chapters"]]
    entry = next(chapter for chapter in chapters if chapter["file"] == "api")
    entry["sections"] = [{"file": f"api/{name}"} for name in names]
    (stage / "_toc.yml").write_text(yaml.safe_dump(toc, sort_keys=False))


def doors() -> str:
    """The entries of the functions that `motiflib` itself gives, in their order there."""
    listed = re.search('DOORS = "(.*)"', (PACKAGES["motiflib"] / "__init__.py").read_text())
    tree = ast.parse((PACKAGES["motiflib"] / "verbs.py").read_text())
    nodes = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    blocks = [block for door in listed[1].split() for block in entry(nodes[door], "### ml.")]
    return "\n\n".join(blocks)


def rooms(package: str) -> list[str]:
    """Names of a package's public modules and folders, in the order that data flows."""
    found = {
        path.stem
        for path in PACKAGES[package].glob("[!_]*")
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    return [room for room in ORDER if room in found] + sorted(found - set(ORDER))


def sources(package: str, room: str) -> list[Path]:
    """Files of a room: one module, or a folder with its public modules."""
    place = PACKAGES[package] / room
    if not place.is_dir():
        return [place.with_suffix(".py")]
    return [place / "__init__.py", *sorted(place.glob("[!_]*.py"))]


def first_line(path: Path) -> str:
    """First paragraph of a module's docstring."""
    doc = ast.get_docstring(ast.parse(path.read_text())) or ""
    return doc.split("\n\n")[0].replace("\n", " ")


def room_page(name: str, paths: list[Path]) -> str:
    """One Markdown page: the room's own words, then each public name with its signature and
    docstring; helpers, which nothing outside calls, stand below a heading of their own."""
    blocks, helpers = [f"# {name}"], []
    for path in paths:
        tree = ast.parse(path.read_text())
        blocks.append(prose(ast.get_docstring(tree)))
        for node in tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                used = isinstance(node, ast.ClassDef) or is_used(node.name, tuple(paths))
                (blocks if used else helpers).extend(entry(node))
    blocks += [HELPERS, *helpers] if helpers else []
    return "\n\n".join(block for block in blocks if block) + "\n"


def is_used(name: str, own: tuple[Path, ...]) -> bool:
    """Whether any module, chapter, benchmark or tool outside of a room names a function."""
    word = re.compile(rf"\b{name}\b")
    return any(word.search(text) for path, text in all_sources().items() if path not in own)


@cache
def all_sources() -> dict[Path, str]:
    """Text of all code that may call the packages, tests left out."""
    folders = [*PACKAGES.values(), ROOT / "notebooks", ROOT / "benchmarks", ROOT / "tools"]
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {path: path.read_text() for path in paths if path.suffix in (".py", ".ipynb")}


def entry(node: ast.ClassDef | ast.FunctionDef, level: str = "## ") -> list[str]:
    """Heading, signature and docstring of a class (with its public methods) or a function."""
    blocks = [f"{level}{node.name}", f"```python\n{signature(node)}\n```"]
    blocks.append(prose(ast.get_docstring(node)))
    if isinstance(node, ast.FunctionDef):
        return blocks
    fields = [ast.unparse(item) for item in node.body if isinstance(item, ast.AnnAssign)]
    blocks += ["```python\n" + "\n".join(fields) + "\n```"] if fields else []
    for item in node.body:
        public = isinstance(item, ast.FunctionDef) and not item.name.startswith("_")
        if public and ast.get_docstring(item):
            blocks += [f"### {node.name}.{item.name}", f"```python\n{signature(item)}\n```"]
            blocks.append(prose(ast.get_docstring(item)))
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
    """A listing; of an error that an example shows, the last line says all."""
    content = content.replace("Traceback (most recent call last):\n", "")
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
