"""The compiler against its plain evaluator: random rules on random and adversarial sequences."""

from __future__ import annotations

import os
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from motifbook.compiler import (
    And,
    Or,
    Rule,
    cases,
    compile_grammar,
    count,
    holds,
    present,
    rule_of,
    spaced,
)
from motifbook.grammar import Oracle, grammar_names, load_grammar, simulate_batch
from sklearn.metrics import roc_auc_score

from motiflib.files import InputError
from motiflib.model import Argminn
from motiflib.sequence import one_hot, reverse_complement

A, B, C = "CACGTC", "GATAAG", "TTGCAA"  # the last is a palindrome
EXAMPLES = int(
    os.environ.get("MOTIFLIB_EXAMPLES", 20)
)  # set it to 1000 after a change of the construction
WORDS = {"A": A, "B": B, "C": C}


def decisions(rule: Rule, sequences: list[str]) -> list[bool]:
    with torch.no_grad():
        return (compile_grammar(rule)(one_hot(sequences)) > 0).tolist()


def agrees(rule: Rule, *sequences: str) -> list[bool]:
    """The network's decisions, after checking that they are the evaluator's, on both strands."""
    wide = [f"GGGGGGGGGGGG{s}GGGGGGGGGGGG" for s in sequences]
    truth = [holds(rule, s) for s in wide]
    assert decisions(rule, wide) == truth == decisions(rule, [reverse_complement(s) for s in wide])
    return truth


def test_present_and_or_not():
    texts = ("", A, B, A + B, reverse_complement(A))
    assert agrees(Rule(WORDS, present("A") & present("B")), *texts) == [
        False,
        False,
        False,
        True,
        False,
    ]
    assert agrees(Rule(WORDS, present("A") | present("B")), *texts) == [
        False,
        True,
        True,
        True,
        True,
    ]
    assert agrees(Rule(WORDS, ~present("A")), *texts) == [True, False, True, False, False]


def test_one_letter_wrong_is_no_occurrence():
    assert agrees(Rule({"A": "CACRTN"}, present("A")), "CACGTT", "CACATA", "CACCTT") == [
        True,
        True,
        False,
    ]


def test_spacing_order_and_strand():
    rule = Rule(WORDS, spaced("A B", 3))
    texts = (
        A + "TTT" + B,
        A + "TT" + B,
        A + "TTTT" + B,
        B + "TTT" + A,
        A + "TTT" + reverse_complement(B),
    )
    assert agrees(rule, *texts) == [True, False, False, False, False]
    assert agrees(Rule(WORDS, spaced("A B", range(2, 4))), *texts) == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert agrees(Rule(WORDS, spaced("A B", 3, "+-")), *texts) == [False, False, False, False, True]


def test_three_in_order_needs_one_anchor():
    """B between A and A: both partners must be seen from the same B, not each from another."""
    rule = Rule(WORDS, spaced("A B A", range(2, 5)))
    whole, left, right = A + "TT" + B + "TTTT" + A, A + "TT" + B, B + "TTTT" + A
    assert agrees(rule, whole, left, right, left + "G" * 30 + right) == [True, False, False, False]


def test_counts():
    texts = [("TT" + A) * k for k in range(6)]
    for n in (1, 2, 4):
        assert agrees(Rule(WORDS, count("A", n)), *texts) == [k >= n for k in range(6)]
    assert agrees(Rule(WORDS, ~count("A", 3) & count("A", 2)), *texts) == [k == 2 for k in range(6)]
    assert agrees(Rule(WORDS, count("C", 2)), C, C + "T" + C) == [
        False,
        True,
    ]  # a palindrome counts once
    pairs = [(A + "TTT" + B + "GGGG") * k for k in range(4)]
    assert agrees(Rule(WORDS, count(spaced("A B", 3), 2)), *pairs) == [False, False, True, True]


def test_a_motif_in_two_roles_gets_two_filters():
    rule = Rule(WORDS, spaced("A B", 3) & ~spaced("A B", 5))
    assert compile_grammar(rule).config.filters == 3
    near, far = A + "TTT" + B, A + "TTTTT" + B
    assert agrees(rule, near, far, near + "GGGG" + far) == [True, False, False]


@pytest.mark.parametrize("name", grammar_names())
def test_grammars_of_the_library(name):
    rule = rule_of(load_grammar(name))
    table = cases(rule, 20, 200)
    assert decisions(rule, list(table.sequence)) == table.holds.tolist()


def test_spi1_is_repressed_by_ctcf():
    rule = rule_of(load_grammar("spi1-ctcf"))
    spi1, ctcf = ("".join(column[0] for column in rule.letters(m)) for m in ("SPI1", "CTCF"))
    texts = (spi1, spi1 + "A" * 8 + ctcf, spi1 + "A" * 40 + ctcf, ctcf)
    assert agrees(rule, *texts) == [True, False, True, False]


def formulas():
    names = st.sampled_from("ABC")
    ranges = st.tuples(st.integers(0, 4), st.integers(1, 6)).map(lambda g: range(g[0], sum(g)))
    gaps, sides = st.one_of(st.integers(0, 9), ranges), st.sampled_from(["++", "+-", "-+"])
    pair = st.builds(
        lambda a, b, gap, side: spaced(f"{a} {b}", gap, side), names, names, gaps, sides
    )
    three = st.builds(lambda a, b, c, gap: spaced(f"{a} {b} {c}", gap), names, names, names, gaps)
    atoms = st.one_of(
        names.map(present),
        st.builds(count, names, st.integers(1, 4)),
        pair,
        three,
        st.builds(count, pair, st.integers(1, 3)),
    )
    return st.recursive(
        atoms,
        lambda f: st.one_of(
            f.map(lambda a: ~a),
            st.lists(f, min_size=2, max_size=3).map(lambda fs: And(tuple(fs))),
            st.lists(f, min_size=2, max_size=3).map(lambda fs: Or(tuple(fs))),
        ),
        max_leaves=4,
    )


words = st.lists(st.text("ACGT", min_size=4, max_size=9), min_size=3, max_size=3)


@settings(max_examples=EXAMPLES, deadline=None)
@given(words=words, formula=formulas(), seed=st.integers(0, 1000))
def test_compiled_agrees_with_the_evaluator(words, formula, seed):
    rule, chance = Rule(dict(zip("ABC", words, strict=True)), formula), random.Random(seed)
    texts = []
    for kind in range(
        24
    ):  # letters at random; words of the rule in any order, strand and distance; a few N
        pieces = []
        for _ in range(chance.randint(0, 6)):
            word = chance.choice(words)
            pieces.append(reverse_complement(word) if chance.random() < 0.4 else word)
            pieces.append("".join(chance.choices("ACGT", k=chance.randint(0, 9))))
        text = "".join(pieces) + "".join(chance.choices("ACGT", k=20))
        at = chance.randrange(len(text))
        texts.append(text[:at] + "N" + text[at:] if kind % 6 == 0 else text)
    try:
        texts += list(cases(rule, 4, 250, seed).sequence)
    except InputError:
        pass  # a rule that nearly always or never holds
    try:
        model = compile_grammar(rule)
    except InputError as error:
        assert "same of every sequence" in str(error)
        assert len({holds(rule, text) for text in texts}) == 1
        return
    with torch.no_grad():
        x = one_hot(texts, max(map(len, texts)))
        few = (model.scanner(x) > 0).sum((1, 2)) <= model.config.candidates
        said = model(x) > 0
    wrong = [
        text
        for text, ok, yes in zip(texts, few, said, strict=True)
        if ok and bool(yes) != holds(rule, text)
    ]
    assert not wrong, (wrong[0], rule)


def test_palindromes_at_the_edge():
    """Both strands of a palindrome share one window, so that both readings see it or none does."""
    rule = Rule({"A": "AAATTT", "B": "AAAAAAA"}, present("A"))
    texts = ["AAATTTCATTTTGG", "GAAATTTCATTTTGG", "GGCATTTGAAATTTG", "GGCATTTTGAAATTT"]
    assert (
        decisions(rule, texts)
        == [holds(rule, text) for text in texts]
        == [False, True, True, False]
    )
    with pytest.raises(InputError, match="even and of odd"):
        compile_grammar(Rule({"A": "AAATTT", "B": "CAATNATTG"}, present("A") & present("B")))


def test_margin_is_stated():
    """No decision is a near thing: with one layer the logit is at least 50 from 0, with counts at
    least 12."""
    for formula, least in ((present("A") & ~present("B"), 50), (count("A", 12), 12)):
        rule = Rule(WORDS, formula)
        with torch.no_grad():
            logit = compile_grammar(rule)(
                one_hot([("TT" + A) * k + "G" * 40 for k in range(20)][::-1])
            )
        assert logit.abs().min() > least


def test_too_many_occurrences_break_the_promise():
    """What the theorem excludes: 60 copies of one motif leave no candidate for another that is
    copied less."""
    rule = Rule({"A": A, "B": B}, present("A") & present("B"))
    model, text = compile_grammar(rule, candidates=8), (A + "T") * 12 + B + "T" * 12
    assert holds(rule, text) and (model.scanner(one_hot([text])) > 0).sum() > 8
    assert bool(compile_grammar(rule)(one_hot([text])) > 0)


@pytest.mark.parametrize(
    ("formula", "bound"),
    [
        (count("A", 99), "1 to 16"),
        (spaced("A B", 900), "reach of 500"),
        (spaced("A B A B", range(2, 5)), "one anchor"),
        (spaced("A B A B A B A", 1), "bound is 6"),
        (present("A") | ~present("A") & present("A"), None),
        (present("A") & ~present("A"), "some sequences keep"),
        (And(tuple(spaced("A B", g) | spaced("B A", g) for g in range(1, 9))), "64 clauses"),
    ],
)
def test_bounds_are_named(formula, bound):
    rule = Rule(WORDS, formula)
    if bound is None:
        compile_grammar(rule)
        return
    with pytest.raises(InputError, match=bound):
        compile_grammar(rule)


def test_short_words_and_wrong_names_are_refused():
    with pytest.raises(InputError, match="8 bits"):
        compile_grammar(Rule({"A": "CAC"}, present("A")))
    with pytest.raises(InputError, match="no motif 'Z'"):
        compile_grammar(Rule(WORDS, present("Z")))
    with pytest.raises(InputError, match="IUPAC|letters"):
        Rule({"A": "CAXGTG"}, present("A"))


def test_a_compiled_network_is_an_ordinary_one(tmp_path):
    model = compile_grammar(load_grammar("rest"))
    model.save_pretrained(tmp_path)
    again, x = Argminn.from_pretrained(tmp_path), one_hot(["ACGT" * 30])
    assert type(again) is Argminn and torch.equal(again(x), model(x))


@pytest.mark.parametrize(("name", "gap"), [("rest", 0.03), ("spi1-ctcf", 0.02)])
def test_soft_form_is_near_the_oracle_untrained(name, gap):
    grammar = load_grammar(name)
    x, y = simulate_batch(grammar, 800, seed=5)
    with torch.no_grad():
        logit = compile_grammar(grammar, form="pwm")(x)
    best = roc_auc_score(y, Oracle(grammar).log_likelihood_ratio(x))
    assert roc_auc_score(y, logit) > best - gap


def test_soft_form_has_no_counts():
    with pytest.raises(InputError, match="count in the soft form"):
        compile_grammar(Rule(WORDS, count("A", 2)), form="pwm")
    with pytest.raises(InputError, match="unknown form"):
        compile_grammar(Rule(WORDS, present("A")), form="hard")


def test_curves_are_drawn_with_their_names():
    from motifbook import figures

    lines = {"in order": (range(3), [-1, 1, -1]), "turned": (range(3), [-1, -1, -1])}
    ax = figures.curves(lines, "gap", "logit", threshold=0)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["in order", "turned"]
    assert list(ax.lines[1].get_ydata()) == [-1, 1, -1]
