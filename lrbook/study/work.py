"""What a Dask worker does: start one run as a process of its own and wait for it.

Runs that are to be sent back lie in a scratch folder on the worker. Its name is kept in the results
folder until the study is complete, so that the call after a killed one finds the runs and
checkpoints there; and no longer, so that what was deleted and is wanted again is run.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lrbook import locks
from lrbook.atomic import write_atomically
from lrbook.config import Config
from lrbook.study import waits

LOG_LINES = 30
BETWEEN_LOOKS = 2.0  # seconds, at whether a run waits for another process
LOOKED_AT = 1 << 16  # bytes at the end of its log
FILES = ("history.parquet", "record.json")  # in this order, so that a record never comes alone
# What PyTorch, NumPy and JAX ask; a nanny sets the first three to 1.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NPROC")


def run_one(task: dict[str, Any]) -> dict[str, Any]:
    """Run ``task`` in a child process.

    Args:
        task: experiment, config, device, extra, run_id; results, a folder that all machines see,
            or None to send the record back from ``scratch``; threads, or None for as many as the
            worker may use; gpus, the devices to choose from; topic, of Dask's events, under which
            it is told that the run has begun, and for whom it waits.

    Returns:
        run_id; code, the child's exit code (negative: the signal that ended it); log, its last
        lines; files, the record's files by name where they are sent back; worker, this one in
        words, and its address; folder, the results folder on its machine. Where the worker itself
        cannot write or start a process, code is None and log says why.
    """
    here = {"run_id": task["run_id"]} | _here()
    try:
        _tell(task, None)
        return here | _run_child(task)
    except OSError as error:  # from here it would look like a broken connection to Dask's client
        log = f"{socket.gethostname()}: {type(error).__name__}: {error}"
        return here | {"code": None, "log": log, "files": {}}


def _here() -> dict[str, str]:
    """This worker in words, and its address; outside of Dask its machine alone."""
    from distributed import get_worker

    host = socket.gethostname()
    try:
        worker = get_worker()
    except ValueError:
        return {"worker": f"a worker of {host}", "address": ""}
    return {"worker": f"worker {worker.name} of {host}", "address": worker.address}


def _tell(task: dict[str, Any], holder: str | None) -> None:
    """Let whoever planned the run know that it has begun, and for whom it waits."""
    from distributed import get_worker

    if "topic" in task:
        event = {"run_id": task["run_id"], "waits_for": holder}
        get_worker().log_event(task["topic"], event)


def _run_child(task: dict[str, Any]) -> dict[str, Any]:
    results = task["results"] or str(_scratch(task["scratch"]))
    Path(results).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile() as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "lrbook.study.one"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | _share(task),
            start_new_session=True,  # Ctrl-C reaches the one who planned, who ends the others
        )
        assert child.stdin is not None  # the pipe that was asked for
        try:
            child.stdin.write(json.dumps(task | {"results": results}).encode() + b"\n")
            child.stdin.flush()
            code = _ended(child, log.fileno(), task)
        except BrokenPipeError:
            code = child.wait()
        finally:
            child.stdin.close()
        log.seek(0)
        lines = log.read().decode(errors="replace").splitlines()
        lines = [line for line in lines if line != waits.HELD][-LOG_LINES:]
    folder = Path(results) / task["run_id"]
    files = {}
    if task["results"] is None and code == 0:
        files = {name: (folder / name).read_bytes() for name in FILES}
    return {"code": code, "log": "\n".join(lines), "files": files, "folder": results}


def _ended(child: "subprocess.Popen[bytes]", log: int, task: dict[str, Any]) -> int:
    """Wait for the child's exit code, and tell when it begins or ceases to wait for a lock."""
    told = None
    while True:
        try:
            return child.wait(timeout=BETWEEN_LOOKS)
        except subprocess.TimeoutExpired:
            if not locks.CAN_LOCK:  # Windows, where no run waits for another
                continue
            # pread: the child writes at the position that this process would otherwise move
            size = os.fstat(log).st_size
            said = os.pread(log, LOOKED_AT, max(0, size - LOOKED_AT)).decode(errors="replace")
            if (now := waits.holder(said)) != told:
                told = now
                _tell(task, told)


def _share(task: dict[str, Any]) -> dict[str, str]:
    """The child's share of the machine: threads, and one GPU where the workers are numbered."""
    from distributed import get_worker

    share = dict.fromkeys(THREADS, str(task["threads"] or _threads(get_worker().state.nthreads)))
    if task["gpus"]:
        share["CUDA_VISIBLE_DEVICES"] = task["gpus"][int(get_worker().name) % len(task["gpus"])]
    return share


def _threads(runs: int) -> int:
    """Threads of a run where a worker has ``runs`` at a time and nobody has said how many."""
    from dask.system import cpu_count  # knows a container's limit, which no affinity mask shows

    named = os.environ.get(THREADS[0], "")
    if named.isdecimal() and int(named) > 1:  # not a nanny's 1 but the user's own
        return int(named)
    return max(1, cpu_count() // runs)


def scratch_name(configs: Sequence[Config], results: str | Path) -> str:
    """The name of the scratch folder of these runs: that of a call cut off before, else a new one.

    Raises:
        RecordError: the results folder cannot be written.
    """
    path = _note(configs, results)
    with contextlib.suppress(OSError, UnicodeDecodeError):
        found = path.read_text(encoding="ascii")
        if re.fullmatch("[0-9a-f]{32}", found):
            return found
    name = uuid.uuid4().hex
    write_atomically(path, name.encode())
    return name


def forget_scratch(configs: Sequence[Config], results: str | Path) -> None:
    """Let the next call have a new folder."""
    with contextlib.suppress(OSError):
        _note(configs, results).unlink()


def remove_scratch(name: str) -> None:
    """Remove the folder from this worker's machine."""
    shutil.rmtree(_scratch(name), ignore_errors=True)


def _scratch(name: str) -> Path:
    """Kept between tasks: a run whose answer was lost on the way is found there, not repeated."""
    return Path(tempfile.gettempdir()) / f"lrbook-gather-{name}"


def _note(configs: Sequence[Config], results: str | Path) -> Path:
    runs = "\n".join(sorted(config.run_id for config in configs))
    return Path(results) / f".gather-{hashlib.sha256(runs.encode()).hexdigest()[:12]}"
