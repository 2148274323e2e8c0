"""What stands between the planted motifs: independent bases, a first-order Markov chain, or real
flanks. Random numbers come by counting: the same index gives the same sequence, whatever the batch
size or the device."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from motiflib.files import InputError, need
from motiflib.sequence import codes_of, one_hot

GOLDEN = 0x9E3779B97F4A7C15
CHOICE, FIRST_WORD = 60, 1024  # where the background's random words begin in a sequence's stream


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


def cut_points(probabilities: np.ndarray) -> np.ndarray:
    """Thresholds (..., 3) on 16-bit lanes from probabilities (..., 4), rounded by 2^-17 at most."""
    return np.round(np.cumsum(probabilities, -1)[..., :3] * 65536).astype(np.int64) - 32768


def gc_frequencies(gc: float) -> np.ndarray:
    """Base frequencies (4,) of a GC fraction."""
    need(0 < gc < 1, f"gc is {gc}; expected a fraction above 0 and below 1")
    return np.array([(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2])


class Background:
    """Draws backgrounds (B, L) of base codes, 0..3 for ACGT and 4 for N.

    `source` is None (independent bases of GC fraction `gc`), a (4, 4) matrix of transition
    probabilities T[a, b] = P(next is b | this is a), or a list of sequences: each simulated
    sequence then takes a random window of a random one. Raises InputError for any other.
    """

    def __init__(self, length: int, gc: float = 0.5, source: np.ndarray | Sequence | None = None,
                 device: str | torch.device = "cpu"):
        self.length, self.device = length, device
        self.frequencies, self.transitions, self.flanks = gc_frequencies(gc), None, None
        if source is not None and len(source) and isinstance(source[0], str):
            self._use_flanks(source)
        elif source is not None:
            self._use_transitions(np.asarray(source, dtype=float))

    def _use_transitions(self, t: np.ndarray) -> None:
        if t.shape != (4, 4) or not (t > 0).all() or not np.allclose(t.sum(1), 1, atol=1e-6):
            raise InputError("background: expected sequences, or a (4, 4) matrix above 0 with rows "
                             "that sum to 1")
        self.transitions = t / t.sum(1, keepdims=True)
        # frequencies in the long run: pi = pi T
        system = np.vstack([self.transitions.T - np.eye(4), np.ones(4)])
        self.frequencies = np.linalg.lstsq(system, np.eye(5)[4], rcond=None)[0]

    def _use_flanks(self, sequences: Sequence[str]) -> None:
        kept = [s for s in sequences if len(s) >= self.length]
        need(kept, f"background: the longest sequence has {max(map(len, sequences))} bp; "
                   f"expected at least {self.length}")
        self.flanks = torch.from_numpy(codes_of(one_hot(kept))).to(self.device)
        self.windows = torch.tensor([len(s) - self.length + 1 for s in kept], device=self.device)

    def draw(self, keys: Tensor) -> UInt8[Tensor, "B L"]:
        """Background codes for sequences with random streams `keys` (B,)."""
        if self.flanks is not None:
            u = uniforms(keys, CHOICE, 2)
            row = (u[:, 0] * len(self.flanks)).long()
            start = (u[:, 1] * self.windows[row]).long()
            at = start[:, None] + torch.arange(self.length, device=self.device)
            return self.flanks[row[:, None], at]
        u = lanes(keys, FIRST_WORD, self.length)
        if self.transitions is not None:
            return self._chain(u)
        codes = torch.zeros(u.shape, dtype=torch.uint8, device=u.device)
        for cut in cut_points(self.frequencies).clip(-32767, 32767).tolist():
            codes += u >= cut
        return codes

    def _chain(self, u: Tensor) -> Tensor:
        cuts = torch.from_numpy(cut_points(self.transitions)).int().to(u.device)  # (4, 3)
        cut = torch.from_numpy(cut_points(self.frequencies)).int().to(u.device)
        u = u.t().contiguous().int()
        codes = torch.empty(u.shape, dtype=torch.int64, device=u.device)  # (L, B)
        for i in range(self.length):  # each base depends on the one before: no way around this loop
            codes[i] = (u[i, :, None] >= cut).sum(1)
            cut = cuts[codes[i]]
        return codes.t().to(torch.uint8).contiguous()
