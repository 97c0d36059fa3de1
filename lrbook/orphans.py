"""A child process that ends when its parent does, however that ends."""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence

ASKED = "LRBOOK_ENDS_WITH_STDIN"
"""The variable by which a child knows that its stdin is its parent's hand."""

ORPHANED = 75


def call(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command of lrbook to its end and return its exit code.

    Its stdin stays open as long as this process lives. When that is killed, by whatever signal, the
    child ends, too, and leaves no device or run taken that nobody waits for.
    """
    with subprocess.Popen(
        command, env={**environment, ASKED: "1"}, stdin=subprocess.PIPE
    ) as process:
        return process.wait()


def watch() -> None:
    """End this process when its stdin closes, if whoever started it has asked for that."""
    if os.environ.pop(ASKED, ""):
        threading.Thread(target=end_with_stdin, daemon=True).start()


def end_with_stdin() -> None:
    """Wait until stdin closes; then end the process at once."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(ORPHANED)
