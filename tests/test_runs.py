"""Run folders: written whole, read back as they were, and a killed training goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from motiflib import runs
from motiflib.model import ArgminnConfig
from motiflib.report import batches_of, score
from motiflib.runs import load_run, train_run
from motiflib.sequence import InputError, Record
from motiflib.training import TrainConfig, predict

HERE = Path(__file__).resolve().parent
SHAPE = ArgminnConfig(filters=2, width=8, token=8, stream=16, heads=2, position=4, candidates=6, neighbourhood=10)
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
    assert all(torch.equal(value, run.model.state_dict()[name]) for name, value in again.model.state_dict().items())
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
import test_runs
from motiflib import training
step = training.Trainer.step
def deadly(self, *batch):
    if len(self.history) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, *batch)
training.Trainer.step = deadly
test_runs.train(test_runs.Path({str(tmp_path / "run")!r}))
"""
    settings = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=settings, capture_output=True, text=True)
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

    monkeypatch.setattr("motiflib.runs.save_run", stop)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run")
    assert (tmp_path / "run" / "checkpoint" / "state.pt").exists()
    monkeypatch.undo()
    assert len(train(tmp_path / "run").history) == 4


def test_a_refused_training_leaves_what_was_there(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    monkeypatch.setattr("motiflib.training.evaluate", lambda *_: (_ for _ in ()).throw(InputError("no")))
    with pytest.raises(InputError, match="no"):
        train(tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["notes.txt"]


def test_weights_of_another_run_are_noticed(whole, tmp_path):
    folder = tmp_path / "run"
    train(folder, seed=2)
    (folder / "model.safetensors").write_bytes((whole[0] / "model.safetensors").read_bytes())
    with pytest.raises(InputError, match="damaged or of another run"):
        load_run(folder)


def test_train_json_is_json_that_others_can_read(whole):
    assert set(json.loads((whole[0] / "train.json").read_text())) == {
        "model", "training", "seed", "data", "validation_sequences", "metrics", "minutes", "hardware", "versions",
        "files",
    }  # fmt: skip


def test_padding_does_not_change_a_score(whole):
    """Each sequence alone, and beside longer ones."""
    run, records = whole[1], planted(20, seed=5)
    together = score(run, records)
    alone = [score(run, [record]).probability[0] for record in records]
    assert_close(torch.tensor(together.probability), torch.tensor(alone), atol=1e-5, rtol=0)
    assert list(together.name) == [record.name for record in records]
    x = runs.examples([record.sequence for record in records], ["A" * 40]).x[:-1]
    assert_close(torch.tensor(together.probability), predict(run.model, x), atol=1e-5, rtol=0)


def test_batches_are_bounded():
    records = [Record(str(i), "A" * length) for i, length in enumerate([4, 4, 9, 1, 1, 30, 2])]
    parts = list(batches_of(records, bases=10))
    assert [record for part in parts for record in part] == records
    assert all(len(part) == 1 or len(part) * max(len(r.sequence) for r in part) <= 10 for part in parts)
    assert list(batches_of([])) == []


def test_classes_of_different_length_are_pointed_out(caplog):
    runs.read_data([Record("a", "A" * 100)] * 3, [Record("b", "C" * 40)] * 3, None, 8)
    assert "may learn the length" in caplog.text
