"""The rules table: arrangements that are more frequent than chance, and what the network makes of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from scipy.stats import fisher_exact, poisson
from torch import Tensor

from motiflib.discovery import Discovery
from motiflib.evidence import Reader, cores
from motiflib.instances import call, merge
from motiflib.model import Argminn
from motiflib.sequence import InputError, Record, one_hot
from motiflib.syntax import ARRANGEMENT, REACH, benjamini_hochberg, distances, name_key, pair_rules
from motiflib.training import predict

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
    model: Argminn, found: Discovery, records: Iterable[Record | tuple[str, str]], *,
    calls: pd.DataFrame | None = None, level: float = LEVEL, reach: int = REACH, tile: int = 500,
) -> pd.DataFrame:  # fmt: skip
    """Rules between motifs in named sequences of any class, the surest first; give both classes to see both kinds.

    Columns: motif_a, strand_a, motif_b, strand_b as in `syntax.pair_rules`; low, high, the range of distances from
    start to start, and distance, its most frequent one; gap_low, gap_high, bases between the two; count, pairs in the
    range; expected, by chance among sequences that the network puts into the same class; p_value, the range's best
    one, corrected; speaks, "for" or "against" the positive class: where the network sees the pair more often; both,
    without_a, without_b, without_both: mean logit as it is and with sites silenced (`silenced_logits`);
    interaction = both - without_a - without_b + without_both with a 95% interval; verdict (`verdict`).
    The counts and the network must agree: rules that it sees more often where they lower the logit are left out.
    `calls` are those of `instances.call`, found here from the score FAINT on if not given; of calls of one motif that
    share bases the best counts. Raises InputError without records.

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
    """For each arrangement and distance, "for" if it is as frequent in sequences of kind True as in others, or more."""
    keys, size = [*ARRANGEMENT, "distance"], max(sum(kinds.values()), 1)
    seen = pairs.assign(kind=pairs.sequence.map(kinds)).groupby([*keys, "kind"]).size().unstack(fill_value=0)
    share = seen.reindex(columns=[True, False], fill_value=0) / [size, max(len(kinds) - size, 1)]
    positive = share[True] >= share[False]
    return ["for" if positive[tuple(row)] else "against" for row in table[keys].itertuples(index=False)]


def rule_ranges(table: pd.DataFrame, level: float = LEVEL) -> pd.DataFrame:
    """Distances of `pair_rules` below `level`, joined with their neighbours: one row for each range, surest first.

    A column `speaks` keeps those of one side apart from the other's. Columns: the arrangement (and speaks); low, high,
    distance (the most frequent); count, expected (sums); p_value (the lowest).

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

    The two share bases at all distances; or they are one motif, and share bases at some distance, or the second one
    stands where another rule, at least CLEAR times as frequent, has another motif.
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
    """Where the partner lies, from each of a rule's motifs, in bp from its first base in its own direction."""
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
    """Means of `silenced_logits` over pairs of calls, their interaction with its 95% interval, and the verdict."""
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

    a and b are (N, 2), start and end. A hit is silenced (its activation set to 0, as if the filter had not fired) if
    its core shares half of the shorter one's bases with the interval. The bases stay: the network sees fewer hits.

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

    With a alone = without_b - neither, b alone = without_a - neither and the interaction's interval (value, low, high):

    - "additive": the interval holds 0, or the interaction is below SMALL of the largest effect
    - "cooperative": above 0. "both needed" if moreover only both together speak for the positive class
    - "repressive: a" or "repressive: b": below 0, and this motif lowers the odds beside the other
    - "redundant": below 0, each motif helps, but the second adds less than the first

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


def cooccurrence(calls: pd.DataFrame, sequences: int) -> pd.DataFrame:
    """Whether sequences that hold one motif hold another more or less often, wherever it stands.

    Columns: motif_a, motif_b; with_a, with_b, together, sequences with each and with both of `sequences` searched;
    expected, with_a x with_b / sequences; p_value, Fisher's exact test, both sides, corrected for all pairs.
    together > expected is co-occurrence, together < expected exclusion.

    >>> cooccurrence(calls, len(records)).sort_values("p_value").head(1)
    """
    sets = {motif: set(mine.sequence) for motif, mine in calls.groupby("motif")}
    rows, names = [], sorted(sets, key=name_key)
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            n, m, k = len(sets[a]), len(sets[b]), len(sets[a] & sets[b])
            p = fisher_exact([[k, n - k], [m - k, sequences - n - m + k]])[1]
            rows.append((a, b, n, m, k, n * m / sequences, p))
    out = pd.DataFrame(rows, columns=["motif_a", "motif_b", "with_a", "with_b", "together", "expected", "p_value"])
    return out.assign(p_value=benjamini_hochberg(out.p_value.to_numpy()))


def periodicity(distances: Iterable[float], *, least: float = 9.5, most: float = 11.5, seed: int = 0) -> dict:
    """Whether preferred distances lie one turn of the double helix apart: period (bp), coherence in [0, 1], p_value.

    Coherence of period T: |mean of exp(2 pi i d / T)| over the distances d; the best T from `least` to `most` counts.
    p_value: the share of as many random distances within the same limits that do as well. Three distances or more.

    >>> periodicity([10, 20, 31])["period"]
    10.5
    """
    d, periods = np.sort(np.asarray(list(distances), dtype=float)), np.arange(least, most + 0.01, 0.1)
    if len(d) < 3:
        raise InputError(f"periodicity of {len(d)} distances: give three or more")
    wave = abs(np.exp(2j * np.pi * d / periods[:, None]).mean(1))
    rng = np.random.default_rng(seed)
    random = rng.uniform(d[0], d[-1], (4000, 1, len(d)))
    other = abs(np.exp(2j * np.pi * random / periods[:, None]).mean(2)).max(1)
    p_value = (1 + (other >= wave.max()).sum()) / 4001
    return {
        "period": round(float(periods[wave.argmax()]), 1),
        "coherence": float(wave.max()),
        "p_value": float(p_value),
    }


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
