"""Where the nonlinearity on Q levels off in a sweep, beside the closed form and the key lemma."""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from lrbook.fits import PowerLaw, power_law
from lrbook.record import Record
from lrbook.stats import mean_interval
from lrbook.sweeps import Sweep
from lrbook.toy import pattern_memory

LEMMA = {"r": 2.0, "lam": -1.0, "eta1": 0.0}  # exponents of r^2 / lambda


class Levels(NamedTuple):
    """A sweep over one field. Nonlinearities are times s, as in a history.

    Attributes:
        field: the field that was swept.
        x: its values, ascending, shape (points,).
        measured: root mean square over the late rows, shape (seeds, points).
        signal: ``pattern_memory.predicted`` at the late losses, same shape.
        floor: ``pattern_memory.noise_floor``, shape (points,).
        lemma: s^2 r^2 / lambda, the lemma's order with a constant of 1, shape (points,).
    """

    field: str
    x: np.ndarray
    measured: np.ndarray
    signal: np.ndarray
    floor: np.ndarray
    lemma: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """Signal and noise together, to be compared with ``measured``: shape (seeds, points)."""
        return np.hypot(self.signal, self.floor)

    @property
    def fit(self) -> PowerLaw:
        """Power law of what was measured."""
        return power_law(self.x, self.measured)

    @property
    def expected(self) -> PowerLaw:
        """Power law of what is predicted, fitted over the same points."""
        return power_law(self.x, self.predicted)


def late(history: pd.DataFrame) -> pd.DataFrame:
    """The rows of a history in the last factor e of its steps.

    Rows are at geometric times, so that is a fixed number of them whatever the length.
    """
    return history[history["step"] >= history["step"].max() / math.e]


def levels(sweep: Sweep, field: str) -> Levels:
    """The levels of a sweep over ``field``, with the same seeds at each of its values.

    Runs that diverged count as missing, and with them their value of the field.

    Raises:
        ValueError: no value of ``field`` has a finished run of each seed, or a run has lam = 0:
            without weight decay there is nothing for the nonlinearity to level off against.
    """
    cells: dict[float, dict[int, tuple[float, ...]]] = {}
    for record in sweep.records:
        if record.status == "finished":
            if record.config["lam"] == 0:
                raise ValueError(
                    f"{record.run_id} has lam = 0, and so no level to compare with: "
                    "leave the runs without weight decay out of the sweep"
                )
            row = cells.setdefault(record.config[field], {})
            row[record.config["seed"]] = _level(record)
    seeds = sorted(set().union(*cells.values()))
    x = sorted(value for value, row in cells.items() if len(row) == len(seeds))
    if not x:
        raise ValueError(
            f"no value of {field} has a finished run of each seed {seeds}: "
            f"{ {value: sorted(row) for value, row in cells.items()} }; finish the sweep first"
        )
    grid = np.array([[cells[value][seed] for value in x] for seed in seeds])
    measured, signal, floor, lemma = np.moveaxis(grid, -1, 0)
    return Levels(field, np.array(x, dtype=float), measured, signal, floor[0], lemma[0])


def _level(record: Record) -> tuple[float, ...]:
    config, rows = record.config, late(record.history)
    r, lam, s = config["r"], config["lam"], config["s"]
    losses = rows["q_only_loss"].mean(), rows["both_loss"].mean()
    pull = pattern_memory.pull_on_q(*losses, config["q0"], 1 - config["p0"] - config["q0"])
    return (
        float(np.sqrt((rows["nonlinearity"] ** 2).mean())),
        float(pattern_memory.predicted(r, lam, s, pull)),
        pattern_memory.noise_floor(r, config["tau0_v"], s),
        s**2 * r**2 / lam,
    )


def exponents(sweeps: list[Levels]) -> pd.DataFrame:
    """One row per sweep: measured, predicted and the lemma's exponent, and two ratios.

    The ratios are geometric means over points and seeds: measured over predicted, and the lemma's
    order over measured.

    Raises:
        KeyError: a sweep is of a field that the lemma has no exponent for (``LEMMA``).
    """
    names = {"r": "$r$", "lam": r"$\lambda$", "eta1": r"$\eta_1$"}
    rows = []
    for found in sweeps:
        rows.append(
            {
                "swept": names.get(found.field, f"`{found.field}`"),
                "range": f"{found.x[0]:g} to {found.x[-1]:g}",
                "exponent, measured": found.fit.words(),
                "closed form, same points": f"{found.expected.exponent:.2f}",
                "lemma": f"{LEMMA[found.field]:g}",
                "measured / closed form": _mean_ratio(found.measured, found.predicted),
                "$s^2 r^2/\\lambda$ / measured": _mean_ratio(found.lemma, found.measured),
            }
        )
    return pd.DataFrame(rows)


def beside(found: Levels) -> pd.DataFrame:
    """One row per value of the swept field: measured, closed form with noise, and their ratio.

    Means over seeds; the measured one with its 95 % interval.
    """
    rows = []
    for i, value in enumerate(found.x):
        mean, half = mean_interval(found.measured[:, i])
        words = f"{mean:.3g}" if half is None else f"{mean:.3g} ± {half:.2g}"
        rows.append(
            {
                f"`{found.field}`": f"{value:g}",
                "measured": words,
                "closed form": float(found.predicted[:, i].mean()),
                "measured / closed form": _mean_ratio(found.measured[:, i], found.predicted[:, i]),
            }
        )
    return pd.DataFrame(rows)


def bound_words(sweeps: list[Levels]) -> str:
    """A sentence on how far s^2 r^2 / lambda, with a constant of 1, lies from what was measured."""
    ratios = np.concatenate([(found.lemma / found.measured).ravel() for found in sweeps])
    low, high = ratios.min(), ratios.max()
    if low < 1:
        share = (ratios < 1).mean()
        return (
            f"With a constant of 1, $s^2r^2/\\lambda$ is exceeded in {share:.0%} of these runs, so "
            f"there the lemma needs its constant; elsewhere it is up to {high:.0f} times too large."
        )
    kind = (
        "loose" if low > 3 else "close at one end and loose at the other" if high > 3 else "tight"
    )
    return (
        f"With a constant of 1, $s^2r^2/\\lambda$ is between {low:.1f} and {high:.0f} times what "
        f"was measured: as a bound it holds in every run, and here it is {kind}."
    )


def _mean_ratio(above: np.ndarray, below: np.ndarray) -> float:
    return float(np.exp(np.log(above / below).mean()))
