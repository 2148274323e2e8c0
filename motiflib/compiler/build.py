"""`compile_grammar`: a grammar or a rule in, a network out."""

from __future__ import annotations

from motiflib.compiler.logic import clauses
from motiflib.compiler.rules import Rule, rule_of
from motiflib.compiler.weights import plan, write
from motiflib.grammar import Grammar
from motiflib.model import Argminn


def compile_grammar(grammar: Grammar | Rule, *, candidates: int = 48) -> Argminn:
    """A network whose weights are the rule: its logit is above 0 where the rule holds and below 0 where it does not.

    A grammar stands for `rule_of(grammar)`. True for every sequence in which at most `candidates` windows answer.
    Raises InputError for a rule that breaks a bound, and names the bound.

    >>> model = compile_grammar(Rule({"A": "CACGTG", "B": "GATAAG"}, present("A") & ~present("B")))
    >>> bool(model(one_hot(["TTTCACGTGTTT"])) > 0)
    True
    """
    rule = rule_of(grammar) if isinstance(grammar, Grammar) else grammar
    return write(plan(rule, clauses(rule)), candidates)
