"""Designs as files: designs.fa, designs.tsv with the reason of every site, report.html with a figure."""

from __future__ import annotations

from html import escape
from pathlib import Path

import pandas as pd

from motiflib.design.build import Constraints, Designs, design
from motiflib.design.explain import explain, unmentioned
from motiflib.design.twins import twins
from motiflib.runs import Run
from motiflib.sequence import write_atomic

SHOWN = 10  # designs that the report draws and tells


def write_designs(
    run: Run, folder: Path, n: int = 100, constraints: Constraints | None = None, *, ablate: bool = True, seed: int = 0
) -> Designs:
    """Design `n` sequences with a run and write designs.fa, designs.tsv and report.html into a folder.

    With `ablate`, the twins of `twins` are written too, named after their design. Columns of designs.tsv: kind (design,
    broken, spacing, repressor), then those of `explain`; a twin without any site has one row, its places empty.
    Raises InputError as `design`, and for a folder that cannot be written; then nothing is written.

    >>> write_designs(load_run("run"), Path("out"), 100)
    """
    designs = design(run.model, run.found, n, constraints, seed=seed)
    kinds = {"design": designs} | (twins(run.model, run.found, designs, seed=seed) if ablate else {})
    tables = [table_of(run, d).assign(kind=kind) for kind, d in kinds.items()]
    table = pd.concat(tables, ignore_index=True)
    table = table[["kind", *table.columns.drop("kind")]]
    html = report(run, kinds, table)
    fasta = "".join(f">{name}\n{letters}\n" for d in kinds.values() for name, letters in d.records)
    write_atomic(folder / "designs.fa", fasta)
    write_atomic(folder / "designs.tsv", table.to_csv(sep="\t", index=False, float_format="%.6g"))
    write_atomic(folder / "report.html", html)
    return designs


def table_of(run: Run, designs: Designs) -> pd.DataFrame:
    """`explain`, with a row for designs that have no site left."""
    table = explain(run.model, designs) if len(designs.sites) else pd.DataFrame()
    told = set(table.design) if len(table) else set()
    bare = [{"design": n, "probability": p, "text": f"Predicted {p:.3f}: no motif instance is left."}
            for n, p in zip(designs.names, designs.probability, strict=True) if n not in told]  # fmt: skip
    return pd.concat([table, pd.DataFrame(bare)], ignore_index=True) if bare else table


def report(run: Run, kinds: dict[str, Designs], table: pd.DataFrame) -> str:
    """The page: what was asked, the rules, designs drawn and told, twins."""
    import matplotlib.pyplot as plt

    from motiflib import html
    from motiflib.plots import design as plots

    designs, sections = kinds["design"], []
    c = designs.constraints
    asked = {"designs": len(designs.names), "length": c.length, "GC": c.gc,
             "forbidden words": ", ".join(c.forbid) or "-",
             "left flank": c.left or "-", "right flank": c.right or "-", "counts": str(dict(c.counts)),
             "least distance": c.apart}  # fmt: skip
    sections.append(
        ("What was asked", html.table(pd.DataFrame(asked.items(), columns=["constraint", "value"]).astype(str)))
    )
    told = designs.rules.chosen[["rule", "logit", "gain"]].head(SHOWN)
    figures = [plots.layouts(designs, SHOWN).figure, plots.twin_probabilities(kinds).figure]
    first, second = (html.img(f, alt) for f, alt in zip(figures, (
        "Where the motif instances stand in the first designs", "Predicted probability of designs and of their twins"),
        strict=True))  # fmt: skip
    for figure in figures:
        plt.close(figure)
    sections.append(("Rules that the network gave", html.table(told)))
    left = unmentioned(run.model, designs)
    gap = (left.silenced - left.probability).abs().median()
    lines = "".join(f"<li><b>{escape(n)}</b> {escape(t)}</li>" for n, t in
                    table.drop_duplicates("design").head(SHOWN)[["design", "text"]].to_numpy())  # fmt: skip
    note = f"<p>Without all that is not mentioned, the probability changes by {gap:.4f} (median).</p>"
    sections.append(("Designs", f"{first}<ul>{lines}</ul>{note}"))
    counts = pd.DataFrame([(k, len(d.names), d.probability.mean(), (d.probability > 0.5).mean())
                           for k, d in kinds.items()],
                          columns=["kind", "sequences", "mean probability", "positive"])  # fmt: skip
    sections.append(("Designs and their twins", second + html.table(counts)))
    return html.page("Designed sequences", sections)
