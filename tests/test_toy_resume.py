"""A toy run broken off, killed or given a wrong checkpoint: it ends as if nothing had been."""

import json
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
from tiny_toy import TINY, configs, run, same

from lrbook.errors import RecordError
from lrbook.records import Store
from lrbook.toy import batch, descent, experiment, progress
from lrbook.toy.config import ToyConfig


def test_a_resumed_run_is_the_unbroken_one(tmp_path, monkeypatch):
    """Broken off at many places, through the checkpoint on disk each time."""
    config = configs()[0]
    [whole] = run([config])
    monkeypatch.setattr(experiment, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(experiment, "CHECKPOINT_SHARE", np.inf)
    monkeypatch.setattr(batch, "_FIRST_CALL", 7)
    monkeypatch.setattr(batch, "CALL_SECONDS", 1e-9)
    store = Store(tmp_path)
    real = experiment.advance_all
    breaks = 0

    def broken(runs, device, *, how, pause):
        left = 3

        def stop(runs, taken):
            nonlocal left
            left -= 1
            if pause(runs, taken) or left < 0:
                raise KeyboardInterrupt
            return False

        real(runs, device, how=how, pause=stop)

    monkeypatch.setattr(experiment, "advance_all", broken)
    steps = [0]
    while breaks < 40:
        try:
            run([config], store)
            break
        except KeyboardInterrupt:
            breaks += 1
            assert store.load(config).status == "running"
            steps.append(progress.unpack(config, store.load_checkpoint(config)).step)
    assert breaks > 5
    assert steps == sorted(steps)
    record = store.load(config)
    assert record.status == "finished"
    assert same(record.history, whole.history)
    assert record.result == whole.result
    assert len(record.provenance["earlier"]) >= 5
    assert all("earlier" not in origin for origin in record.provenance["earlier"])


LONG = {"steps": 200_000, "steps_ls": 200_000, "anneal": 60_000}


@pytest.mark.slow
@pytest.mark.usefixtures("own_compilations")
def test_runs_killed_three_times_end_with_the_history_of_unbroken_ones(tmp_path):
    wanted = configs(seeds=(4,), **LONG)
    options = [x for k, v in (TINY | LONG).items() for x in (f"--{k.replace('_', '-')}", str(v))]
    script = (
        "import sys; from lrbook.toy import experiment; from lrbook.cli import main;"
        "experiment.CHECKPOINT_SECONDS = 0.05; from lrbook.toy import batch;"
        "batch.CALL_SECONDS = 0.02; sys.exit(main(sys.argv[1:]))"
    )
    command = ["run", "toy", "--profile", "smoke", "--seeds", "4", "--device", "cpu", "--json"]
    command += ["--quiet", "--results", str(tmp_path), *options]
    store = Store(tmp_path)

    def taken(config):
        record = store.load(config)
        if record and record.done:
            return config.total_steps
        payload = store.load_checkpoint(config)
        return 0 if payload is None else progress.unpack(config, payload).step

    def steps():  # of both: with one core the second waits for the first
        return sum(map(taken, wanted))

    for _ in range(3):
        before = steps()
        process = subprocess.Popen([sys.executable, "-c", script, *command])
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline and steps() <= before:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"
        assert before < steps() < 400_000
    done = subprocess.run([sys.executable, "-c", script, *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run_ids"] == [config.run_id for config in wanted]
    for config, unbroken in zip(wanted, run(wanted), strict=True):
        record = Store(tmp_path).load(config)
        assert same(record.history, unbroken.history)
        assert record.result == unbroken.result
        assert not (tmp_path / config.run_id / "checkpoint").exists()


def test_a_checkpoint_has_rows_state_and_time():
    [config] = configs(seeds=(0,), arms=("S",))
    draw = np.random.default_rng(0).normal
    W, V = draw(size=(config.m_w, config.d)), draw(size=(2, config.m_v))
    state = descent.State(np.int32(7), np.int32(5), W, V, draw(size=2), draw(size=2))
    rows = [{"step": 0.0, "loss": 0.7}, {"step": 7.0, "loss": float("nan")}]
    found = progress.unpack(
        config, progress.pack(progress.Progress(config, rows, state, wall_s=12.5))
    )
    assert (found.step, found.wall_s, found.state.extra) == (7, 12.5, ())
    assert str(found.rows) == str(rows)
    for one, other in zip(found.state[:-1], state[:-1], strict=True):
        assert np.array_equal(one, other)


def test_a_step_that_was_measured_before_the_rule_fired_there_has_one_row():
    rows = [{"step": 3.0, "rate": 0.35}, {"step": 9.0, "rate": 0.35}]
    batch._append(rows, {"step": 9.0, "rate": 0.02})
    batch._append(rows, {"step": 12.0, "rate": 0.02})
    assert [tuple(row.values()) for row in rows] == [(3, 0.35), (9, 0.02), (12, 0.02)]


def test_checkpoint_of_something_else_is_refused_and_left(tmp_path, tree):
    store = Store(tmp_path)
    config, other = configs(seeds=(0,))
    runs = [progress.Progress(ToyConfig(**(config.model_dump() | {"d": 8})))]
    batch.advance_all(runs, jax.devices("cpu")[0], how="map", pause=lambda *_: True)
    for payload in (b"", b"state", progress.pack(runs[0])[:-40], progress.pack(runs[0])):
        store.start(config, {})
        store.save_checkpoint(config, payload)
        before = tree(tmp_path)
        with pytest.raises(RecordError, match=f"{config.run_id} .* delete it"):
            run([other, config], store)
        assert tree(tmp_path) == before


def test_a_run_that_diverged_at_its_last_step_and_was_killed_then_has_diverged(
    tmp_path, monkeypatch
):
    settings = {"train_output": True, "lam": 0.0, "lam_w": 0.0, "eta1": 100.0, "anneal": 10**6}
    wanted = ToyConfig.expand("smoke", arms=["L-S"], seeds=[0], steps_ls=16, **settings)
    store = Store(tmp_path)
    monkeypatch.setattr(experiment, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(experiment, "CHECKPOINT_SHARE", np.inf)

    def killed(run):
        raise SystemExit

    monkeypatch.setattr(experiment, "outcome", killed)
    with pytest.raises(SystemExit):
        run(wanted, store)
    assert store.load_checkpoint(wanted[0])
    monkeypatch.undo()
    [record] = run(wanted, store)
    assert record.status == "diverged"
    assert record.message == "the training loss became nan or inf at step 16"
