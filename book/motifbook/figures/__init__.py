"""Every figure of the book, a function each: results in, matplotlib out, in the book's style."""

# ruff: noqa: F401, I001
from motifbook.figures.design import pair_distances, planted_and_found, silencing
from motifbook.figures.model import attention_steps, filter_grid, filters_over_time, logos
from motifbook.figures.model import network, overlap_curve, overlap_pair, sequence_view
from motifbook.figures.model import spacing_profiles
from motifbook.figures.parts import curves
from motifbook.figures.scores import auroc_over_time, dots, false_discovery, history
from motifbook.figures.scores import precision_recall, roc, schedule, seeds
from motifbook.figures.scores import stated_and_measured, to_the_oracle
from motiflib.run.figures import COLOURS, style
