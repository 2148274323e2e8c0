"""Bad inputs: each gives exit code 2, one line that says what, where and what to do, and leaves
nothing behind."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import torch

from motiflib import cli
from motiflib.discovery import COLUMNS
from motiflib.files import sha256
from motiflib.model import Argminn, ArgminnConfig
from motiflib.motif import Motif, write_meme
from motiflib.run.folder import FILES, NEEDED
from motiflib.sequence import one_hot

ROOT = Path(__file__).resolve().parents[1]
GOOD = "".join(f">s{i}\n{'ACGTTGCAAGCT' * 3}\n" for i in range(6))
SHAPE = ArgminnConfig(
    filters=2, width=8, token=8, stream=16, heads=2, position=4, candidates=6, neighbourhood=10
)


def fake_run(folder: Path) -> Path:
    """A run folder without a training."""
    folder.mkdir()
    Argminn(SHAPE).save_pretrained(folder)
    (folder / "README.md").unlink()
    write_meme(folder / "motifs.meme", [Motif("M1", one_hot(["GATTACA"])[0].numpy())])
    row = ["M1", "GATTACA", "0", "0", "7", "14.0", "20", "2.5", "0:0:+"]
    lines = ["\t".join([*COLUMNS, "members"]), "\t".join(row)]
    (folder / "motifs.tsv").write_text("\n".join(lines) + "\n")
    columns = ["score", "per_mb", "background_per_mb", "fdr"]
    (folder / "fdr.tsv").write_text("\t".join(columns) + "\n0.5\t9.0\t0.9\t0.1\n")
    (folder / "history.tsv").write_text("epoch\n1\n")
    seal(folder)
    return folder


def seal(folder: Path) -> None:
    """Write a train.json that fits the other files."""
    there = [name for name in FILES if (folder / name).exists() and name != "train.json"]
    seals = {name: sha256(folder / name) for name in there}
    (folder / "train.json").write_text(json.dumps({"files": seals}))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with good and bad files in it, to stand in."""
    monkeypatch.chdir(tmp_path)
    lines = GOOD.splitlines(keepends=True)
    files = {
        "good.fa": GOOD,
        "empty.fa": "",
        "blank.fa": "\n\n",
        "protein.fa": ">p\nMKVLAAGIVGLLLAQWERTY\n",
        "headless.fa": "ACGTACGTACGT\n",
        "twice.fa": GOOD + ">s1\nACGTACGTACGTACGT\n",
        "norecord.fa": ">a\n>b\nACGT\n",
        "one.fa": "".join(lines[:2]),
        "short.fa": GOOD + ">tiny\nACGTACG\n",
        "rna.fa": ">r\nACGUACGUACGUACGU\n",
        "ragged.bed": "chr1\t5\t9\nchr1\t7\n",
        "unnamed.fa": ">\nACGTACGTACGTACGT\n",
        "bad.yml": "motifs: [",
        "file": "I am a file\n",
        "swapped.fa": "".join(lines[2:4] + lines[:2] + lines[4:]),
        "tab.yml": 'motifs: {"A\\tB": {consensus: CACGTG}}\n'
                   "positives: [{plant: []}]\nnegatives: [{plant: []}]\n",
    }
    for name, text in files.items():
        Path(name).write_text(text)
    Path("cut.fa.gz").write_bytes(gzip.compress(GOOD.encode())[:-20])
    Path("binary.fa").write_bytes(bytes(range(256)))
    Path("folder").mkdir()
    Path("m").mkdir()
    Path("m/motifs.tsv").write_text(GOOD)
    Path("m/truth.bed").write_text("motifs: [")
    Path("link.fa").symlink_to("good.fa")
    fake_run(tmp_path / "run")
    for name in ("cut", "bare", "foreign", "odd", "nonsense", "other", "unfinished"):
        fake_run(tmp_path / f"run-{name}")
    weights = Path("run-cut/model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-100])
    Path("run-bare/config.json").unlink()
    config = json.loads(Path("run/config.json").read_text())
    Path("run-foreign/config.json").write_text(json.dumps(config | {"vocab_size": 30522}))
    Path("run-odd/config.json").write_text(json.dumps(config | {"filters": 5}))
    Path("run-nonsense/config.json").write_text("{")
    for name in ("cut", "foreign", "odd", "nonsense"):  # not damaged, but made like this
        seal(Path(f"run-{name}"))
    other = {"files": dict.fromkeys(NEEDED[:2], "0" * 64)}
    Path("run-other/train.json").write_text(json.dumps(other))
    Path("run-unfinished/train.json").unlink()
    Path("run-unfinished/checkpoint").mkdir()
    return tmp_path


def files_below(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*")}


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


TRAIN = "train --out new/run --width 8 --epochs 1 --device cpu --shuffle mononucleotide"
CASES = {
    # what is typed: what the line must say
    f"{TRAIN} --positives empty.fa": "empty.fa: the file is empty",
    f"{TRAIN} --positives blank.fa": "blank.fa: the file is empty",
    f"{TRAIN} --positives protein.fa": "'p', position 1: letter 'M'",
    f"{TRAIN} --positives rna.fa": "replace U by T",
    f"{TRAIN} --positives headless.fa": "before any '>name' line",
    f"{TRAIN} --positives unnamed.fa": "line 1: '>' without a name",
    f"{TRAIN} --positives norecord.fa": "record 'a' has no sequence",
    f"{TRAIN} --positives twice.fa": "two records are named 's1'",
    f"{TRAIN} --positives cut.fa.gz": "damaged or truncated gzip",
    f"{TRAIN} --positives binary.fa": "binary content",
    f"{TRAIN} --positives missing.fa": "missing.fa: no such file",
    f"{TRAIN} --positives folder": "folder: cannot be read",
    f"{TRAIN} --positives ragged.bed": "is this FASTA?",
    f"{TRAIN} --positives one.fa": "at least 2",
    f"{TRAIN} --positives short.fa": "'tiny' has 7 bp, fewer than the filters' width of 8",
    f"{TRAIN} --positives good.fa --width 60": "width of 60",
    f"{TRAIN} --positives good.fa --width 0": "width = 0: must be at least 1",
    f"{TRAIN} --positives good.fa --filters 0": "filters = 0: must be at least 1",
    f"{TRAIN} --positives good.fa --layers 0": "layers = 0: must be at least 1",
    f"{TRAIN} --positives good.fa --epochs 0": "epochs = 0: must be at least 1",
    f"{TRAIN} --positives good.fa --epochs many": "'--epochs'",
    f"{TRAIN} --positives good.fa --seed -1": "seed = -1",
    f"{TRAIN} --positives good.fa --negatives good.fa": "both were given",
    f"{TRAIN} --positives good.fa --device tpu": "device 'tpu' is not available here",
    f"{TRAIN} --positives good.fa --shuffle trinucleotide": "dinucleotide or mononucleotide",
    f"{TRAIN} --positives good.fa --out file/run": "choose a",
    f"{TRAIN} --positives good.fa --out file": "choose a",
    f"{TRAIN} --positives good.fa --rate 1": "No such option",
    "train --out new/run --positives good.fa": "neither was given",
    "train --out new/run --positives good.fa --width 8 --device cpu --negatives one.fa":
        "1 negatives",
    "train --out new/run": "Missing option '--positives'",
    "score run empty.fa --out new/s.tsv": "empty.fa: the file is empty",
    "score run short.fa --out new/s.tsv": "'tiny' has 7 bp",
    "score run protein.fa --out new/s.tsv": "'p', position 1: letter 'M'",
    "score run good.fa --out file/s.tsv": "file is a file",
    "score run good.fa --out folder": "folder is a folder",
    "score nowhere good.fa --out new/s.tsv": "nowhere: not there; expected a run",
    "score file good.fa --out new/s.tsv": "file: a file; expected a run",
    "score folder good.fa --out new/s.tsv": "config.json is missing",
    "score run-cut good.fa --out new/s.tsv": "model.safetensors: not the weights",
    "score run-odd good.fa --out new/s.tsv": "model.safetensors: not the weights",
    "score run-bare good.fa --out new/s.tsv": "config.json is missing",
    "score run-foreign good.fa --out new/s.tsv": "'vocab_size'",
    "score run-nonsense good.fa --out new/s.tsv": "config.json: damaged",
    "score run-other good.fa --out new/s.tsv": "not the file that train.json describes",
    "score run-unfinished good.fa --out new/s.tsv": "training is unfinished",
    "call run twice.fa --out new/c.bed": "two records are named",
    "call run-cut good.fa --out new/c.bed": "model.safetensors",
    "call run good.fa --out new/c.bed --fdr 0.1 --all": "give one of them",
    "call run good.fa --out new/c.bed --fdr 2": "false discovery rate 2.0",
    "call run good.fa --out new/c.bed --threshold 2": "not a score",
    "call run good.fa --out new/c.bed --rename-chroms":
        "--rename-chroms: there are no names to match",
    "call run good.fa --out new/c.bed --device cuda":
        "--device cuda: only a --genome is searched there",
    f"{TRAIN} --positives good.fa --seed 4294967295":
        "seed = 4294967295: must be at most 4294967294",
    f"{TRAIN} --positives good.fa --filters 100000000000":
        "filters = 100000000000: must be at most 10000",
    f"{TRAIN} --positives good.fa --width 99999999999999999999": "must be at most 1000",
    f"{TRAIN} --positives good.fa --layers 99999999999999999999": "must be at most 100",
    f"{TRAIN} --positives good.fa --epochs 99999999999999999999": "must be at most 1000000",
    f"{TRAIN} --positives good.fa --test-chroms chrI": "--test-chroms: needs --genome",
    f"{TRAIN} --positives good.fa --blacklist ragged.bed": "--blacklist: needs --genome",
    f"{TRAIN} --positives good.fa --window 300": "--window: needs --genome",
    f"{TRAIN} --positives good.fa --peaks ragged.bed": "'--genome' with '--peaks'",
    "variants run --ref good.fa --alt good.fa --rename-chroms --out new/v.tsv":
        "--rename-chroms: there are no names",
    "variants run --ref good.fa --alt swapped.fa --out new/v.tsv":
        "swapped.fa: record 's1' stands where good.fa has",
    "variants run --ref good.fa --alt short.fa --out new/v.tsv": "short.fa: record 'tiny' has 7 bp",
    "variants run --ref good.fa --alt good.fa --threshold nan --out new/v.tsv":
        "threshold nan is not a score",
    "variants run --ref good.fa --alt good.fa --threshold -1 --out new/v.tsv":
        "threshold -1.0 is not a score",
    "variants run --ref good.fa --alt good.fa --threshold inf --out new/v.tsv":
        "threshold inf is not a score",
    "variants run --ref good.fa --alt good.fa --threshold 1.5 --out new/v.tsv":
        "threshold 1.5 is not a score",
    "design run --out new/d --length -5": "length = -5: must be at least 1",
    "design run --out new/d --length 999999999999999999999": "must be at most 10000000",
    "design run --out new/d --apart -1": "apart = -1: must be at least 0",
    "design run --out new/d --n 99999999999999999999": "must be at most 1000000",
    "design run --out new/d --seed -1": "seed = -1: must be at least 0",
    "design run --out new/d --seed 99999999999999999999":
        "seed = 99999999999999999999: must be at most",
    "design run --out new/d --count M1=²": "count 'M1=²': expected a motif and its number",
    "simulate rest --out new/s --length 99999999999999999999":
        "length = 99999999999999999999: must be at most",
    "simulate rest --out new/s --n 99999999999999999999":
        "n = 99999999999999999999: must be at most",
    "simulate rest --out new/s --seed 99999999999999999999":
        "seed = 99999999999999999999: must be at most",
    "simulate tab.yml --out new/s": "tab.yml, line 1: motif name 'A\\tB' holds a tab",
    "compile rest --out new/run --candidates 1":
        "1 candidates; outside of what can be compiled, the bound is at least",
    "motifs run --out run": "run: holds a run, whose files would be overwritten",
    "motifs run --out run-unfinished": "run-unfinished: holds a run",
    "design run --out run": "run: holds a run, whose files would be overwritten",
    "motifs run --out m --sequences m/motifs.tsv": "motifs.tsv: is read by this command",
    "score run good.fa --out good.fa": "good.fa: is read by this command and would be overwritten",
    "score run good.fa --out link.fa": "link.fa: is read by this command and would be overwritten",
    "score run good.fa --out run/model.safetensors": "is a file of the run itself",
    "score run good.fa --out folder/../run/evidence.tsv": "is a file of the run itself",
    "call run good.fa --out good.fa": "good.fa: is read by this command",
    "call run --genome good.fa --out good.fa": "good.fa: is read by this command",
    "call run --genome good.fa --regions ragged.bed --out ragged.bed":
        "ragged.bed: is read by this command",
    "call run good.fa --out run/fdr.tsv": "is a file of the run itself",
    "rules run good.fa --out ./good.fa": "good.fa: is read by this command",
    "rules run good.fa --out run/config.json": "is a file of the run itself",
    "variants run --genome good.fa --vcf ragged.bed --out ragged.bed":
        "ragged.bed: is read by this command",
    "variants run --genome good.fa --vcf ragged.bed --out good.fa":
        "good.fa: is read by this command",
    "variants run --ref good.fa --alt rna.fa --out rna.fa": "rna.fa: is read by this command",
    "variants run --ref good.fa --alt rna.fa --out good.fa": "good.fa: is read by this command",
    "variants run --ref good.fa --alt good.fa --out run/motifs.meme": "is a file of the run itself",
    f"{TRAIN} --positives m/motifs.tsv --out m": "m/motifs.tsv: is read by this command",
    "simulate m/truth.bed --out m": "m/truth.bed: is read by this command",
    "compile m/motifs.tsv --out m": "m/motifs.tsv: is read by this command",
    "rules run short.fa --out new/r.tsv": "'tiny' has 7 bp",
    "motifs run-bare --out new/m": "config.json is missing",
    "motifs run --out file": "file is a file",
    "simulate nothing --out new/s": "expected a YAML file or one of",
    "simulate bad.yml --out new/s": "bad.yml",
    "simulate rest --n 0 --out new/s": "0",
    "simulate rest --length 5 --out new/s": "5",
    "simulate rest --out file/s": "file is a file",
    "nonsense": "No such command",
    "": "Missing command",
}


@pytest.mark.parametrize(
    ("typed", "said"), CASES.items(), ids=[name.replace("/", ":") for name in CASES]
)
def test_one_line_and_nothing_left(here, capsys, typed, said):
    before, content = files_below(here), contents(here)
    code = cli.app(typed.split(), standalone_mode=False)
    out, err = capsys.readouterr()
    assert contents(here) == content
    assert (code, out) == (2, "")
    assert re.fullmatch(r"error: [^\n]+\n", err), err
    assert said in err
    assert files_below(here) - before <= {Path("new")}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there(here, capsys):
    test_one_line_and_nothing_left(
        here, capsys, f"{TRAIN} --positives good.fa --device cuda", "use one of auto, cpu"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_ours(here, capsys):
    (here / "folder").chmod(0o500)
    test_one_line_and_nothing_left(
        here, capsys, "score run good.fa --out folder/s.tsv", "does not allow it"
    )


def test_a_loss_that_is_not_finite(here, capsys, monkeypatch):
    monkeypatch.setattr(
        "motiflib.training.overlap_loss",
        lambda activations, scanner: activations.sum() * float("nan"),
    )
    before = files_below(here)
    assert cli.app(f"{TRAIN} --positives good.fa --epochs 4".split(), standalone_mode=False) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(lines) == 1 and "lower the rate" in lines[0]
    left = {path.name for path in files_below(here) - before}
    assert left <= {"new", "run", "checkpoint", "lock", "motiflib.json", "state.pt"}  # no run


def test_a_failure_leaves_the_old_result(here, capsys):
    Path("s.tsv").write_text("old")
    assert cli.app("score run short.fa --out s.tsv".split(), standalone_mode=False) == 2
    assert Path("s.tsv").read_text() == "old"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device", "x"), "No space left"),
        (MemoryError(), "out of memory"),
    ],
)
def test_a_full_disk_or_memory(here, capsys, monkeypatch, error, said):
    def fail(*_):
        raise error

    monkeypatch.setattr("motiflib.verbs.score", fail)
    test_one_line_and_nothing_left(here, capsys, "score run good.fa --out new/s.tsv", said)


def test_a_mistake_of_ours_is_not_hidden(here, monkeypatch):
    monkeypatch.setattr("motiflib.verbs.score", lambda *_: [][0])
    with pytest.raises(IndexError):
        cli.app("score run good.fa --out s.tsv".split(), standalone_mode=False)


def test_interrupted(here, capsys, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("motiflib.verbs.train_run", stop)
    assert cli.app(f"{TRAIN} --positives good.fa".split(), standalone_mode=False) == 130
    assert (
        capsys.readouterr().err
        == "interrupted: give the same command again to go on from the last whole epoch\n"
    )


def test_an_interrupted_search_of_a_genome_goes_on(here, capsys, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("motiflib.verbs.call_genome", stop)
    assert cli.app("call run --genome good.fa --out c.bed".split(), standalone_mode=False) == 130
    said = capsys.readouterr().err
    assert (
        said
        == "interrupted: give the same command again to go on from the parts that are finished\n"
    )


def test_as_a_process(here):
    """No traceback, no warning, no words of other libraries; also when the interrupt is a real
    one."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [
        sys.executable,
        "-m",
        "motiflib.cli",
        "score",
        "run",
        "empty.fa",
        "--out",
        "new/s.tsv",
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.startswith(
        "error: empty.fa: the file is empty"
    )
    assert done.stderr.count("\n") == 1
    os.mkfifo("slow.fa")
    listen = partial(
        signal.signal, signal.SIGINT, signal.SIG_DFL
    )  # a job in the background is born deaf to it
    command[5] = "slow.fa"
    slow = subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True, preexec_fn=listen
    )
    with open("slow.fa", "w"):  # opens once the process opens it
        time.sleep(1)  # so that it waits for bases, and is not on its way through an import
        slow.send_signal(signal.SIGINT)
        assert slow.wait(60) == 130
    assert slow.stderr.read() == "interrupted: nothing was written\n"
