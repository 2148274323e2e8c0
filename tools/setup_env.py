"""Prepare a Python environment for the book: standard library only, quick when there is nothing to
do.

python tools/setup_env.py            # create or refresh, print progress
python tools/setup_env.py --where    # only print the interpreter that the Makefile shall use
python tools/setup_env.py --colab    # the library alone, into the interpreter that runs this

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
EXTRAS = "book,baselines,dev"
VERSIONS = """
import importlib.metadata as m
for name in ("torch", "numpy"):
    try: print(name, m.version(name))
    except m.PackageNotFoundError: pass
"""


def environment() -> Path:
    """Folder of the environment to use: the active one, or .venv."""
    active = os.environ.get("VIRTUAL_ENV") or os.environ.get("CONDA_PREFIX")
    is_base = os.environ.get("CONDA_DEFAULT_ENV") == "base" and not os.environ.get("VIRTUAL_ENV")
    return Path(active) if active and not is_base else ROOT / ".venv"


def interpreter(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def installed(python: Path) -> dict[str, str]:
    """Versions of torch and numpy in that environment, where they are installed."""
    out = subprocess.run(
        [python, "-c", VERSIONS], capture_output=True, text=True, check=True
    ).stdout
    return dict(line.split() for line in out.splitlines())


def pip_install(python: Path, what: list[str], keep: dict[str, str]) -> None:
    """`pip install` under a constraint that keeps the versions in `keep`."""
    with tempfile.TemporaryDirectory() as folder:
        constraint = Path(folder) / "constraints.txt"
        constraint.write_text("".join(f"{name}=={version}\n" for name, version in keep.items()))
        subprocess.run([python, "-m", "pip", "install", "-qq", "-c", constraint, *what], check=True)


def moved(folder: Path) -> bool:
    """Whether .venv was made in another place: its scripts then name an interpreter that is not
    this one."""
    script = interpreter(folder).parent / "pip"
    if folder != ROOT / ".venv" or not script.exists():
        return False
    named = re.search("(/.*)/bin/python", script.read_text(errors="replace"))
    return bool(named) and not (Path(named[1]).exists() and Path(named[1]).samefile(folder))


def setup_colab() -> None:
    """Install the library and what it lacks beside Colab's own torch and numpy (no restart is
    needed)."""
    python = Path(sys.executable)
    pip_install(python, [str(ROOT)], installed(python))


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
    pip_install(python, ["-e", f"{ROOT}[{EXTRAS}]"], {"torch": keep.get("torch", TORCH)})
    stamp.write_text(key)


def main() -> int:
    if sys.version_info < (3, 10):  # noqa: UP036 (this runs before any installation)
        print(
            f"Python 3.10 or newer is needed, this is {sys.version.split()[0]}: try make "
            f"PYTHON=python3.11",
            file=sys.stderr,
        )
        return 2
    if "--where" in sys.argv:
        print(interpreter(environment()))
        return 0
    try:
        setup_colab() if "--colab" in sys.argv else setup()
    except subprocess.CalledProcessError as error:
        print(f"set-up failed: {' '.join(map(str, error.cmd))}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
