"""Grammars from YAML, by name or path. Every refusal is one line: file, line, what was found, what
was expected."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml

from motifbook.datasets import data_path
from motifbook.grammar.schema import Alternative, Grammar
from motiflib.files import InputError
from motiflib.motif import Motif
from motiflib.run.known import jaspar
from motiflib.sequence import BASES

IUPAC = {
    "A": "A", "C": "C", "G": "G", "T": "T", "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT",
    "M": "AC", "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT",
}
SMOOTH = 1e-3  # added to each probability of a matrix, so that every likelihood is finite
MAX_WIDTH, MAX_GAP, MAX_PLANTED, MAX_ARRANGEMENTS, MAX_BYTES = 100, 10_000, 6, 500, 1_000_000
CLASSES = "motifs, positives and negatives"
FIRST = ("spi1", "tal-gata", "e2f6-max", "jund-tead", "rest", "spi1-ctcf")  # the paper's six


def grammar_names() -> list[str]:
    """Names of the grammars that come with the library, the paper's six first.

    >>> grammar_names()[:2]
    ['spi1', 'tal-gata']
    """
    found = sorted(p.stem for p in data_path("grammars").glob("*.yml"))
    return [n for n in FIRST if n in found] + [n for n in found if n not in FIRST]


def load_grammar(name_or_path: str | Path) -> Grammar:
    """A grammar by its name or from a YAML file; errors as in `parse_grammar`.

    >>> load_grammar("e2f6-max").motifs["MAX"].width
    6
    """
    text, named = str(name_or_path), str(name_or_path) in grammar_names()
    path = data_path("grammars") / f"{text}.yml" if named else Path(text)
    if not path.is_file():
        what = "is a directory" if path.is_dir() else "is neither a grammar's name nor a file"
        names = ", ".join(grammar_names())
        raise InputError(f"{text!r} {what}; expected a YAML file or one of {names}")
    data = path.read_bytes()
    if len(data) > MAX_BYTES:
        raise InputError(f"{path}: {len(data)} bytes; expected a grammar of at most {MAX_BYTES}")
    try:
        return parse_grammar(data.decode("utf-8"), path.name if named else text)
    except UnicodeDecodeError:
        raise InputError(f"{path}: not text; expected a YAML file in UTF-8") from None


def word_matrix(word: str) -> np.ndarray:
    """Probabilities (4, w) of IUPAC letters: all that a letter allows is equally likely."""
    sets = [IUPAC[letter] for letter in word.upper()]
    return np.array([[(base in bases) / len(bases) for bases in sets] for base in BASES])


class _Field:
    """A YAML node that is read as a value, or refused with its file and line."""

    def __init__(self, node: yaml.Node, where: str):
        self.node, self.where = node, where
        self.word = node.value if isinstance(node, yaml.ScalarNode) else None

    def need(self, ok: object, found: str, expected: str) -> None:
        if not ok:
            place = f"{self.where}, line {self.node.start_mark.line + 1}"
            raise InputError(f"{place}: {found}; expected {expected}".replace("\n", " "))

    def mapping(self, what: str, allowed: tuple[str, ...] = ()) -> dict[str, _Field]:
        """The fields of a mapping; with `allowed`, any other key is refused."""
        out, names = {}, ", ".join(allowed)
        self.need(isinstance(self.node, yaml.MappingNode), f"{what} is not a mapping",
                  "'key: value' lines, with " + (names or "names"))
        for key, value in self.node.value:
            key = _Field(key, self.where)
            key.need(key.word, f"a key of {what} is not a word", "a word")
            known = not allowed or key.word in allowed
            key.need(known, f"unknown key '{key.word}' in {what}", f"one of {names}")
            key.need(key.word not in out, f"'{key.word}' is given twice in {what}", "each key once")
            out[key.word] = _Field(value, self.where)
        return out

    def items(self, what: str) -> list[_Field]:
        self.need(isinstance(self.node, yaml.SequenceNode), f"{what} is not a list",
                  "a list, such as [a, b]")
        return [_Field(node, self.where) for node in self.node.value]

    def text(self, what: str, choices: tuple[str, ...] = ()) -> str:
        """A word, one of `choices` when given."""
        expected = "one of " + ", ".join(choices) if choices else "a word"
        self.need((self.word or "").strip(), f"{what} is not a word", expected)
        if choices:
            self.need(self.word in choices, f"{what} '{self.word}' is not known", expected)
        return self.word.strip()

    def number(self, what: str, high: int, kind: type = int) -> float:
        """A number of `kind` within [0, high]."""
        try:
            value = kind(self.word)
        except (TypeError, ValueError):  # several values, or not a number
            value = -1
        fits = 0 <= value <= high and self.node.style not in ("'", '"')  # also refuses nan
        found = "not one number" if self.word is None else self.word or "empty"
        name = "a whole number" if kind is int else "a number"
        self.need(fits, f"{what} is {found}", f"{name} from 0 to {high:g}")
        return value


def parse_grammar(text: str, where: str = "grammar") -> Grammar:
    """A grammar from YAML `text` (keys: `data/grammars/README.md`); `where` names it in errors.

    >>> parse_grammar('''{motifs: {E: {consensus: CACGTG}}, positives: [{plant: [E]}],
    ...     negatives: [{plant: []}]}''').motifs["E"].width
    6
    """
    root, needed = _root(text, where), ("motifs", "positives", "negatives")
    fields = root.mapping("the grammar", ("name", "description", "within", *needed))
    for key in needed:
        root.need(key in fields, f"'{key}' is missing", CLASSES)
    motifs = _motifs(fields["motifs"])
    name = fields["name"].text("name") if "name" in fields else Path(where).stem
    positives = _class(fields["positives"], "positives", motifs)
    negatives = _class(fields["negatives"], "negatives", motifs)
    within = fields["within"].number("within", MAX_GAP) if "within" in fields else 50
    description = fields["description"].text("description") if "description" in fields else ""
    return Grammar(name, motifs, positives, negatives, within, description, where)


def _root(text: str, where: str) -> _Field:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f", line {mark.line + 1}" if mark else ""
        why = getattr(error, "problem", None) or "bad text"
        raise InputError(f"{where}{at}: not YAML ({why}); expected 'key: value' lines") from None
    except RecursionError:
        raise InputError(f"{where}: nested too deeply; expected a grammar") from None
    if root is None:
        raise InputError(f"{where}: the file is empty; expected {CLASSES}")
    return _Field(root, where)


def _motifs(field: _Field) -> dict[str, Motif]:
    entries = field.mapping("motifs")
    field.need(entries, "motifs is empty", "at least one, such as 'SPI1: {jaspar: MA0080.7}'")
    for key, _ in field.node.value:  # in tables, a tab or a line end would end a cell
        found = f"motif name {key.value!r} holds a tab, a line end or the like"
        _Field(key, field.where).need(key.value.isprintable(), found, "letters, digits or signs")
    done: dict[str, tuple[np.ndarray, str]] = {}
    for name in entries:
        _resolve(name, entries, done, ())
    return {name: Motif(name, (pfm + SMOOTH) / (pfm + SMOOTH).sum(0), source)
            for name, (pfm, source) in done.items()}


def _resolve(name: str, entries: dict[str, _Field], done: dict, path: tuple[str, ...]) -> tuple:
    """Probabilities and source of a motif; it may be a slice `of` another, never of itself."""
    what, entry, path = f"motif '{name}'", entries[name], (*path, name)
    circle = f"motifs refer to each other in a circle ({' -> '.join(path)})"
    entry.need(path.count(name) == 1, circle, "no circle")
    if name in done:
        return done[name]
    fields = entry.mapping(what, ("jaspar", "consensus", "of", "slice"))
    kinds = [k for k in ("jaspar", "consensus", "of") if k in fields]
    found = f"{what} has {' and '.join(kinds) or 'no source'}"
    entry.need(len(kinds) == 1, found, "exactly one of jaspar, consensus, of")
    field = fields[kinds[0]]
    value = field.text(f"{kinds[0]} of {what}")
    if "jaspar" in fields:
        pfm, source = _jaspar(field, value), f"JASPAR {value}"
    elif "consensus" in fields:
        pfm, source = _consensus(field, value), f"consensus {value}"
    else:
        found = f"{what} is of '{value}', which is not there"
        field.need(value in entries, found, "one of " + ", ".join(entries))
        pfm, source = _resolve(value, entries, done, path)
    if "slice" in fields:
        start, end = _slice(fields["slice"], f"slice of {what}", pfm.shape[1])
        pfm, source = pfm[:, start:end], f"{source} [{start}:{end}]"
    done[name] = (pfm, source)
    return done[name]


def _consensus(field: _Field, value: str) -> np.ndarray:
    expected = f"up to {MAX_WIDTH} of the letters {''.join(IUPAC)}"
    for letter in value.upper():
        field.need(letter in IUPAC, f"letter '{letter}' in consensus {value[:40]}", expected)
    field.need(len(value) <= MAX_WIDTH, f"consensus of {len(value)} letters", expected)
    return word_matrix(value)


def _jaspar(field: _Field, value: str) -> np.ndarray:
    try:
        return jaspar(value).pfm
    except InputError as error:
        found = f"unknown motif '{value}' ({error})"
        field.need(False, found, "a JASPAR 2026 id, such as MA0080.7")


def _slice(field: _Field, what: str, width: int) -> tuple[int, int]:
    ends = field.items(what)
    field.need(len(ends) == 2, f"{what} has {len(ends)} numbers", "[start, end]")
    start, end = (item.number(what, width) for item in ends)
    field.need(start < end, f"{what} is [{start}, {end}]", f"0 <= start < end <= {width}")
    return start, end


def _class(field: _Field, what: str, motifs: dict[str, Motif]) -> tuple[Alternative, ...]:
    items, out = field.items(what), []
    field.need(items, f"{what} is empty", "at least one alternative")
    for i, item in enumerate(items, 1):
        out.append(_alternative(item, f"{what}, alternative {i}", motifs, several=len(items) > 1))
    total = sum(a.weight for a in out)
    field.need(abs(total - 1) <= 1e-6, f"weights of {what} sum to {total:g}", "a sum of 1")
    return tuple(replace(a, weight=a.weight / total) for a in out)


def _alternative(field: _Field, what: str, motifs: dict[str, Motif], several: bool) -> Alternative:
    fields = field.mapping(what, ("weight", "plant", "spacing", "order", "strand"))
    expected = "plant: [motif, ...], or plant: [] for background"
    field.need("plant" in fields, f"'plant' is missing in {what}", expected)
    items = fields["plant"].items(f"plant in {what}")
    plant = tuple(item.text(f"a motif in {what}") for item in items)
    for name, item in zip(plant, items, strict=True):
        found = f"unknown motif '{name}' in {what}"
        item.need(name in motifs, found, "one of " + ", ".join(motifs))
    n, order = len(plant), "fixed"
    fields["plant"].need(n <= MAX_PLANTED, f"{n} motifs in {what}", f"at most {MAX_PLANTED}")
    weight = fields["weight"].number(f"weight in {what}", 1, float) if "weight" in fields else 1.0
    expected = "a weight, since there are several alternatives"
    field.need("weight" in fields or not several, f"'weight' is missing in {what}", expected)
    if "order" in fields:
        order = fields["order"].text("order", ("fixed", "either", "any"))
    gaps = _gaps(field, fields.get("spacing"), what, n)
    out = Alternative(weight, plant, gaps, order, _strand(fields.get("strand"), what, n))
    ways, most = len(out.orders()) * len(out.strands()), f"at most {MAX_ARRANGEMENTS}"
    field.need(ways <= MAX_ARRANGEMENTS, f"{ways} orders and strands in {what}", most)
    return out


def _gaps(field: _Field, spacing: _Field | None, what: str, planted: int) -> tuple:
    if spacing is None:
        expected = "spacing: 6, [2, 15] or {values: [2, 12, 23]}"
        field.need(planted < 2, f"'spacing' is missing in {what}", expected)
        return ()
    found = f"spacing in {what}, which plants {planted} motifs"
    spacing.need(planted > 1, found, "spacing for two or more motifs")
    items = spacing.items(what) if isinstance(spacing.node, yaml.SequenceNode) else []
    if all(item.word is not None for item in items):  # one spacing for all
        return (_gap(spacing, f"spacing in {what}"),) * (planted - 1)
    found = f"{len(items)} spacings for {planted} motifs in {what}"
    spacing.need(len(items) == planted - 1, found, f"{planted - 1}")
    return tuple(_gap(item, f"spacing in {what}") for item in items)


def _gap(field: _Field, what: str) -> tuple[int, ...]:
    """One spacing: a number, a range [low, high] with both ends in, or {values: [...]}."""
    if field.word is not None:
        return (field.number(what, MAX_GAP),)
    if isinstance(field.node, yaml.MappingNode):
        fields = field.mapping(what, ("values",))
        items = fields["values"].items(what) if fields else []
        values = tuple(item.number(what, MAX_GAP) for item in items)
        found = f"{what} lists {'a value twice' if values else 'no value'}"
        field.need(0 < len(values) == len(set(values)), found, "different whole numbers")
        return values
    ends = [item.number(what, MAX_GAP) for item in field.items(what)]
    field.need(len(ends) == 2 and ends[0] <= ends[1], f"{what} is {ends}",
               "[low, high] with low <= high, or {values: [...]}")
    return tuple(range(ends[0], ends[1] + 1))


def _strand(field: _Field | None, what: str, planted: int) -> str | tuple[str, ...]:
    if field is None:
        return "+"
    if not isinstance(field.node, yaml.SequenceNode):
        return field.text("strand", ("+", "-", "either", "same"))
    items = field.items("strand")
    found = f"{len(items)} strands for {planted} motifs in {what}"
    field.need(len(items) == planted, found, f"{planted}")
    return tuple(item.text("strand", ("+", "-", "either")) for item in items)
