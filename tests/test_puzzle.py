"""The puzzle's table and sentence, on hand-made histories."""

import dataclasses

import pandas as pd
import pytest

from lrbook import puzzle
from lrbook.record import Record
from lrbook.sweeps import Sweep
from lrbook.vision.cifar import CifarConfig

SIZES = {"data": "digits", "epochs": 8, "drop": 5, "drop2": 6, "drop3": 7}


def run(arm, seed, clean, **settings):
    config = CifarConfig(arm=arm, seed=seed, **SIZES, **settings)
    history = pd.DataFrame({"epoch": range(1, 9), "clean": clean, "train_accuracy": clean})
    return Record(
        run_id=config.run_id,
        experiment="cifar",
        config=config.model_dump(),
        status="finished",
        provenance={"data": "digits"},
        result={"clean": sum(clean[-3:]) / 3},
        history_sha256=None,
        wall_s=1.0,
        message=None,
        table=history,
    )


RUNS = [
    run("large", 5, [10, 40, 40, 40, 70, 80, 80, 80]),
    run("large", 6, [10, 42, 42, 42, 50, 50, 50, 50]),
    run("small", 5, [60] * 8),
    run("small", 6, [61] * 8),
    run("small", 7, [99] * 8),  # has no partner
]


def test_before_the_drop_and_at_the_end_over_paired_seeds():
    table = puzzle.before_and_after(RUNS)
    assert table.columns[0] == "accuracy (%) on digits"
    assert list(table.iloc[:, 0]) == [
        "new images, before the first drop",
        "new images, at the end",
        "training images, before the first drop",
        "training images, at the end",
    ]
    first, second = table["large"].iloc[:2]
    assert first.startswith("41.0")
    assert second.startswith("65.0")
    assert table["small"].iloc[0].startswith("60.5")
    gap = table["large − small (2 pairs)"]
    assert gap.iloc[0].startswith("-19.5")
    assert gap.iloc[2] == gap.iloc[0]


def test_new_and_training_images_have_rows_of_their_own():
    fitted = [
        dataclasses.replace(one, table=one.history.assign(train_accuracy=one.history.clean + 5))
        for one in RUNS
    ]
    large = puzzle.before_and_after(fitted)["large"]
    assert [cell.split()[0] for cell in large] == ["41.0", "65.0", "46.0", "70.0"]


def test_crossing_is_told_by_seed():
    # running means of large, seed 5: ... 40, 50, 63.3, so ahead of 60 from epoch 6
    assert puzzle.crossing_words(RUNS) == (
        "On new images the large rate is ahead, and stays ahead to the end, from epoch: "
        "**6 (seed 5), never (seed 6)**. The rates drop at the start of the epochs 5, 6, 7. "
        "It ends ahead in 1 of 2 seeds; by the interval it is **not apart from** the small rate."
    )


def test_one_seed_is_not_judged_by_an_interval():
    words = puzzle.crossing_words([RUNS[0], RUNS[2]])
    assert words.endswith("It ends ahead in 1 of 1 seeds, and one seed has no interval.")
    assert "large − small (1 pair)" in puzzle.before_and_after([RUNS[0], RUNS[2]])


def test_one_arm_alone_is_no_puzzle():
    for alone in (RUNS[:2], [RUNS[0], RUNS[3]]):
        for told in (puzzle.before_and_after, puzzle.crossing_words):
            with pytest.raises(LookupError, match="no seed has a run of each"):
                told(alone)


def test_crossing_is_that_on_new_images_whatever_is_fitted():
    turned = [
        dataclasses.replace(one, table=one.history.assign(train_accuracy=100 - one.history.clean))
        for one in RUNS
    ]
    assert puzzle.crossing_words(turned) == puzzle.crossing_words(RUNS)


def test_the_first_drop_is_the_earliest_of_the_three():
    """With the second drop at epoch 3, two epochs are before it: 10, 40 and 10, 42."""
    early = [
        dataclasses.replace(one, config=one.config | {"drop": 7, "drop2": 3, "drop3": 6})
        for one in RUNS
    ]
    assert puzzle.before_and_after(early)["large"].iloc[0].startswith("25.5")


NONE = [
    run("large", 5, [1] * 8, weight_decay=0.0),
    run("small", 5, [2] * 8, weight_decay=0.0),
]


def test_runs_without_decay_are_beside_those_of_their_seeds(monkeypatch):
    monkeypatch.setattr("lrbook.sweeps.recorded", lambda name: {puzzle.NO_DECAY: Sweep(NONE)}[name])
    found = puzzle.without_decay(RUNS)
    assert found == NONE
    ends = {
        name: [history.clean.iloc[-1] for history in histories]
        for name, histories in puzzle.beside(RUNS, found).items()
    }
    assert ends == {"large": [80], "small": [60], "large, no decay": [1], "small, no decay": [2]}


def test_there_are_none_where_they_differ_in_more_or_are_not_recorded(monkeypatch):
    kept = {puzzle.NO_DECAY: Sweep([run("large", 5, [1] * 8, weight_decay=0.0, eta1=0.3)])}
    monkeypatch.setattr("lrbook.sweeps.recorded", lambda name: kept[name])
    assert puzzle.without_decay(RUNS) == []
    del kept[puzzle.NO_DECAY]
    assert puzzle.without_decay(RUNS) == []
