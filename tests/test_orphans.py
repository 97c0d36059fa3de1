"""A child of ``lrbook record --run`` ends with its parent, and not otherwise."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lrbook import cli, orphans

CHILD = """
import os, time
from lrbook import orphans
orphans.watch()
print(os.getpid(), flush=True)
time.sleep({})
"""
PARENT = "import os, sys; from lrbook import orphans; sys.exit(orphans.call({!r}, os.environ))"


def parent_of(seconds):
    child = [sys.executable, "-c", CHILD.format(seconds)]
    line = [sys.executable, "-c", PARENT.format(child)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)


def is_there(number):
    """Whether the process runs; one that has ended and is not waited for does not."""
    try:
        return Path(f"/proc/{number}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it looks into /proc")
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_ends_with_its_killed_parent(sign):
    with parent_of(120) as parent:
        child = int(parent.stdout.readline())
        assert is_there(child)
        parent.send_signal(sign)
    until = time.monotonic() + 30
    while is_there(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_there(child)


def test_a_child_whose_parent_waits_goes_on_to_its_end():
    with parent_of(0.5) as parent:
        assert int(parent.stdout.readline())
        assert parent.wait(60) == 0


def test_a_command_that_nobody_asked_does_not_listen_to_its_stdin(monkeypatch):
    monkeypatch.delenv(orphans.ASKED, raising=False)
    monkeypatch.setattr(orphans.threading, "Thread", lambda **_: pytest.fail("it listens"))
    orphans.watch()


def test_the_command_line_asks_whether_to_watch(monkeypatch):
    asked = []
    monkeypatch.setattr(orphans, "watch", lambda: asked.append(1))
    monkeypatch.setattr(sys, "argv", ["lrbook", "--help"])
    with pytest.raises(SystemExit):
        cli.entry()
    assert asked == [1]


def test_what_a_child_starts_is_not_asked_as_well(monkeypatch):
    monkeypatch.setenv(orphans.ASKED, "1")
    started = []

    class Thread:
        def __init__(self, **options):
            assert options["daemon"]

        def start(self):
            started.append(1)

    monkeypatch.setattr(orphans.threading, "Thread", Thread)
    orphans.watch()
    assert started == [1]
    assert orphans.ASKED not in os.environ
