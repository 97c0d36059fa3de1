"""A keeper of one's own: what ``run`` asks of it is all in ``Keeper``, and no more is needed."""

import contextlib
import inspect

import pytest

from lrbook.errors import RecordError, RunError
from lrbook.keeper import Keeper, Unstored
from lrbook.records import Store
from lrbook.sweeps import SweepStore
from lrbook.toy import experiment as toy_experiment
from lrbook.toy.config import ToyConfig
from lrbook.vision import experiment, train
from lrbook.vision.config import PatchConfig

TOY = ToyConfig.for_profile("smoke", arm="L-S", seed=0)
PATCH = PatchConfig.for_profile("smoke", arm="large", seed=0)
METHODS = sorted(name for name in vars(Keeper) if inspect.isfunction(vars(Keeper)[name]))
METHODS = [name for name in METHODS if not name.startswith("_")]


class InMemory:
    """Dictionaries; a method that ``Keeper`` does not name is not there."""

    keeps = True

    def __init__(self):
        self.records, self.checkpoints, self.called = {}, {}, []

    def __len__(self):
        return len(self.records)  # one that is empty is a keeper all the same

    def check_writable(self):
        self.called.append("check_writable")

    def load(self, config):
        return self.records.get(config.run_id)

    @contextlib.contextmanager
    def claim(self, config, go_on=None):
        self.called.append("claim")
        yield

    def start(self, config, provenance):
        self.called.append("start")

    def finish(self, config, history, result, **rest):
        record = Unstored().finish(config, history, result, **rest)
        self.checkpoints.pop(config.run_id, None)
        self.records[config.run_id] = record
        return record

    def fail(self, config, message, provenance):
        self.called.append(f"fail: {message}")

    def forget(self, config):
        self.called.append("forget")
        self.records.pop(config.run_id, None)
        self.checkpoints.pop(config.run_id, None)

    def checkpoint_path(self, config):
        return f"checkpoint of {config.run_id}"

    def save_checkpoint(self, config, payload):
        self.checkpoints[config.run_id] = payload

    def has_checkpoint(self, config):
        return config.run_id in self.checkpoints

    def load_checkpoint(self, config):
        return self.checkpoints.get(config.run_id)


@pytest.mark.parametrize("cls", [Store, SweepStore, Unstored, InMemory])
def test_all_keepers_can_be_called_alike(cls):
    for name in METHODS:
        wanted = inspect.signature(getattr(Keeper, name)).parameters
        found = inspect.signature(getattr(cls, name)).parameters
        kinds = {parameter.kind for parameter in found.values()}
        if inspect.Parameter.VAR_KEYWORD in kinds:
            continue
        assert list(found) == list(wanted), name


def test_the_ones_of_the_package_are_keepers(tmp_path):
    for keeper in (Store(tmp_path), SweepStore(tmp_path, []), Unstored(), InMemory()):
        assert isinstance(keeper, Keeper)
    assert "load_checkpoint" in METHODS
    assert not isinstance(object(), Keeper)


@pytest.mark.parametrize(("run", "config"), [(toy_experiment.run, TOY), (experiment.run, PATCH)])
def test_a_finished_run_is_asked_of_it_and_not_repeated(run, config):
    keeper = InMemory()
    [first] = run([config], keeper, device="cpu", progress=False)
    assert keeper.called[:3] == ["check_writable", "claim", "start"]
    [again] = run([config], keeper, device="cpu", progress=False)
    assert again is first
    assert keeper.called.count("start") == keeper.called.count("check_writable") == 1
    [forced] = run([config], keeper, device="cpu", force=True, progress=False)
    assert forced is not first
    assert forced.history.equals(first.history)
    assert keeper.called.count("forget") == 1
    assert len(keeper) == 1
    assert not keeper.checkpoints


def test_a_broken_run_goes_on_from_the_checkpoint_that_it_kept(monkeypatch):
    keeper, plain, trained = InMemory(), train.train_epoch, []

    def train_epoch(task, model, optimizer, epoch, *rest):
        if epoch == 2 and not trained[1:]:
            raise RuntimeError("the power failed")
        trained.append(epoch)
        return plain(task, model, optimizer, epoch, *rest)

    monkeypatch.setattr(train, "train_epoch", train_epoch)
    with pytest.raises(RunError, match="the power failed"):
        experiment.run([PATCH], keeper, device="cpu", progress=False)
    assert "fail: the power failed" in keeper.called
    assert list(keeper.checkpoints) == [PATCH.run_id]
    trained.append(-1)
    [record] = experiment.run([PATCH], keeper, device="cpu", progress=False)
    assert trained == [1, -1, *range(2, PATCH.epochs + 1)]
    [unbroken] = experiment.run([PATCH], InMemory(), device="cpu", progress=False)
    assert record.history.equals(unbroken.history)


def test_a_run_of_the_toy_goes_on_from_the_checkpoint_that_it_kept(monkeypatch):
    keeper, plain = InMemory(), toy_experiment.advance_all

    def broken_off(runs, device, *, how, pause):
        plain(runs, device, how=how, pause=lambda runs, taken: pause(runs, taken) or taken > 0)
        keeper.save_checkpoint(TOY, toy_experiment.pack(runs[0]))
        raise RuntimeError("the power failed")

    monkeypatch.setattr("lrbook.toy.batch._FIRST_CALL", 40)
    with monkeypatch.context() as patched:
        patched.setattr(toy_experiment, "advance_all", broken_off)
        with pytest.raises(RunError, match="the power failed"):
            toy_experiment.run([TOY], keeper, device="cpu", progress=False)
    begun = toy_experiment.unpack(TOY, keeper.checkpoints[TOY.run_id])
    assert 0 < begun.step < TOY.total_steps
    met = []

    def advance_all(runs, *rest, **named):
        met.append(runs[0].step)
        return plain(runs, *rest, **named)

    monkeypatch.setattr(toy_experiment, "advance_all", advance_all)
    [record] = toy_experiment.run([TOY], keeper, device="cpu", progress=False)
    assert met == [begun.step]
    [unbroken] = toy_experiment.run([TOY], InMemory(), device="cpu", progress=False)
    assert record.history.equals(unbroken.history)


def test_a_checkpoint_that_bars_the_way_is_told_by_its_keepers_words(monkeypatch):
    keeper = InMemory()
    keeper.checkpoints[PATCH.run_id] = b"made elsewhere"
    state = {"data_fingerprint": "others", "precision": "fp32"}
    monkeypatch.setattr("lrbook.vision.checkpoint.torch.load", lambda *_, **__: state)
    with pytest.raises(
        RecordError, match=f"run {PATCH.run_id} was begun with data.* others"
    ) as told:
        experiment.run([PATCH], keeper, device="cpu", progress=False)
    assert f"delete checkpoint of {PATCH.run_id} to start" in str(told.value)
