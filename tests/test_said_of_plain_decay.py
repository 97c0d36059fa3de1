"""What is said of no weight decay on plain images, and of a drop without it, is in the records."""

import numpy as np
import pytest
from intervals import interval

from lrbook import book, puzzle, weight_decay

SEEDS = [5, 6, 7, 8, 9]


@pytest.fixture(scope="module")
def runs():
    """(arm, whether with decay) -> its runs on plain images, in the order of the seeds."""
    base = book.recorded("cifar-laptop", arms=("large", "small"))
    kinds = ((True, base), (False, puzzle.without_decay(base)))
    return {
        (arm, decay): sorted(
            (r for r in of if r.config["arm"] == arm and r.config["seed"] in SEEDS),
            key=lambda run: run.config["seed"],
        )
        for decay, of in kinds
        for arm in ("large", "small")
    }


def ahead(runs, decay, column, first, last):
    """By how many points large is ahead, by seed, in the mean over the epochs first to last."""
    large, small = (
        np.array([r.history.set_index("epoch")[column].loc[first:last].mean() for r in each])
        for each in (runs["large", decay], runs["small", decay])
    )
    return large - small


def test_both_kinds_are_on_the_same_seeds(runs):
    for each in runs.values():
        assert [run.config["seed"] for run in each] == SEEDS
        assert {run.config["drop"] for run in each} == {13}
    assert {run.config["weight_decay"] for run in runs["large", False]} == {0.0}


def test_without_decay_the_large_rate_is_not_behind_on_new_images(runs):
    points = ahead(runs, False, "clean", 10, 12)
    assert np.mean(points) == pytest.approx(1.4, abs=0.1)  # "a point ahead"
    assert 0 < interval(points)[0] < 0.3  # "just leaves out zero"
    assert np.mean(ahead(runs, True, "clean", 10, 12)) == pytest.approx(-12, abs=0.5)


def test_without_decay_the_large_rate_is_behind_for_five_epochs(runs):
    points = ahead(runs, False, "clean", 1, 5)
    assert -4 < np.mean(points) < -3  # "by three to four points in the mean"
    assert interval(points)[1] < 0
    for epoch in range(1, 6):
        assert np.mean(ahead(runs, False, "clean", epoch, epoch)) < -2
    low, high = interval(ahead(runs, False, "clean", 7, 9))  # "over well before the drop"
    assert low < 0 < high


def test_on_training_images_it_is_behind_by_less(runs):
    for decay, points in ((False, -4), (True, -21)):
        found = ahead(runs, decay, "train_accuracy", 10, 12)
        assert np.mean(found) == pytest.approx(points, abs=0.3)
        assert interval(found)[1] < 0


def test_at_the_end_the_lead_is_the_same_in_wide_intervals(runs):
    leads = [ahead(runs, decay, "clean", 22, 24) for decay in (True, False)]
    for found in leads:
        assert 1 < np.mean(found) < 1.7  # "between one and two points"
        low, high = interval(found)
        assert low < 0 < high
    low, high = interval(leads[0] - leads[1])
    assert low < 0 < high
    ten = book.recorded("cifar-laptop", arms=("large", "small"))
    every = {
        arm: [r.result["clean"] for r in sorted(ten, key=lambda r: r.config["seed"])
              if r.config["arm"] == arm]
        for arm in ("large", "small")
    }  # fmt: skip
    assert interval(np.subtract(every["large"], every["small"]))[0] > 0  # "clear of it"


def test_both_rates_end_three_points_higher_with_decay(runs):
    for arm in ("large", "small"):
        with_it, without = (
            np.array([run.result["clean"] for run in runs[arm, decay]]) for decay in (True, False)
        )
        assert np.mean(with_it - without) == pytest.approx(3, abs=0.3)
        assert interval(with_it - without)[0] > 0


@pytest.fixture(scope="module")
def leads():
    pairs = book.recorded("patch-laptop"), book.recorded("patch-laptop-control")
    rows = weight_decay.every_seed(pairs)
    return weight_decay.leads(rows), rows


def test_where_both_drop_decay_makes_no_difference_to_the_lead(leads):
    found, _ = leads
    for when, points in (("with the patch", (5.5, 7)), ("without any patch", (3, 3))):
        pair = [np.array(found[kind][when]) for kind in ("small drops, too", "both drop, no decay")]
        for each, about in zip(pair, points, strict=True):
            assert np.mean(each) == pytest.approx(about, abs=0.3)
            assert interval(each)[0] > 0
        low, high = interval(pair[1] - pair[0][:5])  # the seeds of both
        assert low < 0 < high


def test_a_drop_brings_a_small_rate_without_decay_three_points(leads):
    _, rows = leads
    for bare in (False, True):
        drops, stays = (
            rows[name].clean(bare)
            for name in (weight_decay.SMALL_NONE_DROPS, weight_decay.SMALL_NONE)
        )
        points = np.array([drops[seed] - stays[seed] for seed in SEEDS])
        assert np.mean(points) == pytest.approx(3.2, abs=0.2)
        assert interval(points)[0] > 0


@pytest.mark.parametrize(
    ("never", "drops", "shares"),
    [
        ("as in the experiment", "small drops, too", (1 / 2, 2 / 3)),
        ("no decay in either", "both drop, no decay", (1 / 3, 1 / 2)),
    ],
)
def test_a_drop_takes_less_of_the_lead_without_decay(leads, never, drops, shares):
    found, _ = leads
    for when, share in zip(("with the patch", "without any patch"), shares, strict=True):
        gone = 1 - np.mean(found[drops][when]) / np.mean(found[never][when])
        assert gone == pytest.approx(share, abs=0.04)
