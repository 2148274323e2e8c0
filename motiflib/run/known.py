"""The known motif that each is most like: JASPAR by name, TOMTOM."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from functools import lru_cache

import numpy as np
import pandas as pd
import torch

from motiflib.files import InputError, need, place_for_compiled
from motiflib.motif import Motif, correlation_at

log = logging.getLogger(__name__)
TAXA = "vertebrates fungi insects nematodes plants urochordates diatoms".split()
HEADS = """SELECT m.ID, BASE_ID, VERSION, NAME, VAL FROM MATRIX m LEFT JOIN MATRIX_ANNOTATION a
    ON a.ID = m.ID AND TAG = 'tax_group' WHERE COLLECTION = 'CORE'"""
NEAR = 0.05  # p-value, corrected for the number of targets (Bonferroni), up to which one is named
UNKNOWN = "no known motif"
TOMTOM_COLUMNS = "motif jaspar_id jaspar_name p_value offset strand correlation".split()


def name_motifs(motifs: list[Motif], *, targets: list[Motif] | None = None,
                taxon: str = "all") -> pd.DataFrame:
    """The nearest JASPAR motif of each, of a `taxon` (TAXA, or "all") or of `targets`: columns
    motif, consensus, length, information_bits, sites; then those of `tomtom`.

    Where p_value times the number of targets is above NEAR, jaspar_id is "" and jaspar_name UNKNOWN
    (p_value and correlation stay those of the nearest). InputError for a taxon that is not there.

    >>> name_motifs([jaspar("ABF1")]).jaspar_id[0]
    'MA0265.3'
    """
    targets = jaspar_collection(taxon) if targets is None else targets
    columns = ["motif", "consensus", "length", "information_bits", "sites"]
    rows = [(m.name, m.consensus, m.width, round(m.information_bits, 2), m.sites) for m in motifs]
    best = tomtom(motifs, targets).drop(columns=["offset", "strand"])
    far = best.p_value * len(targets) > NEAR
    best.loc[far, ["jaspar_id", "jaspar_name"]] = "", UNKNOWN
    return pd.DataFrame(rows, columns=columns).merge(best, on="motif", how="left")


def jaspar(id_or_name: str) -> Motif:
    """A JASPAR 2026 CORE motif by full id, which its `source` is, base id (its latest version) or
    name in any case (of several, vertebrates come first, then the lowest id); or InputError.

    >>> jaspar("MA0138").source
    'MA0138.3'
    """
    wanted = id_or_name.strip().upper()
    for base, _, motif in _jaspar_tables().values():
        if wanted in (motif.source, base, motif.name.upper()):
            return motif
    raise InputError(f"JASPAR2026: no motif with id or name {id_or_name!r}; check the spelling")


def jaspar_collection(taxon: str = "vertebrates") -> list[Motif]:
    """The latest version of every JASPAR 2026 CORE motif of a taxon (TAXA, or "all")."""
    need(taxon in (*TAXA, "all"),
         f"JASPAR: unknown taxon {taxon!r}; choose one of {', '.join(TAXA)}, all")
    newest: dict[str, Motif] = {}
    for base, group, motif in _jaspar_tables().values():
        if taxon in ("all", group):
            newest.setdefault(base, motif)
    return list(newest.values())


@lru_cache(maxsize=1)
def _jaspar_tables() -> dict[str, tuple[str, str, Motif]]:
    """Base id, taxon, motif by full id; vertebrates first, then by base id, newest first."""
    from pyjaspar import jaspardb

    # pyjaspar's own fetch_motifs runs six queries a motif: 7 s for what takes 0.3 s here
    with closing(jaspardb(release="JASPAR2026").conn) as database:
        heads = database.execute(HEADS).fetchall()
        cells = database.execute("SELECT ID, val FROM MATRIX_DATA ORDER BY ID, row, col").fetchall()
    counts = defaultdict(list)
    for key, value in cells:  # a key's values come row by row, A C G T
        counts[key].append(value)
    order = {taxon: i for i, taxon in enumerate(TAXA)}
    heads.sort(key=lambda head: (order.get(head[4], 99), head[1], -head[2]))
    tables = {}
    for key, base, version, name, taxon in heads:
        matrix, source = np.array(counts[key]).reshape(4, -1), f"{base}.{version}"
        total = matrix.sum(axis=0)
        motif = Motif(name, matrix / total, source, round(float(total.max())))
        tables[source] = (base, taxon, motif)
    return tables


def tomtom(queries: Sequence[Motif], targets: Sequence[Motif] | None = None,
           top: int = 1) -> pd.DataFrame:
    """The `top` targets most similar to each query by TOMTOM (Gupta et al. 2007), best first.

    Columns: motif; jaspar_id, jaspar_name, source and name of the target (by default, of JASPAR
    vertebrates); p_value of the pair, not corrected for the number of targets; offset, the target
    column under the first one of the query, which is turned round first where strand is "-";
    correlation there. Flanks below 0.3 bits are not compared; all below, p_value is 1. Below 25
    targets memelite warns that p-values say little; for none, InputError.
    """
    targets = jaspar_collection() if targets is None else list(targets)
    need(targets, "tomtom: no targets to compare with; leave them out to compare with JASPAR")
    if not queries:
        return pd.DataFrame(columns=TOMTOM_COLUMNS)
    log.info("TOMTOM: %d motifs against %d; the first time, compiling takes a minute",
             len(queries), len(targets))
    place_for_compiled("memelite")
    import memelite  # brings numba, which is slow to import

    pfms = [query.trim().pfm for query in queries], [target.pfm for target in targets]
    threads = torch.get_num_threads()
    p_values, scores, offsets, _, strands = memelite.tomtom(*pfms, n_jobs=1)  # (queries, targets)
    torch.set_num_threads(threads)  # numba gives them back as many as there are cores
    rows = []
    for q, query in enumerate(queries):
        p = p_values[q] if query.information.max() >= 0.3 else np.ones(len(targets))
        for t in np.lexsort((-scores[q], p))[:top]:
            place = _turned_query(query, targets[t], int(offsets[q, t]), bool(strands[q, t]))
            rows.append((query.name, targets[t].source, targets[t].name, float(p[t]), *place))
    return pd.DataFrame(rows, columns=TOMTOM_COLUMNS)


def _turned_query(query: Motif, target: Motif, offset: int, turned: bool) -> tuple:
    """Offset, strand, correlation; memelite turns the target where strands differ, we the query."""
    first, end = query.core()
    shown, sign = query.slice(first, end), "+"
    if turned:
        offset, sign = target.width - offset - shown.width, "-"
        shown, first = shown.reverse_complement(), query.width - end
    return offset - first, sign, correlation_at(shown.pfm, target.pfm, offset)
