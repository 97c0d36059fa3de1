"""What the chapters call: recordings, live runs, and the words and tables made from them.

Every number that a page shows passes through here from a record or from ``paper_reported.toml``.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lrbook import colab, experiments, recordings, sweeps, used
from lrbook.arms import by_arm, data_of, histories, limit, values
from lrbook.origin import footer
from lrbook.record import Record
from lrbook.records import Store
from lrbook.stats import mean_interval, paired_interval
from lrbook.sweeps import Sweep
from lrbook.words import (
    difference_of_differences,
    difference_words,
    gain_words,
    interval_words,
    paired_difference,
    provenance,
    signed_words,
    standing,
)

__all__ = [
    "by_arm",
    "compare",
    "data_of",
    "deviations",
    "difference_of_differences",
    "difference_words",
    "footer",
    "gain_words",
    "group_values",
    "histories",
    "if_recorded",
    "interval_words",
    "limit",
    "live",
    "mean_interval",
    "paired_difference",
    "paired_interval",
    "provenance",
    "recorded",
    "recorded_set",
    "reported",
    "results_table",
    "side_by_side",
    "signed_words",
    "standing",
    "sweep",
    "turned",
    "values",
    "verdict_rate_or_noise",
]


def live(
    experiment: str,
    profile: str = "demo",
    *,
    grid: Mapping[str, Sequence[Any]] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None,
    seeds: int | Sequence[int] | None = None,
    arms: str | Sequence[str] | None = None,
    device: str = "auto",
    results_dir: str = "",
    **settings: Any,
) -> list[Record]:
    """Run an experiment in the notebook, one record per arm and seed (and place of a grid).

    Args:
        experiment: ``toy``, ``patch`` or ``cifar``.
        profile: the experiment's profile.
        grid, points: values of fields, as for ``lrbook.sweeps.expand``.
        seeds, arms: one, or several; none takes the profile's.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        results_dir: where records are kept and found again; empty keeps nothing.
        **settings: fields that differ from the profile.

    Raises:
        UserError: as ``lrbook run``.
    """
    cls = experiments.config_class(experiment)
    settings, extra = experiments.locate_data(cls, profile, settings)
    seeds, arms = _several(seeds), _several(arms)
    configs = sweeps.expand(
        experiment, profile, grid=grid, points=points, seeds=seeds, arms=arms, **settings
    )
    store = Store(results_dir) if results_dir else None
    used.note("live", [config.run_id for config in configs])
    colab.advise(device)
    records = experiments.shell(experiment).run(configs, store, device=device, **extra)
    used.keep("live", f"{experiment}, {profile}", records)
    return records


def _several(given: Any) -> list[Any] | None:
    """One item as a list of one; None for none."""
    if isinstance(given, int) or (isinstance(given, str) and given):
        return [given]
    return list(given or ()) or None


def recorded(*names: str) -> list[Record]:
    """The finished runs of the first of the recordings ``names`` that has any.

    Name the largest scale first. Raises LookupError if none has been recorded.
    """
    for name in names:
        records = recordings.load(name)
        if records:
            return _shown(name, records)
    raise LookupError(
        f"none of the recordings {', '.join(names)} is in the results folder; if runs of your own "
        "are to stand for one, name it, its profile and its seeds in recordings.toml there"
    )


def if_recorded(*names: str) -> list[Record]:
    """As ``recorded``, and [] if none has been recorded."""
    try:
        return recorded(*names)
    except LookupError:
        return []


def recorded_set(*sets: Sequence[str]) -> list[list[Record]]:
    """The finished runs of the first of the ``sets`` of recordings that is there as a whole.

    So a page that shows several recordings never mixes scales or data. Name the largest first.
    Raises LookupError if no set is complete, that is, has runs in each of its recordings.
    """
    for names in sets:
        found = [recordings.load(name) for name in names]
        if all(found):
            return [_shown(name, runs) for name, runs in zip(names, found, strict=True)]
    raise LookupError(f"none of the sets of recordings {sets} is in the results folder")


def sweep(name: str) -> Sweep:
    """The recorded sweep ``name``. Raises LookupError if it has not been recorded."""
    return sweeps.recorded(name)


def _shown(name: str, records: list[Record]) -> list[Record]:
    used.note("shown", [record.run_id for record in records])
    used.keep("shown", name, records)
    return records


def compare(
    groups: dict[str, Sequence[Record]], quantities: dict[str | Callable[[Record], float], str]
) -> pd.DataFrame:
    """Like ``results_table`` with one row per named group of runs.

    A group with several arms stands for the arm of its own name.

    Args:
        groups: name -> runs.
        quantities: a result's name, or what takes a number from a run -> heading of its column.
    """
    rows = []
    for label in groups:
        runs = _runs_of(groups, label)
        row = {"runs": label, "rate": runs[0].config["arm"], "seeds": len(runs)}
        for quantity, heading in quantities.items():
            found = [quantity(r) if callable(quantity) else r.result[quantity] for r in runs]
            row[heading] = interval_words(found)
        rows.append(row)
    return pd.DataFrame(rows)


def group_values(groups: dict[str, Sequence[Record]], label: str, quantity: str) -> list[float]:
    """One value of a result per seed, for one of the groups that ``compare`` takes."""
    return [run.result[quantity] for run in _runs_of(groups, label)]


def _runs_of(groups: dict[str, Sequence[Record]], label: str) -> list[Record]:
    arms = by_arm(groups[label])
    return arms[label] if label in arms else next(iter(arms.values()))


def verdict_rate_or_noise(groups: dict[str, Sequence[Record]]) -> str:
    """One sentence on whether rate or noise separates L-S from S, by P-only test accuracy.

    Args:
        groups: as for ``compare``: L-S, S, then the large rate without noise, then the small rate
            with L-S's diffusion.
    """
    accuracy = {
        label: mean_interval(group_values(groups, label, "p_only_accuracy"))[0] for label in groups
    }

    def nearer(label: str) -> str:
        return min(("L-S", "S"), key=lambda arm: abs(accuracy[arm] - accuracy[label]))

    quiet, noisy = list(groups)[2:4]
    found = f"By accuracy on P alone, *{quiet}* ends nearer to **{nearer(quiet)}**, and *{noisy}* "
    found += f"nearer to **{nearer(noisy)}**. "
    if (nearer(quiet), nearer(noisy)) == ("S", "L-S"):
        return found + "Here the noise separates the arms, not the size of the steps."
    if (nearer(quiet), nearer(noisy)) == ("L-S", "S"):
        return found + "Here the size of the steps separates the arms, not the noise."
    return found + "Here neither alone separates the arms."


def results_table(records: Sequence[Record], quantities: dict[str, str]) -> pd.DataFrame:
    """Arms as rows; per quantity (result name -> heading) mean and 95 % interval over seeds.

    Runs on images have their data named in a column.
    """
    rows = []
    for arm, runs in by_arm(records).items():
        row = {"arm": arm, "seeds": len(runs)}
        if runs[0].provenance.get("data"):
            row["images"] = data_of(runs)
        for quantity, heading in quantities.items():
            row[heading] = interval_words([run.result[quantity] for run in runs])
        rows.append(row)
    return pd.DataFrame(rows)


def turned(table: pd.DataFrame) -> pd.DataFrame:
    """A table with its rows as columns, headed by what its first column holds.

    For few rows of many intervals: an interval does not wrap, and six side by side are wider than
    a page.
    """
    head = table.columns[0]
    return table.set_index(head).T.rename_axis(columns=None).reset_index(names=head)


def reported(table: str) -> dict[str, Any]:
    """One table of the numbers that the paper reports, with its source and mark."""
    path = Path(__file__).with_name("paper_reported.toml")
    return tomllib.loads(path.read_text())[table]


def deviations(config: dict[str, Any], experiment: str) -> pd.DataFrame:
    """The settings of a stored run that differ from the class defaults: name, here, default.

    For the experiments on images the defaults are the authors'.
    """
    cls = experiments.config_class(experiment)
    rows = [
        {
            "setting": f"`{name}`",
            "here": _setting(name, config.get(name, field.default)),
            "paper": _setting(name, field.default),
        }
        for name, field in cls.model_fields.items()
        if name not in ("arm", "seed", "data") and config.get(name, field.default) != field.default
    ]
    return pd.DataFrame(rows)


def _setting(name: str, value: Any) -> str:
    return "all" if name in ("train_size", "test_size") and value == 0 else str(value)


def side_by_side(configs: dict[str, Any]) -> pd.DataFrame:
    """The fields in which configurations (heading -> config) differ, one column each."""
    first = next(iter(configs.values()))
    rows = []
    for name in type(first).model_fields:
        found = [getattr(config, name) for config in configs.values()]
        if len(set(found)) > 1:
            shown = [_shown_value(value) for value in found]
            rows.append({"field": f"`{name}`", **dict(zip(configs, shown, strict=True))})
    return pd.DataFrame(rows)


def _shown_value(value: Any) -> str:
    if type(value) is int:
        return f"{value:,}"
    return f"{value:.4g}" if type(value) is float else str(value)
