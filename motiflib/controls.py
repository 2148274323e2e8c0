"""The same design with one thing wrong: an instance broken, spacing wrong, a repressor added."""

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

    broken: the fewest instances without which the network says no, shuffled; spacing: the same
    motifs at distances to which it says no; repressor: a motif more, where it costs most.
    """
    plans = {"broken": broken, "spacing": misplaced, "repressor": repressed}
    made = {kind: of_kind(model, found, designs, kind, plan, seed) for kind, plan in plans.items()}
    return {kind: twin for kind, twin in made.items() if twin is not None}


def of_kind(model: Argminn, found: Found, designs: Designs, kind: str, plan, seed: int):
    """Twins of one kind; what the network still takes for a positive is made anew, TRIES times."""
    names, made, todo = designs.names, {}, range(len(designs.names))
    sites_of = dict(list(designs.sites.groupby("design")))
    for turn in range(TRIES):
        rng, anew, drafts = np.random.default_rng([seed, turn]), 2 * turn >= TRIES, {}
        for i in todo:
            old = sites_of[names[i]]
            new = plan(designs, old, rng)
            if new is not None:
                drafts[i] = new, *draft(designs, i, old, new, rng, anew=anew)
        if not drafts:
            break
        tables, *arrays = zip(*drafts.values(), strict=True)
        rows, free, held = map(np.stack, arrays)
        rows, _ = empty(model, found, rows, free, held, designs.constraints.forbid, seed + turn)
        probability = predict(model, from_codes(rows)).numpy()
        for i, row, p, sites in zip(drafts, rows, probability, tables, strict=True):
            if i not in made or p < made[i][1]:
                made[i] = row, p, sites.assign(design=f"{names[i]}_{kind}")
        todo = [i for i in drafts if made[i][1] > 0.5]
    if not made:
        return None
    codes, probability, tables = zip(*made.values(), strict=True)
    return designs._replace(codes=np.stack(codes), probability=np.array(probability),
                            sites=pd.concat(tables, ignore_index=True),
                            names=[f"{names[i]}_{kind}" for i in made])


def draft(designs: Designs, i: int, old: pd.DataFrame, new: pd.DataFrame, rng, *, anew: bool):
    """Codes of a twin, the bases left over in its gaps; which are free, which are held by sites."""
    codes, c = designs.codes[i].copy(), designs.constraints
    held, gaps = np.zeros((2, len(codes)), dtype=bool)
    for start, end in zip(old.start, old.end, strict=True):
        gaps[start:end] = True
    for start, end, word in zip(new.start, new.end, new.word, strict=True):
        held[start:end], codes[start:end] = True, to_codes(word)
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
    """What of so many motifs the network clearly refuses, least liked first, either way round."""
    table = rules.table[(rules.table.logit < WRONG) & (rules.table.motifs == motifs)]
    parts = table.sort_values("logit").parts
    return [form for one in parts for form in (one, mirror(one, rules.words))]


def broken(designs: Designs, sites: pd.DataFrame, rng) -> pd.DataFrame | None:
    """The sites that stay when the fewest are broken; those with the same answer are drawn from."""
    many = len(sites)
    for size in range(1, many) if many == len(arrangement(sites)) else []:
        wrong = set(refused(designs.rules, many - size))
        rests = [sites.drop(index=list(gone)) for gone in combinations(sites.index, size)]
        ways = [rest for rest in rests if arrangement(rest) in wrong]
        if ways:
            rest = ways[rng.integers(len(ways))]
            return rest.assign(rule=f"what is left of {sites.rule.iloc[0]}")
    return sites.iloc[:0] if designs.rules.nothing < WRONG else None


def misplaced(designs: Designs, sites: pd.DataFrame, rng) -> pd.DataFrame | None:
    """The same motifs, order and strands at distances that the network refuses; None without."""
    parts, rules = arrangement(sites), designs.rules
    kinds = [p[:2] for p in parts]
    ways = [form for form in refused(rules, len(parts)) if [p[:2] for p in form] == kinds][:LOWEST]
    if len(parts) < 2 or len(sites) > len(parts) or not ways:
        return None
    form = ways[rng.integers(len(ways))]
    at = min(int(sites.start.min()), designs.constraints.length - span(form, rules.words))
    start = max(0, at) + np.array([p.start for p in form])
    end = start + (sites.end - sites.start).to_numpy()
    return sites.assign(start=start, end=end, rule=f"{say(form)} (wrong on purpose)")


def repressed(designs: Designs, sites: pd.DataFrame, rng) -> pd.DataFrame | None:
    """One more motif, where it costs most; None if none turns the arrangement into a negative."""
    words, c, site = designs.rules.words, designs.constraints, sites.iloc[0]
    kind = (site.motif, site.strand)
    ways = [form for form in refused(designs.rules, 2) if kind in {p[:2] for p in form}][:LOWEST]
    if len(sites) > 1 or not ways:  # rules of three are asked only where a third motif helps
        return None
    own, other = sorted(ways[rng.integers(len(ways))], key=lambda p: p.motif != site.motif)
    start = int(site.start) + other.start - own.start
    end, word = start + len(words[other.motif]), spell(other, words)
    if start < len(c.left) or end > c.length - len(c.right):
        return None
    row = (site.design, start, end, other.motif, other.strand, word, "added as a repressor")
    return pd.concat([sites, pd.DataFrame([row], columns=sites.columns)], ignore_index=True)
