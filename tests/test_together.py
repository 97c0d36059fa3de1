"""Runs on a CPU side by side: each as if alone, and what the others do when one ends badly."""

import threading
import weakref

import pandas as pd
import pytest
import torch

from lrbook.errors import RecordError, RunError
from lrbook.records import Store
from lrbook.vision import experiment, one_run, together, train
from lrbook.vision.cifar import CifarConfig
from lrbook.vision.config import PatchConfig

SIZES = {"train_size": 96, "test_size": 40, "patch_test_size": 20, "epochs": 3, "drop": 2}
ARMS = ("large", "small", "noise")
CPU = torch.device("cpu")


def config(arm, **changes):
    return PatchConfig.for_profile("smoke", arm=arm, seed=3, **(SIZES | changes))


def run(configs, store):
    return experiment.run(configs, store, device="cpu", progress=False)


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("runs", "cores", "wanted"),
    [(1, 2, 1), (2, 2, 2), (3, 2, 3), (4, 2, 2), (5, 2, 2), (3, 1, 1), (1, 1, 1), (3, 16, 3)],
)
def test_how_many_at_once(runs, cores, wanted):
    assert together.at_once(runs, cores) == wanted


@pytest.mark.parametrize("cores", range(1, 7))
@pytest.mark.parametrize("runs", range(1, 20))
def test_no_number_of_runs_ends_later_than_one_per_core(runs, cores):
    def time_of(width):  # of runs that take one unit on a core, and share cores evenly
        whole, rest = divmod(runs, width)
        return whole * max(1, width / cores) + (max(1, rest / cores) if rest else 0)

    assert time_of(together.at_once(runs, cores)) <= time_of(cores)


def test_the_laptop_and_the_paper_ask_for_the_cores_they_use():
    assert PatchConfig.for_profile("laptop", arm="large", seed=0).cores == 1
    assert PatchConfig.for_profile("paper", arm="large", seed=0).cores == 2


@pytest.mark.parametrize(
    ("widen", "device", "wanted"),
    [(1, "cpu", False), (2, "cpu", False), (4, "cpu", True), (1, "cuda", True), (2, "mps", True)],
)
def test_only_small_networks_on_a_cpu_share_it(widen, device, wanted):
    assert together.alone(config("large", widen=widen), torch.device(device)) is wanted


def test_numbers_do_not_depend_on_companions_or_cores(tmp_path, two_threads):
    beside = Store(tmp_path / "beside")
    met, wait = [], threading.Barrier(3, timeout=60)  # fails unless all three are under way at once
    original = train.train_epoch

    def train_epoch(*args):
        if args[3] == 1:
            met.append(torch.get_num_threads())
            wait.wait()
        return original(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "train_epoch", train_epoch)
        records = run([config(arm) for arm in ARMS], beside)
    assert met == [1, 1, 1]
    assert [record.config["arm"] for record in records] == list(ARMS)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    for arm in ARMS:
        alone = Store(tmp_path / arm)
        [record] = run([config(arm)], alone)
        name = f"{record.run_id}/history.parquet"
        assert (beside.root / name).read_bytes() == (alone.root / name).read_bytes()
        assert record.provenance["threads"] == 1


def test_wide_networks_get_all_cores_one_after_the_other(tmp_path, two_threads, monkeypatch):
    seen = []
    monkeypatch.setattr(
        one_run,
        "_train",
        lambda task, *_: seen.append((task.config.arm, torch.get_num_threads())) or task.config.arm,
    )
    wide = [config("large", widen=4), config("noise", widen=4)]
    assert run([wide[0], config("small"), wide[1]], Store(tmp_path)) == ["large", "small", "noise"]
    assert seen == [("small", 1), ("large", 2), ("noise", 2)]


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (config("large"), ""),
        (config("large", drop=3), ""),
        (config("large", drop=4), "drop = 4 is after the last of epochs = 3, so nothing drops"),
        (config("noise", drop=4), "drop = 4 is after the last of epochs = 3, so nothing drops"),
        (config("small", drop=4), ""),  # it has no drop
        (config("large", drop=4, schedule="cosine"), ""),
        (config("large", drop=3, schedule="wsd"), ""),
        (config("large", drop=4, schedule="wsd"), "drop = 4 is after the last of epochs = 3"),
        (config("large", drop=9, schedule="wsd"), "drop = 9 is after the last of epochs = 3"),
        (
            CifarConfig.for_profile("smoke", arm="small", seed=3, epochs=3),
            "drop2 = 4, drop3 = 4 is after the last of epochs = 3",
        ),
        (
            CifarConfig.for_profile("smoke", arm="small", seed=3, drop=4, drop2=3),
            "drop = 4, drop2 = 3, drop3 = 4 are not in order; the rate drops at epochs 3, 4, 4.",
        ),
        (  # what never comes is in no order
            CifarConfig.for_profile("smoke", arm="small", seed=3, drop=9, drop2=3),
            "drop = 9 is after the last of epochs = 4, so nothing drops there.",
        ),
    ],
)
def test_a_drop_that_does_not_come_is_told_once(tmp_path, monkeypatch, capsys, made, told):
    monkeypatch.setattr(one_run, "_train", lambda *_: None)
    run([made, made.model_copy(update={"seed": 4})], Store(tmp_path))
    err = capsys.readouterr().err
    assert err.startswith(f"lrbook: {told}") if told else err == ""
    assert err.count("\n") == bool(told)


@pytest.fixture
def break_off(monkeypatch):
    """break_off(arm, error): that arm raises the error when all have done the first epoch."""
    original, raised = train.train_epoch, threading.Event()
    all_there = threading.Barrier(len(ARMS), timeout=60)

    def arrange(arm, error):
        def train_epoch(task, model, optimizer, epoch, *rest):
            if epoch == 2:
                all_there.wait()
                if task.config.arm == arm:
                    raised.set()
                    raise error
                assert raised.wait(60)
            return original(task, model, optimizer, epoch, *rest)

        monkeypatch.setattr(train, "train_epoch", train_epoch)

    return arrange


def test_when_one_breaks_off_the_others_are_brought_to_their_end(tmp_path, two_threads, break_off):
    break_off("small", RuntimeError("a kernel is broken"))
    store = Store(tmp_path)
    with pytest.raises(RunError, match=r"small, seed 3.*a kernel is broken"):
        run([config(arm) for arm in ARMS], store)
    found = {arm: store.load(config(arm)).status for arm in ARMS}
    assert found == {"large": "finished", "small": "failed", "noise": "finished"}
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("width", [1, 4])
def test_a_run_that_breaks_off_leaves_the_ones_after_it_alone(tmp_path, monkeypatch, width):
    """Of those that get the whole device one by one, too."""

    def train(task, origin, store, *_):
        if task.config.arm == "large":
            raise AssertionError  # as some compilers do: without a word
        return store.finish(task.config, pd.DataFrame(), {}, provenance=origin, wall_s=0.0)

    monkeypatch.setattr(one_run, "_train", train)
    store = Store(tmp_path)
    configs = [config("large", widen=width), *(config(arm, widen=4) for arm in ARMS[1:])]
    with pytest.raises(RunError, match=r"large, seed 3\): AssertionError$"):
        run(configs, store)
    assert [store.load(c).status for c in configs] == ["failed", "finished", "finished"]
    assert store.load(configs[0]).message == "AssertionError"


@pytest.mark.parametrize("width", [1, 4])
def test_a_run_that_breaks_off_is_not_in_memory_while_the_next_trains(
    tmp_path, two_threads, monkeypatch, width
):
    """On one core, so that narrow ones too come one after the other."""
    torch.set_num_threads(1)
    held, alive, original = [], [], train.train_epoch

    def train_epoch(task, model, optimizer, *rest):
        alive.append(sum(reference() is not None for reference in held))
        if task.config.arm == "large":
            held.extend(map(weakref.ref, (task, model, optimizer)))
            model.itself = model.forward  # as a compiled step does
            raise RuntimeError("CUDA out of memory")
        return original(task, model, optimizer, *rest)

    monkeypatch.setattr(train, "train_epoch", train_epoch)
    configs = [config(arm, widen=width, epochs=1, drop=1) for arm in ("large", "small")]
    store = Store(tmp_path)
    with pytest.raises(RunError, match=r"large, seed 3.*out of memory"):
        run(configs, store)
    assert len(held) == 3
    assert alive == [0, 0]
    assert [store.load(c).status for c in configs] == ["failed", "finished"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RecordError("no room")])
def test_what_concerns_all_stops_all(tmp_path, two_threads, break_off, error):
    break_off("small", error)
    store = Store(tmp_path)
    longer = {"epochs": 60, "drop": 40}  # so that nobody reaches the end first
    configs = [config(arm).model_copy(update=longer) for arm in ARMS]
    with pytest.raises(type(error)):
        run(configs, store)
    found = {c.arm: store.load(c).status for c in configs}
    assert found["large"] == found["noise"] == "failed"
    assert store.load(configs[0]).message == "interrupted"
    assert store.load_checkpoint(configs[0]) is not None
    assert torch.get_num_threads() == 2
