"""Designs obey what was asked, say why, and are refused by name when nothing can obey."""

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pandas as pd
import pytest
import torch
from motifbook.datasets import data_path
from motifbook.figures import design as drawn
from typer.testing import CliRunner

from motiflib import controls
from motiflib import designing as d
from motiflib.cli import app
from motiflib.designing import best_word, mirror, say, words_at
from motiflib.files import InputError
from motiflib.motif import Motif
from motiflib.run import figures, report
from motiflib.run import folder as runs
from motiflib.run.known import jaspar
from motiflib.sequence import read_fasta, reverse_complement, to_codes

torch.set_num_threads(1)
TWINS = ("broken", "spacing")


@pytest.fixture(scope="module")
def run():
    return runs.load_run(data_path("models", "rest"))


@pytest.fixture(scope="module")
def rules(run):
    return d.rulebook(run.model, run.found)


@pytest.fixture(scope="module")
def designs(run, rules):
    wanted = d.Constraints(
        gc=0.4, forbid=("GAATTC", "AAAA"), left="GGTACC", right="TTCGAA", apart=40
    )
    return d.design(run.model, run.found, 12, wanted, rules=rules)


def test_network_says_order_and_distance(rules):
    """The two halves of REST's site: 8 bp, a gap of 2 to 15 bp, the other half; nobody told the
    design."""
    words = rules.words
    left, right = sorted(words, key=lambda name: len(words[name]))
    for parts in rules.chosen.parts:
        forms = [parts, mirror(parts, words)]
        assert any(f[0].motif == left and f[0].strand == "+" and f[1].motif == right for f in forms)
        gap = parts[1].start - len(words[parts[0].motif])
        assert 2 <= gap <= 15
    assert len(rules.chosen) >= 10


def test_designs_obey(designs):
    c, sequences = designs.constraints, [r.sequence for r in designs.records]
    for sequence in sequences:
        assert len(sequence) == 200 and sequence.count("G") + sequence.count("C") == 80
        assert sequence.startswith(c.left) and sequence.endswith(c.right)
        for word in c.forbid:
            assert word not in sequence and reverse_complement(word) not in sequence
    apart = (designs.codes[:, None] != designs.codes).sum(2)[np.triu_indices(len(sequences), 1)]
    assert apart.min() >= 40 and (designs.probability >= 0.9).all()


def test_background_is_empty(run, designs):
    planned = np.zeros(designs.codes.shape, dtype=bool)
    for i, name in enumerate(designs.names):
        for s in designs.sites[designs.sites.design == name].itertuples():
            planned[i, s.start : s.end] = True
    free = ~planned
    free[:, :6] = free[:, -6:] = False
    codes, solved = d.empty(run.model, run.found, designs.codes, free, planned, (), seed=0)
    assert solved.all() and (codes == designs.codes).all()  # nothing had to be exchanged
    nowhere = planned & False
    codes, _ = d.empty(run.model, run.found, designs.codes, ~nowhere, nowhere, (), seed=0)
    assert (codes != designs.codes).any(1).all()  # sites that nobody planned do not stay


def test_explanations_are_complete(run, designs):
    table = d.explain(run.model, designs)
    first, asked = designs.sites[designs.sites.design == designs.names[0]], designs.constraints
    left = asked.length - len(asked.left) - len(asked.right) - int((first.end - first.start).sum())
    assert f"the other {left} bp are background" in table.text[0]  # a reason for every base
    for s in table.itertuples():
        sequence = dict(designs.records)[s.design]
        assert sequence[s.start : s.end] == s.word and s.word in s.text and s.rule in s.text
    assert (table.contribution > 1).all()
    left = d.unmentioned(run.model, designs)
    assert (left.silenced - left.probability).abs().median() < 0.02


def test_twins_are_negative_and_close(run, designs):
    made = controls.twins(run.model, run.found, designs)
    assert set(made) == {"broken", "spacing"}
    for kind, twin in made.items():
        assert np.mean(twin.probability < 0.5) >= 0.8 and (twin.codes != designs.codes).any(1).all()
        assert len(twin.sites) == len(designs.sites) / (2 if kind == "broken" else 1)
        for record in twin.records:
            assert "GAATTC" not in record.sequence


def test_same_seed_same_designs(run, rules):
    one, two = (d.design(run.model, run.found, 3, rules=rules, seed=4) for _ in range(2))
    assert (one.codes == two.codes).all() and one.sites.equals(two.sites)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"length": 16}, "length 16"),
        ({"gc": 0.02}, "gc 0.02"),
        ({"gc": 1.5}, "gc 1.5"),
        ({"forbid": ("AC",)}, "forbid"),
        ({"forbid": ("GTACC",), "left": "GGTACC"}, "fixed left flank"),
        ({"forbid": tuple(map("".join, product("ACGT", repeat=3)))}, "forbid AAA"),
        ({"counts": {"M9": 1}}, "no motif 'M9'"),
        ({"counts": {"M1": 0}}, "no arrangement"),
        ({"counts": {"M1": 30}}, "counts M1=30"),
        ({"apart": 400}, "apart 400"),
        ({"apart": -1}, "apart = -1: must be at least 0"),
        ({"length": -5}, "length = -5: must be at least 1"),
        ({"length": 10**20}, "must be at most"),
        ({"apart": 190}, "apart 190"),
        ({"left": "ACGU"}, "left"),
    ],
)
def test_impossible_is_refused_by_name(run, wanted, says):
    with pytest.raises(InputError, match=re.escape(says)) as error:
        d.design(run.model, run.found, 8, d.Constraints(**wanted))
    assert "\n" not in str(error.value)


def test_counts_are_kept(run):
    made = d.design(run.model, run.found, 3, d.Constraints(counts={"M1": 2}))
    assert (made.sites[made.sites.motif == "M1"].groupby("design").size() == 2).all()


def test_only_sites_that_help_are_listed(run, rules):
    """A second copy of M2 does nothing for this network; its bases are told of all the same."""
    made = d.design(run.model, run.found, 12, d.Constraints(counts={"M2": 2}), rules=rules, seed=1)
    table = d.explain(run.model, made)
    assert (table.contribution >= 0.05).all() and set(table.design) == set(made.names)
    assert len(made.sites) == 36 and len(table) <= 30
    for name, mine in table.groupby("design"):
        assert mine.text.iloc[0].count(" gives +") == len(mine) and " gives -" not in mine.text[:1]
        idle = "8 bp hold further sites that were asked for and do not help; the other 174 bp"
        assert (idle in mine.text.iloc[0]) == (len(mine) == 2), name


def test_what_is_wrong_on_purpose_stays_in_the_explanation(run, designs):
    made = controls.twins(run.model, run.found, designs)["spacing"]
    assert len(d.explain(run.model, made)) == len(made.sites) == 24
    rule = f"{designs.sites.rule[0]} (wrong on purpose)"
    worthless = made.sites.assign(rule=rule, start=0, end=3)  # no filter fires there
    table = d.explain(run.model, made._replace(sites=worthless))
    assert len(table) == 24 and table.contribution.max() < 0.05
    count = worthless.assign(rule="count of M2")
    assert not len(d.explain(run.model, made._replace(sites=count)))


def test_distances_that_are_equally_good_are_no_rule(rules):
    shown = report.rule_table(rules)
    assert shown.rule.tolist() == ["M1 + then M2 -, any of the distances 12 to 25 bp"]
    assert shown.logit.tolist() == [rules.chosen.logit.max()]
    flat = rules.table.assign(logit=np.where(rules.table.motifs == 2, 5.0, -2.0))
    flat["chosen"] = flat.motifs == 2
    everywhere = report.rule_table(rules._replace(table=flat, chosen=flat[flat.chosen])).rule
    assert everywhere.str.fullmatch(".*, any of the distances .* bp, no spacing rule").all()
    sharp = rules.table.assign(chosen=rules.table.index == 0)
    sharp.loc[1:, "logit"] -= 1
    rule = sharp.rule[0]
    assert report.rule_table(rules._replace(table=sharp, chosen=sharp[:1])).rule.tolist() == [rule]


def test_words_and_forms():
    assert best_word(jaspar("MAX"), ["CACGTG"]) != best_word(jaspar("MAX"))
    assert "CACGTG" not in best_word(jaspar("MAX"), ["CACGTG"])
    with pytest.raises(InputError, match="forbid"):
        best_word(
            Motif("A", np.array([[1.0] * 5, [0] * 5, [0] * 5, [0] * 5])), ["A", "C", "G", "T"]
        )
    words, parts = {"M1": "CACGTG", "M2": "GATA"}, (d.Part("M1", "+", 0), d.Part("M2", "-", 9))
    assert mirror(parts, words) == (d.Part("M2", "+", 0), d.Part("M1", "-", 7))
    assert mirror(mirror(parts, words), words) == parts
    assert say(parts) == "M1 + then M2 -, 9 bp from start to start"
    codes = np.stack([to_codes("ACGTTACGT")])
    for word in ("GTT", "AAC"):  # the same on the other strand
        assert np.flatnonzero(words_at(codes, [word])).tolist() == [2, 3, 4]


def test_command_line(tmp_path, run):
    folder = str(data_path("models", "rest"))
    done = CliRunner().invoke(
        app, ["design", folder, "--n", "4", "--out", str(tmp_path / "out"), "--forbid", "GAATTC"]
    )
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "out" / "designs.tsv", sep="\t")
    names = [r.name for r in read_fasta(tmp_path / "out" / "designs.fa")]
    others = [r.name for r in read_fasta(tmp_path / "out" / "controls.fa")]
    assert names == ["design_1", "design_2", "design_3", "design_4"]
    assert sorted(others) == sorted(f"{name}_{kind}" for name in names for kind in TWINS)
    assert set(table.design) == {*names, *others} and set(table.kind) == {"design", *TWINS}
    page = (tmp_path / "out" / "report.html").read_text()
    assert "any of the distances 12 to 25 bp" in page and "<b>design_4</b>" in page
    assert "<b>design_1_broken</b>" not in page and ", written 20" in page
    report.write_designs(run, tmp_path / "bare", 2, d.Constraints(), ablate=False, seed=0)
    assert not (tmp_path / "bare" / "controls.fa").exists()
    bad = CliRunner().invoke(
        app, ["design", folder, "--length", "15", "--out", str(tmp_path / "no")]
    )
    assert bad.exit_code == 2 and not (tmp_path / "no").exists()
    assert (
        CliRunner()
        .invoke(app, ["design", folder, "--count", "two", "--out", str(tmp_path / "no")])
        .exit_code
        == 2
    )


def test_figures(run, rules, designs):
    kinds = {"design": designs, **controls.twins(run.model, run.found, designs)}
    assert len(drawn.rule_profile(rules.table).lines) >= 4
    assert len(figures.layouts(designs, 3).get_yticks()) == 3
    assert [t.get_text() for t in figures.twin_probabilities(kinds).get_xticklabels()][
        0
    ] == "designs"
    table = pd.DataFrame({"method": ["rules", "random"], "motif match": [9.0, 1.0]})
    assert drawn.matches(table).get_yticklabels()[0].get_text() == "by rule"
