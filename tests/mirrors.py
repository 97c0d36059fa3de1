"""A small stand-in for CIFAR-10's archive, and a server of it with every temper."""

import contextlib
import hashlib
import io
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from lrbook.vision.download import ensure_cifar10

ARCHIVE = "cifar-10-python.tar.gz"
CONTENT = {f"data_batch_{i}": bytes([i]) * 500 for i in range(1, 6)} | {"test_batch": b"test"}
FILES = {name: hashlib.md5(data).hexdigest() for name, data in CONTENT.items()}


def packed(content, prefix="cifar-10-batches-py/"):
    """The bytes of a .tar.gz with ``content``, and an incompressible file to make it longer."""
    noise = np.random.default_rng(0).bytes(40_000)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in (content | {"noise": noise}).items():
            member = tarfile.TarInfo(prefix + name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def sums(data):
    """Both checksums of an archive, as ensure_cifar10 wants them."""
    return {"md5": hashlib.md5(data).hexdigest(), "sha256": hashlib.sha256(data).hexdigest()}


GOOD = packed(CONTENT)
SUMS = sums(GOOD)
MD5 = SUMS["md5"]


class Handler(BaseHTTPRequestHandler):
    """Answers as its path says; ``server.ranges`` notes what was asked for."""

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.ranges.append((self.path, asked))
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        getattr(self, self.path.strip("/"))(start)

    def reply(self, body, code=200, length=None, span=None):
        self.send_response(code)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        if span:
            self.send_header("Content-Range", span)
        self.end_headers()
        self.wfile.write(body)

    def good(self, start):
        if start >= len(GOOD):
            self.reply(b"", 416)
        elif start:
            self.reply(GOOD[start:], 206, span=f"bytes {start}-{len(GOOD) - 1}/{len(GOOD)}")
        else:
            self.reply(GOOD)

    def without_range(self, start):
        self.reply(GOOD)

    def busy(self, start):
        self.reply(b"come back later", 503)

    def wrong(self, start):
        self.reply(b"<html>Please log in</html>")

    def wrong_range(self, start):
        self.reply(GOOD[start + 10 :], 206, span=f"bytes {start + 10}-{len(GOOD) - 1}/*")

    def cut(self, start):
        self.reply(GOOD[: len(GOOD) // 2], length=len(GOOD))

    def a_little(self, start):
        rest = len(GOOD) - start
        span = f"bytes {start}-{len(GOOD) - 1}/{len(GOOD)}"
        self.reply(GOOD[start : start + 1000], 206, length=rest, span=span)

    def hang(self, start):
        self.server.over.wait(30)

    def hang_midway(self, start):
        self.reply(GOOD[:1000], length=len(GOOD))
        self.server.over.wait(30)

    def trickle(self, start):
        self.reply(GOOD[:1], length=len(GOOD))
        for byte in GOOD[1:]:
            if self.server.over.wait(0.02):
                return
            try:
                self.wfile.write(bytes([byte]))
            except OSError:
                return

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving():
    """The server, until the end of a ``with``."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.ranges, server.over = [], threading.Event()
    threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()


def fetcher(server, folder):
    """fetch("busy", "good") into the folder, with limits that a test can wait for."""

    def fetch(*tempers, **options):
        mirrors = [f"http://127.0.0.1:{server.server_port}/{temper}" for temper in tempers]
        limits = {"silence_s": 0.4, "mirror_limit_s": 2.0, "limit_s": 20.0}
        settings = SUMS | {"files": FILES} | limits | options
        return ensure_cifar10(folder, mirrors, **settings)

    return fetch


def assert_complete(folder):
    found = {path.name: path.read_bytes() for path in (folder / "cifar-10-batches-py").iterdir()}
    assert found == CONTENT
    assert (folder / ARCHIVE).read_bytes() == GOOD
    assert {path.name for path in folder.iterdir()} <= {
        "cifar-10-batches-py",
        ARCHIVE,
    }
