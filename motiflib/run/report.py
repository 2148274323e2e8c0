"""Results of a run: scores, motifs with logos, calls as BED, rules as a table."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

import pandas as pd
import torch
from matplotlib.figure import Figure

from motiflib.batches import Examples
from motiflib.calling import LEAST, THRESHOLD, at_fdr, call
from motiflib.controls import twins
from motiflib.designing import Constraints, Designs, design, explain, unmentioned
from motiflib.discovery import align, name_motifs
from motiflib.files import InputError, write_atomic
from motiflib.motif import Motif, jaspar, write_meme
from motiflib.run import evidence as motif_evidence
from motiflib.run import figures
from motiflib.run.evidence import Evidence
from motiflib.run.figures import logos_aligned, profile
from motiflib.run.folder import Run, fitting
from motiflib.sequence import Record, one_hot
from motiflib.training import predict


def score(run: Run, records: Iterable[Record], where: object = "sequences") -> pd.DataFrame:
    """Probability of each sequence that it is a positive: columns name, probability. Reads the
    records as a stream.

    Raises:
        InputError: a sequence shorter than the filters.

    Example:
        >>> score(load_run("run"), read_fasta("peaks.fa")).columns.tolist()
        ['name', 'probability']
    """
    names, values = [], [torch.zeros(0)]
    for part in batches_of(fitting(records, run.model.config.width, where)):
        names += [record.name for record in part]
        values.append(predict(run.model, one_hot([record.sequence for record in part])))
    return pd.DataFrame({"name": names, "probability": torch.cat(values).numpy()})


def batches_of(records: Iterable[Record], bases: int = 2**18) -> Iterator[list[Record]]:
    """Lists of consecutive records that, padded to the longest, hold at most `bases` bases; one
    record at least.

    >>> [len(part) for part in batches_of([Record("a", "ACGT")] * 5, bases=8)]
    [2, 2, 1]
    """
    part, longest = [], 0
    for record in records:
        longest = max(longest, len(record.sequence))
        if part and longest * (len(part) + 1) > bases:
            yield part
            part, longest = [], len(record.sequence)
        part.append(record)
    if part:
        yield part


def write_motifs(run: Run, folder: Path, held: Examples | None = None) -> None:
    """Write motifs.meme, motifs.tsv, report.html and NAME.png, a logo, for each motif into
    `folder`.

    motifs.tsv: `discovery.name_motifs`, then `evidence.support`, from the labelled sequences `held`
    or, without them, from those that the run's training held back; an old run may have neither.
    """
    table, evidence = name_motifs(run.motifs), run.evidence
    if held is not None:
        evidence = motif_evidence.gather(run.model, run.found, held)
    page = report(run, table, evidence)
    if evidence is not None:
        table = table.merge(evidence.support, on="motif", how="left")
    pictures = {f"{motif.name}.png": logo_png(motif) for motif in run.motifs}
    write_meme(folder / "motifs.meme", run.motifs)
    write_atomic(folder / "motifs.tsv", table.to_csv(sep="\t", index=False, float_format="%.4g"))
    write_atomic(folder / "report.html", page)
    for name, picture in pictures.items():
        write_atomic(folder / name, picture)


def logo_png(motif: Motif) -> bytes:
    """A motif's logo as a PNG file; the same motif always gives the same bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    pass

    figure = Figure(figsize=(1 + 0.35 * motif.width, 1.7), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    figures.logo(motif, figure.subplots())
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def calls(run: Run, records: Iterable[Record], where: object = "sequences") -> pd.DataFrame:
    """Instances of a run's motifs, as `instances.call` finds them; long sequences are read in
    tiles.

    Raises:
        InputError: a sequence shorter than the filters.

    Example:
        >>> calls(load_run("run"), read_fasta("peaks.fa")).motif.value_counts()
    """
    return call(run.model, run.found, fitting(records, run.model.config.width, where), tile=run.tile)


def least_score(run: Run, threshold: float | None = None, fdr: float | None = None, every: bool = False) -> float:
    """The score that calls must reach: the one given, that of a false discovery rate, the lowest,
    or the default.

    Raises:
        InputError: more than one is given, or no score of the run reaches the rate.

    Example:
        >>> least_score(load_run("run"), fdr=0.05)
        0.41
    """
    if (threshold is not None) + (fdr is not None) + every > 1:
        raise InputError("--threshold, --fdr and --all each choose the least score: give one of them")
    if fdr is None:
        return LEAST if every else THRESHOLD if threshold is None else threshold
    least = run.fdr.fdr.min()
    if not least <= fdr <= 1:
        raise InputError(f"false discovery rate {fdr}: this run's scores reach {least:.2g} to 1; choose one of those")
    return at_fdr(run.fdr, fdr)


def rules(run: Run, records: Iterable[Record], where: object = "sequences") -> pd.DataFrame:
    """Rules between a run's motifs, as `rules.find_rules` finds them, each with its sentence."""
    from motiflib.syntax import find_rules, rule_sentence

    records = list(fitting(records, run.model.config.width, where))
    table = find_rules(run.model, run.found, records, tile=run.tile)
    return table.assign(sentence=[rule_sentence(rule) for _, rule in table.iterrows()])
# One HTML file about a run's motifs: logo, evidence, the known motif most like it, sites, and where
# they stand.
SHOWN = 12  # example sites of each motif
NONE = (
    '<p class="note">No evidence from held-out sequences: the run was written without it. '
    "<code>motiflib motifs RUN --sequences POSITIVES.fa</code> adds it.</p>"
)
EXPLAINED = (
    '<p class="note">in_positives, in_negatives, in_shuffles: share of held-out sequences where the matrix alone finds '
    "a site, at a score that 5% of dinucleotide shuffles reach. enrichment, over_shuffles: odds ratios of positives to "
    "negatives and to shuffles, with the p-values of Fisher's exact test. loss_rise: by how much the cross-entropy of "
    "held-out sequences rises when the motif's filters are silent. A motif that counts by its place or partner alone "
    "is in both classes, far above the shuffles, and the loss rises.</p>"
)


def report(run: Run, table: pd.DataFrame, evidence: Evidence | None) -> str:
    """The whole document; `table` is `discovery.name_motifs(run.motifs)`.

    >>> report(run, name_motifs(run.motifs), run.evidence).startswith("<!doctype html>")
    True
    """
    sections = [("", about(run)), ("Motifs", overview(table, evidence))]
    for motif, row in zip(run.motifs, table.itertuples(), strict=True):
        known = jaspar(row.jaspar_id) if isinstance(row.jaspar_id, str) and row.jaspar_id else None
        name = f", most like {row.jaspar_name} ({row.jaspar_id})" if known else ""
        contribution = run.found.table.contribution[run.found.table.motif == motif.name].iloc[0]
        side = "for" if contribution > 0 else "against"
        change = f"{contribution:+.2f} on average: it speaks {side} the positive class"
        facts = (
            f"<p>{motif.sites} sites; a site changes the log-odds by {change}. "
            f"TOMTOM p = {row.p_value:.1e}, correlation {row.correlation:.2f}.</p>"
        )
        body = picture(motif, known) + facts + seen(motif.name, evidence)
        sections.append((f"{motif.name}: {motif.consensus}{name}", body))
    return html_page("Motifs of a run", sections)


def about(run: Run) -> str:
    """What the run is: data, size, quality on validation sequences."""
    settings = run.settings
    data, metrics = settings.get("data", {}), settings.get("metrics", {})
    names = {key: value.get("name") or value.get("shuffle") for key, value in data.items() if isinstance(value, dict)}
    names |= {key: value for key, value in data.items() if not isinstance(value, dict)}
    names |= {"filters": run.model.config.filters, "width": run.model.config.width, "seed": settings.get("seed")}
    rows = [(key, str(value)) for key, value in names.items()] + [(k, f"{v:.4f}") for k, v in metrics.items()]
    return html_table(pd.DataFrame(rows, columns=["run", "value"]))


def overview(table: pd.DataFrame, evidence: Evidence | None) -> str:
    """All motifs in two tables: what they look like, and what held-out sequences say."""
    if not len(table):
        return "<p>No filter of this network reads a motif.</p>"
    support = NONE if evidence is None else html_table(evidence.support) + EXPLAINED
    return html_table(table) + support


def picture(motif: Motif, known: Motif | None) -> str:
    """The logo, above that of the known motif."""
    pass
    if known is None:
        return _img(figures.logo(motif).figure, f"Logo of {motif.name}: {motif.consensus}")
    _, shift, strand = align(motif, known)
    alt = f"Logo of {motif.name}, {motif.consensus}, above that of {known.name} in JASPAR"
    return _img(logos_aligned(motif, known, shift, strand), alt)


def seen(name: str, evidence: Evidence | None) -> str:
    """Where the sites stand in held-out sequences, and some of them."""
    if evidence is None:
        return ""
    mine = evidence.sites[evidence.sites.motif == name]
    if not len(mine):
        return '<p class="note">No site is called in the held-out positives.</p>'
    reach = max(20.0, float(evidence.sites.from_middle.abs().max()))
    where = _img(profile(mine.from_middle, reach=reach).figure, f"Histogram of the distance of sites of {name}")
    best = mine.sort_values("score", ascending=False, kind="stable").head(SHOWN)
    lines = (
        f"{escape(str(r.sequence)):>12} {r.start:>6} {r.strand} {r.score:.2f}  {mark(r.bases)}"
        for r in best.itertuples()
    )
    return where + "<pre>" + "\n".join(lines) + "</pre>"


def mark(bases: str) -> str:
    """A site's capitals as <mark>.

    >>> mark("acGTtg")
    'ac<mark>GT</mark>tg'
    """
    capitals = [i for i, letter in enumerate(bases) if letter.isupper()]
    if not capitals:
        return escape(bases)
    first, end = capitals[0], capitals[-1] + 1
    return f"{escape(bases[:first])}<mark>{bases[first:end]}</mark>{escape(bases[end:])}"


def _img(figure: Figure, alt: str) -> str:
    from matplotlib import pyplot

    text = img(figure, alt)
    pyplot.close(figure)
    return text
# One HTML file that needs no other: pages of sections with figures and tables inside, for reports.
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b }
h1, h2 { line-height: 1.2 } h2 { margin-top: 2.5rem; border-top: 1px solid #ccc; padding-top: 1rem }
table { border-collapse: collapse; margin: 0.8rem 0; font-size: 0.9rem; display: block; overflow-x: auto }
th, td { padding: 0.2rem 0.7rem; text-align: right; border-bottom: 1px solid #ddd } th { background: #f4f4f4 }
th:first-child, td:first-child { text-align: left } img { max-width: 100%; height: auto }
code, pre { font-family: ui-monospace, monospace; font-size: 0.85rem } pre { overflow-x: auto }
mark { background: #ffe9a8; padding: 0 } .note { color: #555 }
"""


def html_page(title: str, sections: list[tuple[str, str]]) -> str:
    """A whole document: `title`, then each section's heading (plain text, may be empty) and body
    (HTML).

    Styles are inside and nothing is fetched: the file can be mailed, or opened without a network.

    >>> page("Report", [("Motifs", "<p>None.</p>")]).startswith("<!doctype html>")
    True
    """
    parts = [f"<section>{f'<h2>{escape(head)}</h2>' if head else ''}\n{body}\n</section>" for head, body in sections]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width">\n<title>{escape(title)}</title>'
    body = f"<h1>{escape(title)}</h1>\n" + "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head>{head}\n<style>{STYLE}</style></head>\n<body>{body}</body></html>\n'


def img(figure: Figure, alt: str, *, dpi: int = 110) -> str:
    """A figure as an <img> that holds its own PNG; `alt` says what it shows. The same figure gives
    the same text.

    >>> img(figures.logo(motif).figure, "Logo of M1")[:10]
    '<img alt="'
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{escape(alt, quote=True)}" src="data:image/png;base64,{data}">'


def html_table(frame: pd.DataFrame, *, digits: int = 3) -> str:
    """A table, without its index; text is escaped, numbers are cut to `digits` significant ones.

    >>> "<td>0.333</td>" in table(pd.DataFrame({"share": [1 / 3]}))
    True
    """
    return frame.to_html(index=False, border=0, float_format=lambda v: f"{v:.{digits}g}", na_rep="-", justify="left")
# Designs as files: designs.fa, designs.tsv with the reason of every site, report.html with a
# figure.
DESIGNS_SHOWN = 10  # designs that the report draws and tells


def write_designs(
    run: Run, folder: Path, n: int = 100, constraints: Constraints | None = None, *, ablate: bool = True, seed: int = 0
) -> Designs:
    """Design `n` sequences with a run and write designs.fa, designs.tsv and report.html into a
    folder.

    With `ablate`, the twins of `twins` are written too, named after their design. Columns of
    designs.tsv: kind (design, broken, spacing, repressor), then those of `explain`; a twin without
    any site has one row, its places empty. Raises InputError as `design`, and for a folder that
    cannot be written; then nothing is written.

    >>> write_designs(load_run("run"), Path("out"), 100)
    """
    designs = design(run.model, run.found, n, constraints, seed=seed)
    kinds = {"design": designs} | (twins(run.model, run.found, designs, seed=seed) if ablate else {})
    tables = [table_of(run, d).assign(kind=kind) for kind, d in kinds.items()]
    table = pd.concat(tables, ignore_index=True)
    table = table[["kind", *table.columns.drop("kind")]]
    html = design_page(run, kinds, table)
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


def design_page(run: Run, kinds: dict[str, Designs], table: pd.DataFrame) -> str:
    """The page: what was asked, the rules, designs drawn and told, twins."""
    import matplotlib.pyplot as plt

    designs, sections = kinds["design"], []
    c = designs.constraints
    asked = {"designs": len(designs.names), "length": c.length, "GC": c.gc,
             "forbidden words": ", ".join(c.forbid) or "-",
             "left flank": c.left or "-", "right flank": c.right or "-", "counts": str(dict(c.counts)),
             "least distance": c.apart}  # fmt: skip
    sections.append(
        ("What was asked",  html_table(pd.DataFrame(asked.items(), columns=["constraint", "value"]).astype(str)))
    )
    told = designs.rules.chosen[["rule", "logit", "gain"]].head(DESIGNS_SHOWN)
    drawn = [figures.layouts(designs, DESIGNS_SHOWN).figure, figures.twin_probabilities(kinds).figure]
    first, second = (img(f, alt) for f, alt in zip(drawn, (
        "Where the motif instances stand in the first designs", "Predicted probability of designs and of their twins"),
        strict=True))  # fmt: skip
    for figure in drawn:
        plt.close(figure)
    sections.append(("Rules that the network gave",  html_table(told)))
    left = unmentioned(run.model, designs)
    gap = (left.silenced - left.probability).abs().median()
    lines = "".join(f"<li><b>{escape(n)}</b> {escape(t)}</li>" for n, t in
                    table.drop_duplicates("design").head(DESIGNS_SHOWN)[["design", "text"]].to_numpy())  # fmt: skip
    note = f"<p>Without all that is not mentioned, the probability changes by {gap:.4f} (median).</p>"
    sections.append(("Designs", f"{first}<ul>{lines}</ul>{note}"))
    counts = pd.DataFrame([(k, len(d.names), d.probability.mean(), (d.probability > 0.5).mean())
                           for k, d in kinds.items()],
                          columns=["kind", "sequences", "mean probability", "positive"])  # fmt: skip
    sections.append(("Designs and their twins", second +  html_table(counts)))
    return html_page("Designed sequences", sections)
