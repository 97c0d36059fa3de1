"""What ``lrbook records list`` says of runs that are not over, of one's own, or not to be read."""

from pathlib import Path

import made_up
import pytest
from conftest import assert_refused

from lrbook import locks, report
from lrbook.records import Store
from lrbook.toy.config import ToyConfig
from lrbook.vision.config import PatchConfig


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs")


def configs(count=1):
    return ToyConfig.expand("smoke", arms=["S"], seeds=range(count))


def statuses(store):
    lines, problems = report.record_lines(store)
    assert problems == []
    return [line.split()[1] for line in lines]


def test_a_run_that_is_held_is_running_and_another_was_interrupted(store):
    [config] = configs()
    with store.claim(config):
        store.start(config, {})
        assert statuses(store) == ["running"]
    assert statuses(store) == ["interrupted"]
    assert store.load(config).status == "running"  # the record itself is not touched


def test_the_lock_that_a_killed_process_left_holds_nothing(store):
    [config] = configs()
    store.start(config, {})
    (store.root / f".{config.run_id}.lock").write_text("process 1 on nowhere\n")
    assert statuses(store) == ["interrupted"]


def test_a_run_that_was_stopped_did_not_fail(store):
    stopped, failed = configs(2)
    store.fail(stopped, "interrupted", {})
    store.fail(failed, "out of memory", {})
    found = dict(line.split()[:2] for line in report.record_lines(store)[0])
    assert found == {stopped.run_id: "interrupted", failed.run_id: "failed"}


def test_where_locks_cannot_be_known_a_run_stays_as_it_is_recorded(store, monkeypatch):
    [config] = configs()
    store.start(config, {})
    monkeypatch.setattr(locks, "CAN_LOCK", False)
    assert statuses(store) == ["running"]


def test_beside_a_large_batch_a_run_that_is_not_held_may_be_running(store, monkeypatch):
    monkeypatch.setattr(report, "ALL_HELD", 1)
    one, two, three = configs(3)
    for config in (one, two, three):
        store.start(config, {})
    with store.claim(one):
        assert sorted(statuses(store)) == ["interrupted", "interrupted", "running"]
        with store.claim(two):
            assert statuses(store) == ["running"] * 3


def test_runs_of_ones_own_are_told_from_the_books(store):
    class Mine(PatchConfig):
        experiment = "mine"

    made_up.finished(store, ToyConfig.for_profile("smoke", arm="S", seed=0))
    mine = Mine.for_profile("smoke", arm="large", seed=0)
    store.start(mine, {"own_class": "mine.py:Mine"})
    other = Mine.for_profile("smoke", arm="large", seed=1)
    store.start(other, {})  # of an lrbook that did not note the class
    ends = {line.split()[0]: line.rpartition("  ")[2] for line in report.record_lines(store)[0]}
    assert ends[mine.run_id] == "own: mine.py:Mine"
    assert ends[other.run_id] == "own: mine"
    assert {end for run_id, end in ends.items() if run_id.startswith("toy")} == {"smoke"}


def test_folders_that_cannot_be_read_are_named(lrbook, monkeypatch):
    store, real = Store("runs"), Path.stat
    shut, sound = configs(2)
    for config in (shut, sound):
        made_up.finished(store, config)
    (store.root / "other").mkdir()

    def stat(path, **options):
        if path.parent.name in (shut.run_id, "other"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, **options)

    def read_bytes(path):
        if path.parent.name == shut.run_id:
            raise PermissionError(13, "Permission denied", str(path))
        with path.open("rb") as file:
            return file.read()

    monkeypatch.setattr(Path, "stat", stat)
    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    answer = lrbook("records", "list")
    assert answer.code == 2
    assert f"{shut.run_id}  damaged\n" in answer.out
    assert f"{sound.run_id}  finished" in answer.out
    assert answer.err == (
        f"lrbook: runs/{shut.run_id}/record.json cannot be read (Permission denied).\n"
    )
    assert lrbook("records", "verify").out == "2 records, 1 damaged\n"


def test_a_results_folder_that_cannot_be_read_is_not_called_empty(lrbook, monkeypatch):
    made_up.finished(Store("runs"), configs()[0])

    def iterdir(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", iterdir)
    words = "the results folder runs cannot be read (Permission denied); name another with"
    assert_refused(lrbook("records", "list"), words)
