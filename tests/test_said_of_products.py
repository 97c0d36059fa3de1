"""What is said of rate times decay is in the records: weight_decay, what_stands and README."""

import numpy as np
import pandas as pd
import pytest
from intervals import interval

from lrbook import book, decay_products, weight_decay

TEN = range(5, 15)
FIVE = range(5, 10)
LARGE, SMALL = decay_products.LARGE, decay_products.SMALL


@pytest.fixture(scope="module")
def products():
    """(which rate, product, whether without the patch) -> runs in the order of the seeds."""
    pairs = book.recorded("patch-laptop"), book.recorded("patch-laptop-control")
    found = {}
    for name, rows in decay_products.recorded(pairs).items():
        for product, (_, *both) in rows.items():
            for bare, runs in zip((False, True), both, strict=True):
                found[name, product, bare] = sorted(runs, key=lambda run: run.config["seed"])
                seeds = [run.config["seed"] for run in found[name, product, bare]]
                assert seeds == list(FIVE if product in (0, 5) else TEN)  # as the captions say
    return found


@pytest.fixture(scope="module")
def clean(products):
    """The same -> accuracy at the end, by seed."""
    return {
        key: pd.Series({run.config["seed"]: run.result["clean"] for run in runs})
        for key, runs in products.items()
    }


def less(one, other):
    """The one less the other, on the seeds of both."""
    return (one - other).dropna().to_numpy()


def learnt(runs):
    return [run.result["patch_learned_epoch"] for run in runs]


def before(runs):
    return [run.history.set_index("epoch").clean.loc[10:12].mean() for run in runs]


def test_products_are_in_steps_of_five_or_more(products):
    assert {name: [p for n, p, bare in products if n == name and bare] for name in (LARGE, SMALL)} \
        == {LARGE: [0, 0.2, 1, 5], SMALL: [0, 0.04, 0.2, 1]}  # fmt: skip
    for runs in products.values():
        for run in runs:
            assert run.config["eta1"] / run.config["eta2"] == pytest.approx(25)
            assert run.config["drop"] == 13
    small = products[SMALL, 0.2, True][0].config["weight_decay"]
    assert small / products[SMALL, 0.04, True][0].config["weight_decay"] == pytest.approx(5)


def test_without_a_patch_who_is_ahead_depends_on_the_product(clean):
    low, high = interval(less(clean[LARGE, 0.2, True], clean[SMALL, 0.2, True]))
    assert low < 0 < high
    assert max(abs(low), abs(high)) < 1  # "to within a point"
    for product, sign, points in ((0, 1, 2.8), (1, -1, 2)):  # "nearly three", "two points"
        lead = sign * less(clean[LARGE, product, True], clean[SMALL, product, True])
        assert interval(lead)[0] > 0
        assert np.mean(lead) == pytest.approx(points, abs=0.1)


def test_without_a_patch_more_decay_brings_the_small_rate_more(clean):
    gains = {
        (name, more): less(clean[name, more, True], clean[name, fewer, True])
        for name in (LARGE, SMALL)
        for fewer, more in ((0, 0.2), (0.2, 1))
    }
    for name, points in ((SMALL, 5), (LARGE, 2)):
        assert np.mean(gains[name, 0.2]) == pytest.approx(points, abs=0.4)
        assert interval(gains[name, 0.2])[0] > 0
    low, high = interval(gains[SMALL, 1])
    assert low < 0 < high  # "nothing that is clear"
    assert np.mean(gains[LARGE, 1]) == pytest.approx(-1.3, abs=0.1)
    assert interval(gains[LARGE, 1])[1] < 0


def added(clean, product):
    leads = [clean[LARGE, product, b] - clean[SMALL, product, b] for b in (False, True)]
    return leads[0] - leads[1]


def test_the_patch_adds_less_where_the_small_rate_finds_it_late(products, clean):
    fifth, full = added(clean, 0.2), added(clean, 1)
    assert np.mean(fifth) == pytest.approx(4.1, abs=0.1)
    assert interval(fifth.to_numpy())[0] > 0
    assert np.mean(full) == pytest.approx(2, abs=0.1)
    low, high = interval(full.to_numpy())
    assert low < 0 < high
    assert interval(less(fifth, full))[0] > 0
    assert np.mean(less(fifth, full)) == pytest.approx(2, abs=0.1)
    halves = [(fifth - full).loc[list(half)].mean() for half in (FIVE, range(10, 15))]
    assert halves[0] < 1 < 3 < halves[1]  # "nearly all in the five recorded later"
    halves = [full.loc[list(half)].mean() for half in (FIVE, range(10, 15))]
    assert halves == [pytest.approx(3.8, abs=0.1), pytest.approx(0.2, abs=0.1)]
    assert full.loc[9] / full.sum() == pytest.approx(0.5, abs=0.02)  # "half of that"
    assert full.drop(9).mean() == pytest.approx(1.1, abs=0.1)  # "about one in those nine alone"
    late = np.array(learnt(products[SMALL, 1, False]))
    assert (late >= 13).sum() == 9  # "in nine seeds of ten"
    usual = learnt(products[LARGE, 1, False])
    assert min(usual) >= 13
    assert np.median(late[late >= 13]) == pytest.approx(np.median(usual), abs=0.6)  # "as late"


def test_it_costs_the_small_rate_hardly_less_there_and_the_large_one_more(clean):
    costs = {
        (name, product): clean[name, product, True] - clean[name, product, False]
        for name in (LARGE, SMALL)
        for product in (0.2, 1)
    }
    small = less(costs[SMALL, 1], costs[SMALL, 0.2])
    low, high = interval(small)
    assert low < 0 < high
    assert np.mean(small) == pytest.approx(-0.6, abs=0.1)  # "half a point only"
    large = less(costs[LARGE, 1], costs[LARGE, 0.2])
    assert np.mean(large) == pytest.approx(1.4, abs=0.1)  # "about one and a half"
    assert 0 < interval(large)[0] < 0.1  # "only just clear"


def test_later_is_cheaper_among_seeds_and_hardly_between_decays(products, clean):
    costs = {key[:2]: clean[key[0], key[1], True] - clean[key] for key in clean if not key[2]}
    epochs = {key: pd.Series(learnt(products[*key, False]), index=TEN)
              for key in costs if len(costs[key]) == 10}  # fmt: skip
    late = epochs[SMALL, 1] - epochs[SMALL, 0.04]
    assert late.mean() == pytest.approx(10, abs=0.5)  # "ten epochs later"
    low, high = interval(less(costs[SMALL, 1], costs[SMALL, 0.04]))
    assert low < 0 < high
    for key, learnt_in in epochs.items():  # "those that learn it later mostly pay less"
        assert np.corrcoef(learnt_in, costs[key])[0, 1] < -0.3


def test_with_five_times_its_decay_small_ends_above_the_large_of_the_experiment(clean):
    above = less(clean[SMALL, 0.2, True], clean[LARGE, 1, True])
    assert min(above) > 0  # "below it in no seed"
    assert 1 < np.mean(above) < 1.5  # "by more than a point in the mean"
    assert interval(above)[0] > 0
    assert interval(less(clean[LARGE, 1, True], clean[SMALL, 0.04, True]))[0] > 0  # it was behind


def test_at_a_fifth_the_small_rate_finds_the_patch_before_the_drop(products, clean):
    small, large, usual = (
        learnt(products[name, product, False])
        for name, product in ((SMALL, 0.2), (LARGE, 0.2), (SMALL, 0.04))
    )
    early = np.array(small) < 13
    assert early.sum() == 8
    found = np.array(small)[early]
    assert (min(found), max(found)) == (8, 12)
    assert min(np.array(small)[~early]) > 17  # "only well after the drop"
    assert np.mean(found - np.array(usual)[early]) == pytest.approx(1, abs=0.25)  # "hardly later"
    assert sum(epoch < 13 for epoch in large) == 1
    seen = [run.history.patch_only[:12].max() for run in products[LARGE, 0.2, False]]
    assert sum(20 < each < 50 for each in seen) == 2  # "in two more begins to"
    assert np.mean(large) < np.mean(learnt(products[LARGE, 1, False])) - 2  # "in the mean sooner"
    assert large[TEN.index(5)] == sorted(large)[1] == 13  # "earlier than in all others but one"
    ahead = less(clean[LARGE, 0.2, False], clean[SMALL, 0.2, False])
    assert np.mean(ahead) == pytest.approx(4, abs=0.1)
    assert interval(ahead)[0] > 0
    assert min(ahead) > 0


def test_decay_takes_five_times_as_long_there(products):
    fifth, full = (
        weight_decay.halves_in(products[name, product, True][0])
        for name, product in ((SMALL, 0.2), (SMALL, 1))
    )
    assert fifth == pytest.approx(4.5, abs=0.1)  # "four and a half epochs"
    assert fifth / full == pytest.approx(5)


def test_more_is_not_better(products, clean):
    loud = products[LARGE, 5, True]
    assert np.mean(before(loud)) == pytest.approx(22, abs=0.5)
    for bare, ends in ((True, 52), (False, 47)):
        assert np.mean(clean[LARGE, 5, bare]) == pytest.approx(ends, abs=0.2)
        assert interval(less(clean[LARGE, 1, bare], clean[LARGE, 5, bare]))[0] > 0
        fitted = [run.history.train_accuracy.iloc[-1] for run in products[LARGE, 5, bare]]
        assert np.mean(fitted) < 65  # "nor does it fit its training images"


def test_a_fifth_is_the_best_of_those_tried_for_the_large_rate(clean):
    for bare, points in ((True, (1, 1.5)), (False, (2.5, 3))):  # "more than one", "nearly three"
        means = {p: np.mean(c) for (n, p, b), c in clean.items() if (n, b) == (LARGE, bare)}
        assert max(means, key=means.get) == 0.2
        gain = less(clean[LARGE, 0.2, bare], clean[LARGE, 1, bare])
        assert points[0] < np.mean(gain) < points[1]
        assert interval(gain)[0] > 0
    low, high = interval(less(clean[LARGE, 0.2, False], clean[LARGE, 0, False]))
    assert low < 0 < high  # "not clearly better than with none"


def test_of_the_best_decays_the_large_rate_is_ahead_with_the_patch_alone(clean):
    for bare in (False, True):
        means = {p: np.mean(c) for (n, p, b), c in clean.items() if (n, b) == (SMALL, bare)}
        assert max(means, key=means.get) == 1
        low, high = interval(less(clean[SMALL, 1, bare], clean[SMALL, 0.2, bare]))
        assert low < 0 < high  # "cannot be told from the next"
    ahead = less(clean[LARGE, 0.2, False], clean[SMALL, 1, False])
    assert np.mean(ahead) == pytest.approx(2.7, abs=0.05)  # "nearly three points"
    assert interval(ahead) == pytest.approx((0.7, 4.8), abs=0.1)
    low, high = interval(less(clean[LARGE, 0.2, True], clean[SMALL, 1, True]))
    assert low < 0 < high


def test_small_with_five_or_25_times_the_decay_is_not_behind_without_a_patch(clean):
    for product in (0.2, 1):
        for large in (0, 0.2, 1):
            ahead = less(clean[SMALL, product, True], clean[LARGE, large, True])
            assert interval(ahead)[0] > -1
            assert np.mean(ahead) > -0.05


def test_at_a_fifth_the_two_have_one_effective_rate_only_when_the_drop_comes(products):
    base = book.recorded("patch-laptop")
    watched = decay_products.watched(base)
    rates = {}
    for (name, product), key in zip(((LARGE, 0.2), (SMALL, 0.2)), watched, strict=True):
        [run] = watched[key]
        [same] = [r for r in products[name, product, False] if r.config["seed"] == 5]
        assert run.history.clean.tolist() == same.history.clean.tolist()
        rates[key] = weight_decay.with_lengths(run.history).set_index("epoch").effective
    ratio = rates["small, drops, a fifth"] / rates["large, a fifth"]
    assert ratio.loc[1] == pytest.approx(0.11, abs=0.01)  # "nearly ten times"
    assert ratio.loc[11] < 0.8
    small = rates["small, drops, a fifth"].loc[2:12]
    assert 0.03 < small.min() < small.max() < 0.04
    lengths = weight_decay.with_lengths(watched["small, drops, a fifth"][0].history).length
    assert lengths[3:12].to_numpy() == pytest.approx(lengths[3], rel=0.09)  # "from the fourth on"
    assert ratio.loc[12:].to_numpy() == pytest.approx(0.95, abs=0.02)
    full = {
        row: weight_decay.with_lengths(run.history).set_index("epoch").effective
        for row, [run] in weight_decay.watched(base).items()
    }
    together = full["small, drops, large's decay"] / full["large"]
    assert together.loc[4:].to_numpy() == pytest.approx(0.95, abs=0.16)
