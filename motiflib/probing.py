"""Questions to a network by changing its input: what if this stretch were not there?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from motiflib.sequence import InputError


def erase(
    x: Float[Tensor, "N 4 L"], spans: Sequence[Sequence[tuple[int, int]]], *, seed: int = 0
) -> Float[Tensor, "N 4 L"]:
    """Copies in which the given stretches of each sequence are filled with bases drawn from that sequence.

    So the composition stays what it was on average. Half-open spans, a list for each sequence (it may be empty).
    Raises InputError for a span outside of the sequence or a list of another length.

    >>> erase(one_hot(["ACGTACGT"]), [[(2, 4)]])
    """
    if len(spans) != len(x):
        raise InputError(f"{len(spans)} lists of spans for {len(x)} sequences: give one list each")
    generator, out = torch.Generator().manual_seed(seed), x.clone()
    length = x.shape[2]
    for row, cuts in enumerate(spans):
        for start, end in cuts:
            if not 0 <= start <= end <= length:
                raise InputError(f"span {start}-{end} of sequence {row} lies outside of 0-{length}")
            out[row, :, start:end] = x[row][:, torch.randint(length, (end - start,), generator=generator)]
    return out
