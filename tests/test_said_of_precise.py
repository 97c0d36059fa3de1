"""What is said of statistics taken anew is in the records: puzzle, what_stands and others."""

import numpy as np
import pytest
from intervals import interval

from lrbook import book, sweeps

SEEDS = [5, 6, 7, 8, 9]
DROP = 13


def sorted_runs(name):
    found = {}
    for run in sorted(sweeps.recorded(name).records, key=lambda run: run.config["seed"]):
        found.setdefault(run.config["arm"], []).append(run)
    for runs in found.values():
        assert [run.config["seed"] for run in runs] == SEEDS
        assert {run.config["drop"] for run in runs} == {DROP}
    return found


@pytest.fixture(scope="module")
def bare():
    return sorted_runs("precise-laptop-control")


@pytest.fixture(scope="module")
def patched():
    return sorted_runs("lengths-laptop")


def mean(runs, way, first, last):
    """By seed, over the epochs from first to last."""
    return np.array([run.history.set_index("epoch")[way].loc[first:last].mean() for run in runs])


def behind(runs, way):
    return mean(runs["small"], way, 10, 12) - mean(runs["large"], way, 10, 12)


def test_watching_and_evaluating_twice_changed_nothing(bare, patched):
    for name, watched in (("patch-laptop-control", bare), ("patch-laptop", patched)):
        plain = {(r.config["arm"], r.config["seed"]): r for r in book.recorded(name)}
        for arm, runs in watched.items():
            for run in runs:
                same = plain[arm, run.config["seed"]]
                assert run.history.clean.tolist() == same.history.clean.tolist()


def test_most_of_the_lag_is_the_evaluations(bare, patched):
    always, anew = behind(bare, "clean"), behind(bare, "clean_precise")
    assert np.mean(always) == pytest.approx(9.5, abs=0.6)  # "about ten"
    assert np.mean(anew) == pytest.approx(3, abs=0.4)
    assert interval(anew)[0] > 0  # "a lag of three points is left"
    assert interval(always - anew)[0] > 0


def test_of_the_lag_in_the_nine_epochs_before_them_it_is_about_half(bare):
    always, anew = (
        mean(bare["small"], way, 1, 9) - mean(bare["large"], way, 1, 9)
        for way in ("clean", "clean_precise")
    )
    assert np.mean(anew) / np.mean(always) == pytest.approx(0.5, abs=0.03)
    low, high = interval(anew / always)
    assert 0.4 < low < 0.5 < high < 0.6


def test_the_small_rate_is_a_25th_and_never_drops(bare):
    rates = {arm: {rate for r in runs for rate in r.history.rate} for arm, runs in bare.items()}
    assert len(rates["small"]) == 1
    assert max(rates["large"]) == pytest.approx(25 * max(rates["small"]))


def test_with_the_patch_a_point_is_left(patched):
    """As patch_experiment says: a point of ten, in an interval that takes in zero."""
    always, anew = behind(patched, "clean"), behind(patched, "clean_precise")
    assert np.mean(always) == pytest.approx(10, abs=0.3)
    assert np.mean(anew) == pytest.approx(1, abs=0.3)
    low, high = interval(anew)
    assert low < 0 < high
    assert 3.5 < high < 4  # "to nearly four"
    assert interval(always - anew)[0] > 0


def test_the_curve_loses_its_jumps_and_half_of_its_leap(bare):
    large = bare["large"]
    jumps, leaps = (
        {
            way: np.mean(each)
            for way, each in ((way, measure(way)) for way in ("clean", "clean_precise"))
        }
        for measure in (
            lambda way: [
                r.history.set_index("epoch")[way].loc[4:12].diff().abs().mean() for r in large
            ],
            lambda way: mean(large, way, 13, 15) - mean(large, way, 10, 12),
        )
    )
    assert jumps["clean_precise"] < 0.5 * jumps["clean"]  # "more than half of its jumps"
    assert 0.5 < leaps["clean_precise"] / leaps["clean"] < 0.6


def test_the_small_rate_gains_less(bare):
    small, large = (
        mean(bare[arm], "clean_precise", 10, 12) - mean(bare[arm], "clean", 10, 12)
        for arm in ("small", "large")
    )
    assert interval(small)[0] > 0
    assert interval(large - small)[0] > 0


def test_of_the_lead_at_the_end_seven_points_of_eight_are_there(bare):
    always, anew = (
        mean(bare["large"], way, 22, 24) - mean(bare["small"], way, 22, 24)
        for way in ("clean", "clean_precise")
    )
    assert np.mean(always) == pytest.approx(8.3, abs=0.3)
    assert np.mean(anew) == pytest.approx(7, abs=0.3)
    assert interval(anew)[0] > 0


def test_the_lag_is_seen_on_training_images_as_well(bare, patched):
    assert interval(behind(bare, "train_accuracy"))[0] > 20  # "more than twenty"
    assert interval(behind(patched, "train_accuracy"))[0] > 0
