"""Training: it learns, it can be interrupted, and several processes make the same network as
one."""

from __future__ import annotations

import dataclasses
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close
from train_once import SETTINGS, SHAPE, planted, train

from motiflib.batches import ArrayBatches, examples, split
from motiflib.files import InputError
from motiflib.model import Argminn, ArgminnConfig
from motiflib.sequence import decode
from motiflib.training import Objective, TrainConfig, evaluate, fit, logits, predict

TESTS = Path(__file__).parents[1]
ONCE = str(TESTS / "train_once.py")


def python(*arguments: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(TESTS.parent), "OMP_NUM_THREADS": "1",
                                "ACCELERATE_USE_CPU": "1"}
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True,
                          text=True, timeout=300)


@pytest.fixture(scope="module")
def whole():
    """A training that nothing disturbs, on one thread as in the other processes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield train(None)
    torch.set_num_threads(threads)


def test_one_batch_is_learnt_by_heart():
    torch.manual_seed(0)
    data = planted(32)
    batches = ArrayBatches(data, batch=32)
    batches.steps = 1
    config = TrainConfig(epochs=250, rate=1e-2, overlap=0, l1=0, spacing=0, device="cpu")
    model, history = fit(Argminn(SHAPE), batches, data, config, progress=False)
    assert history.prediction.iloc[-1] < 0.01
    assert evaluate(model, data)["auroc"] == 1


def test_history_has_a_row_an_epoch(whole):
    history = whole.history
    assert list(history.epoch) == [1, 2, 3, 4]
    measures = ["valid_loss", "valid_accuracy", "valid_auroc", "valid_auprc"]
    losses = ["prediction", "overlap", "l1", "penalty"]
    assert list(history) == ["epoch", *losses, *measures, "rate", "seconds"]
    assert history.penalty.is_monotonic_increasing
    assert history.penalty.iloc[0] == 0 and history.penalty.iloc[-1] == 1
    assert (history.overlap[history.penalty == 0] == 0).all()
    assert history.valid_auroc.between(0, 1).all()


def test_the_best_late_epoch_is_kept(whole):
    late = whole.history[whole.history.epoch > SETTINGS.best_from * SETTINGS.epochs]
    loss = evaluate(whole.model, planted(60, seed=1))["loss"]
    assert loss == pytest.approx(late.valid_loss.min(), rel=1e-6)
    assert not whole.model.training


@pytest.mark.parametrize("best_from", [0.0, 0.9])
def test_best_epoch_may_be_any_from_a_share_on(best_from):
    torch.manual_seed(1)
    config = dataclasses.replace(SETTINGS, rate=0.05, best_from=best_from)  # the loss jumps
    batches = ArrayBatches(planted(32), batch=16)
    model, history = fit(Argminn(SHAPE), batches, planted(30), config, progress=False)
    late = history[history.epoch > best_from * config.epochs]
    assert evaluate(model, planted(30))["loss"] == pytest.approx(late.valid_loss.min(), rel=1e-6)


def test_killed_in_mid_epoch_goes_on_to_the_same_weights(whole, tmp_path):
    died = python(ONCE, str(tmp_path), "4", "2")
    assert died.returncode == -signal.SIGKILL and (tmp_path / "checkpoint" / "state.pt").exists()
    resumed = train(tmp_path)
    assert list(resumed.history.epoch) == [1, 2, 3, 4]
    for name, value in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value), name
    again = train(tmp_path)  # nothing left to do: the same answer at once
    assert again.history.equals(resumed.history)


def test_a_damaged_state_falls_back_to_the_epoch_before(whole, tmp_path, caplog):
    """Cut anywhere, or one bit changed: one line, and the same weights in the end."""
    train(tmp_path)
    folder = tmp_path / "checkpoint"
    now, before = (folder / name for name in ("state.pt", "before.pt"))
    good, older = now.read_bytes(), before.read_bytes()
    places = range(0, len(good), len(good) // 6)
    for damaged in (b"", *(good[:i] for i in places), *(
            good[:i] + bytes([good[i] ^ 1]) + good[i + 1 :] for i in places)):
        caplog.clear()
        now.write_bytes(damaged)
        before.write_bytes(older)
        resumed = train(tmp_path)
        assert caplog.messages == [f"{now}: damaged; training goes on after epoch 3"]
        for name, value in whole.model.state_dict().items():
            assert torch.equal(resumed.model.state_dict()[name], value), name
    caplog.clear()
    now.write_bytes(good[:-1])
    before.write_bytes(b"")
    assert len(train(tmp_path).history) == 4
    assert caplog.messages == [f"{now} and {before}: damaged; training begins anew"]
    now.unlink()  # killed between two names: the one before is enough
    assert len(train(tmp_path).history) == 4 and len(caplog.messages) == 1


def test_a_checkpoint_of_other_settings_is_refused(tmp_path):
    train(tmp_path)
    config = dataclasses.replace(SETTINGS, rate=1e-4)
    batches = ArrayBatches(planted(96), batch=16)
    with pytest.raises(InputError, match="other settings"):
        fit(Argminn(SHAPE), batches, planted(60), config, out=tmp_path, progress=False)


def test_two_processes_make_the_network_of_one(whole, tmp_path):
    launch = "-m torch.distributed.run --standalone --nproc_per_node 2"  # accelerate joins in
    done = python(*launch.split(), ONCE, str(tmp_path), "1")
    assert done.returncode == 0, done.stderr[-2000:]
    alone = train(None, epochs=1)
    together = torch.load(tmp_path / "weights-2.pt", weights_only=True)
    for name, value in alone.model.state_dict().items():
        # measured: 3e-7 apart, and 1e-2 where each process keeps to its own gradient; over epochs
        # Adam blows both up
        assert_close(together[name], value, atol=1e-5, rtol=0)


def test_a_compiled_step_is_the_plain_one_and_is_compiled_twice_only():
    """Once without penalties and once with them; a price that rises must not compile the step
    anew."""
    graphs = []
    torch.manual_seed(0)
    objective = Objective(Argminn(SHAPE), TrainConfig())
    fast = torch.compile(objective, fullgraph=True,
                         backend=lambda graph, _: graphs.append(1) or graph.forward)
    x, y = planted(16)
    for share in (0, 0, 1e-3, 0.2, 1.0):
        found = []
        for form in (objective, fast):
            objective.zero_grad()
            parts = form(x.float(), y, objective.prices(share))
            parts.sum().backward()
            grads = [p.grad.clone() for p in objective.parameters() if p.grad is not None]
            found.append([parts.detach(), *grads])
        for a, b in zip(*found, strict=True):
            assert_close(a, b, atol=1e-6, rtol=1e-5)
    assert len(graphs) == 2


def test_batches_depend_on_seed_and_epoch_only():
    data = planted(50)
    first, again, other = (ArrayBatches(data, batch=16, seed=seed) for seed in (0, 0, 1))
    list(first.epoch(0))
    for a, b in zip(first.epoch(1), again.epoch(1), strict=True):
        assert torch.equal(a[0], b[0]) and torch.equal(a[1], b[1])
    assert not torch.equal(next(first.epoch(1))[0], next(other.epoch(1))[0])
    assert not torch.equal(next(first.epoch(1))[0], next(first.epoch(0))[0])
    assert len(list(first.epoch(0))) == first.steps == 3


def test_an_epoch_shows_each_example_once():
    data = planted(48)
    seen = [row for x, _ in ArrayBatches(data, batch=16).epoch(0) for row in decode(x)]
    assert sorted(seen) == sorted(decode(data.x))


def test_examples_and_their_split():
    data = examples(["ACGTACGTAC"] * 30, ["TTTTTTTT"] * 10)
    assert data.x.shape == (40, 4, 10) and data.y.sum() == 30
    assert data.x[-1, :, 8:].sum() == 0  # padded on the right
    train, valid = split(data, 0.1)
    assert (len(train.y), len(valid.y), valid.y.sum()) == (36, 4, 3)
    assert sorted(decode(train.x) + decode(valid.x)) == sorted(decode(data.x))


@pytest.mark.parametrize(("positives", "negatives"), [([], ["ACGT"]), (["ACGT"], [])])
def test_both_classes_are_needed(positives, negatives):
    with pytest.raises(InputError, match="both classes"):
        examples(positives, negatives)


def test_a_device_that_is_not_there():
    gone = "mps" if torch.cuda.is_available() else "cuda"
    with pytest.raises(InputError, match="not available here: use one of auto, cpu"):
        fit(Argminn(SHAPE), ArrayBatches(planted(16)), planted(16), TrainConfig(device=gone))


def test_a_loss_that_is_not_finite():
    torch.manual_seed(0)
    config = TrainConfig(epochs=2, rate=1e30, clip=1e30, device="cpu")
    with pytest.raises(InputError, match="lower the rate"):
        fit(Argminn(SHAPE), ArrayBatches(planted(64), batch=8), planted(16), config, progress=False)


def test_predict_leaves_the_network_as_found():
    model = Argminn(SHAPE).train()
    p = logits(model, planted(10).x, batch=3).sigmoid()
    assert model.training and p.shape == (10,) and bool(((p > 0) & (p < 1)).all())
    assert_close(p, predict(model, planted(10).x), atol=1e-6, rtol=0)


def test_spacing_penalty_is_the_sum_of_log_weights():
    """It adds spacing * sum |rho - start| / distinct to the third part: nothing where each sequence
    is seen once."""
    torch.manual_seed(0)
    model = Argminn(ArgminnConfig(filters=2, width=6))
    torch.nn.init.normal_(model.around.spacing, std=0.1)
    x, y = torch.eye(4)[torch.randint(4, (8, 30))].mT, torch.ones(8)
    start = -math.log(model.around.spacing.shape[2])
    moved = float((model.around.table()[:2] - start).detach().abs().sum())
    off, on = (Objective(model, TrainConfig(spacing=2), distinct)(x, y, None)
               for distinct in (math.inf, 4))
    assert torch.allclose(on - off, torch.tensor([0, 0, 0.5 * moved]), rtol=1e-4)
