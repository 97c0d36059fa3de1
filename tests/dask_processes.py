"""A Dask cluster of separate processes on loopback, to be broken by tests."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

QUIET = {"DASK_LOGGING__DISTRIBUTED": "critical", "PYTHONWARNINGS": "ignore"}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Processes:
    """A scheduler and workers; a worker that ends is replaced, as a job queue would.

    Args:
        folder: for logs and the workers' own files.
        workers: how many.
        env: for the workers, beside this process's own.
    """

    def __init__(self, folder: Path, workers: int, env: dict | None = None):
        self.folder, self.port = folder, free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.target = self.address  # where the workers look for it
        self.env = os.environ | QUIET | (env or {})
        self.scheduler, self.workers, self.started = None, [None] * workers, 0
        self.stopped = threading.Event()

    def through(self, wire: "Wire") -> "Processes":
        """Let the workers come through ``wire``."""
        self.target = f"tcp://127.0.0.1:{wire.port}"
        return self

    def __enter__(self):
        self.start_scheduler()
        self.keeper = threading.Thread(target=self._keep)
        self.keeper.start()
        return self

    def __exit__(self, *exception):
        self.stopped.set()
        self.keeper.join()
        for process in [*self.workers, self.scheduler]:
            if process is not None:
                process.kill()
                process.wait()

    def start_scheduler(self) -> None:
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", str(self.port))

    def kill_scheduler(self) -> None:
        self.scheduler.kill()
        self.scheduler.wait()

    def kill_worker(self, index: int) -> None:
        """SIGKILL one; what it was running has to notice by itself."""
        process = self.workers[index]
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)

    def _keep(self) -> None:
        while not self.stopped.wait(0.1):
            for index, process in enumerate(self.workers):
                if process is None or process.poll() is not None:
                    self.started += 1
                    self.workers[index] = self.start_worker(str(self.started))

    def start_worker(self, name: str, env: dict | None = None) -> subprocess.Popen:
        """One more, which is not replaced and is the caller's to end."""
        options = ("--nthreads", "1", "--no-nanny", "--name", name)
        folder = str(self.folder / f"worker-{name}")
        where = ("--host", "127.0.0.1", "--local-directory", folder)
        return self._start("worker", self.target, *options, *where, env=env)

    def _start(self, kind: str, *options: str, env: dict | None = None) -> subprocess.Popen:
        with (self.folder / f"{kind}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_" + kind, *options, "--no-dashboard"],
                stdout=log,
                stderr=log,
                env=self.env | (env or {}),
            )


class Wire:
    """A loopback port that leads to another one, and can be cut."""

    def __init__(self, target: int):
        self.target, self.open, self.ends = target, True, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        self.thread = threading.Thread(target=self._accept)
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()
        self.cut()

    def cut(self) -> None:
        """Break every connection and refuse new ones until ``mend``."""
        self.open = False
        for end in self.ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.ends.clear()

    def mend(self) -> None:
        self.open = True

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                if not self.open:
                    raise ConnectionRefusedError
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                near.close()
                continue
            self.ends += [near, far]
            threading.Thread(target=_join, args=(near, far)).start()


def _join(near: socket.socket, far: socket.socket) -> None:
    back = threading.Thread(target=_carry, args=(far, near))
    back.start()
    _carry(near, far)
    back.join()
    near.close()
    far.close()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def wait_for(condition, seconds: float = 180.0) -> None:
    """Until ``condition()`` holds; AssertionError where it does not come to that."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
