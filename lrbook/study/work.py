"""What a Dask worker does: start one run as a process of its own and wait for it."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

LOG_LINES = 30
FILES = ("history.parquet", "record.json")  # in this order, so that a record never comes alone


def run_one(task: dict[str, Any]) -> dict[str, Any]:
    """Run ``task`` in a child process.

    Args:
        task: experiment, config, device, extra, run_id; results, a folder that all machines see,
            or None to send the record back; threads, or None for as many as the
            worker may use; gpus, the devices to choose from.

    Returns:
        run_id; code, the child's exit code (negative: the signal that ended it); log, its last
        lines; files, the record's files by name where they are sent back. Where the worker itself
        cannot write or start a process, code is None and log says why.
    """
    try:
        return _run_child(task)
    except OSError as error:  # from here it would look like a broken connection to Dask's client
        log = f"{socket.gethostname()}: {type(error).__name__}: {error}"
        return {"run_id": task["run_id"], "code": None, "log": log, "files": {}}


def _run_child(task: dict[str, Any]) -> dict[str, Any]:
    results = task["results"] or str(_scratch())
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
        try:
            child.stdin.write(json.dumps(task | {"results": results}).encode() + b"\n")
            child.stdin.flush()
            code = child.wait()
        except BrokenPipeError:
            code = child.wait()
        finally:
            child.stdin.close()
        log.seek(0)
        lines = log.read().decode(errors="replace").splitlines()[-LOG_LINES:]
    folder = Path(results) / task["run_id"]
    files = {}
    if task["results"] is None and code == 0:
        files = {name: (folder / name).read_bytes() for name in FILES}
    return {"run_id": task["run_id"], "code": code, "log": "\n".join(lines), "files": files}


def _share(task: dict[str, Any]) -> dict[str, str]:
    """The child's share of the machine: threads, and one GPU where the workers are numbered."""
    threads = task["threads"]
    share = {} if threads is None else {"OMP_NUM_THREADS": str(threads), "NPROC": str(threads)}
    if task["gpus"]:
        from distributed import get_worker

        share["CUDA_VISIBLE_DEVICES"] = task["gpus"][int(get_worker().name) % len(task["gpus"])]
    return share


def _scratch() -> Path:
    """Kept between tasks: a run whose answer was lost on the way is found there, not repeated."""
    return Path(tempfile.gettempdir()) / f"lrbook-gather-{os.getuid()}"
