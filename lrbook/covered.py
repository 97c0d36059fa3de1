"""Does the picture fade inside a network, or only behind a patch: what a head tells of pictures.

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
from lrbook.vision.histories import LAST, at_the_end

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


def at_head(history: pd.DataFrame, way: str) -> str:
    """The column of what the head, behind the last block, tells of the picture."""
    return f"reads_{way}_{sum(name.startswith(f'reads_{way}_') for name in history) - 1}"


def best(history: pd.DataFrame, way: str) -> float:
    """What the head tells in the best three epochs in a row, in percent."""
    return float(history[at_head(history, way)].rolling(LAST).mean().max())


def fall(history: pd.DataFrame, way: str) -> float:
    """By how many points the last three epochs are below the best three in a row."""
    return best(history, way) - at_the_end(history, at_head(history, way))


def falls(runs: Sequence[Record], way: str) -> dict[str, list[float]]:
    """Arm -> ``fall``, one per seed."""
    return {
        arm: [fall(history, way) for history in found]
        for arm, found in book.histories(runs).items()
    }


def parts(runs: Sequence[Record]) -> dict[str, dict[str, list[float]]]:
    """Arm -> where its fall under a patch comes from -> points, one per seed: its fall on the whole
    picture, by how much more it falls with z on the centre, and by how much more than that with a
    patch. They add up to the last, the fall under a patch.
    """
    clean, covered, patched = (falls(runs, way) for way in WAYS)
    return {
        arm: {
            "fall on the whole picture": clean[arm],
            "more with $z$ on it": _minus(covered[arm], clean[arm]),
            "more with a patch": _minus(patched[arm], covered[arm]),
            "in all": patched[arm],
        }
        for arm in clean
    }


def _minus(ones: Sequence[float], others: Sequence[float]) -> list[float]:
    return [one - other for one, other in zip(ones, others, strict=True)]


def table(kinds: Mapping[str, Sequence[Record]]) -> pd.DataFrame:
    """The best that the head tells of whole pictures, and ``parts``, of each kind of run: one row
    per arm, with intervals over seeds. The first heading names the images.

    Args:
        kinds: what the runs are trained on -> the runs, all of them ``with_readers``.
    """
    heading = f"points on {book.data_of([run for runs in kinds.values() for run in runs])}"
    rows = []
    for kind, runs in kinds.items():
        split = parts(runs)
        for arm, found in book.histories(runs).items():
            most = book.interval_words([best(history, "clean") for history in found], 1)
            falls_of = {part: book.signed_words(points) for part, points in split[arm].items()}
            row = {heading: f"{arm}, {kind}", "whole picture, best (%)": most}
            rows.append(row | falls_of | {"seeds": len(found)})
    return pd.DataFrame(rows)
