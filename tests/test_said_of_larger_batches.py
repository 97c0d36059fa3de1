"""What is said of the large rate without its noise, and with it given back, is in the records."""

import math

import numpy as np
import pytest

from lrbook import book, larger_batches, noisy_steps, sweeps

NAMES = ("what-if-base", "what-if-noise", "noise-taken-away", "noise-given-back")
BASE, QUARTER, SIXTEENTH = (64, 0.0), (256, 0.0), (1024, 0.0)
QUARTER_BACK, SIXTEENTH_BACK = (256, 1.73), (1024, 3.87)
CHANCE = 15
"""Percent of blank images that no run gets right by guessing, as far as 2,000 images tell."""


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
    small = [run for run in sweeps.recorded("what-if-base").records if run.config["arm"] == "small"]
    of_small = [157 * run.result["patch_learned_epoch"] for run in small]
    for run in groups[SIXTEENTH]:
        learnt = run.result["patch_learned_epoch"]
        assert 10 * learnt < min(of_small)  # "after fewer steps than the small rate needs"
        assert up_to_the_drop(run, "patch_only").max() > 90
    assert late(groups[SIXTEENTH], "patch_only").min() > 90


def test_with_a_quarter_of_it_seeds_differ(groups):
    best = [up_to_the_drop(run, "patch_only").max() for run in groups[QUARTER]]
    assert sum(each > 95 for each in best) == 2
    assert all(100 / 3 < each < 200 / 3 for each in sorted(best)[:3])


@pytest.mark.parametrize("kind", [BASE, QUARTER_BACK, SIXTEENTH_BACK])
def test_with_the_noise_it_stays_at_chance(groups, kind):
    for run in groups[kind]:
        assert up_to_the_drop(run, "patch_only").max() < CHANCE


@pytest.mark.parametrize(
    ("without", "with_it"), [(QUARTER, QUARTER_BACK), (SIXTEENTH, SIXTEENTH_BACK)]
)
def test_the_noise_given_back_does_not_only_slow_the_network_down(groups, without, with_it):
    plain, noisy = (late(groups[each], "clean").mean() for each in (without, with_it))
    assert noisy > plain - 2  # "about as good as without the noise, or better"


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
