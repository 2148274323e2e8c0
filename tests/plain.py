"""The method written out term by term: slow, obvious, and what the fast forms must equal."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from motiflib.model import MotifScanner, Neighbourhood, StreamAttention


def plain_overlap(activations: Tensor, scanner: MotifScanner) -> Tensor:
    """Overlap as defined: a (B,T,C,S) tensor of A_a*(delta) A_c(-delta) act[b,c,t+delta], then its
    mean."""
    weight = scanner.channels()[0].abs().sum(1)  # (C, W)
    (channels, width), starts = weight.shape, activations.shape[2]
    value, best = activations.max(1)  # (B, T)
    filters = torch.arange(channels) % len(scanner.filters)
    rival = filters[best][..., None] != filters  # (B, T, C): neither the top filter nor its mate
    rival = rival & (value > 0)[..., None]
    terms = []
    for delta in range(-(width - 1), width):
        ours = weight[:, max(0, delta) : min(width, width + delta)].sum(1)  # (C,)
        theirs = weight[:, max(0, -delta) : min(width, width - delta)].sum(1)
        padded = torch.nn.functional.pad(activations, (width, width))
        shifted = padded[
            :, :, width + delta : width + delta + starts
        ]  # act[b,c,t+delta], 0 outside
        terms.append(rival * ours[best][..., None] * theirs * shifted.mT)  # (B, T, C)
    return torch.stack(terms).mean() / scanner.filters.abs().sum()


def plain_step(step: StreamAttention, stream: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """One attention step with a key and a value for every token."""
    heads, size = step.key.shape[:2]
    query = step.query(stream).unflatten(-1, (heads, size))  # (B, H, D)
    keys = torch.einsum("hde,bme->bhmd", step.key, tokens)
    values = torch.einsum("hde,bmd->bhme", step.value, tokens)
    attention = ((query[:, :, None] * keys).sum(-1) / math.sqrt(size)).softmax(-1)  # (B, H, M)
    pooled = (attention[..., None] * values).sum(2)  # (B, H, D)
    return stream + step.mlp(step.out(pooled.flatten(1))), attention


def plain_neighbours(
    around: Neighbourhood, starts: Tensor, channels: Tensor, activations: Tensor
) -> Tensor:
    """n[i, c] of one sequence's candidates by three loops."""
    table, reach = around.table(), around.reach
    out = torch.zeros(len(starts), table.shape[1])
    for i in range(len(starts)):
        for c in range(table.shape[1]):
            total = torch.ones(())
            for j in range(len(starts)):
                shift = int(starts[j] - starts[i])
                if j != i and channels[j] == c and activations[j] > 0 and abs(shift) <= reach:
                    total = total + (table[channels[i], c, shift + reach] + activations[j]).exp()
            out[i, c] = total.log()
    return out
