"""Parts of a wide motif become one; partners at a distance, and motifs that stand alone too, stay
what they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from motiflib import discovery
from motiflib.discovery import (
    Member,
    Reading,
    bridge,
    join,
    members_of,
    share_with,
    trim_ends,
)
from motiflib.motif import Motif, aligned_correlation
from motiflib.run.known import jaspar

W = 12
CTCF = jaspar("CTCF")


@pytest.fixture(autouse=True)
def half_a_bit(monkeypatch):
    """So much has each column of CTCF on average, but not one bit."""
    monkeypatch.setattr(discovery, "BITS", 0.5)


def part(f: int, whole: np.ndarray, at: int, width: int, offset: int = 1) -> Reading:
    """A part `whole[:, at : at + width]` that a filter reads `offset` into its window."""
    wide = np.full((4, 3 * W), 0.25)
    for column in range(whole.shape[1]):
        place = W + offset + column - at
        if 0 <= place < 3 * W:
            wide[:, place] = whole[:, column]
    pfm = wide[:, W + offset : W + offset + width]
    motif = Motif("", pfm, source=f"filter {f}", sites=100)
    return Reading(motif, 2.0 if f else 4.0, [Member(f, offset, "+")], 100 * wide)


def parts(whole: np.ndarray, *places: tuple, **options) -> list[Reading]:
    return [part(f, whole, *place, **options) for f, place in enumerate(places)]


def place(a: Reading, b: Reading):
    """Where b starts in a, and on which strand."""
    found = bridge(a, b)
    return found and (found[1], "+" if found[0] is b else "-")


def test_two_overlapping_parts_are_one_motif():
    kept = parts(CTCF.pfm, (0, 9), (6, 9))
    assert place(*kept) == (6, "+")
    (motif, effect, members, _), *rest = join(kept)
    assert not rest and motif.width == 15 and aligned_correlation(motif, CTCF) > 0.99
    assert (effect, motif.sites) == (3.0, 200)
    assert members == [(0, 1, "+"), (1, -5, "+")]


def test_a_part_may_be_read_on_the_other_strand():
    first, second = parts(CTCF.pfm, (0, 9), (6, 9))
    turned = second.reverse_complement()
    turned = turned._replace(members=[Member(1, W - 1 - 9, "+")])
    assert turned.start == W + W - 1 - 9
    assert place(first, turned) == (6, "-")
    one, *rest = join([first, turned])
    assert not rest and one.motif.width == 15
    whole_begins = W - 1 - 9  # turned, where the part's last column was
    assert one.members[1] == (1, whole_begins, "-")


def test_a_fixed_distance_alone_does_not_join():
    pair = np.hstack([jaspar("JUND").pfm, np.full((4, 6), 0.25), jaspar("TEAD1").pfm])
    wide = jaspar("JUND").width
    kept = parts(pair, (0, wide), (wide + 6, jaspar("TEAD1").width), offset=0)
    assert bridge(*kept) is None and len(join(kept)) == 2


def test_touching_motifs_that_also_stand_alone_stay_apart():
    left, right = jaspar("MAX").pfm, jaspar("E2F6").pfm
    always, sometimes = np.hstack([left, right]), np.hstack([left, 0.6 * right + 0.1])
    halves = (0, left.shape[1]), (left.shape[1], right.shape[1])
    first, second = parts(always, *halves, offset=0)
    where = (left.shape[1], "+")
    assert place(first, second) == where  # data that never show one alone cannot tell
    alone = part(0, sometimes, *halves[0], offset=0).counts
    assert bridge(first._replace(counts=alone), second) is None


def test_share_is_read_off_the_dilution():
    ctcf = Reading(CTCF, 1.0, [Member(0, 0, "+")])
    narrow = np.pad(CTCF.pfm, ((0, 0), (CTCF.width, CTCF.width)), constant_values=0.25)
    beside = Reading(Motif("", np.full((4, 2), 0.25)), 1.0, [Member(1, -2, "+")])
    diluted = beside._replace(counts=1e6 * (0.6 * narrow + 0.4 * 0.25))
    assert share_with(diluted, ctcf, 2) == pytest.approx(0.6, abs=1e-3)
    covered = diluted._replace(motif=CTCF, members=[Member(1, 0, "+")])
    assert share_with(covered, ctcf, 0) == 0  # nothing beside the other motif: nothing to learn
    assert share_with(diluted, ctcf, CTCF.width + 3) == 0  # reaches beyond what is known
    flat = diluted._replace(counts=np.full((4, 3 * CTCF.width), 25.0))
    assert share_with(flat, ctcf, 2) == 0


@given(
    left=st.integers(-5, 5),
    part=st.integers(3, 9),
    start=st.integers(-6, 6),
    width=st.integers(5, 20),
    turned=st.booleans(),
    strand=st.sampled_from("+-"),
)
def test_members_point_at_the_same_bases(left, part, start, width, turned, strand):
    """The whole's bases, found through the part's place and strand, are those of the new member's
    window."""
    columns = range(start, start + width)  # of the part, as it is read in the whole
    same = strand if not turned else "-+"[strand == "-"]
    bases = [left + c if same == "+" else left + part - 1 - c for c in columns]
    one = Reading(Motif("", np.full((4, part), 0.25)), 1.0, [Member(3, left, strand)])
    one = one.reverse_complement() if turned else one
    assert members_of(one, start, width) == [(3, min(bases), same)]


def test_trimming_keeps_the_most_informative_range(monkeypatch):
    rich, weak = np.eye(4)[:, [0, 1, 2, 3]] * 0.94 + 0.015, np.tile([[0.6], [0.2], [0.1], [0.1]], 3)
    monkeypatch.setattr(discovery, "BITS", 1.0)
    pfm, start = trim_ends(np.hstack([rich, weak, rich]))
    assert (start, pfm.shape[1]) == (
        0,
        11,
    )  # 1.3 bits a column with the weak middle: nothing to cut
    pfm, start = trim_ends(np.hstack([rich, np.tile(weak, 4), rich[:, :3]]))
    assert start == 0 and 4 <= pfm.shape[1] < 12
