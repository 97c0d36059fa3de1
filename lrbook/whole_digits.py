"""What rounding does: runs in fp32 beside the same runs in bf16.

In the recorded runs forward and backward passes are in bf16, on weights in fp32. Rounding moves a
single run as another seed would, so what has to agree are the means over paired seeds.
"""

import math
from collections.abc import Collection, Sequence

import pandas as pd

from lrbook import book
from lrbook.alike import recorded_beside
from lrbook.arms import by_seed, minus, on_seeds
from lrbook.record import Record
from lrbook.stats import mean_interval
from lrbook.vision.histories import epochs_words
from lrbook.whatif import ARMS

NAME = "fp32-laptop"
"""The recording of large and small in fp32, in ``recordings.toml``."""

TOLERANCE = 3.0
"""Points by which the two may differ in the mean: in accuracy on clean images, and in the lead."""

LEAD = "large − small"
"""What a table calls by how much the large rate is ahead."""


def recorded(base: Sequence[Record]) -> list[Record]:
    """The finished runs of ``NAME``. Empty as long as it has not been recorded, and where it
    differs from ``base`` in more than arithmetic.
    """
    return recorded_beside(NAME, base, ("precision",))


def ends(runs: Sequence[Record]) -> dict[str, dict[int, float]]:
    """Arm, and ``LEAD`` -> seed -> accuracy on clean images at the end, or points of it."""
    found = {arm: by_seed(runs, arm, "clean") for arm in ARMS}
    large, small = (found[arm] for arm in ARMS)
    return found | {LEAD: minus(large, small)}


def changes(whole: Sequence[Record], fast: Sequence[Record]) -> dict[str, list[float]]:
    """Arm, and ``LEAD`` -> bf16 less fp32, in points, one per seed that both have.

    Args:
        whole: runs in fp32.
        fast: runs in bf16.
    """
    before, after = ends(whole), ends(fast)
    return {name: list(minus(after[name], before[name]).values()) for name in before}


def table(whole: Sequence[Record], fast: Sequence[Record]) -> pd.DataFrame:
    """One row per arm and one for the lead: on clean images in fp32 and in bf16, the difference,
    and when the patch is learnt; on the seeds that both have. The first heading names the images.

    Args:
        whole: runs in fp32.
        fast: runs in bf16.
    """
    kinds, rows = {"fp32": whole, "bf16": fast}, []
    seeds = set.intersection(*(set(ends(runs)[LEAD]) for runs in kinds.values()))
    heading = f"clean (%), {book.data_of([*whole, *fast])}"
    for name, change in changes(whole, fast).items():
        cells = {
            digits: book.interval_words([ends(runs)[name][seed] for seed in seeds], 1)
            for digits, runs in kinds.items()
        }
        learnt = {
            f"patch learnt, {digits}": _learnt(runs, name, seeds) for digits, runs in kinds.items()
        }
        rows.append(
            {heading: name}
            | cells
            | {"bf16 − fp32": book.signed_words(change)}
            | learnt
            | {"seeds": len(change)}
        )
    return pd.DataFrame(rows)


def _learnt(runs: Sequence[Record], name: str, seeds: Collection[int]) -> str:
    if name == LEAD:
        return "–"
    of_arm = on_seeds(book.by_arm(runs)[name], seeds)
    return epochs_words([run.result["patch_learned_epoch"] for run in of_arm], brief=True)


def words(whole: Sequence[Record], fast: Sequence[Record]) -> str:
    """By how much the lead differs, and for each difference whether it is within ``TOLERANCE``:
    with its interval, in the mean alone, or not even that.
    """
    found = changes(whole, fast)
    told = "; ".join(f"*{name}* {_within(points)}" for name, points in found.items())
    return (
        f"In bf16 the lead is wider by **{book.interval_words(found[LEAD], 1)}** points "
        f"({book.pairs_words(len(found[LEAD]), 'seed')}). Within the tolerance of {TOLERANCE:g} "
        f"points: {told}."
    )


def _within(points: Sequence[float]) -> str:
    mean, half = mean_interval(points)
    if abs(mean) > TOLERANCE:
        return "**not**"
    far = math.inf if half is None else abs(mean) + half  # one pair has no interval
    return "with its interval" if far <= TOLERANCE else "in the mean, but not with its interval"
