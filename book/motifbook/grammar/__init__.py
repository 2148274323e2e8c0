"""Motif grammars: text files of what is planted where, sequences from them, and the Bayes oracle
that knows all."""

from __future__ import annotations

from motifbook.grammar.background import markov
from motifbook.grammar.batches import GrammarBatches
from motifbook.grammar.calls import Reachable, best_calls, precision_recall, reachable
from motifbook.grammar.files import write_simulation
from motifbook.grammar.library import grammar_names, load_grammar
from motifbook.grammar.oracle import Oracle
from motifbook.grammar.parse import parse_grammar
from motifbook.grammar.schema import Alternative, Arrangement, Grammar
from motifbook.grammar.simulate import Simulated, simulate, simulate_batch

__all__ = [
    "Alternative", "Arrangement", "Grammar", "GrammarBatches", "Oracle", "Reachable", "Simulated", "best_calls", "grammar_names",
    "load_grammar", "markov", "parse_grammar", "precision_recall", "reachable", "simulate", "simulate_batch",
    "write_simulation",
]
