"""Every figure of the book, a function each: results in, matplotlib out, in the book's style."""

# ruff: noqa: F401, I001
from motifbook.figures.design import pair_distances, planted_and_found, silencing
from motifbook.figures.model import attention_steps, filter_grid, filters_over_time, logos, network
from motifbook.figures.model import overlap_curve, overlap_pair, sequence_view, spacing_profiles
from motifbook.figures.parts import curves
from motifbook.figures.scores import auroc_over_time, dots, false_discovery, history, roc, schedule
from motifbook.figures.scores import precision_recall, seeds, stated_and_measured, to_the_oracle
from motiflib.run.figures import COLOURS, style
