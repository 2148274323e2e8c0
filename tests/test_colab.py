"""The Colab set-up: its cell, its script, and that nothing that Colab brings would be replaced."""

from __future__ import annotations

import ast
import re
import shutil
import socket
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from types import ModuleType

import bootstrap
import check_colab
import nbformat
import pytest
import setup_env
from chapters import NOTEBOOKS, ROOT

READY = "import sys\nprint('installing', flush=True)\n"
BROKEN = "import sys\nprint('installing')\nsys.exit('set-up failed: no index')\n"
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def colab(monkeypatch, tmp_path):
    """A runtime that passes for Colab's, and a repository to fetch; returns (run the set-up cell,
    the repository, the folder that it is fetched into)."""
    repository, folder = tmp_path / "motiflib.git", tmp_path / "content" / "motiflib"
    monkeypatch.setattr(bootstrap, "address", lambda: (f"{tmp_path}/motiflib", "main"))
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    monkeypatch.chdir(tmp_path)
    source = bootstrap.setup_source().replace("/content/", f"{tmp_path}/content/")
    return lambda: exec(source, {}), repository, folder


def publish(repository: Path, script: str) -> None:
    for name in ("tools", "notebooks"):
        (repository / name).mkdir(parents=True, exist_ok=True)
    (repository / "notebooks" / "a.ipynb").write_text("{}")
    (repository / "tools" / "setup_env.py").write_text(script)
    git(repository, "init", "--quiet", "--initial-branch", "main")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "a")


@needs_git
def test_set_up_cell_shows_its_steps(colab, capfd):
    run, repository, folder = colab
    publish(repository, READY)
    run()
    assert capfd.readouterr().out.splitlines() == ["1 of 3: fetching the book", "installing"]
    assert Path.cwd() == folder / "notebooks"


@needs_git
def test_set_up_that_failed_is_repeated_although_its_folder_is_there(colab, capfd):
    run, repository, folder = colab
    publish(repository, BROKEN)
    with pytest.raises(Exception, match="set-up failed: no index") as caught:
        run()
    assert caught.value._render_traceback_() == ["set-up failed: no index"]
    (folder / "tools" / "setup_env.py").write_text(READY)
    run()
    assert capfd.readouterr().out.splitlines() == ["1 of 3: fetching the book"] + ["installing"] * 2


@needs_git
def test_half_a_folder_is_fetched_again(colab):
    run, repository, folder = colab
    publish(repository, READY)
    (folder / "notebooks").mkdir(parents=True)
    run()
    assert (folder / "tools" / "setup_env.py").is_file()


@needs_git
def test_without_a_network_one_line_and_no_folder(colab, capfd):
    run, _, folder = colab
    with pytest.raises(Exception, match="Is there a network") as caught:
        run()
    (line,) = caught.value._render_traceback_()
    assert "\n" not in line and "Run this cell again" in line
    assert capfd.readouterr().err == "" and not folder.exists()


def test_set_up_cell_does_nothing_elsewhere(monkeypatch):
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    monkeypatch.setattr(subprocess, "Popen", None)
    exec(bootstrap.setup_source(), {})


@pytest.fixture
def pip(monkeypatch):
    """What pip is asked for, and what it answers: (commands, answers)."""
    commands, answers, real = [], [], subprocess.run

    def fake(command, **options):
        if "pip" not in command:
            return real(command, **options)
        commands.append(command)
        code, text = answers.pop(0) if answers else (0, "")
        return subprocess.CompletedProcess(command, code, "", text)

    monkeypatch.setattr(subprocess, "run", fake)
    return commands, answers


def colab_main(monkeypatch) -> int:
    monkeypatch.setattr(sys, "argv", ["setup_env.py", "--colab"])
    return setup_env.main()


def test_what_can_be_imported_is_not_installed_again(monkeypatch, pip, capsys):
    monkeypatch.setattr(setup_env, "missing", lambda python: "")
    assert colab_main(monkeypatch) == 0
    assert pip[0] == [] and "nothing to do" in capsys.readouterr().out


def test_what_cannot_be_imported_is_installed_with_the_extra_of_the_chapters(
    monkeypatch, pip, capsys
):
    states = iter(["No module named 'modisco'", ""])
    monkeypatch.setattr(setup_env, "missing", lambda python: next(states))
    assert colab_main(monkeypatch) == 0
    assert pip[0][0][-1].endswith("[baselines]")
    out = capsys.readouterr().out
    assert "2 of 3: installing" in out and "3 of 3: trying" in out and "is ready" in out


@pytest.mark.parametrize(
    ("error", "line"),
    [
        ("WARNING: NewConnectionError(...)\nERROR: No matching", "is there a network?"),
        ("ERROR: Cannot install a\n  The user requested (constraint) numpy==1", "numpy==1"),
        ("", "pip gave no reason"),
    ],
)
def test_pip_that_fails_is_one_line(monkeypatch, pip, capsys, error, line):
    monkeypatch.setattr(setup_env, "missing", lambda python: "No module named 'modisco'")
    pip[1].append((1, error))
    assert colab_main(monkeypatch) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("set-up failed: ") and line in said


def test_an_installation_that_cannot_be_imported_is_no_success(monkeypatch, pip, capsys):
    monkeypatch.setattr(setup_env, "missing", lambda python: "ImportError: libc")
    assert colab_main(monkeypatch) == 2
    assert "the imports fail: ImportError: libc" in capsys.readouterr().err


def test_missing_asks_the_interpreter_for_imports_and_version(monkeypatch):
    assert setup_env.missing(Path(sys.executable)) == ""
    monkeypatch.setattr(setup_env, "version", lambda: "99.0")
    assert "99.0 is needed" in setup_env.missing(Path(sys.executable))
    monkeypatch.setattr(setup_env, "IMPORTS", "import no_such_thing")
    assert "no_such_thing" in setup_env.missing(Path(sys.executable))


def test_everything_that_is_there_is_kept_but_our_own():
    found = {"torch": "2.11.0+cu128", "a": "1.1.10.post3", "motiflib": "0.0.1", "odd": "unknown"}
    assert setup_env.kept(found) == {"torch": "2.11.0+cu128", "a": "1.1.10.post3"}
    has = check_colab.packages()
    assert setup_env.kept(has) == has


@pytest.mark.parametrize("this", [(3, 9), (3, 14)])
def test_a_python_that_the_libraries_are_not_made_for_is_refused(monkeypatch, capsys, this):
    monkeypatch.setattr(sys, "version_info", this)
    monkeypatch.setattr(sys, "argv", ["setup_env.py", "--where"])
    assert setup_env.main() == 2
    assert f"this is 3.{this[1]}" in capsys.readouterr().err


def test_the_list_is_read_whole():
    lines = [line for line in check_colab.LIST.read_text().splitlines() if line[0] != "#"]
    has = check_colab.packages()
    assert len(has) == len(lines) > 500 and check_colab.python_of() == "3.13"
    assert has["torch"] == "2.11.0+cu128" and has["google-colab"] == "1.0.0"
    assert "torch==2.11.0\n" in check_colab.constraints(has)


def test_a_change_is_told_from_what_is_new():
    items = [("Num.Py", "3"), ("captum", "1")]
    report = {"install": [{"metadata": {"name": n, "version": v}} for n, v in items]}
    assert check_colab.changes({"num_py": "2"}, report) == ({"captum": "1"}, {"num-py": "2 to 3"})


def online() -> bool:
    try:
        socket.create_connection(("pypi.org", 443), timeout=5).close()
    except OSError:
        return False
    return True


def test_nothing_that_colab_brings_is_replaced():
    if not online():
        pytest.skip("pypi.org cannot be reached")
    if not (python := check_colab.interpreter()):
        pytest.skip(f"no Python {check_colab.python_of()}, which Colab has")
    has = check_colab.packages()
    new, changed, failure = check_colab.check(python, has, setup_env.colab_requirement())
    assert (changed, failure) == ({}, "")
    assert {"motiflib", "modisco-lite", "captum", "tangermeme"} <= set(new)


def test_a_runtime_that_does_not_fit_is_noticed():
    if not online():
        pytest.skip("pypi.org cannot be reached")
    _, _, failure = check_colab.check(
        sys.executable, {"numpy": "1.20.0"}, setup_env.colab_requirement()
    )
    assert "numpy" in failure


def imported(tree: ast.AST) -> set[str]:
    """Top-level modules that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names)


def closure(requirements: list[str], seen: set[str]) -> set[str]:
    """Packages that these requirements bring, extras of theirs left out."""
    for requirement in requirements:
        name = check_colab.plain(re.match(r"[\w.-]+", requirement)[0])
        if name not in seen and "extra ==" not in requirement:
            seen.add(name)
            try:
                closure(requires(name) or [], seen)
            except PackageNotFoundError:  # a marker that does not hold here
                pass
    return seen


def test_chapters_need_only_what_the_set_up_installs():
    """The library, the extra of the chapters and a kernel, all of which the set-up has."""
    ours = [r.split(";")[0] for r in requires("motiflib") if "extra" not in r or "baselines" in r]
    brought = closure([*ours, "ipykernel"], set()) | {"motiflib"}
    folders, owners = ("motiflib", "book/motifbook"), packages_distributions()
    modules = set()
    for path in sorted(p for folder in folders for p in (ROOT / folder).rglob("*.py")):
        modules |= imported(ast.parse(path.read_text()))
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        cells = [c.source for c in nbformat.read(path, 4).cells if c.cell_type == "code"]
        modules |= imported(ast.parse("\n".join(cells)))
    modules -= {"motiflib", "motifbook", "google"}
    lacking = {
        m for m in modules if not {check_colab.plain(o) for o in owners.get(m, [m])} & brought
    }
    assert lacking == set()
