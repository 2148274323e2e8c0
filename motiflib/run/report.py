"""What a run says as files: its motifs with logos and evidence, designs with their reasons."""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from motiflib import __version__
from motiflib.batches import examples
from motiflib.controls import twins
from motiflib.designing import Constraints, Designs, Rules, design, explain, loose, unmentioned
from motiflib.files import write_atomic, write_table
from motiflib.motif import Motif, align, write_meme
from motiflib.run import figures
from motiflib.run.evidence import SUPPORT_COLUMNS, Evidence, gather
from motiflib.run.folder import Run, all_or_none
from motiflib.run.known import jaspar, jaspar_collection, name_motifs
from motiflib.sequence import Record, records_of, write_fasta
from motiflib.syntax import ARRANGEMENT, WAYS, distances

TOLD = 10  # designs that the report draws and tells
PAIRS = 10  # pairs of sites, fewer of which say nothing of their motifs
PAGES = Environment(loader=PackageLoader("motiflib.run", ""), autoescape=True, trim_blocks=True,
                    lstrip_blocks=True, undefined=StrictUndefined, keep_trailing_newline=True)


def table(frame: pd.DataFrame) -> Markup:
    """A table as HTML that scrolls, its text escaped, numbers cut to three significant digits."""
    text = frame.to_html(index=False, border=0, float_format="{:.3g}".format, na_rep="-")
    return Markup(f'<div class="wide">{text}</div>')


def image(png: bytes, alt: str) -> Markup:
    """A picture as an <img> that holds it; `alt` says what it shows."""
    data = b64encode(png).decode()
    return Markup('<img alt="{}" src="data:image/png;base64,{}">').format(alt, data)


def mark(bases: str) -> Markup:
    """A site's capitals as <mark>."""
    return Markup(re.sub("[A-Z]+", r"<mark>\g<0></mark>", str(escape(bases))))


def words(value: object) -> str:
    """What train.json says of a part of its data, in words."""
    if not isinstance(value, Mapping):
        return (", ".join(map(str, value)) if isinstance(value, list) else str(value)) or "-"
    size = "{shortest} to {longest}"
    if value.get("shortest") == value.get("longest"):
        size = "{longest}"
    facts = {"shuffle": "the positives, shuffled ({shuffle})", "name": "{name}",
             "sequences": "{sequences} sequences", "longest": f"{size} bp long"}
    return ", ".join(text.format_map({"shortest": "?"} | dict(value))
                     for fact, text in facts.items() if fact in value)


PAGES.filters |= {"table": table, "image": image, "mark": mark, "words": words}


def page(template: str, run: Run, name: str, **told) -> str:
    """A page of a run, whose folder has this name: with the day, the version, and its warnings."""
    return PAGES.get_template(template).render(
        run=name, day=date.today().isoformat(), version=__version__,
        warnings=run.settings.get("warnings", []), **told)


def motif_table(run: Run, positives: Sequence[Record | str] | None = None,
                negatives: Sequence[Record | str] | None = None, *,
                taxon: str = "all") -> tuple[pd.DataFrame, Evidence | None]:
    """A run's motifs, `known.name_motifs` (of a taxon) and `evidence.support`, and all evidence:
    from these sequences (negatives: else shuffles), or the run's own, which an old one may lack."""
    names, evidence = name_motifs(run.motifs, targets=jaspar_collection(taxon)), run.evidence
    if positives is not None:
        ours, letters = list(records_of(positives)), None
        if negatives is not None:
            letters = [record.sequence for record in records_of(negatives)]
        held = examples([record.sequence for record in ours], letters)
        evidence = gather(run.model, run.found, held, ours)
    if evidence is not None:
        names = names.merge(evidence.support, on="motif", how="left")
    return names, evidence


def halves(sites: pd.DataFrame, known: Mapping[str, str] | None = None) -> list[str]:
    """A sentence for each two motifs that read one site, told by `evidence.sites`.

    They do if, in the sequences that list both, half of the sites of either or more have the other
    in one order, on the same strands, at one distance, give or take 1; at any, where `known`, such
    as a JASPAR id by motif, is the same for both. Fewer than PAIRS of them say nothing.

    >>> halves(run.evidence.sites, {"M1": "MA0138.3", "M2": "MA0138.3"})
    ['M1 and M2 stand 12 to 25 bp from start to start, facing each other, in 100% of ...
    """
    told, pairs, known = [], distances(sites), known or {}
    pairs = pairs[pairs.motif_a != pairs.motif_b]
    for (a, strand_a, b, strand_b), mine in pairs.groupby(ARRANGEMENT, sort=False):
        listed = [set(sites.sequence[sites.motif == motif]) for motif in (a, b)]
        both = sites[sites.sequence.isin(listed[0] & listed[1])].motif.value_counts()[[a, b]].max()
        near = [mine[mine.distance.sub(at).abs() <= 1] for at in mine.distance.unique()]
        ways = [max(near, key=len)] + [mine] * bool(known.get(a) and known[a] == known.get(b))
        for part in ways:
            count = part[["call_a", "call_b"]].nunique().min()
            if count >= max(PAIRS, both / 2):
                low, high, at = part.distance.min(), part.distance.max(), part.distance.mode()[0]
                where = at if high - low <= 2 else f"{low} to {high}"
                way = WAYS.get(strand_a + strand_b)
                told.append(f"{a} and {b} stand {where} bp from start to start, {way}, in "
                            f"{count / both:.0%} of the sites in sequences with both: two halves "
                            "of one site")
                break
    return told


def write_motifs(run: Run, folder: Path, *letters: Sequence[Record | str], taxon: str = "all",
                 name: str = "-") -> pd.DataFrame:
    """Write motifs.meme, motifs.tsv (returned), report.html and NAME.png, a logo, for each motif;
    `letters` of positives and negatives, and `taxon`, as `motif_table` takes them; `name` is the
    run's."""
    names, evidence = motif_table(run, *letters, taxon=taxon)
    rows = names.assign(contribution=run.found.table.contribution).to_dict("records")
    logos = [figures.logo_png(motif) for motif in run.motifs]
    motifs = [row | _pictures(motif, row["jaspar_id"], logo, evidence)
              for motif, row, logo in zip(run.motifs, rows, logos, strict=True)]
    known = dict(zip(names.motif, names.jaspar_id, strict=True))
    files = {f"{motif.name}.png": logo for motif, logo in zip(run.motifs, logos, strict=True)}
    files["motifs.tsv"] = names.to_csv(sep="\t", index=False, float_format="%.4g")
    files["report.html"] = page(
        "motifs.html.j2", run, name, title="Motifs of a run", data=run.settings.get("data", {}),
        config=run.model.config, metrics=run.settings.get("metrics", {}),
        seed=run.settings.get("seed"), held=run.settings.get("validation_sequences"),
        motifs=motifs, names=names.drop(columns=SUPPORT_COLUMNS[1:], errors="ignore"),
        evidence=evidence, halves=[] if evidence is None else halves(evidence.sites, known))
    with all_or_none(folder) as place:
        write_meme(place / "motifs.meme", run.motifs)
        for file, content in files.items():
            write_atomic(place / file, content)
    return names


def _pictures(motif: Motif, known: str, logo: bytes, evidence: Evidence | None) -> dict:
    """A motif's logo, above that of a known one, where its sites stand, the best of them."""
    if known:
        match = jaspar(known)
        logo = figures.png(figures.logos_aligned(motif, match, *align(motif, match)[1:]))
    if evidence is None or motif.name not in set(evidence.sites.motif):
        return {"logo": logo, "places": None}
    mine = evidence.sites[evidence.sites.motif == motif.name]
    best = mine.sort_values("score", ascending=False, kind="stable").head(12)
    reach = max(20.0, float(evidence.sites.from_middle.abs().max()))
    places = figures.png(figures.profile(mine.from_middle, reach).figure)
    return {"logo": logo, "places": places, "examples": best.to_dict("records")}


def write_designs(run: Run, folder: Path, n: int, constraints: Constraints, *, ablate: bool,
                  seed: int, name: str = "-") -> None:
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
    text = page(
        "designs.html.j2", run, name, title="Designed sequences", asked=designs.constraints,
        kinds=kinds, rules=rule_table(designs.rules).head(TOLD),
        layouts=figures.png(figures.layouts(designs, TOLD).figure),
        told=told["design"].drop_duplicates("design").head(TOLD).to_dict("records"),
        gap=(left.silenced - left.probability).abs().median(),
        twins=figures.png(figures.twin_probabilities(kinds).figure))
    others = [record for kind in kinds if kind != "design" for record in kinds[kind].records]
    with all_or_none(folder) as place:
        for file, records in {"designs.fa": designs.records, "controls.fa": others}.items():
            if records:
                write_fasta(place / file, records)
        write_table(reasons, place / "designs.tsv")
        write_atomic(place / "report.html", text)


def rule_table(rules: Rules) -> pd.DataFrame:
    """The chosen rules, best first, those that differ in a distance which hardly counts as one:
    columns rule, logit, gain of the best of them."""
    free = loose(rules)
    said = [f"{rule.partition(',')[0]}, {free[rule]}" if rule in free else rule
            for rule in rules.chosen.rule]
    return rules.chosen.assign(rule=said)[["rule", "logit", "gain"]].drop_duplicates("rule")


def _reasons(run: Run, designs: Designs) -> pd.DataFrame:
    """`explain`, with a row for designs that have no site left."""
    told = [explain(run.model, designs)] if len(designs.sites) else []
    left = pd.DataFrame({"design": designs.names, "probability": designs.probability})
    left = left[~left.design.isin(designs.sites.design)]
    if len(left):
        texts = [f"Predicted {p:.3f}: no motif instance is left." for p in left.probability]
        told.append(left.assign(text=texts))
    return pd.concat(told)
