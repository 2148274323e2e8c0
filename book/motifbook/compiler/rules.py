"""Rules about motifs as formulas, and a plain evaluator in Python: the truth for every compiled
network.

Letters: w width of a motif, W width of every filter: that of the widest motif, or one more to
centre palindromes.

An occurrence of a motif is a place where each of its consensus letters stands, on either strand, in
a window of W bp around it that lies inside the sequence and holds no N. An arrangement may stand on
either strand as a whole.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from motifbook.grammar import Alternative, Grammar
from motifbook.grammar.parse import IUPAC
from motifbook.grammar.schema import Arrangement, expand
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
    """Motifs from left to right on `strands`; `gaps[i]` are the allowed numbers of bases between
    motif i and i + 1."""

    motifs: tuple[str, ...]
    gaps: tuple[tuple[int, ...], ...]
    strands: tuple[str, ...]

    @property
    def anchor(self) -> int | None:
        """Index of the motif from which all others are seen, None if there is none.

        On each side of it there may be one motif at any of several gaps, or several motifs at one
        gap each. Of two different motifs it is the one whose name comes first.
        """
        fixed = [len(gap) == 1 for gap in self.gaps]
        ends = range(len(self.motifs))
        good = [i for i in ends if (i < 2 or all(fixed[:i])) and (i > len(fixed) - 2 or all(fixed[i:]))]
        if len(self.motifs) == 2:
            return int(self.motifs[1] < self.motifs[0])
        return good[0] if good else None


@dataclass(frozen=True)
class AtLeast(Formula):
    """At least `n` occurrences of a motif (a palindrome counts once) or of the anchor of an
    arrangement."""

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
    """Not `part`."""

    part: Formula


def present(motif: str) -> AtLeast:
    """The motif stands somewhere, on either strand.

    >>> present("A") & ~present("B")
    """
    return AtLeast(motif)


def spaced(motifs: str, gaps=(), strands: str | None = None) -> AtLeast:
    """Motifs in this order; a gap is a number or a range of bases, one for all or a list with one
    for each.

    >>> spaced("A B", 6), spaced("A B C", range(3, 13)), spaced("A B", 6, "+-")
    """
    names = tuple(motifs.split())
    each = list(gaps) if isinstance(gaps, (list, tuple)) else [gaps] * (len(names) - 1)
    each = [tuple(sorted({gap} if isinstance(gap, int) else set(gap))) for gap in each]
    return AtLeast(Spaced(names, tuple(each), tuple(strands or "+" * len(names))))


def count(what: str | AtLeast, n: int) -> AtLeast:
    """At least `n` occurrences of a motif or an arrangement.

    >>> count("A", 3), count(spaced("A B", 6), 2)
    """
    return AtLeast(what.what if isinstance(what, AtLeast) else what, n)


@dataclass(frozen=True)
class Rule:
    """A formula and the motifs it names: consensus words (IUPAC letters) or `Motif`s.

    >>> Rule({"A": "CACGTG", "B": "GATAAG"}, present("A") & ~present("B")).width
    6
    """

    motifs: dict[str, Motif | str]
    formula: Formula
    name: str = "rule"
    within: int = 50  # only the soft form uses it, as in `grammar.Grammar`

    def __post_init__(self):
        motifs = {n: word_motif(n, m) if isinstance(m, str) else m for n, m in self.motifs.items()}
        object.__setattr__(self, "motifs", motifs)
        object.__setattr__(self, "_letters", {name: consensus(motif) for name, motif in motifs.items()})
        width = max((motif.width for motif in motifs.values()), default=1)
        parities = {motifs[name].width % 2 for name in motifs if self.palindrome(name)}
        object.__setattr__(self, "width", width + (parities == {1 - width % 2}))  # palindromes stand in the very middle

    def letters(self, name: str) -> list[str]:
        """Allowed letters of each column, see `consensus`."""
        return self._letters[name]

    def palindrome(self, name: str) -> bool:
        return self.letters(name) == turned(self.letters(name))

    def offset(self, name: str, strand: str = "+") -> int:
        """Where the motif starts in its window of W bp: in the middle, or one base to the left of
        it."""
        left = (self.width - self.motifs[name].width) // 2
        return left if strand == "+" else self.width - self.motifs[name].width - left


def word_motif(name: str, word: str) -> Motif:
    """A motif from IUPAC letters; InputError for any other letter."""
    if not word or set(word.upper()) - set(IUPAC):
        raise InputError(f"motif {name!r}: {word!r} is not a consensus; expected letters of {''.join(IUPAC)}")
    return Motif(name, np.array([[(b in IUPAC[c]) / len(IUPAC[c]) for c in word.upper()] for b in BASES]))


def consensus(motif: Motif) -> list[str]:
    """Allowed letters of each column: all below 0.25 bits, else those of at least 0.9 of the
    highest frequency.

    >>> consensus(word_motif("A", "CRN"))
    ['C', 'AG', 'ACGT']
    """
    good = (motif.pfm >= 0.9 * motif.pfm.max(0)) | (motif.information < 0.25)
    return ["".join(np.array(list(BASES))[column]) for column in good.T]


def turned(letters: list[str]) -> list[str]:
    """Allowed letters as read on the other strand."""
    return ["".join(sorted(reverse_complement(column))) for column in reversed(letters)]


def rule_of(grammar: Grammar, rivals: bool = False) -> Rule:
    """What a grammar says of consensus instances: a positive alternative stands in the sequence,
    and no negative one that plants the same motifs and more (a repressor).

    So in SPI1/CTCF: an SPI1 is there, and no SPI1 with a CTCF 5 to 20 bp away. With `rivals`,
    negative alternatives of the same motifs speak against a positive one too: as evidence, not as
    logic.

    >>> holds(rule_of(load_grammar("spi1")), "ACGT" * 20)
    False
    """
    clauses = []
    for ours in grammar.positives:
        mine = Counter(ours.plant)
        more = [other for other in grammar.negatives if mine <= Counter(other.plant)
                and (rivals and other.plant or mine != Counter(other.plant))]  # fmt: skip
        clauses.append(And((occurs(ours), *(Not(occurs(other)) for other in more))))
    return Rule(grammar.planted, Or(tuple(clauses)), grammar.name, grammar.within)


def occurs(alternative: Alternative) -> Formula:
    """Some order and strands of an alternative; background alone always occurs."""
    return Or(tuple(_arrangement(a) for a in expand(alternative)))


def _arrangement(a: Arrangement) -> Formula:
    if len(a.motifs) < 2:
        return AtLeast(a.motifs[0]) if a.motifs else And()
    return AtLeast(Spaced(a.motifs, tuple(tuple(sorted(set(gap))) for gap in a.gaps), a.strands))


# -- the plain evaluator
# ---------------------------------------------------------------------------------------------


def holds(rule: Rule, sequence: str) -> bool:
    """Does the rule hold for a sequence of letters ACGTN? Searched word by word; no network takes
    part.

    >>> holds(Rule({"A": "CACGTG"}, present("A")), "TTCACGTGTT")
    True
    """
    found, length = occurrences(rule, sequence), len(sequence)
    mirror = {"+": "-", "-": "+"}
    other = {(name, mirror[strand]): [length - place - rule.motifs[name].width for place in places]
             for (name, strand), places in found.items()}  # fmt: skip
    return _true(rule, rule.formula, [found, other])


def occurrences(rule: Rule, sequence: str) -> dict[tuple[str, str], list[int]]:
    """First bases of all occurrences in a sequence, by motif and strand."""
    out = {}
    for name in rule.motifs:
        for strand in "+-":
            letters = rule.letters(name) if strand == "+" else turned(rule.letters(name))
            left = rule.offset(name, strand)
            pattern = _pattern(tuple(letters), left, rule.width - left - len(letters))
            out[name, strand] = [match.start() + left for match in pattern.finditer(sequence)]
    return out


@lru_cache(maxsize=1000)
def _pattern(letters: tuple[str, ...], left: int, right: int) -> re.Pattern:
    word = f"[ACGT]{{{left}}}" + "".join(f"[{column}]" for column in letters) + f"[ACGT]{{{right}}}"
    return re.compile(f"(?={word})")


def _true(rule: Rule, formula: Formula, both: list[dict]) -> bool:
    if isinstance(formula, Not):
        return not _true(rule, formula.part, both)
    if isinstance(formula, (And, Or)):
        return (all if isinstance(formula, And) else any)(_true(rule, part, both) for part in formula.parts)
    return _number(rule, formula.what, both) >= formula.n


def _number(rule: Rule, what: str | Spaced, both: list[dict]) -> int:
    if isinstance(what, str):
        return len(both[0][what, "+"]) + (0 if rule.palindrome(what) else len(both[0][what, "-"]))
    return sum(len({chain[what.anchor or 0] for chain in chains(rule, what, found)}) for found in both)


def chains(rule: Rule, what: Spaced, found: dict, start: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """All placements of an arrangement, as first bases of its motifs."""
    i = len(start)
    if i == len(what.motifs):
        yield start
        return
    places = found[what.motifs[i], what.strands[i]]
    for place in places:
        if not i or place - start[-1] - rule.motifs[what.motifs[i - 1]].width in what.gaps[i - 1]:
            yield from chains(rule, what, found, (*start, place))
