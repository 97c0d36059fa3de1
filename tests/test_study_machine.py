"""What a study gives its workers: cores, GPUs; and how it tells of its progress."""

import os

import pytest

from lrbook.study import engine, machine, screen, work


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
        assert share == {"OMP_NUM_THREADS": "4", "NPROC": "4", "CUDA_VISIBLE_DEVICES": gpu}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert machine.gpus("cuda") == []


def test_the_toy_has_all_cores_unless_jax_sees_the_gpus(monkeypatch):
    there = set()
    monkeypatch.setattr(engine.importlib.util, "find_spec", lambda name: name in there or None)
    wants = engine._wants_gpus
    assert (wants("toy", "auto"), wants("toy", "cuda"), wants("patch", "auto")) == (0, 1, 1)
    there.add("jax_cuda13_plugin")
    assert wants("toy", "auto")


def test_a_worker_elsewhere_uses_its_own_cores():
    assert work._share({"threads": None, "gpus": []}) == {}
