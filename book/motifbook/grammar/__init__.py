"""Motif grammars: text files of what is planted where, sequences from them, and the Bayes oracle
that knows all."""

# ruff: noqa: F401
from motifbook.grammar.batches import GrammarBatches
from motifbook.grammar.calls import best_calls, precision_recall, reachable
from motifbook.grammar.oracle import Oracle
from motifbook.grammar.parse import grammar_names, load_grammar, parse_grammar
from motifbook.grammar.schema import Alternative, Grammar
from motifbook.grammar.simulate import Simulated, simulate, simulate_batch, write_simulation
