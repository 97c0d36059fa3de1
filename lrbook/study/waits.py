"""Whom a run waits for, as its process says it and its worker reads it."""

import re

from lrbook.locks import OTHER, WAITING

WAIT = re.compile(
    re.escape(OTHER).replace(re.escape("{}"), "(.*)") + ".*" + re.escape(WAITING) + "$"
)
HELD = "lrbook: nobody else has this run."


def holder(said: str) -> str | None:
    """Whom a process waits for that has ``said`` this on stderr so far; None if for nobody."""
    waits_for = None
    for line in said.splitlines():
        if found := WAIT.search(line):
            waits_for = found[1]
        elif line == HELD:
            waits_for = None
    return waits_for
