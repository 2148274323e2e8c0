"""Genomes: any stretch of a FASTA file, examples with coordinates from peaks, the whole genome in
memory."""

from motiflib.genome.fasta import Genome
from motiflib.genome.peaks import NEGATIVES, from_peaks, held_out, matched_negatives
from motiflib.genome.windows import LociBatches, ResidentGenome

__all__ = [
    "NEGATIVES", "Genome", "LociBatches", "ResidentGenome", "from_peaks", "held_out", "matched_negatives",
]  # fmt: skip
