"""One run and several processes: what is held, repeated, removed and waited for."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import made_up
import pytest

from lrbook import records, sweeps
from lrbook.records import Store
from lrbook.toy import experiment
from lrbook.toy.config import ToyConfig
from lrbook.vision import experiment as vision
from lrbook.vision.config import PatchConfig

TOY = ToyConfig.for_profile("smoke", arm="S", seed=3)
PATCH = PatchConfig.for_profile("smoke", arm="large", seed=3)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no lock on Windows")


def test_what_a_killed_process_half_wrote_is_removed_by_the_next_that_holds_the_run(tmp_path):
    store = Store(tmp_path)
    store.start(TOY, {})
    folder = store.root / TOY.run_id
    half = folder / ".checkpoint.77.tmp"
    half.write_bytes(b"half")
    store.save_checkpoint(TOY, b"whole")
    assert half.exists()
    with store.claim(TOY):
        assert sorted(path.name for path in folder.iterdir()) == ["checkpoint", "record.json"]
    assert store.load_checkpoint(TOY) == b"whole"


def test_nothing_is_removed_before_the_run_is_held(tmp_path, monkeypatch):
    """Who holds it may be writing just now."""
    store = Store(tmp_path)
    half = tmp_path / TOY.run_id / ".checkpoint.77.tmp"
    half.parent.mkdir()
    half.write_bytes(b"half")

    @contextlib.contextmanager
    def at_last(path, what, go_on):
        assert half.exists()
        yield

    monkeypatch.setattr(records, "claim", at_last)
    with store.claim(TOY):
        assert not half.exists()


def test_runs_that_another_process_finishes_meanwhile_are_not_repeated(tmp_path, monkeypatch):
    held = []

    class Waits(Store):
        @contextlib.contextmanager
        def claim(self, config):
            held.append(config.run_id)
            made_up.finished(self, config, 0.25)  # by the process that held it until now
            yield

    monkeypatch.setattr(experiment, "advance_all", None)  # nothing may run
    configs = ToyConfig.expand("smoke", seeds=[0, 1])
    configs.sort(key=lambda config: config.run_id, reverse=True)
    found = experiment.run(configs, Waits(tmp_path), device="cpu", progress=False)
    assert [record.run_id for record in found] == [config.run_id for config in configs]
    assert {record.result["p_only_accuracy"] for record in found} == {0.25}
    assert held == sorted(held)  # in one order, or two processes could wait for each other


@pytest.mark.parametrize("kind", ["patch", "toy"])
def test_a_finished_run_is_held_while_it_is_forgotten(tmp_path, monkeypatch, kind):
    """Else one process would remove what another one, which repeats it too, writes just now."""
    held, forgotten = [], []

    class Watched(Store):
        @contextlib.contextmanager
        def claim(self, config, *rest):
            with super().claim(config, *rest):
                held.append(config)
                yield
                held.remove(config)

        def forget(self, config):
            assert config in held
            forgotten.append(config)
            super().forget(config)

    monkeypatch.setattr(experiment, "advance_all", enough)
    monkeypatch.setattr(vision, "_run_all", enough)
    config = PATCH if kind == "patch" else TOY
    store = Watched(tmp_path)
    made_up.finished(store, config)
    with pytest.raises(KeyboardInterrupt):
        (vision if kind == "patch" else experiment).run(
            [config], store, device="cpu", force=True, progress=False
        )
    assert forgotten == [config]
    assert store.load(config) is None


def enough(*_, **__):
    raise KeyboardInterrupt


def test_a_sweep_is_held_from_its_first_look_until_it_is_sealed(tmp_path, monkeypatch):
    lock, held = tmp_path / ".s.lock", []

    def run(configs, store, **options):
        held.append(lock.exists())
        store.check_writable()
        return [made_up.finished(store, config) for config in configs]

    def seal(store, records):
        held.append(lock.exists())
        plain(store, records)

    plain = sweeps.SweepStore.seal
    monkeypatch.setattr(experiment, "run", run)
    monkeypatch.setattr(sweeps.SweepStore, "seal", seal)
    found = sweeps.run("toy", "smoke", seeds=[0, 1], folder=tmp_path / "s")
    assert len(found.records) == 4
    assert held == [True, True]
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


SIZES = ["--train-size", "160", "--test-size", "40", "--patch-test-size", "20", "--epochs", "6"]


@pytest.mark.parametrize(
    "command",
    [
        ["patch", "--profile", "smoke", *SIZES, "--arms", "large"],
        ["toy", "--profile", "smoke", "--arms", "S", "--seeds", "3"],
    ],
    ids=["patch", "toy"],
)
def test_two_processes_start_one_run(tmp_path, command):
    """The first is held up in the middle; the second waits, says so, and prints the same result."""
    line = [sys.executable, "-m", "lrbook", "run", *command, "--results", "runs", "--json"]
    line += ["--quiet"]

    def start():
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(line, cwd=tmp_path, **pipes)

    with start() as first:
        # A lock file with its holder's name in it is held.
        lock = wait_for(
            lambda: next((p for p in tmp_path.glob("runs/.*.lock") if p.stat().st_size), None)
        )
        first.send_signal(signal.SIGSTOP)
        assert lock.exists(), "the run was over before it could be held up"
        with start() as second:
            told = second.stderr.readline()
            assert "is being run by another process" in told
            first.send_signal(signal.SIGCONT)
            answers = [process.communicate(timeout=240)[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0)
    one, two = map(json.loads, answers)
    assert one == two
    [folder] = (tmp_path / "runs").iterdir()
    assert {path.name for path in folder.iterdir()} == {"record.json", "history.parquet"}


def wait_for(found, seconds=240):
    """What ``found`` gives as soon as that is something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if something := found():
            return something
        time.sleep(0.001)
    raise AssertionError("it did not come")
