"""A compiler from rules to weights: write what a sequence must hold, get a network that decides it, nothing learnt."""

from __future__ import annotations

from motiflib.compiler.build import compile_grammar
from motiflib.compiler.cases import cases
from motiflib.compiler.rules import (
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
)  # fmt: skip

__all__ = [
    "And", "AtLeast", "Formula", "Not", "Or", "Rule", "Spaced", "cases", "compile_grammar", "count", "holds", "present",
    "rule_of", "spaced",
]  # fmt: skip
