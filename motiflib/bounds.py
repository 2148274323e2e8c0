"""Numbers that a machine can work with: what is beyond them is refused in one line, before any work begins."""

from __future__ import annotations

from motiflib.sequence import InputError

SEED = 2**32 - 2  # numpy takes seeds below 2^32, and some steps take the next one too
LENGTH = 10_000_000  # bp of a sequence or a window
SEQUENCES = 1_000_000_000
FILTERS, WIDTH, LAYERS, EPOCHS = 10_000, 1_000, 100, 1_000_000
RATIO = 1_000  # negatives for each peak: more take memory and hours, and no network learns from them


def within(name: str, value: int, least: int, most: int) -> None:
    """InputError unless least <= value <= most.

    >>> within("seed", 7, 0, SEED)
    """
    if value < least:
        raise InputError(f"{name} = {value}: must be at least {least}")
    if value > most:
        raise InputError(f"{name} = {value}: must be at most {most}")
