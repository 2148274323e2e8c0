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
from contextlib import suppress
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
from motiflib.files import ADVICE, InputError, need, read_lines, read_table, sha256, write_atomic
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
    """Train a network on FASTA files (or records), positives against `negatives` or their `shuffle`
    (dinucleotide or mononucleotide), and keep it as the folder `out`.

    Shorter sequences are padded on the right. A tenth is held back for choosing the epoch.
    Interrupted in whatever way, the same call goes on after the last whole epoch, and on a CPU ends
    with the same weights. InputError, and nothing left behind, for what cannot be trained on or
    written, or a loss that is not finite.
    """
    config, training = config or ArgminnConfig(), training or TrainConfig()
    check_settings(config, training, seed)
    given = "neither was" if negatives is None else "both were"
    need((negatives is None) != (shuffle is None), "training needs either negatives or a kind of "
         f"shuffle, {given} given: give one of them")
    need(shuffle in (None, "dinucleotide", "mononucleotide"),
         f"unknown kind of shuffle {shuffle!r}: use dinucleotide or mononucleotide")
    ours, about = _read_class("positives", positives, config.width)
    if negatives is None:
        theirs, other = sequence.shuffle(ours, kind=shuffle, seed=seed), {"shuffle": shuffle}
    else:
        theirs, other = _read_class("negatives", negatives, config.width)
    lengths = [part.get("median_length", about["median_length"]) for part in (about, other)]
    if max(lengths) > 1.2 * min(lengths):
        log.warning("positives are %d bp long and negatives %d (medians): the network may learn "
                    "the length", *lengths)
    y = torch.tensor([1.0] * len(ours) + [0.0] * len(theirs))
    train, held = divide(ours + theirs, y, seed)
    return keep(out, train, held, ArrayBatches(train.examples, seed=seed), config, training,
                seed=seed, about={"data": {"positives": about, "negatives": other}},
                progress=progress)


def check_settings(config: ArgminnConfig, training: TrainConfig, seed: int) -> None:
    """InputError for a setting that no training can have, or a device that is not there."""
    files.within("filters", config.filters, 1, files.FILTERS)
    files.within("width", config.width, 1, files.WIDTH)
    files.within("layers", config.layers, 1, files.LAYERS)
    files.within("epochs", training.epochs, 1, files.EPOCHS)
    files.within("seed", seed, 0, files.SEED)
    accelerator(training)


def _read_class(name: str, source: Sequences, width: int) -> tuple[list[str], dict]:
    where = os.fspath(source) if isinstance(source, (str, os.PathLike)) else name
    records = list(fitting(source, width, where))
    need(len(records) >= 2, f"{where}: {len(records)} {name}; training needs at least 2, and some "
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
    for record in records_of(source):
        bp = len(record.sequence)
        need(bp >= width, f"{where}: record {record.name!r} has {bp} bp, fewer than the filters' "
                          f"width of {width}: leave it out, or train with a smaller --width")
        yield record


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
    folder, made = Path(out), not Path(out).exists()
    asked = {"model": asdict(config), "training": asdict(training), "seed": seed, **about}
    mark, key = folder / "checkpoint" / "training.json", json.dumps(asked, indent=1)
    need(not mark.parent.is_dir() or mark.is_file() and mark.read_text() == key,
         f"{folder}: holds an unfinished training on other data or settings; choose another "
         f"folder, or delete {mark.parent}")
    write_atomic(mark, key)
    for left in folder.glob(".new-*"):  # of a process that was killed while it wrote
        shutil.rmtree(left, ignore_errors=True)
    try:
        model = seeded(config, train.examples, seed=seed, middle=middle)
        result = fit(model, batches, held.examples, training, out=folder, progress=progress)
        result.model.cpu()
        if PartialState().is_main_process:
            save_run(folder, result, train, held, asked)
        PartialState().wait_for_everyone()
    except BaseException as error:  # the mark alone would bar a training with other settings
        if isinstance(error, InputError) or not (mark.parent / "state.pt").exists():
            shutil.rmtree(folder if made else mark.parent, ignore_errors=True)
        raise
    shutil.rmtree(mark.parent, ignore_errors=True)
    return load_run(folder)


def save_run(folder: Path, result: Fit, train: Labelled, held: Labelled, asked: dict) -> None:
    """Read motifs off a network and write all files of a run; `asked` goes into train.json."""
    model, x = result.model, train.examples.x
    log.info("reading motifs off %d filters", model.config.filters)
    found = find_motifs(model, x)
    bound = records_of(train.positives[:500])
    fdr = calibrate(model, found, bound, tile=max(x.shape[2], 2 * model.config.width))
    m = found.members.astype(str)
    read = (m["filter"] + ":" + m.offset + ":" + m.strand).groupby(m.motif).agg(" ".join)
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
    hardware = names[:1] or [platform.processor() or platform.machine()]
    hardware.append(f"{os.cpu_count()} cores")
    hardware += [torch.cuda.get_device_name()] if torch.cuda.is_available() else []
    versions = {"motiflib": __version__, "python": platform.python_version()}
    versions |= {name: version(name) for name in ("torch", "numpy", "accelerate", "tangermeme")}
    return {"hardware": ", ".join(hardware), "versions": versions}


def load_run(folder: str | os.PathLike) -> Run:
    """Read a run back, network in evaluation mode on the CPU; InputError for what is not a finished
    run, whole. Older runs sealed the network only: of other files, what is needed is checked.

    >>> load_run("nowhere")
    Traceback (most recent call last):
    motiflib.files.InputError: nowhere: not there; expected a run, the folder that ...
    """
    folder = Path(folder)
    expected = "expected a run, the folder that `motiflib train --out` made"
    need(folder.is_dir(), f"{folder}: {'a file' if folder.exists() else 'not there'}; {expected}")
    gone = next((file for file in NEEDED if not (folder / file).is_file()), None)
    need(not gone or not (folder / "checkpoint").is_dir(),
         f"{folder}: its training is unfinished; give the same `motiflib train` command again")
    need(not gone, f"{folder}: {gone} is missing; {expected}")
    settings, model = _read_settings(folder), _read_network(folder)
    fdr = read_table(folder / "fdr.tsv", ["score", "fdr"], ["score", "fdr"])
    history = read_table(folder / "history.tsv", ["epoch"])
    found = _read_found(folder, model.config.filters)
    return Run(model.eval(), found, fdr, history, settings, held_out.read(folder))


def _read_json(path: Path) -> dict:
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"{path}: damaged, not JSON; train again") from error
    need(isinstance(content, dict), f"{path}: not of a run; train again")
    return content


def _read_settings(folder: Path) -> dict:
    path = folder / "train.json"
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
    for file, seal in settings.get("files", {}).items():
        path = folder / file
        need(path.is_file() and sha256(path) == seal, f"{path}: not the file that train.json "
             f"describes, damaged or of another run; {ADVICE}")
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
    need([(m.name, m.width) for m in motifs] == list(zip(table.motif, table.length, strict=True)),
         f"{meme}: other motifs than in motifs.tsv beside it; {ADVICE}")
    if not motifs:
        return tabulate([])
    member = r"(?P<filter>\d{1,5}):(?P<offset>-?\d{1,5}):(?P<strand>[+-])"
    members = table.set_index("motif").members.astype(str).str.extractall(member)
    members = members.astype({"filter": int, "offset": int}).reset_index("motif")
    need(set(members.motif) == set(table.motif) and members["filter"].max() < filters,
         f"{path}: 'members' does not name filters of this network; {ADVICE}")
    return Found(motifs, table[COLUMNS], members.reset_index(drop=True))
