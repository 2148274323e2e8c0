"""Names of real data sets to verified local files, and to tables. A file is looked for in the
folder of the environment variable MOTIFLIB_DATA, then in the cache, then downloaded; whatever is
found must have the sha256 of `data/registry.tsv`."""

import difflib
import logging
import os
import time
from collections import namedtuple
from pathlib import Path

import pandas as pd

from motiflib.files import InputError, sha256
from motiflib.genome.fasta import cache_folder
from motiflib.genome.peaks import on_genome, read_intervals
from motiflib.sequence import read_fasta

log = logging.getLogger(__name__)
CONNECT_S, READ_S = 5, 30  # seconds to wait for a server, and for its next bytes
RETRY_S = 60  # a host that failed is left alone for so long: a book without network builds quickly
_failed: dict[str, tuple[float, str]] = {}  # host: when, why


class DataMissing(InputError):
    """A known file that cannot be had now."""


ABOUT = "name description citation licence "
Dataset = namedtuple("Dataset", ABOUT + "train test")
GenomeDataset = namedtuple("GenomeDataset", ABOUT + "genome chroms blacklist peaks")


class VariantDataset(namedtuple("VariantDataset", ABOUT + "variants")):
    def element(self, name: str, release: str = "GRCh37") -> tuple[pd.DataFrame, str]:
        """Variants of an element, `pos` counted from its first base, and its reference sequence
        rebuilt from their `ref`, N where none was measured; InputError if unknown."""
        mine = self.variants[(self.variants.element == name) & (self.variants.release == release)]
        if mine.empty:
            known = f"choose one of {', '.join(sorted(set(self.variants.element)))}"
            raise InputError(f"no element {name!r} on {release!r}; {known}, on GRCh37 or GRCh38")
        mine = mine.assign(place=mine.pos, pos=mine.pos - mine.pos.min() + 1)
        letters = dict(zip(mine.pos, mine.ref, strict=True))
        sequence = "".join(letters.get(pos, "N") for pos in range(1, mine.pos.max() + 1))
        return mine.reset_index(drop=True), sequence


def data_path(*parts: str) -> Path:
    """Path in the package's own data: in a checkout `data/`, in a wheel `motifbook/_data/`.

    >>> data_path("registry.tsv").name
    'registry.tsv'
    """
    here = Path(__file__).resolve().parent
    packed = here / "_data"
    return (packed if packed.is_dir() else here.parents[1] / "data").joinpath(*parts)


def registry() -> pd.DataFrame:
    """The table of known files: columns file (path below MOTIFLIB_DATA), dataset, split (train,
    test, fifth = every fifth record is test; genome, sizes, blacklist, peaks; variants), label (1,
    0, column = in the file, -), bytes, sha256, records, url, licence, citation, description."""
    return pd.read_csv(data_path("registry.tsv"), sep="\t", dtype={"label": str})


def fetch(file: str) -> Path:
    """Local path of a file of the registry. InputError: an unknown file, or one whose sha256 is
    wrong; DataMissing: it cannot be had."""
    known = registry().set_index("file")
    if file not in known.index:
        near = ", ".join(difflib.get_close_matches(file, known.index, 3))
        near = near or "see motifbook.datasets.registry()"
        raise InputError(f"unknown data file {file!r}; did you mean {near}?")
    right, folder = known.sha256[file], os.environ.get("MOTIFLIB_DATA", "")
    local = Path(folder, file)
    if not folder or not local.is_file():
        looked = f"not in MOTIFLIB_DATA ({folder or 'not set'})"
        return _from_cache(file, right, known.url[file], looked)
    found = sha256(local)
    if found != right:
        raise InputError(f"{local}: refused, its content is not what the registry says (sha256 "
                         f"{found[:12]}…, expected {right[:12]}…); replace the file")
    return local


def _from_cache(file: str, right: str, url: str, looked: str) -> Path:
    import pooch

    pooch.get_logger().setLevel("WARNING")
    path, host = cache_folder() / file, url.split("/")[2]
    # without `env`: MOTIFLIB_DATA is the user's own, nothing is downloaded into it
    store = pooch.create(cache_folder(), "", registry={file: right}, urls={file: url})
    try:
        return Path(store.fetch(file, downloader=_download))
    except ValueError as error:  # what pooch raises for a wrong hash
        raise InputError(f"{url}: refused, its sha256 is not the registry's; "
                         "report it to the authors") from error
    except OSError as error:
        raise DataMissing(f"{path.name}: not at {host} ({error}), {looked}, not in {path.parent}; "
                          "connect to the network, or put it into MOTIFLIB_DATA") from error


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
    """Whether `load(name)` would work now; downloads what is missing, and never raises."""
    try:
        for file in _rows(name).file:
            fetch(file)
    except InputError as error:
        log.info("%s is not available: %s", name, error)
        return False
    return True


def load(name: str) -> Dataset | GenomeDataset | VariantDataset:
    """A named data set, with its description, citation and licence.

    Most have tables `train` and `test`: name, sequence, label (1 bound, 0 not); `train` may hold
    positives only. "yeast-rossi2021" has genome (a FASTA), chroms (their lengths), blacklist and
    peaks by factor, as of `read_intervals`. "satmut-kircher2019" has variants: element, release,
    chrom, pos (1-based), ref, alt ("" is a deletion), barcodes, coefficient (log2 of expression,
    alternative over reference), p_value. InputError: an unknown name, and what `fetch` raises."""
    rows = _rows(name)
    about = rows.iloc[0][["dataset", "description", "citation", "licence"]]
    kind = {"genome": _genome, "variants": _variants}.get(rows.split.iloc[0], _sequences)
    return kind(rows, about)


def _rows(name: str) -> pd.DataFrame:
    table = registry()
    rows = table[table.dataset == name]
    if rows.empty:
        known = ", ".join(dict.fromkeys(table.dataset))
        raise InputError(f"unknown data set {name!r}; choose one of {known}")
    return rows


def _sequences(rows: pd.DataFrame, about: pd.Series) -> Dataset:
    tables = []
    for row in rows.itertuples():
        table = _read_table(fetch(row.file), row.label)
        held_out = table.index % 5 == 4 if row.split == "fifth" else row.split == "test"
        tables.append(table.assign(held_out=held_out))
    table = pd.concat(tables)
    test = table.pop("held_out")
    return Dataset(*about, *(table[part].reset_index(drop=True) for part in (~test, test)))


def _genome(rows: pd.DataFrame, about: pd.Series) -> GenomeDataset:
    files = {split: [fetch(file) for file in mine] for split, mine in rows.groupby("split").file}
    sizes = pd.read_csv(files["sizes"][0], sep="\t", names=["chrom", "length"], index_col="chrom")
    chroms = sizes.length.to_dict()
    listed = on_genome(read_intervals(files["blacklist"][0]), chroms, rename=True, some=True)
    peaks = {p.stem: on_genome(read_intervals(p), chroms, rename=True) for p in files["peaks"]}
    return GenomeDataset(*about, files["genome"][0], chroms, listed.reset_index(drop=True), peaks)


def _variants(rows: pd.DataFrame, about: pd.Series) -> VariantDataset:
    table = pd.read_csv(fetch(rows.file.iloc[0]), sep="\t", dtype={"Chrom": str})
    table = table.rename(columns=str.lower).rename(columns={"pvalue": "p_value"})
    table = table.dropna(subset=["pos"]).astype({"pos": int}).replace({"alt": {"-": ""}})
    order = "element release chrom pos ref alt barcodes coefficient p_value".split()
    return VariantDataset(*about, table[order].reset_index(drop=True))


def _read_table(path: Path, label: str) -> pd.DataFrame:
    if path.suffix == ".fa":
        return pd.DataFrame(read_fasta(path), columns=["name", "sequence"]).assign(label=int(label))
    if path.suffix == ".gz":
        table = pd.read_csv(path, sep="\t")  # FoldID, EventID, seq, Bound
        table = table.rename(columns={"EventID": "name", "seq": "sequence", "Bound": "label"})
    else:
        table = pd.read_csv(path, sep="\t", names=["sequence", "label"])
        table["name"] = [f"{path.stem}_{i + 1:04d}" for i in range(len(table))]
    return table.assign(sequence=table.sequence.str.upper())[["name", "sequence", "label"]]
