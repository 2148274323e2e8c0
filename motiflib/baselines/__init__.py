"""What a reader would use instead: ordinary networks, attributions, TF-MoDISco, word counts, and one score for all."""

from motiflib.baselines.attribution import METHODS, attribute, deeplift, integrated_gradients, mutagenesis
from motiflib.baselines.enumeration import enriched_motifs
from motiflib.baselines.filters import filter_motifs
from motiflib.baselines.modisco import modisco_motifs
from motiflib.baselines.networks import ExplaiNN, StandardCNN
from motiflib.baselines.scoring import Score, planted_motifs, reportable, score_motifs

__all__ = [
    "METHODS",
    "ExplaiNN",
    "Score",
    "StandardCNN",
    "attribute",
    "deeplift",
    "enriched_motifs",
    "filter_motifs",
    "integrated_gradients",
    "modisco_motifs",
    "mutagenesis",
    "planted_motifs",
    "reportable",
    "score_motifs",
]
