"""The large rate on larger batches, without its noise and with it, on runs made by hand."""

import dataclasses

import pandas as pd
import pytest

from lrbook import larger_batches
from lrbook.record import Record
from lrbook.sweeps import Sweep
from lrbook.vision.config import PatchConfig

SEEDS = (5, 6, 7)


def run(seed, blank, arm="large", learnt=None, **settings):
    """A run of ``mini`` with ``blank`` percent of the blank images right, epoch by epoch."""
    config = PatchConfig.for_profile("mini", arm=arm, seed=seed, data="digits", **settings)
    settings, result = config.model_dump(mode="json"), {"patch_learned_epoch": learnt}
    table = pd.DataFrame({"epoch": range(1, len(blank) + 1), "patch_only": blank})
    table["clean"] = 50.0 + seed
    origin = {"data": "digits"}
    return Record(
        config.run_id, "patch", settings, "finished", origin, result, None, 1.0, table=table
    )


FOUR = {"batch": 256, "epochs": 40, "drop": 33}
BASE = [run(seed, [10.0] * 16) for seed in SEEDS]
SMALL = [run(seed, [90.0] * 16, "small") for seed in SEEDS]
# Twenty-four epochs at 20, eight at 60 and more by seed, and after the drop all at once
LESS = [
    run(seed, [20.0] * 24 + [60.0 + seed] * 8 + [100.0] * 8, learnt=25, **FOUR) for seed in SEEDS
]
BACK = [
    run(seed, [11.0] * 32 + [100.0] * 8, learnt=33, sampling_noise=1.73, **FOUR) for seed in SEEDS
]
SWEEPS = {"base": [*SMALL, *BASE], "less": LESS, "back": BACK}


def plain(words):
    return words.replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture
def groups(monkeypatch):
    monkeypatch.setattr(larger_batches.sweeps, "recorded", lambda name: Sweep(SWEEPS[name]))
    return larger_batches.recorded("back", "less", "base")


def test_batches_come_from_the_smallest_up_and_of_the_large_rate_alone(groups):
    assert list(groups.items()) == [((64, 0.0), BASE), ((256, 0.0), LESS), ((256, 1.73), BACK)]


@pytest.mark.parametrize("other", [{"pattern": 0.2}, {"carrier_share": 0.0}, {"eta1": 0.4}])
def test_runs_that_differ_in_more_than_batch_and_length_are_not_compared(monkeypatch, other):
    found = {"base": BASE, "other": [run(5, [10.0] * 40, **FOUR, **other)]}
    monkeypatch.setattr(larger_batches.sweeps, "recorded", lambda name: Sweep(found[name]))
    assert larger_batches.recorded("base", "other") == {}


def test_a_run_that_diverged_is_left_out(monkeypatch):
    diverged = dataclasses.replace(run(8, [10.0], **FOUR), status="diverged", result={})
    monkeypatch.setattr(larger_batches.sweeps, "recorded", lambda name: Sweep([*LESS, diverged]))
    assert larger_batches.recorded("less") == {(256, 0.0): LESS}


def test_two_runs_of_one_seed_are_not_taken_for_one(groups):
    """Of a batch and a noise that were recorded with two lengths, the last would stand for both."""
    longer = run(SEEDS[0], [11.0] * 48, sampling_noise=1.73, batch=256, epochs=48, drop=33)
    with pytest.raises(ValueError, match=r"two runs of large, seed 5.*epochs = 40 and 48"):
        larger_batches.given_back_words(groups | {(256, 1.73): [*BACK, longer]})


def test_what_has_not_been_recorded_leaves_nothing(monkeypatch):
    def nothing(name):
        raise LookupError(name)

    monkeypatch.setattr(larger_batches.sweeps, "recorded", nothing)
    assert larger_batches.recorded("base") == {}


def test_steps_are_counted_up_to_the_drop_with_the_short_batch_at_the_end():
    steps = larger_batches.to_the_drop(BASE[0]).step
    # 10,000 images: 156 batches of 64 and one of 16, for the eight epochs before the ninth
    assert list(steps) == [157 * epoch for epoch in range(1, 9)]
    # 39 batches of 256 and one of 16
    assert list(larger_batches.to_the_drop(LESS[0]).step) == [40 * epoch for epoch in range(1, 33)]


def test_the_last_part_of_the_way_ends_at_the_drop():
    assert larger_batches.last_part(LESS[1], "patch_only") == 66  # epochs 25 to 32 of seed 6
    assert larger_batches.last_part(BACK[0], "patch_only") == 11


def test_a_panel_for_each_larger_batch_with_the_base_in_it(groups):
    panels = larger_batches.histories(groups)
    assert list(panels) == ["4 times the batch"]
    names = ["large", "larger batch", "larger batch, noise given back"]
    assert {name: len(runs) for name, runs in panels["4 times the batch"].items()} == dict.fromkeys(
        names, 3
    )
    given_back = panels["4 times the batch"][names[2]]
    assert [history.patch_only.max() for history in given_back] == [11, 11, 11]
    assert given_back[0].step.max() == 1280


def test_the_table_says_what_is_seen_how_much_noise_there_is_and_what_is_known(groups):
    table = larger_batches.table(groups)
    assert list(table["large rate, on digits: batch of"]) == ["64", "256", "256"]
    assert list(table["noise of a batch of"]) == ["64", "256", "64"]
    assert list(table["steps"]) == ["1,256", "1,280", "1,280"]
    assert list(table["times an image is seen"]) == ["8", "32", "32"]
    assert list(table["patch learnt before the drop"]) == ["0 of 3", "3 of 3", "0 of 3"]
    blank = table["blank images with a patch (%)"]
    assert plain(blank.iloc[1]) == "66.0 ± 2.5"  # 65, 66, 67: t(2) = 4.30, 4.30 / sqrt(3)
    assert all(cell.startswith("56.0") for cell in table["clean images (%)"])


def test_what_the_noise_given_back_takes_is_paired_by_seed(groups):
    words = larger_batches.given_back_words(groups)
    assert plain(words) == (
        "With its noise given back, the large rate on batches of 256 is right on "
        "**55.0 ± 2.5** percentage points fewer of the blank images (3 pairs)."
    )


def test_nothing_is_said_where_one_of_the_two_is_missing(groups):
    assert (
        larger_batches.given_back_words({key: groups[key] for key in [(64, 0.0), (256, 1.73)]})
        == ""
    )
