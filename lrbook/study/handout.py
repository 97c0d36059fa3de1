"""Handing runs out to a scheduler, and again to the next one, until none is left."""

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrbook.atomic import write_atomically
from lrbook.config import Config
from lrbook.errors import RunError
from lrbook.record import read_record
from lrbook.study import index, work
from lrbook.study.screen import Progress

if TYPE_CHECKING:
    from distributed import Client, Future

SETTLE = 30.0  # seconds that a shared folder may take to show what another machine wrote
MOST_LOSSES = 5  # of a run's workers, each several tries by Dask itself, before it counts as failed
POLL = 0.2


def missing(configs: Sequence[Config], results: str | Path) -> list[Config]:
    """Those of ``configs`` that have no finished or diverged record; RecordError if damaged."""
    there = index.records(results, [config.run_id for config in configs])
    done = {run_id for run_id, record in there.items() if record.done}
    return [config for config in configs if config.run_id not in done]


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


class _Gone(Exception):
    """The scheduler does not answer any more."""


class Handout:
    """What is left of a study, whatever becomes of its schedulers and workers.

    Attributes:
        todo: the runs that have neither ended well nor failed, by id.
        failed: run id -> what happened and the last lines of its log.
    """

    def __init__(
        self,
        todo: dict[str, Config],
        results: Path,
        common: dict[str, Any],
        progress: Progress,
        show: Callable[[], None],
    ) -> None:
        self.todo, self.results, self.common = todo, results, common
        self.progress, self.show = progress, show
        self.failed: dict[str, str] = {}
        self.losses = dict.fromkeys(todo, 0)

    def carry_out(self, address: str, patience: float) -> None:
        """Run all that is left.

        Raises:
            RunError: there is no scheduler for ``patience`` seconds; or the record of a run that
                ended well on its worker does not appear in ``results``.
            RecordError: a record is damaged, or cannot be written.
        """
        gone_since = None
        while self.todo:
            try:
                with connected(address) as client:
                    gone_since = None
                    self._session(client)
            except (OSError, TimeoutError, _Gone) as error:
                gone_since = gone_since or time.monotonic()
                if time.monotonic() - gone_since > patience:
                    raise RunError(
                        f"the scheduler {address} cannot be reached ({error}); {len(self.todo)} "
                        "runs are left, and the same command goes on from here."
                    ) from None
                time.sleep(min(1.0, patience / 4))
                self._look_again()

    def _look_again(self) -> None:
        """Cross off what the workers finished without a scheduler to tell."""
        left = {config.run_id for config in missing(list(self.todo.values()), self.results)}
        for run_id in self.todo.keys() - left:
            del self.todo[run_id]
            self.progress.done += 1

    def _session(self, client: "Client") -> None:
        """Hand out all of it to one scheduler; _Gone if it leaves before the end."""
        futures = {
            run_id: _submit(client, config, self.common) for run_id, config in self.todo.items()
        }
        looked, late = 0.0, _Late(self.results)
        while futures or late:
            if client.status != "running":
                raise _Gone("the connection was lost")
            if time.monotonic() - looked > 2:
                looked = time.monotonic()
                self.progress.workers = sum(client.nthreads().values())
                self.progress.dashboard = client.dashboard_link or ""
            self.progress.running = min(len(futures), self.progress.workers)
            self.show()
            ended = [run_id for run_id, future in futures.items() if future.status != "pending"]
            for run_id in ended:
                answer = _answer(futures.pop(run_id))
                if answer is None:  # a worker or the way to it broke, not the run
                    self.losses[run_id] += 1
                    if self.losses[run_id] < MOST_LOSSES:
                        futures[run_id] = _submit(client, self.todo[run_id], self.common)
                        continue
                    answer = {"code": None, "log": "its worker died again and again (memory?)"}
                if answer["code"] == 0 and self.common.get("results") is not None:
                    late.expect(run_id, answer)
                else:
                    self._take(run_id, answer)
            for run_id in late.arrived():
                self._take(run_id, {"code": 0, "files": {}})
            if not ended:
                time.sleep(POLL)
        self.show()

    def _take(self, run_id: str, answer: dict[str, Any]) -> None:
        """Cross off a run that has ended, well or not."""
        del self.todo[run_id]
        if answer["code"] == 0:
            for name, data in answer["files"].items():
                write_atomically(self.results / run_id / name, data)
            self.progress.done += 1
        else:
            self.failed[run_id] = _how(answer)
            self.progress.failed += 1


class _Late:
    """Runs that ended well on their worker, until their records are seen in ``results``."""

    def __init__(self, results: Path) -> None:
        self.results = results
        self.since: dict[str, tuple[float, dict[str, Any]]] = {}

    def __bool__(self) -> bool:
        return bool(self.since)

    def expect(self, run_id: str, answer: dict[str, Any]) -> None:
        """Look for its record from now on."""
        self.since[run_id] = time.monotonic(), answer

    def arrived(self) -> list[str]:
        """Those whose records are there by now, which are then expected no more.

        Raises:
            RunError: one is not there after ``SETTLE`` seconds.
            RecordError: one is damaged.
        """
        found = [run_id for run_id in self.since if self._is_there(run_id)]
        for run_id in found:
            del self.since[run_id]
        for run_id, (since, answer) in self.since.items():
            if time.monotonic() - since > SETTLE:
                raise RunError(
                    f"run {run_id} ended well on {answer['worker']} and is recorded in "
                    f"{answer['folder']} there, but its record did not come to "
                    f"{self.results.resolve()} here within {SETTLE:g} s: that worker shares no "
                    "folder with you. The study was stopped. Give the same command with --gather, "
                    "and records are sent back; to keep what was run so far, copy it from there."
                )
        return found

    def _is_there(self, run_id: str) -> bool:
        folder = self.results / run_id
        return (folder / "record.json").exists() and read_record(folder).done


def _submit(client: "Client", config: Config, common: dict[str, Any]) -> "Future":
    task = {
        "run_id": config.run_id,
        "experiment": config.experiment,
        "config": config.model_dump(mode="json"),
    } | common
    # The key is new each time: of a key that failed the scheduler would answer from memory.
    key = f"{config.run_id}-{uuid.uuid4().hex[:8]}"
    return client.submit(work.run_one, task, key=key, pure=False)


def _answer(future: "Future") -> dict[str, Any] | None:
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
