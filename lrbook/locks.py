"""One process at a time: a lock that the kernel takes back when its holder dies."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from lrbook.errors import RecordError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

PAUSE_S = 0.05  # between two looks at a lock that another process has


@contextlib.contextmanager
def claim(path: Path, what: str, go_on: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the lock file ``path``; if another process has it, say so on stderr and wait for it.

    The lock is the kernel's (flock), not the file: a killed process leaves nothing locked. The file
    tells who holds it and is removed at the end. Where there is no flock (Windows), nothing is
    locked, nor on file systems that know no locks. On NFS the lock reaches other machines (since
    Linux 2.6.12, where the server takes part).

    Args:
        path: a hidden file beside what is to be written.
        what: what is claimed, for the sentence.
        go_on: called again and again during the wait, which ends with what it raises. Without it
            the kernel wakes us: at once, but Ctrl-C ends such a wait in the main thread only.

    Raises:
        RecordError: the file cannot be made.
    """
    told = f"lrbook: {what} is being run by another process ({{}}); waiting for it."
    try:
        file = _hold(path, told, go_on)
    except OSError as error:
        raise RecordError(f"{path} cannot be written ({error.strerror}).") from None
    with _held(file, path):
        yield


@contextlib.contextmanager
def alone(path: Path, told: str) -> Iterator[None]:
    """As ``claim``, where no runs are concerned.

    Args:
        path: the lock file.
        told: the sentence printed before a wait; ``{}`` in it becomes the holder.

    Raises:
        OSError: the file cannot be made.
    """
    with _held(_hold(path, told), path):
        yield


@contextlib.contextmanager
def _held(file: int | None, path: Path) -> Iterator[None]:
    try:
        yield
    finally:
        if file is not None:
            # Removed while it is still held, so that who waits for it sees that it is gone.
            with contextlib.suppress(OSError):
                path.unlink()
            os.close(file)


def _hold(path: Path, told: str, go_on: Callable[[], None] | None = None) -> int | None:
    """The open and locked file; None on a system that cannot lock."""
    if fcntl is None:
        return None
    said = False
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not said:
                holder = os.pread(file, 200, 0).decode(errors="replace").strip() or "unknown"
                print(told.format(holder), file=sys.stderr)
                said = True
            _wait(file, go_on)
        except OSError:
            return file  # a file system that knows no locks
        if _is_still_there(file, path):
            with contextlib.suppress(OSError):  # the name is a courtesy; a full disk may refuse it
                os.ftruncate(file, 0)
                os.pwrite(file, f"process {os.getpid()} on {os.uname().nodename}\n".encode(), 0)
            return file
        os.close(file)  # its last holder removed it meanwhile: what we hold has no name any more


def _wait(file: int, go_on: Callable[[], None] | None) -> None:
    """Lock ``file``, which another process has; closes it where the wait is broken off."""
    try:
        if go_on is None:
            fcntl.flock(file, fcntl.LOCK_EX)
            return
        while True:
            go_on()
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            time.sleep(PAUSE_S)
    except BaseException:
        os.close(file)
        raise


def _is_still_there(file: int, path: Path) -> bool:
    try:
        there, held = path.stat(), os.fstat(file)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)
