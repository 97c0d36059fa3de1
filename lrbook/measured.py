"""What the theorems speak of, read off the runs of a sweep: errors, and times to reach a loss."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lrbook.sweeps import Sweep


def with_errors(sweep: Sweep) -> pd.DataFrame:
    """The sweep's runs with kappa = sqrt(d / N), p_only_error and test_error; both errors are nan
    where a run diverged.

    ``test_error`` is that of the data distribution: the errors on fresh examples with P alone, with
    Q alone and with both, in the proportions p0, q0 and the rest.
    """
    runs = sweep.runs.copy()
    configs = [record.config for record in sweep.records]
    last = pd.DataFrame([record.history.iloc[-1] for record in sweep.records])
    p0, q0 = (np.array([config[name] for config in configs]) for name in ("p0", "q0"))
    runs["kappa"] = _kappas(sweep)
    runs["p_only_error"] = 1 - runs.p_only_accuracy.astype(float)
    runs["test_error"] = (
        p0 * (1 - last.p_only_accuracy.to_numpy(float))
        + q0 * (1 - last.q_only_accuracy.to_numpy(float))
        + (1 - p0 - q0) * (1 - last.both_accuracy.to_numpy(float))
    )
    runs.loc[runs.status != "finished", ["p_only_error", "test_error"]] = np.nan
    return runs


def errors_at(sweep: Sweep, steps: Sequence[int]) -> pd.DataFrame:
    """P-only error early in the runs, to compare runs of unlike length at an equal number of steps.

    Returns:
        One row per run and number of ``steps``: the swept fields, arm, seed, kappa, ``at`` and
        p_only_error at the last recorded step up to there. A run that is shorter has no row.
    """
    runs = sweep.runs[[*(name for name in sweep.swept if name != "steps"), "arm", "seed"]]
    runs = runs.assign(kappa=_kappas(sweep))
    histories = sweep.history()
    parts = []
    for at in steps:
        rows = [h[h.step <= at].iloc[-1] for h in histories]
        part = runs.assign(at=at, p_only_error=[1 - row.p_only_accuracy for row in rows])
        parts.append(part[[h.step.iloc[-1] >= at for h in histories]])
    return pd.concat(parts, ignore_index=True)


def crossing(history: pd.DataFrame, column: str, level: float) -> float:
    """The step at which ``column`` first falls below ``level``; nan if it never does.

    Between the two rows around it the step is interpolated, straight in log-log coordinates.
    """
    steps = history.step.to_numpy(float)
    values = history[column].to_numpy(float)
    below = np.flatnonzero(values < level)
    if not len(below):
        return float("nan")
    i = below[0]
    if i == 0 or steps[i - 1] == 0:
        return float(steps[i])
    share = np.log(values[i - 1] / level) / np.log(values[i - 1] / values[i])
    return float(steps[i - 1] * (steps[i] / steps[i - 1]) ** share)


def crossing_times(
    sweep: Sweep, column: str, levels: Sequence[float], *, since_annealing: bool = False
) -> pd.DataFrame:
    """How long every run of a sweep takes until ``column`` is below each of the levels.

    Args:
        sweep: the runs.
        column: of their histories.
        levels: what it is to fall below.
        since_annealing: count from the step at which the run annealed, and look only from there on.

    Returns:
        One row per run and level: the run's swept fields, arm, seed, ``level`` and ``steps`` (nan
        if the level is not reached, or counted from an annealing that did not come).
    """
    runs = sweep.runs[[*sweep.swept, "arm", "seed"]]
    histories = sweep.history()
    if since_annealing:
        histories = [_second_phase(r.history, r.result["annealed"]) for r in sweep.records]
    return pd.concat(
        [
            runs.assign(level=level, steps=[crossing(h, column, level) for h in histories])
            for level in levels
        ],
        ignore_index=True,
    )


def _second_phase(history: pd.DataFrame, annealed: float | None) -> pd.DataFrame:
    """The rows from the annealing on, their steps counted from there."""
    if annealed is None:
        return history.iloc[:0]
    rest = history[history.step >= annealed]
    return rest.assign(step=rest.step - annealed)


def _kappas(sweep: Sweep) -> list[float]:
    """sqrt(d / N) of every run: rounded, for N is."""
    configs = [record.config for record in sweep.records]
    return [round((config["d"] / config["n"]) ** 0.5, 3) for config in configs]
