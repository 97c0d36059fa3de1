"""Files that are whole, or not there."""

import contextlib
import errno
import os
import secrets
from pathlib import Path

from lrbook.errors import RecordError


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
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        hint = " Make room and give the same command again; what was there is intact."
        reason = f"{path} cannot be written ({error.strerror})."
        raise RecordError(reason + (hint if full else "")) from None
