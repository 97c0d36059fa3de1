"""Phase diagrams: which recorded sweep has two axes, and its runs as maps over them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lrbook import book, measured, sweeps
from lrbook.arms import finished
from lrbook.errors import ConfigError
from lrbook.record import Record
from lrbook.sweeps import Sweep
from lrbook.unknown import unknown_name

RECORDED = {
    ("eta1", "r"): "phase-rate-r",
    ("eta1", "noise"): "phase-rate-noise",
    ("kappa", "d"): "phase-kappa-d",
}
"""Axes (x, y) of the recorded phase diagrams -> name of the sweep."""

CUBE = ("phase-rate-r", "phase-rate-noise", "phase-rate-noise-between", "phase-rate-r-noise")
"""Names of the sweeps that together hold every combination of their eta1, r and noise."""

LABELS = {
    "eta1": r"$\eta_1$",
    "r": "$r$",
    "noise": "noise (Assumption 3.1 = 1)",
    "kappa": r"$\kappa$",
    "d": "$d$",
}
TIE = 0.01  # of accuracy: less is no win
TIES = ("too close", "seeds disagree")
NEITHER = (*TIES, "one seed")
"""Outcomes of a setting in which neither arm wins."""


def recorded(x: str, y: str) -> Sweep:
    """The recorded phase diagram with the axes ``x`` and ``y``.

    Raises:
        ConfigError: there is none with these axes; the message names those that exist.
        RecordLookupError: it has not been recorded yet.
    """
    if (x, y) not in RECORDED:
        known = [f"{a}, {b}" for a, b in RECORDED]
        raise ConfigError(unknown_name(f"{x}, {y}", known, what="pair of recorded axes"))
    return sweeps.recorded(RECORDED[x, y])


def cube() -> Sweep:
    """All recorded runs over eta1, r and noise as one sweep; of a run in two of ``CUBE`` the first.

    Raises:
        RecordLookupError: a part of it has not been recorded yet.
    """
    found: dict[str, Record] = {}
    for name in CUBE:
        for record in sweeps.recorded(name).records:
            found.setdefault(record.run_id, record)
    return Sweep(list(found.values()))


def errors(sweep: Sweep) -> pd.DataFrame:
    """The runs with kappa and errors; nan where a run diverged."""
    return measured.with_errors(sweep)


def histories(
    *recordings: Sweep, axes: Sequence[str] = ("eta1", "r", "noise")
) -> dict[tuple[float, ...], dict[str, list[pd.DataFrame]]]:
    """Setting (the values of ``axes``) -> arm -> histories of the finished runs, one per seed.

    Settings and arms are sorted. A setting that several of the ``recordings`` hold is taken from
    the first.
    """
    found: dict[tuple[float, ...], dict[str, list[pd.DataFrame]]] = {}
    for sweep in recordings:
        here: dict[tuple[float, ...], dict[str, list[pd.DataFrame]]] = {}
        for record in sorted(sweep.records, key=lambda record: record.config["seed"]):
            if record.status == "finished":
                arms = here.setdefault(tuple(record.config[axis] for axis in axes), {})
                arms.setdefault(record.config["arm"], []).append(record.history)
        found = here | found
    return {setting: dict(sorted(found[setting].items())) for setting in sorted(found)}


def error_map(
    runs: pd.DataFrame, arm: str, x: str, y: str, quantity: str = "p_only_error"
) -> pd.DataFrame:
    """Mean over seeds of ``quantity``, rows for y and columns for x; nan where a run diverged.

    The seeds that finished are no fair sample of a setting in which another did not.

    Raises:
        ValueError: runs of one seed differ in more than x and y.
    """
    mine = runs[runs.arm == arm]
    _check_settings(mine, (x, y), quantity)
    return _cell_means(mine.groupby([y, x])[quantity])


def aligned(maps: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The maps on the cells that all of them have, so that they can share their axes."""
    tables = list(maps.values())
    x, y = tables[0].columns, tables[0].index
    for table in tables[1:]:
        x, y = x.intersection(table.columns), y.intersection(table.index)
    return {title: table.loc[y, x] for title, table in maps.items()}


def advantage_map(runs: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """Error of S minus error of L-S on P alone, mean over seeds; nan where a run diverged.

    A seed that has a run of one arm only does not count.
    """
    return _cell_means(_gaps(runs, y, x).groupby(level=[0, 1]))


def tie_map(runs: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """Where neither arm wins in the sense of ``outcome_counts``: rows for y, columns for x.

    One seed alone decides nothing, so there neither wins.
    """
    by_cell = _gaps(runs, y, x).groupby(level=[0, 1])
    ties = by_cell.agg(lambda seeds: _outcome(seeds.to_numpy()) in NEITHER)
    return ties.astype(bool).unstack(fill_value=False)


def outcomes(runs: pd.DataFrame, *axes: str) -> dict[tuple[float, ...], str]:
    """Setting (values of the ``axes``) -> ``L-S wins``, ``S wins``, ``diverged`` or a ``NEITHER``.

    The rule is that of ``outcome_counts``.
    """
    by_setting = _gaps(runs, *axes).groupby(level=list(axes))
    return {setting: _outcome(seeds.to_numpy()) for setting, seeds in by_setting}


def outcome_counts(runs: pd.DataFrame, *axes: str) -> dict[str, int]:
    """In how many settings of the ``axes`` L-S wins, ties, loses on P alone, or nothing is decided.

    A win is a mean gap of more than ``TIE`` with the same sign for every seed; settings with a
    diverged run, or with a pair of runs for one seed only, are counted apart. A seed that has a run
    of one arm only decides nothing.
    """
    counts = {"L-S wins": 0, "tie": 0, "S wins": 0, "one seed": 0, "diverged": 0}
    for outcome in outcomes(runs, *axes).values():
        counts["tie" if outcome in TIES else outcome] += 1
    return counts


def counts_words(counts: dict[str, int]) -> str:
    """``outcome_counts`` as a sentence."""
    total = sum(counts.values())
    words = (
        f"Of {total} settings, L-S is better on P alone in **{counts['L-S wins']}**, S in "
        f"**{counts['S wins']}**; in {counts['tie']} they tie (a mean gap of at most {TIE:g}, or "
        "seeds that disagree)"
    )
    if counts["one seed"]:
        words += f"; in {counts['one seed']} there is one seed only, which decides nothing"
    return words + (f"; in {counts['diverged']} a run diverged." if counts["diverged"] else ".")


def edge_table(records: Sequence[Record]) -> pd.DataFrame:
    """L-S by its large rate: what annealing leaves of what large steps do to the training loss.

    Args:
        records: runs of L-S that anneal at a step.

    Returns:
        One row per eta1, ascending: seeds, error on P alone with its interval, and the worst
        training loss of any seed: in the second half of the steps at the large rate, and at the
        end. A run that diverged is counted beside the seeds, and has no part in the rest.
    """
    rows = []
    for eta1 in sorted({record.config["eta1"] for record in records}):
        all_runs = [record for record in records if record.config["eta1"] == eta1]
        runs = finished(all_runs)
        worst = 0.0
        for run in runs:
            half, anneal = run.config["anneal"] / 2, run.config["anneal"]
            worst = max(worst, run.history[run.history.step.between(half, anneal)].loss.max())
        rows.append(
            {
                r"$\eta_1$": f"{eta1:g}",
                "seeds": _seeds(all_runs),
                "error on P alone": book.interval_words(
                    [1 - run.result["p_only_accuracy"] for run in runs]
                ),
                "loss late at the large rate, up to": f"{worst:.2g}" if runs else "–",
                "loss at the end, up to": (
                    f"{max(run.result['loss'] for run in runs):.2g}" if runs else "–"
                ),
            }
        )
    return pd.DataFrame(rows)


def _seeds(records: Sequence[Record]) -> int | str:
    """How many there are, those that diverged told."""
    lost = len(records) - len(finished(records))
    return f"{len(records)} ({lost} diverged)" if lost else len(records)


def way_table(groups: Mapping[str, Sequence[Record]]) -> pd.DataFrame:
    """Runs beside each other by how far they went, in sum of rates over steps.

    Args:
        groups: name -> runs of one setting and arm, one per seed, that anneal at a step if at all.

    Returns:
        One row per group: eta t at the end, seeds, error on P alone and Q-only loss. A run that
        diverged is counted beside the seeds, and has no part in the rest.
    """
    rows = []
    for name, all_runs in groups.items():
        runs = finished(all_runs)
        errors = [1 - run.result["p_only_accuracy"] for run in runs]
        rows.append(
            {
                "run": name,
                r"$\eta t$ at the end": f"{way(all_runs[0].config):,.0f}",
                "seeds": _seeds(all_runs),
                "error on P alone": book.interval_words(errors),
                "loss on Q-only examples": book.interval_words(
                    [run.result["q_only_loss"] for run in runs]
                ),
            }
        )
    return pd.DataFrame(rows)


def way(config: Mapping[str, Any]) -> float:
    """Sum of the rates of all steps of a run of S, or of L-S annealed at a step."""
    if config["arm"] != "L-S":
        return config["eta2"] * config["steps"]
    anneal = min(config["anneal"], config["steps_ls"])
    return config["eta1"] * anneal + config["eta2"] * (config["steps_ls"] - anneal)


def _cell_means(by_cell: pd.api.typing.SeriesGroupBy) -> pd.DataFrame:
    """Mean of each cell, unless one of its values is missing; the first key is that of the rows."""
    return by_cell.agg(lambda values: values.mean(skipna=False)).unstack()


def _check_settings(runs: pd.DataFrame, axes: Sequence[str], quantity: str) -> None:
    """ValueError where runs of one arm and seed differ in more than the ``axes``.

    A run that is there twice has the same ``quantity`` twice.
    """
    place = [*axes, "arm", "seed"]
    several = runs.drop_duplicates([*place, quantity])
    for row in several[several.duplicated(place)][place].to_dict("records"):
        where = ", ".join(f"{name} = {value}" for name, value in row.items())
        raise ValueError(
            f"several runs with {where}; select one value of every field but {', '.join(axes)}."
        )


def _gaps(runs: pd.DataFrame, *axes: str) -> pd.Series:
    """Error of S minus error of L-S on P alone, by the ``axes`` and seed; nan if a run diverged.

    Raises:
        ValueError: runs of one arm and seed differ in more than the ``axes``.
    """
    runs, pair = runs[runs.arm.isin(["L-S", "S"])], [*axes, "seed"]
    _check_settings(runs, axes, "p_only_error")
    wide = runs.groupby([*pair, "arm"]).p_only_error.mean().unstack()
    wide = wide.reindex(columns=["L-S", "S"])  # all there, also where no run of an arm is
    gaps = wide["S"] - wide["L-S"]
    diverged = runs[runs.p_only_error.isna()].set_index(pair).index
    return gaps[gaps.notna() | gaps.index.isin(diverged)]


def _outcome(gaps: Sequence[float]) -> str:
    if not np.isfinite(gaps).all():
        return "diverged"
    if len(gaps) < 2:
        return "one seed"
    mean = np.mean(gaps)
    if abs(mean) <= TIE:
        return "too close"
    if not (np.sign(gaps) == np.sign(mean)).all():
        return "seeds disagree"
    return "L-S wins" if mean > 0 else "S wins"
