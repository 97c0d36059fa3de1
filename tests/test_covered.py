"""What a head tells of pictures, by what covers their centre, on histories made by hand."""

import numpy as np
from intervals import interval
from made_laptop import laptop_run

from lrbook import covered

EPOCHS = np.arange(1, 25)


def read(arm, seed, best, end):
    """At the head ``best`` in epochs 11 to 13 and less elsewhere; ``end`` in the last three."""
    columns = {"epoch": EPOCHS}
    for way, most, last in zip(covered.WAYS, best, end, strict=True):
        here = np.where((EPOCHS > 10) & (EPOCHS < 14), most, most - 1.0)
        if way != "clean":
            here[6] = 99.0  # a best of its own, at another time
        columns[f"reads_{way}_0"] = np.full(24, 30.0)
        columns[f"reads_{way}_1"] = np.where(EPOCHS > 21, last, here)
    return laptop_run(arm, seed, columns, 60, watch=True)


RUNS = [
    read("small", 5, (60, 59, 58), (57, 50, 45)),
    read("small", 6, (61, 60, 60), (57, 51, 45)),
    read("small", 7, (60, 58, 58), (55, 50, 45)),
    read("large", 5, (65, 64, 64), (63, 62, 61)),
]


def test_the_head_is_the_last_place():
    assert covered.at_head(RUNS[0].history, "image") == "reads_image_1"
    many = RUNS[0].history.assign(**{f"reads_image_{at}": 50.0 for at in range(2, 11)})
    assert covered.at_head(many, "image") == "reads_image_10"


def test_all_is_read_at_the_moment_that_is_best_for_whole_pictures():
    assert covered.at_best(RUNS[0].history).epoch.tolist() == [11, 12, 13]
    later = RUNS[0].history.copy()
    later.loc[later.epoch == 16, "reads_clean_1"] = 99.0
    assert covered.at_best(later).epoch.tolist() == [14, 15, 16]
    assert covered.at_best(later[:2]).epoch.tolist() == [1, 2]


def test_what_a_cover_costs_is_told_of_both_times():
    assert covered.readings(RUNS[0].history) == {
        "whole, best (%)": 60,
        "its fall to the end": 3,
        "$z$ costs, then": 1,
        "$z$ costs, at the end": 7,
        "a patch beyond it, then": 1,
        "a patch beyond it, at the end": 5,
    }


def test_arms_have_a_row_per_seed():
    found = covered.readings_by_arm(RUNS)
    assert list(found) == ["small", "large"]
    assert found["small"]["a patch beyond it, then"].tolist() == [1, 0, 0]
    assert found["large"]["its fall to the end"].tolist() == [2]


def test_the_table_has_a_row_per_arm_and_kind():
    table = covered.table({"with the patch": RUNS, "without it": RUNS[:3]})
    assert list(table["points on digits"]) == [
        "small, with the patch",
        "large, with the patch",
        "small, without it",
    ]
    assert list(table.seeds) == [3, 1, 3]
    told = table["$z$ costs, at the end"][0].replace("\N{NO-BREAK SPACE}", " ")
    low, high = interval(np.array([7, 6, 5]))
    assert told == f"6.0 ± {(high - low) / 2:.1f}"
    assert table["whole, best (%)"][1] == "65.0"


def test_runs_recorded_before_there_were_such_readers_are_left_out():
    before = laptop_run("small", 5, {"epoch": EPOCHS, "reads_image_0": EPOCHS}, 60, watch=True)
    assert covered.with_readers([before, *RUNS]) == RUNS
    assert covered.readings_by_arm([]) == {}
