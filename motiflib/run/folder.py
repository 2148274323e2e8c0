"""A run: the folder that holds a training's network, its motifs, and how all of it was made.

RUN/config.json         shape of the network             RUN/train.json    settings, data, metrics,
machine RUN/model.safetensors   its weights                      RUN/history.tsv   one row an epoch
RUN/motifs.meme, .tsv   motifs read from its filters     RUN/fdr.tsv       false discovery rate of
each call score RUN/evidence.tsv        what held-out data say of them   RUN/sites.tsv     examples
of their sites (motif_evidence) RUN/checkpoint/         while training only: where to go on
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from accelerate import PartialState
from pandas.api.types import is_integer_dtype
from safetensors import SafetensorError
from safetensors.torch import load_file

from motiflib import __version__, files
from motiflib.batches import ArrayBatches, Examples, examples, split
from motiflib.calling import calibrate
from motiflib.discovery import COLUMNS, Found, find_motifs, tabulate
from motiflib.files import ADVICE, InputError, read_table, sha256, write_atomic
from motiflib.model import Argminn, ArgminnConfig
from motiflib.motif import Motif, read_meme, write_meme
from motiflib.run import evidence as held_out
from motiflib.seeding import seeded
from motiflib.sequence import Record, decode, read_fasta
from motiflib.training import Fit, TrainConfig, accelerator, evaluate, fit

log = logging.getLogger(__name__)
NEEDED = ("config.json", "model.safetensors", "history.tsv", "motifs.meme", "motifs.tsv", "fdr.tsv", "train.json")
FILES = (*held_out.FILES, *NEEDED)  # folders written before there was evidence lack it, and can be read
BESIDE = ("examples.tsv", "README.md")  # what else belongs to a run: windows of a genome, a note
SEALED = NEEDED[:2]  # train.json holds their sha256: a file cut short or from another run is noticed
CALIBRATED = 500  # positives for the false discovery rates


class Run(NamedTuple):
    """A trained network (evaluation mode), what was found in it, its history, and what train.json
    says.

    `fdr` has the columns of `instances.calibrate`, from positives that were trained on; `evidence`
    is from those held back for choosing the epoch.
    """

    model: Argminn
    found: Found
    fdr: pd.DataFrame
    history: pd.DataFrame
    settings: dict
    evidence: held_out.Evidence | None = None

    @property
    def motifs(self) -> list[Motif]:
        return self.found.motifs

    @property
    def tile(self) -> int:
        """Length in bp that the network was trained on, for `instances.call`."""
        data = self.settings.get("data", {})
        length = data.get("length") or data.get("positives", {}).get("median_length", 500)
        return max(length, 2 * self.model.config.width)


class Data(NamedTuple):
    """Training sequences of both classes and how they are described in train.json."""

    positives: list[Record]
    negatives: list[Record] | None
    about: dict
Source = str | os.PathLike | Iterable[Record | tuple[str, str]]


def train_run(
    positives: Source, out: str | os.PathLike, *, negatives: Source | None = None, shuffle: str | None = None,
    config: ArgminnConfig | None = None, training: TrainConfig | None = None, seed: int = 0, progress: bool = True,
) -> Run:  # fmt: skip
    """Train a network on FASTA files (or records) and keep it as the folder `out`; `load_run` reads
    it back.

    Give either `negatives` or a kind of `shuffle` for the positives. Lengths may differ: shorter
    sequences are padded on the right. A tenth is held back for choosing the epoch. Interrupted in
    whatever way, the same call goes on where the last whole epoch ended, and on a CPU ends with the
    same weights.

    Raises:
        InputError: input that cannot be trained on, a setting out of range, a place that cannot be
            written, another training's checkpoint in `out`, or a loss that is not finite. Nothing
            is left behind then.

    Example:
        >>> run = train_run("peaks.fa", "run", shuffle="dinucleotide")
        >>> run.settings["metrics"]["auroc"]
        0.98
    """
    config, training = config or ArgminnConfig(), training or TrainConfig()
    check_settings(config, training, seed)
    data = read_data(positives, negatives, shuffle, config.width)
    both = examples([r.sequence for r in data.positives], data.negatives and [r.sequence for r in data.negatives],
                    kind=shuffle or "dinucleotide", seed=seed)  # fmt: skip
    train, valid = split(both, seed=seed)
    asked = {"model": asdict(config), "training": asdict(training), "seed": seed, "data": data.about}
    with _workplace(Path(out), asked) as folder:
        model = seeded(config, train, seed=seed)
        result = fit(model, ArrayBatches(train, seed=seed), valid, training, out=folder, progress=progress)
        result.model.cpu()
        if PartialState().is_main_process:
            save_run(folder, result, train, valid, asked)
        PartialState().wait_for_everyone()
        shutil.rmtree(folder / "checkpoint", ignore_errors=True)
    return load_run(folder)


def check_settings(config: ArgminnConfig, training: TrainConfig, seed: int = 0) -> None:
    """InputError for a setting that no training can have, or a device that is not there."""
    for name, value, least, most in (
        ("filters", config.filters, 1, files.FILTERS), ("width", config.width, 1, files.WIDTH),
        ("layers", config.layers, 1, files.LAYERS), ("epochs", training.epochs, 1, files.EPOCHS),
        ("seed", seed, 0, files.SEED),
    ):  # fmt: skip
        files.within(name, value, least, most)
    accelerator(training)


def read_data(positives: Source, negatives: Source | None, shuffle: str | None, width: int) -> Data:
    """Read and check training sequences; `width` is that of the filters, no sequence may be
    shorter.

    Raises:
        InputError: both or none of `negatives` and `shuffle`, an unreadable file, fewer than two of
            a class, or a sequence that no filter fits.
    """
    if (negatives is None) == (shuffle is None):
        given = "neither was" if negatives is None else "both were"
        raise InputError(f"training needs either negatives or a kind of shuffle, {given} given: give one of them")
    if shuffle not in (None, "dinucleotide", "mononucleotide"):
        raise InputError(f"unknown kind of shuffle {shuffle!r}: use dinucleotide or mononucleotide")
    (ours, about), theirs = _read_class("positives", positives, width), None
    summary: dict = {"positives": about, "negatives": {"shuffle": shuffle}}
    if negatives is not None:
        theirs, summary["negatives"] = _read_class("negatives", negatives, width)
        a, b = (summary[name]["median_length"] for name in ("positives", "negatives"))
        if max(a, b) > 1.2 * min(a, b):
            log.warning("positives are %d bp long and negatives %d (medians): the network may learn the length", a, b)
    return Data(ours, theirs, summary)


def _read_class(name: str, source: Source, width: int) -> tuple[list[Record], dict]:
    is_file = isinstance(source, (str, os.PathLike))
    where = os.fspath(source) if is_file else name
    records = list(read_fasta(source)) if is_file else [Record(*record) for record in source]
    records = list(fitting(records, width, where))
    if len(records) < 2:
        raise InputError(f"{where}: {len(records)} {name}; training needs at least 2, and some hundreds to learn from")
    lengths = pd.Series([len(record.sequence) for record in records])
    text = "".join(f">{record.name}\n{record.sequence}\n" for record in records)
    about = {"name": Path(where).name, "sequences": len(records), "median_length": int(lengths.median())}
    about |= {"shortest": int(lengths.min()), "longest": int(lengths.max())}
    return records, about | {"sha256": hashlib.sha256(text.encode()).hexdigest()}


def fitting(records: Iterable[Record], width: int, where: object = "sequences") -> Iterator[Record]:
    """The same records, one by one; InputError at the first that is shorter than a filter.

    >>> [record.name for record in fitting([Record("a", "ACGTACGTACGT")], 12)]
    ['a']
    """
    for record in records:
        if len(record.sequence) < width:
            raise InputError(
                f"{where}: record {record.name!r} has {len(record.sequence)} bp, fewer than the filters' width of "
                f"{width}: leave it out, or train with a smaller --width"
            )
        yield record


def save_run(folder: Path, result: Fit, train: Examples, valid: Examples, asked: dict) -> None:
    """Read the motifs off the network and write all files of a run, each beside its place first,
    train.json last."""
    log.info("reading motifs off %d filters", result.model.config.filters)
    found = find_motifs(result.model, train.x)
    known = decode(train.x[train.y > 0.5][:CALIBRATED])
    bound = [Record(f"s{i}", sequence.rstrip("N") or "N") for i, sequence in enumerate(known)]
    fdr = calibrate(result.model, found, bound, tile=max(train.x.shape[2], 2 * result.model.config.width))
    with tempfile.TemporaryDirectory(prefix=".new-", dir=folder) as name:
        new = Path(name)
        result.model.save_pretrained(new)
        result.history.to_csv(new / "history.tsv", sep="\t", index=False)
        fdr.to_csv(new / "fdr.tsv", sep="\t", index=False, float_format="%.4g")
        write_meme(new / "motifs.meme", found.motifs)
        with_members(found).to_csv(new / "motifs.tsv", sep="\t", index=False)
        held_out.write(held_out.gather(result.model, found, valid), new)
        about = asked | {"validation_sequences": len(valid.y), "metrics": evaluate(result.model, valid)}
        about |= {"minutes": round(result.history.seconds.sum() / 60, 2), **machine()}
        about["files"] = {file: sha256(new / file) for file in SEALED}
        write_atomic(new / "train.json", json.dumps(about, indent=1) + "\n")
        (folder / "examples.tsv").unlink(missing_ok=True)  # of an earlier training on a genome
        for file in FILES:
            os.replace(new / file, folder / file)


def load_run(folder: str | os.PathLike) -> Run:
    """Read a run back, network in evaluation mode on the CPU.

    Raises:
        InputError: no such folder, an unfinished training, a file that is missing, damaged or from
        another run.

    Example:
        >>> load_run("run").motifs[0].consensus
        'TTCAGCACC'
    """
    folder = Path(folder)
    check_run(folder)
    settings = read_settings(folder / "train.json")
    model = _network(folder, settings.get("files", {}))
    fdr = read_table(folder / "fdr.tsv", ["score", "fdr"], ["score", "fdr"])
    history = read_table(folder / "history.tsv", ["epoch"])
    found = read_found(folder, model.config.filters)
    return Run(model.eval(), found, fdr, history, settings, held_out.read(folder))


def _network(folder: Path, seals: dict[str, str]) -> Argminn:
    try:
        model = Argminn(ArgminnConfig(**read_json(folder / "config.json")))
    except InputError:
        raise
    except (TypeError, ValueError, RuntimeError, ArithmeticError) as error:
        reason = str(error).replace("ArgminnConfig.__init__() ", "").splitlines()[0]
        raise InputError(f"{folder / 'config.json'}: not the shape of a network ({reason}); train again") from error
    for file, expected in seals.items():
        if sha256(folder / file) != expected:
            raise InputError(f"{folder / file}: not the file that train.json describes, damaged or of another run; "
                             "copy the folder again, or train again")  # fmt: skip
    try:
        model.load_state_dict(load_file(folder / "model.safetensors"))
    except (SafetensorError, RuntimeError) as error:
        raise InputError(f"{folder / 'model.safetensors'}: not the weights of this network; train again") from error
    return model


@contextmanager
def _workplace(folder: Path, asked: dict) -> Iterator[Path]:
    """The run's folder with a checkpoint of this very training or none; after an InputError no
    trace of it.

    Nor after whatever else ends it before an epoch is saved: the mark alone would bar a training
    with other settings.
    """
    mark, made = folder / "checkpoint" / "training.json", not folder.exists()
    key = json.dumps(asked, indent=1)
    if mark.parent.is_dir() and (not mark.is_file() or mark.read_text() != key):
        raise InputError(f"{folder}: holds an unfinished training on other data or settings; choose another folder, "
                         f"or delete {mark.parent}")  # fmt: skip
    write_atomic(mark, key)
    for left in folder.glob(".new-*"):  # of a process that was killed while it wrote
        shutil.rmtree(left, ignore_errors=True)
    try:
        yield folder
    except BaseException as error:
        if isinstance(error, InputError) or not (mark.parent / "state.pt").exists():
            shutil.rmtree(folder if made else mark.parent, ignore_errors=True)
        raise
# Reading the files of a run: each is checked to be whole and to fit the others, or refused with its
# name and advice.
#
# Only network and shape are sealed by a checksum. Tables and motifs can be cut short by a full disk
# or a broken copy, and
# one that still parses would silently call fewer motifs.
MEMBERS = r"\d+:-?\d+:[+-](?: \d+:-?\d+:[+-])*"  # filter, where the motif starts in its window, strand


def check_run(folder: Path) -> None:
    """InputError if a folder is not a finished run.

    >>> check_run(Path("run"))
    """
    if not folder.is_dir():
        what = "a file" if folder.exists() else "not there"
        raise InputError(f"{folder}: {what}; expected a run, the folder that `motiflib train --out` made")
    gone = [file for file in NEEDED if not (folder / file).is_file()]
    if gone and (folder / "checkpoint").is_dir():
        raise InputError(f"{folder}: its training is unfinished; give the same `motiflib train` command again")
    if gone:
        raise InputError(f"{folder}: {gone[0]} is missing; expected a run, the folder that `motiflib train --out` made")


def read_json(path: Path) -> dict:
    """A JSON object of a run.

    >>> read_json(Path("run/config.json"))["filters"]
    12
    """
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"{path}: damaged, not JSON; train again") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: not of a run; train again")
    return content


def read_settings(path: Path) -> dict:
    """train.json, with the parts that other verbs look into being what they expect there.

    >>> read_settings(Path("run/train.json"))["seed"]
    0
    """
    settings = read_json(path)
    for name in ("data", "metrics", "files"):
        if not isinstance(settings.get(name, {}), dict):
            raise _wrong(path, name)
    data, files = settings.get("data", {}), settings.get("files", {})
    if not all(type(value) in (int, float) for value in settings.get("metrics", {}).values()):
        raise _wrong(path, "metrics")
    if not all(isinstance(value, str) and file in NEEDED for file, value in files.items()):
        raise _wrong(path, "files")
    positives = data.get("positives", {})
    lengths = [data.get("length"), positives.get("median_length") if isinstance(positives, dict) else "none"]
    if not all(length is None or type(length) is int and length >= 0 for length in lengths):
        raise _wrong(path, "data")
    return settings


def _wrong(path: Path, name: str) -> InputError:
    return InputError(f"{path}: {name!r} does not hold what it should; {ADVICE}")


def read_found(folder: Path, filters: int) -> Found:
    """The motifs of a run with `filters` filters: motifs.tsv and motifs.meme, one row and one
    matrix for each.

    >>> read_found(Path("run"), 12).motifs[0].name
    'M1'
    """
    path = folder / "motifs.tsv"
    table = read_table(path, [*COLUMNS, "members"], ["filter", "offset", "length", "contribution"])
    if not len(table):
        if "letter-probability" in (folder / "motifs.meme").read_text():
            raise InputError(f"{folder / 'motifs.meme'}: holds motifs, motifs.tsv beside it has none; {ADVICE}")
        return tabulate([])  # there is no such thing as a MEME file without a motif
    if not is_integer_dtype(table.length) or not table.members.astype(str).str.fullmatch(MEMBERS).all():
        raise InputError(f"{path}: a row is cut short or holds what no motif has; {ADVICE}")
    members = table[["motif", "members"]].assign(members=table.members.str.split()).explode("members")
    parts = members.members.str.split(":", expand=True)
    members = pd.DataFrame({"motif": members.motif, "filter": parts[0].astype(int), "offset": parts[1].astype(int),
                            "strand": parts[2]}).reset_index(drop=True)  # fmt: skip
    if members["filter"].max() >= filters:
        raise InputError(f"{path}: reads filter {members['filter'].max()}, the network has {filters}; is it of another "
                         f"run? {ADVICE}")  # fmt: skip
    motifs = read_meme(folder / "motifs.meme")
    _same_motifs(folder, motifs, table)
    return Found(motifs, table[COLUMNS], members)


def with_members(found: Found) -> pd.DataFrame:
    """The table of motifs as motifs.tsv holds it: the filters of each in one column, as
    filter:offset:strand.

    >>> with_members(run.found).members[0]
    '0:1:+'
    """
    text = found.members.astype(str).agg(lambda row: f"{row['filter']}:{row.offset}:{row.strand}", axis=1)
    joined = text.groupby(found.members.motif).agg(" ".join) if len(text) else {}
    return found.table.assign(members=found.table.motif.map(joined))


def _same_motifs(folder: Path, motifs: list[Motif], table: pd.DataFrame) -> None:
    """InputError unless both files tell of the same motifs, in the same order, each as long in one
    as in the other."""
    ours, theirs = [(m.name, m.width) for m in motifs], list(zip(table.motif, table.length, strict=True))
    if len(ours) != len(theirs):
        raise InputError(f"{folder / 'motifs.meme'}: {len(ours)} motifs, motifs.tsv beside it has {len(theirs)}; "
                         f"one of them is cut short: {ADVICE}")  # fmt: skip
    for one, other in zip(ours, theirs, strict=True):
        if one != other:
            raise InputError(f"{folder / 'motifs.meme'}: has {one[0]} of {one[1]} bp where motifs.tsv has {other[0]} "
                             f"of {other[1]} bp; {ADVICE}")  # fmt: skip
PACKAGES = ("torch", "numpy", "accelerate", "tangermeme")


def machine() -> dict:
    """Hardware in words, and versions.

    >>> sorted(machine())
    ['hardware', 'versions']
    """
    names = [platform.processor() or platform.machine(), f"{os.cpu_count()} cores"]
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names[0] = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), names[0])
    if torch.cuda.is_available():
        names.append(torch.cuda.get_device_name())
    versions = {"motiflib": __version__, "python": platform.python_version()}
    return {"hardware": ", ".join(names), "versions": versions | {name: version(name) for name in PACKAGES}}
