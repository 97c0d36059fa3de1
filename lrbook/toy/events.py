"""When a pattern is learnt, and runs compared at the same training loss: from recorded rows alone.

A run is recorded at geometric times, so a step found here is late by up to the gap to the row
before.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lrbook.stats import mean_interval

SUBSETS = ("p_only", "both", "q_only")


def first_step(
    history: pd.DataFrame,
    column: str,
    *,
    below: float | None = None,
    above: float | None = None,
    lasting: bool = False,
) -> int | None:
    """The first recorded step at which a measurement has passed a threshold; None if never.

    Args:
        history: one row per measurement, rising ``step``.
        column: the measurement.
        below, above: the threshold, exactly one of them; equality is not enough.
        lasting: count only from the row on from which it holds to the last row.

    Raises:
        ValueError: not exactly one threshold.
    """
    if (below is None) == (above is None):
        raise ValueError("give exactly one of below and above")
    passed = (history[column] < below if above is None else history[column] > above).to_numpy()
    if lasting:
        passed = np.logical_and.accumulate(passed[::-1])[::-1]
    return int(history.step.iloc[passed.argmax()]) if passed.any() else None


def at_matched_loss(history: pd.DataFrame, below: float, column: str = "loss") -> pd.Series | None:
    """The first recorded row whose ``column`` is below a threshold; None if there is none."""
    passed = history[history[column] < below]
    return passed.iloc[0] if len(passed) else None


def trap_table(
    runs: Sequence[tuple[Mapping[str, object], pd.DataFrame]], below: float
) -> pd.DataFrame:
    """Runs at matched training loss and at their end.

    Args:
        runs: (columns to carry over, such as arm and seed; history) of each.
        below: the training loss at which they are compared.

    Returns:
        One row per run: what is carried over; step, p_only_accuracy, p_only_train_loss at the first
        row with loss below ``below`` (nan if there is none); end_accuracy and end_train_loss, the
        same two of the last row.
    """
    rows = []
    for carried, history in runs:
        row, last = at_matched_loss(history, below), history.iloc[-1]
        at = {
            name: math.nan if row is None else row[name]
            for name in ("step", "p_only_accuracy", "p_only_train_loss")
        }
        end = {"end_accuracy": last.p_only_accuracy, "end_train_loss": last.p_only_train_loss}
        rows.append({**carried, **at, **end})
    return pd.DataFrame(rows)


def final_errors(history: pd.DataFrame, shares: Mapping[str, float]) -> dict[str, float]:
    """Test error by what the examples carry, from a history's last row.

    Args:
        history: with columns p_only_accuracy, both_accuracy and q_only_accuracy.
        shares: subset -> share of such examples; they sum to 1.

    Returns:
        subset -> error; ``all``: the error on the mixture; ``p_only_part``: share of the P-only
        subset times its error, what it adds to ``all``.
    """
    last = history.iloc[-1]
    errors = {name: 1 - float(last[f"{name}_accuracy"]) for name in SUBSETS}
    total = sum(shares[name] * errors[name] for name in SUBSETS)
    return {**errors, "all": total, "p_only_part": shares["p_only"] * errors["p_only"]}


def steps_words(steps: Sequence[int | None]) -> str:
    """``mean ×/÷ factor`` of the steps over seeds: geometric mean and 95 % interval (Student's t
    for the logarithm). Runs that never got there are counted, and left out of the mean.
    """
    known = [step for step in steps if step]
    missing = len(steps) - len(known)
    if not known:
        return f"never ({missing} of {len(steps)})"
    mean, half = mean_interval(np.log(known))
    words = f"{float(f'{math.exp(mean):.2g}'):,.0f}".replace(",", "\N{NO-BREAK SPACE}")
    if half is not None:
        words += f"\N{NO-BREAK SPACE}×/÷\N{NO-BREAK SPACE}{math.exp(half):.2f}"
    return f"{words} ({len(known)} of {len(steps)})" if missing else words
