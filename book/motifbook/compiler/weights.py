"""Clauses to the weights of an ordinary `Argminn`, every number written by rule and none learnt.

The construction, stage by stage (theorem and proof: chapter 05_expressivity):

    scanner     a channel gives A on an occurrence of its consensus and 0 elsewhere
    spacing     rho is 0 at allowed distances and hopeless at others: n > A if a partner is there
    token       a coordinate for each question, 1 on tokens that answer it; one for "nothing"
    attention   a head for each question: v = k / (k + c) for k such tokens, c weighs "nothing"
    mlp         a clause is relu(true literals - twice the negated ones - all true but one)
    LayerNorms  all coordinates come in pairs +x, -x, so that each is one positive factor
    counts      go into the stream one layer earlier; the next query compares them with thresholds
"""

import math
from collections import Counter
from typing import NamedTuple

import torch
from torch import Tensor

from motifbook.compiler.logic import FILTERS, Atom, Clause, Part, refuse
from motifbook.compiler.rules import Rule
from motiflib.model import GAIN, Argminn, ArgminnConfig, StreamAttention
from motiflib.sequence import BASES

A = 24.0  # activation of an occurrence
CANDIDATES = 64  # more would add up what a head sees at a glance
FOUND = 30.0  # score of a token that answers a question
FAINT = 8.0  # how far below it "nothing" stands
GLANCE = 9.0  # and a partner's motif, so that attention names all motifs of an arrangement
SHARP = 14.0  # least distance of a compared count from its threshold, in units of the softmax
OVER = 0.011  # a true literal is at most 1 + OVER, because of TRACE
LOGIT = 120.0  # of a large answer: the probability of a decision is then 0 or 1 in float32
NORMS = ("out.1.weight", "mlp.3.weight", "decide.0.weight")  # factors of LayerNorms, kept at 1
TRACE = 3e-4  # slope left to a partner's activation, so that a gradient sees that it matters


class Plan(NamedTuple):
    """What the network is made of: `filters` (a motif each, maybe twice), `rows` of the spacing
    table (anchor filter, partner channel: allowed shifts of windows), `channels` of each atom
    (anchor filter, partner channels), `questions` (atom, n), and the clauses."""

    rule: Rule
    filters: list[str]
    rows: dict[tuple[int, int], frozenset[int]]
    channels: dict[Atom, tuple[int, tuple[int, ...]]]
    questions: list[tuple[Atom, int]]
    clauses: list[Clause]

    @property
    def atoms(self) -> list[Atom]:
        return list(self.channels)

    @property
    def arrangements(self) -> list[Atom]:
        return [atom for atom in self.channels if atom.parts]

    @property
    def reach(self) -> int:
        return max((abs(s) for shifts in self.rows.values() for s in shifts), default=1)

    def mate(self, channel: int) -> int:
        """The same filter on the other strand."""
        return (channel + len(self.filters)) % (2 * len(self.filters))

    def trace(self, atom: Atom) -> int:
        """Coordinate that says by how much an arrangement is there; scores never see it."""
        return len(self.atoms) + self.arrangements.index(atom)

    def glance(self, atom: Atom) -> int:
        """Coordinate that says that a token is a partner's motif."""
        return self.trace(atom) + len(self.arrangements)

    def needed(self, clause: Clause) -> int:
        """Windows that answer at least in a sequence for which a clause holds."""
        # literals may share occurrences, so each motif counts as often as the most demanding one
        # asks; an occurrence answers for each copy of its filter, a palindrome on both strands
        most: Counter[str] = Counter()
        for atom, n, sign in clause:
            if sign:
                most |= Counter({atom.anchor: n})
                most |= Counter([atom.anchor, *(part.motif for part in atom.parts)])
        copies = {m: self.filters.count(m) * (1 + self.rule.palindrome(m)) for m in most}
        return sum(n * copies[m] for m, n in most.items())


def plan(rule: Rule, clauses: list[Clause]) -> Plan:
    """A filter for every partner whose row of the spacing table is free, if need be a copy."""
    questions = {literal[:2] for clause in clauses for literal in clause}
    questions = sorted(questions, key=lambda question: (question[0].parts != (), str(question)))
    atoms = list(dict.fromkeys(atom for atom, _ in questions))
    named = {atom.anchor for atom in atoms} | {part.motif for atom in atoms for part in atom.parts}
    filters = [name for name in rule.motifs if name in named]
    taken, used = {}, {}
    for atom in atoms:
        anchor = filters.index(atom.anchor)
        used[atom] = [_partner(rule, filters, taken, atom, anchor, part) for part in atom.parts]
    if len(filters) > FILTERS:
        refuse(rule, f"{len(filters)} filters", f"{FILTERS} filters, copies included")
    # channels of the - strand come after all filters, whose number is known only now
    size, rows, channels = len(filters), {}, {}
    for (anchor, partner, minus), shifts in taken.items():
        rows[anchor, partner + size * minus] = shifts
    for atom, partners in used.items():
        seen = tuple(partner + size * minus for partner, minus in partners)
        channels[atom] = (filters.index(atom.anchor), seen)
    return Plan(rule, filters, rows, channels, questions, clauses)


def _partner(rule: Rule, filters: list[str], taken: dict, atom: Atom, anchor: int,
             part: Part) -> tuple[int, bool]:
    minus = part.strand == "-"
    move = rule.offset(atom.anchor) - rule.offset(part.motif, part.strand)
    shifts = frozenset(shift + move for shift in part.shifts)  # from window start to window start
    copies = [j for j, name in enumerate(filters) if name == part.motif]
    free = [j for j in copies if taken.get((anchor, j, minus), shifts) == shifts]
    if not free:
        filters.append(part.motif)
        free = [len(filters) - 1]
    taken[anchor, free[0], minus] = shifts
    return free[0], minus


def shape(p: Plan, candidates: int) -> ArgminnConfig:
    """Sizes from the plan, as small as the construction allows."""
    hidden = sum(5 if atom.parts else 1 for atom in p.atoms)
    slots = max(2 + len(p.questions), len(p.clauses) // 2 + 1)  # the constant, questions, answer
    found, needed = f"{candidates} candidates", max(map(p.needed, p.clauses))
    if not 1 <= candidates <= CANDIDATES:
        refuse(p.rule, found, f"1 to {CANDIDATES}")
    if candidates < needed:  # a part of the rule would never be seen
        refuse(p.rule, found, f"at least {needed}: so many windows answer where the rule holds")
    partners = max(len(atom.parts) for atom in p.atoms)
    if (partners - 1) * math.log(candidates) > A - 2:
        refuse(p.rule, f"{partners} partners among {found}", "(partners - 1) log(candidates) <= 22")
    return ArgminnConfig(
        filters=len(p.filters), width=p.rule.width, layers=1 + any(n > 1 for _, n in p.questions),
        heads=len(p.questions), token=max(hidden, len(p.atoms) + 2 * len(p.arrangements) + 1),
        stream=2 * slots, candidates=candidates, neighbourhood=p.reach,
    )


@torch.no_grad()
def write(p: Plan, candidates: int) -> Argminn:
    """The network of a plan."""
    model = Argminn(shape(p, candidates)).eval()
    for name, parameter in model.named_parameters():
        parameter.fill_(name.endswith(NORMS))
    _scanner(model, p)
    write_spacing(model, p, dict.fromkeys(p.rows, 0.0), far=A + 20)
    _tokens(model, p)
    for step in model.syntax.steps:
        step.key += torch.eye(step.key.shape[1])
        step.value += torch.eye(step.key.shape[1])
    *before, last = model.syntax.steps
    for step in before:  # one, where the rule counts
        _count(step, p)
    _ask(last, p)
    write_clauses(last, p, threshold=0.5, against=2.0, each=1 + OVER, alone=1.0)
    write_decision(model, LOGIT)
    return model


def _scanner(model: Argminn, p: Plan) -> None:
    for f, name in enumerate(p.filters):
        columns = enumerate(p.rule.letters(name), start=p.rule.offset(name))
        specific = [(at, column) for at, column in columns if len(column) < 4]
        for at, column in specific:
            for base in column:
                model.scanner.filters[f, BASES.index(base), at] = A
        model.scanner.bias[f] = -A * (len(specific) - 1)  # one letter wrong, and nothing is left


def write_spacing(model: Argminn, p: Plan, near: dict[tuple[int, int], float], far: float) -> None:
    """The spacing table: rho is `near` of a row at its allowed distances, -`far` at others."""
    around = model.around
    level = math.log(2 * around.reach + 1)  # rho = GAIN * spacing - level
    around.spacing.fill_((level - far) / GAIN)
    for (anchor, partner), shifts in p.rows.items():
        for shift in shifts:
            rho = near[anchor, partner]
            around.spacing[anchor, partner, around.reach + shift] = (rho + level) / GAIN


def _tokens(model: Argminn, p: Plan) -> None:
    """Coordinate i of a token is 1 if it answers atom i; the last one marks "nothing"."""
    channels, out, unit = model.config.channels, model.mix[1].weight, 0
    kind, near = channels, 2 * channels
    for i, atom in enumerate(p.atoms):
        anchor, partners = p.channels[atom]
        if not partners:
            for channel in {anchor} if p.rule.palindrome(atom.anchor) else {anchor, p.mate(anchor)}:
                model.embed.weight[unit, kind + channel] = 1
            out[i, unit] = 1
            unit += 1
            continue
        mates = [p.mate(channel) for channel in partners]
        low, high = thresholds(len(partners), model.config.candidates)
        for a, seen in ((anchor, partners), (p.mate(anchor), mates)):
            for sign, edge in ((1, low), (-1, high)):  # clip((z - low) / (high - low), 0, 1)
                model.embed.weight[unit, kind + a] = 2 * A
                for channel in seen:
                    model.embed.weight[unit, near + channel] = 1
                model.embed.bias[unit] = -edge
                out[i, unit] = sign / (high - low)
                out[p.trace(atom), unit] = TRACE * (sign < 0)  # z - high, where it is above 0
                unit += 1
        for channel in {*partners, *mates} - {anchor, p.mate(anchor)}:
            model.embed.weight[unit, kind + channel] = 1
        out[p.glance(atom), unit] = 1  # a partner's motif, wherever it stands
        unit += 1
    model.nothing[0, 0, -1] = 1


def thresholds(partners: int, candidates: int) -> tuple[float, float]:
    """Between these, z = 2A [is the anchor] + sum of n over partners rises from 0 to 1."""
    # z >= 2A + PA with all partners; with one less z <= 2A + (P - 1)(A + log M); on another token
    # z <= P (A + log M)
    full, more = (2 + partners) * A, A + math.log(candidates)
    less = max(2 * A + (partners - 1) * more, partners * more)
    return less + (full - less) / 4, full - (full - less) / 4


def _ask(step: StreamAttention, p: Plan) -> None:
    """One head for each question."""
    size = step.key.shape[1]
    biases = step.query.bias.view(-1, size)
    weights = step.query.weight.view(-1, size, step.query.in_features)
    for h, (atom, n) in enumerate(p.questions):
        i = p.atoms.index(atom)
        _search(biases[h], p, atom, FOUND - FAINT if n == 1 else FOUND)
        if n > 1:  # above the threshold the tokens win, below it "nothing" does
            gap = 0.5 - (n - 1) / (2 * n - 1)  # from k / (k + n) at k = n - 1 to that at k = n
            steep = 2 * SHARP / gap * math.sqrt(size) / 2  # a coordinate is half of its pair
            write_pair(weights[h].T, 1 + h, i, steep)
            write_pair(weights[h].T, 0, i, -steep * (0.5 - gap / 2))  # between n - 1 and n
        write_pair(step.out[0].weight, 1 + h, h * size + i, 1.0)
        if atom.parts:
            write_pair(step.out[0].weight, 1 + h, h * size + p.trace(atom), 1.0)
    write_pair(step.out[0].bias[:, None], 0, 0, 1.0)


def write_clauses(step: StreamAttention, p: Plan, threshold: float, against: float, each: float,
                  alone: float) -> None:
    """One hidden unit for each clause, then the answer, their sum less `threshold`."""
    # a negated literal takes away `against`, and every positive one but the first `each`, so that a
    # clause with a false literal is 0; a clause without positive ones begins at `alone`
    first, last, answer = step.mlp[0].weight, step.mlp[2].weight, step.query.in_features // 2 - 1
    first[0, 0] = 1
    write_pair(last, 0, 0, 1.0)
    write_pair(last, answer, 0, -threshold)
    slots = {question: slot for slot, question in enumerate(p.questions, start=1)}
    for j, clause in enumerate(p.clauses, start=1):
        positive = sum(sign for _, _, sign in clause)
        for atom, n, sign in clause:
            first[j, 2 * slots[atom, n]] = 1.0 if sign else -against
        first[j, 0] = -(positive - 1) * each if positive else alone
        write_pair(last, answer, j, 1.0)


def _count(step: StreamAttention, p: Plan) -> None:
    """v = k / (k + n) of every count into the stream: slot 1 + head, the constant in slot 0."""
    size, first, last = step.key.shape[1], step.mlp[0].weight, step.mlp[2].weight
    bias = step.query.bias.view(-1, size)
    write_pair(step.out[0].bias[:, None], 0, 0, 1.0)
    first[0, 0] = 1
    write_pair(last, 0, 0, 1.0)
    for h, (atom, n) in enumerate(p.questions):
        if n > 1:
            _search(bias[h], p, atom, FOUND + math.log(n))
            write_pair(step.out[0].weight, 1 + h, h * size + p.atoms.index(atom), 1.0)
            first[1 + h, 2 * (1 + h)] = 1
            write_pair(last, 1 + h, 1 + h, 1.0)


def _search(query: Tensor, p: Plan, atom: Atom, nothing: float) -> None:
    """Ask for tokens that answer `atom`, and glance at the motifs of its partners."""
    size = math.sqrt(len(query))
    query[p.atoms.index(atom)] = FOUND * size
    query[-1] = nothing * size
    if atom.parts:
        query[p.glance(atom)] = (FOUND - GLANCE) * size


def write_decision(model: Argminn, size: float) -> None:
    """The logit is `size` for a large answer, which stands in the last slot of the stream."""
    linear, stream = model.syntax.decide[1], model.config.stream
    linear.weight[0, stream - 2] = size / math.sqrt(2 * stream)
    linear.weight[0, stream - 1] = -size / math.sqrt(2 * stream)


def write_pair(matrix: Tensor, slot: int, column: int, value: float) -> None:
    """Write a slot of the stream: the coordinate and its opposite."""
    matrix[2 * slot, column] += value
    matrix[2 * slot + 1, column] -= value
