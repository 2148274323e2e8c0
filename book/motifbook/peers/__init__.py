# ruff: noqa: F401, I001
"""What a reader would use instead: ordinary networks, attributions, TF-MoDISco, word counts, and
one score for all. Chapters say `from motifbook import peers` and find here what they use."""

from motifbook.peers.attribution import METHODS, agreement, attribute, deeplift, per_base
from motifbook.peers.attribution import planted_mask, precision, share_outside, twice
from motifbook.peers.enumeration import enriched_motifs, fimo_calls
from motifbook.peers.filters import effective_number, filter_motifs, filter_responses, filter_shares
from motifbook.peers.modisco import modisco_motifs, modisco_patterns, pattern_motifs, split_patterns
from motifbook.peers.networks import ExplaiNN, StandardCNN, train_classifier
from motifbook.peers.scoring import closest, planted_motifs, reportable, score_motifs
