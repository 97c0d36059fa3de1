"""A patch run that is killed or interrupted ends with the same history as an unbroken one."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT

from lrbook.records import Store
from lrbook.vision import devices, experiment, train
from lrbook.vision.config import PatchConfig

SIZES = {"train_size": 128, "test_size": 40, "patch_test_size": 20, "epochs": 5, "drop": 3}
OPTIONS = [str(x) for name, n in SIZES.items() for x in (f"--{name.replace('_', '-')}", n)]
COMMAND = ["run", "patch", "--profile", "smoke", *OPTIONS, "--device", "cpu", "--quiet", "--json"]


def config(arm):
    return PatchConfig.for_profile("smoke", **SIZES, arm=arm, seed=6)


def run_until_killed(command, checkpoint, times):
    """Start the command; SIGKILL it once it has written its checkpoint so many times."""
    process = subprocess.Popen([sys.executable, "-m", "lrbook", *command], cwd=ROOT)
    seen, deadline = {inode(checkpoint)}, time.monotonic() + 120
    while len(seen) <= times and process.poll() is None and time.monotonic() < deadline:
        seen.add(inode(checkpoint))
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"


def inode(path):
    """Which file is under this name: a new one after every atomic write."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_mtime_ns


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Both runs from start to end without a break."""
    store = Store(tmp_path_factory.mktemp("whole"))
    experiment.run([config("large"), config("noise")], store, device="cpu", progress=False)
    return store


def assert_same_history(broken, whole, arm):
    one, two = (store.root / config(arm).run_id for store in (broken, whole))
    assert {path.name for path in one.iterdir()} == {"record.json", "history.parquet"}
    assert (one / "history.parquet").read_bytes() == (two / "history.parquet").read_bytes()
    assert list(broken.load(config(arm)).history.epoch) == [1, 2, 3, 4, 5]
    assert broken.load(config(arm)).result == whole.load(config(arm)).result


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_killed_three_times(tmp_path, lrbook, whole):
    broken = Store(tmp_path / "broken")
    command = [*COMMAND, "--seeds", "6", "--arms", "large,noise", "--results", str(broken.root)]
    first, second = (broken.root / config(arm).run_id for arm in ("large", "noise"))

    run_until_killed([*command, "--arms", "large"], first / "checkpoint", times=1)
    assert not second.exists()
    assert json.loads((first / "record.json").read_text())["status"] == "running"
    run_until_killed(command, second / "checkpoint", times=1)
    assert lrbook(*command, "--arms", "large").code == 0
    finished = {path.name: path.stat().st_mtime_ns for path in first.iterdir()}
    run_until_killed(command, second / "checkpoint", times=1)

    assert lrbook(*command).code == 0
    assert_same_history(broken, whole, "large")
    assert_same_history(broken, whole, "noise")
    counts = {
        name: len(broken.load(config(name)).provenance.get("earlier", []))
        for name in ("large", "noise")
    }
    assert counts["large"] >= 1
    assert counts["noise"] == 2  # killed twice
    # Finished before the third kill, so neither run again nor written again.
    assert {path.name: path.stat().st_mtime_ns for path in first.iterdir()} == finished


@pytest.fixture
def break_off(monkeypatch):
    """break_off(epoch, error): the evaluation of that epoch raises the error."""
    evaluate = train.evaluate

    def arrange(epoch, error):
        def broken(task, model, now):
            if now == epoch:
                raise error
            return evaluate(task, model, now)

        monkeypatch.setattr(train, "evaluate", broken)

    return arrange


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (KeyboardInterrupt(), 130, "interrupted; the same command goes on from here"),
        (RuntimeError("CUDA out of memory. Tried"), 1, "out of memory with batch = 32, widen = 1"),
    ],
)
def test_broken_off_and_taken_up_again(
    lrbook, tmp_path, monkeypatch, whole, break_off, error, code, told
):
    command = [*COMMAND, "--seeds", "6", "--arms", "noise"]
    broken = Store(tmp_path / "runs")
    break_off(3, error)
    answer = lrbook(*command)
    assert (answer.code, answer.out) == (code, "")
    assert told in answer.err
    assert "Traceback" not in answer.err
    record = broken.load(config("noise"))
    assert record.status == "failed"
    assert record.message == "interrupted" or told in record.message

    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    begun = []
    original = train.train_epoch
    monkeypatch.setattr(
        train, "train_epoch", lambda *args: begun.append(args[3]) or original(*args)
    )
    assert lrbook(*command).code == 0
    assert begun == [3, 4, 5]
    [earlier] = broken.load(config("noise")).provenance["earlier"]
    assert earlier == record.provenance
    assert_same_history(broken, whole, "noise")


def interrupted(lrbook, tmp_path, monkeypatch, break_off):
    """The command of a run that has been broken off after two epochs."""
    command = [*COMMAND, "--seeds", "6", "--arms", "large"]
    break_off(2, KeyboardInterrupt())
    assert lrbook(*command).code == 130
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    return command


def test_a_run_does_not_go_on_with_other_data_or_arithmetic(
    lrbook, tmp_path, monkeypatch, break_off, tree
):
    command = interrupted(lrbook, tmp_path, monkeypatch, break_off)
    before = tree(tmp_path / "runs")
    used = Store(tmp_path / "runs").load(config("large")).provenance["precision"]
    other = "fp32" if used == "bf16" else "bf16"
    monkeypatch.setattr(devices, "choose_precision", lambda *_: other)
    answer = lrbook(*command)
    assert answer.code == 2
    assert f"precision {used} and cannot go on with {other}" in answer.err
    assert answer.err.count("\n") == 1
    assert tree(tmp_path / "runs") == before

    # What it advises starts this run afresh. --force would repeat the finished runs too, and
    # --precision names another run.
    assert "--force" not in answer.err
    assert "--precision" not in answer.err
    named = re.search(r"or delete (\S+) to start this run afresh", answer.err)
    Path(named[1]).unlink()
    assert lrbook(*command).code == 0
    record = Store(tmp_path / "runs").load(config("large"))
    assert (record.status, record.provenance["precision"]) == ("finished", other)
    assert list(record.history.epoch) == [1, 2, 3, 4, 5]


def test_a_checkpoint_of_another_network_is_named_with_the_way_out(
    lrbook, tmp_path, monkeypatch, break_off, tree
):
    """As after a change of the code, which changes no run's id."""
    command = interrupted(lrbook, tmp_path, monkeypatch, break_off)
    before = tree(tmp_path / "runs")
    original = train.make_model

    def wider(config, device):
        return original(config.model_copy(update={"widen": 2}), device)

    monkeypatch.setattr(train, "make_model", wider)
    answer = lrbook(*command)
    assert answer.code == 2
    path = Path("runs") / config("large").run_id / "checkpoint"
    assert f"cannot go on from {path}, which other code has written (" in answer.err
    assert "go on with that code, or delete the file to start this run afresh." in answer.err
    assert answer.err.count("\n") == 1
    assert tree(tmp_path / "runs") == before


def test_a_start_that_fails_at_once_does_not_hide_who_trained_before(
    lrbook, tmp_path, monkeypatch, whole, break_off
):
    command = [*COMMAND, "--seeds", "6", "--arms", "noise"]
    broken, origins = Store(tmp_path / "runs"), []
    break_off(3, KeyboardInterrupt())
    assert lrbook(*command).code == 130
    origins.append(broken.load(config("noise")).provenance)

    def full(*_):
        raise RuntimeError("CUDA out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(train, "make_task", full)
        assert lrbook(*command).code == 1
    origins.append(broken.load(config("noise")).provenance)
    assert origins[1].pop("earlier") == origins[:1]

    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert lrbook(*command).code == 0
    # Of the finished run only who trained it is told.
    assert broken.load(config("noise")).provenance["earlier"] == origins[:1]
    assert_same_history(broken, whole, "noise")


def test_interrupted_after_its_record_was_written_a_run_is_finished(tmp_path, whole):
    class Interrupted(Store):
        def finish(self, *args, **options):
            super().finish(*args, **options)
            raise KeyboardInterrupt

    store = Interrupted(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        experiment.run([config("large")], store, device="cpu", progress=False)
    assert store.load(config("large")).status == "finished"
    assert_same_history(store, whole, "large")


WIDE = ("large", "noise")  # of networks so wide that they are trained one after the other


def begun_epochs(monkeypatch):
    """What is trained from now on: arms with their epochs."""
    begun, original = [], train.train_epoch

    def train_epoch(task, model, optimizer, epoch, *rest):
        begun.append((task.config.arm, epoch))
        return original(task, model, optimizer, epoch, *rest)

    monkeypatch.setattr(train, "train_epoch", train_epoch)
    return begun


def test_a_forced_repetition_that_was_interrupted_is_gone_on_with_in_all_arms(
    lrbook, tmp_path, monkeypatch, break_off
):
    command = [*COMMAND, "--seeds", "6", "--arms", ",".join(WIDE), "--widen", "4"]
    command[command.index("--epochs") + 1] = "3"
    first = lrbook(*command)
    assert first.code == 0
    break_off(2, KeyboardInterrupt())
    answer = lrbook(*command, "--force")
    assert answer.code == 130
    assert "the same command without --force goes on from here" in answer.err

    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    begun = begun_epochs(monkeypatch)
    assert lrbook(*command) == first
    assert begun == [("large", 2), ("large", 3), ("noise", 1), ("noise", 2), ("noise", 3)]


def test_a_run_that_another_process_has_repeated_meanwhile_is_not_lost(tmp_path, monkeypatch):
    one, other = (
        PatchConfig.for_profile("smoke", **SIZES | {"epochs": 1}, arm=arm, seed=6, widen=4)
        for arm in WIDE
    )
    store = Store(tmp_path)
    for made in (one, other):
        store.finish(made, pd.DataFrame(), {"by": "an old run"}, provenance={}, wall_s=0.0)
    begun, original = begun_epochs(monkeypatch), train.train_epoch

    def train_epoch(*args):
        assert store.load(other) is None
        store.finish(other, pd.DataFrame(), {"by": "another"}, provenance={}, wall_s=0.0)
        return original(*args)

    monkeypatch.setattr(train, "train_epoch", train_epoch)
    found = experiment.run([one, other], store, device="cpu", force=True, progress=False)
    assert begun == [("large", 1)]
    assert "clean" in found[0].result
    assert found[1].result == store.load(other).result == {"by": "another"}
