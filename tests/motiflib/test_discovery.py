"""Filters to motifs: the matrix that was planted comes back, duplicates become members, flanks
go."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from test_calling import WORD, OneWord, background, planted

from motiflib import discovery
from motiflib.discovery import (
    Member,
    Reading,
    channel_motifs,
    find_motifs,
    merge,
    rich_pieces,
    tabulate,
    trim_ends,
    whole,
)
from motiflib.motif import Motif, align
from motiflib.run.known import jaspar
from motiflib.sequence import one_hot


@pytest.fixture(scope="module")
def x():
    return one_hot([sequence for _, sequence in planted(300, letters="ACGT")[0]])


def test_the_planted_word_comes_back(x):
    found = find_motifs(OneWord(), x)
    row = found.table.iloc[0]
    assert (row.motif, row.consensus) == ("M1", WORD)
    assert found.members.iloc[0].tolist() == ["M1", 0, 1, "+"]
    assert (row["filter"], row.offset, row.length) == (0, 1, 8)
    assert row.sites >= 300 and row.contribution == pytest.approx(4, abs=0.1)
    assert found.motifs[0].information.min() > 1.8


def test_motif_wider_than_the_filter(x):
    model = OneWord()
    with torch.no_grad():
        model.scanner.filters[0, :, 7:] = 0  # reads GATTAC of GATTACAG only
        model.scanner.bias.fill_(-14)
    found = find_motifs(model, x)
    assert WORD in found.table.consensus[0]


def test_stronger_sites_where_all_are_too_mixed(monkeypatch):
    """150 sequences hold the word and 800 a word with two bases changed, to which the filter
    answers half as much."""
    model, rng = OneWord(), np.random.default_rng(2)
    with torch.no_grad():
        model.scanner.filters /= 2
        model.scanner.bias.fill_(-5.9)  # 6.1 for the word, 4.6 for one mismatch, 3.1 for two
    letters = []
    for i, around in enumerate(background(950, 60)):
        word = list(WORD)
        for at in rng.choice(8, 2, replace=False) if i >= 150 else ():
            word[at] = rng.choice([base for base in "ACGT" if base != WORD[at]])
        letters.append(around[:25] + "".join(word) + around[33:])
    found = find_motifs(model, one_hot(letters))
    assert WORD in found.table.consensus[0] and 20 <= found.table.sites[0] <= 150
    monkeypatch.setattr(discovery, "SHARES", (0.5,))
    assert not len(find_motifs(model, one_hot(letters)).motifs)


def test_the_other_half_belongs_if_the_filter_reads_it():
    """GATTA, three columns of anything, then CC in most sites: 1.4 bits a column, more than 2
    together."""
    width, n = 10, 1000
    sure, mixed, flat = np.eye(4) * n, np.full(4, 60.0) + 760 * np.eye(4)[1], np.full(4, n / 4)
    columns = [*(sure["ACGT".index(base)] for base in "GATTA"), *[flat] * 3, mixed, mixed]
    counts = np.stack([*[flat] * width, *columns, *[flat] * width], axis=1)
    half = Reading(Motif("", sure[:, [2, 0, 3, 3, 0]] / n), 1.0, [Member(0, 0, "+")], counts)
    reads = torch.zeros(4, width)
    reads[0, :5], reads[1, 8:] = 1.0, 0.5
    motif, _, members, _ = whole(half, reads)
    assert (motif.consensus, members) == ("GATTANNNCC", [(0, 0, "+")])
    assert whole(half, reads * (torch.arange(width) < 5)) is half  # the filter does not read it
    assert whole(half, reads * (torch.arange(width) < 9)) is half  # one flank, less than 2 bits
    turned = half._replace(
        motif=half.motif.reverse_complement(),
        members=[Member(0, 5, "+")],
        counts=counts[::-1, ::-1],
    )
    motif, _, members, _ = whole(turned, reads.flip(0, 1))
    assert (motif.consensus, members) == ("GGNNNTAATC", [(0, 0, "+")])


def test_no_motif_without_sites_or_information(x):
    assert len(find_motifs(OneWord(), x, sites=10_000).motifs) == 0
    found = find_motifs(OneWord(), x, shortest=9)
    assert len(found.table) == len(found.members) == 0 and "strand" in found.members


def test_trimming_keeps_what_is_rich():
    flat, rich = np.full((4, 3), 0.25), np.eye(4) * 0.94 + 0.015
    pfm, start = trim_ends(np.hstack([flat, rich, flat]))
    assert start == 3 and np.array_equal(pfm, rich)
    poor = np.tile(
        [[0.55], [0.15], [0.15], [0.15]], 9
    )  # 0.3 bits a column: enough each, too little on average
    pfm, start = trim_ends(np.hstack([poor, rich]))
    assert Motif("", pfm).information.mean() >= 1 and start > 3


def test_the_edge_of_a_neighbour_is_left_out():
    word, partner, gap = [2.0] * 8, [1.5] * 2, [0.05] * 2
    assert rich_pieces(np.array(word + gap + partner)) == [(0, 8)]
    assert rich_pieces(np.array(partner + gap + word)) == [(4, 12)]
    assert rich_pieces(np.array(word + [0.1] + partner)) == [(0, 11)]  # one poor column is no gap
    assert rich_pieces(np.array([2.0] * 5 + gap + [1.9] * 5)) == [
        (0, 5),
        (7, 12),
    ]  # a motif in two halves
    assert rich_pieces(np.array([0.1, 0.2, 0.1])) == [(1, 2)]


@pytest.mark.parametrize("strand", ["+", "-"])
def test_duplicates_become_members_at_the_right_place(strand):
    motif = jaspar("REST")
    part = motif.slice(4, motif.width)
    part = part if strand == "+" else part.reverse_complement()
    correlation, shift, how = align(motif, part)
    assert (round(correlation, 3), shift, how) == (1, 4, strand)
    kept = merge([
        Reading(motif, 3.0, [Member(0, 2, "+")]),
        Reading(part, 2.0, [Member(1, 1, "+")]),
        Reading(jaspar("MAX"), 1.0, [Member(2, 0, "+")]),
    ])
    assert [len(one.members) for one in kept] == [2, 1]
    assert kept[0].members[1] == (1, -3 if strand == "+" else 1, strand)


def test_channels_know_where_their_motif_starts():
    model = OneWord()
    found = tabulate([Reading(Motif("", np.eye(4)[:, [2, 0, 3]]), 1.0, [Member(0, 1, "+")])])
    table = channel_motifs(model, found)
    assert table.loc[0].tolist() == ["M1", "+", 1, 3]
    assert table.loc[1].tolist() == [
        "M1",
        "-",
        6,
        3,
    ]  # of the 10 columns, 1 + 3 lie right of it now
