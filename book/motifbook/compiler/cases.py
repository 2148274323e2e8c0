"""Sequences that try a rule: what it names is planted, then one thing is changed. `rules.holds`
says what is true."""

import numpy as np
import pandas as pd
from numpy.random import Generator

from motifbook.compiler.rules import AtLeast, Formula, Not, Rule, Spaced, holds
from motiflib.files import InputError
from motiflib.sequence import BASES, reverse_complement, to_letters

CHANGES = ("none", "missing", "letter", "spacing", "order", "strand")


def cases(rule: Rule, n: int, length: int = 300, seed: int = 0) -> pd.DataFrame:
    """`n` sequences that keep the rule and `n` that break it: columns sequence, holds, change.

    In each, some things that the rule names are planted, and in most one is changed: a gap is 1 bp
    out of its range, neighbours are exchanged, a motif is on the other strand, missing, or has one
    letter wrong. Labels are by `holds`, so that chance occurrences count too. Raises InputError
    where sequences of one kind do not turn up, or the things do not fit in.

    >>> from motifbook.compiler import present
    >>> table = cases(Rule({"A": "CACGTC"}, present("A")), 20)
    >>> table.change[~table.holds].unique().tolist()
    ['missing', 'letter']
    """
    rng, kept = np.random.default_rng(seed), {True: [], False: []}
    atoms = list(dict.fromkeys(_atoms(rule.formula)))
    for _ in range(200 + 200 * n):
        sequence, change = _case(rule, atoms, length, rng)
        truth = holds(rule, sequence)
        if len(kept[truth]) < n:
            kept[truth].append((sequence, truth, change))
        if len(kept[True]) == len(kept[False]) == n:
            return pd.DataFrame(kept[True] + kept[False], columns=["sequence", "holds", "change"])
    kind = "keeping" if len(kept[True]) < n else "breaking"
    raise InputError(f"{rule.name}: no {kind} sequences turn up")


def _atoms(formula: Formula) -> list[AtLeast]:
    if isinstance(formula, AtLeast):
        return [formula]
    parts = [formula.part] if isinstance(formula, Not) else formula.parts
    return [atom for part in parts for atom in _atoms(part)]


def _case(rule: Rule, atoms: list[AtLeast], length: int, rng: Generator) -> tuple[str, str]:
    """A sequence, and what was changed in it."""
    chosen = [atom for atom in atoms if rng.random() < 0.5] or [atoms[rng.integers(len(atoms))]]
    things = []
    for atom in chosen:
        more = int(rng.integers(-1, 2))  # of one, two would be as good
        things += [atom.what] * (atom.n + more if atom.n > 1 else 1)
    changed = int(rng.integers(len(things)))
    choices = CHANGES[:3] if isinstance(things[changed], str) else CHANGES
    change = choices[rng.integers(len(choices))]
    blocks = [_block(rule, thing, change if i == changed else "none", rng)
              for i, thing in enumerate(things)]
    blocks = [reverse_complement(b) if rng.random() < 0.5 else b for b in blocks]
    return _scatter(blocks, length, rule, rng), change


def _block(rule: Rule, thing: str | Spaced, change: str, rng: Generator) -> str:
    """A motif or an arrangement in letters, with one thing changed where it can be."""
    spaced = Spaced((thing,), (), ("+",)) if isinstance(thing, str) else thing
    motifs, strands = list(spaced.motifs), list(spaced.strands)
    gaps = [int(rng.choice(gap)) for gap in spaced.gaps]
    i = int(rng.integers(len(motifs)))
    if change == "spacing" and gaps:
        allowed = spaced.gaps[i % len(gaps)]
        near = [value for gap in allowed for value in (gap - 1, gap + 1)]
        outside = [value for value in near if value >= 0 and value not in allowed]
        gaps[i % len(gaps)] = int(rng.choice(outside))
    if change == "order" and gaps:
        i %= len(gaps)
        motifs[i], motifs[i + 1] = motifs[i + 1], motifs[i]
    if change == "strand":
        strands[i] = "-" if strands[i] == "+" else "+"
    words = []
    for name, strand in zip(motifs, strands, strict=True):
        word = "".join(column[rng.integers(len(column))] for column in rule.letters(name))
        words.append(word if strand == "+" else reverse_complement(word))
    if change == "missing":
        words[i] = _background(len(words[i]), rng)
    if change == "letter":
        at = int(rng.integers(len(words[i])))
        other = BASES[(BASES.index(words[i][at]) + rng.integers(1, 4)) % 4]
        words[i] = words[i][:at] + other + words[i][at + 1 :]
    return "".join(w + _background(g, rng) for w, g in zip(words, [*gaps, 0], strict=True))


def _scatter(blocks: list[str], length: int, rule: Rule, rng: Generator) -> str:
    """The blocks in random order at random places, apart, and a window's width from the ends."""
    planted = sum(map(len, blocks)) + 2 * rule.width
    if planted > length:
        found = f"{rule.name}: {planted} bp are planted"
        raise InputError(f"{found}; expected sequences of at least so many")
    cuts = np.sort(rng.integers(0, length - planted + 1, len(blocks)))
    spaces = np.diff(cuts, prepend=0, append=length - planted)
    spaces[[0, -1]] += rule.width
    pieces = [blocks[i] for i in rng.permutation(len(blocks))]
    return "".join(_background(s, rng) + b for s, b in zip(spaces, [*pieces, ""], strict=True))


def _background(length: int, rng: Generator) -> str:
    return to_letters(rng.integers(0, 4, length))
