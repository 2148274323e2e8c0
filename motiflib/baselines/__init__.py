"""What a reader would use instead: ordinary networks, attributions, TF-MoDISco, word counts, and one score for all."""

from motiflib.baselines.agreement import agreement, per_base, planted_mask, precision, share_outside, twice
from motiflib.baselines.attribution import METHODS, attribute, deeplift, integrated_gradients, mutagenesis
from motiflib.baselines.dispersion import effective_number, filter_responses, filter_shares
from motiflib.baselines.enumeration import enriched_motifs
from motiflib.baselines.filters import filter_motifs, important_units
from motiflib.baselines.fimo import fimo_calls
from motiflib.baselines.finemo import finemo_calls
from motiflib.baselines.modisco import modisco_motifs, modisco_patterns, pattern_motifs, split_patterns
from motiflib.baselines.networks import ExplaiNN, StandardCNN
from motiflib.baselines.peer_training import train_classifier
from motiflib.baselines.scoring import Score, closest, planted_motifs, reportable, score_motifs

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
