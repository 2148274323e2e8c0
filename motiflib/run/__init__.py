"""A run: the folder that holds a training's network and its motifs, and what is written of it."""

# ruff: noqa: F401
from motiflib.run.folder import BESIDE, FILES, Run, load_run, train_run
