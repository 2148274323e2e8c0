"""Commands that are killed at random moments, or run into a full disk, and then given again.

    python tools/kills.py                     # 200 kills, then the full disks; minutes
    python tools/kills.py --count 50 --seed 1 --only "call --genome"

Each kill: a command in a child (forked from a process that has everything imported) gets SIGKILL,
SIGTERM, SIGINT or SIGPIPE at a random moment, or just before one of the things that it does to the
files of its --out; now and then the next try is killed too. Half of the time foreign files lie
there and beside. Checked: a signal that can be caught ends without a traceback; no half file stands
under its final name; the same command again ends with exit code 0 and the files of an undisturbed
run (bytes, apart from times); no litter; all modes 0644; foreign files are untouched.

Each full disk (a small tmpfs where it can be mounted, else a limit on the size of files) is full
from one of these moments on. Checked: exit code 2 with one line, and nothing written, or exit code
0 and everything; a training keeps its last checkpoint; the command goes on when there is space.
Then results into a closed pipe. Prints a table; exit code 1 if anything failed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_THREADING_LAYER", "workqueue")  # OpenMP does not survive a fork

import torch

from motiflib import cli
from motiflib.files import InputError
from motiflib.run.folder import load_run

RUN = Path(__file__).resolve().parents[1] / "data" / "models" / "spi1"  # a good run
PATIENCE = 120  # seconds that a command may take
FULL = 6  # moments of each command at which the disk becomes full
SIGNALS = "KILL KILL KILL TERM TERM INT INT PIPE".split()
FOREIGN = ("notes.txt", ".new-thesis/chapter.txt", ".calls.bed.parts/mine.txt",
           ".calls.bed.1.00.tmp", ".out.parts/mine.txt")
TRAIN = "--shuffle mononucleotide --filters 2 --width 8 --layers 1 --epochs 4 --device cpu"
VERBS = {  # words, what is written
    "train": (f"train --positives IN/p.fa {TRAIN} --out out", "out"),
    "call": (f"call {RUN} IN/s.fa --out calls.bed", "calls.bed"),
    "call --genome": (f"call {RUN} --genome IN/g.fa --out calls.bed", "calls.bed"),
    "motifs": (f"motifs {RUN} --out out", "out"),
    "design": (f"design {RUN} --n 2 --length 100 --out out", "out"),
}
OTHERS = {  # into full disks and closed pipes only
    "score": (f"score {RUN} IN/s.fa --out s.tsv", "s.tsv"),
    "rules": (f"rules {RUN} IN/s.fa --out r.tsv", "r.tsv"),
    "variants": (f"variants {RUN} --genome IN/g.fa --vcf IN/v.vcf --out v.tsv", "v.tsv"),
}


class Ended(NamedTuple):
    """How a command ended: exit code (minus the signal), stderr, how many things it did to files
    where it stood, seconds."""

    code: int
    said: str
    events: int
    seconds: float


class Trial(NamedTuple):
    verb: str
    kind: str
    told: str


def inputs(place: Path) -> None:
    """Sequences with the motif of the run at hand, a genome of four chromosomes, variants."""
    rng = random.Random(0)

    def sequence(n: int, site: str) -> str:
        letters, start = "".join(rng.choices("ACGT", k=n)), rng.randrange(n - len(site))
        return letters[:start] + site + letters[start + len(site) :]

    site = "AAAAGAGGAAGTG"
    place.mkdir()
    ours = "".join(f">s{i}\n{sequence(60, 'GATTACAG')}\n" for i in range(60))
    (place / "p.fa").write_text(ours)
    longer = "".join(f">s{i}\n{sequence(300, site)}\n" for i in range(12))
    (place / "s.fa").write_text(longer)
    chroms = {f"c{i}": "".join(sequence(1000, site) for _ in range(6)) for i in range(4)}
    (place / "g.fa").write_text("".join(f">{name}\n{text}\n" for name, text in chroms.items()))
    base = chroms["c1"][999]
    (place / "v.vcf").write_text(f"c1\t1000\tx\t{base}\t{'A' if base != 'A' else 'C'}\n")


# Commands in children.


def touches(event: str, given: tuple, home: str) -> bool:
    """Whether a thing that Python is about to do changes files there."""
    if event == "open":
        writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT
        paths = given[:1] if isinstance(given[2], int) and given[2] & writes else ()
    elif event in ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"):
        paths = given[:2] if event == "os.rename" else given[:1]
    else:
        return False
    names = [os.fsdecode(path) for path in paths if isinstance(path, (str, bytes, os.PathLike))]
    return any(os.path.abspath(name).startswith(home) for name in names)


def command(words: str, home: Path, *, moment: int | None = None, then: Callable | None = None,
            after: float | None = None, send: int = 0, stdout: int | None = None) -> Ended:
    """A command in a forked child that stands in `home`. Just before its `moment`-th event there it
    calls `then`; or the signal `send` comes `after` some seconds."""
    reader, writer = os.pipe()
    counter, count = os.pipe()
    began, pid = time.perf_counter(), os.fork()
    if not pid:
        try:
            os.close(reader)
            os.close(counter)
            os.dup2(writer, 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY) if stdout is None else stdout, 1)
            os.chdir(home)
            os.umask(0o022)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            seen = 0

            def hook(event: str, given: tuple) -> None:
                nonlocal seen
                if touches(event, given, f"{home}/"):
                    seen += 1
                    os.write(count, b".")
                    if seen == moment:
                        then()

            sys.addaudithook(hook)
            code = cli.app(words.replace("IN/", f"{home.parent}/in/").split(),
                           standalone_mode=False)
            sys.stdout.flush()
            os._exit(code)
        except BaseException as error:
            places = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
            if isinstance(error, KeyboardInterrupt) and not any("/motiflib/" in f for f in places):
                os._exit(130)  # it came before the command, or behind it
            traceback.print_exc()
            os._exit(98)
    os.close(writer)
    os.close(count)
    said, events, code = collected(pid, reader, counter, began, after, send)
    return Ended(code, said, events, time.perf_counter() - began)


def collected(pid, reader, counter, began, after, send) -> tuple[str, int, int]:
    """Wait for a child, read what it says, send it its signal."""
    said, events, done = b"", 0, 0
    for pipe in (reader, counter):
        os.set_blocking(pipe, False)
    while True:
        ended, status = (0, 0) if done else os.waitpid(pid, os.WNOHANG)
        for pipe in (reader, counter):
            try:
                data = os.read(pipe, 1 << 16)
            except BlockingIOError:
                data = b""
            said, events = (said + data, events) if pipe == reader else (said, events + len(data))
        passed = time.perf_counter() - began
        if ended:
            for pipe in (reader, counter):
                os.close(pipe)
            return said.decode("utf-8", "replace"), events, os.waitstatus_to_exitcode(status)
        if after is not None and passed > after:
            os.kill(pid, send)
            after = None
        if passed > PATIENCE:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)


# What lies there, and what should.


def files(home: Path) -> dict[str, Path]:
    """All files and empty folders below a folder, by their place in it."""
    return {str(path.relative_to(home)): path for path in sorted(home.rglob("*"))
            if not path.is_dir() or not any(path.iterdir())}


def content(path: Path) -> object:
    """A file's content, apart from times."""
    if path.is_dir():
        return "a folder"
    if path.name == "history.tsv":
        rows = [line.split("\t") for line in path.read_text().splitlines()]
        left = rows[0].index("seconds") if rows and "seconds" in rows[0] else None
        return [[cell for i, cell in enumerate(row) if i != left] for row in rows]
    if path.name == "train.json":
        try:
            about = json.loads(path.read_text())
        except ValueError:
            return path.read_bytes()
        about.pop("minutes", None)
        about.get("files", {}).pop("history.tsv", None)
        return about
    return path.read_bytes()


def plant(home: Path, written: str) -> list[str]:
    """Foreign files beside what a command writes and, if that is a folder, in it."""
    folders = [home] if "." in written else [home, home / written]
    names = [str((folder / name).relative_to(home)) for folder in folders for name in FOREIGN]
    for name in names:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(f"mine: {name}\n")
    return names


def halves(home: Path, good: dict, planted: list[str]) -> Iterator[str]:
    """Files under their final names that are neither whole nor what they were."""
    for name, path in files(home).items():
        if name in good and name not in planted and content(path) != good[name]:
            yield f"half a file after the kill: {name}"


def faults(home: Path, good: dict, planted: list[str]) -> Iterator[str]:
    """What is wrong with what lies there, once a command has ended well."""
    there = files(home)
    for name in good:
        if name not in there:
            yield f"not written: {name}"
        elif content(there[name]) != good[name]:
            yield f"other content: {name}"
        elif there[name].stat().st_mode & 0o777 != 0o644:
            yield f"mode {there[name].stat().st_mode & 0o777:o}: {name}"
    for name in planted:
        if name not in there:
            yield f"foreign file is gone: {name}"
        elif there[name].read_text() != f"mine: {name}\n":
            yield f"foreign file is changed: {name}"
    for name in there:
        if name not in good and name not in planted:
            yield "litter: " + re.sub(r"[0-9a-f]{8,}|\d+", "#", re.sub(r"new-\w+", "new-#", name))


def complaints(ended: Ended) -> Iterator[str]:
    """What is wrong with how a command ended that was disturbed, but not killed outright."""
    if "Traceback" in ended.said or ended.code == 98:
        last = ended.said.strip().splitlines()[-1][:100]
        ours = re.findall(r'motiflib/(\S+\.py)", line (\d+)', ended.said)
        where = " at {}:{}".format(*ours[-1]) if ours else ""
        yield f"traceback: {last}{where}"


@contextmanager
def trial_folder(place: Path) -> Iterator[Path]:
    home = place / "trial"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    yield home


# Kills.


def kill_once(verb: str, good: dict, normal: Ended, home: Path, rng: random.Random):
    """One command killed, perhaps twice, then given again; in words, and what was wrong."""
    words, written = VERBS[verb]
    planted, told, wrong = plant(home, written) if rng.random() < 0.5 else [], [], []
    for _ in range(rng.choice([1, 1, 1, 2])):
        name = rng.choice(SIGNALS)
        send = getattr(signal, f"SIG{name}")
        if rng.random() < 0.5:
            moment = rng.randrange(1, max(normal.events, 1) + 1)
            told.append(f"{name} at event {moment}")
            ended = command(words, home, moment=moment, then=lambda s=send: os.kill(os.getpid(), s))
        else:
            after = rng.random() * normal.seconds
            told.append(f"{name} after {after:.2f} s")
            ended = command(words, home, after=after, send=send)
        wrong += complaints(ended)
        if name == "INT" and ended.code not in (0, 130):
            wrong.append(f"exit code {ended.code} after SIGINT")
        if name == "PIPE" and ended.code:
            wrong.append(f"exit code {ended.code} after SIGPIPE")
        wrong += halves(home, good, planted) if verb != "train" else half_run(home / written)
    again = command(words, home)
    wrong += complaints(again)
    if again.code:
        wrong.append(f"exit code {again.code} when given again: {again.said.strip()[-100:]}")
    else:
        wrong += faults(home, good, planted)
    return ", ".join(told) + (", foreign files" if planted else ""), wrong


def half_run(folder: Path) -> list[str]:
    """A run that was left is none, or whole."""
    try:
        load_run(folder)
    except InputError as error:
        if "not the file that train.json describes" in str(error):
            return [f"half a run after the kill: {error}"[:120]]
    return []


def kills(count: int, seed: int, verbs: list[str], references: dict, place: Path) -> list[Trial]:
    out, counts, began = [], Counter(), time.perf_counter()
    for number in range(count):
        rng, verb = random.Random(f"{seed} {number}"), verbs[number % len(verbs)]
        with trial_folder(place) as home:
            told, wrong = kill_once(verb, *references[verb], home, rng)
        counts[verb] += 1
        out += [Trial(verb, kind, f"kill {number}: {told}") for kind in dict.fromkeys(wrong)]
    bad = Counter(trial.verb for trial in out)
    print(f"{'killed':26}{'times':>8}{'faults':>8}    ({time.perf_counter() - began:.0f} s)")
    for verb in verbs:
        print(f"{verb:26}{counts[verb]:8}{bad[verb]:8}", flush=True)
    return out


# Full disks.


@contextmanager
def small_disk(place: Path) -> Iterator[bool]:
    """A tmpfs of 24 MB there, if it can be mounted."""
    place.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)]
    mounted = False
    if sys.platform == "linux" and os.geteuid() == 0:
        mounted = subprocess.run(mount, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(place)], check=True)


def fill(ballast: Path, mounted: bool) -> None:
    """No more space: on the small disk, else for this process."""
    if not mounted:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        return
    handle = os.open(ballast, os.O_WRONLY | os.O_CREAT)
    for size in (1 << 20, 1 << 12, 1):
        try:
            while True:
                os.write(handle, bytes(size))
        except OSError:
            pass
    os.close(handle)


def fill_once(verb: str, good: dict, moment: int, disk: Path, mounted: bool) -> list[str]:
    words, _ = (VERBS | OTHERS)[verb]
    home, ballast, wrong = disk / "trial", disk / "ballast", []
    state = home / "out" / "checkpoint" / "state.pt"
    mark = disk.parent / "had-checkpoint"
    mark.unlink(missing_ok=True)
    home.mkdir()

    def then() -> None:
        if state.exists():
            mark.touch()
        fill(ballast, mounted)

    ended = command(words, home, moment=moment, then=then)
    wrong += complaints(ended)
    goes_on = re.compile("checkpoint|[.]parts/")  # where the next command goes on
    there = {name: path for name, path in files(home).items() if not goes_on.search(name)}
    whole = set(there) == set(good) and all(content(there[name]) == good[name] for name in good)
    lines = [line for line in re.split(r"[\r\n]+", ended.said) if line.startswith("error:")]
    if ended.code == 2 and (len(lines) != 1 or len(lines[0]) > 300):
        wrong.append(f"{len(lines)} lines of error")
    elif ended.code not in (0, 2) and not wrong:
        wrong.append(f"exit code {ended.code}")
    if ended.code == 0 and not whole:
        wrong.append("exit code 0, but not everything is written")
    left = [name for name in there if name != "."]
    if ended.code and left:
        wrong.append(f"some files are left: {', '.join(left)}"[:120])
    saved = state.exists() or state.with_name("before.pt").exists()
    if ended.code and mark.exists() and not saved:
        wrong.append("the training's checkpoint is gone")
    ballast.unlink(missing_ok=True)
    again = command(words, home)
    wrong += complaints(again)
    if again.code:
        wrong.append(f"exit code {again.code} after space was freed: {again.said.strip()[-100:]}")
    else:
        wrong += faults(home, good, [])
    return wrong


def full_disks(verbs: list[str], references: dict, place: Path) -> list[Trial]:
    out, rows = [], []
    disk = place / "disk"
    with small_disk(disk) as mounted:
        if mounted:  # inputs lie beside the folder where commands stand
            (disk / "in").symlink_to(place / "in")
        else:
            shutil.copytree(place / "in", disk / "in")
        for verb in verbs:
            good, normal = references[verb]
            events = max(normal.events, 1)
            moments = sorted({1 + round(i * (events - 1) / (FULL - 1)) for i in range(FULL)})
            bad = 0
            for moment in moments:
                shutil.rmtree(disk / "trial", ignore_errors=True)
                wrong = fill_once(verb, good, moment, disk, mounted)
                bad += len(wrong)
                out += [Trial(verb, f"full disk: {kind}", f"from event {moment} of {events} on")
                        for kind in dict.fromkeys(wrong)]
            rows.append((verb, len(moments), bad))
    how = "a small tmpfs" if mounted else "a limit on the size of files"
    print(f"{'disk full':26}{'times':>8}{'faults':>8}    ({how})")
    for verb, times, bad in rows:
        print(f"{verb:26}{times:8}{bad:8}", flush=True)
    return out


def closed_pipes(verbs: list[str], place: Path) -> list[Trial]:
    """Results to standard output that nobody reads."""
    out = []
    for verb in verbs:
        words, written = (VERBS | OTHERS)[verb]
        if "." not in written:
            continue
        with trial_folder(place) as home:
            reader, writer = os.pipe()
            os.close(reader)
            words = words.replace(f"--out {written}", "--out /dev/stdout")
            ended = command(words, home, stdout=writer)
            os.close(writer)
            wrong = [*complaints(ended)]
            wrong += [f"litter: {name}" for name in files(home)]
            if ended.code not in (0, 2, -signal.SIGPIPE):
                wrong.append(f"exit code {ended.code}")
        out += [Trial(verb, f"closed pipe: {kind}", "") for kind in wrong]
    return out


def reference(verb: str, place: Path) -> tuple[dict, Ended]:
    """What an undisturbed command writes, and how it ends; InputError if it does not end well."""
    with trial_folder(place) as home:
        ended = command((VERBS | OTHERS)[verb][0], home)
        if ended.code:
            raise InputError(f"{verb} ends with {ended.code} undisturbed: {ended.said[-300:]}")
        return {name: content(path) for name, path in files(home).items()}, ended


def warm(place: Path) -> None:
    """Everything imported and compiled in this process, which then is forked."""
    torch.set_num_threads(1)
    with trial_folder(place) as home:
        before, here = os.dup(2), Path.cwd()
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 2)
        os.chdir(home)
        try:
            for number, (words, written) in enumerate((VERBS | OTHERS).values()):
                words = words.replace("IN/", f"{place}/in/")
                words = words.replace(f"--out {written}", f"--out {number}/{written}")
                cli.app(words.split(), standalone_mode=False)
        finally:
            os.dup2(before, 2)
            os.chdir(here)


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--count", type=int, default=200, help="kills in all")
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--only", choices=[*VERBS, *OTHERS], help="this command alone")
    given = asked.parse_args()
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        place = Path(name).resolve()
        os.environ["XDG_CACHE_HOME"] = str(place / "cache")
        inputs(place / "in")
        warm(place)
        verbs = [given.only] if given.only else [*VERBS, *OTHERS]
        references = {verb: reference(verb, place) for verb in verbs}
        trials = []
        if killed := [verb for verb in verbs if verb in VERBS]:
            trials += kills(given.count, given.seed, killed, references, place)
        trials += full_disks(verbs, references, place)
        trials += closed_pipes(verbs, place)
    kinds: dict[tuple, list[Trial]] = {}
    for trial in trials:
        kinds.setdefault((trial.verb, trial.kind), []).append(trial)
    for (verb, kind), ones in kinds.items():
        print(f"\n{verb}: {kind}\n    {len(ones)} times, such as {ones[0].told}")
    return int(bool(trials))


if __name__ == "__main__":
    sys.exit(main())
