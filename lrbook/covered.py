"""What of a picture fades inside a network: what a head tells of whole and of covered ones.

Watched runs have a linear reader at the head, tried on pictures with a patch on their centre, with
z on it, which covers as much and says nothing of a class, and with nothing
(``lrbook.vision.order.readable``).
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from lrbook import book
from lrbook.alike import recorded_beside
from lrbook.precise import BARE
from lrbook.record import Record
from lrbook.vision.histories import LAST, at_head

WAYS = ("clean", "covered", "image")
"""What is read, as in a history's column reads_WHAT_K: with nothing on the centre, z, a patch."""


def with_readers(runs: Sequence[Record]) -> list[Record]:
    """Those whose pictures were read in all three ways; runs recorded earlier were not."""
    return [run for run in runs if all(f"reads_{way}_0" in run.history for way in WAYS)]


def without_patch(runs: Sequence[Record]) -> list[Record]:
    """Runs with the same readers, of large and small, that were trained without any patch. Empty as
    long as they have not been recorded, and where they differ from ``runs`` in more than that.
    """
    return with_readers(recorded_beside(BARE, runs, ("carrier_share",))) if runs else []


def at_best(history: pd.DataFrame) -> pd.DataFrame:
    """The three epochs in a row in which the head tells most of whole pictures: one moment for all
    readings, so that they can be compared. Being the best of many, what it tells there of whole
    pictures is a little too high.
    """
    rows = min(LAST, len(history))
    last = int(history[at_head(history, "clean")].rolling(rows).mean().argmax())
    return history.iloc[last - rows + 1 : last + 1]


def readings(history: pd.DataFrame) -> dict[str, float]:
    """What the head tells of whole pictures at its best, in percent, and how many points less at
    the end (the last three epochs); and at both what z on their centre costs, and a patch beyond
    that.
    """
    clean, covered, patched = (at_head(history, way) for way in WAYS)
    then, end = at_best(history).mean(), history.tail(LAST).mean()
    return {
        "whole, best (%)": float(then[clean]),
        "its fall to the end": float(then[clean] - end[clean]),
        "$z$ costs, then": float(then[clean] - then[covered]),
        "$z$ costs, at the end": float(end[clean] - end[covered]),
        "a patch beyond it, then": float(then[covered] - then[patched]),
        "a patch beyond it, at the end": float(end[covered] - end[patched]),
    }


def readings_by_arm(runs: Sequence[Record]) -> dict[str, pd.DataFrame]:
    """Arm -> its ``readings``, one row per seed."""
    return {
        arm: pd.DataFrame([readings(history) for history in found])
        for arm, found in book.histories(runs).items()
    }


def table(kinds: Mapping[str, Sequence[Record]]) -> pd.DataFrame:
    """``readings`` of each kind of run, one row per arm, with intervals over seeds. The first
    heading names the images.

    Args:
        kinds: what the runs are trained on -> the runs, all of them ``with_readers``.
    """
    heading = f"points on {book.data_of([run for runs in kinds.values() for run in runs])}"
    return pd.DataFrame(
        {heading: f"{arm}, {kind}"}
        | {name: book.interval_words(list(points), 1) for name, points in found.items()}
        | {"seeds": len(found)}
        for kind, runs in kinds.items()
        for arm, found in readings_by_arm(runs).items()
    )
