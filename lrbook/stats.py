"""Intervals over seeds."""

from collections.abc import Sequence

import numpy as np

FEWEST = 3
"""Seeds, or pairs of them, that are judged by an interval and drawn as a mean; fewer one by one."""


def mean_interval(
    values: Sequence[float] | np.ndarray, level: float = 0.95
) -> tuple[float, float | None]:
    """Mean and half-width of Student's t interval for it.

    Args:
        values: one per seed; assumed independent and roughly normal.
        level: coverage, 0.95 by default.

    Returns:
        (mean, half-width); the half-width is None for a single value, which has no interval, and
        the mean nan for none.

    Raises:
        ValueError: the coverage is not between 0 and 1.
    """
    from scipy.stats import t

    if not 0 < level < 1:
        raise ValueError(f"level = {level} is not allowed: it must be between 0 and 1, such as .95")

    seeds = np.asarray(values, dtype=float)
    if seeds.size < 2:
        return float(seeds.sum()) if seeds.size else float("nan"), None
    quantile = t.ppf((1 + level) / 2, seeds.size - 1)
    return float(seeds.mean()), float(quantile * seeds.std(ddof=1) / np.sqrt(seeds.size))


def paired_interval(
    first: Sequence[float], second: Sequence[float], level: float = 0.95
) -> tuple[float, float | None]:
    """Mean of first - second over seeds run in pairs, and the half-width of its t interval.

    Raises:
        ValueError: the two differ in length.
    """
    if len(first) != len(second):
        raise ValueError(f"pairs need equal lengths, not {len(first)} and {len(second)}")
    return mean_interval(np.subtract(first, second), level)


def clearly(values: Sequence[float] | np.ndarray) -> int:
    """1 for values clearly above 0, -1 for values clearly below, and 0 for others, or none.

    Clear is what the 95 % interval of the mean says. Two values have to agree; one decides nothing.
    """
    if len(values) < FEWEST:
        agree = len(values) > 1 and min(values) * max(values) > 0
        return int(np.sign(values[0])) if agree else 0
    mean, half = mean_interval(values)
    return 0 if half is None or abs(mean) <= half else int(np.sign(mean))
