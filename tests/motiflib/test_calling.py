"""Instances: coordinates, merging, tiles, calibration, scoring; on a network written by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from motifbook.accuracy import score_calls

from motiflib.calling import (
    CALL_COLUMNS,
    at_fdr,
    calibrate,
    call,
    call_parts,
    decoys,
    piece_calls,
    write_bed,
)
from motiflib.discovery import find_motifs
from motiflib.files import InputError
from motiflib.hits import Reader, candidates, site_score, sites, slant
from motiflib.model import Argminn, ArgminnConfig, Hits
from motiflib.sequence import one_hot, reverse_complement

WORD = "GATTACAG"


def fired(hits, silent):
    return hits.activation if silent is None else hits.activation.masked_fill(silent, 0)


class OneWord(Argminn):
    """A network whose filter 0 reads WORD (mismatches below zero) and whose logit is 4 for each
    instance, less 3."""

    def __init__(self, width: int = 10):
        torch.manual_seed(0)
        small = {"token": 8, "stream": 16, "heads": 2, "position": 4, "neighbourhood": 0}
        super().__init__(ArgminnConfig(filters=1, width=width, **small))
        with torch.no_grad():
            self.scanner.filters.zero_()
            self.scanner.filters[0, :, 1:9] = 3 * one_hot([WORD])[0]
            self.scanner.bias.fill_(-20)

    def weigh(self, hits, offset, silent=None, pull=None):
        activation = fired(hits, silent)
        there = (activation > 0).float()
        attention = torch.cat([there, torch.zeros(len(there), 1)], 1) / there.sum(
            1, keepdim=True
        ).clamp(min=1)
        shape = (len(there), self.config.layers, self.config.heads, attention.shape[1])
        return 4 * torch.tanh(activation).sum(1) - 3, attention[:, None, None].expand(shape)


def background(n: int, length: int, letters: str = "AT", seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [
        "".join(rng.choice(list(letters), length)) for _ in range(n)
    ]  # of A and T alone, it holds no WORD


def planted(
    n: int = 60, length: int = 80, letters: str = "AT"
) -> tuple[list[tuple[str, str]], pd.DataFrame]:
    records, truth = [], []
    for i, around in enumerate(background(n, length, letters)):
        at, minus = 5 + i % 60, i % 2 == 1
        word = reverse_complement(WORD) if minus else WORD
        records.append((f"s{i}", around[:at] + word + around[at + 8 :]))
        truth.append((f"s{i}", at, at + 8, "-" if minus else "+"))
    return records, pd.DataFrame(truth, columns=["sequence", "start", "end", "strand"])


@pytest.fixture(scope="module")
def found():
    return find_motifs(
        OneWord(), one_hot([sequence for _, sequence in planted(300, letters="ACGT")[0]])
    )


def test_calls_stand_where_the_word_was_written(found):
    records, truth = planted()
    calls = call(OneWord(), found, records)
    assert calls[["sequence", "start", "end", "strand"]].equals(truth)
    assert (
        calls.motif.eq("M1").all()
        and calls.score.between(0.9, 1).all()
        and calls.effect.round(1).eq(4).all()
    )


def test_both_strands_give_the_same_calls(found):
    records, _ = planted(20)
    ours = call(OneWord(), found, records)
    turned = call(
        OneWord(), found, [(name, reverse_complement(sequence)) for name, sequence in records]
    )
    assert (80 - turned.end).tolist() == ours.start.tolist()
    assert turned.strand.map({"+": "-", "-": "+"}).tolist() == ours.strand.tolist()
    assert np.allclose(ours.score, turned.score)


class Palindrome(OneWord):
    """Filter 0 reads GAATTC, which is its own reverse complement, in a window that is longer to the
    right."""

    def __init__(self):
        super().__init__(width=9)
        with torch.no_grad():
            self.scanner.filters.zero_()
            self.scanner.filters[0, :, 1:7] = 3 * one_hot(["GAATTC"])[0]
            self.scanner.bias.fill_(-14)


def test_a_palindrome_is_called_on_one_strand_whichever_is_given():
    rng, model = np.random.default_rng(1), Palindrome()
    letters = ["".join(rng.choice(list("ACGT"), 80)) for _ in range(60)]
    records = [(f"s{i}", s[: 10 + i] + "GAATTC" + s[16 + i :]) for i, s in enumerate(letters[:50])]
    found = find_motifs(model, one_hot([s for _, s in records]))
    ours = call(model, found, records)
    turned = call(model, found, [(name, reverse_complement(s)) for name, s in records])
    turned = turned.assign(
        start=80 - turned.end, end=80 - turned.start, strand=turned.strand.map({"+": "-", "-": "+"})
    )
    place = ["sequence", "start", "end", "motif", "strand"]
    assert len(ours) >= 50 and ours.strand.nunique() == 2
    assert len(ours.merge(turned, on=place)) == len(ours) == len(turned)


def test_slant_changes_its_sign_on_the_other_strand():
    x = one_hot(["".join(np.random.default_rng(i).choice(list("ACGTN"), 70)) for i in range(5)])
    there, back = slant(x, 9), slant(x.flip(1, 2), 9)
    assert (
        there.shape == (5, 62)
        and torch.allclose(there, -back.flip(1), atol=1e-4)
        and there.abs().min() > 1e-3
    )


def test_unknown_bases_and_mixed_lengths(found):
    records = [
        ("short", WORD + "TTTT"),
        ("n", "N" * 30 + "T" + WORD + "T" * 90),
        ("none", "T" * 200),
    ]
    records += [("broken", "GATNACAG" * 4)]
    calls = call(OneWord(), found, records, threshold=0)
    assert calls[["sequence", "start", "end"]].values.tolist() == [
        ["n", 31, 39]
    ]  # no window begins before a sequence


def test_seams_give_each_call_once(found):
    sequence = list("T" * 1000)
    places = sorted({*range(3, 980, 23), 48, 70, 123, 124})
    places = [p for i, p in enumerate(places) if i == 0 or p - places[i - 1] >= 10]
    for place in places:
        sequence[place : place + 8] = WORD
    calls = call(OneWord(), found, [("long", "".join(sequence))], tile=100, threshold=0)
    assert calls.start.tolist() == places
    assert len(calls) == len(places)


def test_calls_of_a_piece_are_its_own_and_end_with_the_sequence(found):
    x = one_hot(["T" * 20 + WORD + "T" * 20] * 3)
    pieces = pd.DataFrame({
        "sequence": ["chr1", "chr1", "chr2"], "begin": [1000, 980, 1000], "end": [1048, 1048, 1027],
        "low": 1020, "high": 1040,
    })
    calls = piece_calls(OneWord(), found, x, pieces, 0.5)
    place = calls[["sequence", "start", "end"]].values.tolist()
    assert place == [["chr1", 1020, 1028], ["chr2", 1020, 1027]]


def test_streaming_gives_the_same_in_parts(found):
    records, _ = planted(50)
    records.insert(7, ("long", "T" * 300 + WORD + "T" * 300))
    whole = call(OneWord(), found, records, tile=80)
    parts = list(call_parts(OneWord(), found, iter(records), tile=80, batch=4))
    assert len(parts) > 5
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole, check_dtype=False)


def test_overlapping_copies_are_merged(found):
    calls = call(
        OneWord(), found, [("twice", "T" * 20 + "GATTACAGATTACAG" + "T" * 20)], threshold=0
    )
    assert calls.start.tolist() == [20, 27]  # one shared base: two instances


def test_silencing_is_the_likelihood_that_is_lost():
    q = torch.tensor([0.0, 0.5, 0.99])
    score = site_score(-torch.log1p(-q), torch.zeros(3), torch.ones(3))
    assert torch.allclose(score, q / 2, atol=1e-6)
    against = site_score(torch.tensor([-5.0, -5.0]), torch.zeros(2), torch.tensor([0.0, 1.0]))
    assert (
        against[0] > 0.49 and against[1] == 0
    )  # speaks for the negative class, so it counts in negatives only


@pytest.mark.parametrize("strands", [True, False])
def test_silencing_in_short_is_silencing(strands):
    torch.manual_seed(3)
    model = Argminn(
        ArgminnConfig(filters=3, width=6, neighbourhood=20, candidates=16, both_strands=strands)
    ).eval()
    torch.nn.init.normal_(model.around.spacing, std=0.1)
    reader = Reader(model, one_hot([*background(4, 90, "ACGT"), "N" * 80 + "ACGTTGCAAT"]))
    rows, gone = torch.tensor([0, 3, 3, 1, 4]), torch.rand(5, 16) < 0.3
    hits = Hits(*(part[rows] for part in reader.hits))
    mute = hits._replace(activation=hits.activation.masked_fill(gone, 0))
    plain = model.weigh(mute, reader.offset[rows])[0]
    assert torch.allclose(reader.logit(rows, gone)[0], plain, atol=1e-5)


def test_one_leader_for_each_site():
    model = OneWord()
    x = one_hot(["T" * 20 + WORD + "T" * 40])
    reader = Reader(model, x)
    assert sites(reader.hits, model.scanner)[1].sum() == 1
    assert len(candidates(model, x)) == 1


def test_paper_form_has_candidates_too():
    torch.manual_seed(1)
    model = Argminn(ArgminnConfig(filters=2, width=6, candidates=0, neighbourhood=0))
    seen = candidates(model, one_hot(background(3, 60)))
    assert seen.score.between(0, 1).all() and len(seen)
    assert model.training  # left as found


def test_calibration_and_threshold(found):
    records, _ = planted(60)
    table = calibrate(OneWord(), found, records)
    assert table.columns.tolist() == ["score", "per_mb", "background_per_mb", "fdr"]
    assert table.fdr.is_monotonic_decreasing and table.fdr.iloc[0] <= 0.2
    assert at_fdr(table, 0.2) <= 0.5


def test_a_rate_that_no_call_reaches_is_refused():
    """Rows above the best call hold a rate of 0, which is that of no call, not of good ones."""
    columns = ["score", "per_mb", "fdr"]
    table = pd.DataFrame([(0.3, 9, 0.4), (0.6, 2, 0.2), (0.9, 0, 0.0)], columns=columns)
    assert at_fdr(table, 0.2) == 0.6 and at_fdr(table, 1) == 0.3
    with pytest.raises(InputError, match="0.05: this run's scores reach 0.2 to 1"):
        at_fdr(table, 0.05)
    with pytest.raises(InputError, match="no call in its own training"):
        at_fdr(table.assign(per_mb=0))


def test_decoys_keep_calls_and_letters(found):
    records, truth = planted(20, letters="ACGT")
    records += [("n", background(1, 20, "ACGT")[0] + "NNN" + "TGGACA" * 5), ("all", WORD)]
    kept = pd.concat([truth, pd.DataFrame({"sequence": ["all"], "start": [0], "end": [8]})])
    drawn = dict(decoys(records, kept))
    assert drawn.keys() == dict(records).keys() and drawn == dict(decoys(records, kept))
    for name, sequence in records:
        assert sorted(drawn[name]) == sorted(sequence)
    assert drawn["n"][20:23] == "NNN" and drawn["n"] != dict(records)["n"] and drawn["all"] == WORD
    for row in truth.itertuples():
        assert (
            drawn[row.sequence][row.start : row.end]
            == dict(records)[row.sequence][row.start : row.end]
        )


class Rival(OneWord):
    """A network that shares one point among its hits: a chance hit counts for more where no
    instance stands."""

    def weigh(self, hits, offset, silent=None, pull=None):
        activation = fired(hits, silent)
        share = torch.softmax(activation.masked_fill(activation <= 0, -30), 1)
        logit = 5 * torch.tanh(activation.sum(1)) - 3
        shape = (len(share), self.config.layers, self.config.heads, share.shape[1] + 1)
        return logit, torch.cat([share, 1 - share.sum(1, keepdim=True)], 1)[:, None, None].expand(
            shape
        )


def test_calibration_counts_chance_in_the_company_of_instances(found):
    """Each sequence has one instance and, by chance, weaker words that draw attention only where no
    instance stands."""
    model = Rival()
    with torch.no_grad():
        model.scanner.bias.fill_(-13)  # three mismatches still fire
    records, truth = planted(150, letters="ACGT")
    calls = call(model, found, records, threshold=0.05)
    table = calibrate(model, found, records)
    for score in (0.2, 0.4):
        chance = 1 - score_calls(calls[calls.score >= score], truth)["precision"]
        assert table.fdr[table.score == score].item() == pytest.approx(chance, abs=0.06)
    alone = calibrate(model, found, records, background=decoys(records, truth[:0]))
    assert alone.background_per_mb.iloc[0] > 3 * table.background_per_mb.iloc[0]


def test_threshold_can_be_chosen_afterwards(found):
    records, _ = planted(30, letters="ACGT")
    every = call(Rival(), found, records, threshold=0)
    later = every[every.score >= 0.6].reset_index(drop=True)
    pd.testing.assert_frame_equal(
        later, call(Rival(), found, records, threshold=0.6), check_dtype=False
    )


def test_exact_start_knows_that_motifs_are_trimmed():
    truth = pd.DataFrame(
        {"sequence": list("abc"), "start": 10, "end": 20, "motif": "X", "strand": ["+", "-", "+"]}
    )
    calls = pd.DataFrame(
        {
            "sequence": list("abc"),
            "start": [12, 11, 13],
            "end": [19, 18, 20],
            "motif": "M1",
            "strand": ["-", "+", "-"],
            "score": 0.9,
        }
    )
    exact = score_calls(
        calls, truth, rule="exact"
    )  # the motif begins 2 bp into the instance; the last is 1 bp off
    assert exact["precision"] == exact["recall"] == 2 / 3


def test_scoring_by_hand():
    truth = pd.DataFrame({"sequence": ["a", "a", "b"], "start": [10, 50, 10], "end": [20, 60, 20]})
    calls = pd.DataFrame(
        {
            "sequence": ["a", "a", "b", "b"],
            "start": [10, 15, 16, 80],
            "end": [20, 25, 26, 90],
            "score": [0.9, 0.8, 0.7, 0.6],
        }
    )
    half = score_calls(calls, truth)
    assert (half["precision"], half["recall"], half["calls_per_sequence"]) == (0.5, 1 / 3, 2)
    assert half["average_precision"] == pytest.approx(1 / 3)
    assert (half["best_f1"], half["best_threshold"]) == (0.5, 0.9)
    assert score_calls(calls, truth, rule="exact")["precision"] == 0.25
    assert score_calls(calls[:0], truth)["f1"] == 0
    with pytest.raises(InputError, match="half"):
        score_calls(calls, truth, rule="any")


def test_bed_is_sorted_and_whole(found, tmp_path):
    records, truth = planted(12)
    write_bed([call(OneWord(), found, records)], tmp_path / "calls.bed")
    header, *lines = (tmp_path / "calls.bed").read_text().splitlines()
    assert header == "#sequence\tstart\tend\tmotif\tscore\tstrand"
    assert all(line.count("\t") == 5 for line in lines)
    rows = [line.split("\t") for line in lines]
    assert [[r[0], int(r[1])] for r in rows] == sorted(truth[["sequence", "start"]].values.tolist())
    assert all(0 <= int(row[4]) <= 1000 for row in rows)


def test_all_columns_and_names_as_they_are(found, tmp_path, caplog):
    records = [('ab"c', planted(1)[0][0][1]), ("it's,x", planted(1)[0][0][1])]
    write_bed([call(OneWord(), found, records)], tmp_path / "calls.bed", extra=True)
    header, *lines = (tmp_path / "calls.bed").read_text().splitlines()
    assert header[1:].split("\t") == CALL_COLUMNS and len(lines) == 2
    assert [line.split("\t")[0] for line in lines] == ['ab"c', "it's,x"]
    assert not caplog.messages
    write_bed([], tmp_path / "none.bed")
    assert "none.bed: no call" in caplog.messages[0]


def test_bed_in_parts_is_the_same_file(found, tmp_path):
    records, _ = planted(12)
    records.insert(3, ("s10b", "T" * 200 + WORD + "T" * 200))
    write_bed([call(OneWord(), found, records, tile=80)], tmp_path / "whole.bed")
    write_bed(call_parts(OneWord(), found, iter(records), tile=80, batch=2), tmp_path / "parts.bed")
    assert (tmp_path / "whole.bed").read_bytes() == (tmp_path / "parts.bed").read_bytes()


@pytest.mark.parametrize("setting", [{"threshold": 2}, {"tile": 5}])
def test_settings_are_refused(found, setting):
    with pytest.raises(InputError):
        call(OneWord(), found, planted(2)[0], **setting)
