"""Sequences that try a rule: what it names is planted, then one thing is changed. `rules.holds`
says what is true."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from motifbook.compiler.rules import And, AtLeast, Formula, Not, Or, Rule, Spaced, holds
from motiflib.files import InputError
from motiflib.sequence import BASES, reverse_complement

CHANGES = ("none", "missing", "letter", "spacing", "order", "strand")  # the first three also of a single motif
COLUMNS = ["sequence", "holds", "change"]


def cases(rule: Rule, n: int, length: int = 300, seed: int = 0) -> pd.DataFrame:
    """`n` sequences that keep the rule and `n` that break it: columns sequence, holds, change.

    In each, some things that the rule names are planted (each with probability 1/2, but one at
    least), and in most of them one thing is changed: a gap is 1 bp out of its range, neighbours are
    exchanged, a motif is on the other strand, missing, or has one letter wrong. "none" in a broken
    one: what was planted does not keep the rule, such as a repressor. Labels are from the plain
    evaluator, so that chance occurrences count too. Raises InputError where sequences of one kind
    do not turn up, or the things do not fit in.

    >>> cases(rule_of(load_grammar("rest")), 100).groupby("holds").change.value_counts()
    """
    rng, kept, tries = np.random.default_rng(seed), {True: [], False: []}, 0
    atoms = list(dict.fromkeys(_atoms(rule.formula)))
    while min(map(len, kept.values())) < n:
        tries += 1
        if tries > 200 + 200 * n:
            raise InputError(f"{rule.name}: no {'keeping' if len(kept[True]) < n else 'breaking'} sequences turn up")
        sequence, change = _case(rule, atoms, length, rng)
        truth = holds(rule, sequence)
        if len(kept[truth]) < n:
            kept[truth].append((sequence, truth, change))
    return pd.DataFrame(kept[True] + kept[False], columns=COLUMNS)


def _atoms(formula: Formula) -> Iterator[AtLeast]:
    if isinstance(formula, AtLeast):
        yield formula
    for part in formula.parts if isinstance(formula, (And, Or)) else [formula.part] if isinstance(formula, Not) else []:
        yield from _atoms(part)


def _case(rule: Rule, atoms: list[AtLeast], length: int, rng: np.random.Generator) -> tuple[str, str]:
    chosen = [atom for atom in atoms if rng.random() < 0.5] or [atoms[rng.integers(len(atoms))]]
    things = [atom.what for atom in chosen for _ in range(max(1, atom.n + int(rng.integers(-1, 2)) * (atom.n > 1)))]
    changed = int(rng.integers(len(things)))
    change = CHANGES[rng.integers(3 if isinstance(things[changed], str) else len(CHANGES))]
    blocks = [block(rule, thing, change if i == changed else "none", rng) for i, thing in enumerate(things)]
    blocks = [reverse_complement(b) if rng.random() < 0.5 else b for b in blocks]
    return scatter(blocks, length, rule, rng), change


def block(rule: Rule, thing: str | Spaced, change: str, rng: np.random.Generator) -> str:
    """A motif or an arrangement in letters, with one thing changed where it can be."""
    spaced = Spaced((thing,), (), ("+",)) if isinstance(thing, str) else thing
    motifs, strands = list(spaced.motifs), list(spaced.strands)
    gaps = [int(rng.choice(gap)) for gap in spaced.gaps]
    i = int(rng.integers(len(motifs)))
    if change == "spacing" and gaps:
        g = i % len(gaps)
        outside = [v for gap in spaced.gaps[g] for v in (gap - 1, gap + 1) if v >= 0 and v not in spaced.gaps[g]]
        gaps[g] = int(rng.choice(outside))
    if change == "order" and gaps:
        i %= len(gaps)
        motifs[i], motifs[i + 1] = motifs[i + 1], motifs[i]
    if change == "strand":
        strands[i] = "-" if strands[i] == "+" else "+"
    words = [word(rule, name, strand, rng) for name, strand in zip(motifs, strands, strict=True)]
    if change == "missing":
        words[i] = _background(len(words[i]), rng)
    if change == "letter":
        at = int(rng.integers(len(words[i])))
        words[i] = words[i][:at] + BASES[(BASES.index(words[i][at]) + rng.integers(1, 4)) % 4] + words[i][at + 1 :]
    return "".join(w + _background(g, rng) for w, g in zip(words, [*gaps, 0], strict=True))


def word(rule: Rule, name: str, strand: str, rng: np.random.Generator) -> str:
    """An instance of a motif's consensus."""
    letters = "".join(column[rng.integers(len(column))] for column in rule.letters(name))
    return letters if strand == "+" else reverse_complement(letters)


def scatter(blocks: list[str], length: int, rule: Rule, rng: np.random.Generator) -> str:
    """The blocks in random order at random places of a background, apart, and a window's width from
    the ends."""
    rest = length - sum(map(len, blocks)) - 2 * rule.width
    if rest < 0:
        raise InputError(f"{rule.name}: {length - rest} bp are planted; expected sequences of at least so many")
    cuts = np.sort(rng.integers(0, rest + 1, len(blocks)))
    spaces = np.diff(np.concatenate([[0], cuts, [rest]])).tolist()
    spaces[0], spaces[-1] = spaces[0] + rule.width, spaces[-1] + rule.width
    order = rng.permutation(len(blocks))
    pieces = [blocks[i] for i in order]
    return "".join(_background(s, rng) + b for s, b in zip(spaces, [*pieces, ""], strict=True))


def _background(length: int, rng: np.random.Generator) -> str:
    return np.frombuffer(BASES.encode(), np.uint8)[rng.integers(0, 4, length)].tobytes().decode()
