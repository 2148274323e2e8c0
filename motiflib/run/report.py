"""What a run says as files: its motifs with logos and evidence, designs with their reasons."""

import re
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from motiflib.batches import examples
from motiflib.controls import twins
from motiflib.designing import Constraints, Designs, design, explain, rule_table, unmentioned
from motiflib.files import write_atomic, write_table
from motiflib.motif import Motif, align, write_meme
from motiflib.run import figures
from motiflib.run.evidence import SUPPORT_COLUMNS, Evidence, gather
from motiflib.run.folder import Run
from motiflib.run.known import jaspar, name_motifs

TOLD = 10  # designs that the report draws and tells
PAGES = Environment(loader=PackageLoader("motiflib.run", ""), autoescape=True, trim_blocks=True,
                    lstrip_blocks=True, undefined=StrictUndefined, keep_trailing_newline=True)


def table(frame: pd.DataFrame) -> Markup:
    """A table as HTML, its text escaped, numbers cut to three significant digits."""
    return Markup(frame.to_html(index=False, border=0, float_format="{:.3g}".format, na_rep="-"))


def image(png: bytes, alt: str) -> Markup:
    """A picture as an <img> that holds it; `alt` says what it shows."""
    data = b64encode(png).decode()
    return Markup('<img alt="{}" src="data:image/png;base64,{}">').format(alt, data)


def mark(bases: str) -> Markup:
    """A site's capitals as <mark>."""
    return Markup(re.sub("[A-Z]+", r"<mark>\g<0></mark>", str(escape(bases))))


PAGES.filters |= {"table": table, "image": image, "mark": mark}


def motif_table(run: Run, positives: Sequence[str] | None = None,
                negatives: Sequence[str] | None = None) -> tuple[pd.DataFrame, Evidence | None]:
    """A run's motifs, `known.name_motifs` and `evidence.support`, and all evidence: from these
    sequences (negatives: else shuffles), or the run's own, which an old one may lack."""
    names, evidence = name_motifs(run.motifs), run.evidence
    if positives is not None:
        evidence = gather(run.model, run.found, examples(positives, negatives), positives)
    if evidence is not None:
        names = names.merge(evidence.support, on="motif", how="left")
    return names, evidence


def write_motifs(run: Run, folder: Path, *letters: Sequence[str]) -> None:
    """Write motifs.meme, motifs.tsv, report.html and NAME.png, a logo, for each motif; `letters` of
    positives and negatives as `motif_table` takes them."""
    names, evidence = motif_table(run, *letters)
    rows = names.assign(contribution=run.found.table.contribution).to_dict("records")
    motifs = [row | _pictures(motif, row["jaspar_id"], evidence)
              for motif, row in zip(run.motifs, rows, strict=True)]
    files = {"motifs.tsv": names.to_csv(sep="\t", index=False, float_format="%.4g")}
    files["report.html"] = PAGES.get_template("motifs.html.j2").render(
        title="Motifs of a run", data=run.settings.get("data", {}), config=run.model.config,
        metrics=run.settings.get("metrics", {}), seed=run.settings.get("seed"), motifs=motifs,
        names=names.drop(columns=SUPPORT_COLUMNS[1:], errors="ignore"), evidence=evidence)
    for motif in run.motifs:
        figure = Figure(figsize=(1 + 0.35 * motif.width, 1.7), layout="constrained")
        figures.logo(motif, figure.subplots())
        files[f"{motif.name}.png"] = figures.png(figure, dpi=150)
    write_meme(folder / "motifs.meme", run.motifs)
    for name, content in files.items():
        write_atomic(folder / name, content)


def _pictures(motif: Motif, known: str, evidence: Evidence | None) -> dict:
    """A motif's logo above that of the known one, where its sites stand, the best of them."""
    known = jaspar(known)
    logo = figures.png(figures.logos_aligned(motif, known, *align(motif, known)[1:]))
    if evidence is None or motif.name not in set(evidence.sites.motif):
        return {"logo": logo, "places": None}
    mine = evidence.sites[evidence.sites.motif == motif.name]
    best = mine.sort_values("score", ascending=False, kind="stable").head(12)
    reach = max(20.0, float(evidence.sites.from_middle.abs().max()))
    places = figures.png(figures.profile(mine.from_middle, reach).figure)
    return {"logo": logo, "places": places, "examples": best.to_dict("records")}


def write_designs(run: Run, folder: Path, n: int, constraints: Constraints, *, ablate: bool,
                  seed: int) -> None:
    """Design `n` sequences with a run and write designs.fa, designs.tsv and report.html; after an
    InputError nothing is written. With `ablate`, controls.fa too, the twins of `controls.twins`.
    Columns of designs.tsv: kind (design or that of a twin), then those of `designing.explain`; a
    twin without any site has one row, its places empty."""
    designs = design(run.model, run.found, n, constraints, seed=seed)
    kinds = {"design": designs}
    if ablate:
        kinds |= twins(run.model, run.found, designs, seed=seed)
    told = {kind: _reasons(run, made) for kind, made in kinds.items()}
    reasons = pd.concat(told, names=["kind"]).reset_index("kind")
    left = unmentioned(run.model, designs)
    page = PAGES.get_template("designs.html.j2").render(
        title="Designed sequences", asked=designs.constraints, kinds=kinds,
        rules=rule_table(designs.rules).head(TOLD),
        layouts=figures.png(figures.layouts(designs, TOLD).figure),
        told=reasons.drop_duplicates("design").head(TOLD).to_dict("records"),
        gap=(left.silenced - left.probability).abs().median(),
        twins=figures.png(figures.twin_probabilities(kinds).figure))
    others = [record for kind in kinds if kind != "design" for record in kinds[kind].records]
    for name, records in {"designs.fa": designs.records, "controls.fa": others}.items():
        text = "".join(f">{name}\n{letters}\n" for name, letters in records)
        if text or name == "designs.fa":
            write_atomic(folder / name, text)
    write_table(reasons, folder / "designs.tsv")
    write_atomic(folder / "report.html", page)


def _reasons(run: Run, designs: Designs) -> pd.DataFrame:
    """`explain`, with a row for designs that have no site left."""
    told = [explain(run.model, designs)] if len(designs.sites) else []
    left = pd.DataFrame({"design": designs.names, "probability": designs.probability})
    left = left[~left.design.isin(designs.sites.design)]
    if len(left):
        texts = [f"Predicted {p:.3f}: no motif instance is left." for p in left.probability]
        told.append(left.assign(text=texts))
    return pd.concat(told)
