"""Records and summaries as lines of text for a terminal."""

from typing import Any

from lrbook import experiments
from lrbook.config import Config
from lrbook.errors import ConfigError, RecordError
from lrbook.record import INTERRUPTED, Record, read_record
from lrbook.records import Store
from lrbook.stats import mean_interval
from lrbook.vision.identity import display_name

ALL_HELD = 100  # of so many runs of the toy at a time each is held by its process


def summary_lines(summary: dict[str, Any]) -> list[str]:
    """One line per arm and quantity: mean and 95 % interval over the seeds."""
    lines = []
    for arm, values in summary["arms"].items():
        seeds = values["seeds"]
        lines.append(f"{arm} (seeds {', '.join(map(str, seeds))})")
        quantities = values.get("final", {k: v for k, v in values.items() if k != "seeds"})
        lines += [f"  {name:24} {_words(numbers)}" for name, numbers in quantities.items()]
    for name, numbers in summary.get("limits", {}).items():
        lines.append(f"logistic regression, {name:12} {_words(numbers)}")
    lines.append(f"runs: {' '.join(summary['run_ids'])}")
    return lines


def _words(numbers: list[float | None]) -> str:
    known = [number for number in numbers if number is not None]
    if not known:
        return "none"
    mean, half = mean_interval(known)
    spread = f" +- {half:.2g}" if half is not None else ""
    missing = f" ({len(numbers) - len(known)} of {len(numbers)} none)"
    return f"{mean:.4g}{spread}{missing if len(known) < len(numbers) else ''}"


def record_lines(store: Store) -> tuple[list[str], list[str]]:
    """One line per run: id, status, arm, seed, wall time, commit, settings; and what is wrong with
    those that are damaged, whose lines say no more than that. Of a run of one's own class that is
    named in place of the settings.

    Raises:
        RecordError: the folder of the runs cannot be read.
    """
    lines, problems = [], []
    for folder in store.folders():
        try:
            record = read_record(folder)
        except RecordError as error:
            lines.append(f"{folder.name}  damaged")
            problems.append(str(error))
            continue
        wall = f"{record.wall_s:.0f} s" if record.wall_s is not None else "-"
        commit = (record.provenance.get("commit") or "-")[:8]
        arm, seed = record.config["arm"], record.config["seed"]
        status = status_word(record, store)
        line = f"{record.run_id}  {status:9} {arm:8} seed {seed:<4} {wall:>7} {commit:8}"
        lines.append(f"{line}  {settings_words(record)}".rstrip())
    if not store.root.is_dir():
        return [f"no records: there is no folder {store.root}; --results names another"], []
    return lines or [f"no records in {store.root}"], problems


def status_word(record: Record, store: Store) -> str:
    """The status of a record, or ``interrupted``.

    A run that the user stopped is noted as failed if its process had the time to do so. Else it
    is noted as running still, but no process holds it. (Of more than a hundred runs of the toy that
    go on together some are not held; while there are so many, such a run stays ``running``.)
    """
    if record.status == "failed" and record.message == INTERRUPTED:
        return INTERRUPTED
    if record.status != "running" or store.held(record.run_id) is not False:
        return record.status
    locks = [path.name[1:].removesuffix(".lock") for path in store.root.glob(".*.lock")]
    many = len(locks) > ALL_HELD and sum(map(bool, map(store.held, locks))) > ALL_HELD
    return record.status if many else INTERRUPTED


def settings_words(record: Record) -> str:
    """The profile that a run is nearest to, and the fields in which it differs from it.

    For an experiment that is not one of ours the file and name of its class.
    """
    if record.experiment not in experiments.NAMES:
        return f"own: {record.provenance.get('own_class', record.experiment)}"
    cls = experiments.config_class(record.experiment)
    known = {k: v for k, v in record.config.items() if k in cls.model_fields}
    try:
        differing = {name: _differing(cls, name, known) for name in cls.profiles}
    except ConfigError:  # of a version with other rules
        return ""
    profile = min(differing, key=lambda name: len(differing[name]))
    changed = [
        f"on {display_name(value)}" if name == "data" else f"{name} = {value}"
        for name, value in differing[profile].items()
    ]
    return ", ".join([profile, *changed])


def _differing(cls: type[Config], profile: str, known: dict[str, Any]) -> dict[str, Any]:
    """The fields of ``known`` that are not as in ``profile``."""
    plain = cls.for_profile(profile, arm=known["arm"], seed=known["seed"]).model_dump(mode="json")
    return {k: v for k, v in known.items() if v != plain[k]}


def one_record(store: Store, run_id: str) -> dict[str, Any]:
    """The record whose id is, or begins with, ``run_id``.

    Raises:
        RecordError: none, or more than one.
    """
    # By the folders' names: another run's damaged record is no reason not to show this one.
    found = [folder for folder in store.folders() if folder.name.startswith(run_id)]
    if len(found) != 1:
        known = "none" if not found else ", ".join(folder.name for folder in found)
        raise RecordError(f"run {run_id!r}: one record should match in {store.root}, not {known}.")
    record = read_record(found[0])
    return {
        name: getattr(record, name)
        for name in ("run_id", "status", "config", "result", "provenance", "wall_s", "message")
    }
