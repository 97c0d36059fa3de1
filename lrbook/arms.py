"""Finished runs by arm and seed, and the values that go into a figure, a table or a sentence."""

import math
from collections.abc import Container, Iterable, Mapping, Sequence

import pandas as pd

from lrbook.record import Record


def data_of(records: Sequence[Record]) -> str:
    """The name of the images that all these runs were trained on.

    Raises:
        ValueError: they differ, if only in more than the name; such runs do not belong into one
            figure or table.
    """
    images = images_of(records)
    if len(images) != 1:
        twice = len({name for name, _ in images}) < len(images)
        told = [f"{name} ({data})" if twice else name for name, data in images]
        raise ValueError(f"runs on different images: {', '.join(told)}")
    return images[0][0]


def images_of(records: Iterable[Record]) -> list[tuple[str, str]]:
    """The name and the identity of each set of images that the runs were trained on."""
    return sorted(
        {(record.provenance["data"], record.config.get("data", "")) for record in records}
    )


def finished(records: Iterable[Record]) -> list[Record]:
    """The runs that neither diverged nor broke off."""
    return [record for record in records if record.status == "finished"]


def by_arm(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Finished records by arm, in order of first appearance, each arm's by seed."""
    arms: dict[str, list[Record]] = {}
    for record in finished(records):
        arms.setdefault(record.config["arm"], []).append(record)
    return {arm: sorted(runs, key=lambda run: run.config["seed"]) for arm, runs in arms.items()}


def seeds_of(*groups: Iterable[Record]) -> set[int]:
    """The seeds that a run of one of the groups has."""
    return {run.config["seed"] for runs in groups for run in runs}


def on_seeds(records: Iterable[Record], seeds: Container[int]) -> list[Record]:
    """Those of the runs that are of one of these seeds, in their order."""
    return [run for run in records if run.config["seed"] in seeds]


def one_per_seed(records: Iterable[Record]) -> dict[int, Record]:
    """Seed -> its run, of runs of one arm; a run that is there twice counts once.

    Raises:
        ValueError: two runs of one seed, which differ in their settings.
    """
    found: dict[int, Record] = {}
    for run in records:
        other = found.setdefault(run.config["seed"], run)
        if other is not run and other.run_id != run.run_id:
            one, two = other.config, run.config
            fields = [name for name in one | two if one.get(name) != two.get(name)]
            values = ", ".join(f"{name} = {one.get(name)} and {two.get(name)}" for name in fields)
            raise ValueError(
                f"two runs of {run.config['arm']}, seed {run.config['seed']}: {other.run_id} and "
                f"{run.run_id} differ in {values or 'their experiment'}; select one value of each."
            )
    return found


def by_seed(records: Sequence[Record], arm: str, quantity: str) -> dict[int, float]:
    """Seed -> a result of the finished runs of one arm, from the lowest seed to the highest.

    Raises:
        ValueError: two of them are of one seed, so they are of several settings.
    """
    runs = one_per_seed(by_arm(records).get(arm, []))
    return {seed: run.result[quantity] for seed, run in runs.items()}


def paired(records: Sequence[Record], first: str, second: str) -> list[tuple[Record, Record]]:
    """The runs of two arms of each seed that both have finished, from the lowest seed up.

    Raises:
        ValueError: two finished runs of one arm and seed, which differ in their settings.
    """
    arms = by_arm(records)
    one, other = (one_per_seed(arms.get(arm, [])) for arm in (first, second))
    return [(one[seed], other[seed]) for seed in sorted(one.keys() & other.keys())]


def minus(one: Mapping[int, float], other: Mapping[int, float]) -> dict[int, float]:
    """Seed -> the number of ``one`` minus that of ``other``, for the seeds that both have."""
    return {seed: float(one[seed] - other[seed]) for seed in sorted(one.keys() & other.keys())}


def histories(records: Sequence[Record]) -> dict[str, list[pd.DataFrame]]:
    """Arm -> its histories, one per seed."""
    return {arm: [run.history for run in runs] for arm, runs in by_arm(records).items()}


def values(records: Sequence[Record], quantity: str) -> dict[str, list[float | None]]:
    """Arm -> one value of a result per seed; None where a run has none."""
    return {arm: [run.result[quantity] for run in runs] for arm, runs in by_arm(records).items()}


def first_rate(run: Record) -> float:
    """The rate of a run on images before the first drop: ``eta1`` is that of the arm large alone,
    so that the arm noise begins at ``eta2``, as small does.
    """
    return float(run.config["eta1" if run.config["arm"] == "large" else "eta2"])


def steps_an_epoch(run: Record) -> int:
    """How many steps an epoch of a run on images has, the last, smaller batch being one, too.

    Raises:
        ValueError: it is on all images (``train_size = 0``), and its settings do not say how many
            these are.
    """
    if not run.config["train_size"]:
        raise ValueError(
            f"{run.run_id} is on all images (train_size = 0), and how many these are is not among "
            "its settings, so the steps of an epoch cannot be counted; give train_size a number."
        )
    return math.ceil(run.config["train_size"] / run.config["batch"])


def limit(records: Sequence[Record], name: str) -> list[float]:
    """The toy's limit ``p_only`` or ``all_p`` (accuracy of logistic regression), one per seed.

    Raises:
        ValueError: two runs of one arm and seed, which may have other data.
    """
    per_seed: dict[int, float] = {}
    for arm in {record.config["arm"] for record in records}:
        runs = one_per_seed(record for record in records if record.config["arm"] == arm)
        per_seed |= {seed: run.result["limits"][name] for seed, run in runs.items()}
    return [value for _, value in sorted(per_seed.items())]
