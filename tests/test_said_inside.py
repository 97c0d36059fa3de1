"""What is said in prose of the runs that were watched inside is in their records."""

import numpy as np
import pandas as pd
import pytest
from intervals import interval

from lrbook import book, covered
from lrbook.stats import mean_interval
from lrbook.vision import histories


def watched(arm):
    return book.histories(book.recorded("patch-laptop-watched"))[arm]


def ratio(history, column, rows):
    """Examples with image and patch over those with the image alone."""
    one, two = (history[f"{column}_{kind}"] for kind in ("both", "image"))
    return rows(one).mean() / rows(two).mean()


@pytest.mark.parametrize(
    ("arm", "low", "high"), [("large", 2.5, 4.0), ("small", 0.29, 0.6), ("noise", 0.4, 2.2)]
)
def test_inside_the_network_who_teaches_the_picture_to_the_end(arm, low, high):
    """64 / 20 = 3.2 is their ratio by number; the large arm keeps it, the small one does not."""
    start = [ratio(h, "share", lambda x: x.head(3)) for h in watched(arm)]
    end = [
        histories.at_the_end(h, "share_both") / histories.at_the_end(h, "share_image")
        for h in watched(arm)
    ]
    assert len(end) == 10
    assert 2.3 < min(start) <= max(start) < 4.2
    assert np.mean(start) == pytest.approx(3.2, abs=0.3)
    assert low < min(end) <= max(end) < high
    if arm == "large":
        mean, half = mean_interval(end)
        assert abs(mean - 3.2) < half < 0.4
    per_example = [ratio(h, "loss", lambda x: x.tail(3)) for h in watched(arm)]
    assert sum(each > 1 for each in per_example) == (9 if arm == "large" else 0)


def at_the_end(arm, column):
    return np.array([histories.at_the_end(h, column) for h in watched(arm)])


@pytest.mark.parametrize("arm", ["large", "small", "noise"])
def test_inside_the_network_no_kind_pulls_clearly_more_than_patch_only_the_least_fitted(arm):
    for kind in ("image", "both"):
        gaps = at_the_end(arm, "share_patch") - at_the_end(arm, f"share_{kind}")
        mean, half = mean_interval(gaps)
        assert mean > -half
        if arm == "noise":
            assert mean > half
        fitted = at_the_end(arm, "fitted_patch"), at_the_end(arm, f"fitted_{kind}")
        assert fitted[0].mean() < fitted[1].mean() - 3


def test_inside_the_network_in_seven_seeds_the_large_arms_share_from_both_falls_before_the_drop():
    """And not for long: the means over seeds are about the share by number up to the drop."""
    drop = book.recorded("patch-laptop-watched")[0].config["drop"]
    before = [h[h.epoch < drop].share_both for h in watched("large")]
    assert (sum((shares < 0.5).any() for shares in before), len(before)) == (7, 10)
    assert max((shares < 0.5).sum() for shares in before) <= 3
    assert np.mean(before, axis=0).min() > 0.6


def test_inside_the_network_in_eight_seeds_noise_has_less_from_both_than_from_the_image_alone():
    gaps = at_the_end("noise", "share_image") - at_the_end("noise", "share_both")
    mean, half = mean_interval(gaps)
    assert ((gaps > 0).sum(), len(gaps)) == (8, 10)
    assert 0 < mean < half


def test_in_one_seed_of_ten_the_large_arm_has_begun_to_use_the_patch():
    """It hardly goes by it in the others, as its head and its answers to a wrong patch show."""
    reads = at_the_end("large", "reads_patch_3")
    followed = at_the_end("large", "wrong_patch_followed")
    mixed, known = at_the_end("large", "mixed"), at_the_end("large", "patch_only")
    seed = int(np.argmax(reads))
    assert book.by_arm(book.recorded("patch-laptop-watched"))["large"][seed].config["seed"] == 11
    assert (reads[seed], followed[seed]) == (
        pytest.approx(42, abs=1),
        pytest.approx(20, abs=1),
    )
    ahead = [histories.patch_advantage(h) for h in watched("large")]
    assert [each > 0 for each in ahead] == [place == seed for place in range(10)]
    assert mixed.argmax() == seed
    others = np.arange(10) != seed
    assert reads[others].max() < 18
    assert followed[others].max() < 8
    assert known.min() > 70
    low = {arm: at_the_end(arm, "wrong_patch_followed").min() for arm in ("small", "noise")}
    assert low["small"] > 75
    assert low["noise"] > 45


def test_inside_the_network_where_the_patch_becomes_readable_the_picture_fades():
    """On all ten seeds, of pictures that carry a patch."""
    for arm in ("small", "noise"):
        best = [h.reads_image_3.rolling(3).mean().max() for h in watched(arm)]
        falls = np.array(best) - at_the_end(arm, "reads_image_3")
        assert len(falls) == 10
        assert interval(falls)[0] > 5


@pytest.fixture(scope="module")
def read():
    """With the patch in training and without, five seeds each, that were read in three ways."""
    with_patch = covered.with_readers(book.recorded("patch-laptop-watched"))
    without = covered.without_patch(with_patch)
    for runs, arms in ((with_patch, 3), (without, 2)):
        assert len(runs) == 5 * arms
        assert sorted({run.config["seed"] for run in runs}) == [5, 6, 7, 8, 9]
    return with_patch, without


def gaps(read, name):
    """Of large and of small: with the patch in training less without, seed by seed."""
    trained, bare = map(covered.readings_by_arm, read)
    return [(trained[arm][name] - bare[arm][name]).to_numpy() for arm in ("large", "small")]


def test_inside_the_network_less_is_lost_of_whole_pictures(read):
    """In part what_stands says so, too, and what_if."""
    trained, bare = map(covered.readings_by_arm, read)
    fall = "its fall to the end"
    assert trained["small"][fall].mean() == pytest.approx(4, abs=0.3)
    assert bare["small"][fall].mean() == pytest.approx(2, abs=0.3)
    more = gaps(read, fall)[1]  # "about two points more than without one", in what_if
    assert interval(more)[0] > 0
    assert more.mean() == pytest.approx(2, abs=0.1)
    assert 4 < trained["noise"][fall].mean() < 5
    falls = [  # of pictures with a patch, from the same moment
        covered.at_best(h).reads_image_3.mean() - h.reads_image_3.tail(3).mean()
        for h in book.histories(read[0])["small"]
    ]
    assert np.mean(falls) == pytest.approx(13, abs=0.1)
    whole = trained["small"][fall].to_numpy()
    assert interval(np.array(falls) - whole)[0] > 0  # "by far more", in what_stands
    assert np.mean(falls) > 3 * whole.mean()
    large, small = gaps(read, "whole, best (%)")
    for less, told in ((large, 3.5), (small, 4.5)):
        assert -less.mean() == pytest.approx(told, abs=0.15)
        assert interval(less)[1] < 0


def test_inside_the_network_some_of_the_reading_without_the_centre_is_lost(read):
    trained, bare = map(covered.readings_by_arm, read)
    then, end = "$z$ costs, then", "$z$ costs, at the end"
    assert 1 < trained["small"][then].mean() < 2
    assert trained["small"][end].mean() == pytest.approx(6, abs=0.2)
    costs = [found[time].mean() for found in bare.values() for time in (then, end)]
    assert 4 < min(costs) <= max(costs) < 5.1
    assert (gaps(read, end)[1] > 0).all()  # "no less than it costs one that never saw any"
    growth = {arm: found[end] - found[then] for arm, found in trained.items()}
    assert interval(growth["small"].to_numpy())[0] > 0
    assert interval(growth["noise"].to_numpy())[0] > 0
    assert abs(growth["large"].mean()) < 0.1
    for moments in zip(*(book.histories(read[0])[arm] for arm in ("small", "noise")), strict=True):
        early, late = (covered.at_best(history).epoch.max() for history in moments)
        assert early < late  # "later"


def test_inside_the_network_the_rest_is_seen_only_where_there_is_a_pattern(read):
    trained, bare = map(covered.readings_by_arm, read)
    end = "a patch beyond it, at the end"
    for arm in ("small", "noise"):
        assert trained[arm][end].mean() == pytest.approx(5.75, abs=0.1)  # "nearly six"
        assert interval(trained[arm][end].to_numpy())[0] > 0
    for nothing in (trained["large"], *bare.values()):
        assert abs(nothing[end].mean()) < 0.5


def test_inside_the_network_a_run_made_once_more_is_the_same_to_the_last_number():
    """With instruments as without: all that the run without has in its history."""
    plain = book.by_arm(book.recorded("patch-laptop"))
    for arm, runs in book.by_arm(book.recorded("patch-laptop-watched")).items():
        for run in runs:
            [same] = [r for r in plain[arm] if r.config["seed"] == run.config["seed"]]
            pd.testing.assert_frame_equal(
                run.history[list(same.history)], same.history, check_exact=True
            )
