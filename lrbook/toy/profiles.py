"""The toy's profiles: named settings, and the seeds that go with them. Data only."""

from typing import Any

_HALF_WIDTH: dict[str, Any] = {"m_v": 2048, "eta2": 0.007, "anneal": 12_000}

PROFILES: dict[str, dict[str, Any]] = {
    "smoke": {
        "d": 10,
        "n": 60,
        "m_v": 64,
        "eta2": 0.02,
        "steps": 400,
        "steps_ls": 200,
        "anneal": 80,
        "test_points": 500,
    },
    # Where S's error no longer changes (test_said_of_the_toy), and at about one loss in both arms
    "demo": _HALF_WIDTH | {"steps": 120_000, "steps_ls": 18_000},
    "mini": _HALF_WIDTH | {"steps": 300_000, "steps_ls": 40_000},
    "laptop": {},
    "trap": {
        "n": 1600,
        "p0": 1 / 32,
        "r": 0.13,
        "c": 1.0,
        "gamma_c": 1.0,
        "alpha_min": 0.5,
        "tau0_w": 0.5,
        "tau0_v": 4.0,
        "lam": 6e-4,
        "lam_w": 6e-4,
        "eta2": 0.0175,
        "steps": 40_000,
        "steps_ls": 20_000,
        "anneal": 1_500,
    },
    "colab": {},
    "paper": {},
}

SEEDS: dict[str, tuple[int, ...]] = {
    "smoke": (0, 1),
    "demo": (0, 1, 2),
    "mini": (0, 1, 2),
    "laptop": (0, 1, 2, 3, 4),
    "trap": (0, 1),
    "colab": tuple(range(10)),
    "paper": (0, 1, 2),
}


def paper_constants(d: int) -> dict[str, Any]:
    """The profile ``paper`` at dimension d.

    It takes the constants that Section 3 names as they are (c, s, gamma_c, alpha_min, r, lambda,
    p0 from kappa = 1/4), and for those that it leaves to "poly(d)" or "small enough" the choice
    that still runs in minutes at d = 100: tau0 = 1/sqrt(d), eta1 = eps1 = 0.1,
    eta2 = eta1 / sqrt(d).
    """
    return {
        "d": d,
        "n": 16 * d,
        "p0": 1 / 32,
        "r": d**-0.75,
        "c": 1.0,
        "s": 1.0,
        "gamma_c": 1.0,
        "alpha_min": 0.0,
        "m_w": 64,
        "m_v": 4096,
        "paired_v": False,
        "tau0_w": d**-0.5,
        "tau0_v": d**-0.5,
        "lam": d**-1.25,
        "lam_w": d**-1.25,
        "eta1": 0.1,
        "eta2": 0.1 * d**-0.5,
        "steps": 200 * d * round(d**0.5) // 4,
        "steps_ls": 200 * d,
        "anneal": "loss",
        "eps1": 0.1,
    }
