"""JASPAR by name and TOMTOM, on motifs whose answers are known."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from motifbook.datasets import data_path
from test_motif import FLAT, exact

from motiflib.files import InputError
from motiflib.motif import Motif, read_meme
from motiflib.run.known import TOMTOM_COLUMNS, jaspar, jaspar_collection, name_motifs, tomtom


def test_jaspar_by_id_base_and_name():
    rest = jaspar("MA0138.3")
    assert jaspar("MA0138") is rest and jaspar("rest") is rest and jaspar(" REST ") is rest
    assert (rest.name, rest.source, rest.consensus) == ("REST", "MA0138.3", "TCAGCACCATGGACAGCGCC")
    assert jaspar("MA0138.2").source == "MA0138.2"  # an older version by its full id
    assert jaspar("MA0037.5").consensus == "TCTTATCT"
    with pytest.raises(InputError, match="'MA9999'"):
        jaspar("MA9999")


def test_jaspar_collections_equal_those_of_pyjaspar():
    from pyjaspar import jaspardb

    theirs = jaspardb(release="JASPAR2026").fetch_motifs(collection="CORE", tax_group="fungi")
    ours = {motif.source: motif for motif in jaspar_collection("fungi")}
    assert ours.keys() == {motif.matrix_id for motif in theirs}
    for motif in theirs:
        counts = np.array([motif.counts[letter] for letter in "ACGT"])
        np.testing.assert_allclose(ours[motif.matrix_id].pfm, counts / counts.sum(0), atol=1e-9)
    assert len(jaspar_collection("vertebrates")) == 1019 and len(jaspar_collection("all")) == 2633
    with pytest.raises(InputError, match="choose one of vertebrates, fungi"):
        jaspar_collection("birds")


def test_a_callers_list_is_its_own():
    jaspar_collection("fungi").clear()
    assert len(jaspar_collection("fungi")) == 193


def test_tomtom_names_known_motifs_at_their_place():
    rest, pad = jaspar("REST"), np.full((4, 5), 0.25)
    left, right = rest.slice(0, 9), rest.slice(9, 17)
    padded = Motif("padded", np.hstack([pad, right.reverse_complement().pfm, pad, pad]))
    table = tomtom([rest, left, right, right.reverse_complement(), padded, jaspar("USF1")])
    assert list(table.columns) == TOMTOM_COLUMNS
    assert list(table.jaspar_name) == ["REST"] * 5 + ["USF1"]
    assert list(table.jaspar_id[:5]) == ["MA0138.3"] * 5
    # turned round, 10 flat columns come before the half
    assert list(table.offset[:5]) == [0, 0, 9, 9, 9 - 10]
    assert list(table.strand[:5]) == ["+", "+", "+", "-", "-"]
    assert (table.p_value < 1e-12).all() and np.allclose(table.correlation, 1)


def test_tomtom_leaves_the_threads_of_torch_alone():
    before = torch.get_num_threads()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        tomtom([exact("ACCTGATTTGCA", "query")], jaspar_collection("fungi")[:60])
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)


def test_tomtom_offset_and_strand_on_made_targets():
    background = jaspar_collection("fungi")[:60]
    target = exact("ACCTGATTTGCA", "target")
    for start in range(5):
        query = exact("ACCTGATTTGCA"[start : start + 8])
        for shown, strand in ((query, "+"), (query.reverse_complement(), "-")):
            row = tomtom([shown], [target, *background]).iloc[0]
            assert (row.jaspar_name, row.offset, row.strand) == ("target", start, strand)


def test_tomtom_on_palindromes_tiny_and_dead_motifs():
    queries = [exact("CACGTG", "box"), FLAT, exact("A", "tiny"), exact("NNNACNN", "two")]
    table = tomtom(queries, top=3)
    assert list(table.motif) == ["box"] * 3 + ["flat"] * 3 + ["tiny"] * 3 + ["two"] * 3
    assert np.isfinite(table.p_value).all() and table.p_value.between(0, 1).all()
    assert (table.p_value[3:6] == 1).all() and (table.correlation[3:6] == 0).all()
    assert (table.p_value[6:] > 1e-4).all()  # nothing so small can be known for sure
    assert table.groupby("motif").p_value.apply(lambda p: p.is_monotonic_increasing).all()
    assert table.correlation[0] > 0.9


def test_tomtom_without_queries_or_targets():
    assert list(tomtom([]).columns) == TOMTOM_COLUMNS and len(tomtom([])) == 0
    with pytest.raises(InputError, match="no targets"):
        tomtom([FLAT], [])


def test_tomtom_with_few_targets_and_a_large_top():
    with pytest.warns(UserWarning, match="target motifs"):
        assert len(tomtom([exact("CACGTG")], [exact("CACGTG"), FLAT], top=10)) == 2


def test_tomtom_takes_seconds():
    queries, targets = jaspar_collection()[:15], jaspar_collection("all")
    tomtom(queries[:1], targets)  # compile
    start = time.process_time()
    table = tomtom(queries, targets)
    assert time.process_time() - start < 10
    assert (table.correlation > 0.95).all() and (table.p_value < 1e-6).all()


def test_names():
    motif, targets = Motif("M1", jaspar("MAX").pfm), [jaspar("MAX"), jaspar("REST")] * 15
    named = name_motifs([motif], targets=targets)
    assert named.columns.tolist()[-4:] == ["jaspar_id", "jaspar_name", "p_value", "correlation"]
    assert named.correlation[0] == pytest.approx(1)
    assert named.jaspar_name[0] == "MAX"


def test_names_of_yeast_are_those_of_yeast_and_what_is_far_has_none():
    abf1 = read_meme(data_path("models", "yeast-abf1") / "motifs.meme")
    named = name_motifs(abf1)
    assert named.jaspar_name.tolist() == ["ABF1"] * 3 + ["no known motif"] * 3
    assert named.jaspar_id.tolist() == ["MA0265.3"] * 3 + [""] * 3
    assert (named.p_value[:3] * 2633 < 0.05).all() and (named.p_value[3:] * 2633 > 0.05).all()
    assert named.correlation.between(0.8, 1).all()
    among_fungi = name_motifs(abf1, taxon="fungi")
    assert among_fungi.jaspar_name[0] == "ABF1" and among_fungi.p_value[0] < 1e-15
    assert set(name_motifs(abf1, taxon="vertebrates").jaspar_name[:3]) == {"no known motif"}
    with pytest.raises(InputError, match="unknown taxon 'birds'"):
        name_motifs(abf1, taxon="birds")
