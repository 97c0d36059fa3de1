"""What a study gives its workers: cores, GPUs; and how it tells of its progress."""

import os
import threading
from types import SimpleNamespace

import pytest
import tiny_toy
from dask.system import cpu_count
from distributed import Client

from lrbook import locks, provenance
from lrbook.study import engine, machine, one, screen, waits, work
from lrbook.vision import download


def test_progress_in_words():
    clock = iter([0.0, 0.0, 30.0, 30.0]).__next__
    progress = screen.Progress(10, clock)
    progress.workers, progress.dashboard = 2, "http://127.0.0.1:1/status"
    line = "done 0 of 10; running 0 on 2 workers; failed 0; rate -; time left -"
    assert progress.line() == line
    progress.done, progress.failed, progress.running = 4, 1, 2
    expected = "done 4 of 10; running 2 on 2 workers; failed 1; rate 10 runs a minute; time left "
    assert progress.line() == expected + "30 s"
    assert ("dashboard", progress.dashboard) in progress.rows()


def test_whom_a_run_waits_for_is_read_from_what_it_says(tmp_path, capsys):
    [config] = tiny_toy.configs(seeds=(0,), arms=("S",))
    held, letting_go = threading.Event(), threading.Event()

    def hold():
        with locks.claim(tmp_path / f".{config.run_id}.lock", "run x"):
            held.set()
            letting_go.wait()

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    threading.Timer(0.5, letting_go.set).start()
    with one.TellingStore(tmp_path).claim(config):
        said = capsys.readouterr().err
    other.join()
    begun, over = said.splitlines()
    assert waits.holder(f"something else\n{begun}\n") == f"process {os.getpid()} on {os.uname()[1]}"
    assert over == waits.HELD
    assert waits.holder(said) is waits.holder("") is None
    assert waits.holder(download._waiting("process 7 on (a) node")) == "process 7 on (a) node"


def test_runs_that_wait_and_workers_that_are_broken_are_told():
    progress = screen.Progress(4)
    progress.waits = ["process 1 on a", "process 2 on b", "process 1 on a"]
    progress.broken = ["worker 3 of c"]
    assert "waiting 3 for process 1 on a, process 2 on b; " in progress.line()
    assert progress.line().endswith("; not used any more worker 3 of c")


@pytest.mark.parametrize(
    ("seconds", "words"), [(59.4, "59 s"), (185, "3 min 5 s"), (7800, "2 h 10 min")]
)
def test_durations(seconds, words):
    assert screen.duration(seconds) == words


def test_the_size_of_the_machine_gives_the_workers(monkeypatch):
    monkeypatch.setattr(machine, "available_cores", lambda: 16)
    assert machine.size(1, []) == (16, 1)
    assert machine.size(2, []) == (8, 2)
    assert machine.size(2, ["0", "1"]) == (2, 8)
    assert machine.size(2, [], 3) == (3, 5)
    monkeypatch.setattr(machine, "available_cores", lambda: 1)
    assert machine.size(2, []) == (1, 1)


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("200000 100000\n", 2),
        ("250000 100000\n", 3),  # what is begun is used
        ("5000 100000", 1),
        ("max 100000\n", None),
        ("-1 100000", None),
        ("-1\n 100000\n", None),
        ("100000 0", None),
        ("", None),
        ("200000", None),
        ("1.5 2 3", None),
    ],
)
def test_a_quota_in_cores(text, cores):
    assert provenance.quota_cores(text) == cores


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "250000 100000\n"}, 3),
        ({"cpu.max": "1600000 100000\n"}, 8),  # more than the affinity mask has
        ({"cpu/cpu.cfs_quota_us": "150000\n", "cpu/cpu.cfs_period_us": "50000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
        ({"cpu/cpu.cfs_quota_us": "150000\n"}, 8),
        ({"cpu.max": "\xff"}, 8),
        ({"cpu.max/a": "a folder"}, 8),
    ],
)
def test_a_container_limits_the_cores(tmp_path, monkeypatch, files, cores):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text.encode("latin-1"))
    monkeypatch.setattr(provenance, "CGROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert provenance.available_cores() == cores
    assert machine.size(1, []) == (cores, 1)


def test_every_worker_of_this_machine_has_a_gpu_of_its_own(tmp_path, monkeypatch):
    listing = tmp_path / "nvidia-smi"
    listing.write_text("#!/bin/sh\necho 'GPU 0: H200 (UUID: GPU-a)'\necho 'GPU 1: H200'\n")
    listing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert machine.gpus("auto") == ["0", "1"]
    assert machine.gpus("cpu") == []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, GPU-b")
    assert machine.gpus("cuda") == ["3", "GPU-b"]
    for worker, gpu in ((0, "3"), (1, "GPU-b"), (2, "3")):
        named = type("Worker", (), {"name": worker})
        monkeypatch.setattr("distributed.get_worker", lambda named=named: named)
        share = work._share({"threads": 4, "gpus": ["3", "GPU-b"]})
        assert share == dict.fromkeys(work.THREADS, "4") | {"CUDA_VISIBLE_DEVICES": gpu}
    for none in ("", "-1", "-1,3"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", none)
        assert machine.gpus("cuda") == []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,-1,2")  # CUDA reads no further than -1
    assert machine.gpus("cuda") == ["1"]


def test_the_toy_has_all_cores_unless_jax_sees_the_gpus(monkeypatch):
    there = ["jax", "jax_cudastic_plugin"]
    monkeypatch.setattr(
        engine.pkgutil, "iter_modules", lambda: [SimpleNamespace(name=name) for name in there]
    )
    wants = engine._wants_gpus
    assert (wants("toy", "auto"), wants("toy", "cuda"), wants("patch", "auto")) == (0, 1, 1)
    for plugin in ("jax_cuda12_plugin", "jax_cuda13_plugin", "jax_cuda20_plugin"):
        there.append(plugin)
        assert wants("toy", "auto")
        there.remove(plugin)


@pytest.mark.parametrize(("named", "threads"), [(None, "6"), ("1", "6"), ("5", "5"), ("", "6")])
def test_a_worker_elsewhere_divides_its_own_cores(monkeypatch, named, threads):
    """12 cores as Dask counts them, a container's limit included, and two runs at a time."""
    worker = SimpleNamespace(state=SimpleNamespace(nthreads=2))
    monkeypatch.setattr("distributed.get_worker", lambda: worker)
    monkeypatch.setattr("dask.system.cpu_count", lambda: 12)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if named is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", named)
    share = work._share({"threads": None, "gpus": []})
    assert share == dict.fromkeys(work.THREADS, threads)


@pytest.mark.slow
def test_a_run_under_a_nanny_has_the_threads_that_were_planned(monkeypatch):
    """Dask's nanny sets all three variables to 1 in the worker, which a run would inherit."""
    for name in work.THREADS:
        monkeypatch.delenv(name, raising=False)
    with machine.cluster(1) as address, Client(address, set_as_default=False) as client:
        assert client.submit(os.getenv, "MKL_NUM_THREADS").result(timeout=60) == "1"
        for threads, expected in ((3, "3"), (None, str(cpu_count()))):
            task = {"threads": threads, "gpus": []}
            share = client.submit(work._share, task).result(timeout=60)
            assert share == dict.fromkeys(work.THREADS, expected)
