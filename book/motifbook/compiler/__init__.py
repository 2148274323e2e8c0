"""A compiler from rules to weights: write what a sequence must hold, get a network that decides it,
nothing learnt."""

# ruff: noqa: F401
from motifbook.compiler.build import compile_grammar
from motifbook.compiler.cases import cases
from motifbook.compiler.rules import And, Or, Rule, count, holds, present, rule_of, spaced
