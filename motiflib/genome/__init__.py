"""Genomes: stretches of a FASTA file, examples from peaks, training on them, calls along all of
a genome."""
