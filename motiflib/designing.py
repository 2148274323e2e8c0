"""Sequences designed from a network's own motifs and rules, each base with its reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as tf
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from motiflib.discovery import FLIP, Found, channel_motifs
from motiflib.files import LENGTH, SEED, need, within
from motiflib.hits import Reader, cores, on_interval
from motiflib.model import Argminn, Hits, MotifScanner
from motiflib.motif import Motif
from motiflib.sequence import BASES, Record, from_codes, reverse_complement, to_codes, to_letters
from motiflib.training import logits, predict

LEAST = 0.9  # probability of a design
ROUNDS = 12  # of drafts
MANY, ALIKE = 5, 0.3  # so many distances in a row, with logits within this, are equally good
HELPS = 0.05  # logits; less is rounding, or reads as +0.0
FREE = 4  # code of a base that is not decided yet, an N
SITES = ["design", "start", "end", "motif", "strand", "word", "rule"]
Arrangement = tuple["Part", ...]
Codes, Mask = UInt8[np.ndarray, "n L"], Bool[np.ndarray, "n L"]


class Part(NamedTuple):
    """A motif of an arrangement; start: its first base from the arrangement's first."""
    motif: str
    strand: str
    start: int


class Rules(NamedTuple):
    """What a network answered, the words of its motifs, its logit of background, rows for designs.

    Columns of `table`: rule (in words), motifs (their number), parts (the arrangement), logit (mean
    over backgrounds), gain (over the best arrangement with one motif less), chosen."""
    table: pd.DataFrame
    words: dict[str, str]
    nothing: float
    chosen: pd.DataFrame


def rulebook(model: Argminn, found: Found, constraints: Constraints | None = None) -> Rules:
    """Ask a network for its rules: each of its six most important motifs alone, then with a second
    one in each order, on each strand, at each gap up to 35 bp, then a third, as long as one more
    adds a logit; no motif is tried twice. Of those with as many motifs as pay, all above 0 and
    within half a logit of the best are chosen.

    >>> rulebook(model, found).chosen.rule.iloc[0]
    'M1 + then M2 -, 22 bp from start to start'
    """
    c = constraints or Constraints()
    tried = [m for m in found.motifs if c.counts.get(m.name, 1)][:6]
    need(tried, "no motif to design with: the network has none, or all have a count of 0")
    words = {m.name: best_word(m, c.forbid) for m in tried}
    # Whatever is asked for, the network can be asked here: `usable` says what is too short.
    length, gc = max(c.length, 120, *map(len, words.values())), min(max(c.gc, 0.2), 0.8)
    free = np.full((3, length), FREE, dtype=np.uint8)
    backgrounds, _ = fill_in(model, found, free, free != FREE, Constraints(length, gc), seed=0)
    best = nothing = float(logits(model, from_codes(backgrounds)).mean())
    tables, asked = [], [(Part(name, "+", 0),) for name in words]
    while asked:
        logit = ask(model, asked, words, backgrounds)
        tables.append(pd.DataFrame({"rule": list(map(say, asked)), "motifs": len(asked[0]),
                                    "parts": asked, "logit": logit, "gain": logit - best}))
        if len(tables) > 1 and logit.max() < best + 1:
            break
        paid, best = len(tables), max(best, logit.max())
        front = [asked[i] for i in np.argsort(-logit)]
        asked = extended(front if paid == 1 else front[:8], words, length - 2)
    table = pd.concat(tables).sort_values("logit", ascending=False, ignore_index=True)
    mine, logit = table.motifs == paid, table.logit
    table["chosen"] = mine & (logit >= logit[mine].max() - 0.5) & (logit > 0)
    return Rules(table, words, nothing, table[table.chosen])


def best_word(motif: Motif, forbid: Sequence[str] = ()) -> str:
    """The most probable word of a motif without a forbidden one on either strand, or InputError."""
    unwanted, best = {*forbid, *map(reverse_complement, forbid)}, [(0.0, "")]
    for column in np.log(motif.pfm + 1e-4).T:
        pairs = product(best, zip(column, BASES, strict=True))
        longer = [(score + more, word + base) for (score, word), (more, base) in pairs]
        best = sorted(longer, reverse=True)[:256]
    good = [word for _, word in best if not any(part in word for part in unwanted)]
    need(good, f"forbid {', '.join(forbid)}: every good word of motif {motif.name} "
            f"({motif.consensus}) holds one; allow it, or leave the motif out with a count of 0")
    return good[0]


def say(parts: Arrangement) -> str:
    if len(parts) == 1:
        return f"{parts[0].motif} alone"
    motifs = " then ".join(f"{p.motif} {p.strand}" for p in parts)
    steps = ", ".join(str(b.start - a.start) for a, b in pairwise(parts))
    return f"{motifs}, {steps} bp from start to start"


def span(parts: Arrangement, words: dict) -> int:
    return max(p.start + len(words[p.motif]) for p in parts)


def mirror(parts: Arrangement, words: dict) -> Arrangement:
    """The arrangement as the other strand shows it."""
    total = span(parts, words)
    turned = [Part(p.motif, FLIP[p.strand], total - p.start - len(words[p.motif])) for p in parts]
    return tuple(sorted(turned, key=lambda p: p.start))


def extended(front: list[Arrangement], words: dict, longest: int) -> list[Arrangement]:
    """All arrangements with one more motif on either side; of mirror images one."""
    out = {}
    for parts, name, strand, gap in product(front, words, "+-", range(36)):
        if name not in {p.motif for p in parts}:
            after = (*parts, Part(name, strand, span(parts, words) + gap))
            moved = [p._replace(start=p.start + len(words[name]) + gap) for p in parts]
            before = (Part(name, strand, 0), *moved)
            out |= {min(new, mirror(new, words)): new for new in (after, before)}
    return [parts for parts in out.values() if span(parts, words) <= longest]


def spell(part: Part, words: dict) -> str:
    word = words[part.motif]
    return word if part.strand == "+" else reverse_complement(word)


def ask(model: Argminn, arrangements: list[Arrangement], words: dict, backgrounds: Codes):
    """Mean logit of each arrangement in the middle of the backgrounds."""
    codes = np.full((len(arrangements), backgrounds.shape[1]), FREE, dtype=np.uint8)
    for row, parts in zip(codes, arrangements, strict=True):
        at = (len(row) - span(parts, words)) // 2
        for p in parts:
            row[at + p.start : at + p.start + len(words[p.motif])] = to_codes(spell(p, words))
    out = []
    for part in np.array_split(codes, 1 + len(codes) // 256):
        filled = [from_codes(np.where(part == FREE, behind, part)) for behind in backgrounds]
        out.append(sum(logits(model, x) for x in filled) / len(filled))
    return torch.cat(out).numpy()


def fill_in(model: Argminn, found: Found, codes: Codes, planned: Mask, c: Constraints, seed: int):
    """Codes with their FREE bases drawn, the GC exact, then `empty`; InputError if most fail."""
    rng, free, codes = np.random.default_rng(seed), codes == FREE, codes.copy()
    for row, here in zip(codes, free, strict=True):
        room, fixed = int(here.sum()), int(np.isin(row, (1, 2)).sum())
        strong = round(c.gc * c.length) - fixed
        need(0 <= strong <= room, f"gc {c.gc}: motifs and flanks fix {c.length - room} of "
                f"{c.length} bp and leave {fixed / c.length:.2f} to {(fixed + room) / c.length:.2f}"
                "; choose within, or a greater length")
        bases = np.concatenate([np.resize([1, 2], strong), np.resize([0, 3], room - strong)])
        row[here] = rng.permutation(bases.astype(np.uint8))
    codes, solved = empty(model, found, codes, free, planned, c.forbid, seed)
    failed = codes[~solved]
    wrong = words_at(failed, c.forbid).any()
    what = f"forbidden words {', '.join(c.forbid)}" if wrong else "a background without motifs"
    need(2 * len(failed) <= len(codes), f"{what}: not possible in {len(failed)} of {len(codes)} "
            "sequences with the bases left; allow another gc, a greater length, or fewer words")
    return codes, solved


@torch.no_grad()
def empty(model: Argminn, found: Found, codes: Codes, free: Mask, planned: Mask, forbid, seed: int):
    """Exchange free bases of each sequence until the scanner sees nothing outside the planned sites
    and no forbidden word is left; gives the codes, and in which of them it went well."""
    weights, bias = model.scanner.channels()
    limit = 0.3 * (weights.amax(1).sum(1) + bias).clamp(min=0)  # of the highest; inf: no motif
    limit[np.setdiff1d(np.arange(len(limit)), channel_motifs(model, found).index)] = torch.inf
    rng, tried, out = np.random.default_rng(seed), codes.copy(), codes.copy()
    bad, todo = np.ones(codes.shape, dtype=bool), np.arange(len(codes))
    for _ in range(4 * codes.shape[1]):
        now = holes(model.scanner, from_codes(tried[todo]), planned[todo], limit) & free[todo]
        now |= words_at(tried[todo], forbid)
        better = now.sum(1) <= bad[todo].sum(1)  # an exchange that makes it worse is taken back
        kept = todo[better]
        out[kept], bad[kept] = tried[kept], now[better]
        todo = todo[bad[todo].any(1)]
        if not len(todo):
            break
        for row in todo:
            here, everywhere = np.flatnonzero(bad[row] & free[row]), np.flatnonzero(free[row])
            some = rng.choice(here, min(2 + len(here) // 12, len(here)), replace=False)
            tried[row] = out[row]
            for a, b in zip(some, rng.choice(everywhere, len(some)), strict=True):
                tried[row, [a, b]] = tried[row, [b, a]]
    return out, ~bad.any(1)


def holes(scanner: MotifScanner, x: Tensor, planned: Mask, limit: Float[Tensor, " C"]) -> Mask:
    """Bases of windows above the limit unless half of the window's core is planned."""
    first, end = cores(scanner)
    column = torch.arange(scanner.filters.shape[2])
    core = ((column >= first[:, None]) & (column < end[:, None])).float()  # (C, W)
    covered = tf.conv1d(torch.from_numpy(planned[:, None].astype(np.float32)), core[:, None])
    loud = (scanner(x) > limit[:, None]) & (2 * covered < core.sum(1)[:, None])  # (n, C, T)
    spread = tf.conv_transpose1d(loud.float(), core[:, None], groups=len(core))  # (n, C, L)
    return (spread.sum(1) > 0).numpy()


def words_at(codes: Codes, words: Iterable[str]) -> Mask:
    """Bases that are part of one of the words, on either strand."""
    out, texts = np.zeros(codes.shape, dtype=bool), list(map(to_letters, codes))
    for word in {*words, *map(reverse_complement, words)}:
        for row, text in zip(out, texts, strict=True):
            for hit in re.finditer(f"(?={word})", text):
                row[hit.start() : hit.start() + len(word)] = True
    return out


@dataclass(frozen=True)
class Constraints:
    """What designs must obey; InputError at once for what nothing can obey.

    length in bp; gc: fraction of the whole sequence; forbid: words that stand on neither strand;
    left, right: fixed flanks, part of the length; counts: number of each motif, such as {"M1": 2,
    "M2": 0}, others come as the rules ask; apart: bases in which two designs differ at least."""
    length: int = 200
    gc: float = 0.5
    forbid: tuple[str, ...] = ()
    left: str = ""
    right: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    apart: int = 0

    def __post_init__(self):
        flanks = {"left": self.left.upper(), "right": self.right.upper()}
        vars(self).update(flanks, forbid=tuple(word.upper() for word in self.forbid))
        for name, word in [*product(["forbid"], self.forbid), *flanks.items()]:
            need(re.fullmatch("[ACGT]{3,}" if name == "forbid" else "[ACGT]*", word), f"{name} "
                    f"{word!r}: expected bases ACGT only, and 3 or more of a forbidden word")
        within("length", self.length, 1, LENGTH)
        within("apart", self.apart, 0, LENGTH)
        need(0 <= self.gc <= 1, f"gc {self.gc}: expected a fraction from 0 to 1")
        need(self.apart <= self.length, f"apart {self.apart}: two sequences of {self.length} bp "
                f"differ in {self.length} at most")
        need(min(self.counts.values(), default=0) >= 0,
                f"counts {dict(self.counts)}: expected 0 or more of each motif")
        for (side, flank), word in product(flanks.items(), self.forbid):
            need(word not in flank and reverse_complement(word) not in flank, f"forbid {word}: "
                    f"the fixed {side} flank holds it; change one of the two")


class Designs(NamedTuple):
    """Designed sequences (n, L), the columns SITES of what was planned, and what they obey."""
    codes: np.ndarray
    probability: np.ndarray
    sites: pd.DataFrame
    rules: Rules
    constraints: Constraints
    names: list[str]

    @property
    def x(self) -> Float[Tensor, "n 4 L"]:
        return from_codes(self.codes)

    @property
    def records(self) -> list[Record]:
        return list(map(Record, self.names, map(to_letters, self.codes)))


def design(model: Argminn, found: Found, n: int = 100, constraints: Constraints | None = None, *,
           rules: Rules | None = None, seed: int = 0) -> Designs:
    """`n` sequences with a probability of LEAST or more: one of the chosen arrangements of `rules`
    (asked here, if not given), either way round, near the middle, on background that the scanner
    finds empty. InputError with the constraint that cannot be met.

    >>> design(model, found, 2, Constraints(length=120, forbid=("GAATTC",))).names
    ['design_1', 'design_2']
    """
    c = constraints or Constraints()
    for name in sorted(c.counts):
        need(name in set(found.table.motif),
                f"counts: no motif {name!r}; the network has {', '.join(found.table.motif)}")
    within("n", n, 1, 1_000_000)
    within("seed", seed, 0, SEED)
    rules = rulebook(model, found, c) if rules is None else rules
    plans, rng = usable(rules, c), np.random.default_rng(seed)
    wanted = [m for m in found.motifs if c.counts.get(m.name)]
    words = rules.words | {m.name: best_word(m, c.forbid) for m in wanted}
    codes, sites, p = [], [], []
    for turn in range(ROUNDS):
        drafts = [draft(plans, words, c, rng) for _ in range(n - len(codes) + (4 if turn else 0))]
        bare, planned, tables = zip(*drafts, strict=True)
        bare, planned = np.stack(bare), np.stack(planned)
        new, solved = fill_in(model, found, bare, planned, c, seed * 1000 + turn)
        probability = predict(model, from_codes(new)).numpy()
        for i in np.flatnonzero(solved & (probability >= LEAST)):
            near = c.apart and codes and (np.stack(codes) != new[i]).sum(1).min() < c.apart
            if not near and len(codes) < n:
                codes.append(new[i])
                sites.append(tables[i].assign(design=f"design_{len(codes)}"))
                p.append(probability[i])
        if len(codes) == n:
            break
    why = f"apart {c.apart}" if (probability >= LEAST).mean() > 0.5 else f"probability {LEAST}"
    need(len(codes) == n, f"{why}: met by {len(codes)} of {n} designs after {ROUNDS} rounds (best "
            f"probability {max([*p, *probability]):.3f}); ask for less, or allow more")
    return Designs(np.stack(codes), np.array(p, dtype=float), pd.concat(sites, ignore_index=True),
                   rules, c, [f"design_{i + 1}" for i in range(n)])


def usable(rules: Rules, c: Constraints) -> pd.DataFrame:
    """The chosen arrangements that fit the constraints; InputError with what leaves none."""
    best, room = rules.table.iloc[0], c.length - len(c.left) - len(c.right)
    need(len(rules.chosen), f"no arrangement of {', '.join(rules.words)} is taken for a "
            f"positive (best: {best.rule}, logit {best.logit:.2f}); allow other counts")
    spans = rules.chosen.parts.map(lambda parts: span(parts, rules.words))
    need(spans.min() <= room, f"length {c.length}: flanks of {len(c.left)} and {len(c.right)} "
            f"bp leave {room}, the shortest arrangement has {spans.min()}; allow "
            f"{spans.min() + c.length - room} bp or more")
    return rules.chosen[spans <= room]


def draft(plans: pd.DataFrame, words: dict, c: Constraints, rng) -> tuple:
    """Codes with FREE where nothing is decided, where sites are planned, and these sites; further
    copies stand 4 bp or more from all others. InputError if there is no place for one."""
    plan = plans.iloc[rng.integers(len(plans))]
    parts = plan.parts if rng.random() < 0.5 else mirror(plan.parts, words)
    free = c.length - span(parts, words)
    at = int(np.clip(free // 2 + rng.integers(-20, 21), len(c.left), free - len(c.right)))
    placed = {p._replace(start=p.start + at): plan.rule for p in parts}
    for name in (Counter(c.counts) - Counter(p.motif for p in parts)).elements():
        width = len(words[name])
        starts = np.arange(len(c.left), c.length - len(c.right) - width + 1)
        for p in placed:
            end = p.start + len(words[p.motif])
            starts = starts[(starts + width + 4 <= p.start) | (starts >= end + 4)]
        need(len(starts), f"counts {name}={c.counts[name]}: no place left for so many in "
                f"{c.length} bp; allow more length")
        copy = Part(name, str(rng.choice(["+", "-"])), int(rng.choice(starts)))
        placed[copy] = f"count of {name}"
    codes = to_codes(c.left + "N" * (c.length - len(c.left) - len(c.right)) + c.right)
    planned, rows = np.zeros(c.length, dtype=bool), []
    for p in sorted(placed, key=lambda part: part.start):
        word = spell(p, words)
        end = p.start + len(word)
        codes[p.start : end], planned[p.start : end] = to_codes(word), True
        rows.append(("", p.start, end, p.motif, p.strand, word, placed[p]))
    return codes, planned, pd.DataFrame(rows, columns=SITES)


@torch.no_grad()
def explain(model: Argminn, designs: Designs) -> pd.DataFrame:
    """The sites of designs with what they are worth, a row a site; only those that raise the logit
    by HELPS, as a copy that a count asked for may not, and what is wrong on purpose (`controls`).

    Columns: design, probability, start, end, motif, strand, word, rule (that asked for it),
    contribution (fall of the logit if the network could not see the site), text (one for a design).

    >>> explain(model, design(model, found, 1)).text[0]
    'Predicted 0.99...: M1 GGCGCTGTCC at 93-103 (+) gives +10.7, M2 GGTGCTGA at 111-119 (-) ...
    """
    reader, rows, seen = site_hits(model, designs)
    whole = model(designs.x)
    out = designs.sites.assign(contribution=(whole[rows] - reader.logit(rows, seen)[0]).numpy())
    out.insert(1, "probability", whole.sigmoid()[rows].numpy())
    wanted = out.rule.isin(designs.rules.table.rule) | out.rule.str.startswith("count of")
    told, free = out[(out.contribution >= HELPS) | ~wanted], loose(designs.rules)
    words = {name: reason(mine, told[told.design == name], designs.constraints, free)
             for name, mine in out.groupby("design")}
    return told.assign(text=told.design.map(words)).reset_index(drop=True)


def reason(sites: pd.DataFrame, told: pd.DataFrame, c: Constraints, free: dict) -> str:
    """Why a design is as it is, by all its sites, those to tell of, and which rules are `loose`."""
    parts = [f"{s.motif} {s.word} at {s.start}-{s.end} ({s.strand}) gives {s.contribution:+.1f}"
             for s in told.itertuples()]
    rules = [f"{one} ({free[one]})" if one in free else one for one in dict.fromkeys(told.rule)]
    size, seen = ((part.end - part.start).sum() for part in (sites, told))
    rest = [f"{side} flank {len(flank)} bp as given; "
            for side, flank in (("left", c.left), ("right", c.right)) if flank]
    if size > seen:
        rest.append(f"{size - seen} bp hold further sites that were asked for and do not help; ")
    return (f"Predicted {sites.probability.iloc[0]:.3f}: {', '.join(parts)}; rule: "
            f"{'; '.join(rules)}; {''.join(rest)}the other "
            f"{c.length - len(c.left) - len(c.right) - size} bp are background, drawn to "
            f"{c.gc:.0%} GC and to hold no motif.")


def loose(rules: Rules) -> dict[str, str]:
    """Of chosen rules of two motifs whose distance hardly counts, which others would do: MANY
    distances in a row, or more, where no logit is more than ALIKE below the best; if these are all
    that were tried, there is no spacing rule."""
    pairs, out = rules.table[rules.table.motifs == 2], {}
    kinds = pairs.parts.map(lambda parts: tuple(part[:2] for part in parts))
    pairs = pairs.assign(distance=[b.start - a.start for a, b in pairs.parts])
    for _, mine in pairs.groupby(kinds):
        near = mine[mine.logit >= mine.logit.max() - ALIKE].sort_values("distance")
        for _, part in near.groupby((near.distance.diff() > 1).cumsum()):
            said = f"any of the distances {part.distance.min()} to {part.distance.max()} bp"
            said += ", no spacing rule" if len(part) == len(mine) else ""
            out |= dict.fromkeys(part.rule[part.chosen], said) if len(part) >= MANY else {}
    return out


def site_hits(model: Argminn, designs: Designs) -> tuple[Reader, Tensor, Bool[Tensor, "s M"]]:
    """A reader of designs, the row of each of their sites, and which hits there describe it."""
    reader, sites = Reader(model, designs.x), designs.sites
    rows = torch.tensor(pd.Index(designs.names).get_indexer(sites.design))
    start, end = (torch.tensor(sites[edge].to_list()) for edge in ("start", "end"))
    hits = Hits(*(part[rows] for part in reader.hits))
    return reader, rows, on_interval(hits, model.scanner, start, end)


@torch.no_grad()
def unmentioned(model: Argminn, designs: Designs) -> pd.DataFrame:
    """What is lost without all that the explanation does not mention, a row a design: probability;
    silenced, without the scanner's hits outside the mentioned sites; redrawn, with every base
    outside them drawn anew from the same composition."""
    reader, rows, seen = site_hits(model, designs)
    keep = torch.zeros_like(reader.hits.activation).index_add(0, rows, seen.float()) > 0
    free = np.ones(designs.codes.shape, dtype=bool)
    for row, start, end in zip(rows, designs.sites.start, designs.sites.end, strict=True):
        free[row, start:end] = False
    rng, codes = np.random.default_rng(0), designs.codes.copy()
    for row, here in zip(codes, free, strict=True):
        row[here] = rng.permutation(row[here])
    return pd.DataFrame({
        "design": designs.names, "probability": designs.probability,
        "silenced": reader.logit(silent=~keep)[0].sigmoid().numpy(),
        "redrawn": model(from_codes(codes)).sigmoid().numpy()})
