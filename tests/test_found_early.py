"""Runs of the large rate that find the patch before their drop: which they are, how they end."""

import dataclasses

import pandas as pd
import pytest
from made_runs import record

from lrbook import found_early, whatif
from lrbook.found_early import FOUND, HIDDEN

DROP = 4
ROW = "epochs = 6"


def run(arm, seed, fitted, clean, status="finished", **settings):
    """Six epochs, whose training accuracies and clean accuracies are given."""
    made = record(arm, seed, status, clean=clean[-1])
    config = made.config | {"drop": DROP, "epochs": 6} | settings
    epochs = range(1, len(fitted) + 1)
    table = pd.DataFrame({"epoch": epochs, "train_accuracy": fitted, "clean": clean})
    return dataclasses.replace(made, config=config, table=table)


CLEAN = [40.0, 50.0, 41.0, 70.0, 72.0, 68.0]
# By the drop the control fits at most 63 %: its 66 comes from the drop on, and 65 is small's
CONTROL = [
    run("large", 1, [50.0, 60.0, 62.0, 66.0, 66.0, 66.0], CLEAN),
    run("large", 2, [50.0, 63.0, 61.0, 66.0, 66.0, 66.0], CLEAN),
    run("small", 1, [60.0, 64.0, 65.0, 70.0, 70.0, 70.0], CLEAN),
]
RUNS = [
    run("large", 2, [40.0, 63.5, 50.0, 90.0, 90.0, 90.0], [45.0, 30.0, 20.0, 35.0, 50.0, 48.0]),
    run("large", 1, [40.0, 50.0, 62.9, 90.0, 90.0, 90.0], CLEAN),
    run("small", 1, [90.0, 95.0, 99.0, 99.0, 99.0, 99.0], CLEAN),
    run("large", 3, [99.0], [10.0], "diverged"),
]


def test_a_run_is_asked_up_to_its_drop_and_from_there_on():
    assert found_early.most_fitted(RUNS[0]) == 63.5
    assert found_early.best_after(RUNS[0]) == 50
    assert found_early.best_after(RUNS[1]) == 72
    later = run("large", 1, [10.0, 20.0, 30.0, 80.0, 85.0, 90.0], CLEAN, drop=6)
    assert found_early.most_fitted(later) == 85
    assert found_early.best_after(later) == 68


def test_found_is_what_fits_more_before_the_drop_than_any_run_without_a_patch():
    kinds = found_early.split(RUNS, CONTROL)
    assert {kind: [r.config["seed"] for r in found] for kind, found in kinds.items()} == {
        HIDDEN: [1],
        FOUND: [2],
    }
    first = found_early.histories(RUNS, CONTROL)[FOUND]
    assert [h.train_accuracy.tolist() for h in first] == [RUNS[0].history.train_accuracy.tolist()]


def test_a_kind_without_runs_is_left_out_and_nothing_is_said_without_a_control():
    assert list(found_early.split(RUNS[1:], CONTROL)) == [HIDDEN]
    assert list(found_early.split(RUNS[:1], CONTROL)) == [FOUND]
    assert found_early.split(RUNS, CONTROL[2:]) == {}
    assert found_early.split(RUNS[2:], CONTROL) == {}


def test_as_many_as_the_best_of_the_control_is_not_more():
    [level] = found_early.split(
        [run("large", 1, [63.0, 50.0, 50.0, 90.0, 90.0, 90.0], CLEAN)], CONTROL
    )
    assert level == HIDDEN


def test_the_table_has_a_row_for_each_kind_of_each_setting(monkeypatch):
    monkeypatch.setattr(whatif, "names", lambda groups: {each: each for each in groups})
    table = found_early.table(
        {whatif.BASE: RUNS[1:], ROW: RUNS}, {whatif.BASE: CONTROL, ROW: CONTROL}
    )
    heading, kinds, fitted, best, end = table.columns
    assert heading == "setting, on some images"
    assert table[heading].tolist() == [whatif.BASE] * 2 + [f"`{ROW}`"] * 3
    assert table[kinds].tolist() == [
        "no patch (2 seeds)",
        "patch hidden (1 seed)",
        "no patch (2 seeds)",
        "patch hidden (1 seed)",
        "patch found early (1 seed)",
    ]
    assert table[fitted].tolist()[2:] == ["62.0, 63.0", "62.9", "63.5"]
    assert table[best].tolist()[2:] == ["72.0, 72.0", "72.0", "50.0"]
    assert table[end].tolist()[2:] == ["68.0, 68.0", "68.0", "48.0"]


@pytest.mark.parametrize("without", [{}, {ROW: CONTROL[2:]}])
def test_a_setting_without_a_control_has_no_row(without):
    assert found_early.table({ROW: RUNS}, without).empty
