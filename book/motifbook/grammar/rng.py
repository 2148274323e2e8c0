"""Random numbers by counting: the same index gives the same sequence, whatever the batch size or
the device."""

from __future__ import annotations

import torch
from torch import Tensor

GOLDEN = 0x9E3779B97F4A7C15


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def _shift(z: Tensor, bits: int) -> Tensor:
    # torch shifts int64 arithmetically; the mask makes the shift logical
    return (z >> bits).bitwise_and_((1 << (64 - bits)) - 1)


def mix(z: Tensor) -> Tensor:
    """Scrambled 64-bit integers: the finaliser of SplitMix64 (Steele, Lea & Flood, OOPSLA 2014)."""
    z = (z ^ _shift(z, 30)).mul_(_signed(0xBF58476D1CE4E5B9))
    z = _shift(z, 27).bitwise_xor_(z).mul_(_signed(0x94D049BB133111EB))
    return _shift(z, 31).bitwise_xor_(z)


def streams(seed: int, first: int, n: int, device: str | torch.device = "cpu") -> Tensor:
    """Keys (n,) int64 of sequences first .. first+n of a seed: one independent stream each."""
    index = torch.arange(first, first + n, dtype=torch.int64, device=device)
    key = mix(torch.tensor([_signed(int(seed) + GOLDEN)], dtype=torch.int64, device=device))
    return mix(mix(index + 1) ^ key)


def words(keys: Tensor, first: int, n: int) -> Tensor:
    """Words first .. first+n of each stream (B,) -> (B, n) int64, all 64 bits random."""
    count = torch.arange(first + 1, first + n + 1, dtype=torch.int64, device=keys.device)
    return mix(keys[:, None] + count * _signed(GOLDEN))


def lanes(keys: Tensor, first: int, n: int) -> Tensor:
    """16-bit random integers (B, n) in [-32768, 32767], four to a word; `first` counts words."""
    return words(keys, first, -(-n // 4)).view(torch.int16)[:, :n]


def uniforms(keys: Tensor, first: int, n: int) -> Tensor:
    """Uniform float64 (B, n) in [0, 1) with 53 random bits, one word each."""
    return _shift(words(keys, first, n), 11).to(torch.float64) * 2.0**-53
