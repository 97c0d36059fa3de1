"""A run's result computed anew from its history, and whether its record says the same."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from lrbook import experiments
from lrbook.config import Config
from lrbook.errors import ConfigError, RecordError
from lrbook.record import Record


def check_result(record: Record, history: pd.DataFrame, path: Path) -> None:
    """RecordError where the result of a finished run is not what its history gives.

    Of this book's experiments. A configuration that is no longer allowed is let pass, and so are
    results that no history tells, as the limits of the toy's data.

    Args:
        record: the run.
        history: its measurements, one row each.
        path: the file that the record is from, in a folder that can be moved away.
    """
    if record.experiment not in experiments.NAMES or record.status != "finished":
        return
    try:
        config = experiments.config_class(record.experiment)(**record.config)
    except ConfigError:
        return
    remedy = f"Restore it, or move the folder {path.parent.name} away and run again."
    try:
        given, digits = _from_history(history, config)
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        why = " ".join(str(error).split())[:80]
        raise RecordError(
            f"{path} has a result of run {record.run_id} that its history does not give ({why}). "
            f"{remedy}"
        ) from None
    if differing := _differing(record.result, given, digits):
        raise RecordError(
            f"{path} has a result of run {record.run_id} that is not its history's: "
            f"{'; '.join(differing)}. {remedy}"
        )


def _from_history(history: pd.DataFrame, config: Config) -> tuple[dict[str, Any], int]:
    """The result by its history, and how many digits after the point it is rounded to.

    Raises:
        ValueError: the history is not that of a finished run.
        LookupError, TypeError, AttributeError: it has no such columns, or no numbers in them.
    """
    from lrbook.toy.config import ToyConfig

    if isinstance(config, ToyConfig):
        from lrbook.toy import final

        return final.from_history(history, config), final.DIGITS
    from lrbook.vision import outcome
    from lrbook.vision.settings import ImageConfig

    assert isinstance(config, ImageConfig)
    given = outcome.outcome(history, config)
    if not given:
        raise ValueError(f"it has {len(history)} of {config.epochs} epochs")
    return given, outcome.DIGITS


def _differing(said: Mapping[str, Any], given: Mapping[str, Any], digits: int) -> list[str]:
    """What is said otherwise than it is given, each in words; what is only said is passed over."""
    pairs = {name: (said.get(name), value) for name, value in given.items()}
    return [
        f"{name} is {_words(one)}, by the history {_words(other)}"
        for name, (one, other) in pairs.items()
        if not _same(one, other, digits)
    ]


def _same(said: Any, given: float | None, digits: int) -> bool:
    if given is None or not isinstance(said, int | float):
        return said is given
    # Rounded numbers differ by whole units of their last digit. One is let pass: a sweep keeps its
    # histories in single precision, and another machine may sum up means in another order.
    return math.isclose(said, given, rel_tol=0, abs_tol=1.5 * 10**-digits)


def _words(value: Any) -> str:
    return "none" if value is None else repr(value)[:40]
