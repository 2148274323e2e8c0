"""Sequences designed from a network's own motifs and rules, each base with its reason; nothing else is asked.

`rulebook` asks the network which arrangements of its motifs it takes for a positive; `design` writes such arrangements
on background that its scanner finds empty, and `explain` says what each site contributes.
"""

from motiflib.design.build import Constraints, Designs, design
from motiflib.design.explain import explain, unmentioned
from motiflib.design.files import write_designs
from motiflib.design.fill import empty
from motiflib.design.rules import Part, Rules, rulebook
from motiflib.design.twins import twins

__all__ = [
    "Constraints", "Designs", "Part", "Rules", "design", "empty", "explain", "rulebook", "twins", "unmentioned",
    "write_designs",
]  # fmt: skip
