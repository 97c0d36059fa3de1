"""Tables of the chapters: runs by arm or by group, and the settings in which they differ."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from lrbook import experiments
from lrbook.arms import by_arm, data_of
from lrbook.config import Config
from lrbook.errors import RecordLookupError
from lrbook.record import Record
from lrbook.words import interval_words


def results_table(
    records: Sequence[Record],
    quantities: dict[str, str],
    words: Callable[[Sequence[float | None]], str] = interval_words,
) -> pd.DataFrame:
    """Arms as rows; per quantity (result name -> heading) mean and 95 % interval over seeds.

    Runs on images have their data named in the first heading. An arm of which every run diverged
    has a row that says so.

    Args:
        records: runs of one experiment.
        quantities: a result's name -> heading of its column.
        words: what a cell says of the numbers of an arm; ``listed_words`` where seeds are few.
    """
    rows = []
    finished = by_arm(records)
    images = data_of(records) if all(r.provenance.get("data") for r in records) else ""
    head = f"arm, on {images}" if images else "arm"
    for arm in dict.fromkeys(record.config["arm"] for record in records):
        runs = finished.get(arm, [])
        if not runs:
            rows.append({head: arm, "seeds": 0, **dict.fromkeys(quantities.values(), "diverged")})
            continue
        row = {head: arm, "seeds": len(runs)}
        for quantity, heading in quantities.items():
            row[heading] = words([run.result[quantity] for run in runs])
        rows.append(row)
    return pd.DataFrame(rows)


def turned(table: pd.DataFrame) -> pd.DataFrame:
    """A table with its rows as columns, headed by what its first column holds.

    For few rows of many intervals: an interval does not wrap, and six side by side are wider than
    a page.
    """
    head = table.columns[0]
    return table.set_index(head).T.rename_axis(columns=None).reset_index(names=head)


_RATES = dict.fromkeys(("L-S", "large"), "large")
_RATES |= dict.fromkeys(("S", "S+noise", "small", "noise"), "small")


def compare(
    groups: dict[str, Sequence[Record]], quantities: dict[str | Callable[[Record], float], str]
) -> pd.DataFrame:
    """Like ``results_table`` with one row per named group of runs.

    A group with several arms stands for the arm of its own name. The column rate says whether the
    runs begin with the large or the small one; for an arm of the reader's own it has its name.

    Args:
        groups: name -> runs.
        quantities: a result's name, or what takes a number from a run -> heading of its column.

    Raises:
        RecordLookupError: no run of a group has finished, or none of the arm that it is named
            after.
    """
    rows = []
    for label in groups:
        runs = _runs_of(groups, label)
        arm = runs[0].config["arm"]
        row = {"runs": label, "rate": _RATES.get(arm, arm), "seeds": len(runs)}
        for quantity, heading in quantities.items():
            found = [quantity(r) if callable(quantity) else r.result[quantity] for r in runs]
            row[heading] = interval_words(found)
        rows.append(row)
    return pd.DataFrame(rows)


def group_values(groups: dict[str, Sequence[Record]], label: str, quantity: str) -> list[float]:
    """One value of a result per seed, for one of the groups that ``compare`` takes.

    Raises:
        RecordLookupError: as ``compare``.
    """
    return [run.result[quantity] for run in _runs_of(groups, label)]


def _runs_of(groups: dict[str, Sequence[Record]], label: str) -> list[Record]:
    arms = by_arm(groups[label])
    if label in arms:
        return arms[label]
    if not arms:
        raise RecordLookupError(
            f"no run of the group {label!r} has finished; leave it out, or give it runs that have"
        )
    if label in _RATES:  # the numbers of another arm would stand under its name
        raise RecordLookupError(
            f"no finished run of the group {label!r} is of the arm {label}, only of "
            f"{' and '.join(arms)}; give it runs of that arm, or another name"
        )
    return next(iter(arms.values()))


def deviations(config: dict[str, Any], experiment: str) -> pd.DataFrame:
    """The settings of a stored run on images that differ from the authors': name, here, paper.

    The authors' are the defaults of the class.

    Raises:
        ValueError: the experiment is the toy, whose defaults are this book's own.
    """
    if experiment == "toy":
        raise ValueError("the toy's defaults are not the paper's: ``side_by_side`` compares those")
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


def side_by_side(settings: Mapping[str, Config | Record]) -> pd.DataFrame:
    """The fields in which settings (heading -> configuration, or a run of it) differ.

    One column each; arm and seed are left out.
    """
    configs = {heading: _config_of(each) for heading, each in settings.items()}
    rows = []
    for name in type(next(iter(configs.values()))).model_fields:
        found = [getattr(config, name) for config in configs.values()]
        if name not in ("arm", "seed") and len(set(found)) > 1:
            shown = [shown_value(value) for value in found]
            rows.append({"field": f"`{name}`", **dict(zip(configs, shown, strict=True))})
    return pd.DataFrame(rows)


def _config_of(settings: Config | Record) -> Config:
    if isinstance(settings, Config):
        return settings
    return experiments.config_class(settings.experiment)(**settings.config)


def shown_value(value: Any) -> str:
    """The value of a field as tables have it: whole numbers with commas, others in four digits."""
    if type(value) is int:
        return f"{value:,}"
    return f"{value:.4g}" if type(value) is float else str(value)
