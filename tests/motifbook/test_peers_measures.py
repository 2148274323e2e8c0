"""Dispersion, agreement and saturation, on networks and numbers whose answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from motifbook.grammar import GrammarBatches, load_grammar
from motifbook.peers import (
    ExplaiNN,
    StandardCNN,
    agreement,
    effective_number,
    filter_responses,
    filter_shares,
    planted_mask,
    precision,
    share_outside,
    train_classifier,
    twice,
)
from motifbook.peers.filters import sample_instances
from test_peers_networks import random_sequences
from torch import nn

from motiflib.motif import Motif
from motiflib.sequence import decode, one_hot
from motiflib.training import TrainConfig

WORD = Motif("word", one_hot(["GATTACA"])[0].numpy())


class OneFilter(nn.Module):
    """Three filters, of which the first is the word and the only one that the logit reads."""

    def __init__(self) -> None:
        super().__init__()
        self.width = 7
        self.scan = nn.Conv1d(4, 3, 7, bias=False)
        self.first = nn.ReLU()
        with torch.no_grad():
            self.scan.weight.zero_()
            self.scan.weight[0] = torch.tensor(WORD.pfm.copy())

    def activations(self, x):
        return self.first(self.scan(x))

    def forward(self, x):
        return self.activations(x)[:, 0].amax(1)


def test_all_the_work_of_a_network_with_one_filter_is_done_by_that_filter():
    x, y = random_sequences(100, 60), torch.arange(100) % 2
    x[y == 1, :, 30:37] = torch.tensor(WORD.pfm.copy()).float()
    shares = filter_shares(OneFilter(), x, y)
    assert shares == pytest.approx([1, 0, 0]) and effective_number(shares) == pytest.approx(1)
    assert effective_number(np.full(8, 1 / 8)) == pytest.approx(8)


def test_the_filter_that_is_the_word_answers_to_it():
    responses = filter_responses(OneFilter(), [WORD], n=400)
    assert responses.word[1:].tolist() == [0.5, 0.5]
    turned = filter_responses(OneFilter(), [WORD.reverse_complement()], n=400)
    assert (
        responses.word[0] > 0.99 and turned.word[0] == responses.word[0]
    )  # whichever strand it reads
    assert filter_responses(StandardCNN(filters=4), [WORD], n=20).shape == (4, 1)


def test_sampled_instances_follow_the_columns():
    pfm = np.array([[0.7, 0.0], [0.1, 0.5], [0.1, 0.5], [0.1, 0.0]])
    drawn = sample_instances(Motif("m", pfm), 20_000).mean(0).numpy()
    assert drawn == pytest.approx(pfm, abs=0.015)  # four standard errors
    assert decode(sample_instances(WORD, 2)) == ["GATTACA"] * 2


def test_agreement_is_a_correlation_over_the_positions_asked_for():
    a = np.random.default_rng(0).normal(size=(3, 50))
    assert agreement(a, 2 * a + 3) == pytest.approx([1, 1, 1])
    assert agreement(a, -a) == pytest.approx([-1, -1, -1])
    assert agreement(a, np.ones_like(a)).tolist() == [0, 0, 0]
    b, where = a.copy(), np.zeros(a.shape, dtype=bool)
    b[:, 20:], where[:, :20] = 7.0, True
    assert agreement(a, b, where) == pytest.approx([1, 1, 1])
    assert agreement(a, b)[0] == pytest.approx(np.corrcoef(a[0], b[0])[0, 1])


def test_precision_and_share_outside_by_hand():
    truth = pd.DataFrame({"row": [0, 0], "start": [1, 4], "end": [3, 5]})
    mask = planted_mask(truth, 2, 6)
    assert mask.astype(int).tolist() == [[0, 1, 1, 0, 1, 0], [0] * 6]
    values = np.array([[0.0, 5, 4, 3, 1, -2], [1.0] * 6])
    assert precision(values, mask)[0] == pytest.approx(2 / 3) and np.isnan(
        precision(values, mask)[1]
    )
    assert share_outside(values, mask) == pytest.approx([1 / 3, 1])


def test_twice_copies_the_block_and_says_where_it_was():
    x = one_hot(["A" * 10 + "CCTGG" + "A" * 25, "A" * 30 + "CCTGG" + "A" * 5])
    truth = pd.DataFrame({"row": [0, 0, 1], "start": [10, 13, 30], "end": [12, 15, 35]})
    doubled, block, copy = twice(x, truth)
    assert decode(doubled) == [
        "A" * 10 + "CCTGG" + "A" * 10 + "CCTGG" + "A" * 10,
        "A" * 15 + "CCTGG" + "A" * 10 + "CCTGG" + "A" * 5,
    ]
    assert block.sum(1).tolist() == [5, 5] and block[0, 10:15].all()
    assert copy.sum(1).tolist() == [5, 5] and copy[0, 25:30].all() and copy[1, 15:20].all()
    with pytest.raises(ValueError, match="no room"):
        twice(x[:, :, :18], truth.iloc[:2])


@pytest.mark.parametrize("build", [StandardCNN, ExplaiNN])
def test_the_shared_loop_trains_a_peer(build):
    torch.manual_seed(0)
    batches = GrammarBatches(load_grammar("spi1"), length=60, steps=20, batch=32)
    config = TrainConfig(epochs=2, device="cpu")
    model, history = train_classifier(
        build(16), batches, batches.sample(200, 1), config, progress=False
    )
    assert history.prediction.iloc[-1] < history.prediction.iloc[0] and (history.overlap == 0).all()
    assert not model.training
