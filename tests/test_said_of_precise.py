"""What is said of statistics taken anew is in the records: puzzle, what_stands and others."""

import numpy as np
import pytest
import torch
from intervals import interval

from lrbook import book, precise, sweeps
from lrbook.vision import norm_statistics

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


@pytest.fixture(scope="module")
def plain():
    return sorted_runs("precise-cifar-laptop")


def mean(runs, way, first, last):
    """By seed, over the epochs from first to last."""
    return np.array([run.history.set_index("epoch")[way].loc[first:last].mean() for run in runs])


def behind(runs, way):
    return mean(runs["small"], way, 10, 12) - mean(runs["large"], way, 10, 12)


def test_watching_and_evaluating_twice_changed_nothing(bare, patched, plain):
    bases = {"patch-laptop-control": bare, "patch-laptop": patched, "cifar-laptop": plain}
    for name, watched in bases.items():
        usual = {(r.config["arm"], r.config["seed"]): r for r in book.recorded(name)}
        for arm, runs in watched.items():
            for run in runs:
                same = usual[arm, run.config["seed"]]
                assert run.history.clean.tolist() == same.history.clean.tolist()


def test_on_plain_images_half_of_the_lag_is_the_evaluations(plain):
    always, anew = behind(plain, "clean"), behind(plain, "clean_precise")
    assert 11.5 < np.mean(always) < 12  # "nearly twelve"
    assert np.mean(anew) == pytest.approx(6, abs=0.1)
    assert interval(anew)[0] > 0
    assert interval(always - anew)[0] > 0
    early = [
        np.mean(mean(plain["small"], way, 1, 9) - mean(plain["large"], way, 1, 9))
        for way in ("clean", "clean_precise")
    ]
    assert early == [pytest.approx(15, abs=0.3), pytest.approx(9, abs=0.4)]
    table = precise.table([*plain["large"], *plain["small"]]).set_index(
        "points on CIFAR-10 (JPEG copy) (5 pairs)"
    )
    told = [[float(words.split()[0]) for words in row] for row in table.to_numpy()]
    assert told[0] == [pytest.approx(11.7, abs=0.06), 6.0, 6.0]
    assert told[1] == [pytest.approx(16, abs=0.2), 9.5, 9.5]  # "nine and a half for sixteen"
    for jumps in told[3:]:
        assert jumps[2] / jumps[0] == pytest.approx(0.5, abs=0.07)  # "about half of their jumps"
    assert told[3][0] > 2 * told[4][0]  # "larger at the large rate"


def test_on_plain_images_the_small_rate_gains_three_for_nine(plain):
    gains = {
        arm: mean(plain[arm], "clean_precise", 10, 12) - mean(plain[arm], "clean", 10, 12)
        for arm in ("small", "large")
    }
    assert np.mean(gains["small"]) == pytest.approx(3, abs=0.1)
    assert np.mean(gains["large"]) == pytest.approx(9, abs=0.4)
    assert interval(gains["small"])[0] > 0


def test_by_as_few_images_of_weights_at_rest_the_lag_is_that_by_those_taken_anew(plain):
    for first, last in ((1, 9), (10, 12)):
        rest, anew = (
            mean(plain["small"], way, first, last) - mean(plain["large"], way, first, last)
            for way in ("clean_at_rest", "clean_precise")
        )
        assert np.mean(rest) == pytest.approx(np.mean(anew), abs=0.1)  # "to a tenth of a point"
    config = plain["large"][0].config
    momentum, size = torch.nn.BatchNorm2d(1).momentum, config["batch"]
    epoch = [size] * (config["train_size"] // size) + [config["train_size"] % size]
    running = averaged([momentum * (1 - momentum) ** k for k in range(300)], epoch[::-1])
    assert running == pytest.approx(1000, abs=30)
    assert norm_statistics.IMAGES == 2048 == 32 * size
    resting = [momentum * (1 - momentum) ** k + (1 - momentum) ** 32 / 32 for k in range(32)]
    assert averaged(resting, [size] * 32) / running < 1.15  # "of hardly more"


def averaged(weights, sizes):
    """How many images a mean over as many would be of that is as noisy as one with weights."""
    return 1 / sum(w * w / size for w, size in zip(weights, sizes, strict=False))


def test_on_plain_images_the_end_does_not_change(plain):
    for way in ("clean", "clean_at_rest", "clean_precise"):
        ahead = mean(plain["large"], way, 22, 24) - mean(plain["small"], way, 22, 24)
        assert 1.5 < np.mean(ahead) < 2
        low, high = interval(ahead)
        assert low < 0 < high


def test_up_to_the_drop_the_large_runs_are_the_same_without_a_patch(bare, plain):
    for one, other in zip(bare["large"], plain["large"], strict=True):
        for name in ("clean", "clean_precise", "train_loss"):
            assert one.history[name][:12].tolist() == other.history[name][:12].tolist()


def test_it_is_as_many_points_beside_the_smaller_rate(bare, patched, plain):
    six, again, nine = (
        behind(runs, "clean") - behind(runs, "clean_precise") for runs in (plain, bare, patched)
    )
    assert [np.mean(six), np.mean(again)] == [pytest.approx(6, abs=0.3)] * 2
    low, high = interval(six - again)
    assert low < 0 < high
    assert np.mean(nine) == pytest.approx(9, abs=0.2)  # "nine with it" in weight_decay


def test_without_a_patch_three_points_of_about_ten_are_left(bare):
    always, anew = behind(bare, "clean"), behind(bare, "clean_precise")
    rest = behind(bare, "clean_at_rest")
    assert np.mean(rest) == pytest.approx(np.mean(anew), abs=0.15)  # "to about a tenth of a point"
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
    low, high = interval(always - anew)
    assert low < 0 < high


def test_the_lag_is_seen_on_training_images_as_well(bare, patched, plain):
    for runs in (bare, plain):
        assert interval(behind(runs, "train_accuracy"))[0] > 20  # "more than twenty"
    first, *_, last = (
        np.mean(mean(plain["small"], name, at, at) - mean(plain["large"], name, at, at))
        for name, at in (("train_accuracy", 1), ("train_accuracy", 12))
    )
    assert first == pytest.approx(5, abs=0.5)  # "grows from five points in the first epoch"
    assert last > 20
    lags = [
        np.mean(mean(plain["small"], way, *when) - mean(plain["large"], way, *when))
        for way in ("clean", "clean_precise")
        for when in ((1, 3), (10, 12))
    ]
    assert lags[0] > lags[1]  # "while the lag on new images does not"
    assert lags[2] > lags[3]
    assert interval(behind(patched, "train_accuracy"))[0] > 0
