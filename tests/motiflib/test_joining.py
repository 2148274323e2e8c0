"""Parts of a wide motif become one; partners at a distance, and motifs that stand alone too, stay
what they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from motiflib.discovery import bridge, join, moved, share_with, trim_ends, window
from motiflib.motif import Motif, aligned_correlation, jaspar

W = 12
CTCF = jaspar("CTCF")


def item(
    f: int,
    whole: np.ndarray,
    at: int,
    width: int,
    offset: int = 1,
    turned: bool = False,
    sites: int = 100,
):
    """A part `whole[:, at : at + width]` that a filter reads `offset` into its window, and counts
    around its sites."""
    wide = np.full((4, 3 * W), 0.25)
    for column in range(whole.shape[1]):
        place = W + offset + column - at
        if 0 <= place < 3 * W:
            wide[:, place] = whole[:, column]
    if turned:
        wide, offset = wide[::-1, ::-1], W - offset - width
    motif = Motif("", wide[:, W + offset : W + offset + width], source=f"filter {f}", sites=sites)
    return (motif, f, offset, 2.0 if f else 4.0, [(f, offset, "+")]), sites * wide


def parts(whole: np.ndarray, *places: tuple, **options):
    made = [item(f, whole, *place, **options) for f, place in enumerate(places)]
    return [m for m, _ in made], dict(enumerate(counts for _, counts in made))


def test_two_overlapping_parts_are_one_motif():
    kept, around = parts(CTCF.pfm, (0, 9), (6, 9))
    assert bridge(*kept, around) == (6, "+")
    (motif, f, offset, effect, members), *rest = join(kept, around, bits=0.5)
    assert not rest and motif.width == 15 and aligned_correlation(motif, CTCF) > 0.99
    assert (f, offset, effect, motif.sites) == (0, 1, 3.0, 200) and members == [
        (0, 1, "+"),
        (1, -5, "+"),
    ]


def test_a_part_may_be_read_on_the_other_strand():
    first, ours = item(0, CTCF.pfm, 0, 9)
    second, theirs = item(1, CTCF.pfm, 6, 9, turned=True)
    around = {0: ours, 1: theirs}
    assert bridge(first, second, around) == (6, "-")
    (motif, *_, members), *rest = join([first, second], around, bits=0.5)
    assert not rest and motif.width == 15
    assert members[1] == (
        1,
        W - 1 - 9,
        "-",
    )  # turned, the whole begins where the part's last column was


def test_a_fixed_distance_alone_does_not_join():
    pair = np.hstack([jaspar("JUND").pfm, np.full((4, 6), 0.25), jaspar("TEAD1").pfm])
    wide = jaspar("JUND").width
    kept, around = parts(pair, (0, wide), (wide + 6, jaspar("TEAD1").width), offset=0)
    assert bridge(*kept, around) is None and len(join(kept, around)) == 2


def test_touching_motifs_that_also_stand_alone_stay_apart():
    left, right = jaspar("MAX").pfm, jaspar("E2F6").pfm
    always, sometimes = np.hstack([left, right]), np.hstack([left, 0.6 * right + 0.1])
    halves = (0, left.shape[1]), (left.shape[1], right.shape[1])
    kept, around = parts(always, *halves, offset=0)
    assert bridge(*kept, around) == (
        left.shape[1],
        "+",
    )  # data that never show one alone cannot tell
    around[0] = item(0, sometimes, *halves[0], offset=0)[1]
    assert bridge(*kept, around) is None


def test_share_is_read_off_the_dilution():
    diluted = 0.6 * CTCF.pfm + 0.4 * 0.25
    everywhere = np.full(CTCF.width, True)
    assert share_with(diluted, 0, CTCF.pfm, everywhere) == pytest.approx(0.6)
    assert (
        share_with(diluted, 0, CTCF.pfm, ~everywhere) == 0
    )  # nothing beside the other motif: nothing to learn
    assert share_with(diluted, 3, CTCF.pfm, everywhere) == 0  # reaches beyond what is known
    assert share_with(np.full((4, 40), 0.25), 0, CTCF.pfm, everywhere) == 0


def test_counts_move():
    counts = np.arange(8.0).reshape(2, 4)
    assert moved(counts, 1).tolist() == [[0, 0, 1, 2], [0, 4, 5, 6]]
    assert moved(counts, -2).tolist() == [[2, 3, 0, 0], [6, 7, 0, 0]]
    assert moved(counts, 9).sum() == 0 and np.array_equal(moved(counts, 0), counts)


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
    columns = range(start, start + width)  # of the part
    bases = [left + c if strand == "+" else left + part - 1 - c for c in columns]
    f, new, sign = window((3, left, strand), part, start, width, turned)
    assert (f, new) == (3, min(bases)) and (sign == strand) != turned


def test_trimming_keeps_the_most_informative_range():
    rich, weak = np.eye(4)[:, [0, 1, 2, 3]] * 0.94 + 0.015, np.tile([[0.6], [0.2], [0.1], [0.1]], 3)
    pfm, start = trim_ends(np.hstack([rich, weak, rich]), bits=1.0)
    assert (start, pfm.shape[1]) == (
        0,
        11,
    )  # 1.3 bits a column with the weak middle: nothing to cut
    pfm, start = trim_ends(np.hstack([rich, np.tile(weak, 4), rich[:, :3]]), bits=1.0)
    assert start == 0 and 4 <= pfm.shape[1] < 12
