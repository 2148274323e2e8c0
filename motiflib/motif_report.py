"""One HTML file about a run's motifs: logo, evidence, the known motif most like it, sites, and where they stand."""

from __future__ import annotations

from html import escape

import pandas as pd
from matplotlib.figure import Figure

from motiflib import html, runs
from motiflib.discovery import align
from motiflib.motif import Motif, jaspar
from motiflib.motif_evidence import Evidence

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


def report(run: runs.Run, table: pd.DataFrame, evidence: Evidence | None) -> str:
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
    return html.page("Motifs of a run", sections)


def about(run: runs.Run) -> str:
    """What the run is: data, size, quality on validation sequences."""
    settings = run.settings
    data, metrics = settings.get("data", {}), settings.get("metrics", {})
    names = {key: value.get("name") or value.get("shuffle") for key, value in data.items() if isinstance(value, dict)}
    names |= {key: value for key, value in data.items() if not isinstance(value, dict)}
    names |= {"filters": run.model.config.filters, "width": run.model.config.width, "seed": settings.get("seed")}
    rows = [(key, str(value)) for key, value in names.items()] + [(k, f"{v:.4f}") for k, v in metrics.items()]
    return html.table(pd.DataFrame(rows, columns=["run", "value"]))


def overview(table: pd.DataFrame, evidence: Evidence | None) -> str:
    """All motifs in two tables: what they look like, and what held-out sequences say."""
    if not len(table):
        return "<p>No filter of this network reads a motif.</p>"
    support = NONE if evidence is None else html.table(evidence.support) + EXPLAINED
    return html.table(table) + support


def picture(motif: Motif, known: Motif | None) -> str:
    """The logo, above that of the known motif."""
    from motiflib import plots
    from motiflib.plots.discovery import logos_aligned

    if known is None:
        return _img(plots.logo(motif).figure, f"Logo of {motif.name}: {motif.consensus}")
    _, shift, strand = align(motif, known)
    alt = f"Logo of {motif.name}, {motif.consensus}, above that of {known.name} in JASPAR"
    return _img(logos_aligned(motif, known, shift, strand), alt)


def seen(name: str, evidence: Evidence | None) -> str:
    """Where the sites stand in held-out sequences, and some of them."""
    from motiflib.plots.discovery import profile

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

    text = html.img(figure, alt)
    pyplot.close(figure)
    return text
