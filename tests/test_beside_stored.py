"""A look beside the next epoch of a run that is kept: the checkpoint follows, and training goes on.

The look is replaced by one that tells the network it has seen, and ends when the test wants it to.
"""

import concurrent.futures
import io
import shutil
import threading

import pandas as pd
import pytest
import torch
from tiny_images import CPU, tiny

from lrbook.errors import RunError
from lrbook.records import Store
from lrbook.vision import beside, experiment, order, train
from lrbook.vision.config import PatchConfig

# Four epochs of four batches
SIZES = {"train_size": 128, "test_size": 20, "patch_test_size": 20, "batch": 32}
CONFIG = PatchConfig.for_profile("smoke", arm="small", seed=3, watch=True, **SIZES)
WAIT = 60


def run(store=None):
    [record] = experiment.run([CONFIG], store, device="cpu", progress=False)
    return record


def weight(model):
    """In the columns that the result of a run is made of."""
    total = sum(parameter.sum().item() for parameter in model.parameters())
    return {"wrong_patch": total, "wrong_patch_followed": -total}


def test_the_next_epoch_of_a_stored_run_begins_during_the_look(monkeypatch, tmp_path):
    """Every look but the last ends only after the next epoch has begun."""
    plain = train.train_epoch
    begun = {epoch: threading.Event() for epoch in range(1, CONFIG.epochs + 1)}

    def train_epoch(task, model, optimizer, epoch, *rest):
        begun[epoch].set()
        return plain(task, model, optimizer, epoch, *rest)

    def look(task, model, epoch, tally):
        assert epoch == CONFIG.epochs or begun[epoch + 1].wait(WAIT), "training waits for the look"
        return weight(model)

    monkeypatch.setattr(train, "train_epoch", train_epoch)
    monkeypatch.setattr(order, "observe", look)
    assert run(Store(tmp_path)).history["wrong_patch"].notna().all()


def test_what_waits_for_a_look_is_done_before_the_first_batch_after_it(monkeypatch):
    go, row, done = threading.Event(), {}, []
    monkeypatch.setattr(order, "observe", lambda *_: {"looked": go.wait(WAIT)})
    task, asked = tiny(), []
    with beside.Beside(task) as looking:
        looking.then(lambda: done.append("at once"))
        assert done == ["at once"]
        before = looking.between(lambda: asked.append(len(done)))
        looking.observe(row, train.make_model(task.config, CPU), 1, torch.zeros(3, 3))
        looking.then(lambda: done.append(dict(row)))
        before()
        assert (row, done) == ({}, ["at once"])  # nothing waits for the look
        go.set()
        concurrent.futures.wait([looking.look], WAIT)
        before()
        assert done == ["at once", {"looked": True}]
        before()
        looking.settle()
    assert len(done) == 2
    assert asked == [1, 1, 2]


def test_killed_before_any_batch_a_run_goes_on_to_the_same_numbers(monkeypatch, tmp_path):
    """What lies on the disk before each batch is kept, and every such state is gone on from.

    A look ends in the third batch of the next epoch: a checkpoint that had what these have done to
    the network, or a row without its look, would be gone on from to other numbers.
    """
    looking, batches, kept, gates = [], [], [], {e: threading.Event() for e in range(1, 5)}
    plain_observe, plain_batch = beside.Beside.observe, train.training_batch
    store = Store(tmp_path / "store")

    def observe(self, row, model, epoch, tally):
        looking.append(self)
        plain_observe(self, row, model, epoch, tally)

    def look(task, model, epoch, tally):
        assert epoch == CONFIG.epochs or gates[epoch].wait(WAIT)
        return weight(model)

    def training_batch(*arguments):
        epoch, batch = divmod(len(batches), 4)  # epochs that are over
        batches.append((epoch, batch))
        kept.append(shutil.copytree(store.root, tmp_path / f"killed-{epoch}-{batch}"))
        if epoch and batch == 2:
            gates[epoch].set()
            concurrent.futures.wait([looking[-1].look], WAIT)
        return plain_batch(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(beside.Beside, "observe", observe)
        patched.setattr(order, "observe", look)
        patched.setattr(train, "training_batch", training_batch)
        wanted = run(store).history
    assert len(kept) == 16

    found = [rows_of(Store(folder)) for folder in kept]
    assert [len(rows) for rows in found] == [0] * 7 + [1] * 4 + [2] * 4 + [3]
    assert all("wrong_patch" in row for rows in found for row in rows)

    begun, plain_epoch = [], train.train_epoch
    monkeypatch.setattr(order, "observe", lambda task, model, *_: weight(model))
    monkeypatch.setattr(
        train, "train_epoch", lambda *args: (begun.append(args[3]), plain_epoch(*args))[1]
    )
    for folder, rows in [(kept[at], len(found[at])) for at in (0, 7, 11, 15)]:
        begun.clear()
        pd.testing.assert_frame_equal(run(Store(folder)).history, wanted, check_exact=True)
        assert begun == [*range(rows + 1, CONFIG.epochs + 1)]


def rows_of(store):
    """Those of the run's checkpoint; none where there is none yet."""
    saved = store.load_checkpoint(CONFIG)
    return torch.load(io.BytesIO(saved), weights_only=True)["rows"] if saved else []


def test_what_broke_a_run_off_is_told_and_not_the_look_that_failed_too(monkeypatch, tmp_path):
    plain = train.train_epoch

    def train_epoch(task, model, optimizer, epoch, *rest):
        if epoch == 2:
            raise RuntimeError("the power failed")
        return plain(task, model, optimizer, epoch, *rest)

    def look(*_):
        raise ValueError("cannot look")

    monkeypatch.setattr(train, "train_epoch", train_epoch)
    monkeypatch.setattr(order, "observe", look)
    store = Store(tmp_path)
    with pytest.raises(RunError, match="the power failed"):
        run(store)
    assert not store.has_checkpoint(CONFIG)  # whose last row would not be whole
