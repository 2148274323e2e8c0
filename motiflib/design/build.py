"""Designs: an arrangement that the network asks for, its words, and empty background; under constraints, or refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from motiflib.bounds import LENGTH, SEED, within
from motiflib.design.fill import FREE, empty, tensor_of, to_codes
from motiflib.design.rules import Part, Rules, best_word, mirror, rulebook, span
from motiflib.discovery import Discovery
from motiflib.model import Argminn
from motiflib.sequence import InputError, Record, reverse_complement

ROUNDS, MOST = 12, 1_000_000  # designs at a time
ASKED = (
    120  # bp: rules are asked in sequences of this length at least, so that a short design is refused for its length
)
COLUMNS = ["design", "start", "end", "motif", "strand", "word", "rule"]


@dataclass(frozen=True)
class Constraints:
    """What designs must obey; InputError at once for what nothing can obey.

    length in bp. gc: fraction of the whole sequence. forbid: words that stand on neither strand. left, right: fixed
    flanks, part of the length. counts: number of each motif, such as {"M1": 2, "M2": 0}; motifs not named come as the
    rules ask. apart: least number of bases in which two designs differ. jitter: bp from the middle, to either side.
    """

    length: int = 200
    gc: float = 0.5
    forbid: tuple[str, ...] = ()
    left: str = ""
    right: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    apart: int = 0
    jitter: int = 20

    def __post_init__(self):
        for name in ("left", "right"):
            object.__setattr__(self, name, getattr(self, name).upper())
        object.__setattr__(self, "forbid", tuple(word.upper() for word in self.forbid))
        for name, words in (("forbid", self.forbid), ("left", [self.left]), ("right", [self.right])):
            for word in words:
                if re.search("[^ACGT]", word) or (name == "forbid" and len(word) < 3):
                    raise InputError(f"{name} {word!r}: expected bases ACGT only, and 3 or more of a forbidden word")
        within("length", self.length, 1, LENGTH)
        within("apart", self.apart, 0, LENGTH)
        if not 0 <= self.gc <= 1:
            raise InputError(f"gc {self.gc}: expected a fraction from 0 to 1")
        if self.apart > self.length:
            raise InputError(f"apart {self.apart}: two sequences of {self.length} bp differ in {self.length} at most")
        if any(count < 0 for count in self.counts.values()):
            raise InputError(f"counts {dict(self.counts)}: expected 0 or more of each motif")
        for flank, side in ((self.left, "left"), (self.right, "right")):
            for word in self.forbid:
                if word in flank or reverse_complement(word) in flank:
                    raise InputError(f"forbid {word}: the fixed {side} flank holds it; change one of the two")


class Designs(NamedTuple):
    """Designed sequences: `codes` (n, L), `probability` (n,), `sites` (columns COLUMNS), and what they obey."""

    codes: np.ndarray
    probability: np.ndarray
    sites: pd.DataFrame
    rules: Rules
    constraints: Constraints
    names: list[str]

    @property
    def x(self) -> torch.Tensor:
        return tensor_of(self.codes)

    @property
    def records(self) -> list[Record]:
        letters = np.frombuffer(b"ACGT", np.uint8)
        return [Record(n, letters[c].tobytes().decode()) for n, c in zip(self.names, self.codes, strict=True)]


def design(
    model: Argminn, found: Discovery, n: int = 100, constraints: Constraints | None = None, *,
    rules: Rules | None = None, least: float = 0.9, seed: int = 0,
) -> Designs:  # fmt: skip
    """`n` sequences that the network takes for positives with a probability of at least `least`, from its own rules.

    Each has one of the chosen arrangements of `rules` (asked of the network here, if not given), either way round, near
    the middle, on background that the scanner finds empty.
    Raises InputError with the constraint that cannot be met.

    >>> designs = design(run.model, run.found, 100, Constraints(length=200, forbid=("GAATTC",)))
    >>> designs.probability.min()
    0.99
    """
    c = constraints or Constraints()
    if unknown := set(c.counts) - set(found.table.motif):
        raise InputError(f"counts: no motif {sorted(unknown)[0]!r}; the network has {', '.join(found.table.motif)}")
    within("n", n, 1, MOST)
    within("seed", seed, 0, SEED)
    if rules is None:
        allowed = [m for m in found.table.motif if c.counts.get(m, 1)]
        rules = rulebook(
            model, found, length=max(c.length, ASKED), gc=min(max(c.gc, 0.2), 0.8), motifs=allowed, forbid=c.forbid
        )
    plans, rng = usable(rules, c), np.random.default_rng(seed)
    words = rules.words | {m.name: best_word(m, c.forbid) for m in found.motifs if c.counts.get(m.name, 0)}
    codes, sites, p = np.zeros((0, c.length), np.uint8), [], np.zeros(0)
    for turn in range(ROUNDS):
        drafts = [draft(plans, words, c, rng) for _ in range(n - len(codes) + (4 if turn else 0))]
        new, solved = fill_in(model, found, drafts, c, seed=seed * 1000 + turn)
        with torch.no_grad():
            probability = model(tensor_of(new)).sigmoid().numpy()
        for row, (_, draft_sites), value, ok in zip(new, drafts, probability, solved, strict=True):
            far = not len(codes) or int((codes != row).sum(1).min()) >= c.apart
            if ok and value >= least and far and len(codes) < n:
                codes, p = np.vstack([codes, row]), np.append(p, value)
                sites.append(draft_sites)
        if len(codes) == n:
            names = [f"design_{i + 1}" for i in range(n)]
            table = pd.concat([s.assign(design=name) for s, name in zip(sites, names, strict=True)], ignore_index=True)
            return Designs(codes, p, table[COLUMNS], rules, c, names)
    why = f"apart {c.apart}" if (probability >= least).mean() > 0.5 else f"probability {least}"
    raise InputError(f"{why}: met by {len(codes)} of {n} designs after {ROUNDS} rounds (best probability "
                     f"{max([*p, *probability]):.3f}); ask for less, or allow more")  # fmt: skip


def usable(rules: Rules, c: Constraints) -> pd.DataFrame:
    """The chosen arrangements that fit the constraints; InputError with the one that leaves none."""
    if not len(rules.chosen):
        best = rules.table.iloc[0]
        raise InputError(f"no arrangement of {', '.join(rules.words)} is taken for a positive (best: {best.rule}, "
                         f"logit {best.logit:.2f}); allow other counts")  # fmt: skip
    room = c.length - len(c.left) - len(c.right)
    fits = [span(parts, rules.widths) <= room for parts in rules.chosen.parts]
    if not any(fits):
        shortest = min(span(parts, rules.widths) for parts in rules.chosen.parts)
        raise InputError(f"length {c.length}: flanks of {len(c.left)} and {len(c.right)} bp leave {room}, the shortest "
                         f"arrangement has {shortest}; allow {shortest + c.length - room} bp or more")  # fmt: skip
    return rules.chosen[fits]


def draft(plans: pd.DataFrame, words: dict[str, str], c: Constraints, rng) -> tuple[np.ndarray, pd.DataFrame]:
    """Codes with FREE where nothing is planned, and the planned sites."""
    widths = {name: len(word) for name, word in words.items()}
    row = plans.iloc[rng.integers(len(plans))]
    parts = row.parts if rng.random() < 0.5 else mirror(row.parts, widths)
    total = span(parts, widths)
    low, high = len(c.left), c.length - len(c.right) - total
    at = int(np.clip((c.length - total) // 2 + rng.integers(-c.jitter, c.jitter + 1), low, high))
    placed = [(Part(p.motif, p.strand, p.start + at), row.rule) for p in parts]
    for name, count in c.counts.items():
        for _ in range(count - sum(p.motif == name for p, _ in placed)):
            placed.append((another(name, placed, widths, c, rng), f"count of {name}"))
    codes = np.full(c.length, FREE, dtype=np.uint8)
    codes[: len(c.left)], codes[c.length - len(c.right) :] = to_codes(c.left), to_codes(c.right)
    rows = []
    for p, rule in sorted(placed, key=lambda item: item[0].start):
        word = words[p.motif] if p.strand == "+" else reverse_complement(words[p.motif])
        codes[p.start : p.start + len(word)] = to_codes(word)
        rows.append(("", p.start, p.start + len(word), p.motif, p.strand, word, rule))
    return codes, pd.DataFrame(rows, columns=COLUMNS)


def another(name: str, placed: list, widths: dict[str, int], c: Constraints, rng, gap: int = 4) -> Part:
    """One more copy of a motif somewhere `gap` bp or more from all others; InputError if there is no place."""
    width = widths[name]
    starts = np.arange(len(c.left), c.length - len(c.right) - width + 1)
    for p, _ in placed:
        starts = starts[(starts + width + gap <= p.start) | (starts >= p.start + widths[p.motif] + gap)]
    if not len(starts):
        raise InputError(
            f"counts {name}={c.counts[name]}: no place left for so many in {c.length} bp; allow more length"
        )
    return Part(name, str(rng.choice(["+", "-"])), int(rng.choice(starts)))


def fill_in(model: Argminn, found: Discovery, drafts: list, c: Constraints, seed: int):
    """Drafts with their free bases drawn: the GC asked for, to the base, and empty; and which are (`fill.empty`)."""
    codes, rng = np.stack([d[0] for d in drafts]), np.random.default_rng(seed)
    free, planned = codes == FREE, np.zeros(codes.shape, dtype=bool)
    for i, (_, sites) in enumerate(drafts):
        for start, end in zip(sites.start, sites.end, strict=True):
            planned[i, start:end] = True
    for i, row in enumerate(codes):
        room, fixed = int(free[i].sum()), int(((row == 1) | (row == 2)).sum())
        strong = round(c.gc * c.length) - fixed
        if not 0 <= strong <= room:
            low, high = fixed / c.length, (fixed + room) / c.length
            raise InputError(f"gc {c.gc}: motifs and flanks fix {c.length - room} of {c.length} bp and leave {low:.2f} "
                             f"to {high:.2f}; choose within, or a greater length")  # fmt: skip
        kinds = np.concatenate([np.arange(strong) % 2 + 1, 3 * (np.arange(room - strong) % 2)]).astype(np.uint8)
        codes[i, free[i]] = rng.permutation(kinds)
    return empty(model, found, codes, free, planned, forbid=c.forbid, seed=seed)
