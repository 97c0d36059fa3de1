"""What is left of a study in the hands of one scheduler, until all has ended or it is gone."""

import dataclasses
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrbook.errors import RecordError, RunError
from lrbook.record import read_record
from lrbook.study import tasks
from lrbook.study.crew import MOST_FAILURES

if TYPE_CHECKING:
    from distributed import Client, Future

    from lrbook.study.handout import Handout

SETTLE = 30.0  # seconds that a shared folder may take to show what another machine wrote
POLL = 0.2
BETWEEN_LOOKS = 2.0  # seconds


class Gone(Exception):
    """The scheduler does not answer any more."""


@dataclasses.dataclass(frozen=True)
class _Lot:
    """A run handed out: to the workers at some addresses, or, where there are none, to any."""

    future: "Future"
    only: frozenset[str]


class Session:
    """One scheduler at work on a study.

    Args:
        client: of the scheduler.
        study: what is left; it is told of each run that ends.
    """

    def __init__(self, client: "Client", study: "Handout") -> None:
        self.client, self.study, self.crew = client, study, study.crew
        self.lots: dict[str, _Lot] = {}
        self.begun: set[str] = set()  # as far as workers have told
        self.waits: dict[str, str | None] = {}
        self.threads: dict[str, int] = {}
        self.present: frozenset[str] = frozenset()
        self.late = _Late(study.results)
        topic = f"lrbook-{uuid.uuid4().hex}"
        self.common = study.common | {"topic": topic}
        client.subscribe_topic(topic, self._hear)

    def carry_out(self) -> None:
        """Hand out all of it and see it end.

        Raises:
            Gone: the scheduler left before the end.
            RunError: every worker is broken; or a record stayed with its worker.
            RecordError: a record is damaged, or cannot be written.
        """
        self._look()
        for run_id in self.study.todo:
            self._hand_out(run_id)
        looked, progress = time.monotonic(), self.study.progress
        while self.lots or self.late:
            if self.client.status != "running":
                raise Gone("the connection was lost")
            if time.monotonic() - looked > BETWEEN_LOOKS:
                looked = time.monotonic()
                self._look()
            progress.waits = [who for run_id in self.lots if (who := self.waits.get(run_id))]
            under_way = min(len(self.lots), progress.workers)
            progress.running = max(0, under_way - len(progress.waits))
            self.study.show()
            ended = [run_id for run_id, lot in self.lots.items() if lot.future.status != "pending"]
            for run_id in ended:
                self._end(run_id)
            for run_id in self.late.arrived():
                self.study.take(run_id, {"code": 0, "files": {}})
            if not ended:
                time.sleep(POLL)
        progress.running, progress.waits = 0, []
        self.study.show()

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        """A worker has begun with a run, which waits for another process or does so no more."""
        run_id, holder = event[1]["run_id"], event[1]["waits_for"]
        self.begun.add(run_id)
        self.waits[run_id] = holder

    def _look(self) -> None:
        """See which workers there are, and keep runs from those that are broken."""
        self.threads = self.client.nthreads()
        self.present = frozenset(self.threads)
        self.study.progress.dashboard = self.client.dashboard_link or ""
        self._share_out()

    def _share_out(self) -> None:
        """Hand out anew what must not wait where it does: Dask cannot be told whom to avoid."""
        progress, fit = self.study.progress, self.crew.fit(self.present)
        progress.workers = sum(self.threads[address] for address in fit)
        progress.broken = self.crew.broken(self.present)
        self.crew.check(self.present, self.study.last)
        for run_id, lot in list(self.lots.items()):
            stranded = lot.only and not lot.only & self.present
            moved = lot.only != self.crew.fit_for(run_id, self.present)
            if stranded or (moved and run_id not in self.begun):
                self._hand_out(run_id)

    def _hand_out(self, run_id: str) -> None:
        only = self.crew.fit_for(run_id, self.present)
        self.begun.discard(run_id)
        self.waits.pop(run_id, None)
        config = self.study.todo[run_id]
        self.lots[run_id] = _Lot(tasks.submit(self.client, config, self.common, only), only)

    def _end(self, run_id: str) -> None:
        """Learn how a run ended, and hand it out again if it deserves it."""
        lot = self.lots.pop(run_id)
        answer = tasks.answer(self.client, lot.future)
        if answer is None:  # a worker or the way to it broke, not the run
            if self.study.lost(run_id):
                self._hand_out(run_id)
            return
        broken = self.crew.note(run_id, answer)
        if answer["code"] == 0 and self.common.get("results") is not None:
            self.late.expect(run_id, answer)
        elif self.study.deserves_another(run_id, answer):
            self._hand_out(run_id)
        else:
            self.study.take(run_id, answer)
        if broken:
            self._share_out()
            if answer["address"] not in self.crew.fit(self.present):
                words = (
                    f"{answer['worker']} gets no more runs: {MOST_FAILURES} in a row failed there"
                )
                print(f"lrbook: {words}", file=sys.stderr)


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
            RecordError: one is damaged, or cannot be read.
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
        try:
            there = (folder / "record.json").exists()
        except OSError as error:  # raised, it would look like a broken connection
            raise RecordError(f"{folder} cannot be read ({error.strerror}).") from None
        return there and read_record(folder).done
