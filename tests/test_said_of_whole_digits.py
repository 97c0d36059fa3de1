"""What is said of runs in fp32 is in the records: reproduce."""

import pytest
from intervals import interval

from lrbook import book, whole_digits

SEEDS = [5, 6, 7, 8, 9]


@pytest.fixture(scope="module")
def both():
    fast = book.recorded("patch-laptop", arms=("large", "small"))
    return whole_digits.recorded(fast), fast


def test_the_two_differ_in_arithmetic_alone(both):
    whole, fast = both
    assert {run.provenance["precision"] for run in whole} == {"fp32"}
    assert {run.provenance["precision"] for run in fast} == {"bf16"}
    assert sorted(run.config["seed"] for run in whole) == sorted(SEEDS * 2)


def test_means_are_within_the_tolerance_and_intervals_are_not(both):
    found = whole_digits.changes(*both)
    for points in found.values():
        assert abs(sum(points) / len(points)) < whole_digits.TOLERANCE
    for name in ("large", whole_digits.LEAD):
        assert interval(points := found[name])[1] > whole_digits.TOLERANCE
        assert interval(points)[0] < 0


def test_in_one_seed_the_large_rate_finds_the_patch_before_the_drop_in_fp32_alone(both):
    early = {
        digits: [
            run.config["seed"]
            for run in runs
            if run.config["arm"] == "large" and run.result["patch_learned_epoch"] < 13
        ]
        for digits, runs in zip(("fp32", "bf16"), both, strict=True)
    }
    assert early == {"fp32": [9], "bf16": []}  # of all ten seeds in bf16
    assert whole_digits.changes(*both)["large"][SEEDS.index(9)] == pytest.approx(7, abs=0.2)
