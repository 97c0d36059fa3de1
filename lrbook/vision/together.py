"""Runs on a CPU side by side, a core each, where the network is too small to share out its step.

What a run computes then depends neither on its companions nor on the number of cores.
"""

import concurrent.futures
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch

from lrbook.errors import RunError
from lrbook.record import Record
from lrbook.vision.settings import ImageConfig


def alone(config: ImageConfig, device: torch.device) -> bool:
    """Whether the run is given the whole device, and not one core of it."""
    return device.type != "cpu" or config.cores > 1


def at_once(runs: int, cores: int) -> int:
    """How many runs to take at a time: one per core, but all if that leaves a core idle at the end.

    Three runs on two cores: together one and a half times as long as one, else twice.
    """
    return runs if runs < 2 * cores else cores


def take(
    configs: Sequence[ImageConfig],
    run: Callable[[ImageConfig, Callable[[], None]], Record],
) -> dict[ImageConfig, Record]:
    """``run`` for each of ``configs``, side by side.

    Args:
        configs: no two the same.
        run: gets one of them, and what it is to call before each batch, and while it waits: this
            raises KeyboardInterrupt once all have to stop.

    Raises:
        RunError: a run broke off; the others were brought to their end first.
        BaseException: whatever else ``run`` raised, or Ctrl-C: the others stop before their next
            batch, or where they wait.
    """
    stopped = threading.Event()
    found: dict[ImageConfig, Record] = {}
    failed: list[RunError] = []

    def go_on() -> None:
        if stopped.is_set():
            raise KeyboardInterrupt

    def one(config: ImageConfig) -> None:
        try:
            go_on()
            found[config] = run(config, go_on)
        except RunError as error:
            failed.append(error)

    with _one_thread() as cores:
        workers = max(1, at_once(len(configs), cores))
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            try:
                jobs = [pool.submit(one, config) for config in configs]
                for job in concurrent.futures.as_completed(jobs):
                    job.result()
            except BaseException:
                stopped.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
    if failed:
        raise failed[0]
    return {config: found[config] for config in configs}


@contextmanager
def _one_thread() -> Iterator[int]:
    """PyTorch works with one thread, in the threads started within too; gives the number before."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield before
    finally:
        torch.set_num_threads(before)
