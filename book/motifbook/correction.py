"""A network that knows the composition of the sequence it reads.

A filter weighs a base by its log-odds against the background that it was trained on, times a scale:
w[b] = lambda log(p[b] / q[b]). In a sequence of other base frequencies q', the right weight is
w'[b] = lambda log(p[b] / q'[b]) = w[b] - lambda log(q'[b] / q[b]). Motifs are read from the
filters, so p is known and lambda is a regression: nothing has to be trained again.
"""

import copy

import numpy as np
import torch
import torch.nn.functional as tf
from jaxtyping import Float
from torch import Tensor

from motiflib.discovery import Found
from motiflib.model import Argminn, MotifScanner

GC = 0.5  # of the training background
SURE = 2  # standard errors by which a sequence's composition departs from it before it is believed


class CorrectedScanner(MotifScanner):
    """A `MotifScanner` whose scores are against each sequence's own base frequencies; `share` is
    lambda where a channel's motif stands in its window, else 0."""

    def __init__(self, scanner: MotifScanner, share: Float[Tensor, "C W"]):
        torch.nn.Module.__init__(self)
        self.both_strands, self.relu = scanner.both_strands, scanner.relu
        self.filters, self.bias = scanner.filters, scanner.bias
        self.register_buffer("share", share[:, None])

    def forward(self, x: Float[Tensor, "B 4 L"]) -> Float[Tensor, "B C T"]:
        width = self.filters.shape[2]
        known = tf.avg_pool1d(x.detach().sum(1, keepdim=True), width, 1) > 1 - 0.5 / width
        gc = GC + departure(x[:, 1:3].sum((1, 2)), x.sum((1, 2)))
        weak, strong = ((1 - gc) / (1 - GC)).log(), (gc / GC).log()  # log(q' / q) of A or T, C or G
        excess = weak[:, None] * (x[:, 0] + x[:, 3]) + strong[:, None] * (x[:, 1] + x[:, 2])
        score = tf.conv1d(x, *self.channels()) - tf.conv1d(excess[:, None], self.share)
        return self.relu(score) * known


def departure(strong: Float[Tensor, " B"], known: Float[Tensor, " B"]) -> Float[Tensor, " B"]:
    """By how much the fraction of G and C departs from a half, beyond chance (positive-part
    James-Stein): without it, correcting an ordinary composition would only add noise."""
    moved = strong / known.clamp(min=1) - GC
    chance = SURE**2 * GC * (1 - GC) / known.clamp(min=1)
    return moved * (1 - chance / moved.square().clamp(min=1e-12)).clamp(min=0)


def correct_background(model: Argminn, found: Found) -> Argminn:
    """A copy of `model`, trained at 50% GC, that allows for each sequence's own composition.

    >>> type(correct_background(model, found).scanner).__name__
    'CorrectedScanner'
    """
    out, filters = copy.deepcopy(model), len(model.scanner.filters)
    share = torch.zeros(model.config.channels, model.config.width)
    motifs = {motif.name: motif for motif in found.motifs}
    for member in found.members.itertuples():
        motif = motifs[member.motif]
        motif = motif if member.strand == "+" else motif.reverse_complement()
        weights = model.scanner.filters[member.filter].detach().double().cpu().numpy()
        scale, columns = filter_scale(weights, motif.pfm, member.offset)
        share[member.filter, columns] = scale
        if model.config.both_strands:
            share[member.filter + filters] = share[member.filter].flip(0)
    out.scanner = CorrectedScanner(out.scanner, share.to(model.scanner.filters.device))
    return out


def filter_scale(weights: Float[np.ndarray, "4 W"], pfm: Float[np.ndarray, "4 w"],
                 start: int) -> tuple[float, slice]:
    """lambda, by least squares of a filter's columns on log p where the motif stands, and these
    columns of the filter."""
    first, end = max(start, 0), min(start + pfm.shape[1], weights.shape[1])
    log_p = np.log(np.clip(pfm[:, first - start : end - start], 0.01, 1))  # rare is not impossible
    a, b = (v - v.mean(0) for v in (weights[:, first:end], log_p))
    return max(0.0, float((a * b).sum() / (b * b).sum())), slice(first, end)
