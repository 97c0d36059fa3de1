"""What is said of the large rate without its noise, and with it given back, is in the records."""

import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from lrbook import book, larger_batches, noisy_steps, sweeps

NAMES = ("what-if-base", "what-if-noise", "noise-taken-away", "noise-given-back")
BASE, QUARTER, SIXTEENTH = (64, 0.0), (256, 0.0), (1024, 0.0)
QUARTER_BACK, SIXTEENTH_BACK = (256, 1.73), (1024, 3.87)
CHANCE = 20
"""Percent of blank images: below it in every epoch, and near ten on average, is by guessing."""


@pytest.fixture(scope="module")
def groups():
    found = larger_batches.recorded(*NAMES)
    assert list(found) == [BASE, QUARTER, QUARTER_BACK, SIXTEENTH, SIXTEENTH_BACK]
    for runs in found.values():
        assert sorted(run.config["seed"] for run in runs) == [5, 6, 7, 8, 9]
        assert {run.config["arm"] for run in runs} == {"large"}
    return found


def up_to_the_drop(run, column):
    """By epoch; counted here by hand."""
    return run.history.set_index("epoch")[column].loc[: run.config["drop"] - 1].to_numpy()


def clear(values):
    """Half-width of the 95 % interval of their mean."""
    interval = ttest_1samp(values, 0).confidence_interval()
    return (interval.high - interval.low) / 2


def late(runs, column):
    """Mean over the last quarter of the epochs before the drop, by run."""
    found = (up_to_the_drop(run, column) for run in runs)
    return np.array([values[-len(values) // 4 :].mean() for values in found])


def test_all_take_as_many_steps_of_one_length(groups):
    for (batch, level), runs in groups.items():
        config = runs[0].config
        assert config["batch"] == batch
        assert (config["eta1"], config["train_size"]) == (0.5, 10_000)
        steps = (config["drop"] - 1) * math.ceil(10_000 / batch)
        assert steps == pytest.approx(1256, rel=0.02)
        if level:
            assert batch / noisy_steps.variance(level) == pytest.approx(64, rel=0.005)
    # "a sixteenth of the noise, not much more than the small rate has, a 25th"
    assert 0.5 / groups[BASE][0].config["eta2"] == pytest.approx(25)


def test_with_a_sixteenth_of_the_noise_the_patch_comes_through_in_every_seed(groups):
    found = sweeps.recorded("what-if-base").records
    small = {
        r.config["seed"]: r.result["patch_learned_epoch"]
        for r in found
        if r.config["arm"] == "small"
    }
    for run in groups[SIXTEENTH]:
        learnt = run.result["patch_learned_epoch"]
        # the small rate learns it within the 157 steps of this epoch of its own
        assert 10 * learnt < 157 * small[run.config["seed"]]
        known = up_to_the_drop(run, "patch_only")[learnt:]
        assert np.median(known) > 95
    assert late(groups[SIXTEENTH], "patch_only").min() > 90


def test_with_a_quarter_of_it_seeds_differ(groups):
    best = [up_to_the_drop(run, "patch_only").max() for run in groups[QUARTER]]
    assert sum(each > 95 for each in best) == 2
    assert all(100 / 3 < each < 200 / 3 for each in sorted(best)[:3])


@pytest.mark.parametrize(("kind", "seeing"), [(BASE, 0), (QUARTER_BACK, 0), (SIXTEENTH_BACK, 1)])
def test_with_the_noise_it_stays_near_chance(groups, kind, seeing):
    best = sorted(up_to_the_drop(run, "patch_only").max() for run in groups[kind])
    assert sum(each > CHANCE for each in best) == seeing
    assert sorted(late(groups[kind], "patch_only"))[: 5 - seeing] == pytest.approx(
        [10] * (5 - seeing), abs=2
    )
    if seeing:
        assert best[-1] == pytest.approx(25, abs=1)
        assert late(groups[kind], "patch_only").max() < CHANCE


def test_with_the_largest_batches_the_noise_does_not_slow_the_pictures(groups):
    gained = late(groups[SIXTEENTH_BACK], "clean") - late(groups[SIXTEENTH], "clean")
    assert 0 < gained.mean() < 5  # "as good as without the noise, or a little better"
    assert gained.min() > -3


def test_with_batches_four_times_as_large_it_does_until_the_drop(groups):
    before = late(groups[QUARTER_BACK], "clean") - late(groups[QUARTER], "clean")
    assert before.mean() == pytest.approx(-8, abs=0.5)
    plain, noisy = (
        book.by_seed(groups[each], "large", "clean") for each in (QUARTER, QUARTER_BACK)
    )
    ends = [noisy[seed] - plain[seed] for seed in plain]
    assert abs(np.mean(ends)) < clear(ends)
    assert all(run.result["patch_learned_epoch"] is None for run in groups[QUARTER_BACK])


def test_the_picture_is_as_its_description_says(groups):
    means = {
        kind: np.mean([up_to_the_drop(run, "patch_only") for run in runs], axis=0)
        for kind, runs in groups.items()
    }
    by_four, by_sixteen = means[QUARTER], means[SIXTEENTH]
    assert by_four[: 800 // 40].max() < 20 < by_four[900 // 40 :].min()
    assert 45 < by_four[-5:].max() < 55
    assert by_sixteen[: 240 // 10].max() < 20 < 30 < by_sixteen[250 // 10 : 500 // 10].max()
    assert by_sixteen[900 // 10 :].min() > 80
    for kind in (BASE, QUARTER_BACK, SIXTEENTH_BACK):
        assert means[kind].max() < 15


def test_the_tables_numbers_are_those_of_the_records(groups):
    table = larger_batches.table(groups)
    for row, runs in zip(table.to_dict("records"), groups.values(), strict=True):
        for head, column in (
            ("blank images with a patch (%)", "patch_only"),
            ("clean images (%)", "clean"),
        ):
            assert float(row[head].split("\N{NO-BREAK SPACE}")[0]) == pytest.approx(
                late(runs, column).mean(), abs=0.051
            )
    assert set(table.columns[:1]) == {"large rate, on CIFAR-10 (JPEG copy): batch of"}


def test_runs_that_are_longer_let_the_patch_through(groups):
    longer = book.by_arm(sweeps.recorded("what-if-longer").records)["large"]
    assert all(run.result["patch_learned_epoch"] < run.config["drop"] for run in longer)
