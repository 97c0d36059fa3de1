"""What the chapters call: recordings, live runs, and the words and tables made from them.

Every number that a page shows passes through here from a record or from ``paper_reported.toml``.
"""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrbook import colab, experiments, recordings, sweeps, used
from lrbook.arms import by_arm, by_seed, data_of, histories, limit, values
from lrbook.config import Config
from lrbook.errors import ConfigError, RecordLookupError
from lrbook.origin import footer
from lrbook.record import Record, made_by, recordings_dir
from lrbook.records import Store
from lrbook.stats import mean_interval, paired_interval
from lrbook.sweeps import Sweep
from lrbook.tables import (
    compare,
    deviations,
    group_values,
    results_table,
    side_by_side,
    turned,
)
from lrbook.words import (
    difference_of_differences,
    difference_words,
    gain_words,
    interval_words,
    listed_words,
    paired_difference,
    pairs_words,
    provenance,
    signed_words,
    standing,
)

if TYPE_CHECKING:  # which imports torch
    from lrbook.vision.images import Images

__all__ = [
    "by_arm",
    "by_seed",
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
    "listed_words",
    "live",
    "mean_interval",
    "paired_difference",
    "paired_interval",
    "pairs_words",
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
    experiment: str | type[Config],
    profile: str = "demo",
    *,
    grid: Mapping[str, Sequence[Any]] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None,
    seeds: int | Sequence[int] | None = None,
    arms: str | Sequence[str] | None = None,
    device: str = "auto",
    images: "Images | None" = None,
    results_dir: str = "",
    **settings: Any,
) -> list[Record]:
    """Run an experiment in the notebook, one record per arm and seed (and place of a grid).

    Args:
        experiment: ``toy``, ``patch`` or ``cifar``, or one of your own as for ``sweeps.expand``.
        profile: the experiment's profile.
        grid, points: values of fields, as for ``lrbook.sweeps.expand``.
        seeds, arms: one, or several; none takes the profile's.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        images: images in memory for all runs, of an experiment on images; ``data`` need not be
            given then.
        results_dir: where records are kept and found again; empty keeps nothing.
        **settings: fields that differ from the profile.

    Raises:
        UserError: as ``lrbook run``.
    """
    cls = experiments.config_class(experiment)
    settings, extra = experiments.locate_data(cls, profile, settings, images)
    seeds, arms = _several(seeds), _several(arms)
    configs = sweeps.expand(
        experiment, profile, grid=grid, points=points, seeds=seeds, arms=arms, **settings
    )
    store = Store(results_dir, named="results_dir") if results_dir else None
    used.note("live", [config.run_id for config in configs])
    colab.advise(experiments.base(cls), device)
    records = experiments.shell(experiment).run(configs, store, device=device, **extra)
    used.keep("live", f"{cls.experiment}, {profile}", records)
    return records


def _several(given: Any) -> list[Any] | None:
    """One item as a list of one; None for none."""
    if isinstance(given, int) or (isinstance(given, str) and given):
        return [given]
    return list(given or ()) or None


def recorded(*names: str, arms: Sequence[str] = ()) -> list[Record]:
    """The runs of the first of the recordings ``names`` that is complete: finished or diverged.

    Name the largest scale first: as long as runs of it are missing, the next one is shown. Where
    none is complete it is the last that has any.

    Args:
        names: recordings, in ``recordings.toml``.
        arms: the only arms wanted, for a page that compares them seed by seed; none takes all.

    Raises:
        ConfigError: no name is given, or one that is not in ``recordings.toml``.
        RecordLookupError: none has been recorded, or the one that is shown lacks one of the
            ``arms``.
    """
    _check_named(names, "'patch-paper', 'patch-laptop'")
    part: list[tuple[str, list[Record]]] = []
    for name in names:
        records, complete = recordings.there(name)
        if complete:
            return _shown(name, records, arms)
        part += [(name, records)] if records else []
    if part:
        return _shown(*part[-1], arms)
    raise RecordLookupError(
        f"none of the recordings {', '.join(names)} is in the results folder {recordings_dir()}; "
        f"the last is made by: {made_by(names[-1])}; {recordings.own_entry(names[-1])}"
    )


def _check_named(given: Sequence[Any], form: str, kind: Any = str) -> None:
    """ConfigError if nothing is ``given``, or it has anything that is not of the ``kind``."""
    if not given or not all(isinstance(each, kind) and each for each in given):
        raise ConfigError(
            f"recordings are named as in ({form}), not ({', '.join(map(repr, given))}); "
            "lrbook record lists their names."
        )


def if_recorded(*names: str) -> list[Record]:
    """As ``recorded``, and [] if none has been recorded."""
    try:
        return recorded(*names)
    except LookupError:
        return []


def recorded_set(*sets: Sequence[str], arms: Sequence[str] = ()) -> list[list[Record]]:
    """The runs, finished or diverged, of the first of the ``sets`` of recordings that is complete.

    So a page that shows several recordings never mixes scales or data. Name the largest first.
    Where none is complete it is the last that has runs in each of its recordings.

    Args:
        sets: names of recordings that belong together.
        arms: as for ``recorded``, of each recording of the set.

    Raises:
        ConfigError: as ``recorded``.
        RecordLookupError: there is no such set, or a recording of it lacks one of the ``arms``.
    """
    _check_named(sets, "['patch-laptop', 'patch-laptop-control']", list | tuple)
    part: list[dict[str, list[Record]]] = []
    for names in sets:
        found = {name: recordings.there(name) for name in names}
        runs = {name: records for name, (records, _) in found.items()}
        if all(complete for _, complete in found.values()):
            return [_shown(*each, arms) for each in runs.items()]
        part += [runs] if all(runs.values()) else []
    if part:
        return [_shown(*each, arms) for each in part[-1].items()]
    known = "; or ".join(", ".join(names) for names in sets)
    empty = [name for name, records in runs.items() if not records]
    raise RecordLookupError(
        f"several recordings are shown together ({known}), and none of these sets is in the "
        f"results folder {recordings_dir()}. Of the last it has no finished run of "
        f"{', '.join(empty)}, made by: {'; '.join(map(made_by, empty))}"
    )


def sweep(name: str) -> Sweep:
    """The recorded sweep ``name``. Raises RecordLookupError if it has not been recorded."""
    return sweeps.recorded(name)


def _shown(name: str, records: list[Record], arms: Sequence[str] = ()) -> list[Record]:
    recordings.need_arms(name, records, arms)
    used.note("shown", [record.run_id for record in records])
    used.keep("shown", name, records)
    return [record for record in records if not arms or record.config["arm"] in arms]


def verdict_rate_or_noise(groups: dict[str, Sequence[Record]]) -> str:
    """One sentence on whether rate or noise separates L-S from S, by P-only test accuracy.

    Args:
        groups: as for ``compare``. Of those other than L-S and S, the first at the large rate has
            no noise, and the first at the small rate has L-S's diffusion.
    """
    accuracy = {
        label: mean_interval(group_values(groups, label, "p_only_accuracy"))[0] for label in groups
    }

    def nearer(label: str) -> str:
        return min(("L-S", "S"), key=lambda arm: abs(accuracy[arm] - accuracy[label]))

    controls = {label: runs[0] for label, runs in groups.items() if label not in ("L-S", "S")}
    quiet = next(label for label, run in controls.items() if run.config["arm"] == "L-S")
    noisy = next(label for label, run in controls.items() if run.config["arm"] != "L-S")
    found = f"By accuracy on P alone, *{quiet}* ends nearer to **{nearer(quiet)}**, and *{noisy}* "
    found += f"nearer to **{nearer(noisy)}**. "
    if gap := accuracy["L-S"] - accuracy["S"]:
        ways = [round(100 * (accuracy[label] - accuracy["S"]) / gap) for label in (quiet, noisy)]
        found += f"Of the way from S to L-S they go {ways[0]} % and {ways[1]} %. "
    if (nearer(quiet), nearer(noisy)) == ("S", "L-S"):
        return (
            found
            + "Here it is mostly the noise that separates the arms, not the size of the steps."
        )
    if (nearer(quiet), nearer(noisy)) == ("L-S", "S"):
        return (
            found
            + "Here it is mostly the size of the steps that separates the arms, not the noise."
        )
    return found + "Here neither alone separates the arms."


def reported(table: str) -> dict[str, Any]:
    """One table of the numbers that the paper reports, with its source and mark."""
    path = Path(__file__).with_name("paper_reported.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))[table]
