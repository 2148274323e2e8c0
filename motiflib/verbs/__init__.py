"""The verbs of the command line, one file for what belongs together; importing them adds them to `base.app`."""

from motiflib.verbs import read, simulate, train

__all__ = ["read", "simulate", "train"]
