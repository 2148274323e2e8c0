"""What a reader would use instead: ordinary networks, attributions, TF-MoDISco, word counts, and
one score for all."""

from __future__ import annotations

from motifbook.peers.agreement import (
    agreement,
    per_base,
    planted_mask,
    precision,
    share_outside,
    twice,
)
from motifbook.peers.attribution import (
    METHODS,
    attribute,
    deeplift,
    integrated_gradients,
    mutagenesis,
)
from motifbook.peers.dispersion import effective_number, filter_responses, filter_shares
from motifbook.peers.enumeration import enriched_motifs
from motifbook.peers.filters import filter_motifs, important_units
from motifbook.peers.fimo import fimo_calls
from motifbook.peers.finemo import finemo_calls
from motifbook.peers.modisco import modisco_motifs, modisco_patterns, pattern_motifs, split_patterns
from motifbook.peers.networks import ExplaiNN, StandardCNN
from motifbook.peers.peer_training import train_classifier
from motifbook.peers.scoring import Score, closest, planted_motifs, reportable, score_motifs

__all__ = [
    "METHODS",
    "ExplaiNN",
    "Score",
    "StandardCNN",
    "agreement",
    "attribute",
    "closest",
    "deeplift",
    "effective_number",
    "enriched_motifs",
    "filter_motifs",
    "filter_responses",
    "filter_shares",
    "fimo_calls",
    "finemo_calls",
    "important_units",
    "integrated_gradients",
    "modisco_motifs",
    "modisco_patterns",
    "mutagenesis",
    "pattern_motifs",
    "per_base",
    "planted_mask",
    "planted_motifs",
    "precision",
    "reportable",
    "score_motifs",
    "share_outside",
    "split_patterns",
    "train_classifier",
    "twice",
]
