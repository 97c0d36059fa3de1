"""What is said of runs in fp32 is in the records: reproduce."""

import numpy as np
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
    lead = found[whole_digits.LEAD]
    assert interval(lead[:5])[1] > whole_digits.TOLERANCE  # "with the first five seeds"
    assert reach[whole_digits.LEAD] > whole_digits.TOLERANCE - 0.1  # "only just"
    assert (SEEDS[np.argmax(lead)], SEEDS[np.argmin(lead)]) == (9, 8)
    assert min(lead) == pytest.approx(-max(lead), abs=0.3)  # "as far out on the other side"
    others = interval(np.delete(lead, SEEDS.index(9)))
    assert max(map(abs, others)) == pytest.approx(whole_digits.TOLERANCE + 0.1, abs=0.05)


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
