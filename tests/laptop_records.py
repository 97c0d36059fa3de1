"""Recorded runs at laptop scale in the order of their seeds, for tests of what is said of them."""

from lrbook import book

SEEDS = list(range(5, 15))


def in_order(runs):
    """One run per seed, from the lowest to the highest."""
    found = {run.config["seed"]: run for run in runs}
    assert sorted(found) == SEEDS
    return [found[seed] for seed in SEEDS]


def of_arms(name, arms):
    """Arm -> its runs of the recording."""
    runs = book.recorded(name)
    return {arm: in_order(run for run in runs if run.config["arm"] == arm) for arm in arms}
