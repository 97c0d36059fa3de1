"""What a study learns about its workers: which of them are broken, and where a run may go next."""

from collections.abc import Iterable
from typing import Any

from lrbook.errors import RunError

MOST_FAILURES = 5  # runs in a row that fail on a worker before it gets no more
REFUSED = 2  # the exit code of a run whose configuration is at fault, wherever it is run


class Crew:
    """The workers of a study, by address.

    Attributes:
        names: in words, of all that were heard of.
    """

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self._failed: dict[str, set[str]] = {}  # runs, since the last one that went well there
        self._broken: set[str] = set()
        self._proven: set[str] = set()  # a run went well there once
        self._avoid: dict[str, str] = {}  # run id -> where it failed

    def note(self, run_id: str, answer: dict[str, Any]) -> bool:
        """Learn from how a run ended; True where its worker thereby counts as broken."""
        address, code = answer.get("address"), answer["code"]
        if not address or code == REFUSED:
            return False
        self.names[address] = answer["worker"]
        if code == 0:
            self._proven.add(address)
            self._failed.pop(address, None)
            self._broken.discard(address)  # of a run that it had begun before
            return False
        failed = self._failed.setdefault(address, set())
        failed.add(run_id)
        self._avoid[run_id] = address
        if len(failed) < MOST_FAILURES or address in self._broken:
            return False
        self._broken.add(address)
        return True

    def broken(self, present: Iterable[str]) -> list[str]:
        """In words, those of ``present`` that get no more runs."""
        present = frozenset(present)
        return sorted(self.names[address] for address in present - self.fit(present))

    def fit(self, present: Iterable[str]) -> frozenset[str]:
        """The addresses of those that still get runs.

        Where all are broken, those on which a run has gone well: there it is the runs that fail, a
        corner of a grid, and not the workers.
        """
        present = frozenset(present)
        return present - self._broken or present & self._proven

    def check(self, present: Iterable[str], last: str) -> None:
        """Whether there is a worker to go on with.

        Args:
            present: the addresses of those that there are; none may be there yet.
            last: how the last run failed.

        Raises:
            RunError: all of them are broken, and no run has ever gone well on one of them.
        """
        if (present := list(present)) and not self.fit(present):
            names = ", ".join(self.broken(present))
            raise RunError(
                f"on every worker {MOST_FAILURES} runs in a row failed ({names}), so "
                "the study was stopped. Mend the workers, or take out of the study what cannot "
                f"be run; the same command then goes on from here. The last one: {last}"
            )

    def fit_for(self, run_id: str, present: Iterable[str]) -> frozenset[str]:
        """Where the run may go: addresses; none where any worker will do."""
        if not self._broken and run_id not in self._avoid:
            return frozenset()  # of thousands of runs, asked every few seconds
        present = frozenset(present)
        fit = self.fit(present)
        fit = fit - {self._avoid.get(run_id)} or fit
        return frozenset() if fit == present else fit
