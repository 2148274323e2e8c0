"""Genomes: FASTA files, examples from peaks, training on them, calls along all of a genome."""
