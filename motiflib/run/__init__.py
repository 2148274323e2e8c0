"""A run: the folder that holds a training's network and its motifs, and what is written of it."""

from motiflib.run.folder import BESIDE, FILES, Run, load_run, train_run

__all__ = ["BESIDE", "FILES", "Run", "load_run", "train_run"]
