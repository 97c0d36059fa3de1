"""What is said of a small rate that drops, too, is in the records: how_large and other pages."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from lrbook import book, sweeps

SEEDS = list(range(5, 15))


def in_order(runs):
    found = {run.config["seed"]: run for run in runs}
    assert sorted(found) == SEEDS
    return [found[seed] for seed in SEEDS]


@pytest.fixture(scope="module")
def runs():
    """(large, small or drops, whether without the patch) -> the runs in the order of the seeds."""
    found = {}
    for bare, kind in ((False, ""), (True, "-control")):
        swept = sweeps.recorded(f"small-drops-laptop{kind}")
        found["drops", bare] = in_order(swept.records)
        plain = book.recorded(f"patch-laptop{kind}")
        for arm in ("large", "small"):
            found[arm, bare] = in_order(run for run in plain if run.config["arm"] == arm)
    return found


@pytest.fixture(scope="module")
def clean(runs):
    return {key: np.array([run.result["clean"] for run in found]) for key, found in runs.items()}


def interval(values):
    return tuple(ttest_1samp(values, 0).confidence_interval())


def test_it_drops_in_the_same_epoch_and_by_the_same_factor(runs):
    large, small, drops = (runs[name, False][0].config for name in ("large", "small", "drops"))
    assert drops["eta1"] == small["eta2"]
    assert drops["eta1"] / drops["eta2"] == pytest.approx(25)
    assert large["eta1"] / large["eta2"] == pytest.approx(25)
    assert drops["drop"] == large["drop"] == 13


def test_up_to_the_drop_it_is_the_small_rate(runs):
    """To the number where the same machine ran both: seeds 5 to 9."""
    for bare in (False, True):
        for small, drops in list(zip(runs["small", bare], runs["drops", bare], strict=True))[:5]:
            one, two = (run.history.clean.iloc[:12] for run in (small, drops))
            assert one.tolist() == two.tolist()
    learnt = {
        name: [run.result["patch_learned_epoch"] for run in runs[name, False]]
        for name in ("small", "drops")
    }
    for epochs in learnt.values():
        assert (min(epochs), max(epochs)) == (6, 12)


def test_most_of_the_lead_without_a_patch_is_the_drop(clean):
    large, small, drops = (clean[name, True] for name in ("large", "small", "drops"))
    assert np.mean(large - small) == pytest.approx(8, abs=0.5)
    assert np.mean(large - drops) == pytest.approx(3, abs=0.3)
    assert min(large - drops) > 1  # "in every seed": one to somewhat more than four
    assert 4 < max(large - drops) < 5
    assert interval((drops - small) - (large - drops))[0] > 0  # "most of it"
    assert min(drops - small) > 3.5
    assert np.mean(drops - small) == pytest.approx(5, abs=0.3)


def test_it_gains_at_the_drop_and_keeps_it(runs):
    for bare, gain in ((False, 4.4), (True, 5.2)):
        rows = np.array([run.history.clean.to_numpy() for run in runs["drops", bare]]).mean(0)
        assert rows[12] - rows[11] == pytest.approx(gain, abs=0.2)
        assert np.ptp(rows[12:]) < 1.1


def test_the_patchs_part_is_about_half_of_a_gap_half_as_wide(clean):
    whole, left = (clean["large", False] - clean[name, False] for name in ("small", "drops"))
    added = whole - (clean["large", True] - clean["small", True])
    still = left - (clean["large", True] - clean["drops", True])
    assert np.mean(left) / np.mean(whole) == pytest.approx(0.5, abs=0.05)
    assert np.mean(still) / np.mean(left) == pytest.approx(0.5, abs=0.05)
    assert interval(still)[0] > 0
    low, high = interval(added - still)
    assert low < 0 < high  # "cannot be told apart from what it adds here"
    low, high = interval(still - (left - still))
    assert low < 0 < high  # patch_experiment: "about as much"
    assert min(left) > 0
    assert sum(still < 0) == 1  # one seed in which the patch takes from the gap


def test_the_patch_costs_the_small_rate_about_as_much(clean):
    never, drops = (clean[name, True] - clean[name, False] for name in ("small", "drops"))
    assert np.mean(drops) == pytest.approx(7, abs=0.3)
    assert np.mean(never) == pytest.approx(8, abs=0.3)
    low, high = interval(never - drops)
    assert low < 0 < high
    large = clean["large", True] - clean["large", False]
    assert interval(drops - large)[0] > 0
