"""A run: the folder that holds a training's network and its motifs, and what is written about
it."""

from motiflib.run.folder import Run, load_run, train_run

__all__ = ["Run", "load_run", "train_run"]
