"""Files that are whole, or not there."""

import contextlib
import errno
import os
import secrets
import tempfile
import time
from pathlib import Path

from lrbook.errors import RecordError

# Windows renames over no file that somebody reads just now, or looks through for viruses
TRIES, PAUSE_S = (20 if os.name == "nt" else 1), 0.05


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` to a temporary file beside ``path``, flush it to disk, then rename.

    Raises:
        RecordError: the file cannot be written; what was there before is unchanged.
    """
    # Processes of two machines or containers may have the same number
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _take_its_place(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        hint = " Make room and give the same command again; what was there is intact."
        reason = f"{path} cannot be written ({error.strerror})."
        raise RecordError(reason + (hint if full else "")) from None


def make_writable(folder: Path) -> None:
    """Make ``folder``, and a file in it that is gone at once: that a folder is there does not say
    that anything can be written to it.

    Raises:
        OSError: it cannot be made, or nothing can be written there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):  # without a name, where the system can
        pass


def _take_its_place(temporary: Path, path: Path) -> None:
    for _ in range(TRIES - 1):
        with contextlib.suppress(PermissionError):
            temporary.replace(path)
            return
        time.sleep(PAUSE_S)
    temporary.replace(path)
