"""Lines of each ring of the house, beside what it may have; `python tools/lines.py` prints them, a
test holds them.

Every line counts, blank ones and docstrings too. A body is what a function holds below its
signature and docstring.
"""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
METHOD = (
    "files sequence motif model losses batches training seeding hits discovery calling syntax "
    "designing controls"
).split()
GOALS = {"the method, flat rooms": 3000, "motiflib in all": 4900, "motifbook": 4700}
BUDGETS = GOALS | {"motiflib in all": 6300}  # on the way there; it only falls
BEFORE = {"the method, flat rooms": 3729, "motiflib in all": 6769, "motifbook": 5951}  # 120 columns
LONGEST = 60  # lines of a body


def files(ring: str) -> list[Path]:
    """The modules of a ring."""
    if ring == "the method, flat rooms":
        return [ROOT / "motiflib" / f"{room}.py" for room in METHOD]
    return sorted((ROOT / ("motiflib" if "motiflib" in ring else "book/motifbook")).rglob("*.py"))


def lines(ring: str) -> int:
    """Lines of all modules of a ring."""
    return sum(len(path.read_text().splitlines()) for path in files(ring))


def bodies(path: Path) -> dict[str, int]:
    """Lines of each function's body."""
    out = {}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            first = node.body[1:] if ast.get_docstring(node) is not None else node.body
            out[f"{path.name}:{node.name}"] = node.end_lineno - first[0].lineno + 1 if first else 0
    return out


def main() -> None:
    print(f"{'ring':26}{'before':>8}{'now':>8}{'goal':>9}{'median body':>13}{'longest':>9}")
    for ring, most in GOALS.items():
        sizes = [size for path in files(ring) for size in bodies(path).values() if size]
        row = f"{ring:26}{BEFORE[ring]:8}{lines(ring):8}{most:9}{median(sizes):13}{max(sizes):9}"
        print(row)


if __name__ == "__main__":
    main()
