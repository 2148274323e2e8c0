"""From a formula to what a network can ask: a sum of products of questions about single tokens."""

from itertools import product
from typing import NamedTuple, NoReturn

from motifbook.compiler.rules import AtLeast, Formula, Not, Or, Rule, Spaced
from motiflib.files import InputError

FILTERS, QUESTIONS, CLAUSES, COUNT, REACH, PARTNERS = 64, 24, 64, 16, 500, 5
LEAST_BITS = 8.0  # of a consensus: shorter words fill the places among the candidates by chance
BITS = {1: 2, 2: 1, 3: 0.415, 4: 0}  # of a column, by its number of allowed letters


class Part(NamedTuple):
    """A partner as seen from its anchor reading +; `shifts` are from first base to first base."""

    motif: str
    strand: str
    shifts: frozenset[int]


class Atom(NamedTuple):
    """An occurrence of `anchor` that sees all `parts`; of a motif alone there are none."""

    anchor: str
    parts: tuple[Part, ...] = ()


class Literal(NamedTuple):
    """At least `n` tokens that are `atom`, or not (`sign` False)."""

    atom: Atom
    n: int
    sign: bool


Clause = frozenset  # of literals, all of which must hold


def refuse(rule: Rule, found: str, bound: str) -> NoReturn:
    """InputError that names the bound which a rule breaks."""
    raise InputError(f"{rule.name}: {found}; outside of what can be compiled, the bound is {bound}")


def clauses(rule: Rule) -> list[Clause]:
    """The formula as clauses, one of which must hold; InputError if a bound is broken."""
    if len({rule.motifs[name].width % 2 for name in rule.motifs if rule.palindrome(name)}) > 1:
        refuse(rule, "palindromes of even and of odd width",
               "one of them, as both strands share a window")
    for name in rule.motifs:
        bits = sum(BITS[len(column)] for column in rule.letters(name))
        if bits < LEAST_BITS:
            refuse(rule, f"the consensus of {name} has {bits:g} bits",
                   f"at least {LEAST_BITS:g} bits, four letters")
    found = merged(absorbed(_clauses(rule, rule.formula, True)))
    if not found or frozenset() in found:
        refuse(rule, "the rule says the same of every sequence",
               "a rule that some sequences keep and some break")
    questions = {literal[:2] for clause in found for literal in clause}
    if len(questions) > QUESTIONS:
        refuse(rule, f"{len(questions)} different questions", f"{QUESTIONS}, a head each")
    return found


def _clauses(rule: Rule, formula: Formula, sign: bool) -> list[Clause]:
    if isinstance(formula, Not):
        return _clauses(rule, formula.part, not sign)
    if isinstance(formula, AtLeast):
        return [Clause([_literal(rule, formula, sign)])]
    parts = [_clauses(rule, part, sign) for part in formula.parts]
    if isinstance(formula, Or) == sign:  # by De Morgan, a negated And is an Or
        out = [clause for part in parts for clause in part]
    else:
        out = [Clause()]
        for part in parts:
            joined = [one | other for one, other in product(out, part)]
            out = absorbed([tidy(clause) for clause in joined if possible(clause)])
            if len(out) > CLAUSES:
                break
    if len(out) > CLAUSES:
        refuse(rule, f"{len(out)} clauses", f"{CLAUSES} clauses in disjunctive normal form")
    return out


def _literal(rule: Rule, formula: AtLeast, sign: bool) -> Literal:
    names = [formula.what] if isinstance(formula.what, str) else formula.what.motifs
    for name in names:
        if name not in rule.motifs:
            known = ", ".join(rule.motifs)
            raise InputError(f"{rule.name}: no motif {name!r}; expected one of {known}")
    if not 1 <= formula.n <= COUNT:
        refuse(rule, f"a count of {formula.n}", f"1 to {COUNT}")
    atom = Atom(formula.what) if isinstance(formula.what, str) else anchored(rule, formula.what)
    return Literal(atom, formula.n, sign)


def anchored(rule: Rule, what: Spaced) -> Atom:
    """An arrangement as its anchor sees it, turned over if the anchor is on the - strand."""
    at, n, shown = what.anchor, len(what.motifs), " ".join(what.motifs)
    if len(what.gaps) != n - 1 or len(what.strands) != n or n < 2:
        raise InputError(f"{rule.name}: {shown}: expected two motifs or more, a strand for each "
                         "and a gap between neighbours")
    if n - 1 > PARTNERS:
        refuse(rule, f"{n} motifs in one arrangement", f"{PARTNERS + 1}")
    if at is None:
        refuse(rule, f"ranged gaps along {shown}", "one anchor that sees the others: on each side "
               "one motif at any gap, or several at fixed gaps")
    width, parts = [rule.motifs[name].width for name in what.motifs], []
    for j in range(n):
        low, high = min(j, at), max(j, at)
        spans = [sum(width[low:high]) + sum(gaps) for gaps in product(*what.gaps[low:high])]
        shifts, strand = {span if j > at else -span for span in spans}, what.strands[j]
        if what.strands[at] == "-":
            shifts = {width[at] - shift - width[j] for shift in shifts}
            strand = "-" if strand == "+" else "+"
        if j != at:
            parts.append(Part(what.motifs[j], strand, frozenset(shifts)))
    reach = max(abs(shift) for part in parts for shift in part.shifts) + rule.width
    if reach > REACH:
        refuse(rule, f"{shown} spans {reach} bp", f"a reach of {REACH} bp from the anchor")
    parts.sort(key=lambda part: (part.motif, part.strand, min(part.shifts)))
    return Atom(what.motifs[at], tuple(parts))


def implies(a: Literal, b: Literal) -> bool:
    """Is b true wherever a is, for reasons that need no sequence?"""
    if a.sign != b.sign:
        return False
    if not a.sign:
        a, b = b, a
    if a.atom == b.atom:
        return a.n >= b.n
    seen = [a.atom.anchor, *(part.motif for part in a.atom.parts)]
    return b.n == 1 and not b.atom.parts and b.atom.anchor in seen


def possible(clause: Clause) -> bool:
    """Does no literal exclude another?"""
    no = [literal._replace(sign=True) for literal in clause if not literal.sign]
    return not any(implies(a, b) for a in clause for b in no)


def tidy(clause: Clause) -> Clause:
    """Without literals that follow from another."""
    return Clause(b for b in clause if not any(a != b and implies(a, b) for a in clause))


def absorbed(found: list[Clause]) -> list[Clause]:
    """Without clauses that hold only where another one holds, in the order given."""
    kept = []
    for one in found:  # of two that hold in the same sequences, the first stays
        if not any(_covers(other, one) for other in kept):
            kept = [other for other in kept if not _covers(one, other)] + [one]
    return kept


def _covers(other: Clause, one: Clause) -> bool:
    """Does `other` hold wherever `one` does?"""
    return all(any(implies(a, b) for a in one) for b in other)


def merged(found: list[Clause]) -> list[Clause]:
    """Pairs at several distances become one question, in a sum or negated in a product."""
    single, rest = [], []
    for clause in found:
        yes = [literal for literal in clause if literal.sign]
        no = [literal for literal in clause if not literal.sign]
        if len(clause) == len(yes) == 1:
            single += yes
        else:
            rest.append(Clause(yes + _union(no)))
    return [Clause([literal]) for literal in _union(single)] + rest


def _union(literals: list[Literal]) -> list[Literal]:
    out, pairs = [], {}
    for literal in literals:
        if len(literal.atom.parts) == 1 and literal.n == 1:
            part = literal.atom.parts[0]
            key = (literal.atom.anchor, part.motif, part.strand, literal.sign)
            pairs[key] = pairs.get(key, frozenset()) | part.shifts
        else:
            out.append(literal)
    for (anchor, motif, strand, sign), shifts in pairs.items():
        out.append(Literal(Atom(anchor, (Part(motif, strand, shifts),)), 1, sign))
    return out
