"""The house stays thin: a budget of lines for each ring, short bodies, imports that run one way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median

import lines
import pytest

import motiflib

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("ring", lines.BUDGETS)
def test_ring_keeps_its_budget(ring):
    assert lines.lines(ring) <= lines.BUDGETS[ring]


@pytest.mark.parametrize("ring", ["motiflib in all", "motifbook"])
def test_bodies_are_short(ring):
    sizes = {name: n for path in lines.files(ring) for name, n in lines.bodies(path).items()}
    assert {name: n for name, n in sizes.items() if n > lines.LONGEST} == {}
    assert median(sizes.values()) <= 10


def test_lines_count_everything(tmp_path):
    module = tmp_path / "m.py"
    module.write_text('def f():\n    """Doc."""\n    a = 1\n\n    return a\n')
    assert lines.bodies(module) == {"m.py:f": 3}


def test_imports_run_one_way():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_ten_doors():
    assert len(motiflib.DOORS) == 10 and all(callable(getattr(motiflib, d)) for d in motiflib.DOORS)
    assert set(motiflib.DOORS) <= set(dir(motiflib))


def test_a_room_outside_the_layers_is_noticed():
    """Every module stands in a layer: what is new must be given its place."""
    layers = (ROOT / "pyproject.toml").read_text()
    rooms = [p.stem for p in (ROOT / "motiflib").iterdir() if p.suffix == ".py" or p.is_dir()]
    rooms = [room for room in rooms if not room.startswith("_")]
    assert [room for room in rooms if f"motiflib.{room}" not in layers] == []
