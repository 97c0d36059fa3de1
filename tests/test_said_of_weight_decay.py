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


def test_with_a_drop_as_well_it_does_what_the_large_rate_does(runs, clean):
    both, large = (
        {bare: clean[name, bare] for bare in (False, True)}
        for name in ("small, drops, large's decay", "large")
    )
    ahead = both[True] - large[True]
    assert 1 < min(ahead) < max(ahead) < 4  # "in every seed, by one to four points"
    assert interval(ahead)[0] > 0
    beside = both[False] - large[False]
    assert 5.5 < -interval(beside)[0] < 6  # "reaches to a lead of nearly six points"
    assert max(abs(beside[:4])) < 3.5  # "within three points", rounded
    assert beside[4] == pytest.approx(-7, abs=0.3)
    low, high = interval(beside)
    assert low < 0 < high
    late = learnt(runs["small, drops, large's decay", False])
    assert late[4] < 13 < min(late[:4])
    assert max(late[:4]) <= max(learnt(runs["large", False])) == 21
    for bare in (False, True):
        gained = both[bare] - clean["small, drops, too", bare]
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
