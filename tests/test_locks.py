"""Two processes and one run: one works, the other waits, says so, and finds the record."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from lrbook.errors import RecordError
from lrbook.locks import claim

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


def test_the_second_waits_and_says_for_whom(tmp_path, capsys):
    path = tmp_path / "results" / ".x.lock"
    with holder(path, 1.0) as first, claim(path, "run x"):
        assert first.poll() is not None or first.wait(5) == 0  # it has let go
        assert path.exists()
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert told[0].startswith(f"lrbook: run x is being run by another process (process {first.pid}")
    assert not path.exists()


def test_a_killed_holder_leaves_nothing_locked(tmp_path, capsys):
    path = tmp_path / ".x.lock"
    with holder(path, 60) as first:
        first.send_signal(signal.SIGKILL)
    assert path.exists()
    began = time.monotonic()
    with claim(path, "run x"):
        assert time.monotonic() - began < 1
    assert not capsys.readouterr().err


def test_never_two_at_a_time(tmp_path):
    """Removing the file at the end must not let a waiter and a newcomer in together."""
    path, inside, most = tmp_path / ".x.lock", [], [0]

    def work():
        for _ in range(30):
            with claim(path, "run x"):
                inside.append(1)
                most[0] = max(most[0], len(inside))
                time.sleep(0.0005)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most == [1]
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(RecordError, match=r"file/.*cannot be written"),
        claim(tmp_path / "file" / ".x.lock", "run x"),
    ):
        pass


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
