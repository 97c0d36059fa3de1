"""Handing runs out to a scheduler, and again to the next one, until none is left."""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lrbook.atomic import write_atomically
from lrbook.config import Config
from lrbook.errors import RunError
from lrbook.study import index
from lrbook.study.crew import REFUSED, Crew
from lrbook.study.screen import Progress, duration
from lrbook.study.session import Gone, Session
from lrbook.study.tasks import connected

MOST_LOSSES = 5  # of a run's workers, each several tries by Dask itself, before it counts as failed
MOST_TRIES = 2  # of a run that fails: the first may have been its worker's fault


def missing(configs: Sequence[Config], results: str | Path) -> list[Config]:
    """Those of ``configs`` without a finished or diverged record; RecordError as ``index.of``."""
    there = index.of(configs, results)
    done = {run_id for run_id, record in there.items() if record.done}
    return [config for config in configs if config.run_id not in done]


class Handout:
    """What is left of a study, whatever becomes of its schedulers and workers.

    Attributes:
        todo: the runs that have neither ended well nor failed, by id.
        crew: what is known of the workers.
        last: how a run failed last.
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
        self.crew, self.last = Crew(), ""
        self.losses = dict.fromkeys(todo, 0)
        self.tries: dict[str, list[dict[str, Any]]] = {run_id: [] for run_id in todo}
        self._failed: list[str] = []

    @property
    def failed(self) -> dict[str, str]:
        """Run id -> what happened, on which workers, and the last lines of its log.

        Runs that failed alike are told alike, with all the workers on which they did.
        """
        where: dict[tuple[str, str], list[str]] = {}
        for run_id in self._failed:
            for answer in self.tries[run_id]:
                where.setdefault(_what(answer), []).append(answer.get("worker", ""))
        return {
            run_id: _told(self.tries[run_id][-1], where[_what(self.tries[run_id][-1])])
            for run_id in self._failed
        }

    def carry_out(self, address: str, patience: float) -> None:
        """Run all that is left.

        Raises:
            RunError: there is no scheduler for ``patience`` seconds; every worker is broken; or
                the record of a run that ended well on its worker does not appear in ``results``.
            RecordError: a record is damaged, or cannot be written.
        """
        gone_since = None
        while self.todo:
            try:
                with connected(address) as client:
                    gone_since = None
                    Session(client, self).carry_out()
            except (OSError, TimeoutError, Gone) as error:
                if gone_since is None:
                    gone_since = time.monotonic()
                    words = f"no answer from the scheduler {address}; trying for"
                    print(f"lrbook: {words} {duration(patience)}", file=sys.stderr, flush=True)
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

    def lost(self, run_id: str) -> bool:
        """Note that a run was lost with its worker; whether it is to be handed out again."""
        self.losses[run_id] += 1
        if self.losses[run_id] < MOST_LOSSES:
            return True
        log = "its worker died again and again (memory?)"
        self.tries[run_id].append({"code": None, "log": log})
        self.take(run_id, self.tries[run_id][-1])
        return False

    def deserves_another(self, run_id: str, answer: dict[str, Any]) -> bool:
        """Note how a run ended; whether it failed and is to be handed out once more."""
        if answer["code"] == 0:
            return False
        self.tries[run_id].append(answer)
        self.last = _told(answer, [answer.get("worker", "")])
        return answer["code"] != REFUSED and len(self.tries[run_id]) < MOST_TRIES

    def take(self, run_id: str, answer: dict[str, Any]) -> None:
        """Cross off a run that has ended, well or not."""
        del self.todo[run_id]
        if answer["code"] == 0:
            for name, data in answer["files"].items():
                write_atomically(self.results / run_id / name, data)
            self.progress.done += 1
        else:
            self._failed.append(run_id)
            self.progress.failed += 1


def _what(answer: dict[str, Any]) -> tuple[str, str]:
    """How a run ended, and the last lines of its log."""
    code = answer["code"]
    if code is None:
        return "", answer["log"]
    end = f"ended by signal {-code}" if code < 0 else f"exit code {code}"
    return end, answer["log"]


def _told(answer: dict[str, Any], workers: Sequence[str]) -> str:
    end, log = _what(answer)
    where = ", ".join(sorted(set(workers) - {""}))
    if not where:
        return f"{end}\n{log}".strip()
    return f"{end} on {where}\n{log}".strip()
