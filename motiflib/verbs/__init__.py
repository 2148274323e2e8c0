"""The verbs of the command line, one file for what belongs together; importing them adds them to `base.app`."""

from motiflib.verbs import compile, design, read, simulate, train, variants

__all__ = ["compile", "design", "read", "simulate", "train", "variants"]
