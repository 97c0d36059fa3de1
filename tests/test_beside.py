"""Looking at a network beside its training: the same rows, none lost, no error swallowed."""

import io
import threading

import pandas as pd
import pytest
import torch
from tiny_images import CPU, tiny

from lrbook.errors import RunError
from lrbook.records import Store
from lrbook.vision import beside, experiment, order, train
from lrbook.vision.config import PatchConfig

SIZES = {"train_size": 128, "test_size": 50, "patch_test_size": 50}


def run(store=None):
    config = PatchConfig.for_profile("smoke", arm="small", seed=3, watch=True, **SIZES)
    [record] = experiment.run([config], store, device="cpu", progress=False)
    return record


def at_once(self, row, model, epoch, tally):
    row |= order.observe(self.task, model, epoch, tally)


def test_a_run_is_seen_as_it_is_without_a_thread(monkeypatch, tmp_path):
    """The same history, to the bit and in the same order of columns, kept or not."""
    found = [run().history, run(Store(tmp_path)).history]
    monkeypatch.setattr(beside.Beside, "observe", at_once)
    wanted = run().history
    assert wanted.filter(like="reads_").notna().all(axis=None)
    for history in found:
        pd.testing.assert_frame_equal(history, wanted, check_exact=True)


def test_the_next_epoch_does_not_wait_and_does_not_change_what_is_seen(monkeypatch):
    """The look starts when the next epoch is over, and still sees the network before it."""
    task = tiny()
    model = train.make_model(task.config, CPU)
    optimizer = train.make_optimizer(model, task.config)
    go, seen = threading.Event(), []

    def look(task, model, epoch, tally):
        assert go.wait(60)
        seen.append([p.detach().clone() for p in model.parameters()])
        return {"looked": epoch}

    monkeypatch.setattr(order, "observe", look)
    row = {}
    with beside.Beside(task) as looking:
        before = [p.detach().clone() for p in model.parameters()]
        looking.observe(row, model, 1, torch.zeros(3, 3))
        train.train_epoch(task, model, optimizer, 2)
        go.set()
        looking.settle()
    assert row == {"looked": 1}
    assert all(torch.equal(a, b) for a, b in zip(seen[0], before, strict=True))
    assert not torch.equal(next(model.parameters()), before[0])


def test_a_checkpoint_has_whole_rows(monkeypatch, tmp_path):
    """Killed in the epoch after a checkpoint, a run goes on to the history of an unbroken one."""
    wanted = run().history
    plain = train.train_epoch

    def broken(task, model, optimizer, epoch, *rest):
        if epoch == 3:
            raise KeyboardInterrupt
        return plain(task, model, optimizer, epoch, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(train, "train_epoch", broken)
        with pytest.raises(KeyboardInterrupt):
            run(Store(tmp_path))
    seen = []
    monkeypatch.setattr(train, "train_epoch", lambda *args: (seen.append(args[3]), plain(*args))[1])
    pd.testing.assert_frame_equal(run(Store(tmp_path)).history, wanted, check_exact=True)
    assert seen == [3, 4]


def test_a_checkpoint_that_waits_beyond_the_next_epoch_has_no_row_of_it(monkeypatch, tmp_path):
    """Its rows are those of the epochs that its network was trained in, of four batches each."""
    over = [threading.Event() for _ in range(5)]
    evaluate, save, saved = train.evaluate, Store.save_checkpoint, []

    def evaluated(task, model, epoch):
        found = evaluate(task, model, epoch)
        over[epoch].set()
        return found

    def look(task, model, epoch, tally):
        assert over[min(epoch + 1, 4)].wait(60)
        return {"wrong_patch": 0.0, "wrong_patch_followed": 0.0}

    def kept(self, config, payload):
        state = torch.load(io.BytesIO(payload), weights_only=True)
        saved.append((len(state["rows"]), int(state["model"]["bn.num_batches_tracked"])))
        save(self, config, payload)

    monkeypatch.setattr(train, "evaluate", evaluated)
    monkeypatch.setattr(order, "observe", look)
    monkeypatch.setattr(Store, "save_checkpoint", kept)
    run(Store(tmp_path))
    assert saved == [(1, 4), (2, 8), (3, 12)]


@pytest.mark.parametrize("epoch", [1, 4])  # with an epoch to come, and after the last
def test_a_look_that_fails_breaks_the_run(monkeypatch, epoch):
    plain = order.observe

    def fails(task, model, at, tally):
        if at == epoch:
            raise ValueError("cannot look")
        return plain(task, model, at, tally)

    monkeypatch.setattr(order, "observe", fails)
    with pytest.raises(RunError, match="cannot look"):
        run()
