"""Run a study on Dask: hand out what is missing, and lose nothing when something breaks.

The records are the only state. Whatever happens to a worker, the scheduler, the network or this
process, the next look at the results folder tells what is still to be done.
"""

import contextlib
import dataclasses
import importlib.util
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lrbook.atomic import write_atomically
from lrbook.config import Config
from lrbook.errors import RunError
from lrbook.study import index, machine, work
from lrbook.study.screen import Progress, shown

SETTLE = 30.0  # seconds that a shared folder may take to show what another machine wrote
MOST_LOSSES = 5  # of a run's workers, each several tries by Dask itself, before it counts as failed
PATIENCE = 600.0  # seconds without a scheduler before giving up
POLL = 0.2


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Where to run.

    Attributes:
        scheduler: address of a running scheduler; None starts one on this machine.
        workers: of the local cluster; 0 sizes it by the machine.
        gather: send records back instead of writing them to a folder that all machines see.
        patience: seconds to wait for a scheduler that has gone.
    """

    scheduler: str | None = None
    workers: int = 0
    gather: bool = False
    patience: float = PATIENCE


def missing(configs: Sequence[Config], results: str | Path) -> list[Config]:
    """Those of ``configs`` that have no finished or diverged record; RecordError if damaged."""
    there = index.records(results, [config.run_id for config in configs])
    done = {run_id for run_id, record in there.items() if record.done}
    return [config for config in configs if config.run_id not in done]


def run(
    configs: Sequence[Config],
    results: str | Path,
    extra: dict[str, Any],
    *,
    device: str = "auto",
    cluster: Cluster = Cluster(),
    quiet: bool = False,
) -> dict[str, str]:
    """Run what is missing.

    Args:
        configs: the runs.
        results: folder of the records.
        extra: what the experiment's ``run`` needs besides.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        cluster: where.
        quiet: show nothing.

    Returns:
        The runs that failed: run id -> what happened and the last lines of its log.

    Raises:
        RecordError: a record is damaged, or the results folder cannot be written.
        RunError: there is no scheduler, or it stayed away.
    """
    import dask

    todo = {config.run_id: config for config in missing(configs, results)}
    failed: dict[str, str] = {}
    losses = dict.fromkeys(todo, 0)
    if not todo:
        work.forget_scratch(configs, results)
        return failed
    dask.config.set({"logging": {"distributed": "critical"}})
    progress = Progress(len(todo))
    here = cluster.scheduler is None
    gpus = machine.gpus(device) if here and _wants_gpus(configs[0].experiment, device) else []
    per_run = max(config.cores for config in configs)
    workers, threads = machine.size(per_run, gpus, cluster.workers)
    common = {
        "device": device,
        "extra": extra,
        "threads": threads if here else None,  # of this machine; a worker elsewhere has its own
        "gpus": gpus,
        "results": None if cluster.gather else str(Path(results).resolve()),
        "scratch": work.scratch_name(configs, results) if cluster.gather else None,
    }
    gone_since = None
    with _scheduler(cluster, workers) as address, shown(progress, quiet) as show:
        while todo:
            try:
                with _client(address) as client:
                    gone_since = None
                    _session(client, todo, common, results, failed, losses, progress, show)
            except (OSError, TimeoutError, _Gone) as error:
                gone_since = gone_since or time.monotonic()
                if time.monotonic() - gone_since > cluster.patience:
                    raise RunError(
                        f"the scheduler {address} cannot be reached ({error}); "
                        f"{len(todo)} runs are left, and the same command goes on from here."
                    ) from None
                time.sleep(min(1.0, cluster.patience / 4))
                left = {c.run_id for c in missing(list(todo.values()), results)}
                for run_id in [run_id for run_id in todo if run_id not in left]:
                    del todo[run_id]
                    progress.done += 1
        ended = [config for config in configs if config.run_id not in failed]
        failed |= _not_here(ended, results)
        if cluster.gather and not failed:
            work.forget_scratch(configs, results)
            with contextlib.suppress(Exception), _client(address) as client:
                client.run(work.remove_scratch, common["scratch"], on_error="ignore")
    return failed


def _not_here(ended: Sequence[Config], results: str | Path) -> dict[str, str]:
    """Runs that ended well on their worker and have no record in ``results``: id -> what to do."""
    until = time.monotonic() + SETTLE
    while (lost := missing(ended, results)) and time.monotonic() < until:
        time.sleep(min(1.0, SETTLE))
    where = f"it ended well on its worker, but its record is not in {Path(results).resolve()}"
    words = f"{where}; if the workers do not share that folder, give --gather"
    return {config.run_id: words for config in lost}


def _wants_gpus(experiment: str, device: str) -> bool:
    """Whether runs will be on GPUs where there are some; JAX needs a plugin for that."""
    plugins = ("jax_cuda12_plugin", "jax_cuda13_plugin")
    return device == "cuda" or experiment != "toy" or any(map(importlib.util.find_spec, plugins))


class _Gone(Exception):
    """The scheduler does not answer any more."""


def _session(client, todo, common, results, failed, losses, progress, show) -> None:
    """Hand out all of ``todo`` to one scheduler; _Gone if it leaves before the end."""
    futures = {run_id: _submit(client, todo[run_id], common) for run_id in todo}
    looked = 0.0
    while futures:
        if client.status != "running":
            raise _Gone("the connection was lost")
        if time.monotonic() - looked > 2:
            looked = time.monotonic()
            progress.workers = sum(client.nthreads().values())
            progress.dashboard = client.dashboard_link or ""
        progress.running = min(len(futures), progress.workers)
        show()
        ended = [r for r, future in futures.items() if future.status != "pending"]
        for run_id in ended:
            future = futures.pop(run_id)
            answer = _answer(future)
            if answer is None:  # a worker or the way to it broke, not the run
                losses[run_id] += 1
                if losses[run_id] < MOST_LOSSES:
                    futures[run_id] = _submit(client, todo[run_id], common)
                    continue
                answer = {"code": None, "log": "its worker died again and again (memory?)"}
            del todo[run_id]
            if answer["code"] == 0:
                for name, data in answer["files"].items():
                    write_atomically(Path(results) / run_id / name, data)
                progress.done += 1
            else:
                failed[run_id] = _how(answer)
                progress.failed += 1
        if not ended:
            time.sleep(POLL)
    show()


def _submit(client, config: Config, common: dict[str, Any]):
    task = {
        "run_id": config.run_id,
        "experiment": config.experiment,
        "config": config.model_dump(mode="json"),
    } | common
    # The key is new each time: of a key that failed the scheduler would answer from memory.
    key = f"{config.run_id}-{uuid.uuid4().hex[:8]}"
    return client.submit(work.run_one, task, key=key, pure=False)


def _answer(future) -> dict[str, Any] | None:
    """What the worker said; None where it could not say anything."""
    from concurrent.futures import CancelledError

    from distributed import KilledWorker

    if future.status in ("cancelled", "lost"):
        return None
    try:
        return future.result(timeout=60)
    except (KilledWorker, CancelledError, TimeoutError, OSError):
        return None
    except Exception as error:  # of the worker itself, such as a package that is not there
        return {"code": None, "log": f"{type(error).__name__}: {error}"}


def _how(answer: dict[str, Any]) -> str:
    code = answer["code"]
    if code is None:
        return answer["log"]
    end = f"ended by signal {-code}" if code < 0 else f"exit code {code}"
    return f"{end}\n{answer['log']}".rstrip()


@contextlib.contextmanager
def _client(address: str) -> Iterator:
    from distributed import Client

    client = Client(address, timeout=10, set_as_default=False)
    try:
        yield client
    finally:
        with contextlib.suppress(Exception):
            client.close(timeout=5)


@contextlib.contextmanager
def _scheduler(cluster: Cluster, workers: int) -> Iterator[str]:
    if cluster.scheduler is not None:
        yield cluster.scheduler
        return
    with machine.cluster(workers) as address:
        yield address
