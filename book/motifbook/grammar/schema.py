"""What a grammar is: motifs, and weighted alternatives of how they are planted in positives and in
negatives."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import permutations, product
from math import factorial

from motiflib.motif import Motif

SMOOTH = 1e-3  # added to each probability of a matrix, so that no base is impossible and every likelihood is finite


@dataclass(frozen=True)
class Alternative:
    """One weighted line of a class: motifs `plant` in order, allowed `gaps` between neighbours,
    `order` and `strand`.

    `gaps[i]` lists the equally likely numbers of bases between motif i and i+1. An empty `plant` is
    background.
    """

    weight: float
    plant: tuple[str, ...] = ()
    gaps: tuple[tuple[int, ...], ...] = ()
    order: str = "fixed"  # fixed | either (as written or reversed) | any (all permutations)
    strand: str | tuple[str, ...] = "+"  # + | - | either | same | one of + - either per motif

    @property
    def ways(self) -> int:
        """Number of arrangements: orders times strands."""
        n = len(self.plant)
        orders = {"fixed": 1, "either": min(n, 2), "any": factorial(n)}[self.order] or 1
        each = (self.strand,) * n if isinstance(self.strand, str) else self.strand
        return orders * (2 if self.strand == "same" else 2 ** each.count("either"))


@dataclass(frozen=True)
class Arrangement:
    """An alternative with its order and strands chosen: what the simulator samples and the oracle
    sums over."""

    weight: float
    motifs: tuple[str, ...]
    strands: tuple[str, ...]
    gaps: tuple[tuple[int, ...], ...]
    component: str


@dataclass(frozen=True)
class Grammar:
    """A motif grammar: `motifs` by name, the alternatives of both classes, and `within`, the reach
    in bp of the start.

    An arrangement starts within `within` bp of the middle of the sequence; half of the sequences
    are then reverse-complemented as a whole.
    """

    name: str
    motifs: dict[str, Motif]
    positives: tuple[Alternative, ...]
    negatives: tuple[Alternative, ...]
    within: int = 50
    description: str = ""
    source: str = field(default="", compare=False)

    @property
    def planted(self) -> dict[str, Motif]:
        """The motifs that some alternative plants (others may only serve to be sliced)."""
        used = {m for a in self.positives + self.negatives for m in a.plant}
        return {name: motif for name, motif in self.motifs.items() if name in used}

    def arrangements(self, label: int) -> list[Arrangement]:
        """Every arrangement of class `label` (1 positive, 0 negative); weights sum to 1."""
        alternatives = self.positives if label else self.negatives
        return [a for alternative in alternatives for a in expand(alternative)]

    def longest(self, label: int | None = None) -> int:
        """Length in bp of the longest arrangement, of one class or of both."""
        labels = (0, 1) if label is None else (label,)
        return max(self.span(a) for k in labels for a in self.arrangements(k))

    def span(self, arrangement: Arrangement | Alternative) -> int:
        """Length in bp of an arrangement with its longest gaps."""
        names = arrangement.motifs if isinstance(arrangement, Arrangement) else arrangement.plant
        return sum(self.motifs[m].width for m in names) + sum(max(g) for g in arrangement.gaps)

    def starts(self, span: int, length: int) -> tuple[int, int]:
        """Half-open range of starts for an arrangement of at most `span` bp in a sequence of
        `length` bp."""
        high = min(length // 2 + self.within, length - span)
        low = max(0, min(length // 2 - self.within, high))
        return low, high + 1


def _orders(alternative: Alternative) -> list[tuple[int, ...]]:
    written = tuple(range(len(alternative.plant)))
    if alternative.order == "fixed" or len(written) < 2:
        return [written]
    return [written, written[::-1]] if alternative.order == "either" else list(permutations(written))


def _strands(alternative: Alternative) -> list[tuple[str, ...]]:
    n = len(alternative.plant)
    if alternative.strand == "same":
        return [("+",) * n, ("-",) * n]
    given = alternative.strand if isinstance(alternative.strand, tuple) else (alternative.strand,) * n
    return list(product(*(("+", "-") if s == "either" else (s,) for s in given)))


def expand(alternative: Alternative) -> list[Arrangement]:
    """All orders and strands of an alternative, its weight shared evenly among them."""
    if not alternative.plant:
        return [Arrangement(alternative.weight, (), (), (), "background")]
    chosen = list(product(_orders(alternative), _strands(alternative)))
    out = []
    for order, strands in chosen:
        motifs = tuple(alternative.plant[i] for i in order)
        gaps = alternative.gaps[::-1] if list(order) == sorted(order, reverse=True) else alternative.gaps
        out.append(Arrangement(alternative.weight / len(chosen), motifs, tuple(strands[i] for i in order), gaps,
                               "+".join(alternative.plant)))
    return out
