"""What the chapters call: recordings, live runs, and the words and tables made from them.

Every number that a page shows passes through here from a record or from ``paper_reported.toml``.
"""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lrbook import experiments, recordings, sweeps
from lrbook.records import Record, Store
from lrbook.stats import mean_interval, paired_interval
from lrbook.sweeps import Sweep


def live(
    experiment: str,
    profile: str = "demo",
    *,
    seeds: Sequence[int] | None = None,
    arms: Sequence[str] | None = None,
    device: str = "auto",
    results_dir: str = "",
    **settings: Any,
) -> list[Record]:
    """Run an experiment in the notebook, one record per arm and seed.

    Args:
        experiment: ``toy``, ``patch`` or ``cifar``.
        profile: the experiment's profile.
        seeds, arms: None takes the profile's.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        results_dir: where records are kept and found again; empty keeps nothing.
        **settings: fields that differ from the profile.

    Raises:
        UserError: as ``lrbook run``.
    """
    cls = experiments.config_class(experiment)
    settings, extra = experiments.locate_data(cls, profile, settings)
    configs = cls.expand(profile, seeds=seeds or None, arms=arms or None, **settings)
    store = Store(results_dir) if results_dir else None
    return experiments.shell(experiment).run(configs, store, device=device, **extra)


def recorded(*names: str) -> list[Record]:
    """The finished runs of the first of the recordings ``names`` that has any.

    Name the largest scale first. Raises LookupError if none has been recorded.
    """
    for name in names:
        records = recordings.load(name)
        if records:
            return records
    raise LookupError(f"none of the recordings {', '.join(names)} is in the results folder")


def recorded_set(*sets: Sequence[str]) -> list[list[Record]]:
    """The finished runs of the first of the ``sets`` of recordings that is there as a whole.

    So a page that shows several recordings never mixes scales or data. Name the largest first.
    Raises LookupError if no set is complete, that is, has runs in each of its recordings.
    """
    for names in sets:
        found = [recordings.load(name) for name in names]
        if all(found):
            return found
    raise LookupError(f"none of the sets of recordings {sets} is in the results folder")


def sweep(name: str) -> Sweep:
    """The recorded sweep ``name``. Raises LookupError if it has not been recorded."""
    return sweeps.recorded(name)


def data_of(records: Sequence[Record]) -> str:
    """The name of the images that all these runs were trained on.

    Raises:
        ValueError: they differ; such runs do not belong into one figure or table.
    """
    names = sorted({record.provenance["data"] for record in records})
    if len(names) != 1:
        raise ValueError(f"runs on different images: {', '.join(names)}")
    return names[0]


def by_arm(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Finished records by arm, in order of first appearance, each arm's by seed."""
    arms: dict[str, list[Record]] = {}
    for record in records:
        if record.status == "finished":
            arms.setdefault(record.config["arm"], []).append(record)
    return {arm: sorted(runs, key=lambda run: run.config["seed"]) for arm, runs in arms.items()}


def histories(records: Sequence[Record]) -> dict[str, list[pd.DataFrame]]:
    """Arm -> its histories, one per seed."""
    return {arm: [run.history for run in runs] for arm, runs in by_arm(records).items()}


def values(records: Sequence[Record], quantity: str) -> dict[str, list[float]]:
    """Arm -> one value of a result per seed."""
    return {arm: [run.result[quantity] for run in runs] for arm, runs in by_arm(records).items()}


def limit(records: Sequence[Record], name: str) -> list[float]:
    """The toy's limit ``p_only`` or ``all_p`` (accuracy of logistic regression), one per seed."""
    per_seed = {run.config["seed"]: run.result["limits"][name] for run in records}
    return [value for _, value in sorted(per_seed.items())]


def compare(groups: dict[str, Sequence[Record]], quantities: dict[str, str]) -> pd.DataFrame:
    """Like ``results_table`` with one row per named group of runs.

    A group with several arms stands for the arm of its own name.
    """
    rows = []
    for label in groups:
        runs = _runs_of(groups, label)
        row = {"runs": label, "rate": runs[0].config["arm"], "seeds": len(runs)}
        for quantity, heading in quantities.items():
            row[heading] = interval_words([run.result[quantity] for run in runs])
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


def interval_words(numbers: Sequence[float | None], digits: int | None = None) -> str:
    """``mean ± half-width`` (95 %, Student's t); a dash for nothing; missing values are counted."""
    known = [number for number in numbers if number is not None]
    if not known:
        return "–"
    missing = len(numbers) - len(known)
    words = _plus_minus(*mean_interval(known), digits)
    return f"{words} (of {len(known)}, {missing} without)" if missing else words


def difference_words(records: Sequence[Record], quantity: str, first: str, second: str) -> str:
    """``first - second`` over the seeds that both arms have: mean, 95 % interval, number."""
    mean, half, count = paired_difference(records, quantity, first, second)
    return f"{_plus_minus(mean, half)} ({count} paired seed{'s' if count != 1 else ''})"


def gain_words(before: Sequence[float], after: Sequence[float]) -> str:
    """``after - before``, seed by seed: mean, 95 % interval, number of pairs."""
    return f"{_plus_minus(*paired_interval(after, before))} ({len(after)} paired seeds)"


def standing(records: Sequence[Record], quantity: str, first: str, second: str) -> str:
    """``first`` is ``ahead of``, ``behind`` or (interval over 0) ``not apart from`` ``second``."""
    mean, half, _ = paired_difference(records, quantity, first, second)
    if half is None or abs(mean) <= half:
        return "not apart from"
    return "ahead of" if mean > 0 else "behind"


def paired_difference(
    records: Sequence[Record], quantity: str, first: str, second: str
) -> tuple[float, float | None, int]:
    """Mean of ``first - second``, half-width of its 95 % interval, and the number of pairs."""
    arms = by_arm(records)
    one, two = (
        {run.config["seed"]: run.result[quantity] for run in arms[arm]} for arm in (first, second)
    )
    seeds = sorted(one.keys() & two.keys())
    mean, half = paired_interval([one[s] for s in seeds], [two[s] for s in seeds])
    return mean, half, len(seeds)


def difference_of_differences(
    records: Sequence[Record], control: Sequence[Record], quantity: str, first: str, second: str
) -> str:
    """How much more ``first`` exceeds ``second`` in ``records`` than in ``control``, by seed."""
    per_seed = [
        {
            (run.config["arm"], run.config["seed"]): run.result[quantity]
            for run in group
            if run.status == "finished"
        }
        for group in (records, control)
    ]
    seeds = sorted(
        {
            seed
            for arm, seed in per_seed[0]
            if all((name, seed) in group for name in (first, second) for group in per_seed)
        }
    )
    gaps = [[group[first, s] - group[second, s] for s in seeds] for group in per_seed]
    return f"{_plus_minus(*paired_interval(*gaps))} ({len(seeds)} paired seeds)"


def _plus_minus(mean: float, half: float | None, digits: int | None = None) -> str:
    if digits is None:
        digits = 3 if abs(mean) < 2 else 1
    if half is None:
        return f"{mean:.{digits}f}"
    # no-break spaces: a table cell must not tear a value from its interval
    return f"{mean:.{digits}f}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{half:.{digits}f}"


def provenance(records: Sequence[Record]) -> str:
    """Where these runs come from, as one Markdown line: seeds, data, hardware, versions, date."""
    origins = [record.provenance for record in records]
    seeds = sorted({record.config["seed"] for record in records})
    framework = "jax" if records[0].experiment == "toy" else "torch"
    hours = sum(record.wall_s for record in records) / 3600
    spent = f"{hours:.1f} hours" if hours >= 1 else f"{60 * hours:.1f} minutes"
    parts = [
        f"{len(records)} run{'s' if len(records) > 1 else ''}",
        f"{'seeds' if len(seeds) > 1 else 'seed'} {_ranges(seeds)}",
        *_distinct(origins, "data"),
        *_distinct(origins, "device"),
        *_distinct(origins, "precision"),
        *(f"{framework} {v}" for v in sorted({o["versions"][framework] for o in origins})),
        f"{spent} in all",
        ", ".join(sorted({o["date"][:10] for o in origins})),
        *(f"commit {c[:8]}" for c in sorted({o["commit"] for o in origins if o["commit"]})),
    ]
    return f"*{', '.join(parts[:2])}; {'; '.join(parts[2:])}.*"


def _distinct(origins: Sequence[dict[str, Any]], name: str) -> list[str]:
    found = {origin[name] for origin in origins if origin.get(name)}
    return sorted({re.sub(r"\b1 cores$", "1 core", words) for words in found})


def _ranges(seeds: Sequence[int]) -> str:
    if len(seeds) > 2 and seeds[-1] - seeds[0] == len(seeds) - 1:
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))


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
    """The numeric fields in which configurations (heading -> config) differ, one column each."""
    first = next(iter(configs.values()))
    rows = []
    for name in type(first).model_fields:
        found = [getattr(config, name) for config in configs.values()]
        if len(set(found)) > 1 and all(type(value) in (int, float) for value in found):
            shown = [f"{value:.4g}" for value in found]
            rows.append({"field": f"`{name}`", **dict(zip(configs, shown, strict=True))})
    return pd.DataFrame(rows)
