"""A run on images in a few numbers, and several runs side by side."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from lrbook.record import Record
from lrbook.vision.config import PatchConfig
from lrbook.vision.histories import LAST, first_above
from lrbook.vision.settings import ImageConfig

LEARNED = 50.0  # percent of patch-only images right: the patch counts as learnt
DIGITS = 4  # that results are rounded to
WATCHED = ("wrong_patch", "wrong_patch_followed")


def outcome(history: pd.DataFrame, config: ImageConfig) -> dict[str, Any]:
    """The run in a few numbers, accuracies in percent; empty if it did not reach its last epoch.

    Returns:
        On plain images clean and train_accuracy, means of the last three epochs, and
        clean_before_drop, train_accuracy_before_drop, the last values before the first drop (None
        if there are none). With a patch:
        clean, mixed, patch_only: means of the last three epochs.
        patch_only_before_drop: the last evaluation before the rate drops (None if there is none).
        patch_learned_epoch: the first epoch with more than 50 % of the patch-only images right, or
        None.
        wrong_patch, wrong_patch_followed: means of the last three epochs, where they were watched.
    """
    if len(history) < config.epochs:
        return {}
    before = history[history.epoch < config.first_drop].tail(1)
    if not isinstance(config, PatchConfig):
        names = ("clean", "train_accuracy")
        return _means(history, names) | {
            f"{name}_before_drop": _only(before, name) for name in names
        }
    found = _means(history, ("clean", "mixed", "patch_only")) | {
        "patch_only_before_drop": _only(before, "patch_only"),
        "patch_learned_epoch": first_above(history, "patch_only", LEARNED),
    }
    return found | (_means(history, WATCHED) if config.watch else {})


def _means(history: pd.DataFrame, names: Sequence[str]) -> dict[str, float]:
    means = history.tail(LAST)[list(names)].mean()
    return {name: round(float(value), DIGITS) for name, value in means.items()}


def _only(rows: pd.DataFrame, name: str) -> float | None:
    return round(float(rows[name].iloc[0]), DIGITS) if len(rows) else None


RESULTS = {
    "patch": ("clean", "mixed", "patch_only", "patch_only_before_drop", "patch_learned_epoch"),
    "cifar": ("clean", "train_accuracy", "clean_before_drop", "train_accuracy_before_drop"),
}


def _names(record: Record) -> tuple[str, ...]:
    """Of an experiment of the reader's own, too: it is one of the two with something changed."""
    return RESULTS["patch" if "pattern" in record.config else "cifar"]


def summary(records: Sequence[Record]) -> dict[str, Any]:
    """What ``lrbook run --json`` prints: by arm, one value per seed (None if diverged)."""
    arms: dict[str, dict[str, list]] = {}
    for record in records:
        names = _names(record)
        if record.config.get("watch") and "pattern" in record.config:
            names += WATCHED
        arm = arms.setdefault(record.config["arm"], {"seeds": [], **{n: [] for n in names}})
        arm["seeds"].append(record.config["seed"])
        for name in names:
            arm[name].append(record.result.get(name))
    return {"run_ids": [record.run_id for record in records], "arms": arms}
