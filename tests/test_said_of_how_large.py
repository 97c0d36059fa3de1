"""What is said of the first rates between small and large, and beyond, is in the records."""

import itertools

import numpy as np
import pytest
from intervals import interval

from lrbook import book, how_large, sweeps
from lrbook.arms import by_seed

RATES = [0.02, 0.05, 0.1, 0.2, 0.5, 1.0]


@pytest.fixture(scope="module")
def pair():
    """First rate -> its runs on seeds 5 to 9, with the patch and without any."""
    found = [
        how_large.recorded(f"how-large-laptop{kind}", book.recorded(f"patch-laptop{kind}"))
        for kind in ("", "-control")
    ]
    for rates in found:
        assert list(rates) == RATES
        for runs in rates.values():
            assert [run.config["seed"] for run in runs] == list(range(5, 10))
    return found


@pytest.fixture(scope="module")
def ends(pair):
    """Whether without the patch -> first rate -> accuracy on clean images at the end, by seed."""
    return [
        {rate: np.array([run.result["clean"] for run in runs]) for rate, runs in rates.items()}
        for rates in pair
    ]


@pytest.fixture(scope="module")
def learnt(pair):
    return {r: [run.result["patch_learned_epoch"] for run in runs] for r, runs in pair[0].items()}


def hidden(epochs):
    return sum(epoch is None or epoch >= 13 for epoch in epochs)


def test_the_patch_is_hidden_from_five_times_the_small_rate_on(pair, learnt):
    assert [hidden(learnt[rate]) for rate in RATES] == [0, 2, 5, 5, 5, 5]
    best = {
        rate: sorted(run.history.query("epoch < 13").patch_only.max() for run in runs)
        for rate, runs in pair[0].items()
    }
    assert 45 < best[0.1][-1] < 50  # "in one seed nearly half"
    assert best[0.1][-2] < 25
    later = [np.mean(learnt[rate]) for rate in (0.1, 0.2, 0.5)]
    assert sorted(later) == later
    assert learnt[1.0] == [None] * 5


def test_without_a_patch_the_first_step_brings_most(ends):
    _, bare = ends
    lead = {rate: bare[rate] - bare[0.02] for rate in RATES}
    assert np.mean(lead[0.5]) == pytest.approx(8, abs=0.5)
    assert np.mean(lead[0.05]) == pytest.approx(7, abs=0.3)
    assert interval(lead[0.05]) == pytest.approx((3, 10), abs=0.5)
    low, high = interval(bare[0.1] - bare[0.5])
    assert low < 0 < high
    assert abs(np.mean(bare[0.1] - bare[0.5])) < 0.3  # "at 0.1 all of them"
    assert max(RATES, key=lambda rate: np.mean(bare[rate])) == 0.2
    assert np.mean(bare[0.2] - bare[0.5]) == pytest.approx(1, abs=0.4)
    assert min(bare[0.2] - bare[0.5]) > 0


def test_with_the_patch_the_lead_grows_for_longer(pair, ends, learnt):
    found, bare = ends
    steps = [np.mean(found[b] - found[a]) for a, b in itertools.pairwise(RATES[:5])]
    assert max(steps) == steps[0]
    assert min(steps) > 0
    assert max(steps[2:]) < 1.5  # "beyond 0.1 differences are small"
    early = {
        rate: [run.history.query("13 <= epoch <= 15").clean.mean() for run in pair[0][rate]]
        for rate in (0.2, 0.5)
    }
    assert 2 < np.mean(np.subtract(early[0.2], early[0.5])) < 3
    for rates in pair:  # "but by epoch 17 it is not"
        late = [
            [run.history.query("epoch >= 17").clean.mean() for run in rates[rate]]
            for rate in (0.2, 0.5)
        ]
        low, _ = interval(np.subtract(*late))
        assert low < 0
    cost = {rate: np.mean(bare[rate] - found[rate]) for rate in RATES}
    assert cost[0.02] == pytest.approx(8, abs=0.3)
    assert [cost[rate] for rate in (0.1, 0.2)] == pytest.approx([6, 6], abs=0.3)
    assert 4 < cost[0.5] < 5
    assert sorted(cost[rate] for rate in RATES[:5])[::-1] == pytest.approx(
        [cost[rate] for rate in RATES[:5]], abs=0.1
    )
    paid = {rate: bare[rate] - found[rate] for rate in RATES}
    for rate in (0.02, 0.1, 0.2):  # "only the last is clearly lower than the others"
        assert interval(paid[rate] - paid[0.5])[0] > 0
    for rate in (0.1, 0.2):
        assert interval(paid[0.02] - paid[rate])[0] < 0
    shown = how_large.costs(*pair)
    assert {rate: np.mean(list(paid.values())) for rate, paid in shown.items()} == (
        pytest.approx(cost)
    )


def test_there_is_a_rate_that_is_too_large(pair, ends):
    before = [
        run.history.query("epoch < 13").clean.tail(3).mean() for rates in pair for run in rates[1.0]
    ]
    assert np.mean(before) == pytest.approx(33, abs=4)
    for found in ends:
        assert interval(found[1.0] - found[0.5])[1] < 0
    assert np.ptp(ends[0][1.0]) > 15  # "its seeds end far apart"


def test_the_first_step_hides_little_and_is_the_largest(learnt, ends):
    assert hidden(learnt[0.05]) < 3
    _, bare = ends
    assert np.mean(bare[0.05] - bare[0.02]) / np.mean(bare[0.2] - bare[0.02]) > 0.7


def test_beside_a_small_rate_that_drops(ends):
    """As the second half of the page says of the first, and the solution of the exercise."""
    for bare, kind in ((False, ""), (True, "-control")):
        runs = sweeps.recorded(f"small-drops-laptop{kind}").records
        drops = by_seed(runs, "large", "clean")
        ahead = {rate: ends[bare][rate] - [drops[s] for s in range(5, 10)] for rate in RATES}
        assert 1 < np.mean(ahead[0.05]) < 1.5
        low, high = interval(ahead[0.05])
        assert low < 0 < high
        for rate in (0.1, 0.2, 0.5) if bare else ():
            assert np.mean(ahead[rate]) == pytest.approx(3.5, abs=0.8)
            assert interval(ahead[rate])[0] > 0
    found, alone = (each[0.5] - each[0.05] for each in ends)
    assert 4 < np.mean(found) < 5
    assert 1 < np.mean(alone) < 2
    assert interval(alone)[0] < 0 < interval(found)[0]


def test_the_figures_are_as_they_are_described(pair, ends):
    found, bare = ends
    means = [[np.mean(each[rate]) for rate in RATES[:5]] for each in (bare, found)]
    assert means[0] == pytest.approx([62, 69, 70.5, 72, 70], abs=0.6)
    assert means[1] == pytest.approx([54, 62, 64.5, 66, 66], abs=0.6)
    rates = {
        rate: np.mean([run.history.set_index("epoch") for run in runs], axis=0)
        for rate, runs in pair[0].items()
    }
    columns = list(pair[0][0.02][0].history.set_index("epoch").columns)
    patch, clean = (
        {rate: values[:, columns.index(name)] for rate, values in rates.items()}
        for name in ("patch_only", "clean")
    )
    assert patch[0.02][11] > 94
    assert 50 < patch[0.05][11] < 60
    assert max(patch[0.1][11], patch[0.2][11]) < 25
    assert max(patch[1.0]) < 15
    assert all(clean[rate][11] > max(clean[0.5][11], clean[1.0][11]) + 5 for rate in RATES[1:4])
    assert clean[0.05][12] == pytest.approx(65, abs=1)
    assert [clean[rate][12] for rate in (0.1, 0.2, 0.5)] == pytest.approx([70] * 3, abs=2.5)
    assert clean[1.0][[12, 23]] == pytest.approx([45, 52], abs=1)
    assert [np.mean(each[1.0]) for each in (found, bare)] == pytest.approx([51, 63], abs=0.6)
    assert clean[0.02][23] == pytest.approx(54, abs=0.5)
