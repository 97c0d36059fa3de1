"""What a head tells of pictures, by what covers their centre, on histories made by hand."""

import numpy as np
from intervals import interval
from made_laptop import laptop_run

from lrbook import covered

EPOCHS = np.arange(1, 25)


def read(arm, seed, best, **lost):
    """At the head ``best`` in epochs 11 to 13, one less elsewhere; at the end ``lost`` less."""
    columns = {"epoch": EPOCHS}
    for way in covered.WAYS:
        here = np.where((EPOCHS > 10) & (EPOCHS < 14), best, best - 1.0)
        columns[f"reads_{way}_0"] = np.full(24, 30.0)
        columns[f"reads_{way}_1"] = np.where(EPOCHS > 21, best - lost[way], here)
    return laptop_run(arm, seed, columns, 60, watch=True)


RUNS = [
    read("small", 5, 60, clean=2, covered=8, image=13),
    read("small", 6, 61, clean=3, covered=10, image=15),
    read("small", 7, 60, clean=4, covered=9, image=14),
    read("large", 5, 65, clean=1, covered=2, image=2),
]


def test_a_fall_is_from_the_best_three_epochs_to_the_last_three():
    assert covered.fall(RUNS[0].history, "covered") == 8
    assert covered.fall(RUNS[3].history, "clean") == 1


def test_the_head_is_the_last_place():
    assert covered.at_head(RUNS[0].history, "image") == "reads_image_1"
    many = RUNS[0].history.assign(**{f"reads_image_{at}": 50.0 for at in range(2, 11)})
    assert covered.at_head(many, "image") == "reads_image_10"


def test_the_fall_under_a_patch_is_split_seed_by_seed():
    assert covered.parts(RUNS) == {
        "small": {
            "fall on the whole picture": [2, 3, 4],
            "more with $z$ on it": [6, 7, 5],
            "more with a patch": [5, 5, 5],
            "in all": [13, 15, 14],
        },
        "large": {
            "fall on the whole picture": [1],
            "more with $z$ on it": [1],
            "more with a patch": [0],
            "in all": [2],
        },
    }


def test_the_table_has_a_row_per_arm_and_kind():
    table = covered.table({"with the patch": RUNS, "without": RUNS[:3]})
    heading = "points on digits"
    assert list(table[heading]) == [
        "small, with the patch",
        "large, with the patch",
        "small, without",
    ]
    assert list(table.seeds) == [3, 1, 3]
    told = table["more with $z$ on it"][0].replace("\N{NO-BREAK SPACE}", " ")
    low, high = interval(np.array([6, 7, 5]))
    assert told == f"+6.0 ± {(high - low) / 2:.1f}"
    assert table["in all"][1] == "+2.0"
    assert table["whole picture, best (%)"][1] == "65.0"
    assert table["whole picture, best (%)"][2].startswith("60.3")


def test_runs_recorded_before_there_were_such_readers_are_left_out():
    before = laptop_run("small", 5, {"epoch": EPOCHS, "reads_image_0": EPOCHS}, 60, watch=True)
    assert covered.with_readers([before, *RUNS]) == RUNS
    assert covered.parts([]) == {}
