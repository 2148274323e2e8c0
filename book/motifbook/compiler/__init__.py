"""A compiler from rules to weights: write what a sequence must hold, get a network that decides it,
nothing learnt."""

from __future__ import annotations

from motifbook.compiler.build import compile_grammar
from motifbook.compiler.cases import cases
from motifbook.compiler.rules import (
    And,
    AtLeast,
    Formula,
    Not,
    Or,
    Rule,
    Spaced,
    count,
    holds,
    present,
    rule_of,
    spaced,
)

__all__ = [
    "And", "AtLeast", "Formula", "Not", "Or", "Rule", "Spaced", "cases", "compile_grammar", "count", "holds", "present",
    "rule_of", "spaced",
]  # fmt: skip
