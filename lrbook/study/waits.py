"""Whom a run waits for, as its process says it and its worker reads it."""

import contextlib
import re
import sys
from collections.abc import Callable, Iterator

from lrbook.config import Config
from lrbook.records import Store

HELD = "lrbook: nobody else has this run."


class TellingStore(Store):
    """A store that says on stderr when it has the run, which ends what was said of a wait."""

    @contextlib.contextmanager
    def claim(self, config: Config, go_on: Callable[[], None] | None = None) -> Iterator[None]:
        """As that of ``Store``."""
        with super().claim(config, go_on):
            print(HELD, file=sys.stderr, flush=True)
            yield


def holder(said: str) -> str | None:
    """Whom a process waits for that has ``said`` this on stderr so far; None if for nobody."""
    waits_for = None
    for line in said.splitlines():
        if found := re.search(r"another process \((.*)\).*; waiting for it\.$", line):
            waits_for = found[1]
        elif line == HELD:
            waits_for = None
    return waits_for
