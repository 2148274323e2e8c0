"""Grammar files: what they mean, and that a mistake is refused with one line: file, line and what
was expected."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from motifbook.grammar import grammar_names, load_grammar, parse_grammar
from motifbook.grammar.parse import SMOOTH

from motiflib.files import InputError

GOOD = """\
motifs:
  A: {consensus: CACGTG}
  B: {consensus: GATA}
positives:
  - {weight: 0.5, plant: [A]}
  - {weight: 0.5, plant: [A, B], spacing: [2, 15], order: either}
negatives:
  - {weight: 1, plant: []}
"""
TAIL = "positives: [{plant: [A]}]\nnegatives: [{plant: []}]"

BAD = {  # name: (text, line, part of the message)
    "unknown JASPAR id": (
        GOOD.replace("consensus: CACGTG", "jaspar: MA9999.1"),
        2,
        "unknown motif 'MA9999.1'",
    ),
    "unknown motif": (GOOD.replace("plant: [A]", "plant: [Z]"), 5, "expected one of A, B"),
    "negative spacing": (GOOD.replace("[2, 15]", "[-2, 15]"), 6, "is -2"),
    "spacing backwards": (GOOD.replace("[2, 15]", "[15, 2]"), 6, "low <= high"),
    "spacing of three": (GOOD.replace("[2, 15]", "[2, 15, 20]"), 6, "values"),
    "spacing of words": (GOOD.replace("[2, 15]", "near"), 6, "whole number"),
    "fractional spacing": (GOOD.replace("[2, 15]", "2.5"), 6, "whole number"),
    "spacing value twice": (GOOD.replace("[2, 15]", "{values: [2, 2]}"), 6, "twice"),
    "no spacing value": (GOOD.replace("[2, 15]", "{values: []}"), 6, "no value"),
    "wrong number of spacings": (
        GOOD.replace("[2, 15]", "[[2, 3], [2, 3]]"),
        6,
        "2 spacings for 2 motifs",
    ),
    "spacing missing": (GOOD.replace(" spacing: [2, 15],", ""), 6, "'spacing' is missing"),
    "spacing for one motif": (
        GOOD.replace("plant: [A]}", "plant: [A], spacing: 3}"),
        5,
        "two or more",
    ),
    "weights": (GOOD.replace("0.5, plant: [A]", "0.6, plant: [A]"), 5, "sum to 1.1"),
    "negative weight": (GOOD.replace("0.5, plant: [A]}", "-0.5, plant: [A]}"), 5, "from 0 to 1"),
    "nan weight": (GOOD.replace("0.5, plant: [A]}", ".nan, plant: [A]}"), 5, "number from 0 to 1"),
    "weight missing": (
        GOOD.replace("{weight: 0.5, plant: [A]}", "{plant: [A]}"),
        5,
        "'weight' is missing",
    ),
    "cycle": (
        "motifs:\n  A: {of: B, slice: [0, 2]}\n  B: {of: A}\n" + TAIL,
        2,
        "circle (A -> B -> A)",
    ),
    "of itself": ("motifs:\n  A: {of: A}\n" + TAIL, 2, "circle"),
    "of nothing": ("motifs:\n  A: {of: B}\n" + TAIL, 2, "'B', which is not there"),
    "YAML circle": ("motifs: &m\n  A: *m\n" + TAIL, 2, "motif"),
    "unknown key": (GOOD.replace("order", "odrer"), 6, "unknown key 'odrer'"),
    "unknown top key": (GOOD + "extra: 1\n", 9, "unknown key 'extra'"),
    "key twice": (GOOD.replace("  B:", "  A:"), 3, "given twice"),
    "unknown order": (GOOD.replace("either", "random"), 6, "fixed, either, any"),
    "unknown strand": (GOOD.replace("order: either", "strand: both"), 6, "+, -, either, same"),
    "strands for motifs": (
        GOOD.replace("order: either", "strand: ['+']"),
        6,
        "1 strands for 2 motifs",
    ),
    "slice too long": (GOOD.replace("CACGTG", "CACGTG, slice: [0, 9]"), 2, "0 to 6"),
    "slice empty": (GOOD.replace("CACGTG", "CACGTG, slice: [3, 3]"), 2, "start < end"),
    "not a base": (GOOD.replace("CACGTG", "CACGTE"), 2, "letter 'E'"),
    "two sources": (GOOD.replace("CACGTG", "CACGTG, jaspar: MA0058.4"), 2, "exactly one of"),
    "no source": (GOOD.replace("consensus: CACGTG", "slice: [0, 3]"), 2, "no source"),
    "not YAML": (GOOD.replace("[A]}", "[A}"), 5, "not YAML"),
    "tabs": ("motifs:\n\tA: 1\n", 2, "not YAML"),
    "a list": ("- 1\n", 1, "not a mapping"),
    "a word": ("hello", 1, "not a mapping"),
    "class missing": (GOOD.split("negatives")[0], 1, "'negatives' is missing"),
    "class empty": (GOOD.split("negatives")[0] + "negatives: []", 7, "at least one alternative"),
    "motifs empty": ("motifs: {}\n" + TAIL, 1, "at least one"),
    "plant missing": (
        GOOD.replace("{weight: 1, plant: []}", "{weight: 1}"),
        8,
        "'plant' is missing",
    ),
    "plant a word": (GOOD.replace("plant: [A]", "plant: A"), 5, "not a list"),
    "too many": (
        GOOD.replace("plant: [A]", "plant: [A, A, A, A, A, A, A], spacing: 1"),
        5,
        "at most 6",
    ),
    "too many ways": (
        GOOD.replace(
            "plant: [A]}", "plant: [A, A, A, A, A], spacing: 1, order: any, strand: either}"
        ),
        5,
        "3840 orders and strands",
    ),
    "within": ("within: -1\n" + GOOD, 1, "whole number from 0"),
    "key not a word": ("[1, 2]: 3\n", 1, "not a word"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_is_refused_with_file_line_and_expectation(name, tmp_path):
    text, line, part = BAD[name]
    path = tmp_path / "mine.yml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        load_grammar(path)
    message = str(error.value)
    assert (
        message.startswith(f"{path}, line {line}: ") and "expected" in message and part in message
    ), message
    assert "\n" not in message


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00bad", b"a" * 2_000_000, b"[" * 1_500])
def test_a_file_that_is_no_grammar(content, tmp_path):
    path = tmp_path / "mine.yml"
    path.write_bytes(content)
    with pytest.raises(InputError, match="expected") as error:
        load_grammar(path)
    assert "\n" not in str(error.value) and str(path) in str(error.value)


def test_a_missing_file_names_the_grammars_that_exist(tmp_path):
    for place in ("no-such-grammar", tmp_path):
        with pytest.raises(InputError, match="e2f6-max"):
            load_grammar(place)


def test_names():
    assert grammar_names()[:6] == ["spi1", "tal-gata", "e2f6-max", "jund-tead", "rest", "spi1-ctcf"]
    assert set(grammar_names()[6:]) == {
        "rest-nonadditive",
        "same-strand",
        "helical",
        "three-in-order",
    }


@pytest.mark.parametrize("name", grammar_names())
def test_weights_of_arrangements_sum_to_one_and_matrices_are_positive(name):
    grammar = load_grammar(name)
    for label in (0, 1):
        assert abs(sum(a.weight for a in grammar.arrangements(label)) - 1) < 1e-9
    assert all(
        np.allclose(m.pfm.sum(0), 1) and m.pfm.min() > SMOOTH / 2 for m in grammar.motifs.values()
    )


def test_motifs_by_id_slice_and_consensus():
    rest = load_grammar("rest").motifs
    assert rest["left"].consensus == "TCAGCACC" and rest["right"].consensus == "GGACAGCGCC"
    assert np.allclose(rest["left"].pfm, rest["REST"].pfm[:, :8])
    iupac = parse_grammar("motifs: {A: {consensus: RN}}\n" + TAIL).motifs["A"].pfm
    assert np.allclose(iupac[:, 1], 0.25) and np.allclose(iupac[[0, 2], 0], 0.5, atol=2e-3)


def test_order_strand_and_spacing_expand_as_written():
    text = (
        "motifs: {A: {consensus: AC}, B: {consensus: GG}, C: {consensus: T}}\n"
        "negatives: [{plant: []}]\npositives: "
    )

    def arrangements(alternative: str):
        return parse_grammar(text + f"[{{{alternative}}}]").arrangements(1)

    either = arrangements(
        "plant: [A, B, C], order: either, spacing: [[1, 2], 7], strand: [+, '-', +]"
    )
    assert [(a.motifs, a.strands, a.gaps) for a in either] == [
        (("A", "B", "C"), ("+", "-", "+"), ((1, 2), (7,))),
        (("C", "B", "A"), ("+", "-", "+"), ((7,), (1, 2))),
    ]
    assert len(arrangements("plant: [A, B, C], order: any, spacing: 1")) == 6
    assert len(arrangements("plant: [A, B], strand: either, spacing: 1")) == 4
    same = arrangements("plant: [A, B], strand: same, spacing: {values: [1, 9]}")
    assert (
        [a.strands for a in same] == [("+", "+"), ("-", "-")]
        and same[0].gaps == ((1, 9),)
        and same[0].weight == 0.5
    )


words = st.text("ABCDEFGH", min_size=1, max_size=4)
gap = st.one_of(
    st.integers(0, 30),
    st.tuples(st.integers(0, 9), st.integers(9, 30)).map(list),
    st.lists(st.integers(0, 50), min_size=1, max_size=4, unique=True).map(lambda v: {"values": v}),
)


@st.composite
def grammars(draw):
    names = draw(st.lists(words, min_size=1, max_size=3, unique=True))

    def alternative():
        plant = draw(st.lists(st.sampled_from(names), max_size=3))
        out = {
            "plant": plant,
            "order": draw(st.sampled_from(["fixed", "either", "any"])),
            "strand": draw(st.sampled_from(["+", "-", "either", "same"])),
        }
        return {**out, "spacing": draw(gap)} if len(plant) > 1 else out

    def some():
        n = draw(st.integers(1, 3))
        return [{**alternative(), "weight": 1 / n} for _ in range(n)]

    motifs = {m: {"consensus": draw(st.text("ACGTNRY", min_size=1, max_size=8))} for m in names}
    return {
        "motifs": motifs,
        "positives": some(),
        "negatives": some(),
        "within": draw(st.integers(0, 60)),
    }


@settings(max_examples=40, deadline=None)
@given(grammars())
def test_what_is_written_is_read(document):
    grammar = parse_grammar(yaml.safe_dump(document))
    assert {m: x.width for m, x in grammar.motifs.items()} == {
        m: len(v["consensus"]) for m, v in document["motifs"].items()
    }
    for label, side in ((1, "positives"), (0, "negatives")):
        assert abs(sum(a.weight for a in grammar.arrangements(label)) - 1) < 1e-9
        written = grammar.positives if label else grammar.negatives
        assert [list(a.plant) for a in written] == [a["plant"] for a in document[side]]
    low, high = grammar.starts(grammar.longest(), 300)
    assert 0 <= low < high <= 300 - grammar.longest() + 1


@settings(max_examples=100, deadline=None)
@given(
    st.text(st.characters(codec="utf-8"), max_size=200)
    | st.integers(0, len(GOOD)).map(lambda i: GOOD[:i] + ":" + GOOD[i:])
    | st.integers(0, len(GOOD)).map(lambda i: GOOD[:i])
)
def test_any_text_is_read_or_refused_in_one_line(text):
    try:
        parse_grammar(text, "mine.yml")
    except InputError as error:
        assert (
            str(error).startswith("mine.yml")
            and "expected" in str(error)
            and len(str(error).splitlines()) == 1
        )
