"""What is said of rate times decay is in the records: weight_decay, what_stands and README."""

import numpy as np
import pytest
from intervals import interval

from lrbook import book, decay_products, weight_decay

SEEDS = [5, 6, 7, 8, 9]
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
                assert [run.config["seed"] for run in found[name, product, bare]] == SEEDS
    return found


@pytest.fixture(scope="module")
def clean(products):
    return {key: np.array([run.result["clean"] for run in runs]) for key, runs in products.items()}


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
    low, high = interval(clean[LARGE, 0.2, True] - clean[SMALL, 0.2, True])
    assert low < 0 < high
    assert max(abs(low), abs(high)) < 2.5  # "to within two points or so"
    for product, sign in ((0, 1), (1, -1)):
        lead = sign * (clean[LARGE, product, True] - clean[SMALL, product, True])
        assert interval(lead)[0] > 0
        assert np.mean(lead) == pytest.approx(2.8, abs=0.25)  # "nearly three points either way"
    for less, more in ((0, 0.2), (0.2, 1)):  # "more of it brings the small rate more"
        gains = [clean[n, more, True] - clean[n, less, True] for n in (SMALL, LARGE)]
        assert interval(gains[0] - gains[1])[0] > 0


def test_what_the_patch_adds_to_the_lead_is_about_four_points_at_each_product(products, clean):
    for product in (0, 0.2, 1):
        leads = [clean[LARGE, product, b] - clean[SMALL, product, b] for b in (False, True)]
        assert np.mean(leads[0] - leads[1]) == pytest.approx(4.2, abs=0.4)
    late = learnt(products[SMALL, 1, False])
    assert sum(epoch >= 13 for epoch in late) == 4  # "in four seeds of five"
    costs = [clean[SMALL, p, True] - clean[SMALL, p, False] for p in (0.2, 1)]
    assert np.mean(costs[1]) > np.mean(costs[0])  # "pays no less for it"


def test_with_five_times_its_decay_small_ends_above_the_large_of_the_experiment(clean):
    above = clean[SMALL, 0.2, True] - clean[LARGE, 1, True]
    assert 0.5 < min(above) < max(above) < 3  # "in every seed, by between one and three points"
    assert interval(above)[0] > 0
    assert interval(clean[LARGE, 1, True] - clean[SMALL, 0.04, True])[0] > 0  # as it was behind


def test_at_a_fifth_the_small_rate_finds_the_patch_before_the_drop(products, clean):
    small, large, usual = (
        learnt(products[name, product, False])
        for name, product in ((SMALL, 0.2), (LARGE, 0.2), (SMALL, 0.04))
    )
    assert (min(small), max(small)) == (8, 12)
    assert np.mean(small) - np.mean(usual) == pytest.approx(1, abs=0.1)  # "hardly later"
    assert min(large) == 13  # "does not know it before the drop, in any seed"
    seen = [run.history.patch_only[:12].max() for run in products[LARGE, 0.2, False]]
    assert sum(20 < each < 50 for each in seen) == 2  # "in two it begins to"
    usual = learnt(products[LARGE, 1, False])
    assert np.mean(large) < np.mean(usual)  # "in the mean sooner"
    assert large.index(13) == SEEDS.index(5)  # the seed that was watched, "in epoch 13"
    assert sorted(large)[1] > 13
    ahead = clean[LARGE, 0.2, False] - clean[SMALL, 0.2, False]
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
        assert interval(clean[LARGE, 1, bare] - clean[LARGE, 5, bare])[0] > 0
        fitted = [run.history.train_accuracy.iloc[-1] for run in products[LARGE, 5, bare]]
        assert np.mean(fitted) < 65  # "nor does it fit its training images"


def test_a_fifth_is_the_best_of_those_tried_for_the_large_rate(clean):
    for bare in (True, False):
        means = {p: np.mean(c) for (n, p, b), c in clean.items() if (n, b) == (LARGE, bare)}
        assert max(means, key=means.get) == 0.2
        gain = clean[LARGE, 0.2, bare] - clean[LARGE, 1, bare]
        assert 1 < np.mean(gain) < 2.5  # "by one to two and a half points"
        assert interval(gain)[0] > 0
    low, high = interval(clean[LARGE, 0.2, False] - clean[LARGE, 0, False])
    assert low < 0 < high  # "with the patch not clearly better than with none"


def test_of_the_best_decays_with_the_patch_no_difference_is_clear(clean):
    means = {p: np.mean(c) for (n, p, b), c in clean.items() if (n, b) == (SMALL, False)}
    assert max(means, key=means.get) == 1
    ahead = clean[LARGE, 0.2, False] - clean[SMALL, 1, False]
    assert 3 < np.mean(ahead) < 4  # "by a few points"
    low, high = interval(ahead)
    assert low < 0 < high
    for bare in (False, True):  # "cannot be told from the next"
        low, high = interval(clean[SMALL, 1, bare] - clean[SMALL, 0.2, bare])
        assert low < 0 < high


def test_without_a_patch_the_best_small_rate_is_ahead(clean):
    means = {p: np.mean(c) for (n, p, b), c in clean.items() if (n, b) == (SMALL, True)}
    assert max(means, key=means.get) == 1
    ahead = clean[SMALL, 1, True] - clean[LARGE, 0.2, True]
    assert np.mean(ahead) == pytest.approx(1.4, abs=0.1)
    assert interval(ahead)[0] > 0


def test_small_with_five_or_25_times_the_decay_is_not_behind_without_a_patch(clean):
    for product in (0.2, 1):
        for large in (0, 0.2, 1):
            low, _ = interval(clean[SMALL, product, True] - clean[LARGE, large, True])
            assert low > -2
            assert np.mean(clean[SMALL, product, True] - clean[LARGE, large, True]) > 0


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
