"""motiflib: regulatory sequence in, motifs and their rules out, nothing hidden between.

An independent implementation of ARGMINN (Tseng, Eraslan, Biancalani and Scalia, arXiv:2410.06211),
written to be read. Each room of the package is imported when it is first named, so that `import
motiflib` stays quick:

    import motiflib
    records = motiflib.sequence.read_fasta("peaks.fa")
    model = motiflib.model.Argminn.from_pretrained("run/")
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

__version__ = "0.1.0"


def __getattr__(name: str):
    """Import `motiflib.<name>` on first use (PEP 562); anything else is an AttributeError as
    usual."""
    if name == "compile_grammar":  # the one function with a name of its own: a grammar in, a network out
        return import_module("motifbook.compiler").compile_grammar
    if not name.startswith("_") and find_spec(f"{__name__}.{name}") is not None:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
