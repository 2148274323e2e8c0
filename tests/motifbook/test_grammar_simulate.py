"""The simulator: what is planted is what the grammar says, at the stated rates, and the same
whatever the batch size.

Power: rates are judged on 20,000 sequences with a tolerance of 4.5 standard errors (false alarm
below 1e-5 per check): a rate of 0.5 that is off by 0.025 is found with a probability above 0.99.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from motifbook.grammar import (
    grammar_names,
    load_grammar,
    parse_grammar,
    simulate,
    simulate_batch,
    write_simulation,
)
from motifbook.grammar.background import lanes, streams, uniforms

from motiflib.files import InputError
from motiflib.sequence import read_fasta, reverse_complement

N, SIGMAS = 20_000, 4.5
PLAIN = "motifs: {A: {consensus: CACGTG}}\npositives: [{plant: [A]}]\nnegatives: [{plant: []}]"


def close(share: float, expected: float, n: int) -> bool:
    return abs(share - expected) <= SIGMAS * (max(expected * (1 - expected), 1e-9) / n) ** 0.5


@pytest.fixture(scope="module")
def big():
    return simulate(load_grammar("e2f6-max"), 2 * N, length=160, seed=4)


def test_random_numbers_are_uniform_and_independent():
    keys = streams(7, 0, 4000)
    u = uniforms(keys, 0, 50)
    assert u.min() >= 0 and u.max() < 1
    counts = torch.histc(u, 100, 0, 1)
    assert ((counts - 2000) ** 2 / 2000).sum() < 99 + 5 * (2 * 99) ** 0.5  # chi squared, 5 sd
    assert abs(torch.corrcoef(u.T) - torch.eye(50)).max() < 5 / 4000**0.5
    assert abs(torch.corrcoef(u[:50]) - torch.eye(50)).max() < 6 / 50**0.5
    assert abs(lanes(keys, 100, 64).double().mean() + 0.5) < SIGMAS * 18918 / (4000 * 64) ** 0.5
    assert len(set(streams(1, 0, 10_000).tolist()) | set(streams(2, 0, 10_000).tolist())) == 20_000


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(grammar_names()),
    st.integers(0, 2**40),
    st.integers(1, 60),
    st.integers(0, 60),
    st.integers(0, 10**9),
)
def test_any_part_of_a_simulation_is_the_same_by_itself(name, seed, n, skip, first):
    grammar = load_grammar(name)
    x, y = simulate_batch(grammar, skip + n, length=120, seed=seed, first=first)
    part, labels = simulate_batch(grammar, n, length=120, seed=seed, first=first + skip)
    assert torch.equal(x[skip:], part) and torch.equal(y[skip:], labels)
    whole = simulate(grammar, n, length=120, seed=seed, first=first + skip)
    assert torch.equal(whole.x.float(), part) and torch.equal(whole.y, labels)


def test_blocks_do_not_show():
    grammar = load_grammar("rest")
    whole = simulate(grammar, 5000, length=60, seed=1)
    part = simulate(grammar, 900, length=60, seed=1, first=4100)
    assert torch.equal(whole.x[4100:], part.x)
    late = whole.truth[whole.truth.row >= 4100].drop(columns="row").reset_index(drop=True)
    assert late.equals(part.truth.drop(columns="row"))


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(grammar_names()),
    st.integers(0, 99),
    st.sampled_from([110, 121, 500]),
    st.sampled_from([0, 1]),
)
def test_truth_keeps_the_rules_of_the_grammar(name, seed, length, label):
    grammar = load_grammar(name)
    data = simulate(grammar, 60, length=length, seed=seed)
    allowed = {(a.motifs, a.strands): a.gaps for a in grammar.arrangements(label)}
    assert torch.equal(data.x.sum(1), torch.ones(60, length))
    truth = data.truth[data.truth.row % 2 == 1 - label]
    assert (truth.sequence == truth.row.map(lambda i: data.names[i])).all()
    assert truth.empty or truth.start.min() >= 0 and truth.end.max() <= length
    for _, t in truth.groupby("row"):
        assert all(t.end - t.start == [grammar.motifs[m].width for m in t.motif])
        gaps = tuple(t.start.to_numpy()[1:] - t.end.to_numpy()[:-1])
        turned = tuple("-+"[s == "-"] for s in t.strand[::-1])
        forward, back = (tuple(t.motif), tuple(t.strand)), (tuple(t.motif[::-1]), turned)
        assert any(
            key in allowed and all(g in ok for g, ok in zip(between, allowed[key], strict=False))
            for key, between in ((forward, gaps), (back, gaps[::-1]))
        )


@pytest.mark.parametrize("name", ["tal-gata", "e2f6-max", "spi1-ctcf", "rest-nonadditive"])
def test_alternatives_come_at_their_weights(name):
    grammar = load_grammar(name)
    data = simulate(grammar, 2 * N, length=160, seed=2)
    for label, alternatives in ((1, grammar.positives), (0, grammar.negatives)):
        truth = data.truth[data.truth.row % 2 == 1 - label]
        rates = truth.groupby("component").row.nunique() / N
        for key in {"+".join(a.plant) for a in alternatives if a.plant}:
            weight = sum(a.weight for a in alternatives if "+".join(a.plant) == key)
            assert close(rates[key], weight, N), (key, rates[key], weight)


def test_orders_strands_gaps_and_starts_come_at_their_rates(big):
    t = big.truth[big.truth.row % 2 == 0]
    first, second = t.iloc[0::2], t.iloc[1::2]
    assert close((first.motif == "E2F6").mean(), 0.5, N) and close(
        (t.strand.iloc[0::2] == "+").mean(), 0.5, N
    )
    gaps = second.start.to_numpy() - first.end.to_numpy()
    assert set(gaps) == set(range(2, 16)) and all(
        close((gaps == g).mean(), 1 / 14, N) for g in range(2, 16)
    )
    forward = first[(first.strand == "+").to_numpy()].start.to_numpy()
    assert (
        forward.min() == 30 and forward.max() == 130
    )  # 80 - 50 .. 80 + 50, and the longest span is 29
    assert all(close((forward == s).mean(), 1 / 101, len(forward)) for s in range(30, 131))


def test_instances_follow_the_matrix(big):
    grammar = load_grammar("e2f6-max")
    for name in ("E2F6", "MAX"):
        t, motif = big.truth[big.truth.motif == name], grammar.motifs[name]
        at = torch.tensor(t.start.to_numpy())[:, None] + torch.arange(motif.width)
        bases = big.x.argmax(1)[torch.tensor(t.row.to_numpy())[:, None], at]
        minus = torch.tensor((t.strand == "-").to_numpy())
        bases[minus] = 3 - bases[minus].flip(1)
        seen = torch.nn.functional.one_hot(bases, 4).double().mean(0).T.numpy()
        assert (
            abs(seen - motif.pfm) <= SIGMAS * np.sqrt(motif.pfm * (1 - motif.pfm) / len(t))
        ).all()


@pytest.mark.parametrize("gc", [0.05, 0.4, 0.95])
def test_background_has_its_gc_and_no_memory(gc):
    x = simulate_batch(parse_grammar(PLAIN), 2000, length=300, gc=gc, seed=1)[0][1::2, :, :100]
    rates = x.mean((0, 2))
    assert all(
        close(float(rates[b]), p, 100_000)
        for b, p in enumerate([(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2])
    )
    pairs = torch.einsum("bil,bjl->ij", x[:, :, :-1], x[:, :, 1:]) / 99_000
    assert all(
        close(float(pairs[i, j]), float(rates[i] * rates[j]), 99_000)
        for i in range(4)
        for j in range(4)
    )


def test_markov_background_follows_its_transitions():
    step = np.array(
        [[0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4], [0.25, 0.25, 0.3, 0.2], [0.1, 0.5, 0.1, 0.3]]
    )
    x = simulate_batch(parse_grammar(PLAIN), 2000, length=300, seed=1, background=step)[0][1::2]
    forward = torch.einsum("bil,bjl->ij", x[:, :, :-1], x[:, :, 1:])
    # half of the sequences are turned: pairs follow the mean of the chain and of its reverse
    # complement
    base = np.linalg.matrix_power(step, 200)[0]
    joint = base[:, None] * step
    expected = (joint + joint[::-1, ::-1].T) / 2
    assert abs((forward / forward.sum()).numpy() - expected).max() < 0.004


def test_real_flanks_are_windows_of_the_sequences_given():
    flanks = ["ACGGTNNACCATGCAT" * 8, "TTTTTTTTGA" * 13, "AC"]
    data = simulate(load_grammar("spi1"), 200, length=120, seed=3, background=flanks)
    windows = {f[i : i + 120] for f in flanks[:2] for i in range(len(f) - 119)}
    negatives = [r.sequence for r in data.records()[1::2]]
    assert all(s in windows or reverse_complement(s) in windows for s in negatives)
    assert any("N" in s for s in negatives)


def test_refusals():
    grammar = load_grammar("rest")
    for arguments in (
        {"n": 0},
        {"n": 5, "length": 20},
        {"n": 5, "gc": 0.0},
        {"n": 5, "gc": float("nan")},
        {"n": 5, "background": ["ACGT"]},
        {"n": 5, "background": np.ones((4, 4))},
        {"n": 5, "first": -1},
    ):
        with pytest.raises(InputError, match="expected") as error:
            simulate(grammar, **arguments)
        assert "\n" not in str(error.value)
        with pytest.raises(InputError, match="expected"):
            simulate_batch(grammar, **arguments)


def test_shortest_sequence_that_fits():
    grammar = load_grammar("jund-tead")
    data = simulate(grammar, 200, length=grammar.longest(), seed=1)
    assert data.truth.start.min() == 0 and data.truth.end.max() == grammar.longest()


def test_written_files_agree_with_each_other(tmp_path):
    grammar = load_grammar("rest")
    out = write_simulation(grammar, 40, 1, 200, tmp_path / "a" / "b")
    assert sorted(p.name for p in out.iterdir()) == [
        "negatives.fa",
        "oracle.tsv",
        "positives.fa",
        "truth.bed",
    ]
    positives, negatives = (list(read_fasta(out / f)) for f in ("positives.fa", "negatives.fa"))
    sequences = {r.name: r.sequence for r in positives + negatives}
    assert len(positives) == len(negatives) == 20 and len(sequences) == 40
    ratio = dict(line.split("\t") for line in (out / "oracle.tsv").read_text().splitlines()[1:])
    assert set(ratio) == set(sequences)
    assert np.mean([float(ratio[r.name]) > 0 for r in positives]) > 0.7
    rows = [line.split("\t") for line in (out / "truth.bed").read_text().splitlines()]
    assert {r[0] for r in rows} > {r.name for r in positives} and all(len(r) == 6 for r in rows)
    assert all(
        int(r[2]) - int(r[1]) == grammar.motifs[r[3]].width and int(r[2]) <= 200 for r in rows
    )
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    write_simulation(grammar, 40, 1, 200, out)
    assert before == {p.name: p.read_bytes() for p in out.iterdir()}
    with pytest.raises(InputError, match="at least 2"):
        write_simulation(grammar, 1, 1, 200, tmp_path / "one")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="folder"):
        write_simulation(grammar, 4, 1, 200, tmp_path / "file")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_makes_the_same_sequences():
    grammar = load_grammar("spi1-ctcf")
    x, y = simulate_batch(grammar, 3000, seed=5)
    there, labels = simulate_batch(grammar, 3000, seed=5, device="cuda")
    assert torch.equal(x, there.cpu()) and torch.equal(y, labels.cpu())
