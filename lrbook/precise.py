"""How much of a lag is batch norm's: accuracy by running statistics, and by statistics taken anew.

Evaluation goes by running statistics, which are of the last steps and so of weights that the
network has moved on from: the farther, the larger the rate. Watched runs are evaluated with
statistics of the weights as they are, too ("precise": ``lrbook.vision.order.clean_precise``).
"""

from collections.abc import Callable, Sequence

import pandas as pd

from lrbook import book
from lrbook.noisy import recorded_beside
from lrbook.record import Record
from lrbook.vision.histories import LAST, at_the_end, mean_before_drop
from lrbook.whatif import need_pairs

NAME = "precise-laptop-control"
"""The recording: large and small without any patch, watched."""

WAYS = {"clean": "Running statistics", "clean_precise": "Statistics taken anew"}
"""Column of a watched run's history -> what it is evaluated with."""

SETTLED = 4
"""The first epoch that ``jumps`` looks at: up to it accuracy rises in leaps at either rate."""


def recorded(base: Sequence[Record]) -> list[Record]:
    """The finished runs of ``NAME``. Empty as long as it has not been recorded, and where it
    differs from ``base`` in more than being watched.
    """
    return recorded_beside(NAME, base, ("watch",))


def panels(runs: Sequence[Record]) -> dict[str, dict[str, list[pd.DataFrame]]]:
    """What it is evaluated with -> arm -> histories whose ``clean`` is evaluated so."""
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
                for way, title in WAYS.items()
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
    return (
        f"Evaluated as always the large rate is **{always}** points behind on clean images in the "
        f"last three epochs before the drop, and **{anew}** with statistics taken anew "
        f"({book.pairs_words(len(both))})."
    )
