"""What is handed out to a scheduler, and what becomes of its answers: one made up, without Dask."""

import contextlib
import errno
import threading
from collections import Counter
from types import SimpleNamespace

import made_up
import pytest
import tiny_toy

from lrbook import atomic
from lrbook.errors import RecordError, RunError
from lrbook.records import Store
from lrbook.study import engine, handout, screen, tasks, work
from lrbook.study import session as sessions


class Client:
    """A scheduler that has the outcome of every task at once: ``outcome(run_id, how many tries)``.

    An outcome is what the worker answers, or ``lost``, or ``under way``.
    """

    status, dashboard_link = "running", ""

    def __init__(self, outcome):
        self.outcome, self.tries, self.keys = outcome, Counter(), []

    def nthreads(self):
        return {"worker": 1}

    def subscribe_topic(self, topic, handler):
        self.hear = handler

    def submit(self, function, task, *, key, pure):
        assert function is work.run_one
        assert not pure
        self.keys.append(key)
        self.tries[task["run_id"]] += 1
        answer = self.outcome(task["run_id"], self.tries[task["run_id"]])
        status = {"lost": "lost", "under way": "pending"}.get(str(answer), "finished")
        return SimpleNamespace(status=status, result=lambda timeout: answer)


def connect_to(client, monkeypatch):
    for module in (engine, handout):
        monkeypatch.setattr(module, "connected", lambda _: contextlib.nullcontext(client))


def session(client, configs, results, monkeypatch):
    """Hand ``configs`` out; the runs that failed, and the counts of what was done and failed."""
    todo = {config.run_id: config for config in configs}
    left = handout.Handout(todo, results, {}, screen.Progress(len(todo)), lambda: None)
    connect_to(client, monkeypatch)
    left.carry_out("made up", 0.0)
    assert left.todo == {}
    return left.failed, (left.progress.done, left.progress.failed)


def done(files=()):
    answer = {"code": 0, "log": "", "files": {name: b"data" for name in files}}
    return answer | {"worker": "worker 1 of node7", "folder": "/far/runs"}


def failure(worker, log):
    where = {"worker": f"worker {worker} of node7", "address": worker}
    return {"code": 1, "log": log, "files": {}} | where


def sweep(client, configs, results, monkeypatch):
    """All of ``engine.run`` with the made-up scheduler in place of one of Dask's."""
    monkeypatch.setattr(sessions, "SETTLE", 0.5)
    monkeypatch.setattr(engine, "_scheduler", lambda *_: contextlib.nullcontext("made up"))
    connect_to(client, monkeypatch)
    return engine.run(configs, results, {}, device="cpu", quiet=True)


def test_a_record_that_stayed_with_the_worker_ends_the_study(tmp_path, monkeypatch):
    """All runs would end so, and cost their time: what is left is not waited for."""
    here, elsewhere, never = tiny_toy.configs(seeds=(0, 1))[:3]

    def outcome(run_id, tries):
        if run_id == here.run_id:
            made_up.finished(Store(tmp_path), here)
        return done() if run_id != never.run_id else "under way"

    with pytest.raises(RunError, match=f"run {elsewhere.run_id} ended well") as told:
        sweep(Client(outcome), [here, elsewhere, never], tmp_path, monkeypatch)
    for words in ("worker 1 of node7", "/far/runs", str(tmp_path), "--gather"):
        assert words in str(told.value)


def test_a_record_that_a_shared_folder_shows_late_is_waited_for(tmp_path, monkeypatch):
    [config] = tiny_toy.configs(seeds=(0,), arms=("S",))
    late = threading.Timer(0.2, made_up.finished, (Store(tmp_path), config))

    def outcome(run_id, tries):
        late.start()
        return done()

    assert sweep(Client(outcome), [config], tmp_path, monkeypatch) == {}
    late.join()


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_started(tmp_path, monkeypatch):
    [config] = tiny_toy.configs(seeds=(0,), arms=("S",))

    def refused(dir):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(atomic.tempfile, "TemporaryFile", refused)
    client = Client(lambda *_: pytest.fail("handed out"))
    with pytest.raises(RecordError, match=r"results folder .* cannot be written \(Read-only"):
        sweep(client, [config], tmp_path, monkeypatch)
    made_up.finished(Store(tmp_path), config)
    assert sweep(client, [config], tmp_path, monkeypatch) == {}  # nothing is to be written


def test_a_worker_that_cannot_write_says_where(tmp_path):
    """Raised, an OSError would be taken for a broken connection and tried again."""
    (tmp_path / "file").write_text("in the way")
    answer = work.run_one({"run_id": "toy-0", "results": str(tmp_path / "file" / "runs")})
    assert answer["code"] is None
    assert answer["files"] == {}
    assert str(tmp_path / "file") in answer["log"]


def test_a_run_is_handed_out_again_until_five_of_its_workers_have_died(tmp_path, monkeypatch):
    late, never = tiny_toy.configs(seeds=(0,))

    def outcome(run_id, tries):
        return "lost" if run_id == never.run_id or tries < 5 else done()

    client = Client(outcome)
    failed, counts = session(client, [late, never], tmp_path, monkeypatch)
    assert client.tries == {late.run_id: 5, never.run_id: 5}
    assert len(set(client.keys)) == 10  # of a key that failed Dask answers from memory
    assert list(failed) == [never.run_id]
    assert "died again and again" in failed[never.run_id]
    assert counts == (1, 1)


def test_what_was_finished_while_the_scheduler_was_away_is_crossed_off(tmp_path, monkeypatch):
    [config] = tiny_toy.configs(seeds=(0,), arms=("S",))
    client = Client(lambda *_: pytest.fail("handed out again"))

    @contextlib.contextmanager
    def away(_):
        made_up.finished(Store(tmp_path), config)
        client.status = "closed"
        monkeypatch.setattr(tasks, "submit", lambda *_: SimpleNamespace(status="pending"))
        yield client

    left = handout.Handout({config.run_id: config}, tmp_path, {}, screen.Progress(1), lambda: None)
    monkeypatch.setattr(handout, "connected", away)
    left.carry_out("made up", 60.0)
    assert (left.todo, left.failed) == ({}, {})
    assert (left.progress.done, left.progress.failed) == (1, 0)


def test_each_time_a_scheduler_does_not_answer_it_is_said_once(tmp_path, monkeypatch, capsys):
    [config] = tiny_toy.configs(seeds=(0,), arms=("S",))
    there, client = iter([False, False, True, False, True]), Client(lambda *_: done())
    lost = [True, False]

    def connected(_):
        if not next(there):
            raise TimeoutError("timed out")
        client.status = "closed" if lost.pop(0) else "running"
        return contextlib.nullcontext(client)

    left = handout.Handout({config.run_id: config}, tmp_path, {}, screen.Progress(1), lambda: None)
    monkeypatch.setattr(handout, "connected", connected)
    monkeypatch.setattr(handout.time, "sleep", lambda _: None)
    left.carry_out("tcp://here:1", 600.0)
    told = "lrbook: no answer from the scheduler tcp://here:1; trying for 10 min 0 s"
    assert capsys.readouterr().err.splitlines() == [told, told]
    assert left.todo == {}


@pytest.mark.parametrize(
    ("code", "tries", "words"),
    [
        (1, 2, "exit code 1\nwhy"),
        (-9, 2, "ended by signal 9\nwhy"),
        (None, 2, "why"),
        (2, 1, "exit code 2\nwhy"),  # refused: its configuration is at fault, wherever it is run
    ],
)
def test_a_run_that_failed_is_tried_once_more_unless_it_was_refused(
    tmp_path, monkeypatch, code, tries, words
):
    [config] = tiny_toy.configs(seeds=(0,), arms=("S",))
    client = Client(lambda run_id, tries: {"code": code, "log": "why", "files": {}})
    assert session(client, [config], tmp_path, monkeypatch) == ({config.run_id: words}, (0, 1))
    assert client.tries == {config.run_id: tries}


def test_a_run_that_failed_once_has_not_failed(tmp_path, monkeypatch):
    [config] = tiny_toy.configs(seeds=(0,), arms=("S",))
    client = Client(lambda run_id, tries: done() if tries > 1 else failure("a", "out of memory"))
    assert session(client, [config], tmp_path, monkeypatch) == ({}, (1, 0))


def test_a_record_that_is_sent_back_never_comes_before_its_history(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(handout, "write_atomically", lambda path, data: written.append(path))
    [config] = tiny_toy.configs(seeds=(0,), arms=("S",))
    failed, counts = session(Client(lambda *_: done(work.FILES)), [config], tmp_path, monkeypatch)
    assert (failed, counts) == ({}, (1, 0))
    folder = tmp_path / config.run_id
    assert written == [folder / "history.parquet", folder / "record.json"]


def test_only_a_call_that_did_not_end_well_leaves_its_folder_on_the_workers_to_the_next(
    tmp_path, monkeypatch
):
    """A run that broke off has a checkpoint there; what is complete is wanted no more."""
    [config] = tiny_toy.configs(seeds=(0,), arms=("S",))
    store, named, removed = Store(tmp_path / "elsewhere"), [], []
    made_up.finished(store, config)
    files = {name: (store.root / config.run_id / name).read_bytes() for name in work.FILES}
    codes = iter([1, 1, 0, 0])

    class Gathering(Client):
        def submit(self, function, task, **rest):
            named.append(task["scratch"])
            assert task["results"] is None
            return super().submit(function, task, **rest)

        def run(self, function, name, on_error):
            assert function is work.remove_scratch
            removed.append(name)

    client = Gathering(lambda *_: {"code": next(codes), "log": "why", "files": files})
    monkeypatch.setattr(engine, "_scheduler", lambda *_: contextlib.nullcontext("made up"))
    connect_to(client, monkeypatch)
    results, options = tmp_path / "runs", {"cluster": engine.Cluster(gather=True), "quiet": True}
    assert list(engine.run([config], results, {}, **options)) == [config.run_id]
    assert engine.run([config], results, {}, **options) == {}
    Store(results).forget(config)
    assert engine.run([config], results, {}, **options) == {}
    assert named[0] == named[1] == named[2] != named[3]
    assert removed == named[2:]
    assert list(results.glob(".gather-*")) == []


@pytest.mark.parametrize(
    "note", [b"", b"../../etc", b"\xff", None], ids=["", "path", "bytes", "none"]
)
def test_a_folder_of_a_call_that_is_not_known_is_new(tmp_path, note):
    configs = tiny_toy.configs(seeds=(0,))
    old = work.scratch_name(configs, tmp_path)
    assert work.scratch_name(list(reversed(configs)), tmp_path) == old
    assert work.scratch_name(configs[:1], tmp_path) != old
    path = work._note(configs, tmp_path)
    path.write_bytes(note) if note is not None else path.unlink()
    assert work.scratch_name(configs, tmp_path) not in ("", "../../etc", old)


def test_a_folder_on_the_workers_is_removed_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(work.tempfile, "gettempdir", lambda: str(tmp_path))
    (work._scratch("ab") / "run").mkdir(parents=True)
    for _ in range(2):  # the second has nothing left
        work.remove_scratch("ab")
        assert list(tmp_path.iterdir()) == []
