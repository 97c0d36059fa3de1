"""What is seen while a study runs: a live table on a terminal, plain lines elsewhere."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Counts of a study under way.

    Args:
        total: runs to do now.
        clock: seconds, for the rate.
    """

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.total, self.done, self.failed, self.running = total, 0, 0, 0
        self.workers, self.dashboard = 0, ""
        self.waits: list[str] = []  # for whom a run waits, one entry each
        self.broken: list[str] = []  # workers that get no more runs
        self._clock, self._start = clock, clock()

    def rows(self) -> list[tuple[str, str]]:
        """Name and value of each line of the table."""
        passed = self._clock() - self._start
        ended = self.done + self.failed
        rate = ended / passed if passed > 0 else 0.0
        left = (self.total - ended) / rate if rate else None
        holders = ", ".join(dict.fromkeys(self.waits))
        return [
            ("done", f"{self.done} of {self.total}"),
            ("running", f"{self.running} on {self.workers} workers"),
            *([("waiting", f"{len(self.waits)} for {holders}")] if self.waits else []),
            ("failed", str(self.failed)),
            ("rate", f"{rate * 60:.3g} runs a minute" if rate else "-"),
            ("time left", "-" if left is None else duration(left)),
            *([("not used any more", ", ".join(self.broken))] if self.broken else []),
            *([("dashboard", self.dashboard)] if self.dashboard else []),
        ]

    def line(self) -> str:
        """The table as one line."""
        return "; ".join(f"{name} {value}" for name, value in self.rows() if name != "dashboard")


def duration(seconds: float) -> str:
    """Seconds in words: 42 s, 3 min 5 s, 2 h 10 min."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


@contextlib.contextmanager
def shown(progress: Progress, quiet: bool) -> Iterator[Callable[[], None]]:
    """Yield a function that shows ``progress`` as it now is."""
    if quiet:
        yield lambda: None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.live import Live

        with Live(console=Console(stderr=True), refresh_per_second=4) as live:
            yield lambda: live.update(_table(progress))
    else:
        said, at = "", float("-inf")

        def show() -> None:
            nonlocal said, at
            line, now = progress.line(), time.monotonic()
            if now - at >= SECONDS_BETWEEN_LINES and line != said:
                said, at = line, now
                print(f"lrbook: {line}", file=sys.stderr, flush=True)

        yield show
        print(f"lrbook: {progress.line()}", file=sys.stderr, flush=True)


def _table(progress: Progress) -> "Table":
    from rich.table import Table

    table = Table(show_header=False, box=None)
    for name, value in progress.rows():
        table.add_row(name, value)
    return table
