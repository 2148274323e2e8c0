"""The last lines of every table: what it ran on."""

from __future__ import annotations


def footer(*facts: str) -> str:
    """Hardware, then `facts`, then versions.

    >>> footer("one thread", "L=500")
    '\\nAMD EPYC, 2 cores; one thread; L=500; Python 3.11.7, torch 2.13.0'
    """
    from motiflib.run.folder import machine

    found = machine()
    versions = found["versions"]
    parts = [found["hardware"], *facts, f"Python {versions['python']}, torch {versions['torch']}"]
    return "\n" + "; ".join(parts)
