"""What a network says about each place in a sequence where a filter fires: the evidence behind
motifs and calls.

Letters as in `model`: B batch, L length, C channels, T window starts, M candidates.
"""

from __future__ import annotations

from functools import cached_property

import pandas as pd
import torch
import torch.nn.functional as tf
from jaxtyping import Bool, Float
from torch import Tensor

from motiflib.model import Argminn, Hits, MotifScanner, evaluating, mate, middle, sinusoid

STRONGEST = 48  # hits looked at in the paper's form of the network, where every window is a token
IRRELEVANT = 0.02  # attention plus first-order effect below which a site is not silenced: its effect counts as 0
CAUTION = 0.5  # a site is silenced if these come to this share of the least score asked for; no call came below 0.58
TIE = 1e-3  # activations closer than this are equal: a palindrome's two strands differ by rounding alone
COLUMNS = ["row", "start", "channel", "activation", "attention", "effect", "probability", "score"]


class Reader:
    """Reads hits of a batch with a network, as they are or with some of them silenced."""

    def __init__(self, model: Argminn, x: Float[Tensor, "B 4 L"]):
        self.model, self.x = model, x
        self.activations = model.scanner(x)
        starts = self.activations.shape[2]
        most = min(model.config.candidates or STRONGEST, self.activations[0].numel())
        value, index = self.activations.flatten(1).topk(most)  # (B, M), strongest first
        self.hits = in_order(Hits(index.remainder(starts), index // starts, value), x, model.scanner)
        self.offset = self.hits.start - middle(x, model.config.width)[:, None]

    def logit(self, rows: Tensor, activation: Float[Tensor, "N M"]) -> tuple[Tensor, Float[Tensor, "N K H M"]]:
        """Logit and attention on hits for sequences `rows` of the batch, had their hits these
        activations."""
        start, channel = self.hits.start[rows], self.hits.channel[rows]
        if self.model.config.candidates:
            logit, attention = self.model.weigh(Hits(start, channel, activation), self.offset[rows])
            return logit, attention[..., :-1]
        starts = self.activations.shape[2]
        changed = self.activations[rows].flatten(1).scatter(1, channel * starts + start, activation)
        logit, attention, _ = self.model.read(self.x[rows], changed.unflatten(1, (-1, starts)))
        return logit, attention.gather(3, start[:, None, None].expand(*attention.shape[:3], -1))

    def silenced(self, rows: Tensor, gone: Bool[Tensor, "N M"]) -> Float[Tensor, " N"]:
        """`logit` with the hits `gone` silenced; what they leave as it was is computed once for
        all.

        A silenced hit is no token, and it is missing in the neighbourhoods of the others; nothing
        else changes.
        """
        model = self.model
        if model.around is None:
            return self.logit(rows, self.hits.activation[rows].masked_fill(gone, 0))[0]
        pull, kind, empty, tokens = self.parts
        near = torch.log1p((pull[rows] * ~gone[:, None]) @ kind[rows])  # (N, M, C)
        seen, columns = model.config.channels, model.embed.weight
        empty = tf.pad(empty[rows] | gone, (0, 1))
        logits = []
        for turn, fixed in zip((lambda values: values, mate), tokens, strict=False):
            here = model.mix(fixed[rows] + tf.linear(turn(near), columns[:, 2 * seen : 3 * seen]))  # (N, M, D)
            here = torch.cat([here, model.nothing.expand(len(here), -1, -1)], 1)
            logits.append(model.syntax(here, empty)[0])
        return sum(logits) / len(logits)

    @cached_property
    def parts(self) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
        """Pull of each hit on each other (B,M,M), kinds (B,M,C), empty (B,M), tokens but for their
        neighbourhoods."""
        model, hits = self.model, self.hits
        table, reach, empty = model.around.table(), model.around.reach, hits.activation <= 0
        shift = hits.start[:, None] - hits.start[:, :, None]  # (B, M, M): from i to j
        rho = table[hits.channel[:, :, None], hits.channel[:, None], shift.clamp(-reach, reach) + reach]
        far = (shift.abs() > reach) | empty[:, None] | torch.eye(shift.shape[1], dtype=torch.bool, device=shift.device)
        pull = (rho + hits.activation[:, None]).clamp(max=30).exp().masked_fill(far, 0)
        kind = tf.one_hot(hits.channel, model.config.channels).to(pull)
        seen, code = [kind * hits.activation[..., None], kind, torch.zeros_like(kind)], model.config.position
        tokens = [model.embed(torch.cat([*seen, sinusoid(self.offset, code)], -1))]
        if model.config.both_strands:
            tokens.append(model.embed(torch.cat([*map(mate, seen), sinusoid(-self.offset, code)], -1)))
        return pull, kind, empty, tokens


def in_order(hits: Hits, x: Float[Tensor, "B 4 L"], scanner: MotifScanner) -> Hits:
    """Hits from the strongest on; of those that tie, first the ones whose strand has the larger
    `slant` there.

    Why: both strands of a palindrome fire alike, and what is called must not depend on which strand
    was given.
    """
    lean = slant(x, scanner.filters.shape[2]).gather(1, hits.start)  # (B, M)
    lean = torch.where(hits.channel < len(scanner.filters), lean, -lean)
    order = lean.argsort(dim=1, descending=True, stable=True)
    rank = (hits.activation.gather(1, order) / TIE).round().argsort(dim=1, descending=True, stable=True)
    order = order.gather(1, rank)
    return Hits(*(part.gather(1, order) for part in hits))


def slant(x: Float[Tensor, "B 4 L"], width: int, beyond: int = 20) -> Float[Tensor, "B T"]:
    """A number for each window that changes its sign, and nothing else, on the reverse complement.

    The sum of the bases, A = -3, C = -1, G = 1, T = 3, in and around the window, by weights that
    mirror each other.
    """
    value = torch.tensor([-3.0, -1.0, 1.0, 3.0]).to(x)
    size = width + 2 * beyond
    away = (torch.arange(size, device=x.device) - (size - 1) / 2).abs()
    bases = torch.einsum("bcl,c->bl", x, value)[:, None]
    return tf.conv1d(tf.pad(bases, (beyond, beyond)), (1 + away).rsqrt().to(x)[None, None])[:, 0]


def shares_half(start, end, other_start, other_end):
    """Do intervals [start, end) share half of the shorter one's bases with others? Tensors, arrays
    or numbers.

    The overlap is the least of both lengths, end - other_start and other_end - start, and the
    lengths are never less than half of the shorter one.

    >>> shares_half(0, 10, 5, 25), shares_half(0, 10, 6, 25)
    (True, False)
    """

    def enough(reach):
        return (2 * reach >= end - start) | (2 * reach >= other_end - other_start)

    return enough(end - other_start) & enough(other_end - start)


def cores(scanner: MotifScanner, share: float = 0.25) -> tuple[Tensor, Tensor]:
    """Half-open range of the columns of each channel that carry its motif: those above `share` of
    the largest weight.

    >>> first, end = cores(model.scanner)
    """
    weight = scanner.channels()[0].abs().amax(1)  # (C, W)
    good = (weight >= share * weight.amax(1, keepdim=True)).int()
    return good.argmax(1), good.shape[1] - good.flip(1).argmax(1)


def same_site(hits: Hits, scanner: MotifScanner) -> Bool[Tensor, "B M M"]:
    """Which hits describe the same bases: their cores overlap by at least half of the shorter
    one."""
    start, end = (edge[hits.channel] + hits.start for edge in cores(scanner))  # (B, M)
    active = hits.activation > 0
    same = shares_half(start[:, :, None], end[:, :, None], start[:, None], end[:, None])
    return same & active[:, :, None] & active[:, None]


def leaders(same: Bool[Tensor, "B M M"]) -> Bool[Tensor, "B M"]:
    """The strongest hit of each site: taken in order of activation, a hit leads unless a leader
    describes its bases."""
    leads = torch.diagonal(same, dim1=1, dim2=2).clone()  # active hits
    for i in range(1, leads.shape[1]):
        leads[:, i] &= ~(same[:, i, :i] & leads[:, :i]).any(1)
    return leads


def site_score(effect: Tensor, attention: Tensor, probability: Tensor) -> Tensor:
    """Score in [0, 1] of sites from their effect on the logit, their attention and the sequence's
    probability p.

        score = (share + attention) / 2
        share = 1 - exp(-effect) if effect > 0, else (1 - p) (1 - exp(effect))

    Why: a perfect logit is log P(x | 1) - log P(x | 0), and P(x | 1) is a sum over all that may
    stand in x. If the part of this sum that runs through a site is its posterior q, silencing the
    site leaves (1 - q) P(x | 1), so the logit falls by effect = -log(1 - q), and q = 1 -
    exp(-effect). A site that speaks for class 0 is an instance as far as the sequence is of class
    0. Attention says what was looked at even where a second copy makes silencing harmless.
    """
    share = torch.where(effect > 0, 1, 1 - probability) * -torch.expm1(-effect.abs())
    return (share + attention) / 2


def batch_candidates(model: Argminn, x: Float[Tensor, "B 4 L"], least: float = 0, chunk: int = 256) -> pd.DataFrame:
    """`candidates` of one batch; `chunk` silenced copies at a time."""
    with torch.no_grad():
        reader = Reader(model, x)
        same = same_site(reader.hits, model.scanner)
        leads = leaders(same)
    activation, together = reader.hits.activation, same.to(x)
    with torch.enable_grad():
        free = activation.clone().requires_grad_()
        logit, attention = reader.logit(torch.arange(len(x), device=x.device), free)
        slope = torch.autograd.grad(logit.sum(), free)[0]
    with torch.no_grad():
        logit, attention = logit.detach(), (attention.detach() @ together[:, None]).amax((1, 2)).clamp(max=1)  # (B, M)
        first_order = (together @ (slope * activation)[..., None]).squeeze(-1).abs()
        row, hit = (leads & (attention + first_order > max(IRRELEVANT, CAUTION * least))).nonzero(as_tuple=True)
        effect = torch.zeros_like(activation)
        for part in torch.arange(len(row), device=x.device).split(chunk):
            r, h = row[part], hit[part]
            effect[r, h] = logit[r] - reader.silenced(r, same[r, h])
        probability = logit.sigmoid()[:, None].expand_as(effect)
        score = site_score(effect, attention, probability)
    row, hit = leads.nonzero(as_tuple=True)
    values = (reader.hits.start, reader.hits.channel, activation, attention, effect, probability, score)
    columns = [row.cpu().numpy(), *(v[row, hit].cpu().numpy() for v in values)]
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def candidates(model: Argminn, x: Float[Tensor, "N 4 L"], *, batch: int = 128, least: float = 0) -> pd.DataFrame:
    """Every place where a filter fires, with what the network makes of it; one row a site, however
    many filters see it.

    Columns: row (of x), start (of the window), channel; activation; attention (the largest over
    steps and heads, all hits on the site together); effect (fall of the logit when the site is
    silenced, signed); probability (of the sequence); score in [0, 1], see `site_score`. Sites that
    cannot reach the score `least` are not silenced, which saves most of the time; their effect
    reads 0. The model's mode is left as found.

    >>> candidates(model, one_hot(["ACGT" * 30])).columns.tolist()[:3]
    ['row', 'start', 'channel']
    """
    with evaluating(model) as device:
        parts = [batch_candidates(model, part.to(device).float(), least) for part in x.split(batch)]
    for i, part in enumerate(parts):
        part["row"] += i * batch
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
