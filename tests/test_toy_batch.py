"""Runs of the toy in batches: the numbers of single runs, and one visit to the host a call."""

import time

import jax
import numpy as np
import pytest
from tiny_toy import configs, run, same, unbroken

from lrbook.errors import RunError
from lrbook.keeper import Unstored
from lrbook.records import Store
from lrbook.toy import batch, descent, experiment, measure, progress


@pytest.fixture(scope="module")
def whole():
    return unbroken()


def test_a_run_does_not_depend_on_its_companions(whole):
    config = configs()[2]
    assert same(run([config])[0].history, whole[config].history)


def test_vectorised_runs_are_the_runs_one_by_one(whole):
    """What a GPU does, on a CPU: all runs in one batch, annealing and ending at steps of their own.

    L-S is shorter than S here, and waits for it without taking a step.
    """
    runs = [progress.Progress(config) for config in whole]
    batch.advance_all(runs, jax.devices("cpu")[0], how="vmap", pause=lambda runs, taken: False)
    for one, record in zip(runs, whole.values(), strict=True):
        assert one.over
        assert list(one.history.step) == list(record.history.step)
        np.testing.assert_allclose(one.history, record.history, rtol=2e-3, atol=2e-3)


def test_the_times_of_a_batch_add_up_to_what_it_took(whole):
    runs = [progress.Progress(config) for config in whole]
    marks = []

    def pause(runs, taken):
        marks.append(time.perf_counter())
        return False

    batch.advance_all(runs, jax.devices("cpu")[0], how="vmap", pause=pause)
    assert all(one.wall_s > 0 for one in runs)
    assert sum(one.wall_s for one in runs) <= marks[-1] - marks[0]


def test_a_batch_comes_to_the_host_once_a_call(whole, monkeypatch):
    """Else a thousand runs would cost a thousand small transfers and slices after every call."""
    runs, calls, fetched = [progress.Progress(config) for config in whole], [], []
    plain = jax.device_get

    def fetch(tree):
        if not isinstance(tree, descent.Problem):  # those come once a run, before the first call
            fetched.append(tree)
        return plain(tree)

    def pause(runs, taken):
        calls.append(taken)
        for leaf in jax.tree.leaves([one.state for one in runs]):
            assert isinstance(leaf, np.ndarray | np.generic)
        return False

    monkeypatch.setattr(jax, "device_get", fetch)
    batch.advance_all(runs, jax.devices("cpu")[0], how="vmap", pause=pause)
    assert len(calls) > 2
    assert len(fetched) == len(calls)  # one before the first, none after the last


def test_what_a_batch_computes_beside_its_steps_is_what_its_runs_compute(whole):
    shell = experiment._Shell(Unstored(), experiment.choose_devices("cpu"), {}, [], progress=False)
    shell.vectorised = True
    runs = [progress.Progress(config) for config in whole]
    records = shell._run_together(runs, shell.devices[0], [])
    assert all(one.limits.done() for one in runs)
    for found, record in zip(records, whole.values(), strict=True):
        assert found.result["limits"] == record.result["limits"]


def test_a_card_multiplies_in_whole_digits_from_the_first_row_on(monkeypatch):
    """By one compiled program, in whichever thread it is called first."""
    seen, plain = [], measure.measure

    def spied(*arguments):
        seen.append(jax.config.jax_default_matmul_precision)
        return plain(*arguments)

    program = batch._over_runs(spied, "vmap")
    monkeypatch.setitem(batch._MEASURE, "vmap", program)
    run_as_a_batch(configs(seeds=(0, 1), arms=("S",)), Unstored())
    assert seen == ["highest"]
    assert program._cache_size() == 1
    assert jax.config.jax_default_matmul_precision is None


def test_what_is_over_holds_no_data(whole):
    shell = experiment._Shell(Unstored(), experiment.choose_devices("cpu"), {}, [], progress=False)
    runs = [progress.Progress(config) for config in whole][:2]
    assert len(shell._run_together(runs, shell.devices[0], [])) == 2
    assert all(one.problem is None and one.state is None for one in runs)
    assert all(one.over for one in runs)


def run_as_a_batch(wanted, store):
    """As on a card."""
    runs = [progress.Progress(config) for config in wanted]
    shell = experiment._Shell(store, experiment.choose_devices("cpu"), {}, runs, progress=False)
    shell.vectorised = True
    shell.run_all()


def test_a_run_that_cannot_be_finished_leaves_its_companions_finished(tmp_path, monkeypatch):
    store, wanted = Store(tmp_path), configs(seeds=(0, 1, 2), arms=("S",))
    plain = experiment.outcome

    def outcome(run):
        if run.config.seed == 1:
            raise MemoryError("no room for the limits")
        return plain(run)

    monkeypatch.setattr(experiment, "outcome", outcome)
    with pytest.raises(RunError, match=r"toy S, seed 1 \(.*MemoryError: no room for the limits$"):
        run_as_a_batch(wanted, store)
    found = [store.load(config) for config in wanted]
    assert [record.status for record in found] == ["finished", "failed", "finished"]
    assert "no room" in found[1].message
    assert all(record.result for record in (found[0], found[2]))
    monkeypatch.undo()
    assert [record.status for record in run(wanted, store)] == ["finished"] * 3


def test_a_batch_that_breaks_off_fails_as_a_whole(tmp_path, monkeypatch):
    def full(*_, **__):
        raise RuntimeError("RESOURCE_EXHAUSTED")

    store, wanted = Store(tmp_path), configs(arms=("S",))
    monkeypatch.setattr(experiment, "advance_all", full)
    with pytest.raises(RunError, match=r"toy S, seed 0 \(.*RESOURCE_EXHAUSTED$"):
        run_as_a_batch(wanted, store)
    assert [store.load(config).status for config in wanted] == ["failed"] * 2


def test_one_by_one_nothing_is_computed_beside(whole):
    shell = experiment._Shell(Unstored(), experiment.choose_devices("cpu"), {}, [], progress=False)
    one = progress.Progress(next(iter(whole)))
    shell._run_together([one], shell.devices[0], [])
    assert one.over
    assert one.limits is None


def test_xla_knows_what_it_is_told_for_cards():
    """An unknown name would be left out in silence, and with it the gain."""
    assert batch.gpu_options() != {}
