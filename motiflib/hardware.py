"""What results depend on beside data and settings."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

import torch

from motiflib import __version__

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
