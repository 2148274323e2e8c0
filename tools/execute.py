"""Run one chapter with papermill in a process of its own, or take the result of an earlier run of
the same thing."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path

import nbformat
from chapters import BOOK, NOTEBOOKS, ROOT, has_tag, parameters_of, read_source, source_hash

CACHE = BOOK / "_build" / "executed"
VERSIONS = ("torch", "numpy", "pandas", "matplotlib", "tangermeme", "pyjaspar")


@dataclass
class Run:
    """One execution of a chapter: what ran, seconds, peak memory (MiB), on what, and what is
    missing or failed."""

    name: str
    profile: str
    source: str  # sha256 of the chapter's source
    key: str  # sha256 of source, parameters and library
    date: str = ""
    seconds: float = 0.0
    peak_mib: int = 0
    hardware: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)  # data sets that cannot be had
    error: str = ""
    cached: bool = False

    @property
    def path(self) -> Path:
        """Where the executed copy lies."""
        return CACHE / f"{self.name}.ipynb"

    def describe(self) -> str:
        """One line for the progress display, or the error with its traceback."""
        if self.error:
            return f"{self.name}: FAILED\n{self.error}"
        if self.missing:
            gone = ", ".join(self.missing)
            return f"{self.name}: not run, no data ({gone}); the stored copy is shown"
        done = "unchanged" if self.cached else "ran"
        return f"{self.name}: {done}, {self.seconds:.0f} s, {self.peak_mib} MiB"


def hardware() -> str:
    """Processor, cores and accelerator in words."""
    import torch

    names = [
        line.split(":", 1)[1].strip()
        for line in _lines("/proc/cpuinfo")
        if line.startswith("model name")
    ]
    cpu = names[0] if names else platform.processor() or platform.machine()
    gpu = (
        torch.cuda.get_device_name()
        if torch.cuda.is_available()
        else "MPS"
        if torch.backends.mps.is_available()
        else ""
    )
    return f"{cpu}, {os.cpu_count()} cores" + (f", {gpu}" if gpu else "")


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def library_hash() -> str:
    """sha256 over the code of both packages and the data files they ship."""
    digest = hashlib.sha256()
    shipped = [
        p
        for folder in ("grammars", "models")
        for p in (ROOT / "data" / folder).rglob("*")
        if p.is_file()
    ]
    code = [p for folder in ("motiflib", "book/motifbook") for p in (ROOT / folder).rglob("*.py")]
    for path in sorted([*code, *shipped]):
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def missing_data(notebook: nbformat.NotebookNode) -> list[str]:
    """Names in the chapter's DATASETS that cannot be had here."""
    wanted = parameters_of(notebook).get("DATASETS", [])
    if not wanted:
        return []
    from motifbook.datasets import available

    return [name for name in wanted if not available(name)]


def execute(
    name: str, profile: str, threads: int, *, force: bool = False, timeout: int = 1200
) -> Run:
    """Execute a chapter unless an unchanged result is there or data are missing; errors are
    returned, not raised."""
    notebook = read_source(name)
    source = source_hash(notebook)
    key = hashlib.sha256(f"{source} {profile} {library_hash()}".encode()).hexdigest()
    record = CACHE / f"{name}.json"
    if (
        not force
        and record.exists()
        and (old := Run(**json.loads(record.read_text()))).key == key
        and old.path.exists()
    ):
        old.cached = True
        return old
    run = Run(name, profile, source, key, missing=missing_data(notebook))
    if run.missing:
        return run
    record.unlink(missing_ok=True)
    _papermill(run, threads, timeout)
    if "DataMissing" in run.error:  # the source was reachable a moment ago and is no more
        run.missing, run.error = list(parameters_of(notebook).get("DATASETS", ["unknown"])), ""
    elif not run.error:
        _tidy(run)
        record.write_text(json.dumps(asdict(run), indent=1))
    return run


def _papermill(run: Run, threads: int, timeout: int) -> None:
    """Fill in time, memory, machine and error; a process of its own keeps settings and memory of
    chapters apart."""
    CACHE.mkdir(parents=True, exist_ok=True)
    settings = {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(BOOK)]),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    settings["PYTHONWARNINGS"] = (
        "ignore:IProgress not found"  # tqdm misses ipywidgets; chapters show no bar
    )
    settings |= {
        name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    }
    command = [
        sys.executable,
        "-m",
        "papermill",
        str(NOTEBOOKS / f"{run.name}.ipynb"),
        str(run.path),
    ]
    command += ["-p", "PROFILE", run.profile, "--cwd", str(NOTEBOOKS), "-k", "python3"]
    command += ["--no-progress-bar", "--execution-timeout", str(timeout), "--log-level", "ERROR"]
    log = CACHE / f"{run.name}.log"
    start = time.monotonic()
    with log.open("w") as stream:
        process = subprocess.Popen(command, env=os.environ | settings, stdout=stream, stderr=stream)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    run.seconds = round(time.monotonic() - start, 1)
    run.peak_mib = usage.ru_maxrss // (2**20 if sys.platform == "darwin" else 2**10)
    run.date, run.hardware = date.today().isoformat(), hardware()
    run.versions = {"python": platform.python_version()} | {
        name: version(name) for name in VERSIONS
    }
    run.error = log.read_text()[-6000:] or "papermill failed" if process.returncode else ""


def _tidy(run: Run) -> None:
    """Take out papermill's times and paths, so that two runs give the same file, and hide the
    injected parameters."""
    notebook = nbformat.read(run.path, 4)
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        for name in ("papermill", "execution"):
            cell.metadata.pop(name, None)
        if has_tag(cell, "injected-parameters"):
            cell.metadata.tags.append("remove-cell")
        if not cell.metadata.get("tags"):
            cell.metadata.pop("tags", None)
    nbformat.write(notebook, run.path)
