"""The theorems' exponents beside measured ones: what is fitted, and the words of the verdict."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from lrbook.book import interval_words
from lrbook.fits import PowerLaw, power_law
from lrbook.measured import crossing_times, with_errors
from lrbook.sweeps import Sweep

Side = Literal["above", "below"]
Towards = Literal["zero", "infinity"]


class Claim(NamedTuple):
    """One exponent of a theorem, and what was measured for it.

    Attributes:
        statement: where the paper says it.
        quantity: what is measured, in words.
        against: the variable that it is fitted against.
        bound: the paper's bound, as maths.
        predicted: its exponent.
        side: whether the bound is from above or from below.
        towards: where the bound is meant to hold, for the variable going to zero or infinity.
        law: the fit.
        seeds: how many seeds it rests on.
    """

    statement: str
    quantity: str
    against: str
    bound: str
    predicted: float
    side: Side
    towards: Towards
    law: PowerLaw
    seeds: int

    @property
    def verdict(self) -> str:
        """Whether the measured exponent agrees with the bound, keeps it with room, or breaks it.

        y <= C x^a for x going to zero asks for an exponent of at least a; for x going to infinity,
        or a bound from below, of at most a; for both, of at least a again. One seed has no
        interval, and decides nothing.
        """
        if self.law.half is None:
            return "one seed"
        sign = 1 if (self.side == "above") == (self.towards == "zero") else -1
        room = sign * (self.law.exponent - self.predicted)
        if abs(room) <= self.law.half:
            return "agrees within its interval"
        return "keeps the bound, with room" if room > 0 else "does not follow the bound here"


def claims_table(claims: Sequence[Claim]) -> pd.DataFrame:
    """One row per claim: statement, quantity, bound, exponents, seeds and verdict."""
    return pd.DataFrame(
        [
            {
                "statement": claim.statement,
                "quantity": f"{claim.quantity}, against {claim.against}",
                "bound": claim.bound,
                "predicted": f"{claim.predicted:g}",
                "measured": claim.law.words(),
                "seeds": claim.seeds,
                "verdict": claim.verdict,
            }
            for claim in claims
        ]
    )


SECOND_PHASE_LEVELS = (0.12, 0.1, 0.08, 0.06, 0.05)
"""Training losses to which L-S's second phase is timed; the first is one that all runs reach."""


def theorem_claims(
    kappas: Sweep,
    annealing: Sweep,
    annealing_d: Sweep,
    second_phase: Sweep,
    slow: Sweep,
    dimensions: Sweep,
) -> list[Claim]:
    """The exponents of Theorems 3.4 and 3.5 that sweeps can measure, fitted.

    Args:
        kappas: both arms against kappa.
        annealing: L-S against eta1 and eps1; fitted along eps1 = .02 and along eta1 = .35.
        annealing_d: L-S against d.
        second_phase: L-S against r and eta2, annealed by the rule; the first of
            ``SECOND_PHASE_LEVELS`` is timed from there on along eta2 = .007 and along r = .15, and
            all of them where these meet.
        slow: S against eta2; the loss of .1 is timed, and several losses at eta2 = .007.
        dimensions: S against d and kappa; the loss of .1 is timed at kappa = .5.
    """
    runs = with_errors(kappas)
    arms = {arm: runs[runs.arm == arm] for arm in ("L-S", "S")}
    rule = annealing.runs
    times = crossing_times(slow, "loss", [0.3, 0.2, 0.1, 0.05])
    after = crossing_times(second_phase, "loss", SECOND_PHASE_LEVELS, since_annealing=True)
    by_d = crossing_times(dimensions, "loss", [0.1])
    by_d = by_d[(by_d.arm == "S") & (by_d.n == 4 * by_d.d)]
    fast, late = ("Theorem 3.4", "steps to annealing"), ("Theorem 3.5", "steps of S")
    then = ("Theorem 3.4", "steps from annealing")
    first = after[after.level == SECOND_PHASE_LEVELS[0]]
    middle = after[(after.r == 0.15) & (after.eta2 == 0.007)]
    errors: list[tuple[str, str, str, str, str, int, Side]] = [
        ("Theorem 3.4", "L-S", "p_only_error", "P alone", r"$O(\kappa)$", 1, "above"),
        ("Theorem 3.4", "L-S", "test_error", "the mixture", r"$O(p\kappa)$", 3, "above"),
        ("Theorem 3.5", "S", "p_only_error", "P alone", r"$\Omega(1)$", 0, "below"),
        ("Theorem 3.5", "S", "test_error", "the mixture", r"$\Omega(p)$", 2, "below"),
    ]
    steps = [
        (*fast, r"\eta_1", -1, rule[rule.eps1 == 0.02], "eta1"),
        (*fast, r"\varepsilon_1", -1, rule[rule.eta1 == 0.35], "eps1"),
        (*fast, "d", 1, annealing_d.runs, "d"),
        (*then, r"\eta_2", -1, first[first.r == 0.15], "eta2"),
        (*then, "r", -1, first[first.eta2 == 0.007], "r"),
        (*then, r"\varepsilon_2", -6, middle, "level"),
        (*late, r"\eta_2", -1, times[times.level == 0.1], "eta2"),
        (*late, r"\varepsilon_2'", -1, times[times.eta2 == 0.007], "level"),
        (*late, "d", 1, by_d, "d"),
    ]
    found = []
    for statement, arm, column, what, bound, predicted, side in errors:
        law, seeds = fit(arms[arm], "kappa", column), arms[arm].seed.nunique()
        quantity = f"error of {arm} on {what}"
        found.append(
            Claim(statement, quantity, r"$\kappa$", bound, predicted, side, "zero", law, seeds)
        )
    return found + [_time_claim(*each) for each in steps]


def _time_claim(
    statement: str, quantity: str, symbol: str, predicted: int, runs: pd.DataFrame, x: str
) -> Claim:
    """The claim that a number of steps (``annealed`` or ``steps``) is at most like a power of x."""
    power = symbol if abs(predicted) == 1 else f"{symbol}^{abs(predicted)}"
    bound = rf"$\tilde O({power})$" if predicted > 0 else rf"$\tilde O(1/{power})$"
    law = fit(runs, x, "annealed" if "annealed" in runs else "steps")
    towards: Towards = "infinity" if predicted > 0 else "zero"
    seeds = runs.seed.nunique()
    return Claim(statement, quantity, f"${symbol}$", bound, predicted, "above", towards, law, seeds)


def by_seed(runs: pd.DataFrame, x: str, y: str) -> tuple[np.ndarray, np.ndarray]:
    """Values of ``x`` (points,), ascending, and one row of ``y`` per seed (seeds, points).

    Raises:
        ValueError: a seed lacks a point, or has it twice.
    """
    table = runs.pivot(index="seed", columns=x, values=y)
    if table.isna().to_numpy().any():
        raise ValueError(f"not every seed has {y} at every {x}")
    return table.columns.to_numpy(dtype=float), table.to_numpy(dtype=float)


def fit(runs: pd.DataFrame, x: str, y: str) -> PowerLaw:
    """The power law of ``y`` in ``x``, with an interval over the seeds of ``runs``."""
    return power_law(*by_seed(runs, x, y))


def exponents(runs: pd.DataFrame, x: str, y: str, by: Sequence[str]) -> pd.DataFrame:
    """The fitted exponent of ``y`` in ``x`` for each group of runs: the groups' columns, the number
    of seeds, and the exponent with its interval.
    """
    return pd.DataFrame(
        [
            dict(zip(by, place, strict=True))
            | {"seeds": group.seed.nunique(), "exponent": fit(group, x, y).words()}
            for place, group in runs.groupby(list(by))
        ]
    )


def means(runs: pd.DataFrame, x: str, quantities: Mapping[str, str]) -> pd.DataFrame:
    """One row per value of ``x``: mean and 95 % interval over seeds of each quantity (column of
    ``runs`` -> heading).
    """
    return pd.DataFrame(
        [
            {x: value, "seeds": len(group)}
            | {name: interval_words(group[column]) for column, name in quantities.items()}
            for value, group in runs.groupby(x)
        ]
    )
