"""Motif grammars: text files of what is planted where, sequences from them, and the Bayes oracle
that knows all."""

# ruff: noqa: F401, I001
from motifbook.grammar.calls import best_calls, precision_recall, reachable
from motifbook.grammar.oracle import Oracle
from motifbook.grammar.parse import grammar_names, load_grammar, parse_grammar
from motifbook.grammar.schema import Alternative, Grammar
from motifbook.grammar.simulate import GrammarBatches, Simulated, simulate, simulate_batch
from motifbook.grammar.simulate import write_simulation
