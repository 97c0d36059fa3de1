"""What is said of both rates dropping to one is in the records: how_large and what_stands."""

import numpy as np
import pytest
from intervals import interval
from laptop_records import with_and_without


@pytest.fixture(scope="module")
def runs():
    """(large, deep or drops, whether without the patch) -> the runs in the order of the seeds."""
    return with_and_without({"deep": "same-end", "drops": "small-drops"}, ("large",))


def between(records, first, last):
    """Mean of clean accuracy over the epochs from first to last, by seed."""
    histories = [run.history.set_index("epoch").clean for run in records]
    return np.array([history.loc[first:last].mean() for history in histories])


def lead(runs, one, other, bare, first=22, last=24):
    return between(runs[one, bare], first, last) - between(runs[other, bare], first, last)


def test_both_end_at_one_rate(runs):
    large, deep, drops = (runs[name, False][0].config for name in ("large", "deep", "drops"))
    assert deep["eta2"] == drops["eta2"] == 0.0008
    assert deep["eta1"] == large["eta1"]
    assert deep["eta1"] / deep["eta2"] == pytest.approx(625)
    assert {name for name in deep if deep[name] != drops.get(name, 0.0)} == {"eta1"}


def test_it_never_learns_the_patch(runs):
    assert [run.result["patch_learned_epoch"] for run in runs["deep", False]] == [None] * 10
    assert max(run.history.patch_only.max() for run in runs["deep", False]) < 16  # near chance
    cost = between(runs["deep", True], 22, 24) - between(runs["deep", False], 22, 24)
    assert np.mean(cost) == pytest.approx(3.8, abs=0.1)  # "nearly four points"


def test_it_ends_level_with_the_arm_at_the_higher_rate(runs):
    for bare in (False, True):
        assert np.mean(lead(runs, "large", "deep", bare, 13, 15)) == pytest.approx(5, abs=0.4)
        means = np.mean([run.history.clean.to_numpy() for run in runs["deep", bare]], axis=0)
        assert means[-1] == max(means)  # "still rising when the run ends"
    low, high = interval(lead(runs, "large", "deep", True))
    assert low < 0 < high
    with_patch = lead(runs, "large", "deep", False)
    assert np.mean(with_patch) == pytest.approx(-1, abs=0.25)  # "by about one point"
    assert -0.1 < interval(with_patch)[1] < 0  # "barely clear of 0"
    fitted = [run.history.train_accuracy.iloc[-1] for run in runs["deep", True]]
    assert np.mean(fitted) == pytest.approx(75, abs=2)  # "about three quarters"


def test_the_leads_at_the_end(runs):
    bare, whole = (lead(runs, "deep", "drops", kind) for kind in (True, False))
    assert np.mean(bare) == pytest.approx(3, abs=0.2)
    assert np.mean(lead(runs, "large", "drops", True)) == pytest.approx(3, abs=0.2)
    assert np.mean(whole) == pytest.approx(6, abs=0.4)
    assert interval(bare)[0] > 2
    assert interval(whole)[0] > 4
    assert np.mean(whole - bare) / np.mean(whole) == pytest.approx(0.5, abs=0.05)
    assert interval(whole - bare)[0] > 0


def test_when_the_lead_without_a_patch_shows(runs):
    assert np.mean(lead(runs, "deep", "drops", True, 13, 13)) == pytest.approx(-1, abs=0.4)
    assert interval(lead(runs, "deep", "drops", True, 13, 13))[1] < 0
    middle = lead(runs, "deep", "drops", True, 14, 20)
    assert np.mean(middle) == pytest.approx(1, abs=0.2)
    assert interval(middle)[0] > 0
    at_once = lead(runs, "large", "drops", True, 14, 20)
    assert 4.5 < np.mean(at_once) < 5  # "nearly five"
    assert interval(at_once - middle)[0] > 0
