"""Rules between motifs: which stand together, in which order, on which strands, how far apart, and
how sure that is.

An arrangement of two calls is read in the direction in which the first motif is on the + strand, so
a pair and its reverse complement are one: "M1 + then M2 +, 11 bp" are M1 at 100-108 (+) and M2 at
111-121 (+), and just as well M2 at 100-110 (-) and M1 at 113-121 (-). The distance runs from the
first base of a to the first base of b in this direction. Of two calls that face each other (+ then
-) or look away (- then +), both readings are alike: the motif with the lower name comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from scipy.signal import correlate
from scipy.stats import false_discovery_control, poisson
from torch import Tensor

from motiflib.calling import call, merge
from motiflib.discovery import Found, channel_motifs
from motiflib.files import InputError
from motiflib.hits import Reader, cores
from motiflib.model import Argminn
from motiflib.sequence import Record, one_hot
from motiflib.training import predict

REACH = 60  # bp from start to start: the longest distance that is looked at
SHARED = 2  # bases that two motifs beside each other may share: ends of matrices are not sharp
ARRANGEMENT = ["motif_a", "strand_a", "motif_b", "strand_b"]
RULE_COLUMNS = [*ARRANGEMENT, "distance", "count", "expected", "p_value"]


def distances(calls: pd.DataFrame, *, reach: int = REACH) -> pd.DataFrame:
    """All pairs of calls of one sequence up to `reach` bp apart: one row a pair, read as the top of
    this module says.

    Calls that share more than SHARED bases are two readings of one site and make no pair.

    Columns: sequence, motif_a, strand_a, motif_b, strand_b, distance; call_a, call_b, the pair's
    rows in `calls`.

    >>> distances(calls).query("motif_a == 'M1' and motif_b == 'M2'").distance.value_counts()
    """
    table = calls[["sequence", "start", "end", "motif", "strand"]].assign(_row=np.arange(len(calls)))
    table = table.sort_values(["sequence", "start"], kind="stable").reset_index(drop=True)
    start, end = table.start.to_numpy(), table.end.to_numpy()
    pairs = [np.zeros((0, 2), dtype=int)]
    for rows in table.groupby("sequence", sort=False).indices.values():
        left, right = (rows[side] for side in np.triu_indices(len(rows), 1))
        near = start[right] - start[left] <= reach + 50  # ends may be nearer than starts
        near &= (end[right] > end[left]) & (start[right] >= end[left] - SHARED)
        pairs.append(np.stack([left[near], right[near]], 1))
    left, right = np.concatenate(pairs).T
    read = read_pairs(table.iloc[left], table.iloc[right])
    return read[read.distance <= reach].reset_index(drop=True)


def read_pairs(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    """The arrangement of each pair of calls, `left` beginning first: rows as in `distances`."""
    flip = {"+": "-", "-": "+"}
    ours = (left.motif, left.strand, right.motif, right.strand, right.start.to_numpy() - left.start.to_numpy())
    shift = right.end.to_numpy() - left.end.to_numpy()  # on the other strand, ends are starts
    one = shift >= 0
    theirs = [np.where(one, a, b) for a, b in zip((right.motif, right.strand), (left.motif, left.strand), strict=True)]
    theirs += [np.where(one, a, b) for a, b in zip((left.motif, left.strand), (right.motif, right.strand), strict=True)]
    theirs[1], theirs[3] = (np.array([flip[s] for s in strands], dtype=object) for strands in (theirs[1], theirs[3]))
    a = pd.DataFrame(dict(zip(RULE_COLUMNS, map(np.asarray, ours), strict=False)))
    b = pd.DataFrame(dict(zip(RULE_COLUMNS, (*theirs, abs(shift)), strict=False)))
    other = (a.strand_a == "-") & (b.strand_a == "+")
    other |= (a.strand_a == b.strand_a) & (b.motif_a.map(name_key) < a.motif_a.map(name_key))
    rows = left._row.to_numpy(), right._row.to_numpy()
    a["call_a"], a["call_b"], b["call_a"], b["call_b"] = *rows, *(np.where(one, *rows[::k]) for k in (-1, 1))
    out = a.where(~other, b)
    out.insert(0, "sequence", left.sequence.to_numpy())
    return out.astype({"distance": int, "call_a": int, "call_b": int})


def name_key(name: str) -> tuple:
    """Order of names: M2 before M10.

    >>> name_key("M2") < name_key("M10")
    True
    """
    digits = name.lstrip("M")
    return (0, int(digits), name) if digits.isdigit() else (1, 0, name)


def pair_rules(
    calls: pd.DataFrame, lengths: Mapping[str, int], *, reach: int = REACH, kinds: Mapping[str, object] | None = None
) -> pd.DataFrame:
    """How often two motifs stand in an arrangement, against what their positions alone would give;
    surest first.

    `lengths` names all sequences that were searched, those without a call too. Columns: motif_a,
    strand_a, motif_b, strand_b, distance (see the top of this module); count, pairs of calls;
    expected, the mean count if the calls of different motifs were dealt out anew among the
    sequences, each call keeping its strand and its place from the middle (the mean over all such
    shuffles, computed exactly as a cross-correlation), and its kind of sequence where `kinds` names
    one for each: that two motifs belong to one class is no rule yet; p_value, of a Poisson count at
    least this high, corrected for all arrangements and distances looked at (Benjamini and Hochberg
    1995).

    >>> pair_rules(calls, {r.name: len(r.sequence) for r in records}).head(1)
      motif_a strand_a motif_b strand_b  distance  count  expected  p_value
    0      M1        +      M2        +        11    431      13.9      0.0
    """
    seen = distances(calls, reach=reach).groupby(RULE_COLUMNS[:5]).size().rename("count").reset_index()
    groups: dict[object, dict[str, int]] = {}
    for name, length in lengths.items():
        groups.setdefault((kinds or {}).get(name), {})[name] = length
    parts = [expected_counts(calls[calls.sequence.isin(mine.keys())], mine, reach) for mine in groups.values()]
    table = pd.concat(parts).groupby(RULE_COLUMNS[:5], as_index=False).expected.sum()
    table = table.merge(seen, on=RULE_COLUMNS[:5], how="outer")
    table = table.fillna({"count": 0, "expected": 0.0}).astype({"count": int, "distance": int, "expected": float})
    table["expected"] = table.expected.clip(lower=1 / max(len(lengths), 1))  # no arrangement is impossible
    table["p_value"] = false_discovery_control(poisson.sf(table["count"] - 1, table.expected))
    ratio = np.maximum(table["count"], 1e-9) / table.expected
    table["_sure"] = np.sign(table["count"] - table.expected) * (
        table["count"] * np.log(ratio) - table["count"] + table.expected
    )  # where p is 0 in floating point, this still tells
    table = table[table["count"] > 0].sort_values(["p_value", "_sure"], ascending=[True, False], kind="stable")
    return table[RULE_COLUMNS].reset_index(drop=True)


def expected_counts(calls: pd.DataFrame, lengths: Mapping[str, int], reach: int) -> pd.DataFrame:
    """Expected count of each arrangement and distance if sequences were dealt out anew: columns as
    in `pair_rules`."""
    half = calls.sequence.map(lengths).to_numpy(dtype=float) // 2
    names, wide = sorted(set(calls.motif), key=name_key), int(max(lengths.values(), default=0)) + 2 * reach
    at = {"start": calls.start.to_numpy() - half, "end": calls.end.to_numpy() - half}
    maps = {}
    for motif in names:
        for strand in "+-":
            mine = ((calls.motif == motif) & (calls.strand == strand)).to_numpy()
            for edge, place in at.items():
                cells = (place[mine] + wide // 2).astype(int).clip(0, wide - 1)
                maps[motif, strand, edge] = np.bincount(cells, minlength=wide).astype(float)
    rows = []
    for i, a in enumerate(names):
        for j, b in enumerate(names):
            kinds = [("+", "+")] + ([("+", "-"), ("-", "+")] if i <= j else [])
            for s, t in kinds:
                count = shifted(maps[a, s, "start"], maps[b, t, "start"], reach)
                other = shifted(maps[b, turn(t), "end"], maps[a, turn(s), "end"], reach)  # the mate: b then a
                if not (a == b and s != t):  # else the arrangement is its own mate
                    count = count + other
                rows += [(a, s, b, t, d, count[d] / max(len(lengths), 1)) for d in range(reach + 1)]
    return pd.DataFrame(rows, columns=[*RULE_COLUMNS[:5], "expected"])


def shifted(first: np.ndarray, second: np.ndarray, reach: int) -> np.ndarray:
    """sum_t first[t] second[t + d] for d = 0..reach.

    >>> shifted(np.array([1.0, 0, 0]), np.array([0, 0, 2.0]), 2)
    array([0., 0., 2.])
    """
    full = correlate(second, first, mode="full", method="direct" if len(first) < 64 else "auto")
    return full[len(first) - 1 : len(first) + reach].clip(min=0)


def turn(strand: str) -> str:
    """The other strand."""
    return "-" if strand == "+" else "+"


def spacing_table(model: Argminn, found: Found) -> pd.DataFrame:
    """The spacings that the network has learnt, read from its weights rho, no sequence needed.

    Columns: motif_a, strand_a (always +), motif_b, strand_b, distance (signed, from the first base
    of a to the leftmost base of b in a's direction), weight = exp(rho) over its value in a new
    network: above 1 the network expects b there. A motif with several filters has several rows for
    a distance. Empty for a network without a neighbourhood.

    >>> spacing_table(model, found).sort_values("weight").tail(1).distance
    11
    """
    columns = [*RULE_COLUMNS[:5], "weight"]
    if model.around is None:
        return pd.DataFrame(columns=columns)
    rho, reach = model.around.table().detach().cpu().numpy(), model.around.reach
    sides, parts = channel_motifs(model, found), []
    shift = np.arange(-reach, reach + 1)
    for a in sides[sides.strand == "+"].itertuples():
        for b in sides.itertuples():
            weight = np.exp(rho[a.Index, b.Index]) * len(shift)
            parts.append(pd.DataFrame({
                "motif_a": a.motif, "strand_a": "+", "motif_b": b.motif, "strand_b": b.strand,
                "distance": shift + b.offset - a.offset, "weight": weight,
            }))  # fmt: skip
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
# The rules table: arrangements that are more frequent than chance, and what the network makes of
# each.
FAINT = 0.3  # score of the calls that are counted: in the negative class an instance scores lower, what it does is less
LEVEL = 0.01  # corrected p-value of a distance that makes a rule
BESIDE = 0.02  # p-value of a single distance that is enough to prolong a range
APART = 2  # such distances up to so many bp apart are one range
CLEAR = 4  # times as frequent as a rule that may be a second reading of the same sites
PAIRS = 200  # pairs of calls silenced for each rule
SMALL = 0.25  # an interaction below this share of the largest effect is called none
EFFECTS = ["both", "without_a", "without_b", "without_both", "interaction", "interaction_low", "interaction_high"]
COLUMNS = [
    *ARRANGEMENT, "low", "high", "distance", "gap_low", "gap_high", "count", "expected", "p_value", "speaks", *EFFECTS,
    "verdict",
]  # fmt: skip


def find_rules(
    model: Argminn, found: Found, records: Iterable[Record | tuple[str, str]], *,
    calls: pd.DataFrame | None = None, level: float = LEVEL, reach: int = REACH, tile: int = 500,
) -> pd.DataFrame:  # fmt: skip
    """Rules between motifs in named sequences of any class, the surest first; give both classes to
    see both kinds.

    Columns: motif_a, strand_a, motif_b, strand_b as in `syntax.pair_rules`; low, high, the range of
    distances from start to start, and distance, its most frequent one; gap_low, gap_high, bases
    between the two; count, pairs in the range; expected, by chance among sequences that the network
    puts into the same class; p_value, the range's best one, corrected; speaks, "for" or "against"
    the positive class: where the network sees the pair more often; both, without_a, without_b,
    without_both: mean logit as it is and with sites silenced (`silenced_logits`); interaction =
    both - without_a - without_b + without_both with a 95% interval; verdict (`verdict`). The counts
    and the network must agree: rules that it sees more often where they lower the logit are left
    out. `calls` are those of `instances.call`, found here from the score FAINT on if not given; of
    calls of one motif that share bases the best counts. Raises InputError without records.

    >>> print(rule_sentence(find_rules(model, found, records).iloc[0]))
    """
    records = [Record(*record) for record in records]
    if not records:
        raise InputError("rules: no sequence given; rules are counted over some hundred sequences")
    calls = call(model, found, records, threshold=FAINT, tile=tile) if calls is None else calls
    calls = pd.concat([merge(mine, 0) for _, mine in calls.groupby("motif")] or [calls], ignore_index=True)
    letters = {record.name: record.sequence for record in records}
    positive = predict(model, one_hot([r.sequence for r in records])) > 0.5
    kinds = dict(zip(letters, positive.tolist(), strict=True))
    table = pair_rules(calls, {name: len(s) for name, s in letters.items()}, reach=reach, kinds=kinds)
    pairs = distances(calls, reach=reach)
    table = table.assign(speaks=sides(table, pairs, kinds))
    rules = rule_ranges(table, level).merge(found.table.set_index("motif").length.rename("_a"), left_on="motif_a",
                                            right_index=True)  # fmt: skip
    rules = rules.assign(gap_low=rules.low - rules._a, gap_high=rules.high - rules._a).sort_index()
    rules = rules[~second_readings(rules, found.table.set_index("motif").length)].reset_index(drop=True)
    effects = [pair_effects(model, letters, calls, chosen(pairs, rule), tile=tile) for rule in rules.itertuples()]
    effects = pd.DataFrame(effects, index=rules.index, columns=[*EFFECTS, "verdict"])
    agreed = (effects.both > effects.without_both) == (rules.speaks == "for")
    return rules.join(effects)[agreed][COLUMNS].reset_index(drop=True)


def sides(table: pd.DataFrame, pairs: pd.DataFrame, kinds: Mapping[str, bool]) -> list[str]:
    """For each arrangement and distance, "for" if it is as frequent in sequences of kind True as in
    others, or more."""
    keys, size = [*ARRANGEMENT, "distance"], max(sum(kinds.values()), 1)
    seen = pairs.assign(kind=pairs.sequence.map(kinds)).groupby([*keys, "kind"]).size().unstack(fill_value=0)
    share = seen.reindex(columns=[True, False], fill_value=0) / [size, max(len(kinds) - size, 1)]
    positive = share[True] >= share[False]
    return ["for" if positive[tuple(row)] else "against" for row in table[keys].itertuples(index=False)]


def rule_ranges(table: pd.DataFrame, level: float = LEVEL) -> pd.DataFrame:
    """Distances of `pair_rules` below `level`, joined with their neighbours: one row for each
    range, surest first.

    A column `speaks` keeps those of one side apart from the other's. Columns: the arrangement (and
    speaks); low, high, distance (the most frequent); count, expected (sums); p_value (the lowest).

    >>> rule_ranges(pair_rules(calls, lengths))
    """
    rows, keys = [], [*ARRANGEMENT, *(["speaks"] if "speaks" in table else [])]
    for arrangement, mine in table.groupby(keys, sort=False):
        alone = poisson.sf(mine["count"] - 1, mine.expected)  # not corrected: enough beside a distance that is sure
        near = mine[(mine.p_value < level) | (alone < BESIDE)].sort_values("distance")
        for _, part in near.groupby((near.distance.diff() > APART).cumsum()):
            if part.p_value.min() >= level:
                continue
            low, high = part.distance.min(), part.distance.max()
            whole = mine[mine.distance.between(low, high)]
            best = part.loc[part["count"].idxmax()].distance
            rows.append((*arrangement, low, high, best, whole["count"].sum(), whole.expected.sum(), part.p_value.min()))
    columns = [*keys, "low", "high", "distance", "count", "expected", "p_value"]
    out = pd.DataFrame(rows, columns=columns)
    sure = poisson.logsf(out["count"].astype(float) - 1, out.expected.astype(float))
    return out.assign(_sure=sure).sort_values("_sure", kind="stable").drop(columns="_sure").reset_index(drop=True)


def second_readings(rules: pd.DataFrame, length: Mapping[str, int]) -> np.ndarray:
    """Which rules are none, but one site that is read twice, or now and then by a wrong name.

    The two share bases at all distances; or they are one motif, and share bases at some distance,
    or the second one stands where another rule, at least CLEAR times as frequent, has another
    motif.
    """
    views = [seen_from(rule, length) for rule in rules.itertuples()]
    out = np.zeros(len(rules), dtype=bool)
    for i, rule in enumerate(rules.itertuples()):
        out[i] = rule.gap_high < 0
        if rule.motif_a == rule.motif_b:
            clear = [views[j] for j, other in enumerate(rules.itertuples()) if other.count >= CLEAR * rule.count]
            out[i] = rule.gap_low < 0 or any(
                motif == rule.motif_a and low < end and start < high
                for view in clear for motif, low, high in view for _, start, end in views[i]
            )  # fmt: skip
    return out


def seen_from(rule, length: Mapping[str, int]) -> list[tuple[str, int, int]]:
    """Where the partner lies, from each of a rule's motifs, in bp from its first base in its own
    direction."""
    a, b = length[rule.motif_a], length[rule.motif_b]
    from_a = (rule.low, rule.high + b) if rule.strand_a == "+" else (a - rule.high - b, a - rule.low)
    from_b = (-rule.high, a - rule.low) if rule.strand_b == "+" else (rule.low + b - a, rule.high + b)
    return [(rule.motif_a, *from_a), (rule.motif_b, *from_b)]


def chosen(pairs: pd.DataFrame, rule) -> pd.DataFrame:
    """The pairs of calls that a rule counts, at most PAIRS of them, at equal steps."""
    same = (pairs[ARRANGEMENT] == [getattr(rule, name) for name in ARRANGEMENT]).all(axis=1)
    mine = pairs[same & pairs.distance.between(rule.low, rule.high)]
    return mine.iloc[:: -(-len(mine) // PAIRS)] if len(mine) else mine


def pair_effects(
    model: Argminn, letters: Mapping[str, str], calls: pd.DataFrame, pairs: pd.DataFrame, *, tile: int = 500
) -> tuple:
    """Means of `silenced_logits` over pairs of calls, their interaction with its 95% interval, and
    the verdict."""
    a, b = (calls.iloc[pairs[side]][["start", "end"]].to_numpy() for side in ("call_a", "call_b"))
    cut, origin = [], []
    for name, start, end in zip(
        pairs.sequence, np.minimum(a[:, 0], b[:, 0]), np.maximum(a[:, 1], b[:, 1]), strict=True
    ):
        whole = len(letters[name]) <= 2 * tile
        origin.append(0 if whole else max(0, min((start + end - tile) // 2, len(letters[name]) - tile)))
        cut.append(letters[name] if whole else letters[name][origin[-1] : origin[-1] + tile])
    shift = np.array(origin)[:, None]
    logits = silenced_logits(model, one_hot(cut), torch.from_numpy(a - shift), torch.from_numpy(b - shift)).numpy()
    both, without_a, without_b, neither = logits.mean(0)
    each = logits @ np.array([1, -1, -1, 1])
    error = 1.96 * each.std() / np.sqrt(len(each))
    interval = (each.mean(), each.mean() - error, each.mean() + error)
    return both, without_a, without_b, neither, *interval, verdict(both, without_a, without_b, neither, interval)


@torch.no_grad()
def silenced_logits(
    model: Argminn, x: Float[Tensor, "N 4 L"], a: Tensor, b: Tensor, *, batch: int = 256
) -> Float[Tensor, "N 4"]:
    """Logits as they are, without the sites in interval a, without those in b, and without both.

    a and b are (N, 2), start and end. A hit is silenced (its activation set to 0, as if the filter
    had not fired) if its core shares half of the shorter one's bases with the interval. The bases
    stay: the network sees fewer hits.

    >>> silenced_logits(model, x, torch.tensor([[10, 18]]), torch.tensor([[30, 38]])).shape
    torch.Size([1, 4])
    """
    was, device, out = model.training, next(model.parameters()).device, []
    model.eval()
    for part, one, two in zip(x.split(batch), a.split(batch), b.split(batch), strict=True):
        reader, rows = Reader(model, part.to(device).float()), torch.arange(len(part), device=device)
        first, second = (covered(reader, model, interval.to(device)) for interval in (one, two))
        masks = (first & False, first, second, first | second)
        logits = [reader.logit(rows, reader.hits.activation.masked_fill(mask, 0))[0] for mask in masks]
        out.append(torch.stack(logits, 1).cpu())
    model.train(was)
    return torch.cat(out)


def covered(reader: Reader, model: Argminn, interval: Tensor) -> Bool[Tensor, "B M"]:
    """Which hits describe the bases of each sequence's interval."""
    first, end = (edge[reader.hits.channel] + reader.hits.start for edge in cores(model.scanner))
    start, stop = interval[:, :1], interval[:, 1:]
    return 2 * (torch.minimum(end, stop) - torch.maximum(first, start)) >= torch.minimum(end - first, stop - start)


def verdict(both: float, without_a: float, without_b: float, neither: float, interaction: tuple) -> str:
    """What having one motif, the other, or both does to the log-odds, in words.

    With a alone = without_b - neither, b alone = without_a - neither and the interaction's interval
    (value, low, high):

    - "additive": the interval holds 0, or the interaction is below SMALL of the largest effect -
    "cooperative": above 0. "both needed" if moreover only both together speak for the positive
    class - "repressive: a" or "repressive: b": below 0, and this motif lowers the odds beside the
    other - "redundant": below 0, each motif helps, but the second adds less than the first

    >>> verdict(3, -2, -2, -3, (4, 3.5, 4.5))
    'both needed'
    """
    value, low, high = interaction
    largest = max(abs(without_b - neither), abs(without_a - neither), abs(both - neither), abs(value))
    if low <= 0 <= high or abs(value) < SMALL * largest:
        return "additive"
    if value > 0:
        return "both needed" if both > 0 > max(without_a, without_b) else "cooperative"
    loss_a, loss_b = both - without_a, both - without_b
    if min(loss_a, loss_b) < -SMALL * largest:
        return f"repressive: {'a' if loss_a < loss_b else 'b'}"
    return "redundant"


def rule_sentence(rule: pd.Series, names: Mapping[str, str] | None = None) -> str:
    """A row of `find_rules` (or of `pair_rules`) in words; `names` gives motifs other names.

    >>> rule_sentence(rules.iloc[0], {"M1": "JUND", "M2": "TEAD4"})
    'JUND then TEAD4 on the same strand, 6 bp apart, 31x more often than by chance, p < 1e-20; both are needed'
    """
    a, b = ((names or {}).get(motif, motif) for motif in (rule.motif_a, rule.motif_b))
    how = {"++": "on the same strand", "+-": "facing each other", "-+": "looking away from each other"}
    times = rule["count"] / max(rule.expected, 1e-9)
    where = f"{int(rule.distance)} bp from start to start"
    if rule.get("gap_low", -1) >= 0:
        low, high = int(rule.gap_low), int(rule.gap_high)
        where = f"{low} bp apart" if low == high else f"{low} to {high} bp apart"
    p = "p < 1e-20" if rule.p_value < 1e-20 else f"p = {rule.p_value:.1g}"
    more = f"{times:.0f}x" if times >= 10 else f"{times:.1f}x"
    said = f"{a} then {b} {how[rule.strand_a + rule.strand_b]}, {where}, {more} more often than by chance, {p}"
    if "verdict" not in rule:
        return said
    words = {"additive": "each counts by itself", "both needed": "both are needed", "redundant": "either is enough",
             "cooperative": "together they count for more", "repressive: a": f"{a} undoes {b}",
             "repressive: b": f"{b} undoes {a}"}  # fmt: skip
    return f"{said}; {words[rule.verdict]}" + ("; it speaks against" if rule.speaks == "against" else "")
