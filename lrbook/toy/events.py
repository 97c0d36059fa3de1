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
    for the logarithm). Runs that never got there, and those that were there from the start (step
    0), are counted, and left out of the mean.
    """
    known = [step for step in steps if step]
    missing, at_once = steps.count(None), steps.count(0)
    if not known:
        parts = {"from the start": at_once, "never": missing}
        return ", ".join(f"{w} ({n} of {len(steps)})" for w, n in parts.items() if n)
    mean, half = mean_interval(np.log(known))
    words = f"{float(f'{math.exp(mean):.2g}'):,.0f}".replace(",", "\N{NO-BREAK SPACE}")
    if half is not None:
        words += f"\N{NO-BREAK SPACE}×/÷\N{NO-BREAK SPACE}{math.exp(half):.2f}"
    if missing or at_once:
        words += f" ({len(known)} of {len(steps)}"
        words += f"; {at_once} from the start)" if at_once else ")"
    return words


def learnt_first(history: pd.DataFrame, below: float, lasting: bool = True) -> str | None:
    """``P`` or ``Q``: whose training loss, on the examples that carry it alone, is below a
    threshold at the earlier recorded step: for good (``lasting``), or for the first time. None if
    neither gets there, or both at once.
    """
    steps = {
        pattern: first_step(history, column, below=below, lasting=lasting)
        for pattern, column in (("P", "p_only_train_loss"), ("Q", "q_only_loss"))
    }
    found = {pattern: math.inf if step is None else step for pattern, step in steps.items()}
    if found["P"] == found["Q"]:
        return None
    return "P" if found["P"] < found["Q"] else "Q"


def steps_table(
    histories: Mapping[str, Sequence[pd.DataFrame]],
    events: Mapping[str, tuple[str, Mapping[str, float]]],
) -> pd.DataFrame:
    """Per arm and event ``steps_words`` of the first time and of the last time it sets in.

    Args:
        histories: arm -> one history per seed.
        events: heading -> (column, ``below`` or ``above`` of ``first_step``).

    Returns:
        Columns event, arm, seeds, first, for good.
    """
    rows = []
    for heading, (column, threshold) in events.items():
        for arm, seeds in histories.items():
            found = {
                label: steps_words(
                    [first_step(h, column, lasting=lasting, **threshold) for h in seeds]
                )
                for label, lasting in (("first", False), ("for good", True))
            }
            rows.append({"event": heading, "arm": arm, "seeds": len(seeds), **found})
    return pd.DataFrame(rows)


def order_words(histories: Mapping[str, Sequence[pd.DataFrame]], below: float) -> str:
    """One sentence: in how many seeds of each arm ``learnt_first`` says P, Q, and neither."""
    parts = []
    for arm, seeds in histories.items():
        first = [learnt_first(history, below) for history in seeds]
        part = f"in **{arm}** P is first in {first.count('P')} and Q in {first.count('Q')}"
        part += f" of {len(seeds)} seeds"
        if neither := first.count(None):
            part += f", neither in {neither} (at the same step, or never)"
        parts.append(part)
    return f"Settled below {below:.3g} for good: {'; '.join(parts)}."
