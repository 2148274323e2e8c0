"""The Bayes oracle of a grammar: it knows all that the simulator does, so no model can beat it.

A class is a mixture over everything that is hidden: alternative, order, strands, gaps, start, and
whether the sequence was turned over. With S_m[t] the log-odds of motif m against background at
start t, an arrangement m_1 .. m_k has

    P(x | arrangement) / P_background(x)
        = mean over starts t and gaps g of exp(S_m1[t] + S_m2[t + w_1 + g_1] + ...)

which a backward recursion over the motifs sums exactly. Everything is float64 and in logs.
"""

import math
from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from motifbook.grammar.background import gc_frequencies
from motifbook.grammar.schema import Arrangement, Grammar
from motiflib.files import InputError

CHUNK = 512  # sequences at a time


def _convolve(x: Float[Tensor, "B 4 R"], weights: Float[Tensor, "4 w"]) -> Tensor:
    """conv1d, (B, R-w+1), as a matrix product and w shifted sums: a CPU is faster in float64 so."""
    n = max(x.shape[2] - weights.shape[1] + 1, 0)
    each = weights.t() @ x  # (B, w, R): what each column of the matrix gives at each base
    return sum(each[:, i, i : i + n] for i in range(weights.shape[1]))


class Oracle:
    """Exact likelihoods under `grammar` for sequences of `length` bp on a background of independent
    bases of GC fraction `gc`. Raises InputError for arrangements longer than the sequence.

    >>> from motifbook.grammar import load_grammar
    >>> Oracle(load_grammar("rest")).log_likelihood_ratio(simulated.x).shape
    torch.Size([40])
    """

    def __init__(self, grammar: Grammar, length: int = 500, gc: float = 0.5):
        null = torch.from_numpy(gc_frequencies(gc)).log()[:, None]
        grammar.check_length(length)
        self.grammar, self.length = grammar, length
        self.names = list(grammar.planted)
        self.widths = [grammar.motifs[m].width for m in self.names]
        self.classes = [grammar.arrangements(0), grammar.arrangements(1)]
        self.left, self.right = 0, length  # nothing is planted outside [left, right)
        spans = [grammar.span(a) for c in self.classes for a in c if a.motifs]
        if spans:
            self.left = min(grammar.starts(span, length)[0] for span in spans)
            self.right = max(grammar.starts(span, length)[1] - 1 + span for span in spans)
        self._odds = []  # of motif m on +, at 2m, and on -, at 2m + 1
        for name in self.names:
            log_pfm = torch.from_numpy(np.log(grammar.motifs[name].pfm))
            self._odds += [log_pfm - null, log_pfm.flip(0, 1) - null]

    @torch.no_grad()
    def log_odds(self, x: Float[Tensor, "B 4 L"]) -> Float[Tensor, "B M 2 L"]:
        """log of P(bases | motif m on strand s starts at t) / P_background(bases); -inf beyond."""
        shape = (len(x), len(self.names), 2, self.length)
        out = torch.full(shape, -torch.inf, dtype=torch.float64)
        for rows, part in zip(out.split(CHUNK), self._chunks(x), strict=False):
            for k, odds in enumerate(self._odds):
                scores = _convolve(part, odds)
                rows[:, k // 2, k % 2, : scores.shape[1]] = scores
        return out

    def _maps(self, x: Float[Tensor, "B 4 L"]) -> tuple[list[Tensor], list[Tensor]]:
        """Log-odds maps (B, R-w+1) of the R bp of x and of its reverse complement, as `_odds`."""
        ways = [way[:, :, self.left : self.right] for way in (x, x.flip(1, 2))]
        here, turned = ([_convolve(way, odds) for odds in self._odds] for way in ways)
        return here, turned

    def _arrangement(self, maps: list[Tensor], a: Arrangement) -> Tensor:
        """log of P(x | arrangement) / P_background(x), (B,)."""
        if not a.motifs:
            return torch.zeros_like(maps[0][:, 0])
        low, high = self.grammar.starts(self.grammar.span(a), self.length)
        index = [self.names.index(m) for m in a.motifs]
        reach = [(low - self.left, high - self.left)]  # half-open range of starts of each motif
        for m, gaps in zip(index, a.gaps, strict=False):
            first, end = reach[-1]
            reach.append((first + self.widths[m] + min(gaps), end + self.widths[m] + max(gaps)))
        tail = None
        for p in reversed(range(len(index))):
            first, end = reach[p]
            here = maps[2 * index[p] + (a.strands[p] == "-")][:, first:end]  # (B, starts)
            if tail is not None:
                gaps = torch.tensor(a.gaps[p]) - min(a.gaps[p])  # tail begins at the shortest gap
                at = torch.arange(here.shape[1])[:, None] + gaps  # (starts, gaps)
                here = here + tail[:, at].logsumexp(2) - math.log(len(gaps))
            tail = here
        return tail.logsumexp(1) - math.log(high - low)

    def _likelihood(self, maps: list[Tensor], turned: list[Tensor], label: int) -> Tensor:
        """log of P(x | class) / P_background(x), (B,)."""
        ways, likely = [], [a for a in self.classes[label] if a.weight > 0]
        for way in (maps, turned):
            terms = [self._arrangement(way, a) + math.log(a.weight) for a in likely]
            ways.append(torch.stack(terms).logsumexp(0))
        return torch.stack(ways).logsumexp(0) - math.log(2)

    def _chunks(self, x: Float[Tensor, "B 4 L"]) -> Iterator[Float[Tensor, "b 4 L"]]:
        if x.ndim != 3 or tuple(x.shape[1:]) != (4, self.length):
            shape = tuple(x.shape)
            raise InputError(f"oracle: x has shape {shape}; expected (B, 4, {self.length})")
        for part in x.split(CHUNK):
            yield part.detach().to("cpu", torch.float64)

    @torch.no_grad()
    def log_likelihood_ratio(self, x: Float[Tensor, "B 4 L"]) -> Float[Tensor, " B"]:
        """log of P(x | positive) / P(x | negative), nats, float64; N tells nothing. No score
        separates the classes better; above 0 a sequence is more probably positive."""
        ratios = []
        for part in self._chunks(x):
            maps = self._maps(part)
            ratios.append(self._likelihood(*maps, 1) - self._likelihood(*maps, 0))
        return torch.cat(ratios)

    def posteriors(self, x: Float[Tensor, "B 4 L"], given: int = 1) -> Float[Tensor, "B M 2 L"]:
        """P(motif m, in the order of `names`, was planted on strand s at start t | x, class)."""
        return torch.cat([self._posteriors(part, given) for part in self._chunks(x)])

    def _posteriors(self, x: Tensor, given: int) -> Tensor:
        # the probability of a placement is the derivative of the log-likelihood by its log-odds, so
        # one backward pass of the recursion gives them all
        out = torch.zeros(len(x), len(self.names), 2, self.length, dtype=x.dtype)
        with torch.enable_grad():
            maps, turned = self._maps(x)
            leaves = [m.requires_grad_() for m in maps + turned]
            total = self._likelihood(maps, turned, given)
            if not total.requires_grad:  # a class of background alone plants nothing
                return out
            grads = torch.autograd.grad(total.sum(), leaves, materialize_grads=True)
        for i, grad in enumerate(grads):
            m, strand, n = i // 2 % len(self.names), i % 2, grad.shape[1]
            if i < len(maps):
                out[:, m, strand, self.left : self.left + n] += grad
            else:  # start t in the turned sequence is start L - w - t, on the other strand, in x
                end = self.length - self.widths[m] - self.left + 1
                out[:, m, 1 - strand, end - n : end] += grad.flip(1)
        return out
