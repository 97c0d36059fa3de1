"""A toy run in a few numbers: what its record keeps, and what the command line prints."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lrbook.record import Record
from lrbook.toy.descent import Problem
from lrbook.toy.final import DIGITS, FINAL, final
from lrbook.toy.limits import LIMITS, limits
from lrbook.toy.progress import Progress


def summary(records: Sequence[Record]) -> dict[str, Any]:
    """What ``lrbook run toy --json`` prints: by arm, one value per seed (None if diverged)."""
    arms: dict[str, dict[str, Any]] = {}
    by_seed: dict[int, dict[str, float | None]] = {}
    for record in records:
        empty = {"seeds": [], "final": {name: [] for name in FINAL}}
        arm = arms.setdefault(record.config["arm"], empty)
        arm["seeds"].append(record.config["seed"])
        for name in FINAL:
            arm["final"][name].append(record.result[name])
        by_seed.setdefault(record.config["seed"], record.result["limits"])
    return {
        "run_ids": [record.run_id for record in records],
        "arms": arms,
        "limits": {name: [found[name] for found in by_seed.values()] for name in LIMITS},
    }


def outcome(run: Progress) -> dict[str, Any]:
    """The run in a few numbers: the measurements of ``FINAL`` at its end (None if it diverged, or
    if they do not exist), ``annealed`` (the step, None if never) and ``limits``.
    """
    last = run.rows[-1]
    annealed = int(run.now.annealed)
    return {
        **(dict.fromkeys(FINAL) if run.diverged else final(last)),
        "annealed": annealed if run.config.arm == "L-S" and annealed <= run.step else None,
        "limits": limits_of(run.given) if run.limits is None else run.limits.result(),
    }


def limits_of(problem: Problem) -> dict[str, float | None]:
    """The two limits of a run's data, to six digits."""
    train, test = problem.train, problem.test
    count = train.x1.shape[0]
    arrays = (np.asarray(a) for a in (train.y[:count], train.x1, test.y, test.x1))
    y, x1, test_y, test_x1 = arrays
    found = limits(y, x1, train.p_only, test_y, test_x1)
    return {name: None if value is None else round(value, DIGITS) for name, value in found.items()}
