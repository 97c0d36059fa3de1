"""Broken workers: which get no more runs, where their runs go, and what is told of it."""

from collections import Counter
from types import SimpleNamespace

import pytest
import test_study_session as made_up_scheduler
import tiny_toy
from distributed import Client
from test_study_session import connect_to, failure

from lrbook.errors import ConfigError, RunError
from lrbook.study import command, crew, engine, handout, machine, plan, screen, tasks


class Cluster(made_up_scheduler.Client):
    """Several workers, of which the first that may have a run gets it: those that fail are free."""

    def __init__(self, workers, broken):
        super().__init__(None)
        self.there, self.broken = list(workers), broken
        self.ran, self.waiting = Counter(), []

    def nthreads(self):
        return dict.fromkeys(self.there, 1)

    def submit(self, function, task, *, key, pure, workers=None):
        future = SimpleNamespace(task=task, workers=workers, answer=None)
        future.result = lambda timeout: future.answer
        self.waiting.append(future)
        return Pending(self, future)

    def work(self, future):
        """Run it, if there is a worker for it."""
        for worker in self.there:
            if worker in (future.workers or self.there):
                self.ran[worker] += 1
                well = {"code": 0, "log": "", "files": {}, "worker": worker, "address": worker}
                future.answer = failure(worker, "CUDA error") if worker in self.broken else well
                return


class Pending:
    """A future that has ended as soon as it is looked at, where a worker may have it."""

    def __init__(self, cluster, future):
        self.cluster, self.future = cluster, future

    @property
    def status(self):
        if self.future.answer is None:
            self.cluster.work(self.future)
        return "pending" if self.future.answer is None else "finished"

    def result(self, timeout):
        return self.future.answer


def carried_out(cluster, tmp_path, monkeypatch, runs=12):
    configs = tiny_toy.configs(seeds=range(runs), arms=("S",))
    todo = {config.run_id: config for config in configs}
    left = handout.Handout(todo, tmp_path, {}, screen.Progress(len(todo)), lambda: None)
    connect_to(cluster, monkeypatch)
    left.carry_out("made up", 0.0)
    return left


def test_a_run_goes_to_another_worker_and_a_broken_one_gets_no_more(tmp_path, monkeypatch, capsys):
    cluster = Cluster(["a", "b"], broken={"a"})
    left = carried_out(cluster, tmp_path, monkeypatch)
    assert (left.failed, left.progress.done) == ({}, 12)
    assert cluster.ran["b"] == 12
    rows = dict(left.progress.rows())
    assert rows["not used any more"] == "worker a of node7"
    assert rows["running"] == "0 on 1 workers"
    assert capsys.readouterr().err.count("worker a of node7 gets no more runs") == 1


def test_where_every_worker_is_broken_the_study_is_stopped(tmp_path, monkeypatch):
    cluster = Cluster(["a", "b"], broken={"a", "b"})
    with pytest.raises(RunError, match="on every worker 5 runs in a row failed") as told:
        carried_out(cluster, tmp_path, monkeypatch)
    for words in ("worker a of node7, worker b of node7", "CUDA error", "the same command"):
        assert words in str(told.value)


@pytest.mark.parametrize("code", [2, 0])
def test_only_failures_in_a_row_count_and_not_those_of_the_configuration(code):
    met = crew.Crew()
    for run in range(10):
        well = {"code": 0, "worker": "worker a of node7", "address": "a"}
        answer = failure("a", "") | {"code": 2} if code == 2 else failure("a", "")
        assert not met.note(f"run-{run}", answer)
        if run % 4 == 3 and code == 0:
            assert not met.note("fine", well)
    assert met.broken(["a"]) == []
    assert met.fit_for("fine", ["a", "b"]) == frozenset()
    assert [met.note(f"again-{run}", failure("a", "")) for run in range(5)].count(True) == 1
    assert met.broken(["a", "b"]) == ["worker a of node7"]
    assert met.fit_for("fine", ["a", "b"]) == {"b"}


def test_runs_that_fail_where_others_went_well_stop_no_study():
    """As in a corner of a grid that takes too much memory, with one worker."""
    met = crew.Crew()
    met.note("fine", {"code": 0, "worker": "worker a of node7", "address": "a"})
    for run in range(5):
        met.note(f"run-{run}", failure("a", ""))
    assert met.fit_for("next", ["a", "b"]) == {"b"}
    met.check(["a"], "the last")
    assert met.fit_for("next", ["a"]) == frozenset()
    assert met.fit(["a"]) == {"a"}
    assert met.broken(["a"]) == []
    assert met.broken(["a", "b"]) == ["worker a of node7"]
    for run in range(5):
        met.note(f"run-{run}", failure("b", ""))
    met.check(["a", "b"], "the last")
    assert met.fit_for("next", ["a", "b"]) == {"a"}
    with pytest.raises(RunError, match="on every worker 5 runs"):
        met.check(["b"], "the last")


def test_a_run_alone_does_not_break_a_worker():
    met = crew.Crew()
    assert not any(met.note("run", failure("a", "")) for _ in range(9))
    assert met.fit_for("run", ["a", "b", "c"]) == {"b", "c"}
    assert met.fit_for("run", ["a"]) == frozenset()  # better there than nowhere


def test_what_fails_alike_on_many_workers_is_told_once(tmp_path, monkeypatch, capsys):
    configs = tiny_toy.configs(seeds=range(3), arms=("S",))
    todo = {config.run_id: config for config in configs}
    left = handout.Handout(todo, tmp_path, {}, screen.Progress(3), lambda: None)
    for config, workers in zip(configs, ("ab", "bc", "cd"), strict=True):
        for worker in workers:
            answer = failure(worker, "why")
            again = left.deserves_another(config.run_id, answer)
        assert not again
        left.take(config.run_id, answer)
    monkeypatch.setattr(engine, "run", lambda *_, **__: left.failed)
    monkeypatch.setattr(plan, "read", lambda _: study(configs))
    arguments = SimpleNamespace(
        study="s.toml", data=None, results=str(tmp_path), plan=False, scheduler=None, workers=0,
        gather=False, patience=1.0, quiet=True,
    )  # fmt: skip
    assert command._sweep(arguments) == 1
    err = capsys.readouterr().err
    assert err.count("exit code 1 on worker a of node7, worker b of node7, worker c of node7") == 1
    assert err.count("(and 2 more: ") == 1


def study(configs):
    return SimpleNamespace(
        name="study", settings={}, grid=None, points=None, device="cpu",
        configs=lambda _: (configs, {}),
    )  # fmt: skip


def breaks():
    raise ConfigError("before any code of ours")


@pytest.mark.slow
def test_a_task_that_breaks_before_it_can_tell_is_known_by_its_worker():
    with machine.cluster(1) as address, Client(address, set_as_default=False) as client:
        future = client.submit(breaks)
        future.exception(timeout=60)
        answer = tasks.answer(client, future)
        [worker] = client.nthreads()
    assert (answer["code"], answer["log"]) == (None, "ConfigError: before any code of ours")
    assert (answer["address"], answer["worker"]) == (worker, "worker 0 of 127.0.0.1")
