"""What training minimises: prediction, overlap between filters, and the size of filters.

loss = cross-entropy + lambda_o * overlap + lambda_1 * ||filters||_1  (arXiv:2410.06211, section 3)
"""

import torch
import torch.nn.functional as tf
from jaxtyping import Float
from scipy.fft import next_fast_len
from torch import Tensor

from motiflib.model import GAIN, MotifScanner, Neighbourhood


def overlap_loss(activations: Float[Tensor, "B C T"], scanner: MotifScanner) -> Float[Tensor, ""]:
    """How much filters describe bases that the strongest filter already describes.

    Mean over b, t, c, delta of [c is not a* nor its mate] A_a*(delta) A_c(-delta) act[b,c,t+delta],
    divided by sum |filters|; a* = argmax_c act[b,c,t] (none where nothing is active), A is
    `shared_weight`; outside, act = 0. No (B,T,C,S) tensor is formed: the sums over b and t are
    cross-correlations of the map of top filters with the activations; a (C,C,S) product is left."""
    batch, channels, starts = activations.shape
    cover, reach = shared_weight(scanner), scanner.filters.shape[2] - 1  # cover (C, S): A_c(delta)
    value, best = activations.detach().max(1)  # (B, T)
    top = tf.one_hot(best, channels).to(activations).mT * (value > 0)[:, None]  # (B, C, T)
    size = fast_size(starts + reach)  # long enough that no lag wraps round
    waves = [torch.fft.rfft(maps.float(), size) for maps in (top, activations)]
    product = waves[0].conj().permute(2, 1, 0) @ waves[1].permute(2, 0, 1)  # (size/2 + 1, C, C)
    lags = torch.fft.irfft(product, size, dim=0)  # (size, C, C)
    together = torch.cat([lags[size - reach :], lags[: reach + 1]])  # (S, C, C)
    same = torch.eye(channels, dtype=torch.bool, device=top.device)
    same = same | same.roll(channels // 2, 0) if scanner.both_strands else same
    total = torch.einsum("as,cs,sac->", cover, cover.flip(1), together.masked_fill(same, 0))
    terms = batch * starts * channels * cover.shape[1]
    return total / (terms * scanner.filters.abs().sum().clamp(min=1e-8))


@torch.compiler.assume_constant_result  # of the length alone: a compiled step need not look inside
def fast_size(least: int) -> int:
    """The next size from `least` on that a Fourier transform is quick for."""
    return next_fast_len(least, real=True)


def shared_weight(scanner: MotifScanner) -> Float[Tensor, "C S"]:
    """A_c(delta): sum of |filter c| where a window delta = -(W-1)..W-1 bp further on covers it."""
    weight = scanner.channels()[0].abs().sum(1)  # (C, W)
    heads = weight.cumsum(1)  # covered from the left: delta = -(W-1) .. 0
    tails = weight.flip(1).cumsum(1).flip(1)[:, 1:]  # from the right: delta = 1 .. W-1
    return torch.cat([heads, tails], 1)


def l1_loss(scanner: MotifScanner) -> Float[Tensor, ""]:
    """||filters||_1, which lets useless filters and empty flanks go to zero."""
    return scanner.filters.abs().sum()


def spacing_loss(around: Neighbourhood) -> Float[Tensor, ""]:
    """Sum of |rho - its start| over the table of spacings: a distance must earn its weight."""
    return GAIN * around.spacing.abs().sum()


def penalty_weight(progress: float) -> float:
    """Share of the penalties in force at `progress` in [0, 1]: 0, 1e-3 to 1 exponentially, then 1.

    >>> [penalty_weight(p) for p in (0.1, 0.25, 0.5, 0.9)]
    [0.0, 0.001, 0.03162277660168379, 1.0]
    """
    return min(1.0, 10 ** (3 * (progress - 0.25) / 0.5 - 3)) if progress >= 0.25 else 0.0
