"""One process at a time: a lock that the kernel takes back when its holder dies."""

import contextlib
import errno
import functools
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from lrbook.errors import RecordError

try:
    import fcntl
except ImportError:  # Windows
    CAN_LOCK = False
else:
    CAN_LOCK = True

OTHER, WAITING = "another process ({})", "; waiting for it."
"""What a sentence on a wait has in it, with the holder, and how it ends: others read it by these
(``lrbook.study.waits``).
"""
PAUSE_S = 0.05  # between two looks at a lock that another process has
# Of a file system that knows no locks, or whose server keeps none
NO_LOCKS = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOLCK}


class _Refused(Exception):
    """The system's own error on a lock, which is not that another process has it."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


@contextlib.contextmanager
def claim(path: Path, what: str, go_on: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the lock file ``path``; if another process has it, say so on stderr and wait for it.

    The lock is the kernel's (flock), not the file: a killed process leaves nothing locked. The file
    tells who holds it and is removed at the end. Where there is no flock (Windows), nothing is
    locked, nor on file systems that know no locks, which is told once. On NFS the lock reaches
    other machines (since Linux 2.6.12, where the server takes part).

    Args:
        path: a hidden file beside what is to be written.
        what: what is claimed, for the sentence.
        go_on: called again and again during the wait, which ends with what it raises. Without it
            the kernel wakes us: at once, but Ctrl-C ends such a wait in the main thread only.

    Raises:
        RecordError: the file cannot be made or locked.
    """

    def opened() -> int:
        try:
            return _open(path)
        except OSError as error:
            hint = "."
            if isinstance(error, PermissionError) and path.exists():
                hint = f"; who is not allowed to read it cannot go on with {what}."
            raise RecordError(f"{path} cannot be written ({error.strerror}){hint}") from None

    def told(holder: str) -> str:
        return f"lrbook: {what} is being run by {OTHER.format(holder)}{WAITING}"

    with _held(path, opened, told, go_on):
        yield


@contextlib.contextmanager
def alone(path: Path, told: Callable[[str], str]) -> Iterator[None]:
    """As ``claim``, where no runs are concerned.

    Args:
        path: the lock file.
        told: the sentence printed before a wait, from the holder in words, with ``OTHER`` in it
            and ``WAITING`` at its end.

    Raises:
        OSError: the file cannot be made.
        RecordError: it cannot be locked.
    """
    with _held(path, lambda: _open(path), told):
        yield


def is_held(path: Path) -> bool | None:
    """Whether a process has the lock file ``path``; None where that cannot be known."""
    if not CAN_LOCK:
        return None
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(file)
    return False


def _open(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Who may write is for the user's mask to say: a group that shares the folder, for one
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:
        return os.open(path, os.O_RDONLY)  # another user's, which can be locked all the same


@contextlib.contextmanager
def _held(
    path: Path,
    opened: Callable[[], int],
    told: Callable[[str], str],
    go_on: Callable[[], None] | None = None,
) -> Iterator[None]:
    if not CAN_LOCK:
        yield
        return
    file, locked = _lock(path, opened, told, go_on)
    try:
        yield
    finally:
        # Removed while it is still held, so that who waits for it sees that it is gone. Without a
        # lock it may be another's.
        if locked:
            with contextlib.suppress(OSError):
                path.unlink()
        os.close(file)


def _lock(
    path: Path,
    opened: Callable[[], int],
    told: Callable[[str], str],
    go_on: Callable[[], None] | None,
) -> tuple[int, bool]:
    """The open file, and whether it is locked: not where its file system knows no locks."""
    said = False
    while True:
        file = opened()
        try:
            try:
                _flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not said:
                    holder = os.pread(file, 200, 0).decode(errors="replace").strip() or "unknown"
                    print(told(holder), file=sys.stderr)
                    said = True
                _wait(file, go_on)
        except _Refused as refused:
            if refused.error.errno in NO_LOCKS:
                _say_unlocked(str(path.parent), refused.error.strerror)
                return file, False
            os.close(file)
            if refused.error.errno == errno.ESTALE:  # NFS: removed by its holder elsewhere
                continue
            reason = refused.error.strerror
            raise RecordError(f"{path} cannot be locked ({reason}); try again later.") from None
        except BaseException:  # the wait was broken off
            os.close(file)
            raise
        if _is_still_there(file, path):
            with contextlib.suppress(OSError):  # the name is a courtesy; a full disk may refuse it
                os.ftruncate(file, 0)
                os.pwrite(file, f"process {os.getpid()} on {os.uname().nodename}\n".encode(), 0)
            return file, True
        os.close(file)  # its last holder removed it meanwhile: what we hold has no name any more


def _wait(file: int, go_on: Callable[[], None] | None) -> None:
    """Lock ``file``, which another process has."""
    if go_on is None:
        _flock(file, fcntl.LOCK_EX)
        return
    while True:
        go_on()
        with contextlib.suppress(BlockingIOError):
            _flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(PAUSE_S)


def _flock(file: int, how: int) -> None:
    """BlockingIOError: another process has it. _Refused: whatever else the system says."""
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        raise
    except OSError as error:
        raise _Refused(error) from None


@functools.cache
def _say_unlocked(folder: str, reason: str) -> None:
    print(
        f"lrbook: {folder} is on a file system without locks ({reason}): nothing keeps two "
        "processes from working on the same run there, so start each run once only.",
        file=sys.stderr,
    )


def _is_still_there(file: int, path: Path) -> bool:
    try:
        there, held = path.stat(), os.fstat(file)
    except OSError:  # gone, or stale on NFS
        return False
    return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)
