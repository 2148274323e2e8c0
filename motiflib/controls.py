"""The same design with one thing wrong: an instance broken, the spacing wrong, a repressor
added."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import torch

from motiflib.designing import (
    Arrangement,
    Designs,
    Part,
    Rules,
    empty,
    mirror,
    say,
    tensor_of,
    to_codes,
)
from motiflib.discovery import Found
from motiflib.model import Argminn
from motiflib.sequence import reverse_complement

WRONG = -1.0  # logit at which an arrangement is clearly not taken for a positive
TRIES = 10  # from the half of them on, the background is drawn anew too
LOWEST = 8  # wrong arrangements that twins are drawn from, the least liked ones


def twins(model: Argminn, found: Found, designs: Designs, *, seed: int = 0) -> dict[str, Designs]:
    """Twins of all designs by kind; a kind that the network's rules do not hold is left out.

    broken: the smallest set of instances without which the network says no has its bases shuffled.
    spacing: the same motifs, order and strands at a distance at which it says no. repressor: a
    motif that it counts against the positive class is added where that works best. All else keeps
    its place as far as it can, and what was changed is empty.

    >>> {kind: t.probability.max() for kind, t in twins(run.model, run.found, designs).items()}
    {'broken': 0.04, 'spacing': 0.2}
    """
    plans = {"broken": broken, "spacing": misplaced, "repressor": repressed}
    out = {kind: made for kind, plan in plans.items() if (made := of_kind(model, found, designs, kind, plan, seed))}
    return out


def of_kind(model: Argminn, found: Found, designs: Designs, kind: str, plan, seed: int) -> Designs | None:
    """Twins of one kind; those that the network still takes for positives are made anew, TRIES
    times in all."""
    made, todo = {}, list(range(len(designs.names)))
    sites_of = dict(list(designs.sites.groupby("design")))
    for turn in range(TRIES):
        rng, new = np.random.default_rng([seed, turn]), {}
        for i in todo:
            sites = sites_of[designs.names[i]]
            twin = plan(designs, sites, rng)
            if twin is not None:
                new[i] = (
                    f"{designs.names[i]}_{kind}",
                    *write(designs.codes[i], sites, twin, designs, rng, anew=2 * turn >= TRIES),
                )
        if not new:
            break
        best = finish(model, found, designs, list(new.values()), seed + turn)
        for i, codes, p, (name, *_, site) in zip(new, best.codes, best.probability, new.values(), strict=True):
            if i not in made or p < made[i][1]:
                made[i] = (codes, p, site.assign(design=name), name)
        todo = [i for i in new if made[i][1] > 0.5]
    if not made:
        return None
    codes, p, sites, names = zip(*(made[i] for i in sorted(made)), strict=True)
    sites = pd.concat(sites, ignore_index=True)
    return designs._replace(codes=np.stack(codes), probability=np.array(p), sites=sites, names=list(names))


def placed(sites: pd.DataFrame) -> Arrangement:
    """The arrangement that sites form, from the first one's first base; copies that a count asked
    for left out."""
    sites = sites[~sites.rule.str.startswith("count")]
    first = int(sites.start.min())
    return tuple(map(Part, sites.motif, sites.strand, (sites.start - first).to_list()))


def broken(designs: Designs, sites: pd.DataFrame, rng) -> pd.DataFrame | None:
    """The sites that stay when the fewest are broken; those with the same answer are drawn from."""
    parts, rules = placed(sites), designs.rules
    extra = len(sites) > len(parts)
    for size in range(1, len(parts)):
        ways = []
        for gone in combinations(range(len(parts)), size):
            rest = [p for i, p in enumerate(parts) if i not in gone]
            rest = tuple(p._replace(start=p.start - rest[0].start) for p in rest)
            if not extra and rules.logit(rest) < WRONG:
                ways.append(gone)
        if ways:
            rest = sites.drop(index=sites.index[list(ways[rng.integers(len(ways))])])
            return rest.assign(rule=f"what is left of {sites.rule.iloc[0]}")
    return sites.iloc[:0] if rules.nothing < WRONG else None


def misplaced(designs: Designs, sites: pd.DataFrame, rng) -> pd.DataFrame | None:
    """The same motifs, order and strands at distances that the network refuses; None if it refuses
    none."""
    parts, rules = placed(sites), designs.rules
    if len(parts) < 2 or len(sites) > len(parts):
        return None
    if not (ways := wrong_spacings(rules, tuple(p[:2] for p in parts))):
        return None
    form, at = ways[rng.integers(len(ways))], int(sites.start.min())
    at = max(0, min(at, designs.constraints.length - form[-1].start - rules.widths[form[-1].motif]))
    start = np.array([at + p.start for p in form])
    rule = f"{say(form)} (wrong on purpose)"
    return sites.assign(start=start, end=start + (sites.end - sites.start).to_numpy(), rule=rule)


def wrong_spacings(rules: Rules, shape: tuple) -> list[Arrangement]:
    """The least liked refused arrangements of these motifs and strands in this order."""
    table, out = rules.table[(rules.table.logit < WRONG) & (rules.table.motifs == len(shape))], []
    for parts in table.sort_values("logit").parts:
        out += [form for form in (parts, mirror(parts, rules.widths)) if tuple(p[:2] for p in form) == shape]
        if len(out) >= LOWEST:
            break
    return out


def repressed(designs: Designs, sites: pd.DataFrame, rng) -> pd.DataFrame | None:
    """One more motif, where it costs most; None if no motif turns the arrangement into a
    negative."""
    parts, rules = placed(sites), designs.rules
    if len(parts) > 1 or len(sites) > 1:
        return None  # rules of three are asked only where a third motif helps
    ways = best_repression(rules, parts[0].motif)
    if not ways:
        return None
    form = ways[rng.integers(len(ways))]
    own = next(p for p in form if p.motif == parts[0].motif)
    if own.strand != parts[0].strand:
        form = mirror(form, rules.widths)
        own = next(p for p in form if p.motif == parts[0].motif)
    other = next(p for p in form if p.motif != parts[0].motif)
    start = int(sites.start.iloc[0]) + other.start - own.start
    end = start + rules.widths[other.motif]
    if start < len(designs.constraints.left) or end > designs.constraints.length - len(designs.constraints.right):
        return None
    word = rules.words[other.motif] if other.strand == "+" else reverse_complement(rules.words[other.motif])
    row = (sites.design.iloc[0], start, end, other.motif, other.strand, word, "added as a repressor")
    return pd.concat([sites, pd.DataFrame([row], columns=sites.columns)], ignore_index=True)


def best_repression(rules: Rules, motif: str) -> list[Arrangement]:
    """The pairs with `motif` of the lowest logits, if they are refused."""
    pairs = rules.table[(rules.table.motifs == 2) & (rules.table.logit < WRONG)]
    return [parts for parts in pairs.sort_values("logit").parts if motif in {p.motif for p in parts}][:LOWEST]


def write(codes: np.ndarray, old: pd.DataFrame, new: pd.DataFrame, designs: Designs, rng, anew: bool):
    """Codes of a twin with the bases left over in the gaps, which of them are free, which planned,
    and its sites."""
    c = designs.constraints
    held, out = np.zeros(len(codes), dtype=bool), codes.copy()
    for start, end, word in zip(new.start, new.end, new.word, strict=True):
        held[start:end], out[start:end] = True, to_codes(word)
    open_ = np.zeros(len(codes), dtype=bool)
    for start, end in set(zip(old.start, old.end, strict=True)) - set(zip(new.start, new.end, strict=True)):
        open_[start:end] = True
    open_ &= ~held
    flanks = np.zeros(len(codes), dtype=bool)
    flanks[: len(c.left)] = flanks[len(codes) - len(c.right) :] = True
    free = ~held & ~flanks
    open_ = free if anew else open_
    out[open_] = rng.permutation(out[open_])
    return out, free, held, new


def finish(model: Argminn, found: Found, designs: Designs, made: list, seed: int) -> Designs:
    """Empty what is free, score."""
    names, codes, free, held, sites = zip(*made, strict=True)
    codes, _ = empty(
        model, found, *map(np.stack, (codes, free, held)), forbid=designs.constraints.forbid, seed=seed, strict=False
    )
    table = pd.concat([s.assign(design=name) for s, name in zip(sites, names, strict=True)], ignore_index=True)
    with torch.no_grad():
        p = model(tensor_of(codes)).sigmoid().numpy()
    return designs._replace(codes=codes, probability=p, sites=table, names=list(names))
