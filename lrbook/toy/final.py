"""What a run of the toy ends with, from its history alone. Importing this module imports no JAX."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lrbook.toy.config import ToyConfig

DIGITS = 6  # that results are rounded to
# The measurements that a finished run's record and the command line's JSON name
FINAL = (
    "loss",
    "p_only_train_loss",
    "p_only_train_accuracy",
    "p_only_accuracy",
    "both_loss",
    "q_only_loss",
    "nonlinearity",
    "cosine_to_w_star",
    "p_only_gradient_share",
)


def final(row: Mapping[str, float] | pd.Series) -> dict[str, float | None]:
    """The measurements of ``FINAL`` that ``row`` has, to six digits; None where one is not finite.

    Args:
        row: the last row of a history, as ``lrbook.toy.measure.measure`` gives it.
    """
    return {name: _number(float(row[name])) for name in FINAL if name in row}


def from_history(history: pd.DataFrame, config: ToyConfig) -> dict[str, Any]:
    """What ``lrbook.toy.outcome.outcome`` gives of a finished run, but for the limits of its data.

    Args:
        history: one row per measurement.
        config: the run.

    Returns:
        The measurements of ``FINAL`` that the history has, and ``annealed``; this is left out where
        the history does not tell it.

    Raises:
        ValueError: the history does not end at the run's last step.
        LookupError: it says nothing of steps.
    """
    if history.empty:
        raise ValueError("it has no rows")
    last = history.iloc[-1]
    if last["step"] != config.total_steps:
        raise ValueError(f"it ends at step {last['step']:.0f} of {config.total_steps}")
    return final(last) | _annealed(history, config)


def _annealed(history: pd.DataFrame, config: ToyConfig) -> dict[str, int | None]:
    """``annealed`` by its name; nothing where the history does not tell it."""
    if config.arm != "L-S":
        return {"annealed": None}
    if config.anneal != "loss":
        step = int(config.anneal)
        return {"annealed": step if step <= config.total_steps else None}
    large, small = np.float32(config.eta1), np.float32(config.eta2)
    if "rate" not in history or large == small:
        return {}
    # Each row has the rate of its next step, and there is one at the step of the change
    lowered = history.step[history.rate <= (float(large) + float(small)) / 2]
    return {"annealed": int(lowered.iloc[0]) if len(lowered) else None}


def _number(value: float) -> float | None:
    return round(value, DIGITS) if math.isfinite(value) else None
