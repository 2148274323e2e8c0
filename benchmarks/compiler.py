"""Compiled networks against the plain evaluator: do the weights decide exactly what the rule says?

    python benchmarks/compiler.py                 # all rules, 10,000 keeping and 10,000 breaking
    sequences each python benchmarks/compiler.py --n 500 --only rest

The ten grammars of the library, consensus instances, and rules that the file language cannot say.
Sequences are those of `motifbook.compiler.cases`: what a rule names is planted and mostly one thing
changed. Prints and stores, for each rule, the accuracy, the smallest |logit|, the sizes, and how
many of the breaking sequences have which change.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pandas as pd
import torch
from footer import footer
from motifbook.compiler import Rule, cases, compile_grammar, count, present, rule_of, spaced
from motifbook.compiler.cases import CHANGES
from motifbook.grammar import grammar_names, load_grammar

from motiflib.sequence import one_hot

WORDS = {"A": "CACGTGA", "B": "GATAAGC", "C": "TTGCGCAA", "D": "RTGACTCAY"}  # C is a palindrome
A, B, C, D = map(present, WORDS)
LOGICAL = {
    "and-not": A & B & ~C,
    "exactly one": (A & ~B) | (B & ~A),
    "two of three": (A & B) | (A & C) | (B & C),
    "at least three": count("A", 3),
    "exactly two": count("A", 2) & ~count("A", 3),
    "two pairs": count(spaced("A B", range(2, 9)), 2),
    "spacing but not another": spaced("A B", 6) & ~spaced("A B", 10),
    "facing, not in a row": spaced("A B", range(3, 13), "+-") & ~spaced("A B", range(3, 13)),
    "four in a row": spaced("A B C D", [4, 7, 10]),
    "clusters or a repressed pair": count("D", 4)
    | (spaced("A B", range(3, 16)) & ~spaced("B C", range(3, 16))),
}


def rules() -> dict[str, Rule]:
    """All rules of the benchmark by name."""
    named = {name: rule_of(load_grammar(name)) for name in grammar_names()}
    return named | {name: Rule(WORDS, formula, name) for name, formula in LOGICAL.items()}


def measure(name: str, rule: Rule, n: int, length: int) -> dict:
    """A row of the table."""
    model, table, began = compile_grammar(rule), cases(rule, n, length), time.perf_counter()
    with torch.no_grad():
        logit = torch.cat(
            [model(one_hot(list(part))) for part in batches(table.sequence, 256)]
        ).numpy()
    table["right"] = (logit > 0) == table.holds
    c, broken = model.config, table[~table.holds]
    row = {
        "rule": name,
        "keep": int(table.holds.sum()),
        "break": len(broken),
        "wrong": int((~table.right).sum()),
    }
    row |= {"accuracy": table.right.mean(), "smallest |logit|": abs(logit).min()}
    row |= {
        "filters": c.filters,
        "layers": c.layers,
        "heads": c.heads,
        "token": c.token,
        "stream": c.stream,
    }
    row |= {"reach": c.neighbourhood, "parameters": sum(p.numel() for p in model.parameters())}
    row |= {f"broken by {change}": int((broken.change == change).sum()) for change in CHANGES}
    return row | {"sequences per second": round(len(table) / (time.perf_counter() - began))}


def batches(items: pd.Series, size: int):
    return (items[i : i + size] for i in range(0, len(items), size))


def main() -> None:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--n", type=int, default=10_000)
    ask.add_argument("--length", type=int, default=250)
    ask.add_argument("--only", nargs="*")
    ask.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "compiler.tsv")
    a = ask.parse_args()
    torch.set_num_threads(1)
    rows = []
    for name, rule in rules().items():
        if not a.only or name in a.only:
            rows.append(measure(name, rule, a.n, a.length))
            print({k: rows[-1][k] for k in ("rule", "keep", "break", "wrong")}, flush=True)
    table = pd.DataFrame(rows)
    table.round(4).to_csv(a.out, sep="\t", index=False)
    print(table.round(3).to_string())
    print(footer("one thread", f"{a.length} bp"))


if __name__ == "__main__":
    main()
