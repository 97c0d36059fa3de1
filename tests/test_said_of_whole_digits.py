"""What is said of runs in fp32 is in the records: reproduce."""

import pytest
from intervals import interval

from lrbook import book, whole_digits

SEEDS = list(range(5, 15))


@pytest.fixture(scope="module")
def both():
    fast = book.recorded("patch-laptop", arms=("large", "small"))
    return whole_digits.recorded(fast), fast


def test_the_two_differ_in_arithmetic_alone(both):
    whole, fast = both
    assert {run.provenance["precision"] for run in whole} == {"fp32"}
    assert {run.provenance["precision"] for run in fast} == {"bf16"}
    assert sorted(run.config["seed"] for run in whole) == sorted(SEEDS * 2)


def test_two_differences_are_within_the_tolerance_and_the_large_rates_is_in_the_mean(both):
    found = whole_digits.changes(*both)
    reach = {name: max(map(abs, interval(points))) for name, points in found.items()}
    assert reach["small"] < reach[whole_digits.LEAD] < whole_digits.TOLERANCE
    assert whole_digits.TOLERANCE < reach["large"] < 3.2  # "a tenth of a point beyond"
    assert abs(sum(found["large"]) / len(SEEDS)) < 1
    for points in found.values():
        low, high = interval(points)
        assert low < 0 < high
    five = found[whole_digits.LEAD][:5]
    assert interval(five)[1] > whole_digits.TOLERANCE  # "with the first five seeds"


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
