"""Two processes and one run: one works, the other waits, says so, and finds the record."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lrbook import locks
from lrbook.errors import RecordError
from lrbook.locks import alone, claim
from lrbook.vision.config import PatchConfig

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no lock on Windows")

HOLD = """
import sys, time
from pathlib import Path
from lrbook.locks import claim
with claim(Path(sys.argv[1]), "run x"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@contextlib.contextmanager
def holder(path, seconds):
    """A process that holds the lock when the block begins."""
    command = [sys.executable, "-c", HOLD, str(path), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process


@pytest.mark.parametrize("go_on", [None, lambda: None], ids=["woken", "polls"])
def test_the_second_waits_and_says_for_whom(tmp_path, capsys, go_on):
    path = tmp_path / "results" / ".x.lock"
    with holder(path, 1.0) as first, claim(path, "run {x}", go_on):
        assert first.poll() is not None or first.wait(5) == 0  # it has let go
        assert path.exists()
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert told[0].startswith("lrbook: run {x} is being run by another process (process ")
    assert f"(process {first.pid} on " in told[0]
    assert not path.exists()


def test_what_is_no_run_has_a_sentence_of_its_own(tmp_path, capsys):
    path = tmp_path / ".x.lock"
    with holder(path, 0.5) as first, alone(path, lambda holder: f"{holder} fetches it."):
        assert first.wait(5) == 0
    [told] = capsys.readouterr().err.splitlines()
    assert told.startswith(f"process {first.pid} on ")
    assert told.endswith(" fetches it.")
    assert not path.exists()
    (tmp_path / "file").touch()
    with pytest.raises(OSError), alone(tmp_path / "file" / ".x.lock", str):  # noqa: PT011
        pass


def test_an_error_within_is_not_taken_for_one_of_the_lock(tmp_path):
    with pytest.raises(OSError, match="of the disk"), claim(tmp_path / ".x.lock", "run x"):
        raise OSError("of the disk")
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_locked_work_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "CAN_LOCK", False)  # as on Windows
    monkeypatch.setattr(locks, "_lock", lambda *_: pytest.fail("it would wait for itself"))
    with claim(tmp_path / ".x.lock", "run x"), claim(tmp_path / ".x.lock", "run x"):
        assert list(tmp_path.iterdir()) == []


def test_what_ends_the_wait_is_not_taken_for_a_lock_that_cannot_be_made(tmp_path):
    def go_on():
        raise ConnectionResetError("the caller's own trouble")

    path = tmp_path / ".x.lock"
    with holder(path, 60) as first:
        with pytest.raises(ConnectionResetError, match="own trouble"), claim(path, "run x", go_on):
            pytest.fail("entered")
        first.kill()


def test_a_killed_holder_leaves_nothing_locked(tmp_path, capsys):
    path = tmp_path / ".x.lock"
    with holder(path, 60) as first:
        first.send_signal(signal.SIGKILL)
    assert path.exists()
    began = time.monotonic()
    with claim(path, "run x"):
        assert time.monotonic() - began < 1
    assert not capsys.readouterr().err


class Enough(Exception):
    pass


def open_files():
    return {path.name for path in Path("/dev/fd").iterdir()}


def test_a_wait_can_be_broken_off(tmp_path, capsys):
    path, asked = tmp_path / ".x.lock", []

    def go_on():
        asked.append(1)
        if len(asked) == 3:
            raise Enough

    with holder(path, 60) as first:
        files = open_files()
        with pytest.raises(Enough), claim(path, "run x", go_on):
            pytest.fail("entered")
        assert first.poll() is None  # it holds the lock still
        assert open_files() == files
        first.kill()
    assert len(asked) == 3
    assert path.exists()
    assert capsys.readouterr().err.count("waiting for it") == 1


def test_who_need_not_wait_is_not_asked_whether_to_go_on(tmp_path):
    with claim(tmp_path / ".x.lock", "run x", lambda: pytest.fail("asked")):
        pass


def test_ctrl_c_ends_a_command_that_waits_for_the_run_of_another_process(tmp_path):
    run_id = PatchConfig.for_profile("smoke", arm="large", seed=3).run_id
    line = [sys.executable, "-m", "lrbook", "run", "patch", "--profile", "smoke", "--arms"]
    line += ["large", "--seeds", "3", "--device", "cpu", "--results", "runs", "--quiet"]
    with holder(tmp_path / "runs" / f".{run_id}.lock", 600) as first:
        try:
            with subprocess.Popen(line, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as second:
                try:
                    assert "waiting for it" in second.stderr.readline()
                    second.send_signal(signal.SIGINT)
                    told = second.communicate(timeout=60)[1]
                finally:
                    second.kill()
            assert first.poll() is None  # it holds the lock still
        finally:
            first.kill()
    assert second.returncode == 130
    assert told == "lrbook: interrupted; the same command goes on from here.\n"
    assert not (tmp_path / "runs" / run_id).exists()  # the run is the other's


@pytest.mark.parametrize("polling", [0, 2, 4])
def test_never_two_at_a_time(tmp_path, polling):
    """Removing the file at the end must not let a waiter and a newcomer in together."""
    path, inside, most = tmp_path / ".x.lock", [], [0]

    def work(go_on):
        for _ in range(30):
            with claim(path, "run x", go_on):
                inside.append(1)
                most[0] = max(most[0], len(inside))
                time.sleep(0.0005)
                inside.pop()

    asked = [(lambda: None) if i < polling else None for i in range(4)]
    threads = [threading.Thread(target=work, args=[go_on]) for go_on in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert most == [1]
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(RecordError, match=r"file/.*cannot be written"),
        claim(tmp_path / "file" / ".x.lock", "run x"),
    ):
        pass
