"""The rules table: ranges, sides, silencing, verdicts; on numbers and a network with answers one
can check by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from motifbook.probing import attention_next, cooccurrence, periodicity
from test_calling import OneWord, planted

from motiflib.discovery import find_motifs
from motiflib.files import InputError
from motiflib.sequence import one_hot
from motiflib.syntax import (
    find_rules,
    rule_ranges,
    rule_sentence,
    second_readings,
    silenced_logits,
    verdict,
)

ROW = {"motif_a": "M1", "strand_a": "+", "motif_b": "M2", "strand_b": "+"}


def counted(distances, p_value) -> pd.DataFrame:
    rows = [
        ROW | {"distance": d, "count": 30, "expected": 2.0, "p_value": p_value} for d in distances
    ]
    return pd.DataFrame(rows)


def test_neighbouring_distances_are_one_rule():
    weak = pd.DataFrame(
        [ROW | {"distance": 16, "count": 8, "expected": 2.0, "p_value": 0.2}]
    )  # 0.001 by itself
    chance = pd.DataFrame([ROW | {"distance": 30, "count": 3, "expected": 2.0, "p_value": 1.0}])
    near = pd.concat([counted([10, 11, 13, 14], 1e-9), weak, chance, counted([40], 1e-9)])
    ranges = rule_ranges(near.assign(speaks="for"))
    assert ranges[["low", "high", "count"]].values.tolist() == [[10, 16, 128], [40, 40, 30]]
    for_and_against = pd.concat(
        [counted([10, 11], 0).assign(speaks="for"), counted([12], 0).assign(speaks="against")]
    )
    assert rule_ranges(for_and_against)[["speaks", "low", "high"]].values.tolist() == [
        ["for", 10, 11],
        ["against", 12, 12],
    ]


def test_second_readings_of_one_site_are_no_rule():
    places = [
        ("M2", 20, 20, 12, 400),
        ("M1", 22, 22, 14, 40),
        ("M1", 40, 40, 32, 40),
        ("M1", 7, 11, -1, 400),
        ("M2", 6, 7, -2, 90),
    ]
    columns = ["motif_b", "low", "high", "gap_low", "count"]
    rules = pd.DataFrame(places, columns=columns).assign(motif_a="M1", strand_a="+", strand_b="+")
    rules["gap_high"] = rules.high - 8
    assert second_readings(rules, {"M1": 8, "M2": 10}).tolist() == [False, True, False, True, True]


def test_silencing_takes_what_an_instance_gives():
    records, truth = planted(8)
    start = torch.tensor(truth[["start", "end"]].to_numpy())
    logits = silenced_logits(OneWord(), one_hot([s for _, s in records]), start, start + 30)
    assert torch.allclose(logits, torch.tensor([1.0, -3.0, 1.0, -3.0]).expand(8, 4), atol=1e-2)


@pytest.mark.parametrize(
    ("logits", "word"),
    [
        ((3, -2, -2, -3), "both needed"),
        ((3, 1, 1, -1), "additive"),
        ((5, 1, 0.5, -1), "cooperative"),
        ((3, 2.5, 2.5, -3), "redundant"),
        ((-3, -3, 3, -3), "repressive: b"),
        ((-3, 3, -3, -3), "repressive: a"),
    ],
)
def test_verdicts(logits, word):
    both, without_a, without_b, neither = logits
    value = both - without_a - without_b + neither
    assert verdict(*logits, (value, value - 0.1, value + 0.1)) == word


def test_turns_of_the_helix():
    turns = periodicity([10, 20, 31, 42])
    assert 10.2 <= turns["period"] <= 10.7 and turns["p_value"] < 0.05
    assert periodicity([10, 15, 20, 26])["coherence"] < 0.3
    with pytest.raises(InputError, match="three"):
        periodicity([10, 20])


def test_together_and_apart():
    calls = pd.DataFrame(
        [(f"s{i}", "A" if i % 2 else "B") for i in range(100)], columns=["sequence", "motif"]
    )
    row = cooccurrence(calls, 100).iloc[0]
    assert row.together == 0 and row.expected == 25 and row.p_value < 1e-10


def test_words_of_a_rule():
    rule = pd.Series(
        ROW
        | {
            "distance": 15,
            "gap_low": 6,
            "gap_high": 6,
            "count": 310,
            "expected": 10.0,
            "p_value": 0,
            "speaks": "for",
            "verdict": "both needed",
        }
    )
    assert rule_sentence(rule, {"M1": "JUND", "M2": "TEAD4"}) == (
        "JUND then TEAD4 on the same strand, 6 bp apart, 31x more often than by chance, p < 1e-20; "
        "both are needed"
    )


@pytest.fixture(scope="module")
def pairs() -> tuple:
    """Pairs of one word, 20 bp from start to start, in half of the sequences; nothing in the other
    half."""
    records, rng = [], np.random.default_rng(0)
    found = find_motifs(
        OneWord(), one_hot([sequence for _, sequence in planted(300, letters="ACGT")[0]])
    )
    for i in range(120):
        letters, at = rng.choice(list("AT"), 80), int(rng.integers(5, 45))
        for place in (at, at + 20) if i % 2 else ():
            letters[place : place + 8] = list("GATTACAG")
        records.append((f"s{i}", "".join(letters)))
    return found, records


def test_rules_of_a_network_from_end_to_end(pairs):
    found, records = pairs
    rules = find_rules(OneWord(), found, records)
    assert rules[["low", "high", "gap_low", "count", "speaks"]].values.tolist() == [
        [20, 20, 12, 60, "for"]
    ]
    assert rules.both[0] == pytest.approx(5, abs=0.1) and rules.verdict[0] == "additive"
    assert len(find_rules(OneWord(), found, records[::2])) == 0
    nexts = attention_next(OneWord(), one_hot([s for _, s in records[1::2]]), found)
    assert nexts.groupby("step").share.sum().round(5).eq(1).all()
    assert nexts.sort_values("share").iloc[-1][["motif", "next"]].tolist() == ["M1", "M1"]
    with pytest.raises(InputError, match="no sequence"):
        find_rules(OneWord(), found, [])


@pytest.mark.parametrize(("both", "neither", "rules"), [(5.0, -3.0, 1), (-5.0, -3.0, 0)])
def test_counts_and_network_must_agree(pairs, monkeypatch, both, neither, rules):
    """The pairs stand in positives; where silencing them makes the sequence more positive, that is
    no rule."""
    effects = (both, 1.0, 1.0, neither, 0.0, -1.0, 1.0, "additive")
    monkeypatch.setattr("motiflib.syntax.pair_effects", lambda *args, **more: effects)
    assert len(find_rules(OneWord(), *pairs)) == rules
