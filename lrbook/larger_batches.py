"""The large rate on larger batches, without its noise and with it given back, step by step.

A batch ``k`` times as large has a ``k``-th of the noise, and shows every image ``k`` times as often
in as many steps. Sampling noise brings the noise back and leaves the images as they are, so the two
kinds of runs tell the noise from the images.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from lrbook import book, sweeps
from lrbook.alike import alike_but_for
from lrbook.arms import finished, minus, one_per_seed, steps_an_epoch
from lrbook.noisy_steps import level_of, variance
from lrbook.record import Record

LARGE, LARGER, GIVEN_BACK = "large", "larger batch", "larger batch, noise given back"
"""What figures call the base's runs, those with less noise, and those that have it again."""

LAST_PART = 0.25
"""Which part of the way to the drop, the last one, means are taken over."""

Batch = tuple[int, float]
"""Examples in a step, and the spread of their weights."""


def recorded(*names: str) -> dict[Batch, list[Record]]:
    """Batch and sampling noise -> finished runs of the arm large, from the smallest batch up.

    Empty as long as one of the sweeps has not been recorded, and where they differ in more than
    batch, length and sampling noise, the images first of all.

    Args:
        names: sweeps in ``recordings.toml``.
    """
    try:
        found = [run for name in names for run in sweeps.recorded(name).records]
    except LookupError:
        return {}
    large = [run for run in finished(found) if run.config["arm"] == "large"]
    if not alike_but_for(large, ("seed", "batch", "epochs", "drop", "sampling_noise")):
        return {}
    groups: dict[Batch, list[Record]] = {}
    for run in large:
        groups.setdefault((run.config["batch"], level_of(run)), []).append(run)
    return dict(sorted(groups.items()))


def to_the_drop(run: Record) -> pd.DataFrame:
    """The history up to the drop of the rate, with a column ``step``: how many were made by then.

    The last, smaller batch of an epoch is a step as the others are.

    Args:
        run: on a part of the images (``train_size`` says how many).

    Raises:
        ValueError: it is on all of them, as ``arms.steps_an_epoch``.
    """
    history = run.history[run.history.epoch < run.config["drop"]]
    return history.assign(step=history.epoch * steps_an_epoch(run))


def histories(groups: Mapping[Batch, Sequence[Record]]) -> dict[str, dict[str, list[pd.DataFrame]]]:
    """Title of a panel -> name -> histories up to the drop, by step: a panel for every batch that
    is larger than the smallest, which is in all of them.
    """
    base, _ = min(groups)
    panels: dict[str, dict[str, list[pd.DataFrame]]] = {}
    for (batch, level), runs in groups.items():
        if batch > base:
            title = f"{batch / base:.3g} times the batch"
            plain = [to_the_drop(run) for run in groups[base, 0.0]]
            panel = panels.setdefault(title, {LARGE: plain})
            panel[GIVEN_BACK if level else LARGER] = [to_the_drop(run) for run in runs]
    return panels


def last_part(run: Record, column: str) -> float:
    """Mean of a column of the history over the ``LAST_PART`` of the way to the drop.

    Not the best of it: of more epochs, which larger batches have, the best is better.
    """
    way = to_the_drop(run)
    return float(way[column][way.step > (1 - LAST_PART) * way.step.max()].mean())


def table(groups: Mapping[Batch, Sequence[Record]]) -> pd.DataFrame:
    """One row per batch and noise: how often an image is seen before the drop, and how much the
    runs know of patch and pictures at the end of this way.

    Accuracies: mean over the seeds and 95 % interval (Student's t). The first heading names the
    images.
    """
    rows, images = [], book.data_of([run for runs in groups.values() for run in runs])
    for (batch, level), runs in groups.items():
        config = runs[0].config
        learnt = [run.result["patch_learned_epoch"] for run in runs]
        early = sum(epoch is not None and epoch < config["drop"] for epoch in learnt)
        rows.append(
            {
                f"large rate, on {images}: batch of": f"{batch:,}",
                "noise of a batch of": f"{batch / variance(level):,.0f}",
                "steps": f"{to_the_drop(runs[0]).step.max():,}",
                "times an image is seen": f"{config['drop'] - 1}",
                "blank images with a patch (%)": book.interval_words(_ends(runs, "patch_only"), 1),
                "patch learnt before the drop": f"{early} of {len(runs)}",
                "clean images (%)": book.interval_words(_ends(runs, "clean"), 1),
            }
        )
    return pd.DataFrame(rows)


def given_back_words(groups: Mapping[Batch, Sequence[Record]]) -> str:
    """By how much less runs know of the patch with the noise given back, as sentences: paired by
    seed, over the last part of the way, for every batch that has both kinds of runs.
    """
    told = []
    for (batch, level), noisy in groups.items():
        if not level or (batch, 0.0) not in groups:
            continue
        without, with_it = (
            {seed: last_part(run, "patch_only") for seed, run in one_per_seed(runs).items()}
            for runs in (groups[batch, 0.0], noisy)
        )
        less = list(minus(without, with_it).values())
        told.append(
            f"With its noise given back, the large rate on batches of {batch:,} is right on "
            f"**{book.interval_words(less, 1)}** percentage points fewer of the blank images "
            f"({book.pairs_words(len(less))})."
        )
    return " ".join(told)


def _ends(runs: Sequence[Record], column: str) -> list[float]:
    return [last_part(run, column) for run in runs]
