"""The toy's variants beside the plain runs: points of a sweep by name, gaps, and their words."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import numpy as np
import pandas as pd

from lrbook import book, experiments
from lrbook.arms import by_seed, finished
from lrbook.errors import RecordLookupError
from lrbook.record import Record
from lrbook.sweeps import Sweep
from lrbook.words import NO_PAIRS, ONE_PAIR, plus_minus

QUANTITY = "p_only_accuracy"


class Constants(TypedDict):
    """Those of the paper's constants that a sweep walks to, by the toy's fields."""

    alpha_min: float
    gamma_c: float
    lam_w: float
    paired_v: bool


WALK: dict[str, Constants] = {
    "half of the way": {"alpha_min": 0.5, "gamma_c": 0.5, "lam_w": 1e-4, "paired_v": False},
    "all of it": {"alpha_min": 0.0, "gamma_c": 1.0, "lam_w": 1e-4, "paired_v": False},
}
"""Settings on the way to the paper's constants: length, margin, one decay, no pairs in V."""


def at(sweep: Sweep, profile: str = "mini", **settings: Any) -> list[Record]:
    """The runs of ``sweep`` with ``settings``, and the profile's value of every other swept field.

    Args:
        sweep: a recorded sweep of the toy.
        profile: the profile that the sweep was made with.
        **settings: fields that differ from it.

    Raises:
        RecordLookupError: no run is there.
        ConfigError: a setting is not a field.
    """
    cls = experiments.config_class("toy")
    plain = cls.for_profile(profile, arm="S", seed=0).model_dump()
    found = sweep.select(**({name: plain[name] for name in sweep.swept} | settings))
    if not found:
        raise RecordLookupError(
            f"the sweep has no run with {settings} and the rest as in {profile}"
        )
    return found


def before_annealing(record: Record, column: str, rows: int = 5) -> float:
    """Mean of ``column`` over the last ``rows`` measurements of a run before its rate drops; nan
    for a run that diverged.
    """
    if record.status != "finished":
        return float("nan")
    history, largest = record.history, record.history.rate.max()
    return float(history[history.rate == largest][column].tail(rows).mean())


def deepest_fall(curve: Sequence[float] | np.ndarray) -> tuple[float, float, int]:
    """The fall of a curve from a high to the lowest point after it, where that is deepest.

    Returns:
        The high before, the low, and where that is; the first value twice, and 0, where the curve
        never falls.
    """
    values = np.asarray(curve, dtype=float)
    high = np.maximum.accumulate(values)
    lowest = int(np.argmax(high - values))
    return float(high[lowest]), float(values[lowest]), lowest


def falls_table(sweep: Sweep) -> pd.DataFrame:
    """A column for each lambda of a sweep of S: how its accuracy on P alone falls, how it comes
    back, and what has become of its fit of Q by then. Of the runs that finished.
    """
    rows = []
    for decay in sorted(sweep.runs.lam.unique()):
        runs = finished(sweep.select(lam=decay))
        if not runs:  # all of them diverged
            continue
        falls = [deepest_fall(run.history[QUANTITY]) for run in runs]
        lowest = [low for _, low, _ in falls]
        turns = [run.history.step.iloc[at] for run, (_, _, at) in zip(runs, falls, strict=True)]
        ends = [run.result[QUANTITY] for run in runs]
        q_ends = [run.result["q_only_loss"] for run in runs]
        q_lowest = [run.history.q_only_loss.min() for run in runs]
        config = runs[0].config
        rows.append(
            {
                "λ": decay,
                "η₂λ × steps": config["eta2"] * decay * config["steps"],
                "seeds": len(runs),
                "falls from": book.interval_words([high for high, _, _ in falls]),
                "to": book.interval_words(lowest),
                "at step": book.interval_words(turns, 0),
                "ends at": book.interval_words(ends),
                "gained since, by seed": plus_minus(*book.paired_interval(ends, lowest)),
                "loss on Q, lowest": book.interval_words(q_lowest),
                "loss on Q, at the end": book.interval_words(q_ends),
            }
        )
    return book.turned(pd.DataFrame(rows))


def gap(records: Sequence[Record], quantity: str = QUANTITY) -> tuple[float, float | None, int]:
    """L-S minus S: mean, half-width of its 95 % interval, number of paired seeds (0: mean nan)."""
    return book.paired_difference(records, quantity, "L-S", "S")


def verdict(records: Sequence[Record], quantity: str = QUANTITY) -> str:
    """``L-S ahead``, ``S ahead``, ``not apart`` (0 in the interval) or ``one pair``; without any
    pair ``diverged`` where a run has, else ``no pair``.
    """
    where = book.standing(records, quantity, "L-S", "S")
    if where == NO_PAIRS:
        return "diverged" if any(run.status == "diverged" for run in records) else "no pair"
    return {
        "ahead of": "L-S ahead",
        "behind": "S ahead",
        "not apart from": "not apart",
        ONE_PAIR: "one pair",
    }[where]


def gap_table(groups: Mapping[str, Sequence[Record]], quantity: str = QUANTITY) -> pd.DataFrame:
    """One row per named group of runs: both arms, L-S minus S, what is left of Q, the verdict.

    ``loss on Q`` is S's training loss on Q-only examples: where it is high, S has not fitted Q, and
    the theorem does not speak yet.
    """
    rows = []
    for label, records in groups.items():
        arms = {arm: list(by_seed(records, arm, quantity).values()) for arm in ("S", "L-S")}
        mean, half, count = gap(records, quantity)
        left = list(by_seed(records, "S", "q_only_loss").values())
        rows.append(
            {"setting": label}
            | {arm: book.interval_words(values) for arm, values in arms.items()}
            | {
                "L-S − S": plus_minus(mean, half, 3, "+") if count else "–",
                "verdict": verdict(records, quantity),
            }
            | {"S's loss on Q": book.interval_words(left, 2)}
        )
    return pd.DataFrame(rows)


def hidden_table(groups: Mapping[str, Sequence[Record]]) -> pd.DataFrame:
    """One row per named group of runs: what L-S, still at its large rate, has made of Q, and whose
    examples have taught W by the end.

    The last column is the P-only examples' share of the sum of rate times norm of W's gradient.
    """
    rows = []
    for label, records in groups.items():
        runs = finished(book.by_arm(records).get("L-S", []))
        before = {
            "nonlinearity on Q": [before_annealing(run, "nonlinearity") for run in runs],
            "loss on Q": [before_annealing(run, "q_only_loss") for run in runs],
        }
        shares = list(by_seed(records, "L-S", "p_only_gradient_share").values())
        rows.append(
            {"setting": label}
            | {f"{name}, before annealing": book.interval_words(v, 2) for name, v in before.items()}
            | {"P-only share of W's gradient": book.interval_words(shares, 2)}
        )
    return pd.DataFrame(rows)


def verdict_words(groups: Mapping[str, Sequence[Record]]) -> str:
    """One sentence per verdict that occurs: in which of the groups."""
    sentences = {
        "L-S ahead": "L-S ends ahead of S (interval above 0): ",
        "not apart": "The two are not apart (0 inside the interval): ",
        "S ahead": "S ends ahead of L-S (interval below 0): ",
        "one pair": "One pair of runs tells nothing about chance: ",
        "diverged": "No pair of runs finished: ",
        "no pair": "No seed has a run of both: ",
    }
    found = {label: verdict(records) for label, records in groups.items()}
    return " ".join(
        f"{start}{', '.join(f'*{label}*' for label in found if found[label] == kind)}."
        for kind, start in sentences.items()
        if kind in found.values()
    )


def recovered(lower: Sequence[float], mitigated: Sequence[float], upper: Sequence[float]) -> float:
    """Which share of the gap from ``lower`` to ``upper`` the mitigation closes, by means.

    nan where there is no gap to close, or a value of none.
    """
    if not all(map(len, (lower, mitigated, upper))):
        return float("nan")
    low, middle, high = (float(np.mean(values)) for values in (lower, mitigated, upper))
    return (middle - low) / (high - low) if high > low else float("nan")


def percent(share: float) -> str:
    """A share in whole per cent, or a dash."""
    return "–" if np.isnan(share) else f"{100 * share:.0f} %"


def noise_row(
    head: Mapping[str, str], base: Sequence[Record], noisy: Sequence[Record]
) -> dict[str, str]:
    """A mitigated small rate beside S and L-S of ``base``, on the seeds that all three have.

    Args:
        head: the first columns, heading -> cell.
        base: runs of S, and perhaps of L-S, without that noise.
        noisy: runs of S with it.

    Returns:
        ``head``, the training loss on Q, the P-only test accuracy, its difference to S and to L-S,
        and the share of the gap.
    """
    plain, large = (by_seed(base, arm, QUANTITY) for arm in ("S", "L-S"))
    mine = by_seed(noisy, "S", QUANTITY)
    seeds = sorted(plain.keys() & mine.keys() & (large.keys() or plain.keys()))
    values = [mine[seed] for seed in seeds]
    low = [plain[seed] for seed in seeds]
    left = by_seed(noisy, "S", "q_only_loss")
    row = {**head, "loss on Q": book.interval_words([left[seed] for seed in seeds], 2)}
    row["accuracy on P alone"] = book.interval_words(values)
    row["above S"] = _above(values, low)
    if large:
        high = [large[seed] for seed in seeds]
        row["above L-S"] = _above(values, high)
        row["share of the gap"] = percent(recovered(low, values, high))
    return row


def _above(values: Sequence[float], others: Sequence[float]) -> str:
    """The mean difference, with its sign and interval; a dash where there is no pair."""
    return plus_minus(*book.paired_interval(values, others), 3, "+") if values else "–"
