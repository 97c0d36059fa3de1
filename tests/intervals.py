"""Intervals over seeds by SciPy, for tests of what is said of them."""

import numpy as np
from scipy.stats import ttest_1samp


def interval(values):
    """Both ends of the 95 % interval of the mean."""
    return tuple(ttest_1samp(values, 0).confidence_interval())


def plus_minus(values, digits=1):
    """The mean and half of its interval, as the book writes them."""
    low, high = interval(values)
    return f"{np.mean(values):.{digits}f}\xa0±\xa0{(high - low) / 2:.{digits}f}"
