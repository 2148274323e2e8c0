"""Run folders: written whole, read back as they were, and a killed training goes on."""

from __future__ import annotations

import json
import math
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from motifbook.datasets import data_path
from safetensors.torch import load_file, save_file

from motiflib import training
from motiflib.files import InputError, sha256, write_atomic
from motiflib.model import ArgminnConfig
from motiflib.run import evidence as held_out
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


def train(folder: Path, seed: int = 0, **more):
    settings = {"config": SHAPE, "training": SETTINGS, "seed": seed, "progress": False} | more
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

    monkeypatch.setattr("motiflib.run.folder.find_motifs", stop)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run")
    assert (tmp_path / "run" / "checkpoint" / "state.pt").exists()
    monkeypatch.undo()
    assert len(train(tmp_path / "run").history) == 4


def test_a_refused_training_leaves_what_was_there(tmp_path, monkeypatch):
    (tmp_path / "run" / ".new-thesis").mkdir(parents=True)
    (tmp_path / "run" / ".new-thesis" / "notes.txt").write_text("mine")
    monkeypatch.setattr(
        "motiflib.training.evaluate", lambda *_: (_ for _ in ()).throw(InputError("no"))
    )
    with pytest.raises(InputError, match="no"):
        train(tmp_path / "run")
    monkeypatch.undo()
    assert [path.name for path in (tmp_path / "run").iterdir()] == [".new-thesis"]
    train(tmp_path / "run")
    assert (tmp_path / "run" / ".new-thesis" / "notes.txt").read_text() == "mine"


def test_a_checkpoint_that_is_not_ours_stays(tmp_path):
    mine = tmp_path / "run" / "checkpoint" / "state.pt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(InputError, match="checkpoint: holds files that are not of a training"):
        train(tmp_path / "run")
    assert mine.read_text() == "mine" and len(list(mine.parent.iterdir())) == 1


def test_a_finished_run_is_replaced_by_force_only(tmp_path, monkeypatch):
    first = train(tmp_path / "run", seed=1)
    monkeypatch.setattr(runs, "fit", lambda *_, **__: pytest.fail("trained again"))
    with pytest.raises(InputError, match="run: holds a finished run of other .* --force"):
        train(tmp_path / "run", seed=0)
    assert train(tmp_path / "run", seed=1).settings == first.settings  # the same: nothing to do
    assert not (tmp_path / "run" / "checkpoint").exists()
    monkeypatch.undo()
    assert train(tmp_path / "run", force=True).settings["seed"] == 0
    assert not (tmp_path / "run" / "checkpoint").exists()


def test_two_trainings_in_one_folder(tmp_path, monkeypatch):
    said, fit = [], runs.fit

    def meanwhile(*arguments, **settings):
        with pytest.raises(InputError, match="run: another training is at work there; wait") as no:
            train(tmp_path / "run")
        said.append(str(no.value))
        return fit(*arguments, **settings)

    monkeypatch.setattr(runs, "fit", meanwhile)
    assert len(train(tmp_path / "run").history) == 4 and len(said) == 1


def test_files_have_the_mode_of_others(whole):
    plain = whole[0].parent / "plain"
    plain.touch()
    modes = {path.name: oct(path.stat().st_mode) for path in whole[0].iterdir()}
    assert set(modes.values()) == {oct(plain.stat().st_mode)}, modes


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_full_disk_at_a_checkpoint(whole, tmp_path, monkeypatch, after):
    """No file may be as large as a state from some epoch on: one line, and what is saved stays."""
    epoch, limits = training.Trainer.epoch, resource.getrlimit(resource.RLIMIT_FSIZE)

    def full(self, *data):
        if len(self.history) == after:
            resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
        return epoch(self, *data)

    monkeypatch.setattr(training.Trainer, "epoch", full)
    try:
        with pytest.raises(InputError, match="state.pt: cannot be written .File too large"):
            train(tmp_path / "run")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    monkeypatch.undo()
    assert (tmp_path / "run").exists() == (after > 0)
    seen = count_epochs(monkeypatch)
    train(tmp_path / "run")
    assert len(seen) == 4 - after and same_network(whole[0], tmp_path / "run")


@pytest.mark.parametrize("room", ["model.save_pretrained", "to_csv", "write_meme", "write_atomic"])
def test_a_full_disk_at_the_end(whole, tmp_path, monkeypatch, room):
    """The training is kept, and the old run too."""
    folder = tmp_path / "run"
    shutil.copytree(whole[0], folder)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    def full_atomic(path, data):
        return full() if "new" in Path(path).parts else write_atomic(path, data)

    places = {"model.save_pretrained": "motiflib.model.Argminn.save_pretrained",
              "to_csv": "pandas.DataFrame.to_csv"}
    monkeypatch.setattr(places.get(room, f"motiflib.run.folder.{room}"),
                        full_atomic if room == "write_atomic" else full)
    with pytest.raises(InputError, match="run cannot be written .*No space left.* kept: make room"):
        train(folder, seed=1, force=True)
    monkeypatch.undo()
    assert load_run(folder).settings["seed"] == 0
    seen = count_epochs(monkeypatch)
    assert train(folder, seed=1, force=True).settings["seed"] == 1 and not seen


def count_epochs(monkeypatch) -> list:
    """A list that grows with each epoch that is trained."""
    seen, epoch = [], training.Trainer.epoch
    monkeypatch.setattr(training.Trainer, "epoch", lambda *a: (seen.append(1), epoch(*a))[1])
    return seen


def same_network(one: Path, other: Path) -> bool:
    names = ("model.safetensors", "config.json", "motifs.meme", "motifs.tsv", "sites.tsv")
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in names)


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
    "half a row": ("motifs.tsv", lambda t: t[:-12] + "\n", "motifs.tsv: damaged"),
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
        "motifs.tsv", lambda t: t.replace("\t8\t", "\t8.5\t"), "'length' cannot hold 8.5; copy"
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
    "no seals": ("train.json", changed(files={}), "'files'"),
    "an endless tile": ("train.json", changed(data={"length": 10**12}), "'data'"),
    "infinite metrics": ("train.json", changed(metrics={"auroc": math.inf}), "'metrics'"),
    "warnings of numbers": ("train.json", changed(warnings=[1]), "'warnings'"),
    "deep": ("train.json", lambda t: "[" * 100_000, "train.json: damaged, not JSON"),
    "strand": ("sites.tsv", lambda t: t.replace("\t+\t", "\t<script>\t"), "'strand' cannot hold"),
    "bases": ("sites.tsv", lambda t: t.replace("ttcca", "<b>"), "'bases' cannot hold '<b>TGAGC"),
    "scores": ("sites.tsv", lambda t: t.replace("0.862", "1.862"), "'score' cannot hold 1.862"),
    "not a number": ("sites.tsv", lambda t: t.replace("8.558", "nan"), "'effect'"),
    "infinite": ("sites.tsv", lambda t: t.replace("8.558", "inf"), "'effect' cannot hold inf"),
    "foreign sites": ("sites.tsv", lambda t: t.replace("M2", "M3"), "other motifs than in motifs"),
    "foreign support": ("evidence.tsv", without("M2"), "other motifs than in motifs.tsv"),
    "shares": ("evidence.tsv", lambda t: t.replace("0.506", "50.6"), "'in_positives' cannot hold"),
    "a far member": (
        "motifs.tsv", lambda t: t.replace("0:-1:+", "0:-999:+"), "motifs.tsv: 'members' does not"
    ),
    "rates": ("fdr.tsv", lambda t: t.replace("0.3353", "3353"), "'fdr' cannot hold 3353"),
    "loss": ("history.tsv", lambda t: t.replace("0.718756", "inf"), "'valid_auroc' cannot hold"),
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


@pytest.mark.parametrize("name", ["{}/victim", "../../victim", "-rf", ".hidden", "a b", "\u00e9",
                                  "<b>", "M" * 101])
def test_names_of_motifs_are_words(tmp_path, name):
    """Else a logo, NAME.png, would be written wherever the maker of the run says."""
    shutil.copytree(STORED, tmp_path / "run")
    seal(tmp_path / "run", ("M1", name.format(tmp_path)))
    refuses(tmp_path / "run", "motifs.tsv: column 'motif' cannot hold")


def seal(folder: Path, *changes: tuple[str, str], names=runs.FILES[:-1], **shape) -> None:
    """A run with other content, sealed as its maker would."""
    for name in names:
        if name.endswith(("tsv", "meme")):
            text = (folder / name).read_text()
            for old, new in changes:
                text = text.replace(old, new)
            (folder / name).write_text(text)
    config = json.loads((folder / "config.json").read_text()) | shape
    (folder / "config.json").write_text(json.dumps(config))
    about = folder / "train.json"
    settings = json.loads(about.read_text())
    settings["files"] = {name: sha256(folder / name) for name in settings["files"]}
    about.write_text(json.dumps(settings))


def test_script_in_a_run_is_text_in_its_report(tmp_path):
    from motiflib.run.report import write_motifs

    run = load_run(STORED)
    evil = "<script>alert(1)</script>"
    sites = run.evidence.sites.assign(strand=evil, bases=evil + "ACGT", sequence=evil)
    table = run.found.table.assign(consensus=evil)
    run = run._replace(evidence=run.evidence._replace(sites=sites),
                       found=run.found._replace(table=table),
                       settings=run.settings | {"data": {evil: evil}, "seed": evil})
    write_motifs(run, tmp_path / "motifs")
    page = (tmp_path / "motifs" / "report.html").read_text()
    assert "<script" not in page and "&lt;script&gt;" in page


@pytest.mark.parametrize("shape", [
    {"layers": 2**32}, {"filters": 10_001}, {"width": 10**9}, {"token": 10**9}, {"heads": -1},
    {"candidates": 10**9}, {"neighbourhood": 10_000}, {"filters": 10_000, "width": 1000},
    {"layers": 1.5}, {"layers": "2"}, {"token": 0}, {"filters": None}, {"depth": 2},
])
def test_a_shape_takes_no_memory_before_it_is_that_of_the_weights(tmp_path, shape):
    shutil.copytree(STORED, tmp_path / "run")
    seal(tmp_path / "run", **shape)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refuses(tmp_path / "run", "config.json: not the shape of a network|not the weights of this")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 100_000  # kB


def test_the_seal_of_the_network_is_looked_at_before_it_is_built(tmp_path, monkeypatch):
    shutil.copytree(STORED, tmp_path / "run")
    monkeypatch.setattr(runs, "Argminn", lambda _: pytest.fail("built"))
    for name in NETWORK:
        kept = (tmp_path / "run" / name).read_bytes()
        (tmp_path / "run" / name).write_bytes(kept + b" ")
        refuses(tmp_path / "run", f"{name}: not the file that train.json describes")
        (tmp_path / "run" / name).write_bytes(kept)


def test_weights_must_be_finite(tmp_path):
    shutil.copytree(STORED, tmp_path / "run")
    weights = load_file(tmp_path / "run" / "model.safetensors")
    weights["scanner.bias"][0] = math.nan
    save_file(weights, tmp_path / "run" / "model.safetensors")
    seal(tmp_path / "run")
    refuses(tmp_path / "run", "model.safetensors: holds weights that are not finite")


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
        "warnings",
    }


def test_sequences_without_a_base_are_refused(tmp_path):
    for name in ("positives", "negatives"):
        classes = {"positives": planted(6), "negatives": planted(6), name: ["N" * 40] * 6}
        with pytest.raises(InputError, match=f"^{name}: no {name} hold a base, only N; give"):
            train_run(out=tmp_path / "run", config=SHAPE, training=SETTINGS, **classes)
    assert not (tmp_path / "run").exists()


def test_weak_results_are_told_of_and_kept(tmp_path, caplog):
    """Random sequences against random ones: nothing is learnt."""
    random = ["".join(row) for row in np.random.default_rng(0).choice(list("ACGT"), (120, 40))]
    settings = {"config": SHAPE, "training": SETTINGS, "progress": False}
    train_run(random, tmp_path / "run", shuffle="mononucleotide", **settings)
    told = json.loads((tmp_path / "run" / "train.json").read_text())["warnings"]
    assert [text.split(" ")[0] for text in told] == ["only", "AUROC", "no"]
    assert [r.message for r in caplog.records if r.levelname == "WARNING"] == told
    assert all("\n" not in text and len(text) < 300 for text in told)


def test_doubts_by_hand():
    """With 10 and 10 held back, Hanley and McNeil's standard error of .74 is .1134 and of .72
    .1165: .74 - 1.96 x .1134 = .518, .72 - 1.96 x .1165 = .492."""
    support = pd.DataFrame({"enrichment_p": [0.9, 0.01], "shuffles_p": [0.9, 0.9],
                            "loss_rise": [1.0, 0.3], "loss_rise_se": [0.1, 0.1]})
    many, ten = torch.tensor([1.0, 0.0]).repeat(200), torch.tensor([1.0, 0.0]).repeat(10)
    assert held_out.doubts(many, ten, 0.74, support) == []
    assert held_out.doubts(many, ten, 0.72, support)[0].startswith("AUROC 0.72 on 20 held-back")
    assert held_out.doubts(many[:-2], ten, 0.9, support)[0].startswith("only 199 sequences")
    for none in (support[:1], support[:0], support.assign(loss_rise=[0.1, 0.19])):
        assert held_out.doubts(many, ten, 0.9, none) == [
            "no motif has support in held-back sequences: do not rely on the motifs"]


def test_the_last_word(tmp_path, caplog):
    with caplog.at_level("INFO", "motiflib"):
        run = train(tmp_path / "run")
    auroc = run.settings["metrics"]["auroc"]
    said = caplog.records[-1].message
    assert re.match(rf"{len(run.motifs)} motifs?(: |; )", said)
    assert f"AUROC {auroc:.2f} on 24 held-back sequences; motiflib motifs {tmp_path}/run " in said


def test_classes_of_different_length_are_pointed_out(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(runs, "keep", lambda *_, **__: None)  # what is read is enough here
    ours, theirs = ["A" * 100] * 3, ["C" * 40] * 3
    train_run(ours, tmp_path / "run", negatives=theirs, config=SHAPE, training=SETTINGS)
    assert "may learn the length" in caplog.text


def test_names_are_of_one_sequence(tmp_path):
    with pytest.raises(InputError, match="positives: two records are named 'a'"):
        train_run([("a", "ACGT" * 9)] * 2, tmp_path / "run", shuffle="dinucleotide")


def test_parts_keep_the_letters_of_their_positives():
    letters = [record.sequence for record in planted(30)]
    train, held = runs.divide(letters, torch.tensor([1.0] * 20 + [0.0] * 10), seed=0)
    assert sorted([*train.rows, *held.rows]) == list(range(30))
    for part in (train, held):
        assert list(part.positives) == [letters[row] for row in part.rows if row < 20]
        assert part.examples.y.tolist() == [float(row < 20) for row in part.rows]
