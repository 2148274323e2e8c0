"""Motif grammars: what is planted where (text files), sequences from them, and the Bayes oracle that knows all of it."""

from __future__ import annotations

from motiflib.grammar.background import markov
from motiflib.grammar.library import grammar_names, load_grammar
from motiflib.grammar.schema import Alternative, Arrangement, Grammar
from motiflib.grammar.simulate import Simulated, simulate, simulate_batch

__all__ = ["Alternative", "Arrangement", "Grammar", "Simulated", "grammar_names", "load_grammar", "markov",
           "simulate", "simulate_batch"]
