"""The ten doors: a run as a folder or loaded, sequences in three forms, tables as results."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from motifbook.datasets import data_path
from motifbook.grammar import load_grammar, simulate

import motiflib as ml
from motiflib import calling, sequence, verbs
from motiflib.files import InputError
from motiflib.genome import variants
from motiflib.run import folder, load_run
from motiflib.sequence import Record, one_hot, write_fasta
from motiflib.syntax import find_rules
from motiflib.training import predict

RUN = data_path("models", "rest")


@pytest.fixture(scope="module")
def run():
    return load_run(RUN)


@pytest.fixture(scope="module")
def records():
    return simulate(load_grammar("rest"), 60, 500, seed=4).records()


def test_sequences_come_in_three_forms(run, records, tmp_path):
    write_fasta(tmp_path / "s.fa.gz", records)
    letters = [record.sequence.lower() for record in records]
    tables = [ml.call(run, given) for given in (tmp_path / "s.fa.gz", records, letters)]
    pd.testing.assert_frame_equal(tables[0], tables[1])
    names = {record.name: f"s{i}" for i, record in enumerate(records)}
    pd.testing.assert_frame_equal(
        tables[0].assign(sequence=tables[0].sequence.map(names)), tables[2], check_dtype=False
    )


def test_a_run_is_a_folder_or_loaded(run, records):
    pd.testing.assert_frame_equal(ml.score(RUN, records), ml.score(run, records))
    assert ml.load(run) is run and ml.load(str(RUN)).motifs[0].name == "M1"


def test_doors_are_the_rooms_functions(run, records):
    call = calling.call(run.model, run.found, records, tile=run.tile)
    pd.testing.assert_frame_equal(ml.call(run, records), call)
    rules = ml.rules(run, records)
    expected = find_rules(run.model, run.found, records, tile=run.tile)
    pd.testing.assert_frame_equal(rules.drop(columns="sentence"), expected)
    assert rules.sentence.str.contains("more often than by chance").all()


def test_scores_are_the_probabilities_whatever_stands_beside(run):
    rng, records = np.random.default_rng(0), []
    for i, length in enumerate((60, 200, 61, 500, 90, 600)):  # trained on 500
        records.append(Record(f"r{i}", "".join(rng.choice(list("ACGT"), length))))
    together = ml.score(run, records)
    alone = [float(predict(run.model, one_hot([r.sequence]))[0]) for r in records]
    assert together.probability.tolist() == pytest.approx(alone, abs=1e-5)
    assert list(together.name) == [record.name for record in records]
    long = "".join(rng.choice(list("ACGT"), 1000))
    windows = predict(run.model, one_hot([long[i : i + 500] for i in (0, 250, 500)])).double()
    odds = (windows / (1 - windows)).mean()
    assert ml.score(run, [long]).probability[0] == pytest.approx(float(odds / (1 + odds)), abs=1e-5)
    assert list(ml.score(run, []).columns) == ["name", "probability"]


def test_batches_are_bounded():
    records = [Record(str(i), "A" * length) for i, length in enumerate([4, 4, 9, 1, 1, 30, 2])]
    parts = list(verbs.batches_of(records, bases=10))
    assert [record for part in parts for record in part] == records
    padded = [len(part) * max(len(r.sequence) for r in part) for part in parts if len(part) > 1]
    assert max(padded) <= 10 and list(verbs.batches_of([])) == []


def test_explanations_hold_what_calls_say(run, records):
    """Each call is a site of the table, with the same effect and score."""
    calls, sites = ml.call(run, records[:8]), ml.explain(run, records[:8])
    keys = ["sequence", "start", "end", "motif", "strand"]
    both = calls.merge(sites, on=keys, suffixes=("", "_site"))
    assert len(both) == len(calls) > 8
    assert np.allclose(both.effect, both.effect_site) and np.allclose(both.score, both.score_site)


def test_thresholds(run, records):
    every = ml.call(run, records, every=True)
    assert every.score.min() >= calling.LEAST and len(every) > len(ml.call(run, records))
    assert ml.call(run, records, threshold=0.9).score.min() >= 0.9
    with pytest.raises(InputError, match="give one of them"):
        ml.call(run, records, threshold=0.9, fdr=0.1)
    with pytest.raises(InputError, match="choose one of those"):
        ml.call(run, records, fdr=2)


def test_designs_are_a_table(run):
    table = ml.design(run, 3, length=150, forbid=["GAATTC"], seed=2)
    assert list(table.columns) == ["design", "sequence", "probability", "text"]
    assert table.sequence.str.len().eq(150).all()
    assert not table.sequence.str.contains("GAATTC").any()
    probability = ml.score(run, list(table.sequence)).probability
    assert np.allclose(probability, table.probability, atol=1e-5)


def test_variants_by_sequences(run, records, tmp_path):
    before = [(r.name, r.sequence) for r in records[:5]]
    after = [(name, s[:250] + "ACGT"["TGCA".index(s[250])] + s[251:]) for name, s in before]
    write_fasta(tmp_path / "ref.fa", before)
    write_fasta(tmp_path / "alt.fa", after)
    table = ml.variants(run, tmp_path / "ref.fa", alt=tmp_path / "alt.fa")
    assert list(table.columns) == [*variants.VARIANT_COLUMNS, *variants.COLUMNS]
    assert len(table) == 5
    with pytest.raises(InputError, match="either a genome or"):
        ml.variants(run, tmp_path / "ref.fa")


def test_a_fasta_is_never_decoded_and_a_run_is_opened_once(run, records, tmp_path, monkeypatch):
    """From train to calls, and from a folder to designs."""
    decoded, opened = [], []
    monkeypatch.setattr(sequence, "decode", lambda x: decoded.append(len(x)))
    monkeypatch.setattr(verbs, "load_run", lambda f: opened.append(f) or folder.load_run(f))
    monkeypatch.setattr("motiflib.run.evidence.decode", sequence.decode)
    few = [(f"p{i}", "TTGATTACAGTT" + record.sequence[:60]) for i, record in enumerate(records)]
    trained = ml.train(tmp_path / "run", few, shuffle="mononucleotide", epochs=1, device="cpu",
                       progress=False)
    ml.call(trained, few)
    assert decoded == [] and opened == []
    ml.design(RUN, 1, length=150)
    assert len(opened) == 1
