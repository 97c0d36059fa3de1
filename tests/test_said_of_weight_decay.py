"""What is said of weight decay is in the records: the chapter weight_decay and other pages."""

import numpy as np
import pytest
from intervals import interval

from lrbook import book, weight_decay

SEEDS = [5, 6, 7, 8, 9]
TEN = range(5, 15)
BOTH = "small, drops, large's decay"
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


@pytest.fixture(scope="module")
def ten():
    """(row, whether without the patch) -> its runs in the order of ten seeds."""
    pairs = book.recorded("patch-laptop"), book.recorded("patch-laptop-control")
    rows = weight_decay.every_seed(pairs)
    found = {
        (name, bare): sorted(rows[name].runs(bare), key=lambda run: run.config["seed"])
        for name in ("large", "small", "small, drops, too", BOTH)
        for bare in (False, True)
    }
    assert {tuple(run.config["seed"] for run in each) for each in found.values()} == {(*TEN,)}
    return found


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
        for epoch in range(5, 13):  # "from the fifth on its mean is ahead"
            large, small = (
                between(runs[f"{arm}, no decay", bare], epoch, epoch) for arm in ("large", "small")
            )
            assert np.mean(large - small) > 0


def test_without_decay_the_large_rate_is_behind_after_the_first_epoch(runs):
    behind = [
        between(runs["small, no decay", bare], 1, 1) - between(runs["large, no decay", bare], 1, 1)
        for bare in (False, True)
    ]
    both = np.mean(behind, axis=0)
    assert np.mean(both) == pytest.approx(5, abs=0.3)
    assert interval(both)[0] > 0


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


def test_soon_after_the_drop_the_large_rate_is_higher_with_decay(runs):
    for bare in (False, True):
        (soon, late), (soon_none, late_none), (small, _), (small_none, _) = (
            [between(runs[name, bare], *when) for when in ((14, 16), (22, 24))]
            for name in ("large", "large, no decay", "small", "small, no decay")
        )
        assert 1.9 < np.mean(soon - soon_none) < 3  # "two to three points higher"
        assert interval(soon - soon_none)[0] > 0
        assert np.mean(soon - soon_none) > np.mean(small_none - small)  # "rather the large rate's"
        assert 1.9 < np.mean(soon - late) < 3.2  # "sinks by two to three"
        low, high = interval(soon_none - late_none)
        assert low < 0 < high


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


def test_up_to_the_drop_the_two_with_the_large_rates_decay_are_the_same(runs):
    for bare in (False, True):
        stays, drops = runs["small, large's decay", bare], runs[BOTH, bare]
        for one, other in zip(stays, drops, strict=True):
            assert one.history.clean[:12].tolist() == other.history.clean[:12].tolist()


def test_with_the_large_rates_decay_a_small_rate_looks_like_a_large_one(ten):
    for bare in (False, True):
        large, small, matched = (
            between(ten[name, bare], 1, 12) for name in ("large", "small", BOTH)
        )
        low, high = interval(large - matched)
        assert low < 0 < high
        assert max(abs(low), abs(high)) < 3  # "to within two or three points"
        assert np.mean(small - matched) == pytest.approx(10.7, abs=0.3)  # "nearly eleven"
        assert interval(small - matched)[0] > 0


def test_it_hides_the_patch_in_nine_seeds_of_ten(runs, ten):
    assert learnt(runs["small, large's decay", False]) == [None, None, 22, None, 11]
    matched = ten[BOTH, False]
    best = np.array([run.history.patch_only.iloc[:12].max() for run in matched])
    hides = best < 14  # "near chance until the drop"
    assert hides.sum() == 9
    [known] = np.array(learnt(matched))[~hides]
    assert known == 11
    fitted = between(matched, 12, 12, "train_accuracy")
    assert min(fitted[~hides]) > 80  # "fits its training images far better"
    assert max(fitted[hides]) < 55


def test_without_a_drop_it_ends_far_behind(clean):
    for bare, points in ((False, 23), (True, 21)):
        behind = clean["large", bare] - clean["small, large's decay", bare]
        assert np.mean(behind) == pytest.approx(points, abs=0.3)
        assert interval(behind)[0] > 0
        assert np.mean(clean["small", bare] - clean["small, large's decay", bare]) > 11


def test_with_a_drop_as_well_it_does_what_the_large_rate_does(ten):
    ends = {key: np.array([run.result["clean"] for run in found]) for key, found in ten.items()}
    ahead = ends[BOTH, True] - ends["large", True]
    assert 0 < min(ahead) < max(ahead) < 4  # "in every seed, by up to four points"
    assert np.mean(ahead) == pytest.approx(2, abs=0.1)
    assert interval(ahead)[0] > 0
    beside = ends[BOTH, False] - ends["large", False]
    assert interval(beside) == pytest.approx((-2.2, 2.2), abs=0.2)  # "to within about two points"
    late = np.array(learnt(ten[BOTH, False]))
    hidden = late >= 13
    assert max(abs(beside[hidden])) < 5
    assert (abs(beside[hidden]) < 1.2).sum() == 7  # "in seven of the nine little more than one"
    assert beside[~hidden] == pytest.approx([-7], abs=0.3)
    usual = learnt(ten["large", False])
    assert min(usual) - 1 <= min(late[hidden]) <= max(late[hidden]) <= max(usual) + 1
    for bare in (False, True):
        gained = ends[BOTH, bare] - ends["small, drops, too", bare]
        assert np.mean(gained) == pytest.approx(5, abs=0.5)  # "about five points lower"
        assert interval(gained)[0] > 0


@pytest.fixture(scope="module")
def watched():
    """Row -> its watched run, with lengths, and the run itself."""
    found = weight_decay.watched(book.recorded("patch-laptop"))
    return {
        row: (weight_decay.with_lengths(run.history).set_index("epoch"), run)
        for row, [run] in found.items()
    }


def test_watching_changed_nothing(watched, runs):
    for row, (history, run) in watched.items():
        [same] = [r for r in runs[row, False] if r.config["seed"] == run.config["seed"]]
        assert history.clean.tolist() == same.history.clean.tolist()


def test_the_lengths_say_why(watched):
    large, none, small, both, stays = (
        watched[row][0]
        for row in (
            "large", "large, no decay", "small", "small, drops, large's decay",
            "small, large's decay",
        )
    )  # fmt: skip
    assert both.length.loc[4:12].to_numpy() / large.length.loc[4:12].to_numpy() == pytest.approx(
        0.2, abs=0.03
    )  # "a fifth as long"
    together = both.effective / large.effective
    for each in (large, both):  # "neither length has quite come to rest"
        assert each.length.loc[12] > 1.1 * each.length.loc[4]
    assert abs(together.loc[4:] - 1).max() < 0.2
    assert stays.effective.loc[:12].tolist() == both.effective.loc[:12].tolist()
    assert 0.9 < stays.effective.loc[13:].mean() / stays.effective.loc[10:12].mean() < 1
    assert 5 < none.length.loc[12] < 6
    assert none.effective.loc[12] / none.effective.loc[1] == pytest.approx(0.1, abs=0.01)
    assert none.effective.loc[12] < small.effective.loc[1]
    idle = watched["small, no decay"][0]
    assert idle.effective.is_monotonic_decreasing
    assert small.effective.loc[24] > small.effective.loc[12]
