"""What is said of noise and a drop together is in the records: noise_on_images and other pages."""

import numpy as np
import pytest
from intervals import interval
from laptop_records import SEEDS, in_order, with_and_without

from lrbook import sweeps

FIVE = 2.0
"""The level at which the variance of a step is 5 times as large."""


@pytest.fixture(scope="module")
def runs():
    """(rate, whether without the patch) -> the runs in the order of the seeds."""
    found = with_and_without({"both": "noise-and-drop", "drop": "small-drops"}, ("large", "small"))
    for bare, kind in ((False, ""), (True, "-control")):
        swept = sweeps.recorded(f"sampling-noise-laptop{kind}").records
        shaken = [run for run in swept if run.config["sampling_noise"] == FIVE]
        found["noise", bare] = in_order(shaken)
    return found


@pytest.fixture(scope="module")
def clean(runs):
    return {key: np.array([run.result["clean"] for run in found]) for key, found in runs.items()}


def before_the_line(records):
    """Mean clean accuracy over the three epochs before the drop, by seed."""
    return np.array([run.history.query("10 <= epoch <= 12").clean.mean() for run in records])


def test_it_has_the_noise_of_one_and_the_drop_of_the_other(runs):
    both, drop, noise = (runs[name, False][0].config for name in ("both", "drop", "noise"))
    differ = {name for name in both if both[name] != drop.get(name, 0.0)}
    assert differ == {"sampling_noise"}
    assert both["sampling_noise"] == noise["sampling_noise"] == FIVE
    assert both["eta1"] == noise["eta2"]  # the rate at which it begins
    assert both["eta1"] / both["eta2"] == pytest.approx(25)


def test_without_a_patch_noise_takes_from_what_a_drop_brings(runs, clean):
    large, both, drop, noise = (clean[n, True] for n in ("large", "both", "drop", "noise"))
    assert 1 < np.mean(drop - both) < 2
    assert interval(drop - both)[0] > 0
    assert 4 < np.mean(large - both) < 5
    assert np.mean(large - drop) == pytest.approx(3, abs=0.3)
    slowed = before_the_line(runs["small", True]) - before_the_line(runs["both", True])
    assert np.mean(slowed) == pytest.approx(5, abs=0.5)
    assert min(noise - clean["small", True]) > -0.1  # "it makes up for that" (one seed is level)
    assert interval(noise - clean["small", True])[0] > 0


def test_when_the_run_ends_a_quarter_of_its_images_is_not_fitted(runs):
    ends = {
        name: [run.history.train_accuracy.iloc[-1] for run in runs[name, True]]
        for name in ("both", "drop")
    }
    assert np.mean(ends["both"]) == pytest.approx(75, abs=1)
    assert min(ends["drop"]) > 99


def test_with_the_patch_each_adds_to_the_other(runs, clean):
    large, both, drop, noise, small = (
        clean[name, False] for name in ("large", "both", "drop", "noise", "small")
    )
    assert [run.result["patch_learned_epoch"] for run in runs["both", False]] == [None] * 10
    assert max(run.history.patch_only.max() for run in runs["both", False]) < 15  # near chance
    assert np.mean(clean["both", True] - both) == pytest.approx(3, abs=0.3)
    assert 2 < np.mean(both - drop) < 3
    assert interval(both - drop)[0] > 0
    assert np.mean(both - noise) == pytest.approx(3, abs=0.4)
    assert interval(both - noise)[0] > 0
    assert np.mean(both - small) == pytest.approx(9, abs=0.3)
    assert np.mean(large - small) == pytest.approx(12, abs=0.5)
    assert np.mean(large - both) == pytest.approx(3, abs=0.3)
    assert interval(large - both)[0] > 0


def test_behind_the_large_rate_it_is_no_nearer_than_with_a_drop_alone(clean):
    """As references and what_stands say, of the lead that is there without a patch."""
    for name in ("noise", "both", "drop"):
        assert interval(clean["large", True] - clean[name, True])[0] > 2
    assert np.mean(clean["both", True]) < np.mean(clean["drop", True])


@pytest.fixture(scope="module")
def quarter():
    """(rate, whether without the patch) -> runs of seeds 5 to 9, with a drop to a quarter."""
    found = {}
    for bare, kind in ((False, ""), (True, "-control")):
        swept = sweeps.recorded(f"shallow-drops-laptop{kind}").records
        for name, level in (("drop", 0.0), ("both", FIVE)):
            mine = [run for run in swept if run.config["sampling_noise"] == level]
            found[name, bare] = sorted(mine, key=lambda run: run.config["seed"])
            assert [run.config["seed"] for run in found[name, bare]] == SEEDS[:5]
            assert {run.config["eta1"] / run.config["eta2"] for run in mine} == {4.0}
    return found


def ends(records):
    return np.array([run.result["clean"] for run in records])


def test_after_a_drop_to_a_quarter_noise_takes_nothing_without_a_patch(quarter, clean, runs):
    both, drop = (quarter[name, True] for name in ("both", "drop"))
    fitted = [
        np.mean([run.history.train_accuracy.iloc[-1] for run in each]) for each in (both, drop)
    ]
    assert fitted[0] == pytest.approx(90, abs=2)
    assert fitted[1] > 99
    low, high = interval(ends(both) - ends(drop))
    assert low < 0 < high
    large = clean["large", True][:5]
    for each in (both, drop):
        assert 3 < np.mean(large - ends(each)) < 4
    low, high = interval(ends(drop) - clean["drop", True][:5])  # "about as much as the deeper one"
    assert low < 0 < high
    assert abs(np.mean(ends(drop) - clean["drop", True][:5])) < 1
    middle = [
        np.mean(
            [
                one.history.query("14 <= epoch <= 20").clean.mean()
                - other.history.query("14 <= epoch <= 20").clean.mean()
                for one, other in zip(runs["large", True], each, strict=False)
            ]
        )
        for each in (both, drop, runs["both", True], runs["drop", True])
    ]
    assert min(middle) > 4.5  # "about five or more"
    behind = [np.mean(clean["large", True] - clean[name, True]) for name in ("both", "drop")]
    assert 2.9 < min(behind) < max(behind) < 5  # "three to five points at the end"


def test_with_the_patch_noise_makes_all_the_difference(quarter, clean):
    both, drop = (quarter[name, False] for name in ("both", "drop"))
    assert [run.result["patch_learned_epoch"] for run in both] == [None] * 5
    best = sorted(run.history.patch_only.max() for run in both)
    assert best[0] < 17
    assert 20 < best[1] < best[-1] < 43  # "in four of five it begins to be"
    costs = [
        np.mean(ends(quarter[name, True]) - ends(quarter[name, False])) for name in ("both", "drop")
    ]
    assert 2 < costs[0] < 3
    assert costs[1] == pytest.approx(8, abs=0.3)
    behind = clean["large", False][:5] - ends(both)
    assert np.mean(behind) == pytest.approx(2, abs=0.2)
    assert interval(behind)[0] > 0
    assert min(np.abs(behind)) < 0.1  # "level with it in one seed"
    assert np.mean(clean["large", False][:5] - clean["small", False][:5]) == pytest.approx(
        12, abs=0.3
    )
    lower = clean["drop", False][:5] - ends(drop)  # how_large: "about a point lower"
    assert np.mean(lower) == pytest.approx(1, abs=0.3)
    assert interval(lower)[0] > 0
