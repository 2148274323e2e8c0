"""Rules about motifs as formulas, and a plain evaluator: the truth for every compiled network.

An occurrence of a motif is a place where each of its consensus letters stands, on either strand, in
a window of W bp around it that lies inside the sequence and holds no N; W, the width of every
filter, is that of the widest motif, or one more to centre palindromes. An arrangement may stand on
either strand as a whole.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from motifbook.grammar import Alternative, Grammar
from motifbook.grammar.parse import IUPAC, word_matrix
from motiflib.files import InputError
from motiflib.motif import Motif
from motiflib.sequence import BASES, reverse_complement


class Formula:
    """A statement about a sequence; combine with `&`, `|` and `~`."""

    def __and__(self, other: Formula) -> Formula:
        return And((self, other))

    def __or__(self, other: Formula) -> Formula:
        return Or((self, other))

    def __invert__(self) -> Formula:
        return Not(self)


@dataclass(frozen=True)
class Spaced:
    """Motifs from left to right on `strands`; `gaps[i]`: bases between motif i and i + 1."""

    motifs: tuple[str, ...]
    gaps: tuple[tuple[int, ...], ...]
    strands: tuple[str, ...]

    @property
    def anchor(self) -> int | None:
        """Index of the motif that sees all others: on each side of it one motif at any of several
        gaps, or several at one gap each; of two motifs the one whose name comes first."""
        if len(self.motifs) == 2:
            return int(self.motifs[1] < self.motifs[0])
        fixed = [len(gap) == 1 for gap in self.gaps]
        for i in range(len(self.motifs)):
            left, right = fixed[:i], fixed[i:]
            if (len(left) < 2 or all(left)) and (len(right) < 2 or all(right)):
                return i
        return None


@dataclass(frozen=True)
class AtLeast(Formula):
    """At least `n` occurrences of a motif (a palindrome counts once) or of an anchor."""

    what: str | Spaced
    n: int = 1


@dataclass(frozen=True)
class And(Formula):
    """All of `parts`; of none: always."""

    parts: tuple[Formula, ...] = ()


@dataclass(frozen=True)
class Or(Formula):
    """One of `parts` at least; of none: never."""

    parts: tuple[Formula, ...] = ()


@dataclass(frozen=True)
class Not(Formula):
    part: Formula


def present(motif: str) -> AtLeast:
    """The motif stands somewhere, on either strand."""
    return AtLeast(motif)


def spaced(motifs: str, gaps: int | range | Sequence, strands: str | None = None) -> AtLeast:
    """Motifs in this order; a gap is a number or a range of bases, one for all or one for each.

    >>> spaced("A B", range(6, 8), "+-").what
    Spaced(motifs=('A', 'B'), gaps=((6, 7),), strands=('+', '-'))
    """
    names = tuple(motifs.split())
    each = gaps if isinstance(gaps, (list, tuple)) else [gaps] * (len(names) - 1)
    each = tuple((gap,) if isinstance(gap, int) else tuple(sorted(set(gap))) for gap in each)
    return AtLeast(Spaced(names, each, tuple(strands or "+" * len(names))))


def count(what: str | AtLeast, n: int) -> AtLeast:
    """At least `n` occurrences of a motif or an arrangement."""
    return AtLeast(what.what if isinstance(what, AtLeast) else what, n)


@dataclass
class Rule:
    """A formula and the motifs it names: consensus words (IUPAC letters) or `Motif`s. `width` is W.

    >>> Rule({"A": "CACGTG", "B": "GATAAG"}, present("A") & ~present("B")).width
    6
    """

    motifs: dict[str, Motif | str]
    formula: Formula
    name: str = "rule"
    within: int = 50  # only the soft form uses it, as in `grammar.Grammar`

    def __post_init__(self):
        motifs = {n: word_motif(n, m) if isinstance(m, str) else m for n, m in self.motifs.items()}
        self.motifs, self._letters = motifs, {n: consensus(motif) for n, motif in motifs.items()}
        width = max((motif.width for motif in motifs.values()), default=1)
        parities = {motifs[name].width % 2 for name in motifs if self.palindrome(name)}
        self.width = width + (parities == {1 - width % 2})  # palindromes stand in the very middle

    def letters(self, name: str, strand: str = "+") -> list[str]:
        if strand == "+":
            return self._letters[name]
        return ["".join(sorted(reverse_complement(c))) for c in reversed(self._letters[name])]

    def palindrome(self, name: str) -> bool:
        return self.letters(name) == self.letters(name, "-")

    def offset(self, name: str, strand: str = "+") -> int:
        """Where the motif starts in its window: in the middle, or one base to the left of it."""
        beside = self.width - self.motifs[name].width
        return beside // 2 if strand == "+" else beside - beside // 2


def word_motif(name: str, word: str) -> Motif:
    if not word or set(word.upper()) - set(IUPAC):
        found, known = f"motif {name!r}: {word!r} is not a consensus", "".join(IUPAC)
        raise InputError(f"{found}; expected letters of {known}")
    return Motif(name, word_matrix(word))


def consensus(motif: Motif) -> list[str]:
    """Allowed letters of each column: all below 0.25 bits, else those near the best frequency."""
    good = (motif.pfm >= 0.9 * motif.pfm.max(0)) | (motif.information < 0.25)
    return ["".join(BASES[base] for base in column.nonzero()[0]) for column in good.T]


def rule_of(grammar: Grammar, rivals: bool = False) -> Rule:
    """What a grammar says of consensus instances: a positive alternative stands there, and no
    negative one that plants the same motifs and more (a repressor). With `rivals`, negative
    alternatives of the same motifs speak against a positive one too: as evidence, not as logic.

    >>> from motifbook.grammar import load_grammar
    >>> holds(rule_of(load_grammar("spi1")), "ACGT" * 20)
    False
    """
    clauses = []
    for ours in grammar.positives:
        parts, mine = [_occurs(ours)], Counter(ours.plant)
        for other in grammar.negatives:
            theirs = Counter(other.plant)
            if mine < theirs or (rivals and mine == theirs and mine):
                parts.append(Not(_occurs(other)))
        clauses.append(And(tuple(parts)))
    return Rule(grammar.planted, Or(tuple(clauses)), grammar.name, grammar.within)


def _occurs(alternative: Alternative) -> Formula:
    """Some order and strands of an alternative; background alone always occurs."""
    parts = []
    for a in alternative.arrangements():
        if len(a.motifs) > 1:
            gaps = tuple(tuple(sorted(set(gap))) for gap in a.gaps)
            parts.append(AtLeast(Spaced(a.motifs, gaps, a.strands)))
        else:
            parts.append(AtLeast(a.motifs[0]) if a.motifs else And())
    return Or(tuple(parts))


def holds(rule: Rule, sequence: str) -> bool:
    """Does the rule hold for a sequence of letters ACGTN? No network takes part.

    >>> holds(Rule({"A": "CACGTG"}, present("A")), "TTCACGTGTT")
    True
    """
    both = [occurrences(rule, way) for way in (sequence, reverse_complement(sequence))]
    return _true(rule, rule.formula, both)


def occurrences(rule: Rule, sequence: str) -> dict[tuple[str, str], list[int]]:
    """First bases of all occurrences in a sequence, by motif and strand."""
    out = {}
    for name in rule.motifs:
        for strand in "+-":
            letters, left = rule.letters(name, strand), rule.offset(name, strand)
            right, word = rule.width - left - len(letters), "".join(f"[{c}]" for c in letters)
            places = re.finditer(f"(?=[ACGT]{{{left}}}{word}[ACGT]{{{right}}})", sequence)
            out[name, strand] = [place.start() + left for place in places]
    return out


def _true(rule: Rule, formula: Formula, both: list[dict]) -> bool:
    if isinstance(formula, Not):
        return not _true(rule, formula.part, both)
    if isinstance(formula, And):
        return all(_true(rule, part, both) for part in formula.parts)
    if isinstance(formula, Or):
        return any(_true(rule, part, both) for part in formula.parts)
    return _number(rule, formula.what, both) >= formula.n


def _number(rule: Rule, what: str | Spaced, both: list[dict]) -> int:
    if isinstance(what, str):
        strands = "+" if rule.palindrome(what) else "+-"
        return sum(len(both[0][what, strand]) for strand in strands)
    anchors = [{chain[what.anchor or 0] for chain in chains(rule, what, found)} for found in both]
    return sum(map(len, anchors))


def chains(rule: Rule, what: Spaced, found: dict, start: tuple[int, ...] = ()) -> Iterator[tuple]:
    """All placements of an arrangement, as first bases of its motifs."""
    i = len(start)
    if i == len(what.motifs):
        yield start
        return
    for place in found[what.motifs[i], what.strands[i]]:
        if not i or place - start[-1] - rule.motifs[what.motifs[i - 1]].width in what.gaps[i - 1]:
            yield from chains(rule, what, found, (*start, place))
