"""Runs in fp32 beside the same in bf16: what is compared, on runs made by hand."""

import dataclasses

import numpy as np
import pytest
from intervals import interval
from made_laptop import laptop_run

from lrbook import whole_digits
from lrbook.sweeps import Sweep

EPOCHS = {"epoch": [24]}


def runs(arm, ends, learnt, digits, **settings):
    """On seeds 5, 6, ..."""
    return [
        dataclasses.replace(
            run, provenance=run.provenance | {"precision": digits, "device_kind": "cpu"}
        )
        for run in (
            laptop_run(arm, seed, EPOCHS, end, epoch, **settings)
            for seed, (end, epoch) in enumerate(zip(ends, learnt, strict=True), 5)
        )
    ]


FAST = [
    *runs("large", [66.0, 67.0, 68.0, 10.0], [18, 19, 20, 3], "bf16"),
    *runs("small", [54.0, 55.0, 55.0, 90.0], [6, 7, 8, 24], "bf16"),
]
WHOLE = [
    *runs("large", [65.0, 67.5, 67.0], [17, 21, 19], "fp32", precision="fp32"),
    *runs("small", [53.0, 55.0, 57.0], [7, 7, None], "fp32", precision="fp32"),
]


@pytest.fixture
def kept(monkeypatch):
    kept = {whole_digits.NAME: Sweep(WHOLE)}
    monkeypatch.setattr("lrbook.sweeps.recorded", lambda name: kept[name])
    return kept


def test_runs_in_fp32_are_found_beside_those_in_bf16(kept):
    assert whole_digits.recorded(FAST) == WHOLE
    other = runs("large", [50.0], [9], "bf16", pattern=0.3)
    assert whole_digits.recorded(other) == []
    on_a_card = dataclasses.replace(
        FAST[0], provenance=FAST[0].provenance | {"device_kind": "cuda"}
    )
    assert whole_digits.recorded([on_a_card]) == []
    del kept[whole_digits.NAME]
    assert whole_digits.recorded(FAST) == []


def test_changes_are_bf16_less_fp32_by_seed():
    assert whole_digits.changes(WHOLE, FAST) == {
        "large": [1.0, -0.5, 1.0],
        "small": [1.0, 0.0, -2.0],
        "large − small": [0.0, -0.5, 3.0],
    }


def test_the_table_is_on_the_seeds_of_both():
    table = whole_digits.table(WHOLE, FAST).set_index("clean (%), digits")
    assert table.index.tolist() == ["large", "small", "large − small"]
    low, high = interval(np.array([66, 67, 68]))
    told = table.loc["large", "bf16"].replace("\N{NO-BREAK SPACE}", " ")
    assert told == f"67.0 ± {(high - low) / 2:.1f}"
    assert table.loc["large − small", "fp32"].startswith("11.5")
    assert table.loc["large − small", "bf16 − fp32"].startswith("+0.8")
    assert table.loc["small", "patch learnt, fp32"].replace("\N{NO-BREAK SPACE}", " ") == (
        "7 (2 of 3)"
    )
    assert table.loc["large", "patch learnt, bf16"].replace("\N{NO-BREAK SPACE}", " ") == "18 to 20"
    assert table["patch learnt, bf16"].iloc[2] == "–"
    assert table.seeds.tolist() == [3, 3, 3]


def test_words_hold_each_difference_and_its_interval_against_the_tolerance(monkeypatch):
    def said():
        return whole_digits.words(WHOLE, FAST).replace("\N{NO-BREAK SPACE}", " ")

    changes = {"large": [1.0, -0.5, 1.0], "small": [1.0, 0.0, -2.0]}
    lead = np.array([0.0, -0.5, 3.0])
    low, high = interval(lead)
    assert f"wider by **0.8 ± {(high - low) / 2:.1f}** points (3 seeds)" in said()
    reach = [max(map(abs, interval(np.array(points)))) for points in [*changes.values(), lead]]
    assert reach[0] < 3 < reach[1] < reach[2] < 6
    alone = "in the mean, but not with its interval"
    assert said().endswith(
        "Within the tolerance of 3 points: *large* with its interval; "
        f"*small* {alone}; *large − small* {alone}."
    )
    monkeypatch.setattr(whole_digits, "TOLERANCE", 6.0)
    assert said().count("with its interval") == 3
    assert alone not in said()
    monkeypatch.setattr(whole_digits, "TOLERANCE", 0.4)
    assert said().endswith(f"*large* **not**; *small* {alone}; *large − small* **not**.")


def test_one_pair_has_no_interval():
    one = whole_digits.words([WHOLE[0], WHOLE[3]], FAST)
    assert one.count("in the mean, but not with its interval") == 3
