"""Every example in a docstring runs and prints what it says. `SHARED` are the names that examples
may use undefined."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from functools import cache
from pathlib import Path

import matplotlib.pyplot as plt
import motifbook
import numpy as np
import pandas as pd
import pytest
import torch
from motifbook.datasets import data_path
from motifbook.grammar import load_grammar, simulate

import motiflib
from motiflib.calling import call
from motiflib.run import load_run
from motiflib.sequence import one_hot

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
ROOMS = sorted(
    room.name
    for package in (motiflib, motifbook)
    for room in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
)


@cache
def shared() -> dict:
    """The names: a stored run, its network and motifs, simulated sequences (half of them
    positives), calls in them."""
    torch.set_num_threads(1)
    run = load_run(data_path("models", "rest"))
    simulated = simulate(load_grammar("rest"), 40, 500, seed=1)
    records = simulated.records()
    names = {
        "run": run,
        "model": run.model,
        "found": run.found,
        "simulated": simulated,
        "records": records,
    }
    names |= {
        "x": one_hot([record.sequence for record in records]),
        "calls": call(run.model, run.found, records),
    }
    return names | {"np": np, "pd": pd, "torch": torch, "Path": Path}


@pytest.mark.parametrize("room", ROOMS)
def test_examples_run(room, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(room)
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    for example in doctest.DocTestFinder(exclude_empty=True).find(module, extraglobs=shared()):
        runner.run(example)
    plt.close("all")
    assert runner.summarize().failed == 0
