"""This machine as a cluster: its size, its GPUs, and workers that a Ctrl-C does not reach."""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from multiprocessing import resource_tracker

from lrbook.provenance import available_cores

# A worker here only waits for a child, so Dask need not profile its Python a hundred times a second
# nor ask its event loops fifty times a second whether they stall: 7 % of a core, else under 1 %.
QUIET = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "2s",
    # A worker that is stopped, as by Ctrl-C, has nothing to tell
    "distributed.nanny.pre-spawn-environ.DASK_LOGGING__DISTRIBUTED": "critical",
}


def size(per_run: int, gpus: Sequence[str], workers: int = 0) -> tuple[int, int]:
    """Workers of this machine and threads of each: one per GPU, else one per ``per_run`` cores."""
    cores = available_cores()
    workers = workers or len(gpus) or max(1, cores // per_run)
    return workers, max(1, cores // workers)


def gpus(device: str) -> list[str]:
    """GPUs that the workers of this machine share, named as in CUDA_VISIBLE_DEVICES."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if device not in ("auto", "cuda") or shutil.which("nvidia-smi") is None or named == "":
        return []
    if named is not None:  # CUDA stops reading at -1, the usual word for none
        names = (name.strip() for name in named.split(","))
        return list(itertools.takewhile(lambda name: name not in ("", "-1"), names))
    found = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True)
    count = len([line for line in found.stdout.splitlines() if line.startswith("GPU ")])
    return [str(i) for i in range(count)] if sys.platform != "darwin" else []


@contextlib.contextmanager
def cluster(workers: int) -> Iterator[str]:
    """Start a scheduler and ``workers`` on this machine, and yield the scheduler's address."""
    import dask
    from distributed import LocalCluster

    with dask.config.set(QUIET), _deaf_to_ctrl_c():
        local = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            memory_limit=0,
        )
    with local:
        yield local.scheduler_address


@contextlib.contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Threads and processes started within never see SIGINT.

    A terminal sends it to all of them; only this process answers, and it closes the others. Blocked
    rather than ignored: the mask is inherited by Dask's own thread, and so by each worker that this
    thread starts later.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    # Its first start unblocks SIGINT in the thread that needs it, and so in the process after it.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
