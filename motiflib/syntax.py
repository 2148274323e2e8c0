"""Rules between motifs: which stand together, in which order, on which strands, how far apart, and how sure that is.

An arrangement of two calls is read in the direction in which the first motif is on the + strand, so a pair and its
reverse complement are one: "M1 + then M2 +, 11 bp" are M1 at 100-108 (+) and M2 at 111-121 (+), and just as well M2 at
100-110 (-) and M1 at 113-121 (-). The distance runs from the first base of a to the first base of b in this direction.
Of two calls that face each other (+ then -) or look away (- then +), both readings are alike: the motif with the lower
name comes first.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.signal import correlate
from scipy.stats import poisson

from motiflib.discovery import Discovery, channel_motifs
from motiflib.model import Argminn

REACH = 60  # bp from start to start: the longest distance that is looked at
SHARED = 2  # bases that two motifs beside each other may share: ends of matrices are not sharp
ARRANGEMENT = ["motif_a", "strand_a", "motif_b", "strand_b"]
RULE_COLUMNS = [*ARRANGEMENT, "distance", "count", "expected", "p_value"]


def distances(calls: pd.DataFrame, *, reach: int = REACH) -> pd.DataFrame:
    """All pairs of calls of one sequence up to `reach` bp apart: one row a pair, read as the top of this module says.

    Calls that share more than SHARED bases are two readings of one site and make no pair.

    Columns: sequence, motif_a, strand_a, motif_b, strand_b, distance; call_a, call_b, the pair's rows in `calls`.

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
    """How often two motifs stand in an arrangement, against what their positions alone would give; surest first.

    `lengths` names all sequences that were searched, those without a call too. Columns: motif_a, strand_a, motif_b,
    strand_b, distance (see the top of this module); count, pairs of calls; expected, the mean count if the calls of
    different motifs were dealt out anew among the sequences, each call keeping its strand and its place from the middle
    (the mean over all such shuffles, computed exactly as a cross-correlation), and its kind of sequence where `kinds`
    names one for each: that two motifs belong to one class is no rule yet; p_value, of a Poisson count at least this
    high, corrected for all arrangements and distances looked at (Benjamini and Hochberg 1995).

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
    table["p_value"] = benjamini_hochberg(poisson.sf(table["count"] - 1, table.expected))
    ratio = np.maximum(table["count"], 1e-9) / table.expected
    table["_sure"] = np.sign(table["count"] - table.expected) * (
        table["count"] * np.log(ratio) - table["count"] + table.expected
    )  # where p is 0 in floating point, this still tells
    table = table[table["count"] > 0].sort_values(["p_value", "_sure"], ascending=[True, False], kind="stable")
    return table[RULE_COLUMNS].reset_index(drop=True)


def expected_counts(calls: pd.DataFrame, lengths: Mapping[str, int], reach: int) -> pd.DataFrame:
    """Expected count of each arrangement and distance if sequences were dealt out anew: columns as in `pair_rules`."""
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


def benjamini_hochberg(p: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Adjusted p-values: the smallest false discovery rate at which each test is still accepted.

    >>> benjamini_hochberg(np.array([0.01, 0.02, 0.5])).round(2)
    array([0.03, 0.03, 0.5 ])
    """
    p = np.asarray(p, dtype=float)
    order = np.argsort(p)[::-1]
    scaled = p[order] * len(p) / np.arange(len(p), 0, -1)
    out = np.empty_like(p)
    out[order] = np.minimum.accumulate(np.minimum(scaled, 1))
    return out


def spacing_table(model: Argminn, found: Discovery) -> pd.DataFrame:
    """The spacings that the network has learnt, read from its weights rho, no sequence needed.

    Columns: motif_a, strand_a (always +), motif_b, strand_b, distance (signed, from the first base of a to the leftmost
    base of b in a's direction), weight = exp(rho) over its value in a new network: above 1 the network expects b there.
    A motif with several filters has several rows for a distance.
    Empty for a network without a neighbourhood.

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
