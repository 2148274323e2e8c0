"""Prepare a Python environment for the book: standard library only, quick when there is nothing to
do.

python tools/setup_env.py            # create or refresh, print progress
python tools/setup_env.py --where    # only print the interpreter that the Makefile shall use
python tools/setup_env.py --colab    # what chapters need, into the interpreter that runs this

An active environment (virtualenv or conda) is used as it is; otherwise `.venv` beside the Makefile.
A torch that is there stays: every installation runs under a constraint that names its exact
version. Without one, the book's own pin is used.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TORCH = "2.13.0"
EXTRAS, COLAB_EXTRAS = "book,baselines,dev", "baselines"  # the peers that chapters call
OLDEST, NEWEST = (3, 10), (3, 13)
VERSIONS = """
import importlib.metadata as m
for found in m.distributions():
    if found.metadata["Name"]: print(found.metadata["Name"], found.version)
"""
IMPORTS = """
import importlib.metadata as m
import captum, modiscolite, tangermeme, motifbook.peers, motiflib.verbs
print(m.version("motiflib"))
"""


class SetupError(Exception):
    """What keeps the environment from being made, in one line."""


def environment() -> Path:
    """Folder of the environment to use: the active one, or .venv."""
    active = os.environ.get("VIRTUAL_ENV") or os.environ.get("CONDA_PREFIX")
    is_base = os.environ.get("CONDA_DEFAULT_ENV") == "base" and not os.environ.get("VIRTUAL_ENV")
    return Path(active) if active and not is_base else ROOT / ".venv"


def interpreter(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def installed(python: Path) -> dict[str, str]:
    """Version of every package in that environment; of two copies, the one that is imported."""
    out = subprocess.run(
        [python, "-c", VERSIONS], capture_output=True, text=True, check=True
    ).stdout
    return dict(reversed([line.split(maxsplit=1) for line in out.splitlines()]))


def pip_install(
    python: Path, what: list[str], keep: dict[str, str], *options: str, **capture
) -> subprocess.CompletedProcess:
    """`pip install` under a constraint that keeps the versions in `keep`."""
    with tempfile.TemporaryDirectory() as folder:
        constraint = Path(folder) / "constraints.txt"
        constraint.write_text("".join(f"{name}=={version}\n" for name, version in keep.items()))
        command = [python, "-m", "pip", "install", *options, "-c", constraint, *what]
        return subprocess.run(command, **(capture or {"check": True}))


def moved(folder: Path) -> bool:
    """Whether .venv was made in another place: its scripts then name an interpreter that is not
    this one."""
    script = interpreter(folder).parent / "pip"
    if folder != ROOT / ".venv" or not script.exists():
        return False
    named = re.search("(/.*)/bin/python", script.read_text(errors="replace"))
    return bool(named) and not (Path(named[1]).exists() and Path(named[1]).samefile(folder))


def version() -> str:
    """The version of the library beside this file."""
    return re.search(r'__version__ = "(.+)"', (ROOT / "motiflib/__init__.py").read_text())[1]


def missing(python: Path) -> str:
    """What keeps that interpreter from running the chapters, in a line; empty if nothing does.

    Asked of what can be imported, far from the folder of this file: a folder proves nothing.
    """
    done = subprocess.run(
        [python, "-c", IMPORTS], capture_output=True, text=True, cwd=tempfile.gettempdir()
    )
    if done.returncode:
        return (done.stderr.strip() or "no reason given").splitlines()[-1]
    found = done.stdout.split()[-1]
    return "" if found == version() else f"motiflib {found} is there, {version()} is needed"


def kept(found: dict[str, str]) -> dict[str, str]:
    """The constraint of the Colab set-up: all that is there stays, but for an older copy of ours.

    A version that pip cannot read cannot be a constraint, and is left out.
    """
    readable = r"\d[\d.]*((a|b|rc|\.?post|\.?dev)\d*)*(\+[\w.]+)?"
    return {
        name: version
        for name, version in found.items()
        if name != "motiflib" and re.fullmatch(readable, version)
    }


def colab_requirement(root: Path = ROOT) -> str:
    """What the Colab set-up asks pip for."""
    return f"{root}[{COLAB_EXTRAS}]"


def why(error: str) -> str:
    """One line of what pip said when it failed: errors first, then which wishes conflict."""
    if re.search("NewConnectionError|name resolution|from versions: none|timed out", error):
        return "the package index cannot be reached: is there a network?"
    lines = [line.strip() for line in error.splitlines()]
    telling = re.compile(r"ERROR: (?!Resolution)|The user requested|\S+ .*depends on")
    wanted = [line for line in lines if telling.match(line)]
    return "; ".join(wanted or lines[-1:]).replace("ERROR: ", "") or "pip gave no reason"


def setup_colab() -> None:
    """Install the library and what chapters lack beside what is there, of which nothing is replaced
    (so no restart is needed); does nothing where all can be imported."""
    python = Path(sys.executable)
    if not missing(python):
        print(f"motiflib {version()} is there: nothing to do", flush=True)
        return
    keep = kept(installed(python))
    print(f"2 of 3: installing motiflib {version()} and what it lacks: a minute or two", flush=True)
    print(f"        torch {keep.get('torch', '(none)')} stays, with all that is there", flush=True)
    pipes = {"capture_output": True, "text": True}
    done = pip_install(python, [colab_requirement()], keep, "--retries", "2", **pipes)
    if done.returncode:
        raise SetupError(f"{why(done.stderr + done.stdout)}; then run this cell again")
    print("3 of 3: trying the imports", flush=True)
    if lack := missing(python):
        raise SetupError(f"installed, but the imports fail: {lack}")
    print(f"motiflib {version()} is ready", flush=True)


def setup() -> None:
    """Create the environment if there is none; install when pyproject.toml has changed since the
    last time."""
    folder = environment()
    python = interpreter(folder)
    files = (ROOT / "pyproject.toml").read_bytes() + Path(__file__).read_bytes()
    stamp, key = (
        folder / ".motiflib-installed",
        hashlib.sha256(files + str(ROOT).encode()).hexdigest(),
    )
    if stamp.exists() and stamp.read_text() == key:
        return
    if not python.exists() or moved(folder):
        print(f"creating {folder}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    supported(python)
    keep = installed(python)
    print(
        f"torch {keep['torch']} is there and stays"
        if "torch" in keep
        else f"torch {TORCH} will be installed",
        flush=True,
    )
    print(
        "installing the library and the tools of the book: a few minutes the first time", flush=True
    )
    only = {"torch": keep.get("torch", TORCH)}
    pip_install(python, ["-e", f"{ROOT}[{EXTRAS}]"], only, "-qq")
    stamp.write_text(key)


def supported(python: Path | None = None) -> None:
    """SetupError unless this Python, or that of an environment, is one that the libraries below
    are made for."""
    found = sys.version_info[:2]
    if python:
        asked = [python, "-c", "import sys; print(*sys.version_info[:2])"]
        found = tuple(map(int, subprocess.check_output(asked, text=True).split()))
    if not OLDEST <= found <= NEWEST:
        oldest, newest, this = (".".join(map(str, v)) for v in (OLDEST, NEWEST, found))
        raise SetupError(
            f"Python {oldest} to {newest} is needed, this is {this}: try make PYTHON=python3.11"
        )


def main() -> int:
    try:
        supported()
        if "--where" in sys.argv:
            print(interpreter(environment()))
        else:
            setup_colab() if "--colab" in sys.argv else setup()
    except SetupError as error:
        print(f"set-up failed: {error}", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(f"set-up failed: {' '.join(map(str, error.cmd))}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
