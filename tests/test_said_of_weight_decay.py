"""What is said of weight decay is in the records: the chapter weight_decay and other pages."""

import numpy as np
import pytest
from intervals import interval

from lrbook import book, weight_decay

SEEDS = [5, 6, 7, 8, 9]
LAST = (10, 12)  # the last three epochs before the drop


@pytest.fixture(scope="module")
def runs():
    """(row, whether without the patch) -> its runs in the order of the seeds."""
    pairs = book.recorded("patch-laptop"), book.recorded("patch-laptop-control")
    found = {}
    for name, (_, *both) in weight_decay.rows(pairs).items():
        for bare, each in zip((False, True), both, strict=True):
            found[name, bare] = sorted(each, key=lambda run: run.config["seed"])
            assert [run.config["seed"] for run in found[name, bare]] == SEEDS
    return found


@pytest.fixture(scope="module")
def clean(runs):
    return {key: np.array([run.result["clean"] for run in found]) for key, found in runs.items()}


def between(runs, first, last, column="clean"):
    """Mean of a column over the epochs from first to last, by seed."""
    histories = [run.history.set_index("epoch")[column] for run in runs]
    return np.array([history.loc[first:last].mean() for history in histories])


def learnt(runs):
    return [run.result["patch_learned_epoch"] for run in runs]


def test_without_decay_the_large_rate_is_not_behind_before_the_drop(runs):
    for bare in (False, True):
        large, small, plain, usual = (
            between(runs[name, bare], *LAST)
            for name in ("large, no decay", "small, no decay", "large", "small")
        )
        ahead = large - small
        assert 4 < np.mean(ahead) < 5.1  # "four to five points ahead"
        assert interval(ahead)[0] > 0
        assert np.mean(usual - plain) == pytest.approx(10, abs=0.5)  # "with decay ten behind"
        for epoch in range(1, 5):  # "in the first epochs the two cannot be told apart"
            first = [
                between(runs[name, bare], epoch, epoch)
                for name in ("large, no decay", "small, no decay")
            ]
            low, high = interval(first[0] - first[1])
            assert low < 0 < high


def test_the_drop_is_then_worth_less(runs):
    gains = [
        np.mean(between(runs[name, True], 13, 15) - between(runs[name, True], *LAST))
        for name in ("large, no decay", "large")
    ]
    assert gains == [pytest.approx(4, abs=0.5), pytest.approx(19, abs=0.5)]


def test_most_of_the_lead_is_there_without_decay(clean):
    for bare, left, gone in ((False, 10, 2), (True, 6, 2)):
        usual = clean["large", bare] - clean["small", bare]
        none = clean["large, no decay", bare] - clean["small, no decay", bare]
        assert np.mean(none) == pytest.approx(left, abs=0.3)
        assert min(none) > 0
        assert np.mean(usual - none) == pytest.approx(gone, abs=0.4)
        raised = clean["small, no decay", bare] - clean["small", bare]
        assert np.mean(raised) > 0.6 * np.mean(usual - none)  # "mostly the small rate's"
        assert interval(raised)[0] > 0
    with_it = clean["small, no decay", False] - clean["small", False]
    assert np.mean(with_it) == pytest.approx(3, abs=0.1)


def test_what_the_patch_adds_is_as_much(clean):
    added = [
        clean[large, False] - clean[small, False] - clean[large, True] + clean[small, True]
        for large, small in (("large", "small"), ("large, no decay", "small, no decay"))
    ]
    for each in added:
        assert np.mean(each) == pytest.approx(4, abs=0.3)
        assert interval(each)[0] > 0


def test_without_decay_the_patch_is_hidden_less_well(runs):
    large, small = (learnt(runs[f"{arm}, no decay", False]) for arm in ("large", "small"))
    assert all(late > early for late, early in zip(large, small, strict=True))
    assert sum(epoch < 13 for epoch in large) == 2
    assert min(large) == 11  # "in the last epochs before the drop"
    seen = between(runs["large, no decay", False], 12, 12, "patch_only")
    assert sum(20 < each < 50 for each in seen) == 2  # "begins to"
    assert min(learnt(runs["large", False])) > 12


def test_the_small_rate_sinks_by_its_decay(runs):
    for name, falls in (("small", True), ("small, no decay", False)):
        early, late = (between(runs[name, False], *when) for when in ((7, 9), (22, 24)))
        low, high = interval(late - early)
        assert high < 0 if falls else low < 0 < high


def test_with_the_large_rates_decay_a_small_rate_looks_like_a_large_one(runs):
    for bare in (False, True):
        large, small, matched = (
            between(runs[name, bare], 1, 12) for name in ("large", "small", "small, large's decay")
        )
        low, high = interval(large - matched)
        assert low < 0 < high
        assert abs(np.mean(large - matched)) < 1
        assert np.mean(small - matched) == pytest.approx(11, abs=0.1)
        assert interval(small - matched)[0] > 0


def test_it_hides_the_patch_in_four_seeds_of_five(runs):
    matched = runs["small, large's decay", False]
    assert learnt(matched) == [None, None, 22, None, 11]
    best = [run.history.patch_only.iloc[:12].max() for run in matched]
    assert max(best[:4]) < 14  # "near chance until the drop"
    fitted = between(matched, 12, 12, "train_accuracy")
    assert fitted[4] > 80  # "fits its training images far better"
    assert max(fitted[:4]) < 55


def test_without_a_drop_it_ends_far_behind(clean):
    for bare, points in ((False, 23), (True, 21)):
        behind = clean["large", bare] - clean["small, large's decay", bare]
        assert np.mean(behind) == pytest.approx(points, abs=0.3)
        assert interval(behind)[0] > 0
        assert np.mean(clean["small", bare] - clean["small, large's decay", bare]) > 11
