"""Assumption 3.1 in numbers: how wide the noise in the weights gets, and how fast."""

from collections.abc import Sequence

import numpy as np


def noise_std(
    steps: np.ndarray | int, eta: float, lam: float, tau_xi: float, start: float
) -> np.ndarray:
    """Standard deviation of the noise part of a weight after ``steps`` steps, in closed form.

    The noise part follows u <- (1 - eta lam) u - eta xi, xi ~ N(0, tau_xi^2), from standard
    deviation ``start``; so its variance is a^t start^2 + eta^2 tau_xi^2 (1 - a^t) / (1 - a) with
    a = (1 - eta lam)^2.
    """
    a = (1 - eta * lam) ** 2
    steps = np.asarray(steps, dtype=float)
    kept = a**steps
    grown = (1 - kept) / (1 - a) if a != 1 else steps
    return np.sqrt(kept * start**2 + (eta * tau_xi) ** 2 * grown)


def simulated_noise_std(
    at: Sequence[int],
    eta: float,
    lam: float,
    tau_xi: float,
    start: float,
    *,
    rng: np.random.Generator,
    weights: int = 2000,
) -> np.ndarray:
    """The same by drawing: standard deviation over ``weights`` weights at the steps ``at``."""
    u = rng.normal(0, start, weights)
    wanted = set(at)
    found = {0: u.std()}
    for step in range(1, max(at) + 1):
        u = (1 - eta * lam) * u - eta * rng.normal(0, tau_xi, weights)
        if step in wanted:
            found[step] = u.std()
    return np.array([found[step] for step in at])
