"""What stands around a k-mer: found on both strands, told from chance, and written where the filter
has room."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from motiflib.batches import Examples
from motiflib.model import ArgminnConfig
from motiflib.seeding import WEIGHT, conserved, enriched_kmers, occurrences, pattern, placed, seeded
from motiflib.sequence import decode, one_hot, reverse_complement


def letters(rng, n: int, length: int) -> list[str]:
    return ["".join(rng.choice(list("ACGT"), length)) for _ in range(n)]


def with_site(rng, n: int, site: str, at: int, length: int = 60, share: float = 0.7) -> list[str]:
    """Random sequences with `site` at a place, N for any base, on a random strand; its last two
    bases in a share."""
    made = []
    for text in letters(rng, n, length):
        copy = site if rng.random() < share else site[:-2] + "NN"
        here = "".join(b if s == "N" else s for s, b in zip(copy, text[at:], strict=False))
        text = text[:at] + here + text[at + len(site) :]
        made.append(text if rng.random() < 0.5 else reverse_complement(text))
    return made


def test_occurrences_by_hand():
    # the second is the first on the other strand, the third has no bases before the k-mer
    x = one_hot(["TTGATTACAGGG", "CCCTGTAATCAA", "GATTACAAAAAA"])
    assert decode(occurrences(x, "GATTAC", 2)) == ["TTGATTACAG"] * 2
    palindrome = occurrences(one_hot(["TTCACGTGTA"]), "CACGTG", 1)
    assert decode(palindrome) == ["TCACGTGT"]  # once
    assert occurrences(x, "CCCCCC", 2).shape == (0, 4, 10)


def test_conserved_columns_are_those_that_were_planted():
    rng = np.random.default_rng(0)
    around = occurrences(one_hot(with_site(rng, 120, "GGGTAANNNNNGG", 25)), "GGGTAA", 14)
    odds, g = conserved(around, 6)
    assert g.nonzero()[:, 0].tolist() == [*range(14, 20), 25, 26]
    assert odds[2, 25:27].min() > 1  # G, on the strand of the k-mer


def test_nothing_is_conserved_in_noise():
    rng, wrong = np.random.default_rng(1), 0
    for _ in range(20):
        around = torch.stack([one_hot([text])[0] for text in letters(rng, 40, 34)])
        wrong += int((conserved(around, 6)[1] > 0).sum()) - 6
    assert wrong <= 1  # 560 columns at 1e-4 each


@pytest.mark.parametrize(
    ("conserved_columns", "start"),
    [({}, 3), ({12: 5}, 5), ({2: 5}, 1), ({2: 5, 12: 9}, 5), ({2: 9, 12: 5}, 2), ({1: 1, 5: 1}, 0)],
)
def test_a_filter_is_placed_where_it_holds_most(conserved_columns, start):
    """Filters of 8 columns, k-mer in columns 6 and 7 of 14; columns 2 and 12 do not fit
    together."""
    g = torch.zeros(14)
    g[6:8] = 20
    for column, value in conserved_columns.items():
        g[column] = value
    assert placed(g, 2) == start


def test_no_occurrence_leaves_the_k_mer_in_the_middle():
    weights = pattern("GGGTAA", 20, torch.zeros(0, 4, 34))
    assert weights.isnan().all(0).tolist() == [True] * 7 + [False] * 6 + [True] * 7
    assert torch.equal(weights[:, 7:13], pattern("GGGTAA", 20)[:, 7:13])


@pytest.mark.parametrize("site", ["GGGTAANNNNNNNNNNGG", "CCNNNNNNNNNNGGGTAA"])
def test_the_filter_has_room_for_the_whole_site(site):
    rng = np.random.default_rng(2)
    forward = site if site[0] == "G" else reverse_complement(site)
    x = one_hot(with_site(rng, 150, forward, 25, share=1.0))
    weights = pattern("GGGTAA", 20, occurrences(x, "GGGTAA", 14))
    known = (~weights.isnan().any(0)).nonzero()[:, 0].tolist()
    assert len(known) == 8 and known[-1] - known[0] == 17  # both parts, and what lies between
    assert abs((known[0] + known[-1]) / 2 - 9.5) <= 1  # in the middle of the filter
    partner = weights[:, known[-2:] if site[0] == "G" else known[:2]]
    assert partner.amax() <= 2 * WEIGHT * 2
    assert (partner.argmax(0) == (2 if site[0] == "G" else 1)).all()


def test_seeds_of_peaks_start_with_their_flanks():
    rng = np.random.default_rng(3)
    texts = with_site(rng, 200, "GGGTAANNNNNNNNNNGG", 91, 200, 1.0) + letters(rng, 600, 200)
    data = Examples(one_hot(texts), torch.arange(800) < 200)
    config = ArgminnConfig(width=20, filters=1)
    assert enriched_kmers(data, middle=60).kmer[0] in ("GGGTAA", "TTACCC")
    site = one_hot(["A" * 5 + "GGGTAA" + "A" * 10 + "GG" + "A" * 5, "A" * 5 + "GGGTAA" + "A" * 17])
    wide, plain = (seeded(config, data, middle=middle).scanner(site).amax((1, 2)).tolist()
                   for middle in (60, None))
    assert wide[0] > wide[1] + 0.5  # the second half counts from the start
    assert plain[0] == pytest.approx(plain[1], abs=0.3)
    bare = seeded(config, data, middle=60, flanks=False).scanner(site).amax((1, 2)).tolist()
    assert bare[0] == pytest.approx(bare[1], abs=0.3)


@pytest.mark.parametrize(("width", "length"), [(6, 12), (8, 16), (12, 24), (20, 41)])
def test_short_windows(width, length):
    x = one_hot(letters(np.random.default_rng(4), 300, length))
    x[:100, :, length // 2 - 3 : length // 2 + 3] = one_hot(["GATTAC"])
    data = Examples(x, torch.arange(300) < 100)
    model = seeded(ArgminnConfig(width=width), data, middle=int(0.3 * length))
    assert len(model.scanner.filters) < 12  # seeded, not at random
