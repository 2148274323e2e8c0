"""The same design with one thing wrong: an instance broken, the spacing wrong, a repressor
added."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from motiflib.designing import Arrangement, Designs, Part, Rules, empty, mirror, say, span, spell
from motiflib.discovery import Found
from motiflib.model import Argminn
from motiflib.sequence import from_codes, to_codes
from motiflib.training import predict

WRONG = -1.0  # logit at which an arrangement is clearly not taken for a positive
TRIES = 10  # from the half of them on, the background is drawn anew too
LOWEST = 8  # wrong arrangements that twins are drawn from, the least liked ones


def twins(model: Argminn, found: Found, designs: Designs, *, seed: int = 0) -> dict[str, Designs]:
    """Twins of all designs by kind; a kind that the network's rules do not hold is left out.

    broken: the smallest set of instances without which the network says no has its bases shuffled.
    spacing: the same motifs, order and strands at a distance at which it says no. repressor: a
    motif that it counts against the positive class is added where that works best. All else keeps
    its place as far as it can, and what was changed is empty.

    >>> from motiflib.designing import design
    >>> list(twins(model, found, design(model, found, 2)))
    ['broken', 'spacing']
    """
    plans = {"broken": broken, "spacing": misplaced, "repressor": repressed}
    made = {kind: of_kind(model, found, designs, kind, plan, seed) for kind, plan in plans.items()}
    return {kind: twin for kind, twin in made.items() if twin is not None}


def of_kind(
    model: Argminn, found: Found, designs: Designs, kind: str, plan, seed: int,
) -> Designs | None:
    """Twins of one kind; those that the network still takes for positives are made anew, TRIES
    times in all."""
    kept, lowest, todo = {}, {}, range(len(designs.names))
    sites_of = dict(list(designs.sites.groupby("design")))
    for turn in range(TRIES):
        rng, sites, drafts = np.random.default_rng([seed, turn]), {}, []
        for i in todo:
            old = sites_of[designs.names[i]]
            new = plan(designs, old, rng)
            if new is not None:
                sites[i] = new.assign(design=f"{designs.names[i]}_{kind}")
                drafts.append(draft(designs, i, old, new, rng, anew=2 * turn >= TRIES))
        if not sites:
            break
        codes, free, held = map(np.stack, zip(*drafts, strict=True))
        forbid = designs.constraints.forbid
        codes, _ = empty(model, found, codes, free, held, forbid, seed + turn)
        probability = predict(model, from_codes(codes)).numpy()
        for i, row, p in zip(sites, codes, probability, strict=True):
            if i not in kept or p < lowest[i]:
                kept[i], lowest[i] = (row, sites[i]), p
        todo = [i for i in sites if lowest[i] > 0.5]
    if not kept:
        return None
    codes, sites = zip(*(kept[i] for i in sorted(kept)), strict=True)
    return designs._replace(
        codes=np.stack(codes), probability=np.array([lowest[i] for i in sorted(kept)]),
        sites=pd.concat(sites, ignore_index=True),
        names=[f"{designs.names[i]}_{kind}" for i in sorted(kept)])


def draft(
    designs: Designs, i: int, old: pd.DataFrame, new: pd.DataFrame, rng, *, anew: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes of a twin with the bases left over in the gaps, which of them are free, and which are
    held by sites."""
    codes, c = designs.codes[i].copy(), designs.constraints
    held, gaps = np.zeros(len(codes), dtype=bool), np.zeros(len(codes), dtype=bool)
    for start, end, word in zip(new.start, new.end, new.word, strict=True):
        held[start:end], codes[start:end] = True, to_codes(word)
    for start, end in zip(old.start, old.end, strict=True):
        gaps[start:end] = True
    free = ~held
    free[: len(c.left)] = free[len(codes) - len(c.right) :] = False
    open_ = free if anew else gaps & ~held
    codes[open_] = rng.permutation(codes[open_])
    return codes, free, held


def arrangement(sites: pd.DataFrame) -> Arrangement:
    """What sites form, from the first one's first base; copies that a count asked for left out."""
    sites = sites[~sites.rule.str.startswith("count")]
    return tuple(map(Part, sites.motif, sites.strand, sites.start - sites.start.min()))


def refused(rules: Rules, motifs: int) -> list[Arrangement]:
    """The arrangements of so many motifs that the network clearly refuses, the least liked
    first."""
    table = rules.table[(rules.table.logit < WRONG) & (rules.table.motifs == motifs)]
    return table.sort_values("logit").parts.tolist()


def broken(designs: Designs, sites: pd.DataFrame, rng) -> pd.DataFrame | None:
    """The sites that stay when the fewest are broken; those with the same answer are drawn from."""
    parts, rules = arrangement(sites), designs.rules
    sizes = range(1, len(parts)) if len(sites) == len(parts) else []
    for size in sizes:
        ways = []
        for gone in combinations(range(len(parts)), size):
            rest = sites.drop(index=sites.index[list(gone)])
            if rules.logit(arrangement(rest)) < WRONG:
                ways.append(rest)
        if ways:
            rest = ways[rng.integers(len(ways))]
            return rest.assign(rule=f"what is left of {sites.rule.iloc[0]}")
    return sites.iloc[:0] if rules.nothing < WRONG else None


def misplaced(designs: Designs, sites: pd.DataFrame, rng) -> pd.DataFrame | None:
    """The same motifs, order and strands at distances that the network refuses; None if it refuses
    none."""
    parts, words = arrangement(sites), designs.rules.words
    if len(parts) < 2 or len(sites) > len(parts):
        return None
    shape, ways = [p[:2] for p in parts], []
    for wrong in refused(designs.rules, len(parts)):
        forms = (wrong, mirror(wrong, words))
        ways += [form for form in forms if [p[:2] for p in form] == shape]
        if len(ways) >= LOWEST:
            break
    if not ways:
        return None
    form = ways[rng.integers(len(ways))]
    at = min(int(sites.start.min()), designs.constraints.length - span(form, words))
    start = max(0, at) + np.array([p.start for p in form])
    end = start + (sites.end - sites.start).to_numpy()
    return sites.assign(start=start, end=end, rule=f"{say(form)} (wrong on purpose)")


def repressed(designs: Designs, sites: pd.DataFrame, rng) -> pd.DataFrame | None:
    """One more motif, where it costs most; None if no motif turns the arrangement into a
    negative."""
    words, c = designs.rules.words, designs.constraints
    if len(sites) > 1:
        return None  # rules of three are asked only where a third motif helps
    site = sites.iloc[0]
    ways = [parts for parts in refused(designs.rules, 2) if site.motif in {p.motif for p in parts}]
    if not ways:
        return None
    form = ways[rng.integers(min(len(ways), LOWEST))]
    if (site.motif, site.strand) not in {p[:2] for p in form}:
        form = mirror(form, words)
    own, other = sorted(form, key=lambda p: p.motif != site.motif)
    start = int(site.start) + other.start - own.start
    end = start + len(words[other.motif])
    if start < len(c.left) or end > c.length - len(c.right):
        return None
    word = spell(other, words)
    row = (site.design, start, end, other.motif, other.strand, word, "added as a repressor")
    return pd.concat([sites, pd.DataFrame([row], columns=sites.columns)], ignore_index=True)
