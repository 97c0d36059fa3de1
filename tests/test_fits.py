"""Power laws against exact ones, NumPy's polynomial fit and SciPy's interval."""

import numpy as np
import pytest
from scipy import stats

from lrbook.fits import power_law

X = np.array([0.02, 0.05, 0.1, 0.3, 1.0])


def noisy(seeds=6, exponent=1.7, prefactor=3.0):
    rng = np.random.default_rng(5)
    return prefactor * X**exponent * np.exp(rng.normal(0, 0.2, (seeds, X.size)))


@pytest.mark.parametrize("exponent", [-1.0, 0.0, 0.5, 2.0])
def test_an_exact_law_is_found_exactly(exponent):
    law = power_law(X, 3.0 * X**exponent)
    assert law.exponent == pytest.approx(exponent, abs=1e-12)
    assert law.prefactor == pytest.approx(3.0, rel=1e-12)
    assert law.half is None
    assert law(X) == pytest.approx(3.0 * X**exponent, rel=1e-12)


def test_two_points_are_enough():
    law = power_law([1.0, 4.0], [3.0, 6.0])
    assert (law.exponent, law.prefactor) == pytest.approx((0.5, 3.0))


def test_slopes_are_polyfits_and_the_interval_is_over_seeds():
    y = noisy()
    slopes, offsets = np.polyfit(np.log(X), np.log(y).T, 1)
    low, high = stats.t.interval(0.95, len(y) - 1, loc=slopes.mean(), scale=stats.sem(slopes))
    law = power_law(X, y)
    assert (law.exponent - law.half, law.exponent + law.half) == pytest.approx((low, high))
    assert law.prefactor == pytest.approx(np.exp(offsets.mean()))


def test_the_interval_covers():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        law = power_law(X, 2 * X**1.5 * np.exp(rng.normal(0, 0.3, (5, X.size))))
        covered += abs(law.exponent - 1.5) <= law.half
    assert 0.92 <= covered / 400 <= 0.98


def test_words():
    assert power_law(X, 3.0 * X**2).words() == "2.00"
    assert power_law(X, np.tile(3.0 * X**2, (3, 1))).words(1).split() == ["2.0", "±", "0.0"]


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        ([1, 2], [1, 2, 3], "do not go together"),
        ([1, 2], [0, 1], "positive"),
        ([1, 2], [np.nan, 1], "positive"),
        ([-1, 2], [1, 1], "positive"),
        ([2, 2], [1, 3], "two different"),
        ([2], [1], "two different"),
        ([], [], "two different"),
    ],
)
def test_what_has_no_power_law(x, y, words):
    with pytest.raises(ValueError, match=words):
        power_law(x, y)
