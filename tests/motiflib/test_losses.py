"""Overlap and its fast form, by hand and against the plain form; the schedule of the penalties."""

from __future__ import annotations

import pytest
import torch
from plain import plain_overlap
from torch.testing import assert_close

from motiflib.losses import l1_loss, overlap_loss, penalty_weight, shared_weight
from motiflib.model import ArgminnConfig, MotifScanner
from motiflib.sequence import one_hot


def scanner(filters: int, width: int, both: bool, kind: str = "random") -> MotifScanner:
    torch.manual_seed(3)
    made = MotifScanner(ArgminnConfig(filters=filters, width=width, both_strands=both))
    with torch.no_grad():
        made.filters.normal_()
        if kind == "palindrome":
            made.filters[0] = (made.filters[0] + made.filters[0].flip(0, 1)) / 2
        if kind == "dead":
            made.filters[1], made.bias[1] = 0, -1
    return made


@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize("kind", ["random", "palindrome", "dead"])
@pytest.mark.parametrize(
    ("filters", "width", "batch", "length"),
    [(3, 5, 4, 30), (8, 10, 3, 80), (2, 4, 5, 4), (5, 7, 2, 11)],
)
def test_overlap_equals_plain_form(filters, width, batch, length, kind, both):
    made = scanner(filters, width, both, kind)
    x = torch.nn.functional.one_hot(torch.randint(0, 4, (batch, length)), 4).mT.float()
    values, grads = [], []
    for form in (overlap_loss, plain_overlap):
        values.append(form(made(x), made))
        grads.append(torch.autograd.grad(values[-1], [made.filters, made.bias]))
    assert_close(*values, atol=1e-5, rtol=1e-5)
    for fast, slow in zip(*grads, strict=True):
        assert_close(fast, slow, atol=1e-5, rtol=1e-4)


def test_overlap_by_hand():
    """Filters A and C of width 1: they never share a base, so A_a(0) A_c(0) act counts only where
    both are active."""
    made = scanner(2, 1, both=False)
    with torch.no_grad():
        made.filters.copy_(torch.stack([one_hot(["A"])[0], 3 * one_hot(["A"])[0]]))
        made.bias.zero_()
    # filter 1 on top with 3, filter 0 with 1, at two of three positions
    activations = made(one_hot(["ACA"]))
    expected = (3 * 1 * 1) * 2 / (1 * 3 * 2 * 1) / 4
    assert_close(overlap_loss(activations, made), torch.tensor(expected))


def test_no_overlap_of_a_filter_with_its_mate():
    made = scanner(1, 6, both=True, kind="palindrome")
    x = torch.nn.functional.one_hot(torch.randint(0, 4, (4, 50)), 4).mT.float()
    assert_close(overlap_loss(made(x), made), torch.tensor(0.0), atol=1e-6, rtol=0)


def test_overlap_of_windows_that_follow():
    """Filter 0 is on top at window 0, filter 1 at those that follow: they count one bp apart, where
    they share a base, and not two."""
    made = scanner(2, 2, both=False)
    with torch.no_grad():
        made.filters.zero_()
        made.filters[:, 0] = torch.tensor([[2.0, 1], [3, 5]])
    # the base they share: the last of filter 0 (1), the first of filter 1 (3); activations 7, 10
    activations = torch.tensor([[[10.0, 0, 0], [0, 7, 9]]])
    alone = torch.tensor([[[0.0, 0, 0], [0, 7, 9]]])  # filter 1 itself on top: nothing counts
    expected = (1 * 3 * 7 + 3 * 1 * 10) / (1 * 3 * 2 * 3) / 11
    assert_close(overlap_loss(activations, made), torch.tensor(expected))
    assert_close(overlap_loss(alone, made), torch.tensor(0.0), atol=1e-7, rtol=0)


def test_shared_weight_by_hand():
    made = scanner(1, 3, both=False)
    with torch.no_grad():
        made.filters.zero_()
        made.filters[0, 0] = torch.tensor([1.0, 10, 100])
    assert_close(shared_weight(made)[0], torch.tensor([1.0, 11, 111, 110, 100]))
    assert l1_loss(made) == 111


def test_schedule():
    weights = [penalty_weight(i / 100) for i in range(101)]
    assert weights[:25] == [0.0] * 25 and weights[75:] == [1.0] * 26
    assert_close(weights[25], 1e-3)
    assert_close(weights[50] / weights[25], 10**1.5)
