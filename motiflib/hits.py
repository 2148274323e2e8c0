"""A hit is a place where a filter fires: what the network makes of it, its effect and its score.

Letters as in `model`: B batch, L length, C channels, T window starts, M candidates.
"""

from functools import cached_property

import pandas as pd
import torch
import torch.nn.functional as tf
from jaxtyping import Bool, Float, Int
from torch import Tensor

from motiflib.model import Argminn, Hits, MotifScanner, evaluating, middle

BEYOND = 20  # bases beside a window that `slant` looks at
COLUMNS = ["row", "start", "channel", "activation", "attention", "effect", "probability", "score"]


class Reader:
    """Reads the hits of a batch with a network, as they are or with some of them silenced."""

    def __init__(self, model: Argminn, x: Float[Tensor, "B 4 L"]):
        self.model, self.x = model, x
        self.activations = model.scanner(x)
        hits = model.hits(self.activations, model.config.candidates or 48)  # the paper's form
        # From the strongest on; of those that tie, first the larger `slant`: a palindrome's strands
        # fire alike, but for rounding, and calls must not depend on which strand was given.
        lean = slant(x, model.config.width).gather(1, hits.start)  # (B, M)
        lean = torch.where(hits.channel < model.config.filters, lean, -lean)
        order = lean.argsort(dim=1, descending=True, stable=True)
        level = (hits.activation.gather(1, order) / 1e-3).round()
        order = order.gather(1, level.argsort(dim=1, descending=True, stable=True))
        self.hits = Hits(*(part.gather(1, order) for part in hits))
        self.offset = self.hits.start - middle(x, model.config.width)[:, None]

    def logit(self, rows: Int[Tensor, " N"] | slice = slice(None),
              silent: Bool[Tensor, "N M"] | None = None
              ) -> tuple[Float[Tensor, " N"], Float[Tensor, "N K H M"]]:
        """Logit and attention of sequences `rows`, had filters not fired at the hits `silent`."""
        hits = Hits(*(part[rows] for part in self.hits))
        if self.model.config.candidates:
            pull = None if self.pull is None else self.pull[rows]
            logit, attention = self.model.weigh(hits, self.offset[rows], silent, pull)
            return logit, attention[..., :-1]
        heard = hits.activation if silent is None else hits.activation.masked_fill(silent, 0)
        starts = self.activations.shape[2]
        place = hits.channel * starts + hits.start
        changed = self.activations[rows].flatten(1).scatter(1, place, heard)
        logit, attention, _ = self.model.read(self.x[rows], changed.unflatten(1, (-1, starts)))
        place = hits.start[:, None, None].expand(*attention.shape[:3], -1)
        return logit, attention.gather(3, place)

    @cached_property
    def pull(self) -> Float[Tensor, "B M M"] | None:
        """What hits weigh in each other's neighbourhoods: the same for all silenced copies."""
        return None if self.model.around is None else self.model.around.pull(self.hits)


def slant(x: Float[Tensor, "B 4 L"], width: int) -> Float[Tensor, "B T"]:
    """A number for each window that changes its sign, and nothing else, on the reverse complement:
    the sum of the bases, A = -3, C = -1, G = 1, T = 3, by weights that mirror each other."""
    value = torch.tensor([-3.0, -1.0, 1.0, 3.0]).to(x)
    size = width + 2 * BEYOND
    away = (torch.arange(size, device=x.device) - (size - 1) / 2).abs()
    bases = torch.einsum("bcl,c->bl", x, value)[:, None]
    weights = (1 + away).rsqrt().to(x)[None, None]
    return tf.conv1d(tf.pad(bases, (BEYOND, BEYOND)), weights)[:, 0]


def shares_half(start, end, other_start, other_end):
    """Do intervals [start, end) share half of the shorter one's bases with others?

    The overlap is the least of both lengths (which are never below half of the shorter one),
    end - other_start and other_end - start. Of tensors, arrays or numbers.

    >>> shares_half(0, 10, 5, 25), shares_half(0, 10, 6, 25)
    (True, False)
    """
    size, other = end - start, other_end - other_start
    left, right = 2 * (other_end - start), 2 * (end - other_start)
    return ((left >= size) | (left >= other)) & ((right >= size) | (right >= other))


def cores(scanner: MotifScanner) -> tuple[Int[Tensor, " C"], Int[Tensor, " C"]]:
    """Half-open range of the columns of each channel that carry its motif, from the first to the
    last with a quarter of its largest weight."""
    weight = scanner.channels()[0].abs().amax(1)  # (C, W)
    good = (weight >= 0.25 * weight.amax(1, keepdim=True)).int()
    return good.argmax(1), good.shape[1] - good.flip(1).argmax(1)


def on_interval(hits: Hits, scanner: MotifScanner, start: Int[Tensor, " N"],
                end: Int[Tensor, " N"]) -> Bool[Tensor, "N M"]:
    """Which hits of N sequences describe the bases of an interval in each: their cores share half
    of the shorter one's."""
    first, last = (edge[hits.channel] + hits.start for edge in cores(scanner))  # (N, M)
    return shares_half(first, last, start[:, None], end[:, None])


def sites(hits: Hits, scanner: MotifScanner) -> tuple[Bool[Tensor, "B M M"], Bool[Tensor, "B M"]]:
    """Which hits describe the same bases, as their cores share half of the shorter one's, and which
    lead a site: in order of activation, those whose bases no leader has."""
    start, end = (edge[hits.channel] + hits.start for edge in cores(scanner))  # (B, M)
    active = hits.activation > 0
    same = shares_half(start[:, :, None], end[:, :, None], start[:, None], end[:, None])
    same, leads = same & active[:, :, None] & active[:, None], active.clone()
    for i in range(1, leads.shape[1]):
        leads[:, i] &= ~(same[:, i, :i] & leads[:, :i]).any(1)
    return same, leads


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


@torch.no_grad()
def batch_candidates(model: Argminn, x: Float[Tensor, "B 4 L"], least: float) -> pd.DataFrame:
    """`candidates` of one batch."""
    reader = Reader(model, x)
    same, leads = sites(reader.hits, model.scanner)
    free, together = reader.hits.activation.requires_grad_(), same.to(x)
    with torch.enable_grad():
        logit, attention = reader.logit()
        slope = torch.autograd.grad(logit.sum(), free)[0]
    attention = (attention @ together[:, None]).amax((1, 2)).clamp(max=1)  # (B, M)
    first_order = (together @ (slope * free)[..., None]).squeeze(-1).abs()
    effect = torch.zeros_like(slope)
    # Effects of others count as 0; no call came below 0.58 of its score in this sum.
    promising = leads & (attention + first_order > max(0.02, 0.5 * least))
    for part in promising.nonzero().split(256):  # silenced copies at a time
        row, hit = part.unbind(1)
        effect[row, hit] = logit[row] - reader.logit(row, same[row, hit])[0]
    probability = logit.sigmoid()[:, None].expand_as(effect)
    score = site_score(effect, attention, probability)
    row, hit = leads.nonzero(as_tuple=True)
    values = *reader.hits, attention, effect, probability, score
    columns = [part.cpu().numpy() for part in (row, *(value[row, hit] for value in values))]
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def candidates(model: Argminn, x: Float[Tensor, "N 4 L"], *, batch: int = 128,
               least: float = 0) -> pd.DataFrame:
    """Every place where a filter fires, with what the network makes of it; one row a site, however
    many filters see it.

    Columns: row (of x), start (of the window), channel; activation; attention (the largest over
    steps and heads, all hits on the site together); effect (fall of the logit when the site is
    silenced, signed); probability (of the sequence); score in [0, 1], see `site_score`. Sites that
    cannot reach the score `least` are not silenced, which saves most of the time; their effect
    reads 0. The model's mode is left as found.

    >>> candidates(model, x[:2], least=0.5).columns.tolist()[:4]
    ['row', 'start', 'channel', 'activation']
    """
    with evaluating(model) as device:
        parts = [batch_candidates(model, part.to(device).float(), least) for part in x.split(batch)]
    for i, part in enumerate(parts):
        part["row"] += i * batch
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
