"""Rules: arrangements counted once for both strands, expectation against shuffles, planted rules
found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from motifbook.probing import attention_shares
from test_calling import OneWord, planted

from motiflib.discovery import find_motifs
from motiflib.sequence import one_hot
from motiflib.syntax import (
    distances,
    expected_counts,
    name_key,
    pair_rules,
    rule_sentence,
    spacing_table,
)

WIDTH = {"M1": 8, "M2": 10}
ARRANGED = ["motif_a", "strand_a", "motif_b", "strand_b", "distance"]


def table(rows) -> pd.DataFrame:
    calls = pd.DataFrame(rows, columns=["sequence", "start", "motif", "strand"])
    return calls.assign(end=calls.start + calls.motif.map(WIDTH), score=1.0)


def turned(calls: pd.DataFrame, length: int) -> pd.DataFrame:
    flip = {"+": "-", "-": "+"}
    return calls.assign(
        start=length - calls.end, end=length - calls.start, strand=calls.strand.map(flip)
    )


@pytest.mark.parametrize("second", ["+", "-"])
@pytest.mark.parametrize("first", ["+", "-"])
@pytest.mark.parametrize("motifs", [("M1", "M2"), ("M2", "M1"), ("M1", "M1")])
def test_reverse_complement_is_the_same_arrangement(motifs, first, second):
    calls = table([("s", 100, motifs[0], first), ("s", 111, motifs[1], second)])
    ours, theirs = (distances(c)[ARRANGED].values.tolist() for c in (calls, turned(calls, 300)))
    assert ours == theirs
    assert ours[0][1] + ours[0][3] in ("++", "+-", "-+")


def test_the_example_of_the_module():
    one = table([("s", 100, "M1", "+"), ("s", 111, "M2", "+")])
    other = table([("s", 100, "M2", "-"), ("s", 113, "M1", "-")])
    for calls in (one, other):
        assert distances(calls)[ARRANGED].values.tolist() == [["M1", "+", "M2", "+", 11]]


def scattered(n: int = 300, seed: int = 0, rule: float = 0.5) -> pd.DataFrame:
    rng, rows = np.random.default_rng(seed), []
    for i in range(n):
        start = int(rng.integers(50, 150))
        rows.append((f"s{i}", start, "M1", "+"))
        follows = rng.random() < rule
        rows.append(
            (
                f"s{i}",
                start + 17 if follows else int(rng.integers(50, 150)),
                "M2",
                "+" if follows else "-",
            )
        )
    return table(rows)


def test_planted_rule_comes_first():
    lengths = {f"s{i}": 200 for i in range(300)}
    rules = pair_rules(scattered(), lengths)
    top = rules.iloc[0]
    assert top[ARRANGED].tolist() == ["M1", "+", "M2", "+", 17]
    assert top["count"] > 120 and top.p_value < 1e-20 and top["count"] > 20 * top.expected
    assert (rules.p_value < 0.01).sum() == 1
    assert rule_sentence(top, {"M1": "A"}).startswith(
        "A then M2 on the same strand, 17 bp from start to start"
    )
    assert "p < 1e-20" in rule_sentence(top)
    said = [rule_sentence(pd.concat([top, pd.Series({"gap_low": 2, "gap_high": high})]))
            for high in (2, 10, 11)]
    assert [sentence.split(", ")[1] for sentence in said] == [
        "2 bp apart", "2 to 10 bp apart", "any of 2 to 11 bp apart"]


def test_chance_gives_no_rule():
    assert not (
        pair_rules(scattered(rule=0), {f"s{i}": 200 for i in range(300)}).p_value < 0.01
    ).any()
    assert len(pair_rules(table([]).astype({"start": int}), {"s0": 100})) == 0


def test_expectation_is_the_mean_of_shuffles():
    calls, lengths = scattered(60, seed=3), {f"s{i}": 200 for i in range(60)}
    expected = expected_counts(calls, lengths).query("distance >= 10")  # nearer ones share bases
    expected = expected.groupby(["motif_a", "motif_b"]).expected.sum()["M1", "M2"]
    rng, totals = np.random.default_rng(0), []
    names = np.array(sorted(lengths))
    for _ in range(40):
        mixed = calls.copy()
        for motif in ("M1", "M2"):
            mine = (mixed.motif == motif).to_numpy()
            mixed.loc[mine, "sequence"] = rng.permutation(names)
        pairs = distances(mixed)
        totals.append(
            ((pairs.motif_a == "M1") & (pairs.motif_b == "M2") & (pairs.distance >= 10)).sum()
        )
    assert expected == pytest.approx(np.mean(totals), rel=0.15)


def test_names_are_sorted_by_number():
    assert sorted(["M10", "M2", "x"], key=name_key) == ["M2", "M10", "x"]


def test_weights_and_steps_are_read():
    x = one_hot([sequence for _, sequence in planted(60, letters="ACGT")[0]])
    found = find_motifs(OneWord(), x)
    shares, names = attention_shares(OneWord(), x, found)
    assert shares.sum(-1).round(decimals=5).eq(1).all()
    assert shares.mean(0)[..., names.index("M1")].min() > 0.9
    assert len(spacing_table(OneWord(), found)) == 0  # no neighbourhood in this network
