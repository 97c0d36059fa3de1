"""Recorded runs at laptop scale in the order of their seeds, for tests of what is said of them."""

from lrbook import book, sweeps

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


def with_and_without(swept, arms):
    """(name or arm, whether without the patch) -> its runs in the order of the seeds.

    Args:
        swept: name -> the sweep of its runs, as ``recordings.toml`` has it with ``-laptop`` behind.
        arms: those of the experiment itself.
    """
    found = {}
    for bare, kind in ((False, ""), (True, "-control")):
        for name, sweep in swept.items():
            found[name, bare] = in_order(sweeps.recorded(f"{sweep}-laptop{kind}").records)
        for arm, plain in of_arms(f"patch-laptop{kind}", arms).items():
            found[arm, bare] = plain
    return found
