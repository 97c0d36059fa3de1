"""Assumption 3.1 in numbers: how wide the noise in the weights gets, and how fast."""

import math

import numpy as np


def noise_std(
    steps: np.ndarray | int, eta: float, lam: float, tau_xi: float, start: np.ndarray | float
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


def settled_std(eta: float, lam: float, tau_xi: float) -> float:
    """What ``noise_std`` tends to: eta tau_xi / sqrt(1 - (1 - eta lam)^2), within about
    1 / (2 eta lam) steps. Needs 0 < eta lam < 2.
    """
    return eta * tau_xi / math.sqrt(1 - (1 - eta * lam) ** 2)


def fresh_noise_steps(eta: float, tau_xi: float, width: float) -> float:
    """Steps after which the noise added since has standard deviation ``width``, decay aside:
    (width / (eta tau_xi))^2.
    """
    return (width / (eta * tau_xi)) ** 2
