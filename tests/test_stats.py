"""Intervals over seeds against SciPy's and a printed table."""

import math

import numpy as np
import pytest
from scipy import stats

from lrbook.stats import clearly, mean_interval, paired_interval

VALUES = [61.2, 58.9, 60.4, 63.0, 59.7]


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_interval_is_scipys(level):
    mean, half = mean_interval(VALUES, level)
    low, high = stats.t.interval(level, 4, loc=np.mean(VALUES), scale=stats.sem(VALUES))
    assert (mean - half, mean + half) == pytest.approx((low, high), rel=1e-12)


def test_interval_of_five_by_the_table():
    # mean 0, standard deviation 1: t(0.975; 4) = 2.776 in any table, over sqrt(5)
    values = np.array([-1.0, -1.0, 0.0, 1.0, 1.0])
    mean, half = mean_interval(values)
    assert mean == 0
    assert half == pytest.approx(2.776 / np.sqrt(5), abs=5e-4)


def test_two_values_have_an_interval():
    # of 0 and 2: mean 1, standard deviation sqrt(2), t(0.975; 1) = 12.706
    assert mean_interval([0.0, 2.0]) == (1.0, pytest.approx(12.706, abs=5e-4))


def test_one_value_has_no_interval():
    assert mean_interval([3.5]) == (3.5, None)


@pytest.mark.parametrize("level", [0.95, 0.8])
def test_paired_interval_is_that_of_the_differences(level):
    others = [55.0, 56.1, 55.2, 57.3, 56.0]
    given = () if level == 0.95 else (level,)
    mean, half = paired_interval(VALUES, others, *given)
    low, high = stats.ttest_rel(VALUES, others).confidence_interval(level)
    assert (mean - half, mean + half) == pytest.approx((low, high), rel=1e-12)


def test_pairs_of_unequal_length():
    with pytest.raises(ValueError, match="5 and 4"):
        paired_interval(VALUES, VALUES[1:])


def test_no_value_has_no_mean():
    mean, half = mean_interval([])
    assert math.isnan(mean)
    assert half is None
    assert mean_interval([0.1]) == (0.1, None)


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, math.nan])
def test_a_coverage_is_a_share(level):
    with pytest.raises(ValueError, match=r"between 0 and 1, such as \.95"):
        mean_interval(VALUES, level)


@pytest.mark.parametrize(
    ("values", "sign"),
    [([], 0), ([3.0], 0), ([1.0, 9.0], 1), ([-1.0, -0.1], -1), ([-1.0, 2.0], 0), ([0.0, 2.0], 0),
     ([1.0, 1.0, 1.0], 1), ([0.0, 0.0, 0.0], 0)],
)  # fmt: skip
def test_few_values_have_to_agree(values, sign):
    assert clearly(values) == sign


@pytest.mark.parametrize("seed", range(20))
def test_many_are_judged_by_their_interval(seed):
    values = np.random.default_rng(seed).normal(0.8 * (seed % 3 - 1), 1, 6)
    p, above = stats.ttest_1samp(values, 0).pvalue, values.mean() > 0
    assert clearly(values) == (0 if p > 0.05 else 1 if above else -1)
