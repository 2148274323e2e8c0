"""The network, whole: scan for motifs, keep the best hits, pick them one at a time, decide.

Letters used here and in the book: B batch, L sequence length, F filters, W filter width,
C = 2F channels (each filter on both strands), T = L-W+1 window starts, R reach of a neighbourhood,
M candidates (k of each filter), D token size, H heads, K layers, E stream size.

The method is that of Tseng et al. 2024 (arXiv:2410.06211). Three things are ours: one filter reads
both strands, only candidate instances become tokens, and a token knows its neighbours.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as tf
from huggingface_hub import PyTorchModelHubMixin
from jaxtyping import Bool, Float
from torch import Tensor, nn

GAIN = 10  # rates that a step of rho is worth: Adam's own is too little for a log-weight


@dataclass(frozen=True)
class ArgminnConfig:
    """The shape of a network; sizes as in the paper, section 2. Unknown names raise TypeError."""

    filters: int = 12  # F
    width: int = 12  # W
    layers: int = 2  # K
    heads: int = 4  # H
    token: int = 32  # D
    stream: int = 128  # E
    position: int = 16
    candidates: int = 48  # hits that become tokens; 0: every window is one (the paper's form)
    neighbourhood: int = 50  # R, bp within which a token looks for partners; 0: not (the paper's)
    both_strands: bool = True  # scan with each filter and its reverse complement

    @property
    def channels(self) -> int:
        return self.filters * (2 if self.both_strands else 1)


class Readout(NamedTuple):
    """What the network did on a batch: logit (B,), activations (B,C,T), attention (B,K,H,T)."""

    logit: Tensor
    activations: Tensor
    attention: Tensor


class Hits(NamedTuple):
    """Candidate instances of a batch, each (B,M): window start, channel, activation."""

    start: Tensor
    channel: Tensor
    activation: Tensor


class MotifScanner(nn.Module):
    """The only layer that sees bases: relu(filters * x + bias), both strands, the same weights."""

    def __init__(self, config: ArgminnConfig):
        super().__init__()
        self.both_strands = config.both_strands
        self.filters = nn.Parameter(0.1 * torch.randn(config.filters, 4, config.width))
        self.bias = nn.Parameter(torch.zeros(config.filters))
        self.relu = nn.ReLU()

    def channels(self) -> tuple[Float[Tensor, "C 4 W"], Float[Tensor, " C"]]:
        """Filters and biases of all channels: F forward, then F reverse complements."""
        if not self.both_strands:
            return self.filters, self.bias
        return torch.cat([self.filters, self.filters.flip(1, 2)]), self.bias.repeat(2)

    def forward(self, x: Float[Tensor, "B 4 L"]) -> Float[Tensor, "B C T"]:
        width = self.filters.shape[2]
        bases = x.detach().sum(1, keepdim=True)
        known = tf.avg_pool1d(bases, width, 1) > 1 - 0.5 / width  # (B, 1, T)
        return self.relu(tf.conv1d(x, *self.channels())) * known  # no motif in a window with an N


def sinusoid(offset: Float[Tensor, "*S"], size: int) -> Float[Tensor, "*S size"]:
    """Sinusoidal position code: a shift by d bp is a rotation, the same for every position."""
    rate = 1e4 ** (-torch.arange(0, size, 2, device=offset.device) / size)
    angle = offset[..., None] * rate  # (..., size/2)
    return torch.cat([angle.sin(), angle.cos()], -1)


class Neighbourhood(nn.Module):
    """How well each motif is represented around a candidate, at the distances that matter.

    n[i,c] = log(1 + sum_j [channel_j = c] exp(a_j + rho[channel_i, c, start_j - start_i])),
    |start_j - start_i| <= R. rho is a learnt table of spacings, a log-weight for each distance, one
    row per ordered pair of motifs and strands; reverse-complemented pairs share one: F x C rows."""

    def __init__(self, config: ArgminnConfig):
        super().__init__()
        self.reach, self.both_strands = config.neighbourhood, config.both_strands
        size = 2 * self.reach + 1
        self.spacing = nn.Parameter(torch.zeros(config.filters, config.channels, size))

    def table(self) -> Float[Tensor, "C C S"]:
        """rho for all ordered pairs of channels; the mates' rows are read backwards."""
        rho = GAIN * self.spacing - math.log(self.spacing.shape[2])
        return torch.cat([rho, rho.roll(len(rho), 1).flip(2)]) if self.both_strands else rho

    def pull(self, hits: Hits) -> Float[Tensor, "B M M"]:
        """exp(a_j + rho) of each hit j (last axis) around each hit i; 0 beyond the reach."""
        table = self.table()
        shift = hits.start[:, None, :] - hits.start[:, :, None]  # (B, M, M): from i to j
        here, there = hits.channel[:, :, None], hits.channel[:, None, :]
        place = shift.clamp(-self.reach, self.reach) + self.reach
        index = (here * table.shape[1] + there) * table.shape[2] + place
        rho = table.flatten().gather(0, index.flatten()).view(index.shape)  # quick gradient
        activation = hits.activation[:, None, :]
        far = (shift.abs() > self.reach) | (activation <= 0)
        far = far | torch.eye(shift.shape[1], dtype=torch.bool, device=shift.device)
        return (rho + activation).clamp(max=30).exp().masked_fill(far, 0)

    def forward(self, hits: Hits, silent: Bool[Tensor, "B M"] | None = None,
                pull: Float[Tensor, "B M M"] | None = None) -> Float[Tensor, "B M C"]:
        """n, without the hits that are `silent`; `pull` is that of the hits, where it is known."""
        pull = self.pull(hits) if pull is None else pull
        pull = pull if silent is None else pull * ~silent[:, None]
        return torch.log1p(pull @ tf.one_hot(hits.channel, self.spacing.shape[1]).to(pull))


class StreamAttention(nn.Module):
    """One step: ask the tokens one question per head, add the answers to the stream. No token has a
    key or value of its own: q.(Wk x) = (Wk^T q).x and sum att V x = V (sum att x)."""

    def __init__(self, config: ArgminnConfig):
        super().__init__()
        heads, token, stream = config.heads, config.token, config.stream
        self.query = nn.Linear(stream, heads * token)
        self.key = nn.Parameter(torch.randn(heads, token, token) / math.sqrt(token))
        self.value = nn.Parameter(torch.randn(heads, token, token) / math.sqrt(token))
        self.softmax = nn.Softmax(-1)
        self.out = nn.Sequential(nn.Linear(heads * token, stream), nn.LayerNorm(stream))
        self.mlp = nn.Sequential(nn.Linear(stream, stream), nn.ReLU(), nn.Linear(stream, stream),
                                 nn.LayerNorm(stream))

    def forward(self, stream: Float[Tensor, "B E"], tokens: Float[Tensor, "B M D"],
                empty: Bool[Tensor, "B M"] | None
                ) -> tuple[Float[Tensor, "B E"], Float[Tensor, "B H M"]]:
        heads, size = self.key.shape[:2]
        query = self.query(stream).unflatten(-1, (heads, size))  # (B, H, D)
        asked = torch.einsum("bhd,hde->bhe", query, self.key) / math.sqrt(size)
        scores = asked @ tokens.mT  # (B, H, M)
        if empty is not None:
            scores = scores.masked_fill(empty[:, None], -torch.inf)
        attention = self.softmax(scores)
        pooled = torch.einsum("bhd,hde->bhe", attention @ tokens, self.value)  # (B, H, D)
        return stream + self.mlp(self.out(pooled.flatten(1))), attention


class SyntaxBuilder(nn.Module):
    """K steps of stream attention over the tokens; the stream starts at all ones."""

    def __init__(self, config: ArgminnConfig):
        super().__init__()
        self.size = config.stream
        self.steps = nn.ModuleList(StreamAttention(config) for _ in range(config.layers))
        self.decide = nn.Sequential(nn.LayerNorm(config.stream), nn.Linear(config.stream, 1))

    def forward(self, tokens: Float[Tensor, "B M D"], empty: Bool[Tensor, "B M"] | None = None
                ) -> tuple[Float[Tensor, " B"], Float[Tensor, "B K H M"]]:
        stream, attention = tokens.new_ones(len(tokens), self.size), []
        for step in self.steps:
            stream, att = step(stream, tokens, empty)
            attention.append(att)
        return self.decide(stream).squeeze(-1), torch.stack(attention, 1)


def mate(values: Float[Tensor, "*B C"]) -> Float[Tensor, "*B C"]:
    """Swap the strands of a channel axis: what the same features are on the reverse complement."""
    return values.roll(values.shape[-1] // 2, -1)


class Argminn(nn.Module, PyTorchModelHubMixin, library_name="motiflib"):
    """A network that reads motifs and their syntax; `model(x)` is the logit of each sequence.

    With candidates, tokens are the best hits and one token that means "nothing". The syntax builder
    reads them in both directions and the logit is the mean, so that a sequence and its reverse
    complement get the same answer (but for hits that tie for the last place among candidates).

    >>> model = Argminn(ArgminnConfig(filters=3))
    >>> model(torch.zeros(2, 4, 100)).shape
    torch.Size([2])
    """

    def __init__(self, config: ArgminnConfig):
        super().__init__()
        if isinstance(config, dict):  # as read from config.json
            config = ArgminnConfig(**config)
        self.config = config
        self.scanner = MotifScanner(config)
        sparse, near = config.candidates > 0, config.neighbourhood > 0
        if near and not sparse:
            raise ValueError("a neighbourhood needs candidates > 0: set it, or neighbourhood=0")
        self.around = Neighbourhood(config) if near else None
        size, token = config.channels * (1 + sparse + near) + config.position, config.token
        self.embed = nn.Linear(size, token)
        self.mix = nn.Sequential(nn.ReLU(), nn.Linear(token, token)) if near else nn.Identity()
        self.nothing = nn.Parameter(torch.zeros(1, 1, config.token)) if sparse else None
        self.syntax = SyntaxBuilder(config)

    def forward(self, x: Float[Tensor, "B 4 L"]) -> Float[Tensor, " B"]:
        return self.read(x, self.scanner(x))[0]

    def explain(self, x: Float[Tensor, "B 4 L"]) -> Readout:
        """Logit, activations and attention of a batch, attention on window starts (B,K,H,T)."""
        activations = self.scanner(x)
        logit, attention, hits = self.read(x, activations)
        if hits is None:
            return Readout(logit, activations, attention)
        spread = attention.new_zeros(*attention.shape[:3], activations.shape[2])
        where = hits.start[:, None, None].expand(*attention.shape[:3], -1)
        return Readout(logit, activations, spread.scatter_add(3, where, attention[..., :-1]))

    def hits(self, activations: Float[Tensor, "B C T"], most: int | None = None) -> Hits:
        """The M strongest activations of each sequence, whatever the filter, strand and place."""
        starts, most = activations.shape[2], most or self.config.candidates
        value, index = activations.flatten(1).topk(min(most, activations[0].numel()))  # (B, M)
        return Hits(index % starts, index // starts, value)

    def read(self, x: Tensor, activations: Tensor) -> tuple[Tensor, Tensor, Hits | None]:
        """Logit, attention on tokens and the tokens' hits (None if every window is a token)."""
        centre = middle(x, self.config.width)[:, None]  # (B, 1)
        if self.config.candidates:
            hits = self.hits(activations)
            return *self.weigh(hits, hits.start - centre), hits
        offset = torch.arange(activations.shape[2], device=x.device) - centre  # (B, T)
        code = sinusoid(offset, self.config.position)
        tokens = self.embed(torch.cat([activations.mT, code], -1))  # (B, T, D)
        return *self.syntax(tokens), None

    def weigh(self, hits: Hits, offset: Float[Tensor, "B M"],
              silent: Bool[Tensor, "B M"] | None = None, pull: Float[Tensor, "B M M"] | None = None
              ) -> tuple[Float[Tensor, " B"], Float[Tensor, "B K H M+1"]]:
        """Logit and attention of candidates at `offset` from the middle, the last token "nothing",
        read in both directions. Hits that are `silent` are no tokens and no neighbours, as if their
        filter had not fired; `pull` is `Neighbourhood.pull` of the hits, where it is known."""
        kind = tf.one_hot(hits.channel, self.config.channels).to(hits.activation)  # (B, M, C)
        seen = [kind * hits.activation[..., None], kind]
        empty = hits.activation <= 0
        empty = empty if silent is None else empty | silent
        if self.around is not None:
            seen.append(self.around(hits, silent, pull))
        directions, readings = [(seen, offset)], []
        if self.config.both_strands:
            directions.append(([mate(part) for part in seen], -offset))
        for parts, place in directions:
            code = sinusoid(place, self.config.position)
            tokens = self.mix(self.embed(torch.cat([*parts, code], -1)))  # (B, M, D)
            tokens = torch.cat([tokens, self.nothing.expand(len(tokens), -1, -1)], 1)
            readings.append(self.syntax(tokens, tf.pad(empty, (0, 1))))
        logit, attention = zip(*readings, strict=True)
        return sum(logit) / len(logit), sum(attention) / len(attention)


def middle(x: Float[Tensor, "B 4 L"], width: int) -> Float[Tensor, " B"]:
    """Window start at the middle of each sequence's known bases: padding moves no motif."""
    known = x.detach().sum(1) > 0  # (B, L)
    first = known.to(x).argmax(1)
    last = known.shape[1] - 1 - known.flip(1).to(x).argmax(1)
    return (first + last + 1 - width) / 2


@contextmanager
def evaluating(model: nn.Module) -> Iterator[torch.device]:
    """The network in evaluation mode, and its device; its own mode comes back in any case."""
    was = model.training
    model.eval()
    try:
        yield next(model.parameters()).device
    finally:
        model.train(was)
