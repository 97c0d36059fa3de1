"""Runs by arm and seed: one for each, or an error that says what else they differ in."""

import dataclasses

import pytest
from made_runs import record

from lrbook import arms, whatif
from lrbook.vision.config import PatchConfig
from lrbook.words import gaps


def of_rate(rate, seed=1, arm="small", **result):
    """A run whose id is another at another rate, as all ids of configurations are."""
    run = record(arm, seed, **({"clean": 60.0} | result))
    return dataclasses.replace(
        run, run_id=f"{run.run_id}-{rate}", config=run.config | {"eta1": rate, "drop": 3}
    )


def test_runs_of_two_settings_are_not_taken_for_one():
    """The last one of a seed would stand for all."""
    limits = {"p_only": 0.6}
    runs = [of_rate(rate, limits=limits) for rate in (0.1, 0.2)]
    words = "two runs of small, seed 1: .*-0.1 and .*-0.2 differ in eta1 = 0.1 and 0.2; select one"
    asked = [
        lambda found: arms.by_seed(found, "small", "clean"),
        lambda found: gaps(found, "clean", "small", "large"),
        lambda found: gaps(found, "clean", "large", "small"),
        lambda found: arms.limit(found, "p_only"),
        lambda found: arms.paired(found, "small", "large"),
        lambda found: arms.paired(found, "large", "small"),
        whatif.pairs,
    ]
    for ask in asked:
        with pytest.raises(ValueError, match=words):
            ask(runs)
    arms.by_seed(runs, "large", "clean")  # of which there is none


def test_a_run_that_is_there_twice_counts_once():
    large = of_rate(0.1, arm="large", clean=70.0, limits={"p_only": 0.6})
    small = of_rate(0.2, limits={"p_only": 0.6})  # one seed, and another arm
    runs = [small, large, small, large, of_rate(0.2, seed=0, limits={"p_only": 0.5})]
    assert arms.by_seed(runs, "small", "clean") == {0: 60.0, 1: 60.0}
    assert gaps(runs, "clean", "large", "small") == {1: 10.0}
    assert arms.limit(runs, "p_only") == [0.5, 0.6]


def test_runs_are_paired_by_seed_where_both_arms_finished():
    """The order is that of the seeds, whatever that of the runs."""
    small = [record("small", seed, clean=60.0) for seed in (3, 1, 2, 4)]
    large = [record("large", seed, clean=70.0) for seed in (1, 2, 3)]
    large[1] = dataclasses.replace(large[1], status="diverged")
    runs = [*small, *large, small[0]]
    assert arms.paired(runs, "small", "large") == [(small[1], large[0]), (small[0], large[2])]
    assert whatif.pairs(runs) == [(large[0], small[1]), (large[2], small[0])]
    assert arms.paired(small, "small", "large") == []


def test_runs_on_the_seeds_of_others():
    small = [record("small", seed, clean=60.0) for seed in (3, 1, 2)]
    large = [record("large", seed, clean=70.0) for seed in (1, 3)]
    assert arms.seeds_of(large, small[2:]) == {1, 2, 3}
    assert arms.seeds_of() == set()
    assert arms.on_seeds(small, arms.seeds_of(large)) == small[:2]
    assert arms.on_seeds(small, {}) == []


@pytest.mark.parametrize("arm", ["large", "small", "noise"])
def test_a_run_begins_at_the_rate_of_its_arm(arm):
    config = PatchConfig(arm=arm, seed=0, eta1=0.5, eta2=0.02)
    run = dataclasses.replace(record(arm, 0), config=config.model_dump(mode="json"))
    assert arms.first_rate(run) == config.rate(1)


def test_the_steps_of_an_epoch_are_counted_of_a_known_number_of_images_alone():
    """Of all images, which 0 stands for, there would be no step."""
    run = dataclasses.replace(record("small", 0), config={"train_size": 130, "batch": 64})
    assert arms.steps_an_epoch(run) == 3
    run.config["train_size"] = 0
    with pytest.raises(ValueError, match=r"patch-small-0 is on all images \(train_size = 0\)"):
        arms.steps_an_epoch(run)
