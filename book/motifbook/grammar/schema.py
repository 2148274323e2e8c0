"""What a grammar is: motifs, and weighted alternatives of how they are planted in each class."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import permutations, product

from motiflib.files import InputError
from motiflib.motif import Motif


@dataclass(frozen=True)
class Alternative:
    """One weighted line of a class: motifs `plant` (none: background), `gaps[i]` with the equally
    likely numbers of bases between motif i and i+1, order and strands."""

    weight: float
    plant: tuple[str, ...] = ()
    gaps: tuple[tuple[int, ...], ...] = ()
    order: str = "fixed"  # fixed | either (as written or reversed) | any (all permutations)
    strand: str | tuple[str, ...] = "+"  # + | - | either | same | one of + - either per motif

    def orders(self) -> list[tuple[int, ...]]:
        """All orders, as indices into `plant`."""
        written = tuple(range(len(self.plant)))
        if self.order == "any":
            return list(permutations(written))
        if self.order == "either" and len(written) > 1:
            return [written, written[::-1]]
        return [written]

    def strands(self) -> list[tuple[str, ...]]:
        """All choices of a strand for each place."""
        n = len(self.plant)
        if self.strand == "same":
            return [("+",) * n, ("-",) * n]
        given = self.strand if isinstance(self.strand, tuple) else (self.strand,) * n
        return list(product(*(("+", "-") if s == "either" else (s,) for s in given)))

    def arrangements(self) -> list[Arrangement]:
        """All orders and strands, the weight shared evenly among them."""
        if not self.plant:
            return [Arrangement(self.weight, (), (), (), "background")]
        chosen = list(product(self.orders(), self.strands()))
        weight, component = self.weight / len(chosen), "+".join(self.plant)
        out = []
        for order, strands in chosen:
            motifs = tuple(self.plant[i] for i in order)
            turned = list(order) == sorted(order, reverse=True)
            gaps = self.gaps[::-1] if turned else self.gaps
            strands = tuple(strands[i] for i in order)
            out.append(Arrangement(weight, motifs, strands, gaps, component))
        return out


@dataclass(frozen=True)
class Arrangement:
    """An alternative with its order and strands chosen."""

    weight: float
    motifs: tuple[str, ...]
    strands: tuple[str, ...]
    gaps: tuple[tuple[int, ...], ...]
    component: str


@dataclass(frozen=True)
class Grammar:
    """Motifs by name, and the alternatives of both classes. An arrangement starts within `within`
    bp of the middle; half of the sequences are then turned over as a whole."""

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
        return [a for alternative in alternatives for a in alternative.arrangements()]

    def span(self, arrangement: Arrangement) -> int:
        """Length in bp of an arrangement with its longest gaps."""
        widths = sum(self.motifs[m].width for m in arrangement.motifs)
        return widths + sum(max(gaps) for gaps in arrangement.gaps)

    def longest(self) -> int:
        """Length in bp of the longest arrangement of both classes."""
        return max(self.span(a) for a in self.arrangements(0) + self.arrangements(1))

    def check_length(self, length: int) -> None:
        """InputError if an arrangement is longer than a sequence of `length` bp."""
        if self.longest() > length:
            found = f"the longest arrangement has {self.longest()} bp"
            raise InputError(f"{self.source or self.name}: {found}; expected at most the sequence "
                             f"length, {length} bp")

    def starts(self, span: int, length: int) -> tuple[int, int]:
        """Half-open range of starts of `span` bp in a sequence of `length` bp."""
        high = min(length // 2 + self.within, length - span)
        low = max(0, min(length // 2 - self.within, high))
        return low, high + 1
