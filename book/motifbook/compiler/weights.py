"""Clauses to the weights of an ordinary `Argminn`, every number written by rule and none learnt.

The construction, stage by stage (Theorem and proof: chapter 05_expressivity):

    scanner        a channel gives A on an occurrence of its consensus and 0 elsewhere neighbourhood
    rho is 0 at allowed distances and hopeless at all others: n > A if a partner stands there, else
    0 token          one coordinate for each question, 1 on tokens that answer it, else 0; one more
    for "nothing" attention      one head for each question: v = k / (k + c) for k such tokens, c
    being the weight of "nothing" mlp            a clause is relu(true literals - twice the negated
    ones - all true but one); no bias, a 1 is carried LayerNorms     all coordinates come in pairs
    +x, -x, so the mean is 0 and a LayerNorm is one positive factor counts         one layer
    earlier: counts go into the stream, and the next query compares them with their threshold
"""

from __future__ import annotations

import math
from collections import Counter
from typing import NamedTuple

import torch
from torch import Tensor

from motifbook.compiler.logic import FILTERS, Clause, Near, refuse
from motifbook.compiler.rules import Rule
from motiflib.model import GAIN, Argminn, ArgminnConfig, StreamAttention
from motiflib.sequence import BASES

A = 24.0  # activation of an occurrence
CANDIDATES = 64  # more would add up what a head sees at a glance
FOUND, FAINT = 30.0, 8.0  # score of a token that answers a question; how far below it "nothing" stands
GLANCE = 9.0  # how far below it a partner's motif stands, so that attention names all motifs of an arrangement
SHARP = 14.0  # least distance of a compared count from its threshold, in units of the softmax
OVER = 0.011  # a true literal is at most 1 + OVER, because of TRACE
LOGIT = 120.0  # size of the logit of a large answer; with it, the probability of a decision is 0 or 1 in float32
TRACE = 3e-4  # slope left to a partner's activation, so that tools which ask for a gradient see that it matters


class Plan(NamedTuple):
    """What the network is made of: `filters` (a motif each, maybe several times), `rows` of the
    spacing table as (anchor filter, partner channel): allowed shifts of windows, `questions` (atom,
    n), and the clauses."""

    rule: Rule
    filters: list[str]
    rows: dict[tuple[int, int], frozenset[int]]
    channels: dict[Near, tuple[int, tuple[int, ...]]]  # anchor filter and partner channels of each arrangement
    questions: list[tuple[str | Near, int]]
    clauses: list[Clause]

    @property
    def atoms(self) -> list[str | Near]:
        """What tokens are asked for, each once."""
        return list(dict.fromkeys(atom for atom, _ in self.questions))

    def needed(self, clause: Clause) -> int:
        """Windows that answer at least in a sequence for which a clause holds.

        Literals may share occurrences, so each motif counts as often as the most demanding one asks
        for it; an occurrence answers once for each copy of its filter, a palindrome on both
        strands.
        """
        most: Counter[str] = Counter()
        for atom, n, sign in clause:
            if sign:
                most |= Counter({atom if isinstance(atom, str) else atom.anchor: n})
            if sign and isinstance(atom, Near):
                most |= Counter([atom.anchor, *(part.motif for part in atom.parts)])
        return sum(n * self.filters.count(m) * (1 + self.rule.palindrome(m)) for m, n in most.items())


def plan(rule: Rule, clauses: list[Clause]) -> Plan:
    """Give every partner a filter whose row of the spacing table is free: the same motif twice if
    need be."""
    questions = sorted({literal[:2] for clause in clauses for literal in clause}, key=str)
    atoms = list(dict.fromkeys(atom for atom, _ in questions))
    named = [a if isinstance(a, str) else a.anchor for a in atoms]
    named += [part.motif for atom in atoms if isinstance(atom, Near) for part in atom.parts]
    filters = [name for name in rule.motifs if name in named]
    rows, used = {}, {}
    for atom in (a for a in atoms if isinstance(a, Near)):
        anchor = filters.index(atom.anchor)
        used[atom] = (anchor, tuple(_partner(rule, filters, rows, atom, anchor, part) for part in atom.parts))
    if len(filters) > FILTERS:
        refuse(rule, f"{len(filters)} filters", f"{FILTERS} filters, copies included")
    # channels of the - strand come after all filters, whose number is known only now
    size = len(filters)
    full = {(i, j + size * minus): shifts for (i, j, minus), shifts in rows.items()}
    used = {atom: (i, tuple(j + size * minus for j, minus in parts)) for atom, (i, parts) in used.items()}
    return Plan(rule, filters, full, used, questions, clauses)


def _partner(rule: Rule, filters: list[str], rows: dict, atom: Near, anchor: int, part) -> tuple[int, bool]:
    minus = part.strand == "-"
    move = rule.offset(atom.anchor) - rule.offset(part.motif, part.strand)  # from motif starts to window starts
    shifts = frozenset(shift + move for shift in part.shifts)
    copies = [j for j, name in enumerate(filters) if name == part.motif]
    free = [j for j in copies if rows.get((anchor, j, minus), shifts) == shifts]
    if not free:
        filters.append(part.motif)
        free = [len(filters) - 1]
    rows[anchor, free[0], minus] = shifts
    return free[0], minus


def shape(p: Plan, candidates: int) -> ArgminnConfig:
    """Sizes from the plan: layers, heads, token and stream are as small as the construction
    allows."""
    hidden = sum(1 if isinstance(atom, str) else 5 for atom in p.atoms)
    slots = max(2 + len(p.questions), len(p.clauses) // 2 + 1)  # the constant, the questions, the answer
    if not 1 <= candidates <= CANDIDATES:
        refuse(p.rule, f"{candidates} candidates", f"1 to {CANDIDATES}")
    needed = max(map(p.needed, p.clauses))
    if candidates < needed:  # a part of the rule would never be seen
        refuse(p.rule, f"{candidates} candidates", f"at least {needed}: so many windows answer where the rule holds")
    partners = max((len(a.parts) for a in p.atoms if isinstance(a, Near)), default=0)
    if (partners - 1) * math.log(candidates) > A - 2:
        refuse(p.rule, f"{partners} partners among {candidates} candidates", "(partners - 1) log(candidates) <= 22")
    reach = max((abs(s) for shifts in p.rows.values() for s in shifts), default=1)
    return ArgminnConfig(
        filters=len(p.filters), width=p.rule.width, layers=1 + any(n > 1 for _, n in p.questions),
        heads=len(p.questions), token=max(hidden, len(p.atoms) + 2 * len(p.channels) + 1), stream=2 * slots,
        candidates=candidates, neighbourhood=reach,
    )  # fmt: skip


@torch.no_grad()
def write(p: Plan, candidates: int) -> Argminn:
    """The network of a plan."""
    model = Argminn(shape(p, candidates)).eval()
    for parameter in model.parameters():
        parameter.zero_()
    _scanner(model, p)
    _spacing(model, p)
    _tokens(model, p)
    steps = list(model.syntax.steps)
    for step in steps:
        size = step.key.shape[1]
        step.key += torch.eye(size)
        step.value += torch.eye(size)
        for norm in (step.out[1], step.mlp[3]):
            norm.weight += 1
    if len(steps) > 1:
        _count(steps[0], p)
    _ask(steps[-1], p, after_counting=len(steps) > 1)
    _decide(model, p)
    return model


def _scanner(model: Argminn, p: Plan) -> None:
    for f, name in enumerate(p.filters):
        letters, left = p.rule.letters(name), p.rule.offset(name)
        specific = [(w, column) for w, column in enumerate(letters) if len(column) < 4]
        for w, column in specific:
            for base in column:
                model.scanner.filters[f, BASES.index(base), left + w] = A
        model.scanner.bias[f] = -A * (len(specific) - 1)  # one letter wrong, and nothing is left


def _spacing(model: Argminn, p: Plan) -> None:
    around = model.around
    level = math.log(2 * around.reach + 1)  # rho = GAIN * spacing - level
    around.spacing += (level - A - 20) / GAIN
    for (anchor, partner), shifts in p.rows.items():
        for shift in shifts:
            around.spacing[anchor, partner, around.reach + shift] = level / GAIN


def _tokens(model: Argminn, p: Plan) -> None:
    """embed and mix: coordinate i of a token is 1 if it answers atom i; the last one marks
    "nothing"."""
    filters, channels = len(p.filters), model.config.channels
    kind, near, out = channels, 2 * channels, model.mix[1]
    mate = [*range(filters, channels), *range(filters)]
    unit = 0
    for i, atom in enumerate(p.atoms):
        if isinstance(atom, str):
            f = p.filters.index(atom)
            for channel in (f,) if p.rule.palindrome(atom) else (f, f + filters):
                model.embed.weight[unit, kind + channel] = 1
            out.weight[i, unit] = 1
            unit += 1
            continue
        anchor, partners = p.channels[atom]
        low, high = thresholds(len(partners), model.config.candidates)
        for a, seen in ((anchor, partners), (mate[anchor], [mate[c] for c in partners])):
            for sign, edge in ((1, low), (-1, high)):  # clip((z - low) / (high - low), 0, 1) as two units
                model.embed.weight[unit, kind + a] = 2 * A
                for channel in seen:
                    model.embed.weight[unit, near + channel] = 1
                model.embed.bias[unit] = -edge
                out.weight[i, unit] = sign / (high - low)
                out.weight[trace(p, atom), unit] = TRACE * (sign < 0)  # z - high, where it is above 0
                unit += 1
        for channel in {*partners, *(mate[c] for c in partners)} - {anchor, mate[anchor]}:
            model.embed.weight[unit, kind + channel] = 1
        out.weight[trace(p, atom) + len(p.channels), unit] = 1  # a partner's motif, wherever it stands
        unit += 1
    model.nothing[0, 0, -1] = 1


def trace(p: Plan, atom: Near) -> int:
    """Coordinate of a token that holds by how much an arrangement is there: scores never see it."""
    return len(p.atoms) + list(p.channels).index(atom)


def thresholds(partners: int, candidates: int) -> tuple[float, float]:
    """Between these, z = 2A [is the anchor] + sum of n over partners rises from 0 to 1.

    With all partners z >= 2A + PA. With one less, z <= 2A + (P - 1)(A + log M); on another token, z
    <= P (A + log M).
    """
    full, more = (2 + partners) * A, A + math.log(candidates)
    less = max(2 * A + (partners - 1) * more, partners * more)
    return less + (full - less) / 4, full - (full - less) / 4


def _ask(step: StreamAttention, p: Plan, after_counting: bool) -> None:
    """One head for each question, then one hidden unit for each clause, then the answer beside a
    constant."""
    size, slots = step.key.shape[1], _slots(step)
    query = step.query.bias.view(-1, size), step.query.weight.view(-1, size, step.query.in_features)
    for h, (atom, n) in enumerate(p.questions):
        i = p.atoms.index(atom)
        _search(query[0][h], p, atom)
        query[0][h, -1] = (FOUND - FAINT if n == 1 else FOUND) * math.sqrt(size)
        if after_counting and n > 1:  # above the threshold the tokens win, below it "nothing" does
            steep = 2 * SHARP / gap(n) * math.sqrt(size) / 2  # / 2: a coordinate is half the difference of its pair
            for slot, weight in ((1 + h, steep), (0, -steep * middle(n))):
                query[1][h, i, 2 * slot] += weight
                query[1][h, i, 2 * slot + 1] -= weight
        _pair(step.out[0].weight, 1 + h, h * size + i, 1.0)
        if isinstance(atom, Near):
            _pair(step.out[0].weight, 1 + h, h * size + trace(p, atom), 1.0)
    _pair(step.out[0].bias[:, None], 0, 0, 1.0)
    first, last, where = step.mlp[0].weight, step.mlp[2].weight, {q: 1 + h for h, q in enumerate(p.questions)}
    first[0, 0] = 1
    _pair(last, 0, 0, 1.0)
    _pair(last, slots - 1, 0, -0.5)
    for j, clause in enumerate(p.clauses, start=1):
        positive = sum(sign for _, _, sign in clause)
        for atom, n, sign in clause:  # a clause with a false literal is 0, whatever the others are
            first[j, 2 * where[atom, n]] = 1.0 if sign else -2.0
        first[j, 0] = -(positive - 1) * (1 + OVER) if positive else 1.0
        _pair(last, slots - 1, j, 1.0)


def _count(step: StreamAttention, p: Plan) -> None:
    """v = k / (k + n) of every count into the stream: slot 1 + head, beside the constant in slot
    0."""
    size = step.key.shape[1]
    bias = step.query.bias.view(-1, size)
    _pair(step.out[0].bias[:, None], 0, 0, 1.0)
    step.mlp[0].weight[0, 0] = 1
    _pair(step.mlp[2].weight, 0, 0, 1.0)
    for h, (atom, n) in enumerate(p.questions):
        if n == 1:
            continue
        i = p.atoms.index(atom)
        _search(bias[h], p, atom)
        bias[h, -1] = (FOUND + math.log(n)) * math.sqrt(size)
        _pair(step.out[0].weight, 1 + h, h * size + i, 1.0)
        step.mlp[0].weight[1 + h, 2 * (1 + h)] = 1
        _pair(step.mlp[2].weight, 1 + h, 1 + h, 1.0)


def _search(query: Tensor, p: Plan, atom: str | Near) -> None:
    """Ask for tokens that answer `atom`, and glance at the motifs of its partners."""
    size = math.sqrt(len(query))
    query[p.atoms.index(atom)] = FOUND * size
    if isinstance(atom, Near):
        query[trace(p, atom) + len(p.channels)] = (FOUND - GLANCE) * size


def gap(n: int) -> float:
    """How far k / (k + n) at k = n is from that at k = n - 1.

    >>> gap(2)
    0.16666666666666669
    """
    return 0.5 - (n - 1) / (2 * n - 1)


def middle(n: int) -> float:
    """The threshold between n - 1 and n."""
    return 0.5 - gap(n) / 2


def _decide(model: Argminn, p: Plan) -> None:
    norm, linear = model.syntax.decide
    norm.weight += 1
    answer = 2 * (model.config.stream // 2 - 1)
    linear.weight[0, answer] = LOGIT / math.sqrt(2 * model.config.stream)
    linear.weight[0, answer + 1] = -linear.weight[0, answer]


def _slots(step: StreamAttention) -> int:
    return step.query.in_features // 2


def _pair(matrix: Tensor, slot: int, column: int, value: float) -> None:
    """Write a slot of the stream: the coordinate and its opposite."""
    matrix[2 * slot, column] += value
    matrix[2 * slot + 1, column] -= value
