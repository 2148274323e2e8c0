"""`compile_grammar`: a grammar or a rule in, a network out."""

from __future__ import annotations

from motiflib.compiler.logic import clauses
from motiflib.compiler.rules import Rule, rule_of
from motiflib.compiler.soft import write_soft
from motiflib.compiler.weights import plan, write
from motiflib.grammar import Grammar
from motiflib.model import Argminn
from motiflib.sequence import InputError


def compile_grammar(grammar: Grammar | Rule, *, form: str = "consensus", candidates: int = 48) -> Argminn:
    """A network whose weights are the rule: its logit is above 0 where the rule holds and below 0 where it does not.

    A grammar stands for `rule_of(grammar)`. In the form "consensus" this is exact for every sequence in which at most
    `candidates` windows answer. The form "pwm" reads motifs by their matrices: filters are log-odds, the logit is
    evidence, and training can go on from there (`soft`).
    Raises InputError for a rule that breaks a bound, and names the bound.

    >>> model = compile_grammar(Rule({"A": "CACGTG", "B": "GATAAG"}, present("A") & ~present("B")))
    >>> bool(model(one_hot(["TTTCACGTGTTT"])) > 0)
    True
    """
    if form not in ("consensus", "pwm"):
        raise InputError(f"unknown form {form!r} of a compiled network: use consensus or pwm")
    rule = rule_of(grammar) if isinstance(grammar, Grammar) else grammar
    drawn = plan(rule, clauses(rule))
    return write(drawn, candidates) if form == "consensus" else write_soft(drawn, candidates)
