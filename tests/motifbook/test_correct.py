"""The command that corrects for composition."""

import random

import pandas as pd
from motifbook.correction import correct_background
from motifbook.datasets import data_path

import motiflib as ml
from motiflib import cli
from motiflib.sequence import one_hot
from motiflib.training import predict


def test_scores_before_and_after(tmp_path):
    rng, path = random.Random(0), tmp_path / "s.fa"
    letters = ["".join(rng.choices("ACGT", [1, gc, gc, 1], k=500)) for gc in (1, 4, 4, 4)]
    path.write_text("".join(f">s{i}\n{text}\n" for i, text in enumerate(letters)))
    folder = data_path("models", "e2f6-max")
    typed = ["correct", str(folder), str(path), "--out", str(tmp_path / "p.tsv")]
    assert cli.app(typed, standalone_mode=False) == 0
    table, run = pd.read_csv(tmp_path / "p.tsv", sep="\t"), ml.load(folder)
    fixed = correct_background(run.model, run.found).eval()
    for column, model in (("probability", run.model), ("corrected", fixed)):
        expected = predict(model, one_hot(letters)).double()
        assert (table[column] - expected.numpy()).abs().max() < 1e-5
    change = (table.corrected - table.probability).abs()
    assert change[0] < 1e-5 < change[1:].max()  # at 50% GC there is nothing to correct
