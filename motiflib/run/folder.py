"""A run: the folder that holds a training's network, its motifs, and how all of it was made.

config.json, model.safetensors: the network. motifs.meme, motifs.tsv: what its filters read.
evidence.tsv, sites.tsv: what held-out data say of that (`run.evidence`). fdr.tsv: false discovery
rate of each call score. history.tsv: a row an epoch. train.json: settings, data, metrics, machine,
and a checksum of each other file. checkpoint/: while training only, where to go on (`workplace`).
"""

import hashlib
import json
import logging
import math
import os
import platform
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from filelock import FileLock, Timeout
from psutil import pid_exists
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from motiflib import __version__, files, sequence
from motiflib.batches import ArrayBatches, Batches, Examples, split_rows
from motiflib.calling import calibrate
from motiflib.discovery import COLUMNS, Found, find_motifs, tabulate
from motiflib.files import ADVICE, InputError, need, read_lines, sha256, write_atomic
from motiflib.model import Argminn, ArgminnConfig
from motiflib.motif import Motif, read_meme, write_meme
from motiflib.run import evidence as held_out
from motiflib.seeding import seeded
from motiflib.sequence import Record, Sequences, records_of
from motiflib.training import STATES, Fit, TrainConfig, accelerator, evaluate, fit

log = logging.getLogger(__name__)
NEEDED = ("config.json", "model.safetensors", "history.tsv", "motifs.meme", "motifs.tsv", "fdr.tsv",
          "train.json")
FILES = (*held_out.FILES, *NEEDED)  # folders from before there was evidence lack it, can be read
BESIDE = ("examples.tsv", "README.md")  # what else belongs to a run: windows of a genome, a note
MARK = "motiflib.json"  # in checkpoint/: what was asked for; a folder without it is not ours


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
    """Sequences, their positives (records, or letters) in order, and their rows in all data."""

    examples: Examples
    positives: Sequence[Record | str]
    rows: Sequence[int] = ()


def train_run(positives: Sequences, out: str | os.PathLike, *, negatives: Sequences | None = None,
              shuffle: str | None = None, config: ArgminnConfig | None = None,
              training: TrainConfig | None = None, seed: int = 0, force: bool = False,
              progress: bool = True) -> Run:
    """Train a network on FASTA files (or records), positives against `negatives` or their `shuffle`
    (dinucleotide or mononucleotide), and keep it as the folder `out`.

    Shorter sequences are padded on the right. A tenth is held back for choosing the epoch.
    Interrupted in whatever way, the same call goes on after the last whole epoch, and on a CPU ends
    with the same weights; if it is finished, nothing is done. Another finished run is replaced
    only with `force`, and as a whole. InputError
    for what cannot be trained on or written, or a loss that is not finite; nothing is left behind
    unless an epoch is saved.
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
        letters = [record.sequence for record in ours]
        theirs, other = sequence.shuffle(letters, kind=shuffle, seed=seed), {"shuffle": shuffle}
    else:
        theirs, other = _read_class("negatives", negatives, config.width)
    lengths = [part.get("median_length", about["median_length"]) for part in (about, other)]
    if max(lengths) > 1.2 * min(lengths):
        log.warning("positives are %d bp long and negatives %d (medians): the network may learn "
                    "the length", *lengths)
    y = torch.tensor([1.0] * len(ours) + [0.0] * len(theirs))
    train, held = divide(ours + theirs, y, seed)
    return keep(out, train, held, ArrayBatches(train.examples, seed=seed), config, training,
                seed=seed, about={"data": {"positives": about, "negatives": other}}, force=force,
                progress=progress)


def check_settings(config: ArgminnConfig, training: TrainConfig, seed: int) -> None:
    """InputError for a setting that no training can have, or a device that is not there."""
    check_shape(config)
    files.within("epochs", training.epochs, 1, files.EPOCHS)
    files.within("seed", seed, 0, files.SEED)
    accelerator(training)


def check_shape(config: ArgminnConfig) -> None:
    """InputError for a size of a network that does not fit a machine."""
    most = {"width": files.WIDTH, "layers": files.LAYERS}
    for name, value in asdict(config).items():
        least = int(name in ("filters", "width", "layers"))
        files.within(name, value, least, most.get(name, files.FILTERS))


def _read_class(name: str, source: Sequences, width: int) -> tuple[list[Record], dict]:
    where = os.fspath(source) if isinstance(source, (str, os.PathLike)) else name
    records = list(fitting(source, width, where))
    need(len(records) >= 2, f"{where}: {len(records)} {name}; training needs at least 2, and some "
                            "hundreds to learn from")
    need(any(record.sequence.strip("N") for record in records),
         f"{where}: no {name} hold a base, only N; give sequences of A, C, G and T")
    names = pd.Series([record.name for record in records])
    for twice in names[names.duplicated()]:
        raise InputError(f"{where}: two records are named {twice!r}; give each a name of its own")
    lengths, seal = pd.Series([len(r.sequence) for r in records]), hashlib.sha256()
    for record in records:
        seal.update(f">{record.name}\n{record.sequence}\n".encode())
    return records, {
        "name": Path(where).name, "sequences": len(records), "median_length": int(lengths.median()),
        "shortest": int(lengths.min()), "longest": int(lengths.max()),
        "sha256": seal.hexdigest(),
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


def divide(records: Sequence[Record | str], y: Tensor, seed: int) -> tuple[Labelled, Labelled]:
    """Sequences for training and those held out, at random, a tenth of each class; one-hot of one
    byte a base, as there may be a million.

    >>> divide(["ACGT"] * 6, torch.tensor([1.0, 1, 1, 0, 0, 0]), seed=0)[1].rows
    [2, 5]
    """
    letters, parts = [record.sequence for record in records_of(records)], []
    length = max(map(len, letters))
    for rows in split_rows(y, seed=seed):
        mine = [letters[row] for row in rows.tolist()]
        x = torch.empty(len(mine), 4, length, dtype=torch.bool)
        for i in range(0, len(mine), 1000):
            x[i : i + 1000] = sequence.one_hot(mine[i : i + 1000], length)
        known = [records[row] for row in rows[y[rows] > 0.5].tolist()]
        parts.append(Labelled(Examples(x, y[rows]), known, rows.tolist()))
    return tuple(parts)


def keep(out: str | os.PathLike, train: Labelled, held: Labelled, batches: Batches,
         config: ArgminnConfig, training: TrainConfig, *, seed: int, about: dict,
         middle: int | None = None, force: bool = False, progress: bool = True) -> Run:
    """Seed a network (`seeding.seeded`), train it on `batches`, write the run `out`, read it back;
    `about` is what train.json says beside model, training and seed."""
    folder, together = Path(out), accelerator(training)
    asked = {"model": asdict(config), "training": asdict(training), "seed": seed, **about}
    mine = together.is_main_process
    with workplace(folder, asked, force) if mine else nullcontext():
        together.wait_for_everyone()
        if (folder / "checkpoint" / MARK).exists():
            model = seeded(config, train.examples, seed=seed, middle=middle)
            result = fit(model, batches, held.examples, training, out=folder, progress=progress)
            result.model.cpu()
            if mine:
                _write(folder / "checkpoint", result, train, held, asked)
    together.wait_for_everyone()
    run = load_run(folder)
    named = [f"{motif.name} {motif.consensus}" for motif in run.motifs[:4]]
    named = ": " * bool(named) + ", ".join(named) + ", ..." * (len(run.motifs) > 4)
    log.info("%d motif%s%s; AUROC %.2f on %d held-back sequences; motiflib motifs %s --out DIR "
             "writes the report", len(run.motifs), "s" * (len(run.motifs) != 1), named,
             run.settings["metrics"]["auroc"], len(held.examples.y), folder)
    return run


def save_run(folder: Path, result: Fit, train: Labelled, held: Labelled, asked: dict) -> None:
    """Read motifs off a network and keep it as a run; `asked` goes into train.json."""
    with workplace(folder, asked, force=True):
        if (folder / "checkpoint" / MARK).exists():
            _write(folder / "checkpoint", result, train, held, asked)


def is_of(seal: Path, asked: dict) -> bool:
    """Whether a train.json is that of this very training."""
    with suppress(InputError, OSError):  # it is damaged, or not there
        return asked.items() <= _read_json(seal).items()
    return False


@contextmanager
def workplace(folder: Path, asked: dict, force: bool = False) -> Iterator[None]:
    """checkpoint/ of a run that is made, for one process at a time, with MARK in it if there is
    anything to do; what a killed process left is used or goes. It stays after an error if it holds
    a saved epoch. InputError if it is at work for another, or not ours."""
    home, made = folder / "checkpoint", not folder.exists()
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = FileLock(home / "lock", timeout=0)
        names = {path.name for path in home.iterdir() if not path.name.startswith(f".{MARK}.")}
        need(MARK in names or names <= {"lock"}, f"{home}: holds files that are not of a training "
                                                 "by motiflib; choose another folder")
        lock.acquire()
    except Timeout as error:
        raise InputError(f"{folder}: another training is at work there; wait for it, or choose "
                         "another folder") from error
    except OSError as error:
        why = f"{folder}: cannot be written ({error.strerror}); choose another place"
        raise InputError(why) from error
    try:
        _begin(home, json.dumps(asked, indent=1), force)
        yield
        _clear(home)
        shutil.rmtree(home, ignore_errors=True)
    except BaseException:
        if not _saved(home):
            _clear(home)
            shutil.rmtree(home, ignore_errors=True)
            with suppress(OSError):  # what is there beside is not ours
                made and folder.rmdir()
        raise
    finally:
        lock.release()


def _saved(home: Path) -> bool:
    return any((home / name).exists() for name in STATES)


def _clear(home: Path) -> None:
    """Empty the place, its mark last: what a kill leaves of it is still known for ours."""
    for path in home.iterdir():
        if path.name not in (MARK, "lock"):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()
    (home / MARK).unlink(missing_ok=True)


def _begin(home: Path, key: str, force: bool) -> None:
    """Make the place that of this training; a run that was killed when it was whole is put in its
    place first, and if it is this one, nothing is left to do: the mark goes."""
    mark, whole = home / MARK, (home / "run").is_dir()
    same = mark.exists() and mark.read_bytes() == key.encode()
    if whole:
        _publish(home)
        shutil.rmtree(home / "run", ignore_errors=True)
    seal = home.parent / "train.json"
    if whole and same or not force and is_of(seal, json.loads(key)):
        log.info("%s: this training is finished; --force (force=True) trains again", home.parent)
        _clear(home)
        return
    need(force or not seal.exists(), f"{home.parent}: holds a finished run of other data or "
         "settings; choose another folder, or replace it with --force (force=True)")
    need(same or not _saved(home), f"{home.parent}: holds an unfinished training on other data or "
                                   f"settings; choose another folder, or delete {home}")
    shutil.rmtree(home / "new", ignore_errors=True)
    for left in (*home.glob(".*.tmp"), *home.parent.glob(".examples.tsv.*.tmp")):
        left.unlink(missing_ok=True)
    write_atomic(mark, key)


def _publish(home: Path) -> None:
    """Put the files of a whole run in its place, train.json last: without it there is none, and the
    next `_begin` goes on. An earlier run's go with its seal."""
    folder, whole = home.parent, home / "run"
    if (whole / "train.json").exists():
        for name in ("train.json", "examples.tsv"):
            (folder / name).unlink(missing_ok=True)
    for file in filter(lambda name: (whole / name).exists(), FILES):
        os.replace(whole / file, folder / file)
    for name in STATES:
        (home / name).unlink(missing_ok=True)


def _write(home: Path, result: Fit, train: Labelled, held: Labelled, asked: dict) -> None:
    """Read motifs off a network, write all files of a run beside its place, then put them there."""
    model, (x, y), new = result.model, train.examples, home / "new"
    log.info("reading motifs off %d filters", model.config.filters)
    found = find_motifs(model, x[:: max(-(-len(x) // 4000), 1)].float())
    bound = records_of(train.positives[:500])
    fdr = calibrate(model, found, bound, tile=max(x.shape[2], 2 * model.config.width))
    m = found.members.astype(str)
    read = (m["filter"] + ":" + m.offset + ":" + m.strand).groupby(m.motif).agg(" ".join)
    table = found.table.assign(members=found.table.motif.map(read))
    evidence = held_out.gather(model, found, held.examples, held.positives)
    metrics = evaluate(model, held.examples)
    doubts = held_out.doubts(torch.cat([y.cpu(), held.examples.y.cpu()]), held.examples.y,
                             metrics["auroc"], evidence.support)
    try:
        new.mkdir()
        model.save_pretrained(new)
        result.history.to_csv(new / "history.tsv", sep="\t", index=False)
        fdr.to_csv(new / "fdr.tsv", sep="\t", index=False, float_format="%.4g")
        write_meme(new / "motifs.meme", found.motifs)
        table.to_csv(new / "motifs.tsv", sep="\t", index=False)
        held_out.write(evidence, new)
        about = asked | {
            "validation_sequences": len(held.examples.y), "metrics": metrics, "warnings": doubts,
            "minutes": round(result.history.seconds.sum() / 60, 2), **machine(),
            "files": {file: sha256(new / file) for file in FILES if file != "train.json"},
        }
        write_atomic(new / "train.json", json.dumps(about, indent=1) + "\n")
        for file in FILES:  # some were made by way of a private temporary file
            (new / file).chmod((new / "train.json").stat().st_mode)
        new.rename(home / "run")
        _publish(home)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{home.parent}: the run cannot be written ({error}); its training is "
                         "kept: make room, then give the same command again") from error
    for doubt in doubts:
        log.warning("%s", doubt)


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


def sweep(place: Path) -> None:
    """Remove what processes that were killed have left of a file that they wrote."""
    place = Path(os.path.realpath(place))
    ours = re.compile(re.escape(f".{place.name}.") + "([0-9]{1,9})[.][0-9a-f]{8}[.]tmp")
    for left in place.parent.iterdir() if place.parent.is_dir() else ():
        if (named := ours.fullmatch(left.name)) and not pid_exists(int(named[1])):
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink()


@contextmanager
def all_or_none(folder: Path) -> Iterator[Path]:
    """A folder to write into; at the end, what is there moves into `folder`, if all of it could be
    written."""
    made, name = not folder.exists(), folder.absolute().name
    sweep(folder / name)
    scratch = folder / f".{name}.{os.getpid()}.{os.urandom(4).hex()}.tmp"
    try:
        yield scratch
        for path in scratch.iterdir():
            path.replace(folder / path.name)
    except InputError as error:
        raise InputError(str(error).replace(str(scratch), str(folder))) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        with suppress(OSError):  # if something is in it, or it is another's
            made and folder.rmdir()


def load_run(folder: str | os.PathLike) -> Run:
    """Read a run back, network in evaluation mode on the CPU; InputError for what is not a finished
    run, whole. Older runs sealed the network only: of other files, what is needed is checked.

    >>> load_run("nowhere")
    Traceback (most recent call last):
    motiflib.files.InputError: nowhere: not there; expected a run, the folder that ...
    """
    seal = Path(folder) / "train.json"
    before = seal.read_bytes() if seal.is_file() else b""
    try:
        run = _load(Path(folder))
    except InputError:
        if seal.is_file() and seal.read_bytes() != before:  # replaced by another run meanwhile
            return load_run(folder)
        raise
    return run if seal.is_file() and seal.read_bytes() == before else load_run(folder)


def _load(folder: Path) -> Run:
    expected = "expected a run, the folder that `motiflib train --out` made"
    need(folder.is_dir(), f"{folder}: {'a file' if folder.exists() else 'not there'}; {expected}")
    gone = next((file for file in NEEDED if not (folder / file).is_file()), None)
    need(not gone or not (folder / "checkpoint").is_dir(),
         f"{folder}: its training is unfinished; give the same `motiflib train` command again")
    need(not gone, f"{folder}: {gone} is missing; {expected}")
    settings, model = _read_settings(folder), _read_network(folder)
    share, most = held_out.SHARE, held_out.NUMBER
    rules = {"score": share, "per_mb": most, "background_per_mb": most, "fdr": share}
    fdr = held_out.read_columns(folder / "fdr.tsv", rules)
    history = held_out.read_columns(folder / "history.tsv", {"epoch": most}, others=most)
    found = _read_found(folder, model.config)
    evidence = held_out.read(folder, list(found.table.motif))
    return Run(model.eval(), found, fdr, history, settings, evidence)


def _read_json(path: Path) -> dict:
    try:
        content = json.loads(path.read_text())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: damaged, not JSON; train again") from error
    need(isinstance(content, dict), f"{path}: not of a run; train again")
    return content


def _read_settings(folder: Path) -> dict:
    path = folder / "train.json"
    settings = _read_json(path)
    looked_into = {
        "data": lambda data: type(_length(data)) is int and 0 < _length(data) <= files.LENGTH,
        "metrics": lambda metrics: all(map(math.isfinite, metrics.values())),
        "files": lambda seals: set(NEEDED[:2]) <= seals.keys() <= set(FILES),
        "warnings": lambda doubts: all(isinstance(doubt, str) for doubt in doubts),
    }
    for name, fits in looked_into.items():
        with suppress(AttributeError, TypeError):  # of another kind of thing
            if fits(settings.get(name, {})):
                continue
        raise InputError(f"{path}: {name!r} does not hold what it should; {ADVICE}")
    for file, seal in settings.get("files", {}).items():
        path = folder / file
        need(path.is_file() and sha256(path) == seal, f"{path}: not the file that train.json "
             f"describes, damaged or of another run; {ADVICE}")
    return settings


def _read_network(folder: Path) -> Argminn:
    """The network, without memory for its shape before the weights are known to be of it."""
    shape, weights = folder / "config.json", folder / "model.safetensors"
    config = _read_json(shape)
    try:
        check_shape(ArgminnConfig(**config))
        with torch.device("meta"):
            model = Argminn(ArgminnConfig(**config))
    except (TypeError, ValueError, RuntimeError, ArithmeticError) as error:
        why = str(error).replace("ArgminnConfig.__init__() ", "").partition("\n")[0]
        raise InputError(f"{shape}: not the shape of a network ({why}); train again") from error
    try:
        state = load_file(weights)
    except SafetensorError as error:
        raise InputError(f"{weights}: not the weights of this network; train again") from error
    ours, theirs = ({name: value.shape for name, value in part.items()}
                    for part in (model.state_dict(), state))
    need(ours == theirs, f"{weights}: not the weights of this network; train again")
    need(all(value.isfinite().all() for value in state.values()),
         f"{weights}: holds weights that are not finite; {ADVICE}")
    model.to_empty(device="cpu").load_state_dict(state)
    return model


def _read_found(folder: Path, config: ArgminnConfig) -> Found:
    path, meme, most = folder / "motifs.tsv", folder / "motifs.meme", 9 * config.width
    member, number = r"(?P<filter>\d{1,5}):(?P<offset>-?\d{1,4}):(?P<strand>[+-])", held_out.NUMBER
    one = re.sub(r"\?P<\w+>", "", member)
    rules = {"motif": held_out.NAME, "consensus": "[ACGTN]+", "filter": (0, config.filters - 1),
             "offset": (-most, most), "length": (1, most), "information_bits": number,
             "sites": (0, files.SEQUENCES), "contribution": number, "members": f"{one}( {one})*"}
    table = held_out.read_columns(path, rules)
    some = any(line.startswith("MOTIF") for line in read_lines(meme))
    motifs = read_meme(meme) if some else []  # a MEME file without a motif is an error elsewhere
    need([(m.name, m.width) for m in motifs] == list(zip(table.motif, table.length, strict=True)),
         f"{meme}: other motifs than in motifs.tsv beside it; {ADVICE}")
    need(table.motif.is_unique, f"{path}: two motifs have one name; {ADVICE}")
    if not motifs:
        return tabulate([])
    members = table.set_index("motif").members.astype(str).str.extractall(member)
    members = members.astype({"filter": int, "offset": int}).reset_index("motif")
    need(members["filter"].max() < config.filters and members.offset.abs().max() <= most,
         f"{path}: 'members' does not name filters of this network; {ADVICE}")
    return Found(motifs, table[COLUMNS], members.reset_index(drop=True))
