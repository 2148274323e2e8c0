"""Grammars by name (the files in data/grammars) or by path."""

from __future__ import annotations

from pathlib import Path

from motifbook.datasets import data_path
from motifbook.grammar.parse import MAX_BYTES, parse_grammar
from motifbook.grammar.schema import Grammar
from motiflib.files import InputError


def grammar_names() -> list[str]:
    """Names of the grammars that come with the library, the paper's six first.

    >>> grammar_names()[:2]
    ['spi1', 'tal-gata']
    """
    first = ["spi1", "tal-gata", "e2f6-max", "jund-tead", "rest", "spi1-ctcf"]
    found = sorted(p.stem for p in data_path("grammars").glob("*.yml"))
    return [n for n in first if n in found] + [n for n in found if n not in first]


def load_grammar(name_or_path: str | Path) -> Grammar:
    """A grammar by its name or from a YAML file; InputError says what is wrong, in which line, and
    what was expected.

    >>> load_grammar("e2f6-max").motifs["MAX"].width
    6
    """
    text = str(name_or_path)
    path = data_path("grammars") / f"{text}.yml" if text in grammar_names() else Path(name_or_path)
    if not path.is_file():
        what = "is a directory" if path.is_dir() else "is neither a grammar's name nor a file"
        raise InputError(f"{text!r} {what}; expected a YAML file or one of {', '.join(grammar_names())}")
    data = path.read_bytes()
    if len(data) > MAX_BYTES:
        raise InputError(f"{path}: {len(data)} bytes; expected a grammar of at most {MAX_BYTES}")
    try:
        return parse_grammar(data.decode("utf-8"), path.name if text in grammar_names() else text)
    except UnicodeDecodeError:
        raise InputError(f"{path}: not text; expected a YAML file in UTF-8") from None
