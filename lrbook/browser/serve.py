"""A folder served on this machine alone, below a sub-path, as GitHub Pages serves a project."""

import contextlib
import functools
import tempfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serve(folder: Path, below: str = "lrbook") -> Iterator[str]:
    """Serve ``folder`` as ``http://127.0.0.1:PORT/BELOW/`` from a thread, and yield that address.

    An address that forgets the sub-path is not found, as it would not be on the published site.
    """
    with tempfile.TemporaryDirectory() as top:
        Path(top, below).symlink_to(folder.resolve(), target_is_directory=True)
        handler = functools.partial(_Quiet, directory=top)
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/{below}/"
            finally:
                server.shutdown()
