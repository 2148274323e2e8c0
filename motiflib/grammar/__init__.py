"""Motif grammars: what is planted where (text files), sequences from them, and the Bayes oracle that knows all of it."""

from __future__ import annotations

from motiflib.grammar.library import grammar_names, load_grammar
from motiflib.grammar.schema import Alternative, Arrangement, Grammar, Planted
from motiflib.grammar.simulate import simulate_batch

__all__ = ["Alternative", "Arrangement", "Grammar", "Planted", "grammar_names", "load_grammar", "simulate_batch"]
