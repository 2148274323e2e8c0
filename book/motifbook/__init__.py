"""The book's own package: what its chapters need beside motiflib. It stands on motiflib, which
knows nothing of it.

grammar    sequences whose truth is known, and the Bayes oracle         datasets    real data, by
name compiler   a grammar written as the weights of a network                robustness  the same
sequences in other contexts peers      what a reader would use instead
figures     every figure of the book
"""
