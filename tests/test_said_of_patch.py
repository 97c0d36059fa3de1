"""What is said in prose of when the patch is known, and of runs without it, is in the records."""

import numpy as np
import pytest

from lrbook import book, patch_cost, sweeps
from lrbook.stats import mean_interval
from lrbook.vision import histories


@pytest.fixture(scope="module")
def runs():
    return book.by_arm(book.recorded("patch-laptop"))


def epochs_above(found, level):
    """Seed -> the first epoch with more than ``level`` percent of the patch-only images right."""
    return {
        run.config["seed"]: histories.first_above(run.history, "patch_only", level) for run in found
    }


def test_patch_data_another_threshold_leaves_the_order_of_the_arms(runs):
    chosen = {arm: epochs_above(found, 50) for arm, found in runs.items()}
    missed, ties = set(), set()
    for level in range(30, 91, 5):
        at = {arm: epochs_above(found, level) for arm, found in runs.items()}
        missed |= {(arm, s) for arm, found in at.items() for s, e in found.items() if e is None}
        for seed in chosen["small"]:
            assert at["small"][seed] < at["noise"][seed] <= (at["large"][seed] or np.inf)
            ties |= {seed} if at["noise"][seed] == at["large"][seed] else set()
        shifts = [
            abs(epoch - chosen[arm][seed])
            for arm, found in at.items()
            for seed, epoch in found.items()
            if epoch is not None
        ]
        assert max(shifts) <= 3
    assert missed == {("large", 10)}
    assert len(ties) == 1
    assert sum(map(len, runs.values())) == 30
    [stopped] = [run for run in runs["large"] if run.config["seed"] == 10]
    assert 75 < stopped.history.patch_only.max() < 80


def test_on_mixed_images_small_and_noise_are_not_apart():
    assert book.standing(book.recorded("patch-laptop"), "mixed", "small", "noise") == (
        "not apart from"
    )


def test_within_the_small_arm_the_picture_comes_before_the_patch(runs):
    """As patch_experiment, inside_the_network, what_if, what_stands and the README say."""
    for arm in ("small", "large"):
        assert len(runs[arm]) == 10
        for run in runs[arm]:
            learnt, clean = run.result["patch_learned_epoch"], run.history.clean
            if learnt is not None:
                assert clean.iloc[:learnt].max() > 0.95 * clean.max()
                assert run.history.patch_only.iloc[: learnt - 1].max() <= 50
    watched = book.by_arm(book.recorded("patch-laptop-watched"))["small"]
    fitted = []
    for run in watched:
        half = (run.history.fitted_patch > 50).idxmax()
        fitted.append(run.history.fitted_image[half])
    assert len(fitted) == 10
    assert np.median(fitted) == pytest.approx(75, abs=2)
    assert sum(65 < each < 85 for each in fitted) == 9
    assert min(fitted) == pytest.approx(60, abs=1)


def test_activation_noise_on_the_schedule_of_the_patch_noise_ends_far_below_the_large_rate():
    control = book.by_arm(book.recorded("patch-laptop-control"))
    ends = {
        arm: {run.config["seed"]: run.result["clean"] for run in found}
        for arm, found in control.items()
    }
    behind = [ends["large"][seed] - value for seed, value in ends["noise"].items()]
    assert len(behind) == 10
    assert min(behind) > 3
    assert np.mean(behind) == pytest.approx(5, abs=0.5)
    plain = book.recorded("cifar-laptop")
    assert plain[0].config["eta2"] > book.recorded("patch-laptop")[0].config["eta2"]


def test_activation_noise_just_before_the_drop_noise_is_ahead_of_small():
    plain = book.by_arm(book.recorded("cifar-laptop"))
    drop = plain["small"][0].config["drop"]
    before = {
        arm: {
            run.config["seed"]: histories.mean_before_drop(run.history, "clean", drop)
            for run in found
        }
        for arm, found in plain.items()
    }
    mean, half = mean_interval([before["noise"][s] - v for s, v in before["small"].items()])
    assert mean > half
    mean, half = mean_interval([before["small"][s] - v for s, v in before["large"].items()])
    assert mean > 5 * half


def test_what_if_how_late_wsd_learns_the_patch():
    large = sweeps.recorded("what-if-laptop-schedule").select(schedule="wsd")
    little = [run for run in large if run.result["patch_only"] < 35]
    assert (len(large), len(little)) == (5, 3)
    last = [run.history.patch_only.iloc[-1] > 50 for run in little]
    assert sum(last) == 2
    assert all(
        run.result["patch_learned_epoch"] == 24 for run in little if run.result["patch_only"] > 20
    )


def test_what_if_without_any_patch_the_large_arm_comes_down_too():
    falls = []
    for run in book.by_arm(book.recorded("patch-laptop-control"))["large"]:
        falls.append(run.history.clean.rolling(3).mean().max() - run.result["clean"])
    assert np.mean(falls) == pytest.approx(2.25, abs=0.15)
    assert min(falls) > 0.5


def test_patch_experiment_a_pattern_too_weak_costs_both_arms_alike():
    control = {
        (run.config["arm"], run.config["seed"]): run.result["clean"]
        for run in book.recorded("patch-laptop-control")
    }
    weak = sweeps.recorded("what-if-laptop-pattern").select(pattern=0.1)
    lost = {"large": [], "small": []}
    for run in weak:
        assert run.result["patch_learned_epoch"] is None
        place = run.config["arm"], run.config["seed"]
        lost[place[0]].append(control[place] - run.result["clean"])
    assert [len(values) for values in lost.values()] == [5, 5]
    for values in lost.values():
        assert np.mean(values) == pytest.approx(2, abs=0.5)


def test_patch_experiment_how_restless_the_network_is_after_noise():
    """Full size: single epochs near the end fall below the one before, once by nine points."""
    [noise] = book.by_arm(book.if_recorded("patch-paper"))["noise"]
    late = noise.history.clean.tail(10)
    assert -late.diff().min() == pytest.approx(9.2, abs=0.1)
    assert (late.diff() < -1).sum() >= 2


def test_patch_experiment_what_the_patch_could_cost_at_most():
    """It is as many images as the patch leaves alone; half and less than a third are paid."""
    few = book.sweep("patch-laptop-few")
    whole, bare = (
        patch_cost.alike(book.recorded(f"patch-laptop{what}"), few.records)
        for what in ("", "-control")
    )
    assert len(whole) == len(bare) == 10
    settings = whole[0].config
    fifths = [few.select(epochs=24), few.select(epochs=120)]
    for group, times in zip(fifths, (1, 5), strict=True):
        assert len(group) == 10
        for run in group:
            assert run.config["carrier_share"] == 0
            assert run.config["train_size"] == pytest.approx(settings["train_size"] / 5)
            assert run.config["epochs"] == times * settings["epochs"]
            assert run.config["drop"] - 1 == times * (settings["drop"] - 1)
        most, paid = patch_cost.cost(group, bare), patch_cost.cost(whole, bare)
        assert np.mean(paid["small"]) / np.mean(most["small"]) == pytest.approx(0.5, abs=0.03)
        assert 0.25 < np.mean(paid["large"]) / np.mean(most["large"]) < 1 / 3
        leads = [
            book.paired_difference(runs, "clean", "large", "small")[0] for runs in (group, bare)
        ]
        assert abs(leads[0] - leads[1]) < 1.5  # "by about as much"
