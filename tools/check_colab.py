"""Would the Colab set-up change a package that Colab brings? Asked of pip itself, in a minute.

python tools/check_colab.py                 # exit code 1, and a line for each that would change
python tools/check_colab.py --constraints   # the list as constraints, to install Colab's versions

The list in tests/data holds names and versions of all that Colab's runtime has. An environment is
made in which each of them is installed by name only, and tools/setup_env.py asks pip there for what
it asks for on Colab, under the same constraint, as a dry run. It needs the network, and Colab's
Python (`--python`, by default the python3.X that the list names, where there is one).
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import setup_env

LIST = max((setup_env.ROOT / "tests" / "data").glob("colab-*.txt"))  # the newest, by its date


def packages(path: Path = LIST) -> dict[str, str]:
    """Version of each package on the list of a runtime, a `pip freeze`."""
    found = {}
    for line in path.read_text().splitlines():
        if match := re.match(r"([\w.-]+)==(\S+)", line):
            found[match[1]] = match[2]
        elif match := re.match(r"([\w.-]+) @ .*-(\d[\w.+]*?)(\.tar\.gz|\.zip|-[^/]*\.whl)", line):
            found[match[1]] = match[2].replace("%2B", "+")
        elif line.strip() and not line.startswith("#"):
            raise SystemExit(f"{path.name}: cannot read {line!r}")
    return found


def python_of(path: Path = LIST) -> str:
    """The Python that the list is of, as `3.13`."""
    return re.search(r"Python (3\.\d+)", path.read_text())[1]


def interpreter(path: Path = LIST) -> str | None:
    """A Python of that version, if there is one here that runs."""
    wanted = python_of(path)
    if wanted == "{}.{}".format(*sys.version_info):
        return sys.executable
    found = shutil.which(f"python{wanted}")
    works = found and subprocess.run([found, "-c", ""], capture_output=True).returncode == 0
    return found if works else None


def plain(name: str) -> str:
    """A name as pip compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def image(folder: Path, python: str, has: dict[str, str]) -> Path:
    """An environment in which these packages are installed, by name and version only, around a real
    pip; returns its interpreter."""
    subprocess.run([python, "-m", "venv", folder], check=True)
    inside = setup_env.interpreter(folder)
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(subprocess.check_output([inside, "-c", where], text=True).strip())
    for old in site.glob("setuptools-*.dist-info"):
        shutil.rmtree(old)
    for name, version in has.items():
        if plain(name) != "pip":
            info = site / f"{plain(name).replace('-', '_')}-{version}.dist-info"
            info.mkdir()
            text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            (info / "METADATA").write_text(text)
            (info / "INSTALLER").write_text("pip\n")
            (info / "RECORD").write_text("")
    return inside


def changes(has: dict[str, str], report: dict) -> tuple[dict[str, str], dict[str, str]]:
    """Of what pip would install: what is new, and what would change (from, to)."""
    had = {plain(name): version for name, version in has.items()}
    wanted = {
        plain(item["metadata"]["name"]): item["metadata"]["version"] for item in report["install"]
    }
    new = {name: version for name, version in wanted.items() if name not in had}
    changed = {n: f"{had[n]} to {version}" for n, version in wanted.items() if n in had}
    return new, changed


def check(python: str, has: dict[str, str], requirement: str) -> tuple[dict, dict, str]:
    """What the set-up would add and change in a runtime with these packages, and why it would
    fail, in a line (empty: it would not)."""
    with tempfile.TemporaryDirectory() as folder:
        inside, out = image(Path(folder) / "image", python, has), Path(folder) / "report.json"
        keep = setup_env.kept(setup_env.installed(inside))
        options = ("--dry-run", "--report", str(out))
        done = setup_env.pip_install(
            inside, [requirement], keep, *options, capture_output=True, text=True
        )
        if done.returncode:
            return {}, {}, setup_env.why(done.stderr + done.stdout)
        return *changes(has, json.loads(out.read_text())), ""


def constraints(has: dict[str, str]) -> str:
    """Lines for `pip install -c`; without the local part (`+cu128`), so that any build will do."""
    return "\n".join(f"{name}=={version.split('+')[0]}" for name, version in has.items())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", type=Path, default=LIST, help="a `pip freeze` of the runtime")
    parser.add_argument("--python", help="an interpreter of the runtime's version")
    parser.add_argument("--constraints", action="store_true", help="print the list, do not check")
    options = parser.parse_args()
    has = packages(options.list)
    if options.constraints:
        print(constraints(has))
        return 0
    python = options.python or interpreter(options.list)
    if not python:
        print(f"Python {python_of(options.list)} is needed, see --python", file=sys.stderr)
        return 2
    new, changed, failure = check(python, has, setup_env.colab_requirement())
    print(f"{options.list.name}: {len(has)} packages; the set-up would add {len(new)}:")
    print("  " + (", ".join(f"{name} {version}" for name, version in new.items()) or "none"))
    for name, versions in changed.items():
        print(f"CHANGED: {name}, {versions}", file=sys.stderr)
    if failure:
        print(f"the set-up would fail: {failure}", file=sys.stderr)
    if not changed and not failure:
        print(f"all {len(has)} stay as they are")
    return int(bool(changed or failure))


if __name__ == "__main__":
    raise SystemExit(main())
