"""The Bayes oracle of a grammar: it knows all that the simulator does, so no model can beat it.

A class is a mixture over everything that is hidden: alternative, order, strands, gaps, start, and
whether the sequence was turned over. With S_m[t] the log-odds of motif m against background at
start t, an arrangement m_1 .. m_k has

    P(x | arrangement) / P_background(x) = mean over starts t and gaps g of exp(S_m1[t] + S_m2[t +
    w_1 + g_1] + ...)

which a backward recursion over the motifs sums exactly. Everything is float64 and in logs.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from motifbook.grammar.background import Background, Flanks
from motifbook.grammar.schema import Arrangement, Grammar
from motiflib.files import InputError

CHUNK = 512  # sequences at a time


def _convolve(x: Float[Tensor, "B 4 R"], weights: Float[Tensor, "4 w"]) -> Tensor:
    """Sum over the window of weights[x] at each start, (B, R-w+1): a matrix product, then w shifted
    sums.

    Exactly conv1d, which is several times slower in float64 on a CPU.
    """
    n = max(x.shape[2] - weights.shape[1] + 1, 0)
    each = weights.t() @ x  # (B, w, R): what each column of the matrix gives at each base
    return sum(each[:, i, i : i + n] for i in range(weights.shape[1]))


class Oracle:
    """Exact likelihoods under `grammar` for sequences of `length` bp on a background of GC fraction
    `gc`.

    `background` may be the (4, 4) transition matrix that `simulate` was given. Real flanks have no
    likelihood; the oracle then judges as if their bases were independent. Raises InputError for
    arrangements longer than the sequence, and for motifs that touch on a Markov background.

    >>> from motifbook.grammar import load_grammar, simulate
    >>> grammar = load_grammar("spi1")
    >>> oracle, data = Oracle(grammar), simulate(grammar, 10)
    >>> oracle.log_likelihood_ratio(data.x).shape
    torch.Size([10])
    """

    def __init__(
        self, grammar: Grammar, length: int = 500, gc: float = 0.5, background: np.ndarray | Flanks | None = None
    ):
        drawn = Background(length, gc, background)
        if drawn.flanks is not None:
            drawn = Background(length, gc)
        if grammar.longest() > length:
            raise InputError(f"{grammar.source or grammar.name}: the longest arrangement has {grammar.longest()} bp; "
                             f"expected at most the sequence length, {length} bp")
        self.grammar, self.length, self.gc = grammar, length, gc
        self.names = list(grammar.planted)
        self.widths = [grammar.motifs[m].width for m in self.names]
        self.classes = [grammar.arrangements(0), grammar.arrangements(1)]
        spans = [grammar.span(a) for c in self.classes for a in c if a.motifs]
        ranges = [grammar.starts(span, length) for span in spans]
        self.left = min((low for low, _ in ranges), default=0)  # nothing is planted outside [left, right)
        self.right = max((high - 1 + span for (_, high), span in zip(ranges, spans, strict=True)), default=length)
        self.transitions = drawn.transitions
        self._frequencies = torch.from_numpy(drawn.frequencies)
        if self.transitions is not None and any(0 in g for c in self.classes for a in c for g in a.gaps):
            raise InputError(f"{grammar.name}: spacing 0 on a Markov background; expected at least 1 bp between motifs")
        log_pfm = {m: torch.from_numpy(np.log(grammar.motifs[m].pfm)) for m in self.names}
        self._log_pfm = [strand for m in self.names for strand in (log_pfm[m], log_pfm[m].flip(0, 1))]

    # -- score maps --------------------------------------------------------------------------------
    # ----------------

    @torch.no_grad()
    def log_odds(self, x: Float[Tensor, "B 4 L"]) -> Float[Tensor, "B M 2 L"]:
        """log of P(bases | motif m on strand s starts at t) / P_background(bases), nats; -inf where
        it does not fit."""
        out = torch.full((len(x), len(self.names), 2, self.length), -torch.inf, dtype=torch.float64)
        for i, part in enumerate(self._chunks(x)):
            for k, scores in enumerate(self._maps(part, 0, self.length)):
                out[i * CHUNK : i * CHUNK + len(part), k // 2, k % 2, : scores.shape[1]] = scores
        return out

    def _maps(self, x: Float[Tensor, "B 4 L"], left: int, right: int) -> list[Tensor]:
        """Log-odds maps (B, R-w+1) of motif m on +, at 2m, and on -, at 2m + 1, within [left,
        right) of R bp."""
        inside = x[:, :, left:right]
        if self.transitions is None:
            odds = [p - self._frequencies.log()[:, None] for p in self._log_pfm]
            return [_convolve(inside, o) for o in odds]
        segments = {w: self._segment(x, w)[:, left : right - w + 1] for w in set(self.widths)}
        return [_convolve(inside, p) - segments[p.shape[1]] for p in self._log_pfm]

    def _log_steps(self, x: Tensor) -> Tensor:
        """log P(base i | base i-1), (B, L); the first is log of its long-run frequency."""
        log_t = torch.from_numpy(np.log(self.transitions))
        steps = torch.einsum("bil,ij,bjl->bl", x[:, :, :-1], log_t, x[:, :, 1:])
        first = torch.einsum("bi,i->b", x[:, :, 0], self._frequencies.log())
        return torch.cat([first[:, None], steps], 1)

    def _segment(self, x: Tensor, width: int) -> Tensor:
        """log P(w bases at t | the rest), (B, L-w+1): the steps of the chain in and out, less the
        bridge over them."""
        total = torch.cat([torch.zeros(len(x), 1, dtype=x.dtype), self._log_steps(x).cumsum(1)], 1)  # (B, L+1)
        starts = torch.arange(self.length - width + 1)
        inside = total[:, (starts + width + 1).clamp(max=self.length)] - total[:, starts]
        power = np.linalg.matrix_power(self.transitions, width + 1)
        bridge = torch.zeros_like(inside)
        left, right = x[:, :, : -width - 1], x[:, :, width + 1 :]
        bridge[:, 1:-1] = torch.einsum("bil,ij,bjl->bl", left, torch.from_numpy(np.log(power)), right)
        if self.length > width:
            bridge[:, 0] = torch.einsum("bi,i->b", x[:, :, width], self._frequencies.log())
        return inside - bridge

    # -- likelihoods -------------------------------------------------------------------------------
    # ----------------

    def _arrangement(self, maps: list[Tensor], a: Arrangement) -> Tensor:
        """log of P(x | arrangement) / P_background(x), (B,)."""
        low, high = self.grammar.starts(self.grammar.span(a), self.length)
        index = [2 * self.names.index(m) + (s == "-") for m, s in zip(a.motifs, a.strands, strict=True)]
        reach = [(low - self.left, high - self.left)]  # half-open range of starts of each motif, in the maps
        for i, gaps in zip(index, a.gaps, strict=False):
            shift = self.widths[i // 2]
            reach.append((reach[-1][0] + shift + min(gaps), reach[-1][1] + shift + max(gaps)))
        tail = None
        for p in reversed(range(len(index))):
            here = maps[index[p]][:, reach[p][0] : reach[p][1]]  # (B, starts)
            if tail is not None:
                gaps = torch.tensor(a.gaps[p]) - min(a.gaps[p])  # tail begins at the shortest gap from here
                at = torch.arange(here.shape[1])[:, None] + gaps  # (starts, gaps)
                here = here + tail[:, at].logsumexp(2) - math.log(len(gaps))
            tail = here
        return tail.logsumexp(1) - math.log(high - low)

    def _class(self, maps: list[Tensor], label: int) -> Tensor:
        """log of P(x | class, not turned) / P_background(x), (B,)."""
        terms = []
        for a in self.classes[label]:
            if a.weight > 0:
                score = self._arrangement(maps, a) if a.motifs else torch.zeros_like(maps[0][:, 0])
                terms.append(score + math.log(a.weight))
        return torch.stack(terms).logsumexp(0)

    def _both_ways(self, x: Tensor) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """Maps of x, maps of its reverse complement, and log P_background of the latter less that
        of x."""
        turned, shift = x.flip(1, 2), torch.zeros(len(x), dtype=x.dtype)
        if self.transitions is not None:
            shift = self._log_steps(turned).sum(1) - self._log_steps(x).sum(1)
        return self._maps(x, self.left, self.right), self._maps(turned, self.left, self.right), shift

    def _likelihood(self, both, label: int) -> Tensor:
        maps, turned, shift = both
        terms = torch.stack([self._class(maps, label), self._class(turned, label) + shift])
        return terms.logsumexp(0) - math.log(2)

    def _chunks(self, x: Float[Tensor, "B 4 L"]):
        if x.ndim != 3 or tuple(x.shape[1:]) != (4, self.length):
            raise InputError(f"oracle: x has shape {tuple(x.shape)}; expected (B, 4, {self.length})")
        for part in x.split(CHUNK):
            part = part.detach().to("cpu", torch.float64)
            if self.transitions is not None and not bool((part.sum(1) == 1).all()):
                raise InputError("oracle: N has no likelihood on a Markov background; expected ACGT only")
            yield part

    @torch.no_grad()
    def log_likelihood(self, x: Float[Tensor, "B 4 L"], label: int) -> Float[Tensor, " B"]:
        """log of P(x | class `label`) / P_background(x), nats, float64; N tells nothing."""
        return torch.cat([self._likelihood(self._both_ways(part), label) for part in self._chunks(x)])

    @torch.no_grad()
    def log_likelihood_ratio(self, x: Float[Tensor, "B 4 L"]) -> Float[Tensor, " B"]:
        """log of P(x | positive) / P(x | negative), nats, float64: no score separates the classes
        better.

        Above 0 a sequence is more probably positive, since both classes are equally frequent.
        """
        both = (self._both_ways(part) for part in self._chunks(x))
        return torch.cat([self._likelihood(b, 1) - self._likelihood(b, 0) for b in both])

    def posteriors(self, x: Float[Tensor, "B 4 L"], given: int | None = 1) -> Float[Tensor, "B M 2 L"]:
        """P(motif m was planted on strand s at start t | x), strands + and -, motifs in the order
        of `names`.

        `given` is the known class, 1 or 0, or None when the class is unknown and both are equally
        likely. The probability of a placement is the derivative of the log-likelihood by its
        log-odds, so one backward pass of the recursion gives them all.
        """
        return torch.cat([self._posteriors(part, given) for part in self._chunks(x)])

    def _posteriors(self, x: Tensor, given: int | None) -> Tensor:
        with torch.enable_grad():
            maps, turned, shift = self._both_ways(x)
            leaves = [m.requires_grad_() for m in maps + turned]
            labels = (0, 1) if given is None else (given,)
            total = torch.stack([self._likelihood((maps, turned, shift), k) for k in labels]).logsumexp(0)
            if not total.requires_grad:  # a class of background alone plants nothing
                return torch.zeros(len(x), len(self.names), 2, self.length, dtype=x.dtype)
            grads = torch.autograd.grad(total.sum(), leaves, allow_unused=True)
        out = torch.zeros(len(x), len(self.names), 2, self.length, dtype=x.dtype)
        for i, grad in enumerate(grads):
            if grad is not None:
                m, strand, n = i // 2 % len(self.names), i % 2, grad.shape[1]
                if i < len(maps):
                    out[:, m, strand, self.left : self.left + n] += grad
                else:  # start t in the turned sequence is start L - w - t, on the other strand, in x
                    end = self.length - self.widths[m] - self.left + 1
                    out[:, m, 1 - strand, end - n : end] += grad.flip(1)
        return out
