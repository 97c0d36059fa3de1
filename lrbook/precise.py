"""How much of a lag is batch norm's: accuracy by running statistics, and by statistics taken anew.

Evaluation goes by running statistics, which are of the last steps and so of weights that the
network has moved on from: the farther, the larger the rate. Watched runs are evaluated with
statistics of the weights as they are, too (``lrbook.vision.norm_statistics``).
"""

from collections.abc import Callable, Sequence

import pandas as pd

from lrbook import book
from lrbook.alike import recorded_beside
from lrbook.record import Record
from lrbook.vision.histories import LAST, at_the_end, mean_before_drop
from lrbook.whatif import need_pairs

PLAIN = "precise-cifar-laptop"
"""The recording of large and small on plain images, on the puzzle's schedule, watched."""

BARE = "precise-laptop-control"
"""That of the patch experiment's runs without any patch."""

WAYS = {"clean": "Running statistics", "clean_precise": "Statistics taken anew"}
"""Column of a watched run's history -> what it is evaluated with."""

AT_REST = {"clean_at_rest": "Running, weights at rest"}
"""As ``WAYS``, the one that runs recorded earlier lack."""

SETTLED = 4
"""The first epoch that ``jumps`` looks at: up to it accuracy rises in leaps at either rate."""


def recorded(base: Sequence[Record], name: str = BARE) -> list[Record]:
    """The finished runs of ``name``. Empty as long as it has not been recorded, and where it
    differs from ``base`` in more than being watched.
    """
    return recorded_beside(name, base, ("watch",))


def ways(runs: Sequence[Record]) -> dict[str, str]:
    """``WAYS``, and between them ``AT_REST`` where all ``runs`` have it."""
    (always, title), *anew = WAYS.items()
    known = all(column in run.history for run in runs for column in AT_REST)
    return {always: title} | (AT_REST if known else {}) | dict(anew)


def panels(runs: Sequence[Record]) -> dict[str, dict[str, list[pd.DataFrame]]]:
    """Title, of ``WAYS`` -> arm -> histories whose ``clean`` is evaluated in that way."""
    return {
        title: {
            arm: [history.assign(clean=history[way]) for history in histories]
            for arm, histories in book.histories(runs).items()
        }
        for way, title in WAYS.items()
    }


def lag(large: pd.DataFrame, small: pd.DataFrame, way: str, drop: int) -> float:
    """By how many points the large rate is behind in the last three epochs before the drop."""
    return mean_before_drop(small, way, drop) - mean_before_drop(large, way, drop)


def lead(large: pd.DataFrame, small: pd.DataFrame, way: str) -> float:
    """By how many points the large rate is ahead in the last three epochs."""
    return at_the_end(large, way) - at_the_end(small, way)


def leap(history: pd.DataFrame, way: str, drop: int) -> float:
    """What the drop brings: the first three epochs from it on, less the last three before it."""
    after = history[history.epoch >= drop][way].head(LAST).mean()
    return float(after) - mean_before_drop(history, way, drop)


def jumps(history: pd.DataFrame, way: str, drop: int) -> float:
    """Mean change from one epoch to the next, up or down, from ``SETTLED`` to before the drop."""
    steady = history[(history.epoch >= SETTLED) & (history.epoch < drop)]
    return float(steady[way].diff().abs().mean())


def table(runs: Sequence[Record]) -> pd.DataFrame:
    """What either way to evaluate tells of the large rate: points on clean images, mean and 95 %
    interval over paired seeds.

    Raises:
        RecordLookupError: no seed has both arms.
    """
    both = [(large.history, small.history) for large, small in need_pairs(runs)]
    drop = runs[0].config["drop"]
    measures: dict[str, Callable[[pd.DataFrame, pd.DataFrame, str], float]] = {
        "large is behind before the drop": lambda large, small, way: lag(large, small, way, drop),
        "the drop brings large": lambda large, _, way: leap(large, way, drop),
        "large is ahead at the end": lead,
        "large moves from epoch to epoch by": lambda large, _, way: jumps(large, way, drop),
        "small does by": lambda _, small, way: jumps(small, way, drop),
    }
    heading = f"points on {book.data_of(runs)} ({book.pairs_words(len(both))})"
    return pd.DataFrame(
        [
            {heading: name}
            | {
                title: book.interval_words([measure(*pair, way) for pair in both], 1)
                for way, title in ways(runs).items()
            }
            for name, measure in measures.items()
        ]
    )


def lag_words(runs: Sequence[Record]) -> str:
    """By how much the large rate is behind before the drop, evaluated in either way.

    Raises:
        RecordLookupError: no seed has both arms.
    """
    both, drop = need_pairs(runs), runs[0].config["drop"]
    always, anew = (
        book.interval_words([lag(one.history, two.history, way, drop) for one, two in both], 1)
        for way in WAYS
    )
    which = "first drop" if "drop2" in runs[0].config else "drop"
    return (
        f"Evaluated as always the large rate is **{always}** points behind on clean images in the "
        f"last three epochs before the {which}, and **{anew}** with statistics taken anew "
        f"({book.pairs_words(len(both))})."
    )
