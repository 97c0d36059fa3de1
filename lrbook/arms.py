"""Finished runs by arm and seed, and the values that go into a figure, a table or a sentence."""

from collections.abc import Iterable, Mapping, Sequence

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


def by_seed(records: Sequence[Record], arm: str, quantity: str) -> dict[int, float]:
    """Seed -> a result of the finished runs of one arm, from the lowest seed to the highest."""
    return {run.config["seed"]: run.result[quantity] for run in by_arm(records).get(arm, [])}


def minus(one: Mapping[int, float], other: Mapping[int, float]) -> dict[int, float]:
    """Seed -> the number of ``one`` minus that of ``other``, for the seeds that both have."""
    return {seed: float(one[seed] - other[seed]) for seed in sorted(one.keys() & other.keys())}


def histories(records: Sequence[Record]) -> dict[str, list[pd.DataFrame]]:
    """Arm -> its histories, one per seed."""
    return {arm: [run.history for run in runs] for arm, runs in by_arm(records).items()}


def values(records: Sequence[Record], quantity: str) -> dict[str, list[float | None]]:
    """Arm -> one value of a result per seed; None where a run has none."""
    return {arm: [run.result[quantity] for run in runs] for arm, runs in by_arm(records).items()}


def limit(records: Sequence[Record], name: str) -> list[float]:
    """The toy's limit ``p_only`` or ``all_p`` (accuracy of logistic regression), one per seed."""
    per_seed = {run.config["seed"]: run.result["limits"][name] for run in records}
    return [value for _, value in sorted(per_seed.items())]
