"""Where numba keeps what it compiles when neither a home nor site-packages can be written."""

import os
import stat
import sys
from pathlib import Path

import pytest

from motiflib import files


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """Only what is under tmp_path/tmp can be written."""
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr(files.os, "access", lambda path, mode: str(path).startswith(str(place)))
    monkeypatch.setattr(files.tempfile, "tempdir", str(place))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    yield place
    os.environ.pop("NUMBA_CACHE_DIR", None)


def test_a_folder_of_the_users_own_is_made_and_told(nowhere, caplog):
    caplog.set_level("INFO", "motiflib")
    for _ in range(2):
        files.place_for_compiled("memelite")
    made = Path(os.environ["NUMBA_CACHE_DIR"])
    assert made.parent == nowhere and stat.S_IMODE(made.stat().st_mode) == 0o700
    assert caplog.text.count("compiled code is kept in") == 1 and str(made) in caplog.text


def test_a_folder_that_others_may_write_is_not_used(nowhere):
    theirs = nowhere / f"motiflib-{os.getuid()}"
    theirs.mkdir(mode=0o777)
    theirs.chmod(0o777)
    files.place_for_compiled("memelite")
    made = Path(os.environ["NUMBA_CACHE_DIR"])
    assert made != theirs and stat.S_IMODE(made.stat().st_mode) == 0o700


def test_where_numba_finds_a_place_nothing_changes(nowhere, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(nowhere / "new" / "cache"))
    files.place_for_compiled("memelite")
    assert "NUMBA_CACHE_DIR" not in os.environ and not (nowhere / "new").exists()


def test_no_place_at_all_is_one_line(nowhere, monkeypatch):
    def full():
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(files.tempfile, "gettempdir", full)
    with pytest.raises(FileNotFoundError):  # a line, by the command line
        files.place_for_compiled("memelite")
