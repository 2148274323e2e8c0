"""A training that is killed before any one of its changes to the disk: a reader sees the old run,
the new one or neither, and the same call ends with the files of one that nothing disturbs."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_run import SETTINGS, same_network, train

from motiflib.files import InputError
from motiflib.run import folder as runs
from motiflib.run.folder import load_run

QUICK = {"training": replace(SETTINGS, epochs=2)}
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod"}
counting = {"folder": "", "left": -1, "seen": 0}


def count(event: str, arguments: tuple) -> None:
    """Kills this process before a change in the folder, when enough were seen."""
    writes = event == "open" and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if counting["folder"] and (writes or event in CHANGES):
        if counting["folder"] in str(arguments):
            if counting["seen"] == counting["left"]:
                os.kill(os.getpid(), signal.SIGKILL)
            counting["seen"] += 1


def in_a_process(folder: Path, left: int, **settings) -> int | None:
    """Train in a process that is killed at change number `left`; None, or how many it made."""
    child = os.fork()
    if child:
        code = os.waitpid(child, 0)[1]
        return None if os.WIFSIGNALED(code) else os.waitstatus_to_exitcode(code)
    try:
        sys.addaudithook(count)
        counting.update(folder=str(folder), left=left)
        train(folder, **QUICK, **settings)
    except BaseException:
        os._exit(255)
    os._exit(counting["seen"])


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    """Runs of two seeds, made in peace; what was read off that of seed 0 is then remembered, as
    only files are looked at here."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    folder, rooms = tmp_path_factory.mktemp("ends"), (runs, runs, runs.held_out)
    train(folder / "1", seed=1, **QUICK)
    with pytest.MonkeyPatch.context() as patch:
        for room, name in zip(rooms, ("find_motifs", "calibrate", "gather"), strict=True):
            patch.setattr(room, name, remembered(getattr(room, name)))
        train(folder / "0", **QUICK)
        yield folder
    torch.set_num_threads(threads)


def remembered(function):
    """The function, asked once."""
    answers = {}
    return lambda *a, **b: answers[0] if answers else answers.setdefault(0, function(*a, **b))


@pytest.mark.parametrize("over", [False, True])
def test_killed_anywhere(ends, tmp_path, over):
    """`over`: with force, over a finished run of another seed, with notes beside."""
    step = 1 if os.environ.get("MOTIFLIB_THOROUGH") else 3
    folder, settings = tmp_path / "run", {"force": True} if over else {}
    states, killed, left = set(), True, int(over)
    while killed:
        shutil.rmtree(folder, ignore_errors=True)
        if over:
            shutil.copytree(ends / "1", folder)
            (folder / "notes.txt").write_text("mine")
        made = in_a_process(folder, left, **settings)
        killed = made is None
        assert killed or 0 < made < 255, left
        states.add(state(folder))
        train(folder, **QUICK, **settings)
        assert same_network(folder, ends / "0"), left
        expected = {*runs.FILES, *(["notes.txt"] if over else [])}
        assert {path.name for path in folder.iterdir()} == expected, left
        assert load_run(folder).settings["seed"] == 0
        left += step
    assert left > 50 and states == ({1, 0, "unfinished"} if over else {0, "unfinished"}), states


def state(folder: Path) -> str | int:
    """What a reader sees: the seed of a run, or that there is none; a run is never mixed."""
    try:
        run = load_run(folder)
    except InputError as error:
        assert any(said in str(error) for said in ("unfinished", "not there", "missing"))
        return "unfinished"
    return run.settings["seed"]
