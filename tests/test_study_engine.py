"""Studies on real schedulers and workers, which are killed, cut off and restarted meanwhile."""

import os
import random
import shutil
import signal
import socket
import time
import uuid
from pathlib import Path

import pytest
import tiny_toy
from dask_processes import Processes, Wire, wait_for
from started_studies import Watch, ended, finished, start, with_path, write

from lrbook.errors import RunError
from lrbook.records import Store
from lrbook.study import engine, plan, session

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_compilations")]


@pytest.fixture(scope="module")
def serial():
    """The histories of runs, each made once, one after the other in this process."""
    made = {}

    def history(config):
        if config.run_id not in made:
            made[config.run_id] = tiny_toy.run([config])[0].history
        return made[config.run_id]

    return history


def assert_as_serial(path: Path, serial, count: int) -> None:
    configs, _ = plan.read(path).configs()
    store = Store(path.parent / "runs")
    assert len(configs) == count
    for config in configs:
        assert tiny_toy.same(store.load(config).history, serial(config)), config
    kept = [entry for entry in store.root.iterdir() if not entry.name.startswith(".")]
    assert sorted(entry.name for entry in kept) == sorted(config.run_id for config in configs)


def test_chaos(tmp_path, serial):
    """Workers are SIGKILLed at random moments: every run is recorded once, and as it should be."""
    path, draw = write(tmp_path, 12), random.Random(4)
    kills = 0
    with Processes(tmp_path, 3) as processes, Watch(tmp_path / "runs") as watch:
        sweep = start(path, "--scheduler", processes.address)
        while sweep.poll() is None:
            time.sleep(draw.uniform(0.5, 4.0))
            # Spared for a while now and then, so that it ends; more killed than finish otherwise.
            if kills < 14:
                processes.kill_worker(draw.randrange(3))
                kills += 1
        out, err = ended(sweep)
    assert "study: 24 of 24 runs are recorded" in out
    assert "done 24 of 24" in err
    assert kills >= 5
    assert watch.seen == watch.now()  # none was written a second time
    assert_as_serial(path, serial, 24)
    again = start(path, "--scheduler", "tcp://127.0.0.1:1")  # nobody there, nobody needed
    assert "24 recorded, nothing to run" in ended(again)[0]


def test_the_scheduler_is_restarted(tmp_path, serial):
    path = write(tmp_path, 4)
    with Processes(tmp_path, 2) as processes, Watch(tmp_path / "runs") as watch:
        sweep = start(path, "--scheduler", processes.address)
        wait_for(lambda: finished(path))
        processes.kill_scheduler()
        time.sleep(2)
        assert sweep.poll() is None
        processes.start_scheduler()
        assert "8 of 8 runs" in ended(sweep)[0]
    assert watch.seen == watch.now()
    assert_as_serial(path, serial, 8)


def test_the_network_is_cut_for_a_while(tmp_path, serial):
    path = write(tmp_path, 4)
    processes = Processes(tmp_path, 2)
    with Wire(processes.port) as wire, processes.through(wire), Watch(tmp_path / "runs") as watch:
        sweep = start(path, "--scheduler", f"tcp://127.0.0.1:{wire.port}")
        wait_for(lambda: finished(path))
        wire.cut()
        time.sleep(4)
        assert sweep.poll() is None
        wire.mend()
        assert "8 of 8 runs" in ended(sweep)[0]
    assert watch.seen == watch.now()
    assert_as_serial(path, serial, 8)


def test_a_scheduler_that_stays_away(tmp_path):
    path = write(tmp_path, 1)
    sweep = start(path, "--scheduler", "tcp://127.0.0.1:1", "--patience", 2)
    _, err = ended(sweep, code=1, seconds=60)
    assert "2 runs are left, and the same command goes on from here" in err
    told = "lrbook: no answer from the scheduler tcp://127.0.0.1:1; trying for 2 s\n"
    assert err.count(told) == 1
    assert "Traceback" not in err


def test_records_are_sent_back_where_no_folder_is_shared(tmp_path, serial):
    """The workers write only into their own temporary folder; the same records come back."""
    path = write(tmp_path, 2)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with Processes(tmp_path, 2, env={"TMPDIR": str(scratch)}) as processes:
        sweep = start(path, "--scheduler", processes.address, "--gather")
        wait_for(lambda: list(scratch.glob("lrbook-gather-*/*/record.json")))
        ended(sweep)
        assert_as_serial(path, serial, 4)
        assert (
            list(scratch.glob("lrbook-gather-*")) == []
        )  # a later call runs, and finds no old run
    assert list((tmp_path / "runs").glob(".gather-*")) == []


ELSEWHERE = """
import os, sys
if "lrbook.study.one" in sys.orig_argv:
    from lrbook import experiments
    from lrbook.records import Store
    plain = experiments.shell
    class Shell:
        def run(self, configs, store, **named):
            return plain("toy").run(configs, Store(os.environ["TEST_ELSEWHERE"]), **named)
    experiments.shell = lambda name: Shell()
"""


def test_a_forgotten_gather_is_told_at_the_first_record_that_does_not_come(tmp_path, monkeypatch):
    """A worker that has a folder of its own where the results folder should be."""
    path, elsewhere = write(tmp_path, 20, arms='"S"'), tmp_path / "elsewhere"
    (tmp_path / "sitecustomize.py").write_text(ELSEWHERE)
    env = with_path(tmp_path)
    monkeypatch.setattr(session, "SETTLE", 1.0)
    configs, extra = plan.read(path).configs()
    env["TEST_ELSEWHERE"] = str(elsewhere)
    with Processes(tmp_path, 1, env=env) as processes:
        cluster = engine.Cluster(scheduler=processes.address)
        with pytest.raises(RunError, match="Give the same command with --gather") as told:
            engine.run(configs, tmp_path / "runs", extra, cluster=cluster, quiet=True)
    assert 1 <= len(list(elsewhere.glob("*/record.json"))) < 20
    assert f"of {socket.gethostname()} and is recorded in {tmp_path / 'runs'}" in str(told.value)


def test_what_is_run_again_to_be_sent_back_is_run(tmp_path):
    """Its records were deleted; what the workers have of the call before it is not taken."""
    path = write(tmp_path, 1, arms='"S"')
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with Processes(tmp_path, 1, env={"TMPDIR": str(scratch)}) as processes:
        gather = ("--scheduler", processes.address, "--gather")
        ended(start(path, *gather))
        [first] = finished(path).values()
        shutil.rmtree(first.folder)
        ended(start(path, *gather))
    [second] = finished(path).values()
    assert second.provenance["date"] > first.provenance["date"]


CRASH = """
import sys
if "lrbook.study.one" in sys.orig_argv:
    import faulthandler
    from lrbook import experiments
    plain = experiments.shell
    class Shell:
        def run(self, configs, *rest, **named):
            if configs[0].seed == 1:
                print("about to crash", file=sys.stderr, flush=True)
                faulthandler._sigsegv()
            if configs[0].seed == 2:
                raise ValueError("a bug in this run")
            return plain("toy").run(configs, *rest, **named)
    experiments.shell = lambda name: Shell()
"""


def test_a_run_that_crashes_is_told_with_its_log_and_the_others_are_done(tmp_path):
    path = write(tmp_path, 3, arms='"S"')
    (tmp_path / "sitecustomize.py").write_text(CRASH)
    out, err = ended(start(path, env=with_path(tmp_path)), code=1)
    configs, _ = plan.read(path).configs()
    fine, crashed, broken = (config.run_id for config in configs)
    assert set(finished(path)) == {fine}
    assert f"run {crashed} failed: ended by signal 11" in err
    assert "about to crash" in err
    assert f"run {broken} failed: exit code 1" in err
    assert "ValueError: a bug in this run" in err
    assert "1 of 3 runs are recorded" in out
    assert "3 of 3 runs are recorded" in ended(start(path))[0]


BROKEN = """
import os, sys
if "lrbook.study.one" in sys.orig_argv and "TEST_BROKEN" in os.environ:
    print("CUDA error: no such luck", file=sys.stderr, flush=True)
    os._exit(3)
"""


def test_one_broken_worker_takes_no_study_with_it(tmp_path, serial):
    """It is always free, so that it would be given one run after the other."""
    path = write(tmp_path, 6)
    (tmp_path / "sitecustomize.py").write_text(BROKEN)
    env = with_path(tmp_path)
    with Processes(tmp_path, 1, env=env) as processes:
        wait_for(lambda: processes.workers[0])
        bad = processes.start_worker("bad", env={"TEST_BROKEN": "1"})
        try:
            sweep = start(path, "--scheduler", processes.address)
            out, err = ended(sweep)
        finally:
            bad.kill()
            bad.wait()
    assert "12 of 12 runs are recorded" in out
    name = f"worker bad of {socket.gethostname()}"
    assert err.count(f"{name} gets no more runs: 5 in a row failed there") == 1
    assert f"not used any more {name}" in err.splitlines()[-1]
    assert_as_serial(path, serial, 12)


def test_a_run_that_waits_for_another_process_is_told_with_whom(tmp_path):
    path = write(tmp_path, 1, arms='"S"')
    [config], _ = plan.read(path).configs()
    with Store(tmp_path / "runs").claim(config):
        sweep = start(path, "--workers", 1)
        told = f"running 0 on 1 workers; waiting 1 for process {os.getpid()} on "
        assert any(told in line for line in sweep.stderr)
    _, err = ended(sweep)
    assert "waiting" not in err.splitlines()[-1]


def test_ctrl_c_stops_everything_and_tells_how_to_go_on(tmp_path, serial):
    path = write(tmp_path, 4)
    mark = uuid.uuid4().hex
    sweep = start(path, env={"LRBOOK_TEST_MARK": mark}, start_new_session=True)
    wait_for(lambda: finished(path))
    os.killpg(sweep.pid, signal.SIGINT)
    _, err = ended(sweep, code=130, seconds=60)
    assert err.rstrip().endswith("lrbook: interrupted; the same command goes on from here.")
    assert "Traceback" not in err
    assert "distributed" not in err  # and Dask has nothing to add
    wait_for(lambda: not marked(mark), 20)
    before = set(finished(path))
    assert 1 <= len(before) < 8
    assert f"8 runs, {len(before)} recorded" in ended(start(path))[0]
    assert_as_serial(path, serial, 8)


def marked(mark: str) -> list[int]:
    """Processes that were started with the mark in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"LRBOOK_TEST_MARK={mark}".encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found
