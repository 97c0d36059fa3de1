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
    """Both print the same result and the run took place once."""
    line = [sys.executable, "-m", "lrbook", "run", *command, "--results", "runs", "--json"]
    line += ["--quiet"]
    both = [
        subprocess.Popen(
            line, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    one, two = (json.loads(out) for out, _ in answers)
    assert one == two
    waited = [err for _, err in answers if "is being run by another process" in err]
    assert len(waited) <= 1
    [folder] = (tmp_path / "runs").iterdir()
    assert {path.name for path in folder.iterdir()} == {"record.json", "history.parquet"}
