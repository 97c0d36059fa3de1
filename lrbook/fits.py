"""Power laws fitted to runs: an exponent with an interval over seeds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lrbook.stats import mean_interval


class PowerLaw(NamedTuple):
    """y = prefactor * x^exponent.

    Attributes:
        exponent: mean over seeds of the slope in log-log coordinates.
        half: half-width of its 95 % interval (Student's t over seeds); None for one seed.
        prefactor: y at x = 1, geometric mean over seeds; in y's units over x's to the exponent.
    """

    exponent: float
    half: float | None
    prefactor: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The fitted y at x."""
        return self.prefactor * np.asarray(x, dtype=float) ** self.exponent

    def words(self, digits: int = 2) -> str:
        """The exponent as text, ``2.01 ± 0.05``."""
        mean = f"{self.exponent:.{digits}f}"
        if self.half is None:
            return mean
        # no-break spaces: a table cell must not tear a value from its interval
        return f"{mean}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{self.half:.{digits}f}"


def power_law(x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray) -> PowerLaw:
    """Fit y = prefactor * x^exponent by least squares of log y on log x, for each seed by itself.

    The seeds are the independent draws, the points of one seed are not (they may share data,
    initial weights and noise): so each seed gives one slope, and the interval is over those. It
    says how well the slope is known, not that a power law holds; for that, look at the points.

    Args:
        x: at least two different positive values, shape (points,).
        y: positive values, shape (points,) for one seed or (seeds, points).

    Raises:
        ValueError: the shapes do not fit, values are not positive and finite, or x is all the same.
    """
    at, rows = np.asarray(x, dtype=float), np.atleast_2d(np.asarray(y, dtype=float))
    if at.ndim != 1 or rows.ndim != 2 or rows.shape[1] != at.size:
        raise ValueError(f"x of shape {at.shape} and y of shape {rows.shape} do not go together")
    for name, values in (("x", at), ("y", rows)):
        if not (np.isfinite(values).all() and (values > 0).all()):
            raise ValueError(f"a power law needs positive, finite numbers, but {name} has others")
    if np.unique(at).size < 2:
        raise ValueError("a power law needs at least two different values of x")
    log_x, log_y = np.log(at), np.log(rows)
    across = log_x - log_x.mean()
    slopes = log_y @ across / (across @ across)
    exponent, half = mean_interval(slopes)
    offset = (log_y.mean(axis=1) - slopes * log_x.mean()).mean()
    return PowerLaw(exponent, half, float(np.exp(offset)))
