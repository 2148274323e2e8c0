"""motiflib: regulatory sequence in, motifs and their rules out, nothing hidden between.

An independent implementation of ARGMINN (Tseng, Eraslan, Biancalani and Scalia, arXiv:2410.06211),
written to be read. The doors are `verbs`, and `analysis` for all at once; the method is in the flat
rooms, from `sequence` to `designing`; a run's folder is `run`, genomes are `genome`. All are
imported when first named, so that `import motiflib` stays quick:

    import motiflib as ml
    run = ml.train("run/", "peaks.fa", shuffle="dinucleotide")
    calls = ml.call(run, "peaks.fa")
"""

from importlib import import_module
from importlib.util import find_spec

__version__ = "0.1.0"
DOORS = "train load score find_motifs call scan rules explain design variants".split()
HOMES = dict.fromkeys(DOORS, "verbs") | {"analyse": "analysis"}


def __getattr__(name: str):
    """A door, or the room of that name (PEP 562); anything else is an AttributeError as usual."""
    if name in HOMES:
        return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
    if not name.startswith("_") and find_spec(f"{__name__}.{name}") is not None:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *HOMES]
