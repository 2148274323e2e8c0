"""Which arrangements of its motifs a network takes for a positive: asked of the network, motif by motif, bp by bp."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from motiflib.design.fill import FREE, empty, tensor_of, to_codes
from motiflib.discovery import Discovery
from motiflib.model import Argminn
from motiflib.motif import Motif
from motiflib.sequence import InputError, reverse_complement

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
    """What a network was asked and answered: `table`, a row an arrangement, and the words that stand for its motifs.

    Columns of the table: rule (words), motifs (their number), parts (the arrangement), logit (mean over empty
    backgrounds), gain (over the best arrangement with one motif less), chosen (serves for designs).
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
    """The arrangement with one more motif on either side, on either strand, at every gap from 0 to `reach` bp."""
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
    model: Argminn, found: Discovery, *, length: int = 200, gc: float = 0.5, reach: int = REACH,
    motifs: Iterable[str] | None = None, forbid: Iterable[str] = (), seed: int = 0,
) -> Rules:  # fmt: skip
    """Ask a network for its rules: every motif alone, then with a second one in each order, on each strand, at each gap
    up to `reach` bp, then a third, as long as another motif adds GAIN logits. No sequence and no grammar is needed.

    Of those with as many motifs as pay, all within MARGIN of the best logit, and above 0, are chosen. Two copies of
    one motif are not tried.
    Raises InputError if there is no motif, or one that does not fit into the length.

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


def blank(model: Argminn, found: Discovery, n: int, length: int, gc: float, seed: int) -> np.ndarray:
    """`n` empty backgrounds of a GC fraction, as codes."""
    rng, strong = np.random.default_rng(seed), round(gc * length)
    kinds = np.concatenate([np.arange(strong) % 2 + 1, 3 * (np.arange(length - strong) % 2)]).astype(np.uint8)
    codes = np.stack([rng.permutation(kinds) for _ in range(n)])
    none = np.zeros(codes.shape, dtype=bool)
    return empty(model, found, codes, ~none, none, seed=seed)[0]
