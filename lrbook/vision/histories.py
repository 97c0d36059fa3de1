"""Questions put to the history of one run on images: when, and how much before and after."""

from collections.abc import Sequence

import pandas as pd

LAST = 3  # final accuracies are means of so many last epochs: with batch norm, one can jump


def first_above(history: pd.DataFrame, column: str, level: float) -> int | None:
    """The first epoch in which ``column`` is above ``level``; None if it never is."""
    found = history[history[column] > level].epoch
    return int(found.iloc[0]) if len(found) else None


def mean_before_drop(history: pd.DataFrame, column: str, drop: int) -> float:
    """Mean of ``column`` over the last three epochs before epoch ``drop``."""
    return float(history[history.epoch < drop][column].tail(LAST).mean())


def at_the_end(history: pd.DataFrame, column: str) -> float:
    """Mean of ``column`` over the last three epochs."""
    return float(history[column].tail(LAST).mean())


def at_head(history: pd.DataFrame, what: str) -> str:
    """Of a watched run's columns reads_WHAT_K the one of the head, behind the last block."""
    return f"reads_{what}_{sum(name.startswith(f'reads_{what}_') for name in history) - 1}"


def patch_advantage(history: pd.DataFrame) -> float:
    """By how many points image and patch is fitted better than image alone, at the end."""
    return at_the_end(history, "fitted_both") - at_the_end(history, "fitted_image")


def crossing(first: pd.DataFrame, second: pd.DataFrame, column: str) -> int | None:
    """The epoch from which ``first`` is ahead of ``second`` and stays so; None if it ends behind.

    Of histories over the same epochs, 1 if ``first`` was ahead all along. Compared is the mean over
    an epoch and the two before it, as in final accuracies: one evaluation can jump.
    """
    one, two = (h.set_index("epoch")[column].rolling(LAST, 1).mean() for h in (first, second))
    behind = one.index[~(one > two)]
    after = one.index[one.index > behind.max()] if len(behind) else one.index
    return int(after[0]) if len(after) else None


def epochs_words(epochs: Sequence[int | None], brief: bool = False) -> str:
    """One epoch per seed, None for never: ``5 to 8 (all 3 seeds)``, ``6 (2 of 3 seeds)``.

    Brief, for a table that says elsewhere how many seeds there are: ``5 to 8``, ``6 (2 of 3)``.
    """
    known = sorted(epoch for epoch in epochs if epoch is not None)
    seeds = "1 seed" if len(epochs) == 1 else f"{len(epochs)} seeds"
    if not known:
        return "never" if brief else f"never ({seeds})"
    span = f"{known[0]}" if known[0] == known[-1] else f"{known[0]} to {known[-1]}"
    if brief:
        span = span.replace(" ", "\N{NO-BREAK SPACE}")  # a cell of a table is narrow
        return span if len(known) == len(epochs) else f"{span} ({len(known)} of {len(epochs)})"
    if len(epochs) == 1:
        return f"{span} ({seeds})"
    return (
        f"{span} (all {seeds})"
        if len(known) == len(epochs)
        else f"{span} ({len(known)} of {seeds})"
    )
