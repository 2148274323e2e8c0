"""Motif grammars: text files of what is planted where, sequences from them, and the Bayes oracle that knows all."""

from __future__ import annotations

from motiflib.grammar.background import markov
from motiflib.grammar.calls import Reachable, best_calls, precision_recall, reachable
from motiflib.grammar.files import write_simulation
from motiflib.grammar.library import grammar_names, load_grammar
from motiflib.grammar.oracle import Oracle
from motiflib.grammar.parse import parse_grammar
from motiflib.grammar.schema import Alternative, Arrangement, Grammar
from motiflib.grammar.simulate import Simulated, simulate, simulate_batch

__all__ = [
    "Alternative", "Arrangement", "Grammar", "Oracle", "Reachable", "Simulated", "best_calls", "grammar_names",
    "load_grammar", "markov", "parse_grammar", "precision_recall", "reachable", "simulate", "simulate_batch",
    "write_simulation",
]
