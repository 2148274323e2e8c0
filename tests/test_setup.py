"""What the files around the package say must agree: dependencies, address, version, style, clean
sources."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import setup_env
import yaml
from bootstrap import address
from chapters import ROOT
from motifbook.datasets import data_path

import motiflib

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it where the standard library lacks it

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA_NAMES = {"pytorch": "torch"}


def conda_requirements() -> set[str]:
    """Requirements of environment.yml under their names on PyPI."""
    entries = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    flat = [e for e in entries if isinstance(e, str)] + [
        r for e in entries if isinstance(e, dict) for r in e["pip"]
    ]
    parts = [re.match(r"([\w.-]+)(.*)", entry).groups() for entry in flat]
    return {CONDA_NAMES.get(name, name) + bounds for name, bounds in parts} - {
        "pip",
        f"python{PROJECT['requires-python']},<3.{setup_env.NEWEST[1] + 1}",
    }


def test_environment_holds_what_pyproject_asks_for():
    extras = PROJECT["optional-dependencies"]
    assert conda_requirements() == {
        *PROJECT["dependencies"],
        *extras["book"],
        *extras["baselines"],
        *extras["dev"],
    }


def test_library_has_lower_bounds_only():
    assert [r for r in PROJECT["dependencies"] if not re.fullmatch(r"[\w-]+>=[\d.]+", r)] == [
        "tangermeme>=1.6,<1.7"
    ]


@pytest.mark.parametrize("name", ["README.md", "pyproject.toml", "CITATION.cff"])
def test_one_address(name):
    """The address lives in book/_config.yml; the few files that cannot read it repeat it
    exactly."""
    url, _ = address()
    owner_and_name = url.split("github.com/")[1]
    found = set(re.findall(r"github(?:\.com|/)/?([\w-]+/motiflib)", (ROOT / name).read_text()))
    assert found <= {owner_and_name}


def test_one_version():
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == motiflib.__version__


def test_rooms_are_imported_when_named():
    assert motiflib.sequence.read_fasta.__name__ == "read_fasta"
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = motiflib.nonsense


def test_shipped_data_are_found():
    assert data_path("registry.tsv").is_file() and data_path("grammars").is_dir()


def test_active_environment_is_used_but_conda_base_is_not(monkeypatch):
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV"):
        monkeypatch.delenv(name, raising=False)
    assert setup_env.environment() == ROOT / ".venv"
    monkeypatch.setenv("CONDA_PREFIX", "/opt/conda")
    assert setup_env.environment() == Path("/opt/conda")
    monkeypatch.setenv("CONDA_DEFAULT_ENV", "base")
    assert setup_env.environment() == ROOT / ".venv"
    monkeypatch.setenv("VIRTUAL_ENV", "/tmp/mine")
    assert setup_env.environment() == Path("/tmp/mine")


def test_installed_torch_is_kept(monkeypatch, tmp_path):
    """A fresh set-up installs under a constraint with the exact torch that is there."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    constraints, real_run = [], subprocess.run

    def fake_run(command, **options):
        if "pip" not in command:
            return real_run(command, **options)
        constraints.append(Path(command[command.index("-c") + 1]).read_text())

    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    monkeypatch.setattr(setup_env, "installed", lambda python: {"torch": "2.5.1", "numpy": "2.0.0"})
    monkeypatch.setattr(subprocess, "run", fake_run)
    setup_env.setup()
    setup_env.setup()  # the second time finds its stamp and does nothing
    assert constraints == ["torch==2.5.1\n"]


def run(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True
    )


def test_style():
    done = run("ruff", "check", ".")
    assert done.returncode == 0, done.stdout


def test_notebooks_are_stripped():
    notebooks = [str(path) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    done = (
        run("nbstripout", "--keep-id", "--verify", *notebooks)
        if notebooks
        else run("nbstripout", "--version")
    )
    assert done.returncode == 0, done.stdout


def test_an_environment_that_was_moved_is_noticed(monkeypatch, tmp_path):
    monkeypatch.setattr(setup_env, "ROOT", tmp_path)
    pip = setup_env.interpreter(tmp_path / ".venv").parent / "pip"
    pip.parent.mkdir(parents=True)
    pip.write_text(f"#!{tmp_path}/.venv/bin/python\n")
    assert not setup_env.moved(tmp_path / ".venv")
    pip.write_text(  # the form that pip takes for a path with spaces
        f"#!/bin/sh\n'''exec' \"{tmp_path}/.venv/bin/python\" \"$0\"\n"
    )
    assert not setup_env.moved(tmp_path / ".venv")
    (tmp_path / "link").symlink_to(tmp_path)
    pip.write_text(f"#!{tmp_path}/link/.venv/bin/python\n")
    assert not setup_env.moved(tmp_path / ".venv")
    pip.write_text("#!/elsewhere/.venv/bin/python\n")
    assert setup_env.moved(tmp_path / ".venv")
    assert not setup_env.moved(tmp_path / "mine")  # an active environment is used as it is
