"""Sequences designed from a network's own motifs and rules, each base with its reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as tf
from jaxtyping import Bool, Float, UInt8
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor

from motiflib.discovery import Found, channel_motifs
from motiflib.files import LENGTH, SEED, InputError, within
from motiflib.hits import Reader, cores, on_interval
from motiflib.model import Argminn, Hits, MotifScanner
from motiflib.motif import Motif
from motiflib.sequence import BASES, Record, from_codes, reverse_complement, to_codes, to_letters
from motiflib.training import predict

MOTIFS = 6  # tried for rules, the most important first
WIDEST = 35  # bp: the widest gap between neighbours that is tried
GAIN = 1.0  # logits that another motif must add to be asked for
BEAM = 8  # arrangements of the best ones that are tried with a third motif
MARGIN = 0.5  # logits below the best at which an arrangement still serves
BACKGROUNDS = 3  # in which each arrangement is asked
ASKED = 120  # bp of them at least, so that a short design is refused for its length
WORDS = 256  # most probable words of a motif, searched for one that holds no forbidden word
EMPTY = 0.3  # of the highest activation that a filter can give: weaker windows count as empty
EXCHANGES = 4  # for each base
LEAST = 0.9  # probability of a design
MOST = 1_000_000  # designs at a time
ROUNDS = 12  # of drafts
SPACE = 4  # bp at least between one more copy of a motif and all others
FREE = 255  # code of a base that is not decided yet
TURNED = {"+": "-", "-": "+"}
SITES = ["design", "start", "end", "motif", "strand", "word", "rule"]
Arrangement = tuple["Part", ...]
Words = Mapping[str, str]  # of motifs, by name
Codes, Mask, Solved = UInt8[np.ndarray, "n L"], Bool[np.ndarray, "n L"], Bool[np.ndarray, " n"]


class Part(NamedTuple):
    """A motif of an arrangement: its name, strand, and first base from the arrangement's first."""

    motif: str
    strand: str
    start: int


class Rules(NamedTuple):
    """What a network was asked and answered, the words of its motifs, the logit of background.

    Columns of `table`: rule (in words), motifs (their number), parts (the arrangement), logit (mean
    over backgrounds), gain (over the best arrangement with one motif less), chosen (for designs).
    """

    table: pd.DataFrame
    words: dict[str, str]
    nothing: float

    @property
    def chosen(self) -> pd.DataFrame:
        return self.table[self.table.chosen]

    def logit(self, parts: Arrangement) -> float:
        """The network's answer to an arrangement; nan if it was not asked."""
        row = self.table[self.table.key == canonical(parts, self.words)]
        return float(row.logit.iloc[0]) if len(row) else float("nan")


def rulebook(
    model: Argminn, found: Found, *, length: int = 200, gc: float = 0.5,
    motifs: Sequence[str] | None = None, forbid: Sequence[str] = (),
) -> Rules:
    """Ask a network for its rules: every motif alone, then with a second one in each order, on each
    strand, at each gap up to WIDEST bp, then a third, as long as another motif adds GAIN logits.

    Of those with as many motifs as pay, all within MARGIN of the best logit, and above 0, are
    chosen. No motif is tried twice. Raises InputError without a motif that fits into the length.

    >>> rulebook(model, found).chosen.rule.iloc[0]
    'M1 + then M2 -, 22 bp from start to start'
    """
    tried = [m for m in found.motifs if motifs is None or m.name in motifs][:MOTIFS]
    if not tried:
        raise InputError("no motif to design with: the network has none, or all have a count of 0")
    words = {m.name: best_word(m, forbid) for m in tried}
    widest = max(map(len, words.values()))
    if widest > length:
        raise InputError(f"length {length} bp: shorter than a motif of {widest} bp; allow more")
    free = np.full((BACKGROUNDS, length), FREE, dtype=np.uint8)
    backgrounds, _ = fill_in(model, found, free, free != FREE, Constraints(length, gc), seed=0)
    best = nothing = float(model(from_codes(backgrounds)).mean().detach())
    asked, tables, paid = [(Part(name, "+", 0),) for name in words], [], 1
    while asked:
        logit = ask(model, asked, words, backgrounds)
        tables.append(pd.DataFrame({
            "rule": [say(parts) for parts in asked], "motifs": len(asked[0]), "parts": asked,
            "key": [canonical(parts, words) for parts in asked], "logit": logit,
            "gain": logit - best,
        }))
        if len(tables) > 1 and logit.max() < best + GAIN:
            break
        paid, best = len(tables), max(best, logit.max())
        front = [asked[i] for i in np.argsort(-logit)]
        asked = extended(front if paid == 1 else front[:BEAM], words, length - 2)
    table = pd.concat(tables, ignore_index=True)
    mine = table.motifs == paid
    good = table.logit >= table.logit[mine].max() - MARGIN
    table["chosen"] = mine & good & (table.logit > 0)
    return Rules(table.sort_values("logit", ascending=False, ignore_index=True), words, nothing)


def best_word(motif: Motif, forbid: Sequence[str] = ()) -> str:
    """The most probable word of a motif without a forbidden one on either strand, or InputError."""
    unwanted = {*forbid, *map(reverse_complement, forbid)}
    best = [(0.0, "")]
    for column in np.log(motif.pfm + 1e-4).T:
        bases = list(zip(column, BASES, strict=True))
        longer = [(score + more, word + base) for score, word in best for more, base in bases]
        best = sorted(longer, reverse=True)[:WORDS]
    for _, word in best:
        if not any(part in word for part in unwanted):
            return word
    raise InputError(
        f"forbid {', '.join(forbid)}: every good word of motif {motif.name} ({motif.consensus}) "
        "holds one; allow it, or leave the motif out with a count of 0")


def say(parts: Arrangement) -> str:
    """An arrangement in words.

    >>> say((Part("M1", "+", 0), Part("M2", "-", 11)))
    'M1 + then M2 -, 11 bp from start to start'
    """
    if len(parts) == 1:
        return f"{parts[0].motif} alone"
    motifs = " then ".join(f"{p.motif} {p.strand}" for p in parts)
    steps = ", ".join(str(b.start - a.start) for a, b in pairwise(parts))
    return f"{motifs}, {steps} bp from start to start"


def span(parts: Arrangement, words: Words) -> int:
    """Length in bp of an arrangement."""
    return max(p.start + len(words[p.motif]) for p in parts)


def mirror(parts: Arrangement, words: Words) -> Arrangement:
    """The arrangement as the other strand shows it."""
    total = span(parts, words)
    turned = [Part(p.motif, TURNED[p.strand], total - p.start - len(words[p.motif])) for p in parts]
    return tuple(sorted(turned, key=lambda p: p.start))


def canonical(parts: Arrangement, words: Words) -> Arrangement:
    """One of an arrangement and its mirror image, always the same."""
    return min(tuple(parts), mirror(parts, words))


def extended(front: list[Arrangement], words: Words, longest: int) -> list[Arrangement]:
    """Arrangements with one more motif on either side, on either strand, at every gap; of an
    arrangement and its mirror image one."""
    out = {}
    for parts, name, strand, gap in product(front, words, "+-", range(WIDEST + 1)):
        if name not in {p.motif for p in parts}:
            shift = len(words[name]) + gap
            after = (*parts, Part(name, strand, span(parts, words) + gap))
            moved = [p._replace(start=p.start + shift) for p in parts]
            before = (Part(name, strand, 0), *moved)
            out |= {canonical(new, words): new for new in (after, before)}
    return [parts for parts in out.values() if span(parts, words) <= longest]


def spell(part: Part, words: Words) -> str:
    """The word of a part as the + strand shows it."""
    word = words[part.motif]
    return word if part.strand == "+" else reverse_complement(word)


@torch.no_grad()
def ask(
    model: Argminn, arrangements: list[Arrangement], words: Words, backgrounds: Codes,
) -> Float[np.ndarray, " a"]:
    """Mean logit of each arrangement in the middle of the backgrounds."""
    length, total = backgrounds.shape[1], 0
    codes = np.full((len(arrangements), length), FREE, dtype=np.uint8)
    for row, parts in zip(codes, arrangements, strict=True):
        at = (length - span(parts, words)) // 2
        for p in parts:
            row[at + p.start : at + p.start + len(words[p.motif])] = to_codes(spell(p, words))
    for background in backgrounds:
        x = np.where(codes == FREE, background, codes)
        batches = np.array_split(x, 1 + len(x) // 256)
        total = total + torch.cat([model(from_codes(batch)) for batch in batches]).numpy()
    return total / len(backgrounds)


def fill_in(
    model: Argminn, found: Found, codes: Codes, planned: Mask, c: Constraints, seed: int,
) -> tuple[Codes, Solved]:
    """Codes with their FREE bases drawn: the GC asked for, to the base, and `empty`; or InputError
    if that fails in more than half of them."""
    rng, free, codes = np.random.default_rng(seed), codes == FREE, codes.copy()
    for row, here in zip(codes, free, strict=True):
        room, fixed = int(here.sum()), int(np.isin(row, (1, 2)).sum())
        strong = round(c.gc * c.length) - fixed
        if not 0 <= strong <= room:
            low, high = fixed / c.length, (fixed + room) / c.length
            raise InputError(
                f"gc {c.gc}: motifs and flanks fix {c.length - room} of {c.length} bp and leave "
                f"{low:.2f} to {high:.2f}; choose within, or a greater length")
        bases = np.concatenate([np.resize([1, 2], strong), np.resize([0, 3], room - strong)])
        row[here] = rng.permutation(bases.astype(np.uint8))
    codes, solved = empty(model, found, codes, free, planned, c.forbid, seed)
    failed = codes[~solved]
    if 2 * len(failed) > len(codes):
        wrong = words_at(failed, c.forbid).any()
        what = f"forbidden words {', '.join(c.forbid)}" if wrong else "a background without motifs"
        raise InputError(
            f"{what}: not possible in {len(failed)} of {len(codes)} sequences with the bases that "
            "are left; allow another gc, a greater length, or fewer words")
    return codes, solved


@torch.no_grad()
def empty(
    model: Argminn, found: Found, codes: Codes, free: Mask, planned: Mask, forbid: tuple, seed: int,
) -> tuple[Codes, Solved]:
    """Exchange free bases of each sequence until nothing is left to see: outside the planned sites
    no window above EMPTY of its filter's highest activation, no forbidden word on either strand.
    Gives the codes, of the same composition, and in which of them it went well."""
    read = list(channel_motifs(model, found).index)
    limit = torch.full((model.config.channels,), torch.inf)  # stays for what reads no motif
    limit[read] = EMPTY * highest_activation(model.scanner)[read]
    rng, tried, out = np.random.default_rng(seed), codes.copy(), codes.copy()
    fewest, todo = np.full(len(codes), codes.shape[1] + 1), np.arange(len(codes))
    bad = np.zeros(codes.shape, dtype=bool)
    for _ in range(EXCHANGES * codes.shape[1]):
        now = holes(model.scanner, from_codes(tried[todo]), planned[todo], limit) & free[todo]
        now |= words_at(tried[todo], forbid)
        better = now.sum(1) <= fewest[todo]  # an exchange that makes it worse is taken back
        kept = todo[better]
        out[kept], bad[kept], fewest[kept] = tried[kept], now[better], now[better].sum(1)
        todo = todo[fewest[todo] > 0]
        if not len(todo):
            break
        for row in todo:
            here, everywhere = np.flatnonzero(bad[row] & free[row]), np.flatnonzero(free[row])
            some = rng.choice(here, min(2 + len(here) // 12, len(here)), replace=False)
            tried[row] = out[row]
            for a, b in zip(some, rng.choice(everywhere, len(some)), strict=True):
                tried[row, [a, b]] = tried[row, [b, a]]
    return out, fewest == 0


def highest_activation(scanner: MotifScanner) -> Float[Tensor, " C"]:
    """The highest activation that each channel can give."""
    weights, bias = (part.detach() for part in scanner.channels())
    return (weights.amax(1).sum(1) + bias).clamp(min=0)


def holes(
    scanner: MotifScanner, x: Float[Tensor, "n 4 L"], planned: Mask, limit: Float[Tensor, " C"],
) -> Mask:
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
    out = np.zeros(codes.shape, dtype=bool)
    for word in {*words, *map(reverse_complement, words)}:
        if len(word) <= codes.shape[1]:
            hit = (sliding_window_view(codes, len(word), axis=1) == to_codes(word)).all(2)
            for i in range(len(word)):
                out[:, i : i + hit.shape[1]] |= hit
    return out


@dataclass(frozen=True)
class Constraints:
    """What designs must obey; InputError at once for what nothing can obey.

    length in bp. gc: fraction of the whole sequence. forbid: words that stand on neither strand.
    left, right: fixed flanks, part of the length. counts: number of each motif, such as {"M1": 2,
    "M2": 0}; motifs not named come as the rules ask. apart: least number of bases in which two
    designs differ. jitter: bp from the middle, to either side.
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
        object.__setattr__(self, "left", self.left.upper())
        object.__setattr__(self, "right", self.right.upper())
        object.__setattr__(self, "forbid", tuple(word.upper() for word in self.forbid))
        flanks = [("left", self.left), ("right", self.right)]
        for name, word in [*product(["forbid"], self.forbid), *flanks]:
            if re.search("[^ACGT]", word) or (name == "forbid" and len(word) < 3):
                wanted = "expected bases ACGT only, and 3 or more of a forbidden word"
                raise InputError(f"{name} {word!r}: {wanted}")
        within("length", self.length, 1, LENGTH)
        within("apart", self.apart, 0, LENGTH)
        if not 0 <= self.gc <= 1:
            raise InputError(f"gc {self.gc}: expected a fraction from 0 to 1")
        if self.apart > self.length:
            most = f"two sequences of {self.length} bp differ in {self.length} at most"
            raise InputError(f"apart {self.apart}: {most}")
        if any(count < 0 for count in self.counts.values()):
            raise InputError(f"counts {dict(self.counts)}: expected 0 or more of each motif")
        for (side, flank), word in product(flanks, self.forbid):
            if word in flank or reverse_complement(word) in flank:
                holds = f"the fixed {side} flank holds it; change one of the two"
                raise InputError(f"forbid {word}: {holds}")


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
        return [Record(*pair) for pair in zip(self.names, map(to_letters, self.codes), strict=True)]


def design(
    model: Argminn, found: Found, n: int = 100, constraints: Constraints | None = None, *,
    rules: Rules | None = None, seed: int = 0,
) -> Designs:
    """`n` sequences that the network takes for positives with a probability of LEAST or more: one
    of the chosen arrangements of `rules` (asked of the network here, if not given), either way
    round, near the middle, on background that the scanner finds empty. Raises InputError with the
    constraint that cannot be met.

    >>> design(model, found, 2, Constraints(length=120, forbid=("GAATTC",))).names
    ['design_1', 'design_2']
    """
    c = constraints or Constraints()
    if unknown := set(c.counts) - set(found.table.motif):
        raise InputError(f"counts: no motif {sorted(unknown)[0]!r}; the network has "
                         f"{', '.join(found.table.motif)}")
    within("n", n, 1, MOST)
    within("seed", seed, 0, SEED)
    if rules is None:
        allowed = [m for m in found.table.motif if c.counts.get(m, 1)]
        length, gc = max(c.length, ASKED), min(max(c.gc, 0.2), 0.8)
        rules = rulebook(model, found, length=length, gc=gc, motifs=allowed, forbid=c.forbid)
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
            table = pd.concat(sites, ignore_index=True)
            names = [f"design_{i + 1}" for i in range(n)]
            return Designs(np.stack(codes), np.array(p, dtype=float), table, rules, c, names)
    why = f"apart {c.apart}" if (probability >= LEAST).mean() > 0.5 else f"probability {LEAST}"
    raise InputError(f"{why}: met by {len(codes)} of {n} designs after {ROUNDS} rounds (best "
                     f"probability {max([*p, *probability]):.3f}); ask for less, or allow more")


def usable(rules: Rules, c: Constraints) -> pd.DataFrame:
    """The chosen arrangements that fit the constraints; InputError with what leaves none."""
    if not len(rules.chosen):
        best = rules.table.iloc[0]
        raise InputError(f"no arrangement of {', '.join(rules.words)} is taken for a positive "
                         f"(best: {best.rule}, logit {best.logit:.2f}); allow other counts")
    room = c.length - len(c.left) - len(c.right)
    spans = rules.chosen.parts.map(lambda parts: span(parts, rules.words))
    if spans.min() > room:
        raise InputError(f"length {c.length}: flanks of {len(c.left)} and {len(c.right)} bp leave "
                         f"{room}, the shortest arrangement has {spans.min()}; allow "
                         f"{spans.min() + c.length - room} bp or more")
    return rules.chosen[spans <= room]


def draft(plans: pd.DataFrame, words: Words, c: Constraints, rng) -> tuple:
    """Codes with FREE where nothing is decided, where sites are planned, and these sites."""
    plan = plans.iloc[rng.integers(len(plans))]
    parts = plan.parts if rng.random() < 0.5 else mirror(plan.parts, words)
    total = span(parts, words)
    middle = (c.length - total) // 2 + rng.integers(-c.jitter, c.jitter + 1)
    at = int(np.clip(middle, len(c.left), c.length - len(c.right) - total))
    placed = {p._replace(start=p.start + at): plan.rule for p in parts}
    for name, count in c.counts.items():
        for _ in range(count - sum(p.motif == name for p in placed)):
            placed[another(name, placed, words, c, rng)] = f"count of {name}"
    codes, rows = np.full(c.length, FREE, dtype=np.uint8), []
    for p in sorted(placed, key=lambda part: part.start):
        word = spell(p, words)
        codes[p.start : p.start + len(word)] = to_codes(word)
        rows.append(("", p.start, p.start + len(word), p.motif, p.strand, word, placed[p]))
    planned = codes != FREE
    codes[: len(c.left)] = to_codes(c.left)
    codes[c.length - len(c.right) :] = to_codes(c.right)
    return codes, planned, pd.DataFrame(rows, columns=SITES)


def another(name: str, placed: Iterable[Part], words: Words, c: Constraints, rng) -> Part:
    """One more copy of a motif where SPACE bp are left to all others; InputError if nowhere."""
    width = len(words[name])
    starts = np.arange(len(c.left), c.length - len(c.right) - width + 1)
    for p in placed:
        before = starts + width + SPACE <= p.start
        starts = starts[before | (starts >= p.start + len(words[p.motif]) + SPACE)]
    if not len(starts):
        raise InputError(f"counts {name}={c.counts[name]}: no place left for so many in "
                         f"{c.length} bp; allow more length")
    return Part(name, str(rng.choice(["+", "-"])), int(rng.choice(starts)))


@torch.no_grad()
def explain(model: Argminn, designs: Designs) -> pd.DataFrame:
    """The sites of designs with what they are worth, a row a site.

    Columns: design, probability, start, end, motif, strand, word, rule (that asked for it),
    contribution (fall of the logit if the network could not see the site), text (one for a design).

    >>> explain(model, design(model, found, 1)).text[0]
    'Predicted 0.99...: M1 GGCGCTGTCC at 93-103 (+) gives +10.7, M2 GGTGCTGA at 111-119 (-) ...
    """
    reader, whole = Reader(model, designs.x), model(designs.x)
    rows, seen = site_hits(reader, designs)
    less = reader.logit(rows, seen)[0]
    out = designs.sites.assign(contribution=(whole[rows] - less).numpy())
    out.insert(1, "probability", whole.sigmoid()[rows].numpy())
    texts = {name: sentence(mine, designs.constraints) for name, mine in out.groupby("design")}
    return out.assign(text=out.design.map(texts))


def site_hits(reader: Reader, designs: Designs) -> tuple[Tensor, Bool[Tensor, "s M"]]:
    """The row of each site of designs, and which hits there describe it."""
    rows = torch.tensor(pd.Index(designs.names).get_indexer(designs.sites.design))
    start, end = (torch.tensor(designs.sites[edge].to_list()) for edge in ("start", "end"))
    hits = Hits(*(part[rows] for part in reader.hits))
    return rows, on_interval(hits, reader.model.scanner, start, end)


def sentence(sites: pd.DataFrame, asked: Constraints) -> str:
    """One line that says why a design should work: a reason for every base."""
    parts = [f"{s.motif} {s.word} at {s.start}-{s.end} ({s.strand}) gives {s.contribution:+.1f}"
             for s in sites.itertuples()]
    flanks = {"left": asked.left, "right": asked.right}
    others = [f"{side} flank {len(word)} bp as given" for side, word in flanks.items() if word]
    rest = asked.length - len(asked.left) - len(asked.right) - (sites.end - sites.start).sum()
    others.append(f"the other {rest} bp are background, drawn to {asked.gc:.0%} GC and to hold no "
                  "motif")
    return (f"Predicted {sites.probability.iloc[0]:.3f}: {', '.join(parts)}; rule: "
            f"{'; '.join(dict.fromkeys(sites.rule))}; {'; '.join(others)}.")


@torch.no_grad()
def unmentioned(model: Argminn, designs: Designs) -> pd.DataFrame:
    """What is lost when all that the explanation does not mention is taken away; a row a design.

    Columns: design; probability; silenced, without the scanner's hits outside the mentioned sites;
    redrawn, with every base outside them drawn anew from the same composition.

    >>> unmentioned(model, design(model, found, 2)).columns.tolist()
    ['design', 'probability', 'silenced', 'redrawn']
    """
    reader, sites = Reader(model, designs.x), designs.sites
    rows, seen = site_hits(reader, designs)
    keep = torch.zeros_like(reader.hits.activation).index_add(0, rows, seen.float()) > 0
    alone = reader.logit(silent=~keep)[0].sigmoid()
    fixed = np.zeros(designs.codes.shape, dtype=bool)
    for row, start, end in zip(rows, sites.start, sites.end, strict=True):
        fixed[row, start:end] = True
    rng, codes = np.random.default_rng(0), designs.codes.copy()
    for row, held in zip(codes, fixed, strict=True):
        row[~held] = rng.permutation(row[~held])
    redrawn = model(from_codes(codes)).sigmoid()
    return pd.DataFrame({"design": designs.names, "probability": designs.probability,
                         "silenced": alone.numpy(), "redrawn": redrawn.numpy()})
