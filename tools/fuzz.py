"""Damaged and hostile inputs for every parser of motiflib, in process, many a second.

    python tools/fuzz.py                        # all parsers, minutes
    python tools/fuzz.py --count 2000 --seed 1  # fewer cases, others
    python tools/fuzz.py --only run:config.json --case 17   # one case again, with its traceback

Parsers: FASTA, peaks (BED, narrowPeak), VCF (and its variants on a genome), MEME, genome FASTA
(plain, gzip, BGZF), each file of a run's folder (with the seal in train.json mended to fit, and
without), a training's checkpoint. Each case is a good input with one to three mutations, drawn
from the seed, the parser's name and the case's number alone. Allowed are a result, or InputError
of one printable line under 300 characters. Failures: any other exception, a warning on stderr, more
than 10 s, memory above the limit, a file written outside the output folder, `<script>` in a report,
a changed file that its seal does not betray. `--count` is for the quick parsers; the slow ones get
their SHARE of it. Gzip bombs of 1 GB follow, two minutes each at most. Cases run in forked
children, so that a crash is a failure like others. Prints a table; exit code 1 if anything failed.
"""

from __future__ import annotations

import argparse
import copy
import gzip
import hashlib
import io
import json
import logging
import math
import mmap
import os
import pickle
import random
import re
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_THREADING_LAYER", "workqueue")  # OpenMP does not survive a fork

import numpy as np
import pandas as pd
import torch

import motiflib
from motiflib.batches import ArrayBatches, Examples
from motiflib.calling import call
from motiflib.files import InputError, sha256
from motiflib.genome.fasta import Genome
from motiflib.genome.peaks import on_genome, read_intervals, windows
from motiflib.genome.variants import on_reference, read_vcf
from motiflib.model import Argminn, ArgminnConfig
from motiflib.motif import read_meme
from motiflib.run import report
from motiflib.run.folder import FILES, MARK, Run, load_run, train_run
from motiflib.sequence import one_hot, records_of
from motiflib.training import TrainConfig, fit

LIMIT, LONG = 10, 120  # seconds of a case, of a bomb
ROOM = 768 << 20  # bytes that a case may take, beyond what the process has when it starts
LINE = 300  # characters of a message
CHUNK = 500  # cases a child
HOME = Path(motiflib.__file__).parent
STORED = Path(__file__).resolve().parents[1] / "data" / "models" / "rest"  # a good run
NUMBERS = [
    *"-1 0 -0 1.5 +5 1e5 1e999 -1e999 1e-400 1e308 nan NaN inf -inf 0x10 1_0 4294967296".split(),
    *"9223372036854775807 9223372036854775808 -9223372036854775809 １２ ١ 1000000".split(),
    "1" + "0" * 30, "1" * 400, "1" * 5000, "",
]
WORDS = [
    "/abs/x", "../../x", "<script>alert(1)</script>", "", " ", ".", "..", "a b", "é", "名",
    "\u202e", "\u2028", "\x85", "\x1b[31m", "\x07", "%s%n", "{0}", "{{ 7 * 7 }}", "'\"", "\\",
    "=1+1", "#", "None", "True", "nan", "NA", "A" * 300, "A" * 5000, "<script>" * 9, "x/y",
    "a,b;c|d", "-", "\0", "M1", "chr1", "1:0:+", "$x_1$", "$\\frac$", "_^{",
]
ODD = [None, True, False, [], {}, "", "x", "<script>alert(1)</script>", "../../x", 0, -1, 1.5,
       10**6, 10**9, 10**12, 2**63, 10**30, -(10**30), 1e308, math.nan, math.inf, [1], {"a": 1},
       [[]]]


class TooLong(BaseException):
    """Not an Exception, so that no parser takes it for its own."""


class Escape(BaseException):
    """Something wanted to write outside the folders that it may write in."""


class Case(NamedTuple):
    """What is written for a parser: the file's bytes, how they were made, settings of `read`."""

    data: bytes
    told: str
    extra: dict


class Failure(NamedTuple):
    parser: str
    kind: str
    place: str
    number: int
    told: str
    data: bytes
    trace: str


@dataclass
class Parser:
    """`read` gets the folder of the case and the case; `use` what was read, for a part of cases."""

    name: str
    make: Callable[[random.Random], Case]
    read: Callable[[Path, Case], object]
    use: Callable[[object, Path], None] | None = None
    often: float = 1.0  # part of what was read that is used too
    share: float = 1.0  # of --count
    bombs: dict[str, Case] = field(default_factory=dict)


# Mutations: each takes a random source and bytes, and gives bytes.


def at(rng: random.Random, data: bytes, most: int = 1) -> int:
    return rng.randrange(len(data) + most) if data or most else 0


def flip(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        if data:
            data[at(rng, data, 0)] ^= 1 << rng.randrange(8)
    return bytes(data)


def insert(rng, data):
    place = at(rng, data)
    new = rng.choice([b"\0", b"\xff", b"\xff\xfe", b"\r", b"\t", b" ", b"\n\n", b"\x1b[2J", b"\x0c",
                      b"\x1f\x8b", b">", b"#", "\ufeff".encode(), "\u2029".encode(), b"\x1a"])
    return data[:place] + new + data[place:]


def cut(rng, data):
    return data[: at(rng, data)]


def behead(rng, data):
    return data[at(rng, data) :]


def remove(rng, data):
    place = at(rng, data)
    return data[:place] + data[place + rng.choice([1, 2, 9, 99]) :]


def repeat(rng, data):
    return data * rng.choice([2, 3, 20])


def lines_changed(rng, data):
    lines = data.splitlines(keepends=True) or [b""]
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    way = rng.choice(["delete", "double", "swap", "move", "blank", "join", "many"])
    if way == "delete":
        del lines[i]
    elif way == "double":
        lines.insert(j, lines[i])
    elif way == "swap":
        lines[i], lines[j] = lines[j], lines[i]
    elif way == "move":
        lines.insert(j, lines.pop(i))
    elif way == "blank":
        lines.insert(i, rng.choice([b"\n", b" \n", b"\t\n", b"\t\t\t\t\n", b"#\n"]))
    elif way == "join":
        lines[i] = lines[i].rstrip(b"\r\n")
    else:
        lines[i:i] = [lines[i]] * 1000
    return b"".join(lines)


def columns_changed(rng, data):
    lines = data.split(b"\n")
    tab = b"\t" if b"\t" in data else b" "
    rows = range(len(lines)) if rng.random() < 0.5 else [rng.randrange(len(lines))]
    most = max(len(line.split(tab)) for line in lines)
    i, j, way = rng.randrange(most), rng.randrange(most), rng.choice(["delete", "double", "swap"])
    for row in rows:
        cells = lines[row].split(tab)
        if max(i, j) < len(cells):
            if way == "delete":
                del cells[i]
            elif way == "double":
                cells.insert(j, cells[i])
            else:
                cells[i], cells[j] = cells[j], cells[i]
        lines[row] = tab.join(cells)
    return b"\n".join(lines)


def replaced(pattern: bytes, words: list[str]):
    def change(rng, data):
        found = list(re.finditer(pattern, data))
        new = rng.choice(words).encode()
        if not found:
            return data + new
        if rng.random() < 0.2:  # everywhere, as where names of two files must agree
            return data.replace(rng.choice(found).group(), new)
        match = rng.choice(found)
        return data[: match.start()] + new + data[match.end() :]

    return change


number_changed = replaced(rb"-?\d+(\.\d+)?(e-?\d+)?", NUMBERS)
word_changed = replaced(rb"[^\s\"]+", WORDS)
name_changed = replaced(rb"[A-Za-z_]\w*", WORDS)


def ends_changed(rng, data):
    way = rng.randrange(5)
    if way == 0:
        return data.replace(b"\n", b"\r\n")
    if way == 1:
        return data.replace(b"\n", b"\r")
    if way == 2:
        return "\ufeff".encode() + data
    if way == 3:
        return data.rstrip(b"\n")
    return data.decode("utf-8", "replace").encode(rng.choice(["utf-16", "utf-32", "utf-16-le"]))


def long_line(rng, data):
    place = at(rng, data)
    return data[:place] + rng.choice([b"A", b" ", b"1", b"\t", b"9\t"]) * 50_000 + data[place:]


def emptied(rng, data):
    return rng.choice([b"", b"\n", b" ", b"\0" * 99, b"\n" * 999, b"\xff" * 9])


def packed(rng, data):
    data = gzip.compress(data, 1)
    way = rng.randrange(6)
    if way == 1:
        data = data[: at(rng, data)]
    elif way == 2:
        data = flip(rng, data)
    elif way == 3:
        data = data + rng.choice([b"junk", b"\0" * 9, data, data[:9]])
    elif way == 4:
        data = gzip.compress(data, 1)
    return data


TEXT = [flip, insert, cut, behead, remove, repeat, lines_changed, lines_changed, columns_changed,
        columns_changed, number_changed, number_changed, word_changed, word_changed, name_changed,
        ends_changed, long_line, emptied, packed]


def texts(seeds: list[bytes], ways=TEXT, **extra):
    """Cases of a text format: one to three mutations of one of these good inputs."""
    def make(rng: random.Random) -> Case:
        data, told = rng.choice(seeds), []
        for _ in range(rng.choice([1, 1, 2, 3])):
            way = rng.choice(ways)
            data = way(rng, data)
            told.append(getattr(way, "told", way.__name__))
        return Case(data[: 1 << 22], " + ".join(told), dict(extra))

    return make


for _way, _told in ((number_changed, "number"), (word_changed, "word"), (name_changed, "name")):
    _way.told = _told


def places(thing, path=()) -> Iterator[tuple]:
    """The paths of all things inside a nest of dictionaries and lists."""
    items = thing.items() if isinstance(thing, dict) else enumerate(thing)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, (dict, list)):
            yield from places(value, (*path, key))


def nest_changed(rng, thing, odd: list) -> str:
    """Change one place of a nest, in place; in words."""
    found = list(places(thing))
    if not found:
        return "nothing"
    *way, key = rng.choice(found)
    holder = thing
    for step in way:
        holder = holder[step]
    where, new = "/".join(map(str, (*way, key))), rng.choice(odd)
    do = rng.choice(["set", "set", "set", "delete", "rename", "add", "swap"])
    if do == "delete":
        del holder[key]
    elif do == "rename" and isinstance(holder, dict):
        holder[rng.choice(WORDS)] = holder.pop(key)
    elif do == "add":
        if isinstance(holder, dict):
            holder[rng.choice(["x", "", "files", "data", "length", "class", *WORDS])] = new
        else:
            holder.append(new)
    elif do == "swap":
        other = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        holder[key], holder[other] = holder[other], holder[key]
    else:
        do, holder[key] = "set", copy.deepcopy(new)
    return f"{do} {where[:60]}" + (f" = {str(new)[:30]!r}" if do in ("set", "add") else "")


def json_changed(rng, data):
    thing = json.loads(data)
    told = [nest_changed(rng, thing, ODD) for _ in range(rng.choice([1, 1, 2]))]
    return json.dumps(thing, indent=1).encode(), told


DEEP = [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 900 + b"]" * 900, b'"x"', b"3", b"null", b"NaN",
        b'{"filters": ' + b"1" * 5000 + b"}", b'{"filters": ' + b"1" * 4000 + b"}"]


def jsons(seed: bytes, **extra):
    """Cases of a JSON file: its keys and values, else its text."""
    text = texts([seed], **extra)

    def make(rng: random.Random) -> Case:
        way = rng.random()
        if way < 0.6:
            data, told = json_changed(rng, seed)
            return Case(data, "; ".join(told), dict(extra))
        if way < 0.63:
            data = rng.choice(DEEP)
            return Case(data, f"all of it {data[:20]!r}... ({len(data)} bytes)", dict(extra))
        return text(rng)

    return make


def tensors(seed: bytes, **extra):
    """Cases of a safetensors file: its header, its numbers, its bytes."""
    size = struct.unpack("<Q", seed[:8])[0]
    header, body = json.loads(seed[8 : 8 + size]), seed[8 + size :]

    def make(rng: random.Random) -> Case:
        way, mine = rng.randrange(6), copy.deepcopy(header)
        if way == 0:
            data, told = flip(rng, seed), "flip"
        elif way == 1:
            change = rng.choice([cut, behead, remove, repeat, emptied, insert, packed])
            data, told = change(rng, seed), change.__name__
        elif way == 2:
            length = rng.choice([0, 1, size - 1, size + 1, 2**31, 2**63, 2**64 - 1, 10**9])
            data, told = struct.pack("<Q", length) + seed[8:], f"header length {length}"
        elif way == 3:
            name = rng.choice([key for key in mine if key != "__metadata__"])
            start, end = mine[name]["data_offsets"]
            value = rng.choice([math.nan, math.inf, -math.inf, 1e38, -1e38, 0.0, 1e-40])
            whole = np.frombuffer(body, np.float32).copy()
            whole[start // 4 : end // 4 if rng.random() < 0.5 else start // 4 + 1] = value
            data, told = seed[: 8 + size] + whole.tobytes(), f"{name} = {value}"
        else:
            name, told = rng.choice(list(mine)), ""
            if way == 4 and name != "__metadata__":
                mine[name]["dtype"] = rng.choice(["F64", "F16", "BF16", "I64", "BOOL", "U8", "C64",
                                                  "F8_E5M2", "X", ""])
                told = f"dtype of {name} {mine[name]['dtype']}"
            else:
                told = nest_changed(rng, mine, ODD)
            text = json.dumps(mine).encode()
            data = struct.pack("<Q", len(text)) + text + body
        return Case(data, told, dict(extra))

    return make


class Evil:
    """Unpickled, it would run a command."""

    def __reduce__(self):
        return os.system, ("echo owned > owned.txt",)


def states(seed: bytes):
    """Cases of a checkpoint: its dictionary, its bytes, other pickles."""
    seal = seed[:32] if hashlib.sha256(seed[32:]).digest() == seed[:32] else b""  # may stand first
    state = torch.load(io.BytesIO(seed[len(seal) :]), weights_only=True)
    odd = [*ODD, torch.zeros(0), torch.zeros(3), torch.tensor(math.nan), 2**70, "a" * 9999,
           torch.zeros(2, 2).to_sparse(), torch.zeros(3, dtype=torch.complex64),
           torch.zeros(3, device="meta")]

    def make(rng: random.Random) -> Case:
        case = damaged(rng)
        if seal and not case.data.startswith(seal):  # mended to fit
            return case._replace(data=hashlib.sha256(case.data).digest() + case.data)
        return case

    def damaged(rng: random.Random) -> Case:
        way = rng.random()
        if way < 0.6:
            mine = copy.deepcopy(state)
            told = [nest_changed(rng, mine, odd) for _ in range(rng.choice([1, 1, 2]))]
            if rng.random() < 0.3:
                name = rng.choice(list(state["model"]))
                value = rng.choice([math.nan, math.inf, 1e38, 0.0])
                for part in (mine.get("model"), mine.get("best")):
                    if isinstance(part, dict) and isinstance(part.get(name), torch.Tensor):
                        with torch.no_grad():
                            part[name] = torch.full_like(part[name], value)
                told.append(f"{name} = {value}")
            file = io.BytesIO()
            torch.save(mine, file, _use_new_zipfile_serialization=rng.random() < 0.9)
            return Case(file.getvalue(), "; ".join(told), {})
        if way < 0.65:
            file, others = io.BytesIO(), [Evil(), {"model": Evil()}, [], 3, None, odd[-1]]
            thing = rng.choice(others)
            (torch.save if rng.random() < 0.7 else pickle.dump)(thing, file)
            return Case(file.getvalue(), f"a pickle of {thing!r:.40}", {})
        change = rng.choice([flip, flip, cut, behead, remove, repeat, insert, emptied, packed])
        return Case(change(rng, seed), change.__name__, {})

    return make


def bomb(head: bytes, block: bytes, tail: bytes = b"") -> bytes:
    """A small gzip that unpacks to 1 GB: the same member over and over."""
    block = block * ((8 << 20) // len(block))
    times = (1 << 30) // len(block)
    return gzip.compress(head) + gzip.compress(block) * times + gzip.compress(tail)


def bombs(head: bytes, comment: bytes) -> dict[str, Case]:
    """Of zeros, of one endless line, of long lines that say nothing."""
    about = {"zeros": (b"", b"\0"), "one line": (head, b"A"),
             "comments": (b"", comment + b"x" * 999_000 + b"\n")}
    return {name: Case(bomb(*parts), f"bomb: {name}", {}) for name, parts in about.items()}


# Good inputs, and what reads them.


def planted(n: int, length: int = 60, seed: int = 0) -> list[tuple[str, str]]:
    """Sequences that hold GATTACAG somewhere."""
    rng, out = random.Random(seed), []
    for i in range(n):
        letters, start = "".join(rng.choices("ACGT", k=length)), rng.randrange(length - 8)
        out.append((f"s{i}", letters[:start] + "GATTACAG" + letters[start + 8 :]))
    return out


SHAPE = ArgminnConfig(filters=2, width=8, layers=1, token=8, stream=16, heads=2, position=4,
                      candidates=6, neighbourhood=10)
FA = b">s0 first\nACGTACGTNNacgtnACGT\nGATTACA\n>s1\nGGGTTTAA\n\n>s2\tthird\nACGTACGT\n"
BED = (b"# peaks\ntrack name=x\nc1\t10\t20\nc1\t12\t40\tp1\t7.5\t+\nc2\t0\t9\tp2\t0\t-\n")
NARROW = b"c1\t10\t20\tp1\t100\t.\t5.5\t3.2\t-1\t5\nc2\t5\t30\tp2\t0\t+\t1\t2\t3\t-1\n"
SPACED = b"browser position c1:1-9\nc1 10 20 a\nc2 3 9 b 0 -\n"
VCF = (b"##fileformat=VCFv4.2\n"
       b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
       b"c1\t3\trs1\tG\tA\t.\tPASS\t.\nc1\t10\t.\tC\tCTT,G\t9\t.\tAF=0.5\nc2\t1\tx\tGATT\tG\n")
GENOME = (b">c1 one\nACGTACGTACGTNNNNACGTACGT\nACGTACGTRYACGTACGTACGTAC\nACGT\n"
          b">c2\n" + b"GATTACA" * 9)
MEME = (b"MEME version 5\n\nALPHABET= ACGT\n\nstrands: + -\n\nBackground letter frequencies\n"
        b"A 0.25 C 0.25 G 0.25 T 0.25\n\nMOTIF M1 MA0001.1\n"
        b"letter-probability matrix: alength= 4 w= 3 nsites= 20 E= 0\n"
        b"0.97 0.01 0.01 0.01\n0.1 0.2 0.3 0.4\n1 0 0 0\n\nMOTIF M2\n"
        b"letter-probability matrix: alength= 4 w= 1\n0.25 0.25 0.25 0.25\n")


def written(folder: Path, name: str, data: bytes) -> Path:
    """The file of a case by its short name, as the process stands in the folder."""
    Path(name).write_bytes(data)
    return Path(name)


def reading(name: str, read: Callable) -> Callable:
    return lambda folder, case: read(written(folder, case.extra.get("name", name), case.data))


def use_intervals(table: pd.DataFrame, folder: Path) -> None:
    chroms = {"c1": 52, "c2": 63}
    for rename in (False, True):
        windows(on_genome(table, chroms, rename=rename, some=rename), chroms, 20)


def use_genome(genome: Genome, folder: Path) -> None:
    for name, length in genome.chroms.items():
        genome.fetch(name, length - 1, length)
        genome.fetch(name, 0, min(length, 1 << 20))


def genomes(rng: random.Random) -> Case:
    """Damaged before it is packed, or after."""
    kind, text = rng.choice(["plain", "gzip", "bgzf"]), texts([GENOME])
    case = text(rng)
    if kind == "plain":
        return case
    name, good = rng.choice(["g.fa.gz", "g.fa.gz", "g.fa"]), rng.random() < 0.5
    data = GENOME * 300 if rng.random() < 0.1 else GENOME if good else case.data
    data, told = pack(kind, data), case.told
    if good:
        change = rng.choice([flip, flip, cut, behead, remove, repeat, insert])
        data, told = change(rng, data), change.__name__
    return Case(data, f"{kind}: {told}", {"name": name})


def pack(kind: str, data: bytes) -> bytes:
    if kind == "gzip":
        return gzip.compress(data, 1)
    from Bio.bgzf import BgzfWriter

    file = io.BytesIO()
    writer = BgzfWriter(fileobj=file)
    writer.write(data)
    writer.flush()
    out = file.getvalue()
    return out + bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def quick_names(motifs: list, *, targets=None) -> pd.DataFrame:
    """`name_motifs` without TOMTOM, which takes a second."""
    rows = [(m.name, m.consensus, m.width, round(m.information_bits, 2), m.sites, "MA0138.3",
             "REST", 0.5, 0.1) for m in motifs]
    return pd.DataFrame(rows, columns=["motif", "consensus", "length", "information_bits", "sites",
                                       "jaspar_id", "jaspar_name", "p_value", "correlation"])


def run_reader(base: Path) -> Callable:
    """Reads a copy of a run in which one file is the case's."""
    good = {name: (base / name).read_bytes() for name in FILES}

    def read(folder: Path, case: Case) -> Run:
        name, mended, run = case.extra["name"], case.extra["mended"], Path("run")
        run.mkdir(exist_ok=True)
        for file, data in good.items():
            if not (run / file).is_file() or (run / file).stat().st_size != len(data):
                (run / file).write_bytes(data)
        (run / name).write_bytes(case.data)
        settings = json.loads(good["train.json"])
        if mended and name != "train.json":
            settings["files"][name] = sha256(run / name)
        if name != "train.json":
            (run / "train.json").write_text(json.dumps(settings))
        try:
            loaded = load_run(run)
        finally:
            (run / name).write_bytes(good[name])
        if not mended and name != "train.json" and case.data != good[name]:
            raise AssertionError("changed, and the seal did not betray it")
        return loaded

    return read


def use_run(run: Run, folder: Path) -> None:
    """What loads can also be used: a page of motifs, calls."""
    call(run.model, run.found, [("a", "ACGTTGATTACAGTTACGAC" * 2)], tile=run.tile)
    out = folder / "out"
    report.write_motifs(run, out)
    page = (out / "report.html").read_text()
    assert "<script" not in page.lower(), "raw <script> in report.html"


def run_parsers(base: Path) -> list[Parser]:
    read, parsers = run_reader(base), []
    for name in FILES:
        data = (base / name).read_bytes()
        kind = {".json": jsons, ".safetensors": tensors}.get(Path(name).suffix)
        make = kind(data) if kind else texts([data])

        def case(rng, make=make, name=name):
            one = make(rng)
            extra = {"name": name, "mended": rng.random() < 0.85}
            told = one.told + ("" if extra["mended"] else " (seal as it was)")
            return Case(one.data, told, extra)

        parser = Parser(f"run:{name}", case, read, use_run, often=0.03, share=0.05)
        if name == "motifs.meme":
            for title, one in bombs(b"MOTIF ", b"#").items():
                parser.bombs[title] = one._replace(extra={"name": name, "mended": True})
        parsers.append(parser)
    return parsers


class Stopped(Exception):
    """Stops a training after its first epoch."""


class Stopping(ArrayBatches):
    def epoch(self, number: int):
        if number == 1:
            raise Stopped
        return super().epoch(number)


SHORT = TrainConfig(epochs=2, device="cpu")


def short_examples() -> Examples:
    ours = [letters for _, letters in planted(20, 30)]
    theirs = [letters[::-1] for letters in ours]
    return Examples(one_hot(ours + theirs), torch.tensor([1.0] * 20 + [0.0] * 20))


def go_on(folder: Path, batches=ArrayBatches) -> object:
    """The training that is taken up: two epochs on 40 sequences."""
    torch.manual_seed(0)
    data = short_examples()
    return fit(Argminn(SHAPE), batches(data), data, SHORT, out=folder, progress=False)


def stopped(folder: Path) -> bytes:
    """The checkpoint of a training that was stopped after its first epoch."""
    try:
        go_on(folder, Stopping)
    except Stopped:
        return (folder / "checkpoint" / "state.pt").read_bytes()
    raise AssertionError("the training was not stopped")


def state_reader(whole: tuple[str, bytes]) -> Callable:
    """Takes the case's checkpoint up, alone or, where it is that of a command, as the command."""
    def read(folder: Path, case: Case) -> object:
        out = folder / "out"
        (out / "checkpoint").mkdir(parents=True, exist_ok=True)
        (out / "checkpoint" / "state.pt").write_bytes(case.data)
        if not case.extra.get("command"):
            return go_on(out)
        (out / "checkpoint" / MARK).write_text(whole[0])
        return train_short(out)

    return read


def train_short(out: Path) -> Run:
    return train_run(planted(20, 30), out, shuffle="mononucleotide", config=SHAPE, training=SHORT,
                     progress=False)


def stopped_command(folder: Path) -> tuple[str, bytes]:
    """What `train_run` leaves when it is killed after its first epoch: its mark, its checkpoint."""
    real = motiflib.training.Trainer.epoch

    def epoch(self, *given):
        if self.history:
            raise Stopped
        return real(self, *given)

    motiflib.training.Trainer.epoch = epoch
    try:
        train_short(folder)
    except Stopped:
        pass
    finally:
        motiflib.training.Trainer.epoch = real
    place = folder / "checkpoint"
    return (place / MARK).read_text(), (place / "state.pt").read_bytes()


def state_parser(place: Path) -> Parser:
    alone, whole = stopped(place / "alone"), stopped_command(place / "command")
    makers = states(alone), states(whole[1])

    def make(rng: random.Random) -> Case:
        command = rng.random() < 0.1
        case = makers[command](rng)
        return Case(case.data, case.told + (" (train)" if command else ""), {"command": command})

    parser = Parser("checkpoint", make, state_reader(whole), share=0.05)
    file = io.BytesIO()  # zipfile finds the archive behind a seal, too
    with zipfile.ZipFile(io.BytesIO(alone)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            data = bytes(1 << 30) if name.endswith("data/0") else old.read(name)
            new.writestr(name, data, zipfile.ZIP_DEFLATED)
    data = file.getvalue()
    seal = hashlib.sha256(data).digest() if not alone.startswith(b"PK") else b""
    parser.bombs["zip"] = Case(seal + data, "bomb: 1 GB, deflated, as data/0", {})
    return parser


def all_parsers(place: Path, only: str | None = None) -> list[Parser]:
    """Every parser, with good inputs that it makes in `place`."""
    fits = lambda name: only is None or name.startswith(only)  # noqa: E731
    (place / "ref.fa").write_bytes(GENOME)
    genome = Genome(place / "ref.fa")

    def use_vcf(table: pd.DataFrame, folder: Path) -> None:
        for rename in (False, True):
            on_reference(genome, table, 20, rename=rename, where="v.vcf", least=8)

    parsers = [
        Parser("fasta", texts([FA, FA * 1]), reading("s.fa", lambda p: list(records_of(p))),
               bombs=bombs(b">s\n", b">")),
        Parser("intervals", texts([BED, NARROW, SPACED]), reading("p.bed", read_intervals),
               use_intervals, often=0.2, bombs=bombs(b"c1\t1\t2\t", b"#")),
        Parser("vcf", texts([VCF]), reading("v.vcf", read_vcf), use_vcf, often=0.3,
               bombs=bombs(b"c1\t3\t.\tG\t", b"#")),
        Parser("meme", texts([MEME]), reading("m.meme", read_meme), bombs=bombs(b"MOTIF ", b"#")),
        Parser("genome", genomes, reading("g.fa", Genome), use_genome, share=0.25,
               bombs=bombs(b">c1\n", b">")),
    ]
    parsers = [parser for parser in parsers if fits(parser.name)]
    if any(fits(f"run:{name}") for name in FILES):
        parsers += [parser for parser in run_parsers(STORED) if fits(parser.name)]
    if fits("checkpoint"):
        parsers.append(state_parser(place))
    return parsers


# One case, watched.

watched: list[str] | None = None  # folders that may be written in; None: nobody looks
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def hook(event: str, given: tuple) -> None:
    """Stops what would be written elsewhere, before it is."""
    if watched is None:
        return
    if event == "open" and isinstance(given[0], (str, bytes)):
        paths = given[:1] if isinstance(given[2], int) and given[2] & WRITES else ()
    elif event in ("os.rename", "os.link", "os.symlink"):
        paths = given[1:2]
    elif event in ("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "shutil.rmtree"):
        paths = given[:1]
    elif event == "os.system":
        raise Escape(f"runs {given[0]!r}")
    else:
        return
    for path in paths:
        path = os.path.abspath(os.fsdecode(path))
        if path != os.devnull and not any(path.startswith(root) for root in watched):
            raise Escape(f"{event} {path}")


@contextmanager
def place_for_work() -> Iterator[Path]:
    """A sandbox with a cache and a folder for temporary files; calls of motiflib keep to it."""
    before = Path.cwd(), tempfile.tempdir, os.environ.get("XDG_CACHE_HOME"), report.name_motifs
    shared = Path("/dev/shm")  # in memory: writing a file over and over on a disk takes long
    with (tempfile.TemporaryDirectory(prefix="fuzz-", dir=shared if shared.is_dir() else None)
          as name, tempfile.TemporaryDirectory(prefix="fuzz-") as disk):
        place = Path(name).resolve()
        for folder in ("cache", "tmp", "work"):
            (place / folder).mkdir()
        (place / "disk").symlink_to(Path(disk).resolve())
        os.environ["XDG_CACHE_HOME"], tempfile.tempdir = str(place / "cache"), str(place / "tmp")
        report.name_motifs = quick_names
        try:
            yield place
        finally:
            os.chdir(before[0])
            tempfile.tempdir, report.name_motifs = before[1], before[3]
            os.environ.pop("XDG_CACHE_HOME")
            if before[2] is not None:
                os.environ["XDG_CACHE_HOME"] = before[2]


def too_long(*_: object) -> None:
    raise TooLong


def chain(error: BaseException) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def place_of(error: BaseException) -> str:
    """The last line of motiflib that a traceback goes through."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__)
            if Path(frame.filename).is_relative_to(HOME) and frame.name not in ("need", "within")]
    if not ours:
        return "?"
    return f"{Path(ours[-1].filename).relative_to(HOME.parent)}:{ours[-1].lineno}"


def judge(error: BaseException) -> str | None:
    """What is wrong with how a case ended, if anything."""
    whole = chain(error)
    full = any(isinstance(one, MemoryError) or "allocate memory" in str(one) for one in whole)
    if full and not isinstance(error, InputError):  # one that says so in a line is an answer
        return f"memory above the limit ({type(error).__name__})"
    if isinstance(error, TooLong):
        return "too long"
    if isinstance(error, Escape):
        return f"writes outside: {str(error).split(chr(10))[0][:90]}"
    if isinstance(error, AssertionError):
        return str(error).partition("\n")[0][:90]
    if not isinstance(error, InputError):
        return f"{type(error).__name__}: {' '.join(str(error).split())[:70]}"
    said = str(error)
    if len(said) >= LINE:
        return "message of 300 characters or more"
    if len(said.splitlines()) != 1:
        return "message of several lines"
    if not said.isprintable():
        return "control characters in a message"
    return None


def attempt(parser: Parser, case: Case, place: Path, used: bool, limit: int = LIMIT):
    """Run one case: 'read' or 'refused', and what failed: (kind, place, trace) or None."""
    global watched
    work, outcome, failed = place / "work", "read", None
    shutil.rmtree(work / "out", ignore_errors=True)
    os.chdir(work)
    kept = [str(place / "cache"), str(place / "tmp"), os.environ["XDG_CACHE_HOME"]]
    watched = [str(work), *kept]
    signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        thing = parser.read(work, case)
        if used and parser.use:
            watched = [str(work / "out"), *kept]
            parser.use(thing, work)
    except BaseException as error:  # noqa: B902
        signal.setitimer(signal.ITIMER_REAL, 0)
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        outcome = "refused"
        if kind := judge(error):
            failed = kind, place_of(error), "".join(traceback.format_exception(error)[-12:])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        watched = None
    return outcome, failed


def case_of(parser: Parser, number: int, seed: int) -> tuple[Case, bool]:
    """The case of this number, and whether what is read is used too; the same for the same seed."""
    rng = random.Random(f"{seed} {parser.name} {number}")
    case = parser.make(rng)
    told = any(word in case.data for word in (b"script", b"/x", b"x/y", b"frac"))
    return case, rng.random() < (max(parser.often, 0.25) if told else parser.often)


def clean(place: Path) -> None:
    """Empty the sandbox's caches."""
    for folder in (place / "cache", (place / "disk").resolve()):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()


def child(parser: Parser, numbers: list, seed: int, place: Path, beat: mmap.mmap) -> None:
    """Run these cases and leave what came of them in a file."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        now = int(statm.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + ROOM, now + ROOM))
    errors = open(place / "stderr", "w+b", buffering=0)
    os.dup2(errors.fileno(), 2)
    out = open(place / "failures", "ab", buffering=0)
    for position, number in enumerate(numbers):
        beat[:16] = struct.pack("<qd", position, time.time())
        named = isinstance(number, str)
        case, used = (parser.bombs[number], True) if named else case_of(parser, number, seed)
        if named:  # 1 GB unpacked is for a disk
            os.environ["XDG_CACHE_HOME"] = str((place / "disk").resolve())
        before = os.fstat(2).st_size
        outcome, failed = attempt(parser, case, place, used, LONG if named else LIMIT)
        sys.stderr.flush()
        if os.fstat(2).st_size > before:
            said = os.pread(2, 2000, before).decode("utf-8", "replace")
            first = re.sub(r"^\S*/", "", said.partition("\n")[0])[:150]
            failed = failed or (f"stderr: {first}", "", said)
        pickle.dump((number, outcome, failed), out)


def run(parser: Parser, count: int, seed: int, place: Path) -> tuple[Counter, list[Failure]]:
    """All cases of a parser, in children; how many were read or refused, and failures."""
    todo: list = [*range(count), *parser.bombs]
    counts, failures = Counter(), []
    beat = mmap.mmap(-1, 16)
    while todo:
        bombs_now = isinstance(todo[0], str)
        mine = todo[:1] if bombs_now else [n for n in todo[:CHUNK] if not isinstance(n, str)]
        (place / "failures").write_bytes(b"")
        beat[:16] = struct.pack("<qd", 0, time.time())
        pid = os.fork()
        if not pid:
            try:
                child(parser, mine, seed, place, beat)
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(99)
        status, hung = watch(pid, beat, (LONG if bombs_now else LIMIT) + 10)
        with open(place / "failures", "rb") as file:
            done = list(unpickled(file))
        for number, outcome, failed in done:
            counts[outcome] += 1
            if failed:
                failures.append(failure(parser, number, seed, *failed))
        if len(done) < len(mine):
            counts["died"] += 1
            kind = "too long, and deaf" if hung else f"the process died ({words(status)})"
            said = (place / "stderr").read_bytes()[-2000:].decode("utf-8", "replace")
            failures.append(failure(parser, mine[len(done)], seed, kind, "?", said))
            done.append(None)
        todo = todo[len(done) :]
        clean(place)
    return counts, failures


def unpickled(file) -> Iterator[tuple]:
    while True:
        try:
            yield pickle.load(file)
        except (EOFError, pickle.UnpicklingError):
            return


def watch(pid: int, beat: mmap.mmap, limit: int) -> tuple[int, bool]:
    """Wait for a child; kill it where it does not even hear its alarm."""
    hung = False
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status, hung
        if time.time() - struct.unpack("<qd", beat[:16])[1] > limit and not hung:
            os.kill(pid, signal.SIGKILL)
            hung = True
        time.sleep(0.005)


def words(status: int) -> str:
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return f"exit code {os.WEXITSTATUS(status)}"


def failure(parser, number, seed, kind, where, trace) -> Failure:
    named = isinstance(number, str)
    case = parser.bombs[number] if named else case_of(parser, number, seed)[0]
    return Failure(parser.name, kind, where, number, case.told, case.data, trace)


def kinds(failures: list[Failure]) -> dict[tuple, list[Failure]]:
    """Failures by parser, kind without its numbers and names, and place; smallest input first."""
    out: dict[tuple, list[Failure]] = {}
    for one in sorted(failures, key=lambda one: len(one.data)):
        kind = re.sub(r"^(\w+(Error|Exception)): .*", r"\1", one.kind)
        kind = re.sub(r"'[^']*'|\"[^\"]*\"", "'...'", kind)
        kind = re.sub(r"/[^\s]*", "/...", re.sub(r"-?\d[\d.e+-]*", "#", kind))[:60]
        out.setdefault((one.parser, kind, one.place), []).append(one)
    return out


def prepare() -> None:
    """Once a process: one thread, quiet logs of our own, warnings as Python shows them."""
    torch.set_num_threads(1)
    log = logging.getLogger("motiflib")
    log.addHandler(logging.NullHandler())
    log.propagate = False
    warnings.simplefilter("always")
    for quiet in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", quiet)
    sys.addaudithook(hook)


def again(parser: Parser, number: str, seed: int, place: Path) -> None:
    """One case in this process, told in full."""
    name = int(number) if number.isdigit() else number
    case, used = (parser.bombs[name], True) if name in parser.bombs else case_of(parser, name, seed)
    print(f"{parser.name} {name}: {case.told}\n{case.data[:2000]!r}")
    outcome, failed = attempt(parser, case, place, used)
    print(outcome, *(failed or ["as it should"]), sep="\n")


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--count", type=int, default=20_000, help="cases of each quick parser")
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--only", help="a parser, or how its name begins: run:, run:config.json")
    asked.add_argument("--case", help="only this case of the parser, by its number or bomb")
    asked.add_argument("--keep", type=Path, help="folder for the smallest input of each failure")
    given = asked.parse_args()
    prepare()
    all_failures: list[Failure] = []
    with place_for_work() as place:
        parsers = all_parsers(place, given.only)
        if not parsers:
            asked.error(f"no parser is named {given.only}")
        if given.case is not None:
            again(parsers[0], given.case, given.seed, place)
            return 0
        print(f"{'parser':26}{'cases':>8}{'read':>8}{'refused':>9}{'failed':>8}{'a second':>10}")
        for parser in parsers:
            began, count = time.perf_counter(), max(20, int(given.count * parser.share))
            counts, failures = run(parser, count, given.seed, place)
            pace = sum(counts.values()) / (time.perf_counter() - began)
            print(f"{parser.name:26}{sum(counts.values()):8}{counts['read']:8}"
                  f"{counts['refused']:9}{len(failures):8}{pace:10.0f}", flush=True)
            all_failures += failures
    for (name, kind, where), ones in kinds(all_failures).items():
        first = ones[0]
        print(f"\n{name}: {kind} at {where}: {len(ones)} times, such as case {first.number}: "
              f"{first.told[:150]}\n    {first.kind}\n    {first.data[:150]!r}")
        if given.keep:
            given.keep.mkdir(parents=True, exist_ok=True)
            stem = re.sub(r"\W+", "_", f"{name} {kind} {where}")[:100]
            (given.keep / stem).write_bytes(first.data)
            (given.keep / f"{stem}.txt").write_text(f"{first.told}\n\n{first.trace}")
    return int(bool(all_failures))


if __name__ == "__main__":
    sys.exit(main())
