"""Which arrangements of its motifs a network takes for a positive: asked of the network, motif by
motif, bp by bp."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as tf
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from motiflib.discovery import Found, channel_motifs
from motiflib.files import LENGTH, SEED, InputError, within
from motiflib.hits import Reader, cores
from motiflib.model import Argminn, MotifScanner
from motiflib.motif import Motif
from motiflib.sequence import Record, reverse_complement

GAIN = 1.0  # logits that another motif must add to be asked for
REACH = 35  # bp: the widest gap between neighbours that is tried
MOST = 6  # motifs tried, the most important first
BEAM = 8  # arrangements of the best ones that are tried with a third motif
MARGIN = 0.5  # logits below the best at which an arrangement still serves
BACKGROUNDS = 3


class Part(NamedTuple):
    """A motif of an arrangement: its name, strand, and first base from the arrangement's first."""

    motif: str
    strand: str
    start: int
Arrangement = tuple[Part, ...]


class Rules(NamedTuple):
    """What a network was asked and answered: `table`, a row an arrangement, and the words that
    stand for its motifs.

    Columns of the table: rule (words), motifs (their number), parts (the arrangement), logit (mean
    over empty backgrounds), gain (over the best arrangement with one motif less), chosen (serves
    for designs).
    """

    table: pd.DataFrame
    words: dict[str, str]
    nothing: float  # logit of empty background

    @property
    def chosen(self) -> pd.DataFrame:
        return self.table[self.table.chosen]

    def logit(self, parts: Arrangement) -> float:
        """The network's answer to an arrangement; nan if it was not asked."""
        row = self.table[self.table.key == canonical(parts, self.widths)]
        return float(row.logit.iloc[0]) if len(row) else float("nan")

    @property
    def widths(self) -> dict[str, int]:
        return {name: len(word) for name, word in self.words.items()}


def best_word(motif: Motif, forbid: Iterable[str] = (), most: int = 256) -> str:
    """The most probable word of a motif that holds no forbidden one on either strand.

    Raises InputError if each of the `most` best words holds one.

    >>> best_word(jaspar("MAX"), forbid=["CACGTG"])
    'ACCACATGC'
    """
    unwanted = [w for word in forbid for w in (word, reverse_complement(word))]
    beam = [(0.0, "")]
    for column in np.log(motif.pfm + 1e-4).T:
        beam = sorted(((p + q, w + b) for p, w in beam for q, b in zip(column, "ACGT", strict=True)), reverse=True)[
            :most
        ]
    for _, word in beam:
        if not any(u in word for u in unwanted):
            return word
    raise InputError(f"forbid {', '.join(forbid)}: every good word of motif {motif.name} ({motif.consensus}) holds "
                     "one; allow it, or leave the motif out with a count of 0")  # fmt: skip


def span(parts: Arrangement, widths: dict[str, int]) -> int:
    """Length in bp of an arrangement."""
    return max(p.start + widths[p.motif] for p in parts)


def mirror(parts: Arrangement, widths: dict[str, int]) -> Arrangement:
    """The arrangement as the other strand shows it."""
    total, turn = span(parts, widths), {"+": "-", "-": "+"}
    turned = [Part(p.motif, turn[p.strand], total - p.start - widths[p.motif]) for p in parts]
    return tuple(sorted(turned, key=lambda p: p.start))


def canonical(parts: Arrangement, widths: dict[str, int]) -> Arrangement:
    """One of an arrangement and its mirror image, always the same."""
    return min(tuple(parts), mirror(parts, widths))


def say(parts: Arrangement) -> str:
    """An arrangement in words.

    >>> say((Part("M1", "+", 0), Part("M2", "-", 11)))
    'M1 + then M2 -, 11 bp from start to start'
    """
    if len(parts) == 1:
        return f"{parts[0].motif} alone"
    steps = [b.start - a.start for a, b in zip(parts, parts[1:], strict=False)]
    return (
        f"{' then '.join(f'{p.motif} {p.strand}' for p in parts)}, {', '.join(map(str, steps))} bp from start to start"
    )


def extended(parts: Arrangement, names: list[str], widths: dict[str, int], reach: int) -> list[Arrangement]:
    """The arrangement with one more motif on either side, on either strand, at every gap from 0 to
    `reach` bp."""
    out, total = [], span(parts, widths)
    for name in (n for n in names if n not in {p.motif for p in parts}):
        for strand in "+-":
            for gap in range(reach + 1):
                out.append((*parts, Part(name, strand, total + gap)))
                shift = widths[name] + gap
                out.append((Part(name, strand, 0), *(p._replace(start=p.start + shift) for p in parts)))
    return out


def template(parts: Arrangement, words: dict[str, str], length: int, at: int) -> np.ndarray:
    """Codes (length,) of an arrangement whose first base is at `at`; FREE elsewhere."""
    out = np.full(length, FREE, dtype=np.uint8)
    for p in parts:
        word = words[p.motif] if p.strand == "+" else reverse_complement(words[p.motif])
        out[at + p.start : at + p.start + len(word)] = to_codes(word)
    return out


@torch.no_grad()
def ask(model: Argminn, arrangements: list[Arrangement], words: dict[str, str], backgrounds: np.ndarray) -> np.ndarray:
    """Mean logit of each arrangement in the middle of the backgrounds (n, L)."""
    widths, length, total = {n: len(w) for n, w in words.items()}, backgrounds.shape[1], 0
    codes = np.stack([template(a, words, length, (length - span(a, widths)) // 2) for a in arrangements])
    for background in backgrounds:
        x = np.where(codes == FREE, background, codes)
        total = total + torch.cat([model(tensor_of(part)) for part in np.array_split(x, 1 + len(x) // 256)]).numpy()
    return total / len(backgrounds)


def rulebook(
    model: Argminn, found: Found, *, length: int = 200, gc: float = 0.5, reach: int = REACH,
    motifs: Iterable[str] | None = None, forbid: Iterable[str] = (), seed: int = 0,
) -> Rules:  # fmt: skip
    """Ask a network for its rules: every motif alone, then with a second one in each order, on each
    strand, at each gap up to `reach` bp, then a third, as long as another motif adds GAIN logits.
    No sequence and no grammar is needed.

    Of those with as many motifs as pay, all within MARGIN of the best logit, and above 0, are
    chosen. Two copies of one motif are not tried. Raises InputError if there is no motif, or one
    that does not fit into the length.

    >>> rulebook(run.model, run.found).chosen.rule.iloc[0]
    'M1 + then M2 +, 19 bp from start to start'
    """
    names = [m for m in found.table.motif if motifs is None or m in set(motifs)][:MOST]
    if not names:
        raise InputError("no motif to design with: the network has none, or all have a count of 0")
    words = {m.name: best_word(m, forbid) for m in found.motifs if m.name in names}
    widths = {name: len(word) for name, word in words.items()}
    if max(widths.values()) > length:
        raise InputError(f"length {length} bp: shorter than a motif of {max(widths.values())} bp; allow more")
    backgrounds = blank(model, found, BACKGROUNDS, length, gc, seed)
    nothing = float(model(tensor_of(backgrounds)).mean().detach())
    asked, tables, best = [(Part(name, "+", 0),) for name in names], [], nothing
    while asked:
        logit = ask(model, asked, words, backgrounds)
        tables.append(pd.DataFrame({
            "rule": [say(a) for a in asked], "motifs": len(asked[0]), "parts": asked,
            "key": [canonical(a, widths) for a in asked], "logit": logit, "gain": logit - best,
        }))  # fmt: skip
        if len(tables) > 1 and logit.max() < best + GAIN:
            break
        best = max(best, logit.max())
        front = [asked[i] for i in np.argsort(-logit)[: BEAM if len(tables) > 1 else len(asked)]]
        new = {canonical(b, widths): b for a in front for b in extended(a, names, widths, reach)}
        asked = [a for a in new.values() if span(a, widths) <= length - 2]
    table = pd.concat(tables, ignore_index=True)
    grown = max((k for k, t in enumerate(tables, 1) if k == 1 or t.gain.max() >= GAIN), default=1)
    mine = table.motifs == grown
    table["chosen"] = mine & (table.logit >= table.logit[mine].max() - MARGIN) & (table.logit > 0)
    return Rules(table.sort_values("logit", ascending=False, ignore_index=True), words, nothing)


def blank(model: Argminn, found: Found, n: int, length: int, gc: float, seed: int) -> np.ndarray:
    """`n` empty backgrounds of a GC fraction, as codes."""
    rng, strong = np.random.default_rng(seed), round(gc * length)
    kinds = np.concatenate([np.arange(strong) % 2 + 1, 3 * (np.arange(length - strong) % 2)]).astype(np.uint8)
    codes = np.stack([rng.permutation(kinds) for _ in range(n)])
    none = np.zeros(codes.shape, dtype=bool)
    return empty(model, found, codes, ~none, none, seed=seed)[0]
# Background in which the scanner finds nothing and no forbidden word stands, of exactly the
# composition given.
EMPTY = 0.3  # of the highest activation that a filter can give: weaker windows count as empty
EXCHANGES = 4  # for each base
FREE = 255  # code of a base that is not decided yet


def to_codes(sequence: str) -> UInt8[np.ndarray, " L"]:
    """Codes 0..3 of a sequence of ACGT."""
    return np.array(["ACGT".index(base) for base in sequence], dtype=np.uint8)


def tensor_of(codes: UInt8[np.ndarray, "n L"]) -> Float[Tensor, "n 4 L"]:
    """One-hot of codes."""
    return torch.from_numpy((codes[:, None] == np.arange(4, dtype=np.uint8)[:, None]).astype(np.float32))


def peaks(model: Argminn, found: Found) -> Float[Tensor, " C"]:
    """The highest activation that each channel can give; infinite for channels that read no
    motif."""
    weights, bias = (v.detach() for v in model.scanner.channels())
    top, mine = torch.full((model.config.channels,), torch.inf), list(channel_motifs(model, found).index)
    top[mine] = (weights.amax(1).sum(1) + bias)[mine].clamp(min=0)
    return top


def holes(
    scanner: MotifScanner, x: Float[Tensor, "n 4 L"], planned: Bool[np.ndarray, "n L"], limit: Float[Tensor, " C"]
) -> Bool[np.ndarray, "n L"]:
    """Bases of windows that are not empty and that no planned site explains (half of the window's
    core is planned)."""
    first, end = cores(scanner)
    width = scanner.filters.shape[2]
    core = ((torch.arange(width) >= first[:, None]) & (torch.arange(width) < end[:, None])).float()  # (C, W)
    covered = tf.conv1d(torch.from_numpy(planned[:, None].astype(np.float32)), core[:, None])  # (n, C, T)
    loud = (scanner(x) > limit[:, None]) & (2 * covered < core.sum(1)[:, None])
    spread = tf.conv_transpose1d(loud.float(), core[:, None], groups=len(core))  # (n, C, L)
    return (spread.sum(1) > 0).numpy()


def words_at(codes: UInt8[np.ndarray, "n L"], words: Sequence[np.ndarray]) -> Bool[np.ndarray, "n L"]:
    """Bases that are part of one of the words."""
    out = np.zeros(codes.shape, dtype=bool)
    for word in words:
        if len(word) <= codes.shape[1]:
            hit = (np.lib.stride_tricks.sliding_window_view(codes, len(word), axis=1) == word).all(2)
            for i in range(len(word)):
                out[:, i : i + hit.shape[1]] |= hit
    return out


def both_strands(words: Sequence[str]) -> list[np.ndarray]:
    """Codes of words and of their reverse complements."""
    return [to_codes(w) for w in dict.fromkeys([*words, *map(reverse_complement, words)])]


@torch.no_grad()
def empty(
    model: Argminn, found: Found, codes: UInt8[np.ndarray, "n L"], free: Bool[np.ndarray, "n L"],
    planned: Bool[np.ndarray, "n L"], *, forbid: Sequence[str] = (), seed: int = 0,
    strict: bool = True,
) -> tuple[UInt8[np.ndarray, "n L"], Bool[np.ndarray, " n"]]:  # fmt: skip
    """Exchange free bases of each sequence with each other until nothing is left to see: outside
    the planned sites no window above EMPTY of its filter's highest activation, no forbidden word on
    either strand. The composition stays.

    Returns the codes and a mask of the sequences in which it went well. Raises InputError, if
    `strict`, with the constraint that could not be met in more than half of them.

    >>> codes, solved = empty(run.model, run.found, codes, free, planned, forbid=["GAATTC"])
    """
    limit, words = EMPTY * peaks(model, found), both_strands(forbid)
    rng, tried, out = np.random.default_rng(seed), codes.copy(), codes.copy()
    fewest, todo = np.full(len(codes), codes.shape[1] + 1), np.arange(len(codes))
    bad = np.zeros(codes.shape, dtype=bool)
    for _ in range(EXCHANGES * codes.shape[1]):
        wrong = words_at(tried[todo], words)
        now = (holes(model.scanner, tensor_of(tried[todo]), planned[todo], limit) & free[todo]) | wrong
        better = now.sum(1) <= fewest[todo]  # an exchange that makes it worse is taken back
        kept = todo[better]
        out[kept], bad[kept], fewest[kept] = tried[kept], now[better], now[better].sum(1)
        todo = todo[fewest[todo] > 0]
        if not len(todo):
            break
        for row in todo:
            here, everywhere = np.flatnonzero(bad[row] & free[row]), np.flatnonzero(free[row])
            tried[row] = out[row]
            here = rng.choice(here if len(here) else everywhere, min(2 + len(here) // 12, len(here)), replace=False)
            for a, b in zip(here, rng.choice(everywhere, len(here)), strict=True):
                tried[row, [a, b]] = tried[row, [b, a]]
    if not len(todo) or not strict or 2 * len(todo) <= len(codes) > 1:
        return out, fewest == 0
    wrong = words_at(out[todo], words)
    what = f"forbidden words {', '.join(forbid)}" if wrong.any() else "a background without motifs"
    raise InputError(f"{what}: not possible in {len(todo)} of {len(codes)} sequences with the bases that are left; "
                     "allow another gc, a greater length, or fewer words")  # fmt: skip
# Designs: an arrangement that the network asks for, its words, and empty background; under
# constraints, or refused.
ROUNDS, MOST_DESIGNS = 12, 1_000_000  # designs at a time
ASKED = (
    120  # bp: rules are asked in sequences of this length at least, so that a short design is refused for its length
)
COLUMNS = ["design", "start", "end", "motif", "strand", "word", "rule"]


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
    """Designed sequences: `codes` (n, L), `probability` (n,), `sites` (columns COLUMNS), and what
    they obey."""

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
    model: Argminn, found: Found, n: int = 100, constraints: Constraints | None = None, *,
    rules: Rules | None = None, least: float = 0.9, seed: int = 0,
) -> Designs:  # fmt: skip
    """`n` sequences that the network takes for positives with a probability of at least `least`,
    from its own rules.

    Each has one of the chosen arrangements of `rules` (asked of the network here, if not given),
    either way round, near the middle, on background that the scanner finds empty. Raises InputError
    with the constraint that cannot be met.

    >>> designs = design(run.model, run.found, 100, Constraints(length=200, forbid=("GAATTC",)))
    >>> designs.probability.min()
    0.99
    """
    c = constraints or Constraints()
    if unknown := set(c.counts) - set(found.table.motif):
        raise InputError(f"counts: no motif {sorted(unknown)[0]!r}; the network has {', '.join(found.table.motif)}")
    within("n", n, 1, MOST_DESIGNS)
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
    """The chosen arrangements that fit the constraints; InputError with the one that leaves
    none."""
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
    """One more copy of a motif somewhere `gap` bp or more from all others; InputError if there is
    no place."""
    width = widths[name]
    starts = np.arange(len(c.left), c.length - len(c.right) - width + 1)
    for p, _ in placed:
        starts = starts[(starts + width + gap <= p.start) | (starts >= p.start + widths[p.motif] + gap)]
    if not len(starts):
        raise InputError(
            f"counts {name}={c.counts[name]}: no place left for so many in {c.length} bp; allow more length"
        )
    return Part(name, str(rng.choice(["+", "-"])), int(rng.choice(starts)))


def fill_in(model: Argminn, found: Found, drafts: list, c: Constraints, seed: int):
    """Drafts with their free bases drawn: the GC asked for, to the base, and empty; and which are
    (`fill.empty`)."""
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
# What each site of a design contributes, in numbers and in words, and whether anything else
# contributes too.


def hits_on(reader: Reader, starts: torch.Tensor, ends: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Which hits of sequences `rows` lie on [start, end): they share half of the shorter one's
    bases, (N, M)."""
    first, last = cores(reader.model.scanner)
    begin = reader.hits.start[rows] + first[reader.hits.channel[rows]]
    end = reader.hits.start[rows] + last[reader.hits.channel[rows]]
    overlap = torch.minimum(end, ends[:, None]) - torch.maximum(begin, starts[:, None])
    return 2 * overlap >= torch.minimum(end - begin, (ends - starts)[:, None])


@torch.no_grad()
def explain(model: Argminn, designs: Designs) -> pd.DataFrame:
    """The sites of designs with what they are worth, a row a site.

    Columns: design, probability, start, end, motif, strand, word, rule (that asked for it),
    contribution (the fall of the logit if the network could not see the site), text (a line in
    plain words, the same for all rows of a design).

    >>> explain(run.model, designs).text[0]
    'Predicted 0.998: M1 CACGTG at 95-101 (+) gives +8.9, ...; rule: ...; the other 186 bp are background, ...'
    """
    reader, sites = Reader(model, designs.x), designs.sites
    rows = torch.from_numpy(
        sites.design.map({n: i for i, n in enumerate(designs.names)}).to_numpy(dtype=np.int64, copy=True)
    )
    start, end = (torch.tensor(sites[c].to_list(), dtype=torch.int64) for c in ("start", "end"))
    whole, seen = model(designs.x), reader.hits.activation[rows]
    less = reader.logit(rows, seen.masked_fill(hits_on(reader, start, end, rows), 0))[0]
    out = sites.assign(contribution=(whole[rows] - less).numpy(), probability=whole.sigmoid()[rows].numpy())
    texts = {name: sentence(mine, designs.constraints) for name, mine in out.groupby("design", sort=False)}
    order = ["design", "probability", "start", "end", "motif", "strand", "word", "rule", "contribution"]
    return out[order].assign(text=out.design.map(texts))


def sentence(sites: pd.DataFrame, asked: Constraints) -> str:
    """One line that says why a design should work: a reason for every base."""
    parts = [f"{s.motif} {s.word} at {s.start}-{s.end} ({s.strand}) gives {s.contribution:+.1f}"
             for s in sites.itertuples()]  # fmt: skip
    flanks = [f"{side} flank {len(word)} bp as given" for side, word in (("left", asked.left), ("right", asked.right))
              if word]  # fmt: skip
    rest = asked.length - len(asked.left) - len(asked.right) - int((sites.end - sites.start).sum())
    others = [*flanks, f"the other {rest} bp are background, drawn to {asked.gc:.0%} GC and to hold no motif"]
    return (f"Predicted {sites.probability.iloc[0]:.3f}: {', '.join(parts)}; rule: "
            f"{'; '.join(dict.fromkeys(sites.rule))}; {'; '.join(others)}.")  # fmt: skip


@torch.no_grad()
def unmentioned(model: Argminn, designs: Designs, *, seed: int = 0) -> pd.DataFrame:
    """What is lost when all that the explanation does not mention is taken away; a row a design.

    Columns: design; probability; silenced, when the scanner's hits outside the mentioned sites are
    set to 0; redrawn, when every base outside them is drawn anew with the same composition (and may
    hold chance hits).

    >>> unmentioned(run.model, designs).eval("silenced - probability").abs().median()
    0.001
    """
    reader = Reader(model, designs.x)
    keep = torch.zeros_like(reader.hits.activation, dtype=torch.bool)
    fixed, place = np.zeros(designs.codes.shape, dtype=bool), {n: i for i, n in enumerate(designs.names)}
    for site in designs.sites.itertuples():
        row = torch.tensor([place[site.design]])
        keep[row] |= hits_on(reader, torch.tensor([site.start]), torch.tensor([site.end]), row)
        fixed[row, site.start : site.end] = True
    alone = reader.logit(torch.arange(len(keep)), reader.hits.activation * keep)[0].sigmoid()
    rng, codes = np.random.default_rng(seed), designs.codes.copy()
    for row, held in zip(codes, fixed, strict=True):
        row[~held] = rng.permutation(row[~held])
    redrawn = model(tensor_of(codes)).sigmoid()
    return pd.DataFrame({"design": designs.names, "probability": designs.probability, "silenced": alone.numpy(),
                         "redrawn": redrawn.numpy()})  # fmt: skip
