"""Run a study on Dask: hand out what is missing, and lose nothing when something breaks.

The records are the only state. Whatever happens to a worker, the scheduler, the network or this
process, the next look at the results folder tells what is still to be done.
"""

import contextlib
import dataclasses
import pkgutil
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lrbook import experiments
from lrbook.config import Config
from lrbook.records import Store
from lrbook.study import machine, work
from lrbook.study.handout import Handout, missing
from lrbook.study.screen import Progress, shown
from lrbook.study.tasks import connected

PATIENCE = 600.0  # seconds without a scheduler before giving up


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Where to run.

    Attributes:
        scheduler: address of a running scheduler; None starts one on this machine.
        workers: of the local cluster; 0 sizes it by the machine.
        gather: send records back instead of writing them to a folder that all machines see.
            Checkpoints stay where they are: on another machine a run starts anew.
        patience: seconds to wait for a scheduler that has gone.
    """

    scheduler: str | None = None
    workers: int = 0
    gather: bool = False
    patience: float = PATIENCE


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
        The runs that failed: run id -> what happened, on which workers, and the last lines of its
        log.

    Raises:
        ConfigError: an experiment on images is to run here, on a device that is not here.
        RecordError: a record is damaged, or the results folder cannot be written, which is seen
            before anything is run where this machine writes to it.
        RunError: there is no scheduler, or it stayed away; every worker is broken; or the workers
            do not share the results folder, and ``gather`` was not given.
    """
    import dask

    todo = {config.run_id: config for config in missing(configs, results)}
    if not todo:
        work.forget_scratch(configs, results)
        return {}
    dask.config.set({"logging": {"distributed": "critical"}})
    here = cluster.scheduler is None
    experiment = experiments.base(type(configs[0]))
    if here and experiment in experiments.ON_IMAGES:  # JAX, asked, would take the card's memory
        experiments.find_device(experiment, device)
    if here and not cluster.gather:  # elsewhere it is the workers' folder, which may be ours or not
        Store(results).check_writable()
    gpus = machine.gpus(device) if here and _wants_gpus(experiment, device) else []
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
    progress = Progress(len(todo))
    with _scheduler(cluster, workers) as address, shown(progress, quiet) as show:
        handout = Handout(todo, Path(results), common, progress, show)
        handout.carry_out(address, cluster.patience)
        if cluster.gather and not handout.failed:
            work.forget_scratch(configs, results)
            with contextlib.suppress(Exception), connected(address) as client:
                client.run(work.remove_scratch, common["scratch"], on_error="ignore")
    return handout.failed


def _wants_gpus(experiment: str, device: str) -> bool:
    """Whether runs will be on GPUs where there are some; JAX needs a plugin for that, which is
    named by the version of CUDA.
    """
    if device == "cuda" or experiment != "toy":
        return True
    return any(re.fullmatch(r"jax_cuda\d+_plugin", each.name) for each in pkgutil.iter_modules())


@contextlib.contextmanager
def _scheduler(cluster: Cluster, workers: int) -> Iterator[str]:
    if cluster.scheduler is not None:
        yield cluster.scheduler
        return
    with machine.cluster(workers) as address:
        yield address
