"""Names of real data sets to verified local files, and to tables of sequences.

A file is looked for in the folder named by the environment variable MOTIFLIB_DATA, then in the
user's cache, then downloaded; whatever is found must have the sha256 of `data/registry.tsv`. No
data set is stored in the package.
"""

from __future__ import annotations

import difflib
import hashlib
import io
import logging
import os
import time
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import pandas as pd

from motiflib.files import InputError, read_lines
from motiflib.genome.fasta import cache_folder
from motiflib.genome.peaks import on_genome, read_intervals
from motiflib.sequence import read_fasta

log = logging.getLogger(__name__)
COLUMNS = ["name", "sequence", "label"]
CONNECT_S, READ_S = 5, 30  # seconds to wait for a server, and for its next bytes
RETRY_S = 60  # a download that failed is not tried again for so long, so that a book without network builds quickly
_failed: dict[str, tuple[float, str]] = {}


class DataMissing(InputError):
    """A known file that cannot be had: not in MOTIFLIB_DATA, not in the cache, and not to be
    downloaded now."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set for a two-class task; `train` and `test` have columns name, sequence, label (1
    bound, 0 not).

    `train` may hold positives only: make negatives with `motiflib.sequence.shuffle`.
    """

    name: str
    description: str
    citation: str
    licence: str
    train: pd.DataFrame = field(repr=False)
    test: pd.DataFrame = field(repr=False)


@dataclass(frozen=True, eq=False)
class GenomeDataset:
    """A genome (path of its FASTA), the lengths of its chromosomes, places to leave out, and peaks
    by factor.

    `blacklist` and the tables in `peaks` are those of `intervals.read_intervals`, in the genome's
    names of chromosomes.
    """

    name: str
    description: str
    citation: str
    licence: str
    genome: Path
    chroms: dict[str, int] = field(repr=False)
    blacklist: pd.DataFrame = field(repr=False)
    peaks: dict[str, pd.DataFrame] = field(repr=False)


@dataclass(frozen=True, eq=False)
class VariantDataset:
    """Measured variants: columns element, release, chrom, pos (1-based), ref, alt ("" is a
    deletion), barcodes, coefficient (log2 of expression, alternative over reference), p_value; rows
    without a position are left out."""

    name: str
    description: str
    citation: str
    licence: str
    variants: pd.DataFrame = field(repr=False)

    def element(self, name: str, release: str = "GRCh37") -> tuple[pd.DataFrame, str]:
        """Variants of an element, and its reference sequence rebuilt from their `ref`; N where none
        was measured.

        `pos` is counted from the element's first base, 1. InputError for an unknown element or
        release.

        >>> table, sequence = load("satmut-kircher2019").element("TERT-GBM")
        """
        mine = self.variants[(self.variants.element == name) & (self.variants.release == release)]
        if mine.empty:
            known = ", ".join(sorted(set(self.variants.element)))
            raise InputError(f"no element {name!r} on {release!r}; choose one of {known}, on GRCh37 or GRCh38")
        first = mine.pos.min()
        letters = dict(zip(mine.pos - first, mine.ref, strict=True))
        sequence = "".join(letters.get(i, "N") for i in range(mine.pos.max() - first + 1))
        return mine.assign(place=mine.pos, pos=mine.pos - first + 1).reset_index(drop=True), sequence


def registry() -> pd.DataFrame:
    """The table of known files, one row each.

    Columns: file (path below MOTIFLIB_DATA), dataset, split (train, test, fifth = every fifth
    record is test; genome, sizes, blacklist, peaks of a genome; variants), label (1, 0, column = in
    the file, -), bytes, sha256, records, url, licence, citation, description.

    Raises:
        InputError: the package's own registry is missing.

    Example:
        >>> registry().set_index("file").loc["encode101/REST_B.seq.gz", "records"]
        1000
    """
    return _read_registry(data_path("registry.tsv")).copy()


def names() -> list[str]:
    """Names that `load` knows, in the order of the registry.

    Example:
        >>> "rest-gm12878" in names()
        True
    """
    return list(dict.fromkeys(registry().dataset))


def fetch(file: str) -> Path:
    """Local path of a file of the registry, verified: from MOTIFLIB_DATA, else the cache, else
    downloaded to the cache.

    Raises:
        InputError: a file that the registry does not know, or one in MOTIFLIB_DATA whose sha256 is
        wrong. DataMissing: it is nowhere and cannot be downloaded; says where it was looked for.

    Example:
        >>> fetch("yeast/sacCer3.fa.gz").name
        'sacCer3.fa.gz'
    """
    table = registry().set_index("file")
    if file not in table.index:
        near = difflib.get_close_matches(file, table.index, 3) or ["see motifbook.datasets.registry()"]
        raise InputError(f"unknown data file {file!r}; did you mean {', '.join(near)}?")
    row, folder = table.loc[file], os.environ.get("MOTIFLIB_DATA")
    local = Path(folder, file) if folder else None
    if local is not None and local.is_file():
        _verify(local, row.sha256)
        return local
    cached = cache_folder() / file
    if cached.is_file() and _sha256(cached) == row.sha256:
        return cached
    return _download(row.url, row.sha256, cached, f"not in MOTIFLIB_DATA ({folder or 'not set'})")


def load(name: str) -> Dataset | GenomeDataset | VariantDataset:
    """A named data set as tables; its files are fetched when they are not there yet.

    Most are a `Dataset` of sequences, "yeast-rossi2021" is a `GenomeDataset`, "satmut-kircher2019"
    a `VariantDataset`.

    Raises:
        InputError: an unknown name (the message lists the known ones), or a file whose sha256 is
        wrong. DataMissing: a file cannot be had.

    Example:
        >>> rest = load("rest-gm12878")
        >>> len(rest.train), rest.test.label.value_counts().to_dict()
        (6406, {1: 500, 0: 500})
    """
    rows = _rows(name)
    if rows.split.iloc[0] == "genome":
        return _genome(rows)
    if rows.split.iloc[0] == "variants":
        return _variants(rows)
    parts: dict[str, list[pd.DataFrame]] = {"train": [], "test": []}
    for row in rows.itertuples():
        table = _read_table(fetch(row.file), row.label)
        held_out = table.index % 5 == 4 if row.split == "fifth" else [row.split == "test"] * len(table)
        parts["test"].append(table[held_out])
        parts["train"].append(table[[not out for out in held_out]])
    train, test = (pd.concat(parts[part], ignore_index=True) for part in ("train", "test"))
    return Dataset(*_about(rows), train, test)


def _about(rows: pd.DataFrame) -> tuple[str, str, str, str]:
    return tuple(rows.iloc[0][["dataset", "description", "citation", "licence"]])


def _genome(rows: pd.DataFrame) -> GenomeDataset:
    files = {split: [fetch(file) for file in rows.file[rows.split == split]] for split in set(rows.split)}
    sizes = pd.read_csv(files["sizes"][0], sep="\t", names=["chrom", "length"])
    chroms = dict(zip(sizes.chrom, sizes.length.astype(int), strict=True))
    listed = on_genome(read_intervals(files["blacklist"][0]), chroms, rename=True, some=True)
    peaks = {path.stem: on_genome(read_intervals(path), chroms, rename=True) for path in files["peaks"]}
    return GenomeDataset(*_about(rows), files["genome"][0], chroms, listed.reset_index(drop=True), peaks)


def _variants(rows: pd.DataFrame) -> VariantDataset:
    table = pd.read_csv(fetch(rows.file.iloc[0]), sep="\t", dtype={"Chrom": str})
    table.columns = table.columns.str.lower()
    table = table.rename(columns={"pvalue": "p_value"}).dropna(subset=["pos"]).astype({"pos": int})
    order = ["element", "release", "chrom", "pos", "ref", "alt", "barcodes", "coefficient", "p_value"]
    return VariantDataset(*_about(rows), table.assign(alt=table.alt.replace("-", ""))[order].reset_index(drop=True))


def available(name: str) -> bool:
    """Whether `load(name)` would work now; downloads what is missing if the network allows, and
    never raises.

    Example:
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


@lru_cache(maxsize=4)
def _read_registry(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise InputError(f"{path}: the registry of data sets is missing; install motiflib again")
    return pd.read_csv(path, sep="\t", dtype={"label": str})


def _rows(name: str) -> pd.DataFrame:
    table = registry()
    rows = table[table.dataset == name]
    if rows.empty:
        raise InputError(f"unknown data set {name!r}; choose one of {', '.join(names())}")
    return rows


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _verify(path: Path, sha256: str) -> None:
    found = _sha256(path)
    if found != sha256:
        hashes = f"sha256 {found[:12]}…, expected {sha256[:12]}…"
        raise InputError(f"{path}: refused, its content is not what the registry says ({hashes}); replace the file")


def _download(url: str, sha256: str, target: Path, looked: str) -> Path:
    """Download to `target`; whatever comes with another hash is thrown away."""
    import pooch

    host = url.split("/")[2]
    when, why = _failed.get(host, (-RETRY_S, ""))
    if time.monotonic() - when > RETRY_S:
        log.info("downloading %s to %s", url, target.parent)
        pooch.get_logger().setLevel("WARNING")
        web = pooch.HTTPDownloader(timeout=(CONNECT_S, READ_S))
        try:
            return Path(pooch.retrieve(url, f"sha256:{sha256}", target.name, target.parent, downloader=web))
        except ValueError as error:  # what pooch raises for a wrong hash
            raise InputError(f"{url}: refused, its sha256 is not the registry's; report it to the authors") from error
        except OSError as error:  # includes all that requests raises
            why = _short(error)
            if getattr(error, "response", None) is None:  # the host was not reached at all
                _failed[host] = time.monotonic(), why
    missing = f"{looked}, not in {target.parent}, and not to be had from {host} ({why})"
    raise DataMissing(f"{target.name}: {missing}; connect to the network, or put the file into MOTIFLIB_DATA")


def _short(error: OSError) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP {response.status_code}"
    return f"{type(error).__name__}: {error.strerror}" if error.strerror else type(error).__name__


def _read_table(path: Path, label: str) -> pd.DataFrame:
    """Records of one file as name, sequence, label; `label` is that of all records, or "column"."""
    if path.suffix == ".fa":
        table = pd.DataFrame(read_fasta(path), columns=COLUMNS[:2])
        return table.assign(label=int(label))
    text = io.StringIO("".join(read_lines(path)))
    if path.suffix == ".gz":  # FoldID, EventID, seq, Bound
        table = pd.read_csv(text, sep="\t").rename(columns={"EventID": "name", "seq": "sequence", "Bound": "label"})
    else:
        table = pd.read_csv(text, sep="\t", names=["sequence", "label"])
        table["name"] = [f"{path.stem}_{i + 1:04d}" for i in range(len(table))]
    return table.assign(sequence=table.sequence.str.upper())[COLUMNS]
# Where the package's own small data lie: grammars, the registry of data sets, trained models.
_HERE = Path(__file__).resolve().parent


def data_path(*parts: str) -> Path:
    """Path of a file or folder of the package's data.

    In a checkout that is `data/`, in an installed wheel `motiflib/_data/`. The path is returned
    whether or not it exists; the caller says what is missing.

        >>> data_path("registry.tsv").name
        'registry.tsv'
    """
    packed = _HERE / "_data"
    return (packed if packed.is_dir() else _HERE.parents[1] / "data").joinpath(*parts)
