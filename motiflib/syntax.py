"""Rules between motifs: order, strands, distance, how sure they are, what the network makes of it.

An arrangement of two calls is read in the direction in which the first motif is on the + strand, so
a pair and its reverse complement are one: M1 at 100-108 (+) and M2 at 111-121 (+) are "M1 + then
M2 +, 11 bp", and so are M2 at 100-110 (-) and M1 at 113-121 (-). The distance runs from first base
to first base in this direction. Of two calls that face each other (+ then -) or look away (- then
+), both readings are alike: the motif with the lower name comes first.
"""

from collections.abc import Iterable, Mapping
from itertools import product

import numpy as np
import pandas as pd
import torch
from scipy.signal import correlate
from scipy.stats import false_discovery_control, poisson
from torch import Tensor

from motiflib.calling import call
from motiflib.discovery import FLIP, Found, channel_motifs
from motiflib.files import need
from motiflib.hits import Reader, on_interval
from motiflib.model import Argminn, evaluating
from motiflib.sequence import Record, one_hot
from motiflib.training import predict

REACH = 60  # bp from start to start: the longest distance that is looked at
LEVEL = 0.01  # corrected p-value of a distance that makes a rule
ARRANGEMENT = ["motif_a", "strand_a", "motif_b", "strand_b"]
AT = [*ARRANGEMENT, "distance"]
WAYS = {"++": "on the same strand", "+-": "facing each other", "-+": "looking away from each other"}
EFFECTS = ["both", "without_a", "without_b", "without_both",
           "interaction", "interaction_low", "interaction_high", "verdict"]
COLUMNS = [*ARRANGEMENT, "low", "high", "distance", "gap_low", "gap_high",
           "count", "expected", "p_value", "speaks", *EFFECTS]


def find_rules(model: Argminn, found: Found, records: Iterable[Record | tuple[str, str]], *,
               calls: pd.DataFrame | None = None, tile: int = 500) -> pd.DataFrame:
    """Rules between motifs in named sequences, surest first; give both classes to see both kinds.

    Columns beside those of `pair_rules`, counted within predicted classes: low, high: range around
    the commonest distance; gap_low, gap_high: bases between; speaks: "for" or "against", where the
    pair is more frequent; both, without_a, without_b, without_both: mean logit, sites silenced;
    interaction = both - without_a - without_b + without_both with a 95% interval; `verdict`. Rules
    that do the opposite to the logit are left out. InputError without records.

    >>> len(find_rules(model, found, records, calls=calls))  # forty sequences are too few
    0
    """
    records = [Record(*record) for record in records]
    need(records, "rules: no sequence given; rules are counted over some hundred sequences")
    if calls is None:
        calls = call(model, found, records, threshold=0.3, tile=tile)  # negatives score lower
    letters = dict(records)
    positive = predict(model, one_hot([sequence for _, sequence in records])) > 0.5
    kinds = dict(zip(letters, positive.tolist(), strict=True))
    table = pair_rules(calls, {name: len(s) for name, s in letters.items()}, kinds=kinds)
    pairs, size = distances(calls), max(sum(kinds.values()), 1)
    ours = pairs[pairs.sequence.map(kinds).astype(bool)].value_counts(AT)
    ours = ours.reindex(pd.MultiIndex.from_frame(table[AT]), fill_value=0).to_numpy()
    more = ours / size >= (table["count"] - ours) / max(len(kinds) - size, 1)
    rules = rule_ranges(table.assign(speaks=np.where(more, "for", "against")))
    length = found.table.set_index("motif").length
    rules[["gap_low", "gap_high"]] = rules[["low", "high"]].sub(rules.motif_a.map(length), axis=0)
    rules = rules[~second_readings(rules, length)].reset_index(drop=True)
    rows = [pair_effects(model, letters, calls, pairs, rule, tile) for rule in rules.itertuples()]
    effects = pd.DataFrame(rows, index=rules.index, columns=EFFECTS)
    agreed = (effects.both > effects.without_both) == (rules.speaks == "for")
    return rules.join(effects)[agreed][COLUMNS].reset_index(drop=True)


def distances(calls: pd.DataFrame) -> pd.DataFrame:
    """All pairs of calls of one sequence up to REACH bp apart, read as the top of this module says;
    call_a, call_b: rows. Calls that share over two bases, as ends are not sharp, are one site."""
    calls = calls.reset_index(drop=True).sort_values(["sequence", "start"], kind="stable")
    columns = ["sequence", "start", "end", "motif", "strand"]
    sequence, start, end, motif, strand = (calls[name].to_numpy() for name in columns)
    rows = pd.DataFrame({"sequence": sequence, "row": np.arange(len(calls))})
    left, right = rows.merge(rows, on="sequence")[["row_x", "row_y"]].to_numpy().T
    apart = (left < right) & (end[right] > end[left]) & (start[right] >= end[left] - 2)
    left, right = left[apart], right[apart]
    lower = [name_key(b) < name_key(a) for a, b in zip(motif[left], motif[right], strict=True)]
    turned = np.where(strand[left] == strand[right], strand[left] == "-", lower)
    a, b = np.where(turned, right, left), np.where(turned, left, right)
    other = calls.strand.map(FLIP).to_numpy()
    read = pd.DataFrame({
        "sequence": sequence[left],
        "motif_a": motif[a], "strand_a": np.where(turned, other[a], strand[a]),
        "motif_b": motif[b], "strand_b": np.where(turned, other[b], strand[b]),
        "distance": np.where(turned, end[right] - end[left], start[right] - start[left]),
        "call_a": calls.index[a], "call_b": calls.index[b]})
    return read[read.distance <= REACH].astype({"distance": int}).reset_index(drop=True)


def name_key(name: str) -> tuple:
    """Order of names: M2 before M10."""
    digits = name.lstrip("M")
    return (0, int(digits), name) if digits.isdigit() else (1, 0, name)


def pair_rules(calls: pd.DataFrame, lengths: Mapping[str, int], *,
               kinds: Mapping[str, object] | None = None) -> pd.DataFrame:
    """How often motifs stand in an arrangement in sequences of these lengths, surest first.

    Columns AT; count; expected, the mean count over all ways to deal out the calls of different
    motifs anew among the sequences (of one kind, where `kinds` names one for each), strand and
    place from the middle kept; p_value of a Poisson count at least this high, corrected for all
    that was looked at (Benjamini and Hochberg 1995).

    >>> pair_rules(calls, {r.name: len(r.sequence) for r in records}).expected.head(1).item()
    0.225
    """
    groups, kinds = {}, kinds or {}
    for name, length in lengths.items():
        groups.setdefault(kinds.get(name), {})[name] = length
    parts = [expected_counts(calls[calls.sequence.isin(mine)], mine) for mine in groups.values()]
    table = pd.concat(parts).groupby(AT, as_index=False).expected.sum()
    table = table.merge(distances(calls).value_counts(AT).reset_index(), on=AT, how="outer")
    table = table.fillna(0).astype({"count": int, "distance": int, "expected": float})
    table["expected"] = table.expected.clip(lower=1 / len(lengths))  # none is impossible
    count, expected = table["count"], table.expected
    table["p_value"] = false_discovery_control(poisson.sf(count - 1, expected))
    surprise = count * np.log(np.maximum(count, 1e-9) / expected) - count + expected
    table["sure"] = np.sign(expected - count) * surprise  # tells where p is 0 in floating point
    table = table[count > 0].sort_values(["p_value", "sure"], kind="stable", ignore_index=True)
    return table[[*AT, "count", "expected", "p_value"]]


def expected_counts(calls: pd.DataFrame, lengths: Mapping[str, int]) -> pd.DataFrame:
    """The column expected of `pair_rules`: all shuffles at once, as cross-correlations."""
    wide = max(lengths.values()) + 2 * REACH
    half = calls.sequence.map(lengths).to_numpy(dtype=float) // 2
    names = sorted(set(calls.motif), key=name_key)
    maps = {}  # number of calls at each place, counted from the middle of their sequences
    for motif, strand, edge in product(names, "+-", ["start", "end"]):
        mine = ((calls.motif == motif) & (calls.strand == strand)).to_numpy()
        place = ((calls[edge].to_numpy() - half)[mine] + wide // 2).astype(int).clip(0, wide - 1)
        maps[motif, strand, edge] = np.bincount(place, minlength=wide).astype(float)
    rows, reach = [], slice(wide - 1, wide + REACH)  # where two maps are shifted by 0 to REACH
    for a, b in product(names, names):
        for s, t in ["++", "+-", "-+"] if name_key(a) <= name_key(b) else ["++"]:
            count = correlate(maps[b, t, "start"], maps[a, s, "start"])[reach].clip(min=0)
            if (a, s) != (b, FLIP[t]):  # else the arrangement is its own mate
                mate = correlate(maps[a, FLIP[s], "end"], maps[b, FLIP[t], "end"])
                count = count + mate[reach].clip(min=0)
            rows += [(a, s, b, t, at, value) for at, value in enumerate(count / len(lengths))]
    return pd.DataFrame(rows, columns=[*AT, "expected"])


def rule_ranges(table: pd.DataFrame) -> pd.DataFrame:
    """Ranges of distances of `pair_rules` below LEVEL, joined where they `speak` alike."""
    keys, rows = [*ARRANGEMENT, "speaks"], []
    for arrangement, mine in table.groupby(keys, sort=False):
        alone = poisson.sf(mine["count"] - 1, mine.expected)  # enough to prolong a range
        near = mine[(mine.p_value < LEVEL) | (alone < 0.02)].sort_values("distance")
        for _, part in near.groupby((near.distance.diff() > 2).cumsum()):
            if part.p_value.min() < LEVEL:
                low, high = part.distance.min(), part.distance.max()
                whole = mine[mine.distance.between(low, high)]
                rows.append((*arrangement, low, high, part.distance[part["count"].idxmax()],
                             whole["count"].sum(), whole.expected.sum(), part.p_value.min()))
    found = ["low", "high", "distance", "count", "expected", "p_value"]
    out = pd.DataFrame(rows, columns=[*keys, *found])
    sure = poisson.logsf(out["count"].astype(float) - 1, out.expected.astype(float))
    return out.iloc[np.argsort(sure, kind="stable")].reset_index(drop=True)


def second_readings(rules: pd.DataFrame, length: Mapping[str, int]) -> np.ndarray:
    """Which rules are one site read twice: motifs that share bases at all distances, or twice one
    motif, sharing some or standing where a rule four times as frequent has another motif."""
    places = []
    for rule in rules.itertuples():  # where the partner lies, in bp from a motif's first base
        a, b = length[rule.motif_a], length[rule.motif_b]
        from_a = (rule.motif_a, rule.strand_a, a, rule.low, rule.high + b)
        from_b = (rule.motif_b, rule.strand_b, b, -rule.high, a - rule.low)
        for motif, strand, width, low, high in (from_a, from_b):
            if strand == "-":  # in the motif's own direction
                low, high = width - high, width - low
            places.append((rule.Index, motif, low, high, rule.count))
    places = pd.DataFrame(places, columns=["rule", "motif", "low", "high", "count"])
    out = (rules.gap_high < 0).to_numpy(dtype=bool, copy=True)
    for rule in rules[rules.motif_a == rules.motif_b].itertuples():
        clear = places[(places.motif == rule.motif_a) & (places["count"] >= 4 * rule.count)]
        both = places[places.rule == rule.Index].merge(clear, how="cross")
        taken = (both.low_x < both.high_y) & (both.low_y < both.high_x)
        out[rule.Index] = rule.gap_low < 0 or taken.any()
    return out


def pair_effects(model: Argminn, letters: Mapping[str, str], calls: pd.DataFrame,
                 pairs: pd.DataFrame, rule, tile: int) -> tuple:
    """The columns EFFECTS of a rule, over at most 200 of its pairs of calls, at equal steps."""
    same = (pairs[ARRANGEMENT] == [getattr(rule, name) for name in ARRANGEMENT]).all(axis=1)
    pairs = pairs[same & pairs.distance.between(rule.low, rule.high)]
    pairs = pairs.iloc[:: -(-len(pairs) // 200)]
    a, b = (calls.iloc[pairs[side]][["start", "end"]].to_numpy() for side in ("call_a", "call_b"))
    first, last = np.minimum(a[:, 0], b[:, 0]), np.maximum(a[:, 1], b[:, 1])
    length = pairs.sequence.map(letters).str.len().to_numpy()
    size = np.where(length <= 2 * tile, length, tile)  # long sequences are cut around the pair
    origin = np.clip((first + last - tile) // 2, 0, length - size)
    cut = [letters[name][start:end]
           for name, start, end in zip(pairs.sequence, origin, origin + size, strict=True)]
    one, two = (torch.from_numpy(sites - origin[:, None]) for sites in (a, b))
    logits = silenced_logits(model, one_hot(cut), one, two).numpy()
    each = logits @ np.array([1, -1, -1, 1])
    error, means = 1.96 * each.std() / np.sqrt(len(each)), tuple(logits.mean(0))
    interaction = (each.mean(), each.mean() - error, each.mean() + error)
    return (*means, *interaction, verdict(*means, interaction))


@torch.no_grad()
def silenced_logits(model: Argminn, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Logits (N, 4) as they are, had no filter fired at interval a (N, 2), at b, at both."""
    with evaluating(model) as device:
        reader = Reader(model, x.to(device).float())
        first, second = (on_interval(reader.hits, model.scanner, *sites.to(device).T)
                         for sites in (a, b))
        masks = (first & False, first, second, first | second)
        return torch.stack([reader.logit(silent=mask)[0] for mask in masks], 1).cpu()


def verdict(both: float, without_a: float, without_b: float, neither: float, interaction) -> str:
    """What two motifs do to the log-odds, from mean logits and the interaction (value, low, high):
    "additive" if the interval holds 0 or the value is below a quarter of the largest effect. Above
    0: "cooperative", or "both needed" if only both speak for the positive class. Below 0:
    "repressive: a" (or b) if this motif lowers the odds beside the other, else "redundant"."""
    value, low, high = interaction
    effects = (without_b - neither, without_a - neither, both - neither, value)
    small = max(map(abs, effects)) / 4
    if low <= 0 <= high or abs(value) < small:
        return "additive"
    if value > 0:
        return "both needed" if both > 0 > max(without_a, without_b) else "cooperative"
    loss_a, loss_b = both - without_a, both - without_b
    if min(loss_a, loss_b) < -small:
        return f"repressive: {'a' if loss_a < loss_b else 'b'}"
    return "redundant"


def rule_sentence(rule: pd.Series, names: Mapping[str, str] | None = None) -> str:
    """A row of `find_rules` (or of `pair_rules`) in words; `names` gives motifs other names.

    >>> rule_sentence(pair_rules(calls, {r.name: len(r.sequence) for r in records}).iloc[0])
    'M1 then M2 facing each other, 16 bp from start to start, 18x more often than by chance, ...
    """
    a, b = ((names or {}).get(motif, motif) for motif in (rule.motif_a, rule.motif_b))
    times = rule["count"] / max(rule.expected, 1e-9)
    more = f"{times:.0f}x" if times >= 10 else f"{times:.1f}x"
    where = f"{int(rule.distance)} bp from start to start"
    if rule.get("gap_low", -1) >= 0:
        low, high = int(rule.gap_low), int(rule.gap_high)
        where = f"{low} bp apart" if low == high else f"{low} to {high} bp apart"
        where = f"any of {where}" if high - low >= 9 else where  # ten or more: none is the rule
    p = "p < 1e-20" if rule.p_value < 1e-20 else f"p = {rule.p_value:.1g}"
    said = (f"{a} then {b} {WAYS[rule.strand_a + rule.strand_b]}, {where}, "
            f"{more} more often than by chance, {p}")
    if "verdict" not in rule:
        return said
    meaning = {
        "additive": "each counts by itself", "both needed": "both are needed",
        "redundant": "either is enough", "cooperative": "together they count for more",
        "repressive: a": f"{a} undoes {b}", "repressive: b": f"{b} undoes {a}"}
    side = "; it speaks against" if rule.speaks == "against" else ""
    return f"{said}; {meaning[rule.verdict]}{side}"


def spacing_table(model: Argminn, found: Found) -> pd.DataFrame:
    """The spacings that the network has learnt, read from its weights rho, no sequence needed.

    Columns AT (strand_a always +; distance signed, from the first base of a to the leftmost base of
    b in a's direction), weight = exp(rho) over its value in a new network; for each pair of their
    filters. Empty for a network without a neighbourhood.

    >>> spacing_table(model, found).sort_values("weight").distance.tail(1).item()
    10
    """
    if model.around is None:
        return pd.DataFrame(columns=[*AT, "weight"])
    rho, reach = model.around.table().detach().cpu().numpy(), model.around.reach
    shift = np.arange(-reach, reach + 1)
    read = channel_motifs(model, found).reset_index()
    pairs = read[read.strand == "+"].merge(read, how="cross", suffixes=("_a", "_b"))
    between = (pairs.offset_b - pairs.offset_a).to_numpy()[:, None]
    weight = np.exp(rho[pairs.channel_a, pairs.channel_b]) * len(shift)  # (pairs, 2 reach + 1)
    table = pairs.loc[pairs.index.repeat(len(shift))]
    table = table.assign(distance=(between + shift).ravel(), weight=weight.ravel())
    return table[[*AT, "weight"]].reset_index(drop=True)
