"""Every figure of the book, one function each: results in, matplotlib out, nothing computed about
biology.

Each function draws in the book's style whatever the session's settings are, and leaves those as
they were.
"""

from __future__ import annotations

from motifbook.figures.calls import dots, false_discovery, stated_and_measured
from motifbook.figures.compiler import curves
from motifbook.figures.logos import filter_grid, filter_logo, filters_over_time, logos
from motifbook.figures.network import attention_steps, network, sequence_view, spacing_profiles
from motifbook.figures.penalties import overlap_curve, overlap_pair
from motifbook.figures.scores import precision_recall, roc
from motifbook.figures.syntax import pair_distances, planted_and_found, silencing
from motifbook.figures.training import auroc_over_time, history, schedule, seeds, to_the_oracle
from motiflib.run.figures import BASE_COLOURS, COLOURS, logo, style

__all__ = [
    "BASE_COLOURS", "COLOURS", "attention_steps", "auroc_over_time", "curves", "dots", "false_discovery",
    "filter_grid", "filter_logo", "filters_over_time", "history", "logo", "logos", "network", "overlap_curve",
    "overlap_pair", "pair_distances", "planted_and_found", "precision_recall", "roc", "schedule", "seeds",
    "sequence_view", "silencing", "spacing_profiles", "stated_and_measured", "style", "to_the_oracle",
]  # fmt: skip
