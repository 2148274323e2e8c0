"""Stored executed copies of chapters, for readers and builds that cannot get a chapter's data."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import nbformat
from chapters import FROZEN, read_source, source_hash
from execute import Run

INDEX = FROZEN / "index.json"


def index() -> dict[str, dict]:
    """What is known of each stored copy: hash of its source, profile, date, seconds, hardware,
    versions."""
    return json.loads(INDEX.read_text()) if INDEX.exists() else {}


def freeze(run: Run) -> Path:
    """Store the executed copy of a chapter with the facts of its run; returns its path."""
    if run.missing:
        raise SystemExit(f"{run.name} has not been run: {', '.join(run.missing)} cannot be had")
    FROZEN.mkdir(exist_ok=True)
    target = FROZEN / f"{run.name}.ipynb"
    nbformat.write(nbformat.read(run.path, 4), target)
    facts = {
        k: v
        for k, v in asdict(run).items()
        if k in ("source", "profile", "date", "seconds", "peak_mib", "hardware", "versions")
    }
    INDEX.write_text(json.dumps(index() | {run.name: facts}, indent=1, sort_keys=True) + "\n")
    return target


def is_current(name: str) -> bool:
    """Whether the stored copy was made from the chapter's present source."""
    return index()[name]["source"] == source_hash(read_source(name))


def stored(name: str) -> nbformat.NotebookNode | None:
    """The stored copy of a chapter, or None."""
    path = FROZEN / f"{name}.ipynb"
    return nbformat.read(path, 4) if name in index() and path.exists() else None
