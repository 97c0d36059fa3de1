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
        self._avoid: dict[str, str] = {}  # run id -> where it failed

    def note(self, run_id: str, answer: dict[str, Any]) -> bool:
        """Learn from how a run ended; True where its worker thereby counts as broken."""
        address, code = answer.get("address"), answer["code"]
        if not address or code == REFUSED:
            return False
        self.names[address] = answer["worker"]
        if code == 0:
            self._failed.pop(address, None)
            return False
        before = self._is_broken(address)
        self._failed.setdefault(address, set()).add(run_id)
        self._avoid[run_id] = address
        return self._is_broken(address) and not before

    def broken(self, present: Iterable[str]) -> list[str]:
        """In words, those of ``present`` that get no more runs."""
        return sorted(self.names[address] for address in present if self._is_broken(address))

    def check(self, present: Iterable[str], last: str) -> None:
        """Whether there is a worker to go on with.

        Args:
            present: the addresses of those that there are; none may be there yet.
            last: how the last run failed.

        Raises:
            RunError: all of them are broken.
        """
        broken = self.broken(present := list(present))
        if present and len(broken) == len(present):
            raise RunError(
                f"on every worker {MOST_FAILURES} runs in a row failed ({', '.join(broken)}), so "
                "the study was stopped. Mend the workers, or take out of the study what cannot "
                f"be run; the same command then goes on from here. The last one: {last}"
            )

    def fit_for(self, run_id: str, present: Iterable[str]) -> frozenset[str]:
        """Where the run may go: addresses; none where any worker will do."""
        broken = {address for address in self._failed if self._is_broken(address)}
        if not broken and run_id not in self._avoid:
            return frozenset()  # of thousands of runs, asked every few seconds
        present = frozenset(present)
        fit = present - broken
        fit = fit - {self._avoid.get(run_id)} or fit
        return frozenset() if fit == present else fit

    def _is_broken(self, address: str) -> bool:
        return len(self._failed.get(address, ())) >= MOST_FAILURES
