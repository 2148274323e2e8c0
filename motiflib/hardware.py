"""What results depend on beside data and settings; which devices are there."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

import torch

from motiflib import __version__
from motiflib.sequence import InputError

PACKAGES = ("torch", "numpy", "accelerate", "tangermeme")


def machine() -> dict:
    """Hardware in words, and versions.

    >>> sorted(machine())
    ['hardware', 'versions']
    """
    names = [platform.processor() or platform.machine(), f"{os.cpu_count()} cores"]
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names[0] = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), names[0])
    if torch.cuda.is_available():
        names.append(torch.cuda.get_device_name())
    versions = {"motiflib": __version__, "python": platform.python_version()}
    return {"hardware": ", ".join(names), "versions": versions | {name: version(name) for name in PACKAGES}}


def check_device(name: str) -> dict[str, bool]:
    """Which accelerators are there; InputError if the device `name` ("auto", "cpu", "cuda", "mps") is not.

    >>> check_device("auto")
    {'cuda': False, 'mps': False}
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(name, name in ("auto", "cpu")):
        names = ["cpu", *(other for other, ok in there.items() if ok)]
        raise InputError(f"device {name!r} is not available here: use one of auto, {', '.join(names)}")
    return there
