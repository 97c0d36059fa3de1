"""A folder served on this machine alone, below a sub-path, as GitHub Pages serves a project."""

import contextlib
import functools
import gzip
import io
import re
import tempfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO

BELOW = "lrbook"
TEXT = re.compile(r"text/|application/(javascript|json)|image/svg")


class _Handler(SimpleHTTPRequestHandler):
    def send_head(self) -> BinaryIO | None:
        """Send text compressed, as Pages does, and all else as it is."""
        path = Path(self.translate_path(self.path))
        kind = self.guess_type(str(path))
        if not path.is_file() or not TEXT.match(kind):
            return super().send_head()
        packed = _packed(path, path.stat().st_mtime_ns)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(packed)))
        self.end_headers()
        return io.BytesIO(packed)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@functools.lru_cache(64)
def _packed(path: Path, _changed: int) -> bytes:
    return gzip.compress(path.read_bytes(), 6)


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a built book from a thread, and yield its address, ``http://127.0.0.1:PORT/lrbook/``.

    An address that forgets the sub-path is not found, as it would not be on the published site.

    Raises:
        FileNotFoundError: there is no built book in ``folder``: every page would be missing.
    """
    if not (folder / "index.html").is_file():
        raise FileNotFoundError(f"there is no built book in {folder}; make book builds it.")
    with tempfile.TemporaryDirectory() as top:
        Path(top, BELOW).symlink_to(folder.resolve(), target_is_directory=True)
        handler = functools.partial(_Handler, directory=top)
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/{BELOW}/"
            finally:
                server.shutdown()
