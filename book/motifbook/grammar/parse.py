"""A grammar from a YAML text. Every refusal is one line: file, line, what was found, what was
expected."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml

from motifbook.grammar.schema import SMOOTH, Alternative, Grammar
from motiflib.files import InputError
from motiflib.motif import Motif, jaspar

IUPAC = {"A": "A", "C": "C", "G": "G", "T": "T", "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC",
         "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT"}
MAX_WIDTH, MAX_GAP, MAX_PLANTED, MAX_ARRANGEMENTS, MAX_BYTES = 100, 10_000, 6, 500, 1_000_000
Node = yaml.Node


class _Source:
    """Turns YAML nodes into values and knows where each came from."""

    def __init__(self, where: str):
        self.where = where

    def fail(self, node: Node | None, found: str, expected: str):
        """Refuse: `file, line n: found; expected ...`."""
        line = f", line {node.start_mark.line + 1}" if node is not None else ""
        raise InputError(f"{self.where}{line}: {found}; expected {expected}".replace("\n", " "))

    def mapping(self, node: Node, what: str, keys: tuple[str, ...] | None = None) -> dict[str, Node]:
        """The fields of a mapping; with `keys`, any other key is refused."""
        if not isinstance(node, yaml.MappingNode):
            self.fail(node, f"{what} is not a mapping", "'key: value' lines, with " + ", ".join(keys or ("names",)))
        out: dict[str, Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or not key.value:
                self.fail(key, f"a key of {what} is not a word", "a word")
            if keys and key.value not in keys:
                self.fail(key, f"unknown key '{key.value}' in {what}", "one of " + ", ".join(keys))
            if key.value in out:
                self.fail(key, f"'{key.value}' is given twice in {what}", "each key once")
            out[key.value] = value
        return out

    def items(self, node: Node, what: str) -> list[Node]:
        """The items of a list."""
        if not isinstance(node, yaml.SequenceNode):
            self.fail(node, f"{what} is not a list", "a list, such as [a, b]")
        return node.value

    def text(self, node: Node, what: str, choices: tuple[str, ...] | None = None) -> str:
        """A word, one of `choices` when given."""
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            self.fail(node, f"{what} is not a word", "one of " + ", ".join(choices) if choices else "a word")
        if choices and node.value not in choices:
            self.fail(node, f"{what} '{node.value}' is not known", "one of " + ", ".join(choices))
        return node.value.strip()

    def number(self, node: Node, what: str, kind: type, low: float, high: float) -> float:
        """A number of `kind` within [low, high]."""
        name = "a whole number" if kind is int else "a number"
        expected = f"{name} from {low:g} to {high:g}"
        value = None
        if isinstance(node, yaml.ScalarNode) and node.style not in ("'", '"'):
            try:
                value = kind(node.value)
            except ValueError:
                pass
        if value is None or not low <= value <= high:  # also refuses nan
            found = node.value if isinstance(node, yaml.ScalarNode) else "not one number"
            self.fail(node, f"{what} is {found or 'empty'}", expected)
        return value


def parse_grammar(text: str, where: str = "grammar") -> Grammar:
    """Read a grammar from YAML `text`; `where` names it in errors.

    Keys: name, description, within, motifs, positives, negatives; see `data/grammars/README.md`.
    Raises InputError with file, line, what was found and what was expected.

    >>> g = parse_grammar("motifs: {E: {consensus: CACGTG}}\\npositives: [{plant: [E]}]\\nnegatives: [{plant: []}]")
    >>> g.motifs["E"].width
    6
    """
    src = _Source(where)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        at = f", line {line + 1}" if line is not None else ""
        raise InputError(f"{where}{at}: not YAML ({getattr(error, 'problem', None) or 'bad text'}); "
                         "expected 'key: value' lines") from None
    except RecursionError:
        raise InputError(f"{where}: nested too deeply; expected a grammar") from None
    if root is None:
        src.fail(None, "the file is empty", "motifs, positives and negatives")
    fields = src.mapping(root, "the grammar", ("name", "description", "within", "motifs", "positives", "negatives"))
    for key in ("motifs", "positives", "negatives"):
        if key not in fields:
            src.fail(root, f"'{key}' is missing", "motifs, positives and negatives")
    motifs = _motifs(src, fields["motifs"])
    name = src.text(fields["name"], "name") if "name" in fields else Path(where).stem
    return Grammar(
        name=name,
        motifs=motifs,
        positives=_class(src, fields["positives"], "positives", motifs),
        negatives=_class(src, fields["negatives"], "negatives", motifs),
        within=int(src.number(fields["within"], "within", int, 0, MAX_GAP)) if "within" in fields else 50,
        description=src.text(fields["description"], "description") if "description" in fields else "",
        source=where,
    )


def _motifs(src: _Source, node: Node) -> dict[str, Motif]:
    entries = src.mapping(node, "motifs")
    if not entries:
        src.fail(node, "motifs is empty", "at least one, such as 'SPI1: {jaspar: MA0080.7}'")
    for key, _ in node.value:  # names go into tables, where a tab or a line end would begin another cell
        if not key.value.isprintable():
            src.fail(key, f"motif name {key.value!r} holds a tab, a line end or the like", "letters, digits or signs")
    done: dict[str, tuple[np.ndarray, str]] = {}
    for name in entries:
        _resolve(src, name, entries, done, ())
    return {name: Motif(name, (pfm + SMOOTH) / (pfm + SMOOTH).sum(0), source) for name, (pfm, source) in done.items()}


def _resolve(src: _Source, name: str, entries: dict[str, Node], done: dict, path: tuple[str, ...]):
    """Probabilities (4, w) and source of a motif; a motif may be a slice `of` another, never of
    itself."""
    if name in path:
        src.fail(entries[name], f"motifs refer to each other in a circle ({' -> '.join((*path, name))})", "no circle")
    if name in done:
        return done[name]
    fields = src.mapping(entries[name], f"motif '{name}'", ("jaspar", "consensus", "of", "slice"))
    kinds = [k for k in ("jaspar", "consensus", "of") if k in fields]
    if len(kinds) != 1:
        src.fail(entries[name], f"motif '{name}' has {' and '.join(kinds) or 'no source'}",
                 "exactly one of jaspar, consensus, of")
    node = fields[kinds[0]]
    value = src.text(node, f"{kinds[0]} of motif '{name}'")
    if kinds[0] == "of":
        if value not in entries:
            src.fail(node, f"motif '{name}' is of '{value}', which is not there", "one of " + ", ".join(entries))
        pfm, source = _resolve(src, value, entries, done, (*path, name))
    elif kinds[0] == "consensus":
        pfm, source = _consensus(src, node, value), f"consensus {value}"
    else:
        pfm, source = _jaspar(src, node, value), f"JASPAR {value}"
    if "slice" in fields:
        pfm, source = _slice(src, fields["slice"], name, pfm, source)
    done[name] = (pfm, source)
    return done[name]


def _consensus(src: _Source, node: Node, value: str) -> np.ndarray:
    bad = [c for c in value.upper() if c not in IUPAC]
    if bad or len(value) > MAX_WIDTH:
        found = f"letter '{bad[0]}' in consensus {value[:40]}" if bad else f"consensus of {len(value)} letters"
        src.fail(node, found, f"up to {MAX_WIDTH} of the letters {''.join(IUPAC)}")
    return np.array([[(b in IUPAC[c]) / len(IUPAC[c]) for c in value.upper()] for b in "ACGT"], dtype=float)


def _jaspar(src: _Source, node: Node, value: str) -> np.ndarray:
    try:
        return np.asarray(jaspar(value).pfm, dtype=float)
    except InputError as error:
        src.fail(node, f"unknown motif '{value}' ({error})", "a JASPAR 2026 id, such as MA0080.7")


def _slice(src: _Source, node: Node, name: str, pfm: np.ndarray, source: str) -> tuple[np.ndarray, str]:
    ends = src.items(node, f"slice of motif '{name}'")
    if len(ends) != 2:
        src.fail(node, f"slice of motif '{name}' has {len(ends)} numbers", "[start, end]")
    start, end = (int(src.number(e, f"slice of motif '{name}'", int, 0, pfm.shape[1])) for e in ends)
    if end <= start:
        src.fail(node, f"slice of motif '{name}' is [{start}, {end}]", f"0 <= start < end <= {pfm.shape[1]}")
    return pfm[:, start:end], f"{source} [{start}:{end}]"


def _class(src: _Source, node: Node, what: str, motifs: dict[str, Motif]) -> tuple[Alternative, ...]:
    items = src.items(node, what)
    if not items:
        src.fail(node, f"{what} is empty", "at least one alternative")
    out = [_alternative(src, item, f"{what}, alternative {i}", motifs, len(items)) for i, item in enumerate(items, 1)]
    total = sum(a.weight for a in out)
    if abs(total - 1) > 1e-6:
        src.fail(node, f"weights of {what} sum to {total:g}", "a sum of 1")
    return tuple(Alternative(**{**vars(a), "weight": a.weight / total}) for a in out)


def _alternative(src: _Source, node: Node, what: str, motifs: dict[str, Motif], siblings: int) -> Alternative:
    fields = src.mapping(node, what, ("weight", "plant", "spacing", "order", "strand"))
    if "plant" not in fields:
        src.fail(node, f"'plant' is missing in {what}", "plant: [motif, ...], or plant: [] for background")
    plant = tuple(src.text(m, f"a motif in {what}") for m in src.items(fields["plant"], f"plant in {what}"))
    for name, item in zip(plant, fields["plant"].value, strict=True):
        if name not in motifs:
            src.fail(item, f"unknown motif '{name}' in {what}", "one of " + ", ".join(motifs))
    if len(plant) > MAX_PLANTED:
        src.fail(fields["plant"], f"{len(plant)} motifs in {what}", f"at most {MAX_PLANTED}")
    if "weight" not in fields and siblings > 1:
        src.fail(node, f"'weight' is missing in {what}", "a weight, since there are several alternatives")
    weight = src.number(fields["weight"], f"weight in {what}", float, 0, 1) if "weight" in fields else 1.0
    order = src.text(fields["order"], "order", ("fixed", "either", "any")) if "order" in fields else "fixed"
    out = Alternative(weight, plant, _gaps(src, node, fields, what, len(plant)), order,
                      _strand(src, fields, what, len(plant)))
    if out.ways > MAX_ARRANGEMENTS:
        src.fail(node, f"{out.ways} orders and strands in {what}", f"at most {MAX_ARRANGEMENTS}")
    return out


def _gaps(src: _Source, node: Node, fields: dict[str, Node], what: str, planted: int) -> tuple[tuple[int, ...], ...]:
    if "spacing" not in fields:
        if planted > 1:
            src.fail(node, f"'spacing' is missing in {what}", "spacing: 6, [2, 15] or {values: [2, 12, 23]}")
        return ()
    spacing = fields["spacing"]
    if planted < 2:
        src.fail(spacing, f"spacing in {what}, which plants {planted} motifs", "spacing for two or more motifs")
    several = isinstance(spacing, yaml.SequenceNode) and any(not isinstance(s, yaml.ScalarNode) for s in spacing.value)
    if several and len(spacing.value) != planted - 1:
        src.fail(spacing, f"{len(spacing.value)} spacings for {planted} motifs in {what}", f"{planted - 1}")
    return tuple(_gap(src, s, what) for s in (spacing.value if several else [spacing] * (planted - 1)))


def _gap(src: _Source, node: Node, what: str) -> tuple[int, ...]:
    """One spacing: a number, a range [low, high] with both ends in, or {values: [...]}."""
    what = f"spacing in {what}"

    def number(n: Node) -> int:
        return int(src.number(n, what, int, 0, MAX_GAP))

    if isinstance(node, yaml.ScalarNode):
        return (number(node),)
    if isinstance(node, yaml.MappingNode):
        fields = src.mapping(node, what, ("values",))
        values = tuple(number(n) for n in src.items(fields["values"], what)) if fields else ()
        if not values or len(set(values)) != len(values):
            src.fail(node, f"{what} lists {'no value' if not values else 'a value twice'}", "different whole numbers")
        return values
    ends = [number(n) for n in node.value]
    if len(ends) != 2 or ends[0] > ends[1]:
        src.fail(node, f"{what} is {ends}", "[low, high] with low <= high, or {values: [...]}")
    return tuple(range(ends[0], ends[1] + 1))


def _strand(src: _Source, fields: dict[str, Node], what: str, planted: int) -> str | tuple[str, ...]:
    if "strand" not in fields:
        return "+"
    node = fields["strand"]
    if isinstance(node, yaml.SequenceNode):
        if len(node.value) != planted:
            src.fail(node, f"{len(node.value)} strands for {planted} motifs in {what}", f"{planted}")
        return tuple(src.text(n, "strand", ("+", "-", "either")) for n in node.value)
    return src.text(node, "strand", ("+", "-", "either", "same"))
