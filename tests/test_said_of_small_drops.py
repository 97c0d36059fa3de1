"""What is said of a small rate that drops, too, is in the records: how_large and other pages."""

import numpy as np
import pytest
from intervals import interval
from laptop_records import SEEDS, with_and_without

from lrbook import book, whatif
from lrbook.arms import by_seed


@pytest.fixture(scope="module")
def runs():
    """(large, small or drops, whether without the patch) -> the runs in the order of the seeds."""
    return with_and_without({"drops": "small-drops"}, ("large", "small"))


@pytest.fixture(scope="module")
def clean(runs):
    return {key: np.array([run.result["clean"] for run in found]) for key, found in runs.items()}


def test_it_drops_in_the_same_epoch_and_by_the_same_factor(runs):
    large, small, drops = (runs[name, False][0].config for name in ("large", "small", "drops"))
    assert drops["eta1"] == small["eta2"]
    assert drops["eta1"] / drops["eta2"] == pytest.approx(25)
    assert large["eta1"] / large["eta2"] == pytest.approx(25)
    assert drops["drop"] == large["drop"] == 13


def test_up_to_the_drop_it_is_the_small_rate(runs):
    """To the number where the same machine ran both: seeds 5 to 9, not 10 to 14."""
    base, mine = (
        [run.provenance["device"].split(", ")[1] for run in runs[name, False]]  # the processor
        for name in ("small", "drops")
    )
    assert base[:5] == mine[:5]
    assert not {*base[5:]} & {*mine[5:]}
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
    large = [run.result["patch_learned_epoch"] or 99 for run in runs["large", False]]
    assert min(large) > 12  # "the same in both comparisons"


def test_most_of_the_lead_without_a_patch_is_gone_at_the_end(clean):
    large, small, drops = (clean[name, True] for name in ("large", "small", "drops"))
    assert np.mean(large - small) == pytest.approx(8, abs=0.5)
    assert np.mean(large - drops) == pytest.approx(3, abs=0.3)
    assert min(large - drops) > 1  # "in every seed": one to somewhat more than four
    assert 4 < max(large - drops) < 5
    assert interval((drops - small) - (large - drops))[0] > 0  # "most of it"
    assert 1 / 3 < np.mean(large - drops) / np.mean(large - small) < 0.4
    assert np.mean(drops - small) / np.mean(large - small) == pytest.approx(2 / 3, abs=0.05)


def between(runs, first, last):
    """Mean of clean accuracy over the epochs from first to last, by seed."""
    histories = [run.history.set_index("epoch").clean for run in runs]
    return np.array([history.loc[first:last].mean() for history in histories])


def test_the_end_flatters_the_small_rate(runs):
    large, small, drops = (between(runs[n, True], 14, 20) for n in ("large", "small", "drops"))
    assert np.mean(large - small) == pytest.approx(10, abs=0.3)
    assert np.mean(large - drops) == pytest.approx(5, abs=0.4)
    assert np.mean(drops - small) / np.mean(large - small) == pytest.approx(1 / 2, abs=0.05)
    best = [run.history.query("epoch >= 13").clean.max() for run in runs["large", True]]
    assert 2 < np.mean(best - between(runs["large", True], 22, 24)) < 3


def test_other_large_arms_end_farther_ahead_of_it(clean):
    """On the five seeds of what_if, without a patch."""
    kinds = [f"what-if-laptop-{kind}-control" for kind in ("ratio", "drop", "schedule")]
    groups, _ = whatif.gather("patch-laptop-control", kinds)
    drops = dict(zip(SEEDS, clean["drops", True], strict=True))
    for setting in ("eta2 = 0.005", "drop = 19", "schedule = cosine"):
        ends = by_seed(groups[setting], "large", "clean")
        assert sorted(ends) == SEEDS[:5]
        ahead = [ends[seed] - drops[seed] for seed in ends]
        assert 4.4 < np.mean(ahead) < 5.6
        assert interval(ahead)[0] > 0


def test_a_large_beginning_makes_the_drop_worth_more(runs):
    large, small = (runs[name, True] for name in ("large", "small"))
    assert np.mean(between(small, 10, 12) - between(large, 10, 12)) == pytest.approx(10, abs=0.7)
    gains = {n: between(runs[n, True], 13, 15) - between(runs[n, True], 10, 12)
             for n in ("large", "drops")}  # fmt: skip
    assert np.mean(gains["large"]) == pytest.approx(19, abs=0.5)
    assert 5.5 < np.mean(gains["drops"]) < 6


def test_beside_noise_in_the_activations(clean):
    """As what_stands, mitigation and activation_noise say: as much with it, more without."""
    for bare in (False, True):
        plain = book.recorded("patch-laptop-control" if bare else "patch-laptop")
        noise = np.array(list(by_seed(plain, "noise", "clean").values()))
        low, high = interval(clean["drops", bare] - noise)
        assert low > 0 if bare else low < 0 < high


def test_it_gains_at_the_drop_and_keeps_it(runs):
    for bare in (False, True):
        rows = np.array([run.history.clean.to_numpy() for run in runs["drops", bare]]).mean(0)
        assert np.ptp(rows[12:]) < 1.1
        if bare:
            assert 5 < rows[12] - rows[11] < 6


def test_the_patchs_part_is_about_half_of_a_gap_half_as_wide(clean):
    whole, left = (clean["large", False] - clean[name, False] for name in ("small", "drops"))
    added = whole - (clean["large", True] - clean["small", True])
    still = left - (clean["large", True] - clean["drops", True])
    assert np.mean(left) / np.mean(whole) == pytest.approx(0.5, abs=0.05)
    assert np.mean(still) / np.mean(left) == pytest.approx(0.5, abs=0.05)
    assert interval(still)[0] > 0
    assert np.ptp(interval(still)) > np.mean(left) / 2  # "a wide range around that half"
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
