"""Runs as tasks of Dask: a client, a task for a run, and what became of it."""

import contextlib
import uuid
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from lrbook import experiments
from lrbook.config import Config
from lrbook.study import work

if TYPE_CHECKING:
    from distributed import Client, Future


@contextlib.contextmanager
def connected(address: str) -> Iterator["Client"]:
    """A client of the scheduler at ``address``. OSError or TimeoutError if it does not answer."""
    from distributed import Client

    client = Client(address, timeout=10, set_as_default=False)
    try:
        yield client
    finally:
        with contextlib.suppress(Exception):
            client.close(timeout=5)


def submit(
    client: "Client", config: Config, common: dict[str, Any], only: Iterable[str] = ()
) -> "Future":
    """Hand out one run, to the workers at the addresses ``only`` if there are some."""
    task = {
        "run_id": config.run_id,
        "experiment": experiments.name_of(type(config)),
        "config": config.model_dump(mode="json"),
    } | common
    # The key is new each time: of a key that failed the scheduler would answer from memory.
    key = f"{config.run_id}-{uuid.uuid4().hex[:8]}"
    where = {"workers": sorted(only)} if only else {}
    return client.submit(work.run_one, task, key=key, pure=False, **where)


def answer(client: "Client", future: "Future") -> dict[str, Any] | None:
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
        said = {"code": None, "log": f"{type(error).__name__}: {error}"}
        return said | _who_failed(client, future)


def _who_failed(client: "Client", future: "Future") -> dict[str, str]:
    """The worker on which a task broke before any code of ours could tell; nothing if unknown."""

    def ask(key: str, dask_scheduler: Any) -> tuple[str, str]:  # by value: lrbook may not be there
        [address] = dask_scheduler.tasks[key].erred_on
        worker = dask_scheduler.workers[address]
        return address, f"worker {worker.name} of {worker.host}"

    with contextlib.suppress(Exception):
        address, name = client.run_on_scheduler(ask, future.key)
        return {"address": address, "worker": name}
    return {}
