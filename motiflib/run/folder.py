"""A run: the folder that holds a training's network, its motifs, and how all of it was made.

config.json, model.safetensors: the network. motifs.meme, motifs.tsv: what its filters read.
evidence.tsv, sites.tsv: what held-out data say of that (`run.evidence`). fdr.tsv: false discovery
rate of each call score. history.tsv: a row an epoch. train.json: settings, data, metrics, machine,
and a checksum of each other file. checkpoint/: while training only, where to go on.
"""

import hashlib
import json
import logging
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from accelerate import PartialState
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from motiflib import __version__, files, sequence
from motiflib.batches import ArrayBatches, Batches, Examples, split_rows
from motiflib.calling import calibrate
from motiflib.discovery import COLUMNS, Found, find_motifs, tabulate
from motiflib.files import ADVICE, InputError, read_lines, read_table, sha256, within, write_atomic
from motiflib.model import Argminn, ArgminnConfig
from motiflib.motif import Motif, read_meme, write_meme
from motiflib.run import evidence as held_out
from motiflib.seeding import seeded
from motiflib.sequence import Record, Sequences, records_of
from motiflib.training import Fit, TrainConfig, accelerator, evaluate, fit

log = logging.getLogger(__name__)
NEEDED = ("config.json", "model.safetensors", "history.tsv", "motifs.meme", "motifs.tsv", "fdr.tsv",
          "train.json")
FILES = (*held_out.FILES, *NEEDED)  # folders from before there was evidence lack it, can be read
BESIDE = ("examples.tsv", "README.md")  # what else belongs to a run: windows of a genome, a note


class Run(NamedTuple):
    """A trained network (evaluation mode), what was found in it, its history, and what train.json
    says. `fdr` (`calling.calibrate`) is from positives that were trained on, `evidence` from those
    held back for choosing the epoch."""

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
        """Length in bp that the network was trained on, for `calling.call`."""
        return max(_length(self.settings.get("data", {})), 2 * self.model.config.width)


def _length(data: dict) -> int:
    return data.get("length") or data.get("positives", {}).get("median_length", 500)


class Labelled(NamedTuple):
    """Sequences, the letters of their positives in order, and their rows in all data."""

    examples: Examples
    positives: Sequence[str]
    rows: Sequence[int] = ()


def train_run(positives: Sequences, out: str | os.PathLike, *, negatives: Sequences | None = None,
              shuffle: str | None = None, config: ArgminnConfig | None = None,
              training: TrainConfig | None = None, seed: int = 0, progress: bool = True) -> Run:
    """Train a network on FASTA files (or records) and keep it as the folder `out`.

    Give either `negatives` or a kind of `shuffle`. Shorter sequences are padded on the right. A
    tenth is held back for choosing the epoch. Interrupted in whatever way, the same call goes on
    after the last whole epoch, and on a CPU ends with the same weights. InputError, and nothing
    left behind, for what cannot be trained on or written, or a loss that is not finite.
    """
    config, training = config or ArgminnConfig(), training or TrainConfig()
    check_settings(config, training, seed)
    ours, theirs, about = read_data(positives, negatives, shuffle, config.width, seed)
    y = torch.tensor([1.0] * len(ours) + [0.0] * len(theirs))
    train, held = divide(ours + theirs, y, seed)
    batches = ArrayBatches(train.examples, seed=seed)
    return keep(out, train, held, batches, config, training, seed=seed, about={"data": about},
                progress=progress)


def check_settings(config: ArgminnConfig, training: TrainConfig, seed: int) -> None:
    """InputError for a setting that no training can have, or a device that is not there."""
    within("filters", config.filters, 1, files.FILTERS)
    within("width", config.width, 1, files.WIDTH)
    within("layers", config.layers, 1, files.LAYERS)
    within("epochs", training.epochs, 1, files.EPOCHS)
    within("seed", seed, 0, files.SEED)
    accelerator(training)


def read_data(positives: Sequences, negatives: Sequences | None, shuffle: str | None, width: int,
              seed: int) -> tuple[list[str], list[str], dict]:
    """Letters of both classes, and what train.json says of them; InputError for unusable data."""
    if (negatives is None) == (shuffle is None):
        given = "neither was" if negatives is None else "both were"
        raise InputError(f"training needs either negatives or a kind of shuffle, {given} given: "
                         "give one of them")
    if shuffle not in (None, "dinucleotide", "mononucleotide"):
        raise InputError(f"unknown kind of shuffle {shuffle!r}: use dinucleotide or mononucleotide")
    ours, about = _read_class("positives", positives, width)
    if negatives is None:
        theirs, other = sequence.shuffle(ours, kind=shuffle, seed=seed), {"shuffle": shuffle}
    else:
        theirs, other = _read_class("negatives", negatives, width)
    lengths = [part.get("median_length", about["median_length"]) for part in (about, other)]
    if max(lengths) > 1.2 * min(lengths):
        log.warning("positives are %d bp long and negatives %d (medians): the network may learn "
                    "the length", *lengths)
    return ours, theirs, {"positives": about, "negatives": other}


def _read_class(name: str, source: Sequences, width: int) -> tuple[list[str], dict]:
    where = os.fspath(source) if isinstance(source, (str, os.PathLike)) else name
    records = list(fitting(source, width, where))
    if len(records) < 2:
        raise InputError(f"{where}: {len(records)} {name}; training needs at least 2, and some "
                         "hundreds to learn from")
    letters = [record.sequence for record in records]
    lengths = pd.Series(letters).str.len()
    text = "".join(f">{record.name}\n{record.sequence}\n" for record in records)
    return letters, {
        "name": Path(where).name, "sequences": len(letters), "median_length": int(lengths.median()),
        "shortest": int(lengths.min()), "longest": int(lengths.max()),
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }


def fitting(source: Sequences, width: int, where: str = "sequences") -> Iterator[Record]:
    """Records of any source, one by one; InputError at the first that is shorter than a filter.

    >>> [record.name for record in fitting([("a", "ACGTACGTACGT")], 12)]
    ['a']
    """
    where = source if isinstance(source, (str, os.PathLike)) else where
    for name, letters in records_of(source):
        if len(letters) < width:
            raise InputError(f"{where}: record {name!r} has {len(letters)} bp, fewer than the "
                             f"filters' width of {width}: leave it out, or train with a smaller "
                             "--width")
        yield Record(name, letters)


def divide(letters: Sequence[str], y: Tensor, seed: int) -> tuple[Labelled, Labelled]:
    """Sequences for training and those held out, at random, a tenth of each class.

    >>> divide(["ACGT"] * 6, torch.tensor([1.0, 1, 1, 0, 0, 0]), seed=0)[1].rows
    [2, 5]
    """
    x, parts = sequence.one_hot(letters), []
    for rows in split_rows(y, seed=seed):
        known = [letters[row] for row in rows[y[rows] > 0.5].tolist()]
        parts.append(Labelled(Examples(x[rows], y[rows]), known, rows.tolist()))
    return tuple(parts)


def keep(out: str | os.PathLike, train: Labelled, held: Labelled, batches: Batches,
         config: ArgminnConfig, training: TrainConfig, *, seed: int, about: dict,
         middle: int | None = None, progress: bool = True) -> Run:
    """Seed a network (`seeding.seeded`), train it on `batches`, write the run `out`, read it back;
    `about` is what train.json says beside model, training and seed."""
    asked = {"model": asdict(config), "training": asdict(training), "seed": seed, **about}
    with _workplace(Path(out), asked) as folder:
        model = seeded(config, train.examples, seed=seed, middle=middle)
        result = fit(model, batches, held.examples, training, out=folder, progress=progress)
        result.model.cpu()
        if PartialState().is_main_process:
            save_run(folder, result, train, held, asked)
        PartialState().wait_for_everyone()
        shutil.rmtree(folder / "checkpoint", ignore_errors=True)
    return load_run(folder)


@contextmanager
def _workplace(folder: Path, asked: dict) -> Iterator[Path]:
    """The run's folder, with a checkpoint of this very training or none."""
    mark, made = folder / "checkpoint" / "training.json", not folder.exists()
    key = json.dumps(asked, indent=1)
    if mark.parent.is_dir() and (not mark.is_file() or mark.read_text() != key):
        raise InputError(f"{folder}: holds an unfinished training on other data or settings; "
                         f"choose another folder, or delete {mark.parent}")
    write_atomic(mark, key)
    for left in folder.glob(".new-*"):  # of a process that was killed while it wrote
        shutil.rmtree(left, ignore_errors=True)
    try:
        yield folder
    except BaseException as error:  # the mark alone would bar a training with other settings
        if isinstance(error, InputError) or not (mark.parent / "state.pt").exists():
            shutil.rmtree(folder if made else mark.parent, ignore_errors=True)
        raise


def save_run(folder: Path, result: Fit, train: Labelled, held: Labelled, asked: dict) -> None:
    """Read motifs off a network and write all files of a run; `asked` goes into train.json."""
    model, x = result.model, train.examples.x
    log.info("reading motifs off %d filters", model.config.filters)
    found = find_motifs(model, x)
    bound = records_of(train.positives[:500])
    fdr = calibrate(model, found, bound, tile=max(x.shape[2], 2 * model.config.width))
    members = found.members.astype(str)
    read = members["filter"] + ":" + members.offset + ":" + members.strand
    read = read.groupby(members.motif).agg(" ".join)
    table = found.table.assign(members=found.table.motif.map(read))
    with tempfile.TemporaryDirectory(prefix=".new-", dir=folder) as name:
        new = Path(name)
        model.save_pretrained(new)
        result.history.to_csv(new / "history.tsv", sep="\t", index=False)
        fdr.to_csv(new / "fdr.tsv", sep="\t", index=False, float_format="%.4g")
        write_meme(new / "motifs.meme", found.motifs)
        table.to_csv(new / "motifs.tsv", sep="\t", index=False)
        held_out.write(held_out.gather(model, found, held.examples, held.positives), new)
        about = asked | {
            "validation_sequences": len(held.examples.y),
            "metrics": evaluate(model, held.examples),
            "minutes": round(result.history.seconds.sum() / 60, 2), **machine(),
            "files": {file: sha256(new / file) for file in FILES if file != "train.json"},
        }
        write_atomic(new / "train.json", json.dumps(about, indent=1) + "\n")
        (folder / "examples.tsv").unlink(missing_ok=True)  # of an earlier training on a genome
        for file in FILES:
            os.replace(new / file, folder / file)


def machine() -> dict:
    """Hardware in words, and versions."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*:\s*(.+)", info.read_text(), re.M) if info.exists() else []
    hardware = [*names[:1]] or [platform.processor() or platform.machine()]
    hardware.append(f"{os.cpu_count()} cores")
    if torch.cuda.is_available():
        hardware.append(torch.cuda.get_device_name())
    versions = {"motiflib": __version__, "python": platform.python_version()}
    versions |= {name: version(name) for name in ("torch", "numpy", "accelerate", "tangermeme")}
    return {"hardware": ", ".join(hardware), "versions": versions}


def load_run(folder: str | os.PathLike) -> Run:
    """Read a run back, network in evaluation mode on the CPU.

    InputError for what is not a finished run, whole. Older runs sealed the network only: of other
    files, what is needed is checked.

    >>> load_run("nowhere")
    Traceback (most recent call last):
    motiflib.files.InputError: nowhere: not there; expected a run, the folder that ...
    """
    folder = Path(folder)
    _check_folder(folder)
    settings = _read_settings(folder / "train.json")
    for file, seal in settings.get("files", {}).items():
        if not (folder / file).is_file() or sha256(folder / file) != seal:
            raise InputError(f"{folder / file}: not the file that train.json describes, damaged or "
                             f"of another run; {ADVICE}")
    model = _read_network(folder)
    fdr = read_table(folder / "fdr.tsv", ["score", "fdr"], ["score", "fdr"])
    history = read_table(folder / "history.tsv", ["epoch"])
    found = _read_found(folder, model.config.filters)
    return Run(model.eval(), found, fdr, history, settings, held_out.read(folder))


def _check_folder(folder: Path) -> None:
    expected = "expected a run, the folder that `motiflib train --out` made"
    if not folder.is_dir():
        raise InputError(f"{folder}: {'a file' if folder.exists() else 'not there'}; {expected}")
    gone = [file for file in NEEDED if not (folder / file).is_file()]
    if gone and (folder / "checkpoint").is_dir():
        raise InputError(f"{folder}: its training is unfinished; give the same `motiflib train` "
                         "command again")
    if gone:
        raise InputError(f"{folder}: {gone[0]} is missing; {expected}")


def _read_json(path: Path) -> dict:
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"{path}: damaged, not JSON; train again") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: not of a run; train again")
    return content


def _read_settings(path: Path) -> dict:
    settings = _read_json(path)
    looked_into = {
        "data": lambda data: type(_length(data)) is int,
        "metrics": lambda metrics: all(type(value) in (int, float) for value in metrics.values()),
        "files": lambda seals: seals.keys() <= set(FILES),
    }
    for name, fits in looked_into.items():
        with suppress(AttributeError):  # of another kind of thing
            if fits(settings.get(name, {})):
                continue
        raise InputError(f"{path}: {name!r} does not hold what it should; {ADVICE}")
    return settings


def _read_network(folder: Path) -> Argminn:
    shape, weights = folder / "config.json", folder / "model.safetensors"
    config = _read_json(shape)
    try:
        model = Argminn(ArgminnConfig(**config))
    except (TypeError, ValueError, RuntimeError, ArithmeticError) as error:
        why = str(error).replace("ArgminnConfig.__init__() ", "").partition("\n")[0]
        raise InputError(f"{shape}: not the shape of a network ({why}); train again") from error
    try:
        model.load_state_dict(load_file(weights))
    except (SafetensorError, RuntimeError) as error:
        raise InputError(f"{weights}: not the weights of this network; train again") from error
    return model


def _read_found(folder: Path, filters: int) -> Found:
    path, meme = folder / "motifs.tsv", folder / "motifs.meme"
    table = read_table(path, [*COLUMNS, "members"], ["filter", "offset", "length", "contribution"])
    some = any(line.startswith("MOTIF") for line in read_lines(meme))
    motifs = read_meme(meme) if some else []  # a MEME file without a motif is an error elsewhere
    told = list(zip(table.motif, table.length, strict=True))
    if [(motif.name, motif.width) for motif in motifs] != told:
        raise InputError(f"{meme}: other motifs than in motifs.tsv beside it; {ADVICE}")
    if not motifs:
        return tabulate([])
    member = r"(?P<filter>\d{1,5}):(?P<offset>-?\d{1,5}):(?P<strand>[+-])"
    members = table.set_index("motif").members.astype(str).str.extractall(member)
    members = members.astype({"filter": int, "offset": int}).reset_index("motif")
    if set(members.motif) != set(table.motif) or members["filter"].max() >= filters:
        raise InputError(f"{path}: 'members' does not name filters of this network; {ADVICE}")
    return Found(motifs, table[COLUMNS], members.reset_index(drop=True))
