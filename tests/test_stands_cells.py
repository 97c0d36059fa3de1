"""The table at the head of What stands: the rule of a verdict, on made-up numbers."""

import dataclasses

import pandas as pd
import pytest
from intervals import plus_minus
from made_runs import record

from lrbook import claims, stands_table
from lrbook import stands_cells as cells
from lrbook.fits import PowerLaw


@pytest.mark.parametrize(
    ("leads", "verdict"),
    [
        ([1.0, 1.1, 0.9], "holds"),
        ([-1.0, -1.1, -0.9], "does not hold"),
        ([1.0, -1.0, 0.5], "not clear"),
        ([0.0, 0.0, 0.0], "not clear"),
        ([1.0, -1.0], "1 of 2 seeds"),
        ([1.0, 9.0], "2 of 2 seeds"),
        ([1.0], "one seed"),
    ],
)
def test_a_verdict_follows_from_the_interval(leads, verdict):
    assert cells.verdict(leads) == verdict
    assert cells.lead(leads).verdict == verdict


def test_what_explains_no_more_than_half_of_a_gap_holds_in_part():
    wholes = [10.0, 11.0, 12.0]
    assert cells.part([8.0, 9.0, 9.5], wholes).verdict == "holds"
    assert cells.part([5.2, 5.5, 5.8], wholes).verdict == "holds in part"  # not clearly more
    assert cells.part([2.0, 2.1, 2.2], wholes).verdict == "holds in part"
    assert cells.part([-1.0, 1.0, 0.1], wholes).verdict == "not clear"
    few = cells.part([9.0, 2.0], [10.0, 8.0])
    assert few == ("2 of 2 seeds", "9.0\xa0of\xa010.0, 2.0\xa0of\xa08.0", 2)
    assert cells.part([], []) is None
    assert cells.lead([]) is None


def claim(exponent):
    return claims.Claim(
        "T", "q", "x", "O(x)", 1.0, "above", "zero", PowerLaw(exponent, 0.1, 1.0), 5
    )


def order_of(learnt_by_small, clean_of_small):
    """Of three seeds, alike but for the large rate's: it learns the patch in epoch 5, or never."""
    runs = []
    for seed in range(3):
        for arm, learnt in (("small", learnt_by_small), ("large", [5, None, 6][seed])):
            run = record(arm, seed, patch_learned_epoch=learnt, clean=50.0)
            run.config["drop"] = 4
            runs.append(
                dataclasses.replace(run, table=pd.DataFrame({"clean": clean_of_small}, dtype=float))
            )
    return cells.order(runs)


def test_which_is_first_is_asked_of_the_large_rate_and_of_the_picture():
    picture_first, patch_first = [40, 46, 48, 50, 50, 50], [20, 30, 44, 48, 50, 50]
    cell = order_of(2, picture_first)  # 46 is nine tenths of 50 and more
    assert cell == (
        cells.IN_PART,
        "3 of 3 seeds before the large rate does, 0 before the picture",
        3,
    )
    cell = order_of(3, patch_first)
    assert cell == (cells.HOLDS, "3 of 3 seeds before the large rate does, 3 before the picture", 3)
    cell = order_of(4, patch_first)  # at the drop, and with the picture
    assert cell == (cells.FAILS, "0 of 3 seeds before the large rate does, 0 before the picture", 3)
    cell = order_of(4, [20, 30, 40, 44, 50, 50])  # not before the large rate, but the picture
    assert cell.verdict == cells.IN_PART
    assert cells.order([]) is None


def test_exponents_hold_in_part_where_one_does_not_follow():
    agree = "agree with the bound's exponent"
    both = ("holds", f"2 of 2, and 1 of these {agree}", None)
    assert cells.exponents([claim(1.0), claim(2.0)]) == both
    one = ("holds in part", f"1 of 2, and 1 of these {agree}")
    assert cells.exponents([claim(1.0), claim(0.5)])[:2] == one
    assert cells.exponents([claim(0.5)]).verdict == "does not hold"


def test_noise_in_the_steps_is_of_the_small_rate_and_stands_before_that_in_activations():
    runs = [
        record(arm, seed, clean=clean + seed)
        for arm, clean in (("small", 50.0), ("large", 60.0), ("noise", 53.0))
        for seed in range(3)
    ]
    noisy = [record("small", seed, clean=59.0 + seed) for seed in range(3)]
    found = cells.steps_noise_on_images(runs, noisy)
    assert found == ("holds", "9.0\xa0±\xa00.0 of 10.0\xa0±\xa00.0 by noise in its steps", 3)
    found = cells.steps_noise_on_images(runs, [])
    assert "3.0\xa0±\xa00.0" in found.numbers
    assert found.numbers.endswith("by noise in the activations")


def test_noise_is_judged_on_the_seeds_of_all_three_arms():
    arms = {
        "small": {1: 50.0, 2: 51.0, 3: 52.0, 4: 0.0},
        "noise": {1: 59.0, 2: 60.0, 3: 60.5},
        "large": {1: 60.0, 2: 61.0, 3: 63.0, 4: 90.0},
    }
    assert cells.noise(arms).verdict == "holds"
    assert cells.noise(arms).seeds == 3
    assert cells.noise(arms).numbers == (f"{plus_minus([9, 9, 8.5])} of {plus_minus([10, 10, 11])}")
    assert cells.noise({"small": arms["small"], "large": arms["large"]}) is None


def test_cells_of_other_seeds_say_so_and_what_is_not_measured_is_a_dash():
    rows = [
        stands_table.Row("A", "a", cells.Cell("holds", "1.0", 10), cells.Cell("holds", "", 10)),
        stands_table.Row("B", "b", cells.Cell("holds", "2.0", 10), None),
        stands_table.Row("C", "c", cells.Cell("not clear", "3.0", 5), None),
    ]
    table = stands_table.table(rows)
    assert table.columns.tolist() == [
        "the story",
        "two-layer model (10 seeds)",
        "images, small runs (10 seeds)",
        "images, the paper's size",
    ]
    assert table.iloc[:, 0].tolist() == ["{ref}`A <a>`", "{ref}`B <b>`", "{ref}`C <c>`"]
    assert table.iloc[:, 1].tolist() == [
        "**holds**: 1.0",
        "**holds**: 2.0",
        "**not clear**: 3.0 (5 seeds)",
    ]
    assert table.iloc[:, 2].fillna("").tolist() == ["**holds**", "", ""]
