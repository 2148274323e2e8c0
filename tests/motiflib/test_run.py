"""Run folders: written whole, read back as they were, and a killed training goes on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from motifbook.datasets import data_path

from motiflib.files import InputError
from motiflib.model import ArgminnConfig
from motiflib.run import folder as runs
from motiflib.run.folder import load_run, train_run
from motiflib.sequence import Record
from motiflib.training import TrainConfig

HERE = Path(__file__).resolve().parent
SHAPE = ArgminnConfig(
    filters=2, width=8, token=8, stream=16, heads=2, position=4, candidates=6, neighbourhood=10
)
SETTINGS = TrainConfig(epochs=4, device="cpu")


def planted(n: int = 120, seed: int = 0) -> list[Record]:
    """Sequences of 40 to 60 bp, each with GATTACAG."""
    rng, records = np.random.default_rng(seed), []
    for i in range(n):
        letters = "".join(rng.choice(list("ACGT"), int(rng.integers(40, 61))))
        start = int(rng.integers(0, len(letters) - 8))
        records.append(Record(f"s{i}", letters[:start] + "GATTACAG" + letters[start + 8 :]))
    return records


def train(folder: Path, seed: int = 0):
    settings = {"config": SHAPE, "training": SETTINGS, "seed": seed, "progress": False}
    return train_run(planted(), folder, shuffle="mononucleotide", **settings)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("whole") / "run"
    yield folder, train(folder)
    torch.set_num_threads(threads)


def test_a_run_is_read_back(whole):
    folder, run = whole
    again = load_run(folder)
    assert not again.model.training and again.model.config == run.model.config
    assert all(
        torch.equal(value, run.model.state_dict()[name])
        for name, value in again.model.state_dict().items()
    )
    assert [motif.consensus for motif in again.motifs] == [motif.consensus for motif in run.motifs]
    assert list(again.history.epoch) == [1, 2, 3, 4]
    assert again.settings == run.settings and again.settings["seed"] == 0
    assert again.settings["model"]["width"] == 8 and again.settings["training"]["epochs"] == 4
    assert again.settings["data"]["negatives"] == {"shuffle": "mononucleotide"}
    assert {path.name for path in folder.iterdir()} == set(runs.FILES)


def test_it_is_also_a_folder_for_from_pretrained(whole):
    folder, run = whole
    model = type(run.model).from_pretrained(folder)
    assert torch.equal(model.scanner.filters, run.model.scanner.filters)


def test_killed_in_mid_epoch_goes_on_to_the_same_bytes(whole, tmp_path):
    """Killed in the third epoch by a signal that no program can catch; then the same call again."""
    program = f"""
import os, signal, sys
sys.path[:0] = [{str(HERE)!r}, {str(HERE.parent)!r}]
import test_run
from motiflib import training
step = training.Trainer.step
def deadly(self, *batch):
    if len(self.history) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, *batch)
training.Trainer.step = deadly
test_run.train(test_run.Path({str(tmp_path / "run")!r}))
"""
    settings = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=settings, capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    with pytest.raises(InputError, match="training is unfinished; give the same"):
        load_run(tmp_path / "run")
    with pytest.raises(InputError, match="unfinished training on other data or settings"):
        train(tmp_path / "run", seed=1)
    train(tmp_path / "run")
    for name in ("model.safetensors", "config.json", "motifs.meme", "motifs.tsv"):
        assert (tmp_path / "run" / name).read_bytes() == (whole[0] / name).read_bytes(), name
    assert not (tmp_path / "run" / "checkpoint").exists()


def test_an_interrupt_keeps_the_checkpoint(tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("motiflib.run.folder.save_run", stop)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run")
    assert (tmp_path / "run" / "checkpoint" / "state.pt").exists()
    monkeypatch.undo()
    assert len(train(tmp_path / "run").history) == 4


def test_a_refused_training_leaves_what_was_there(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    monkeypatch.setattr(
        "motiflib.training.evaluate", lambda *_: (_ for _ in ()).throw(InputError("no"))
    )
    with pytest.raises(InputError, match="no"):
        train(tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("out of memory"), KeyboardInterrupt()]
)
def test_what_ends_before_an_epoch_does_not_bar_the_next(tmp_path, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("motiflib.run.folder.seeded", fail)
    with pytest.raises(type(error)):
        train(tmp_path / "run")
    assert not (tmp_path / "run").exists()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    with pytest.raises(type(error)):
        train(tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["notes.txt"]


def test_windows_of_an_earlier_training_go(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "examples.tsv").write_text("of a genome")
    train(tmp_path / "run")
    assert not (tmp_path / "run" / "examples.tsv").exists()


def test_seeds_have_bounds():
    for seed in (-1, 2**32 - 1, 10**30):
        with pytest.raises(InputError, match="seed = "):
            runs.check_settings(SHAPE, SETTINGS, seed)
    runs.check_settings(SHAPE, SETTINGS, 2**32 - 2)


STORED = data_path("models", "rest")
NETWORK = ("config.json", "model.safetensors")  # the only files that older versions sealed


def changed(**parts) -> object:
    """train.json with other parts."""
    return lambda text: json.dumps(json.loads(text) | parts)


def without(start: str):
    """The text up to there."""
    return lambda text: text[: text.index(start)]


DAMAGED = {
    "half a row": ("motifs.tsv", lambda t: t[:-12] + "\n", "motifs.tsv: 'members' does not name"),
    "cut in a number": ("motifs.tsv", lambda t: t[: t.rindex("\t") - 3], "motifs.tsv: "),
    "no line end": ("motifs.tsv", lambda t: t[:-1], "motifs.tsv: its last line is cut short"),
    "a row less": ("motifs.tsv", without("M2"), "motifs.meme: other motifs than in motifs.tsv"),
    "no rows": ("motifs.tsv", without("M1"), "motifs.meme: other motifs than in motifs.tsv"),
    "half a header": ("motifs.tsv", lambda t: t[:20] + "\n", "column 'filter' is missing"),
    "nothing": ("motifs.tsv", lambda t: "", "motifs.tsv: damaged, not a table"),
    "another filter": (
        "motifs.tsv", lambda t: t.replace("0:-1:+", "99:-1:+"), "motifs.tsv: 'members' does not"
    ),
    "another name": ("motifs.tsv", lambda t: t.replace("M2", "M3"), "motifs.meme: other motifs"),
    "another length": (
        "motifs.tsv", lambda t: t.replace("\t8\t", "\t8.5\t"), "motifs.meme: other motifs"
    ),
    "a motif less": ("motifs.meme", without("MOTIF M2"), "motifs.meme: other motifs"),
    "no motif": ("motifs.meme", without("MOTIF M1"), "motifs.meme: other motifs"),
    "half a motif": ("motifs.meme", lambda t: t[: t.index("MOTIF M2") + 120], "motifs.meme"),
    "binary": ("motifs.meme", lambda t: "\0" + t, "motifs.meme: binary content"),
    "other columns": ("fdr.tsv", lambda t: t.replace("fdr", "rate"), "column 'fdr' is missing"),
    "words": (
        "fdr.tsv", lambda t: t.replace("0.05\t", "low\t"), "column 'score' does not hold numbers"
    ),
    "history": ("history.tsv", lambda t: "a\tb\n", "history.tsv: column 'epoch' is missing"),
    "evidence": ("evidence.tsv", lambda t: t[:-9], "evidence.tsv: "),
    "sites": ("sites.tsv", lambda t: t.replace("bases", "b"), "column 'bases' is missing"),
    "data a list": ("train.json", changed(data=[]), "train.json: 'data'"),
    "no data": ("train.json", changed(data=None), "train.json: 'data'"),
    "a length of letters": ("train.json", changed(data={"length": "x"}), "'data'"),
    "positives a list": ("train.json", changed(data={"positives": []}), "'data'"),
    "files a list": ("train.json", changed(files=["a"]), "train.json: 'files'"),
    "foreign files": ("train.json", changed(files={"../x": "0"}), "'files'"),
    "metrics of words": ("train.json", changed(metrics={"a": "b"}), "'metrics'"),
    "a list": ("train.json", lambda t: "[]", "train.json: not of a run"),
    "cut": ("train.json", lambda t: t[:-9], "train.json: damaged, not JSON"),
    "shape": ("config.json", lambda t: t.replace("12", "13"), "config.json: not the file that"),
}


def refuses(folder: Path, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        load_run(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("case", DAMAGED)
def test_damage_of_older_runs_is_noticed(tmp_path, case):
    name, damage, said = DAMAGED[case]
    shutil.copytree(STORED, tmp_path / "run")
    about = tmp_path / "run" / "train.json"
    settings = json.loads(about.read_text())
    settings["files"] = {file: settings["files"][file] for file in NETWORK}
    about.write_text(json.dumps(settings, indent=1) + "\n")
    path = tmp_path / "run" / name
    path.write_text(damage(path.read_text()))
    refuses(tmp_path / "run", said)


@pytest.mark.parametrize("name", runs.FILES[:-1])
def test_every_file_is_sealed(whole, tmp_path, name):
    """One byte that changes, a last line that is gone, a file that is gone."""
    said = f"{name}: not the file that train.json describes, damaged or of another run; copy the"
    shutil.copytree(whole[0], tmp_path / "run")
    path = tmp_path / "run" / name
    content = path.read_bytes()
    for damaged in (content[:9] + b"#" + content[10:], content[: content[:-1].rfind(b"\n") + 1]):
        path.write_bytes(damaged)
        refuses(tmp_path / "run", said)
    path.unlink()
    refuses(tmp_path / "run", said if name in runs.held_out.FILES else f"{name} is missing")


@pytest.mark.parametrize(
    "name", [folder.parent.name for folder in STORED.parent.glob("*/train.json")]
)
def test_all_stored_runs_can_be_read(name):
    assert load_run(STORED.parent / name).motifs


def test_weights_of_another_run_are_noticed(whole, tmp_path):
    folder = tmp_path / "run"
    train(folder, seed=2)
    (folder / "model.safetensors").write_bytes((whole[0] / "model.safetensors").read_bytes())
    with pytest.raises(InputError, match="damaged or of another run"):
        load_run(folder)


def test_train_json_is_json_that_others_can_read(whole):
    assert set(json.loads((whole[0] / "train.json").read_text())) == {
        "model",
        "training",
        "seed",
        "data",
        "validation_sequences",
        "metrics",
        "minutes",
        "hardware",
        "versions",
        "files",
    }


def test_classes_of_different_length_are_pointed_out(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(runs, "keep", lambda *_, **__: None)  # what is read is enough here
    ours, theirs = [Record("a", "A" * 100)] * 3, [Record("b", "C" * 40)] * 3
    train_run(ours, tmp_path / "run", negatives=theirs, config=SHAPE, training=SETTINGS)
    assert "may learn the length" in caplog.text


def test_parts_keep_the_letters_of_their_positives():
    letters = [record.sequence for record in planted(30)]
    train, held = runs.divide(letters, torch.tensor([1.0] * 20 + [0.0] * 10), seed=0)
    assert sorted([*train.rows, *held.rows]) == list(range(30))
    for part in (train, held):
        assert list(part.positives) == [letters[row] for row in part.rows if row < 20]
        assert part.examples.y.tolist() == [float(row < 20) for row in part.rows]
