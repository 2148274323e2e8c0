"""Names of real data sets to verified local files, and to tables of sequences.

A file is looked for in the folder named by the environment variable MOTIFLIB_DATA, then in the
user's cache, then downloaded; whatever is found must have the sha256 of `data/registry.tsv`. No
data set is stored in the package.
"""

from __future__ import annotations

import difflib
import io
import logging
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from motiflib.files import InputError, read_lines, sha256
from motiflib.genome.fasta import cache_folder
from motiflib.genome.peaks import on_genome, read_intervals
from motiflib.sequence import read_fasta

log = logging.getLogger(__name__)
CONNECT_S, READ_S = 5, 30  # seconds to wait for a server, and for its next bytes
RETRY_S = 60  # a host that failed is left alone for so long: a book without network builds quickly
_failed: dict[str, tuple[float, str]] = {}  # host: when, why


class DataMissing(InputError):
    """A known file that is not in MOTIFLIB_DATA, nor in the cache, nor to be downloaded now."""


@dataclass(frozen=True, eq=False)
class About:
    name: str
    description: str
    citation: str
    licence: str


@dataclass(frozen=True, eq=False)
class Dataset(About):
    """A data set for a two-class task; `train` and `test` have columns name, sequence, label (1
    bound, 0 not). `train` may hold positives only."""

    train: pd.DataFrame = field(repr=False)
    test: pd.DataFrame = field(repr=False)


@dataclass(frozen=True, eq=False)
class GenomeDataset(About):
    """A genome (path of its FASTA), the lengths of its chromosomes, places to leave out, and peaks
    by factor; tables as of `genome.peaks.read_intervals`, in the genome's names of chromosomes."""

    genome: Path
    chroms: dict[str, int] = field(repr=False)
    blacklist: pd.DataFrame = field(repr=False)
    peaks: dict[str, pd.DataFrame] = field(repr=False)


@dataclass(frozen=True, eq=False)
class VariantDataset(About):
    """Measured variants: columns element, release, chrom, pos (1-based), ref, alt ("" is a
    deletion), barcodes, coefficient (log2 of expression, alternative over reference), p_value; rows
    without a position are left out."""

    variants: pd.DataFrame = field(repr=False)

    def element(self, name: str, release: str = "GRCh37") -> tuple[pd.DataFrame, str]:
        """Variants of an element, and its reference sequence rebuilt from their `ref`; N where none
        was measured. `pos` is counted from the element's first base, 1.

        Raises InputError: an unknown element or release.
        """
        mine = self.variants[(self.variants.element == name) & (self.variants.release == release)]
        if mine.empty:
            known = f"choose one of {', '.join(sorted(set(self.variants.element)))}"
            raise InputError(f"no element {name!r} on {release!r}; {known}, on GRCh37 or GRCh38")
        mine = mine.assign(place=mine.pos, pos=mine.pos - mine.pos.min() + 1)
        letters = dict(zip(mine.pos, mine.ref, strict=True))
        sequence = "".join(letters.get(pos, "N") for pos in range(1, mine.pos.max() + 1))
        return mine.reset_index(drop=True), sequence


def data_path(*parts: str) -> Path:
    """Path of a file or folder of the package's own data (grammars, the registry, trained models),
    whether or not it exists: in a checkout `data/`, in an installed wheel `motifbook/_data/`.

    >>> data_path("registry.tsv").name
    'registry.tsv'
    """
    here = Path(__file__).resolve().parent
    packed = here / "_data"
    return (packed if packed.is_dir() else here.parents[1] / "data").joinpath(*parts)


def registry() -> pd.DataFrame:
    """The table of known files, one row each.

    Columns: file (path below MOTIFLIB_DATA), dataset, split (train, test, fifth = every fifth
    record is test; genome, sizes, blacklist, peaks of a genome; variants), label (1, 0, column = in
    the file, -), bytes, sha256, records, url, licence, citation, description.

    >>> int(registry().set_index("file").loc["encode101/REST_B.seq.gz", "records"])
    1000
    """
    return pd.read_csv(data_path("registry.tsv"), sep="\t", dtype={"label": str})


def fetch(file: str) -> Path:
    """Local path of a file of the registry, from MOTIFLIB_DATA, else the cache, else downloaded.

    Raises InputError: a file that the registry does not know, or one whose sha256 is wrong.
    DataMissing: it cannot be had; says where it was looked for.

    >>> fetch("encode101/REST_B.seq")
    Traceback (most recent call last):
    motiflib.files.InputError: unknown data file ...; did you mean encode101/REST_B.seq.gz...
    """
    known = registry().set_index("file")
    if file not in known.index:
        near = difflib.get_close_matches(file, known.index, 3)
        near = ", ".join(near) or "see motifbook.datasets.registry()"
        raise InputError(f"unknown data file {file!r}; did you mean {near}?")
    right, folder = known.sha256[file], os.environ.get("MOTIFLIB_DATA")
    local = Path(folder or "", file)
    if not folder or not local.is_file():
        return _from_cache(file, known, f"not in MOTIFLIB_DATA ({folder or 'not set'})")
    if sha256(local) != right:
        hashes = f"sha256 {sha256(local)[:12]}…, expected {right[:12]}…"
        wrong = f"its content is not what the registry says ({hashes}); replace the file"
        raise InputError(f"{local}: refused, {wrong}")
    return local


def _from_cache(file: str, known: pd.DataFrame, looked: str) -> Path:
    """A file from the cache, where pooch puts what it downloads, if the hash is right; never into
    MOTIFLIB_DATA, which is the user's own (so pooch must not know of it as its `env`)."""
    import pooch

    pooch.get_logger().setLevel("WARNING")
    hashes, urls = known.sha256.to_dict(), known.url.to_dict()
    store = pooch.create(cache_folder(), "", registry=hashes, urls=urls)
    try:
        return Path(store.fetch(file, downloader=_download))
    except ValueError as error:  # what pooch raises for a wrong hash
        wrong = "its sha256 is not the registry's; report it to the authors"
        raise InputError(f"{urls[file]}: refused, {wrong}") from error
    except OSError as error:
        path, host = cache_folder() / file, urls[file].split("/")[2]
        where = f"{looked}, not in {path.parent}, and not to be had from {host} ({error})"
        advice = "connect to the network, or put the file into MOTIFLIB_DATA"
        raise DataMissing(f"{path.name}: {where}; {advice}") from error


def _download(url: str, output: object, store: object) -> None:
    """By HTTP with timeouts; a host that was not reached is not asked again for a while."""
    import pooch

    host = url.split("/")[2]
    when, why = _failed.get(host, (-RETRY_S, ""))
    if time.monotonic() - when <= RETRY_S:
        raise OSError(why)
    log.info("downloading %s to %s", url, cache_folder())
    try:
        pooch.HTTPDownloader(timeout=(CONNECT_S, READ_S))(url, output, store)
    except OSError as error:  # includes all that requests raises
        if getattr(error, "response", None) is not None:
            raise OSError(f"HTTP {error.response.status_code}") from error
        _failed[host] = time.monotonic(), type(error).__name__
        raise OSError(type(error).__name__) from error


def available(name: str) -> bool:
    """Whether `load(name)` would work now; downloads what is missing, and never raises.

    >>> available("no-such-data")
    False
    """
    try:
        for file in _rows(name).file:
            fetch(file)
    except InputError as error:
        log.info("%s is not available: %s", name, error)
        return False
    return True


def load(name: str) -> Dataset | GenomeDataset | VariantDataset:
    """A named data set as tables; its files are fetched when they are not there yet.

    Most are a `Dataset` of sequences, "yeast-rossi2021" is a `GenomeDataset`, "satmut-kircher2019"
    a `VariantDataset`. Raises InputError: an unknown name, and what `fetch` raises.

    >>> load("rest")
    Traceback (most recent call last):
    motiflib.files.InputError: unknown data set 'rest'; choose one of rest-gm12878, ...
    """
    rows = _rows(name)
    about = rows.iloc[0][["dataset", "description", "citation", "licence"]]
    kind = {"genome": _genome, "variants": _variants}.get(rows.split.iloc[0], _sequences)
    return kind(rows, tuple(about))


def _rows(name: str) -> pd.DataFrame:
    table = registry()
    rows = table[table.dataset == name]
    if rows.empty:
        known = ", ".join(dict.fromkeys(table.dataset))
        raise InputError(f"unknown data set {name!r}; choose one of {known}")
    return rows


def _sequences(rows: pd.DataFrame, about: tuple) -> Dataset:
    tables = []
    for row in rows.itertuples():
        table = _read_table(fetch(row.file), row.label)
        held_out = table.index % 5 == 4 if row.split == "fifth" else row.split == "test"
        tables.append(table.assign(held_out=held_out))
    table = pd.concat(tables)
    test = table.pop("held_out")
    return Dataset(*about, *(table[part].reset_index(drop=True) for part in (~test, test)))


def _genome(rows: pd.DataFrame, about: tuple) -> GenomeDataset:
    files = {split: [fetch(file) for file in mine] for split, mine in rows.groupby("split").file}
    sizes = pd.read_csv(files["sizes"][0], sep="\t", names=["chrom", "length"])
    chroms = dict(zip(sizes.chrom, sizes.length.astype(int), strict=True))
    listed = on_genome(read_intervals(files["blacklist"][0]), chroms, rename=True, some=True)
    listed = listed.reset_index(drop=True)
    peaks = {p.stem: on_genome(read_intervals(p), chroms, rename=True) for p in files["peaks"]}
    return GenomeDataset(*about, files["genome"][0], chroms, listed, peaks)


def _variants(rows: pd.DataFrame, about: tuple) -> VariantDataset:
    table = pd.read_csv(fetch(rows.file.iloc[0]), sep="\t", dtype={"Chrom": str})
    table = table.rename(columns=str.lower).rename(columns={"pvalue": "p_value"})
    table = table.dropna(subset=["pos"]).astype({"pos": int})
    table = table.assign(alt=table.alt.replace("-", ""))
    order = "element release chrom pos ref alt barcodes coefficient p_value".split()
    return VariantDataset(*about, table[order].reset_index(drop=True))


def _read_table(path: Path, label: str) -> pd.DataFrame:
    """Records of one file as name, sequence, label; `label` is that of all records, or "column"."""
    if path.suffix == ".fa":
        return pd.DataFrame(read_fasta(path), columns=["name", "sequence"]).assign(label=int(label))
    text = io.StringIO("".join(read_lines(path)))
    if path.suffix == ".gz":
        table = pd.read_csv(text, sep="\t")  # FoldID, EventID, seq, Bound
        table = table.rename(columns={"EventID": "name", "seq": "sequence", "Bound": "label"})
    else:
        table = pd.read_csv(text, sep="\t", names=["sequence", "label"])
        table["name"] = [f"{path.stem}_{i + 1:04d}" for i in range(len(table))]
    return table.assign(sequence=table.sequence.str.upper())[["name", "sequence", "label"]]
