"""Records and summaries as lines of text for a terminal."""

from typing import Any

from lrbook.errors import RecordError
from lrbook.record import read_record
from lrbook.records import Store
from lrbook.stats import mean_interval


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
    """One line per run: id, status, arm, seed, wall time, commit; and what is wrong with those that
    are damaged, whose lines say no more than that.
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
        lines.append(
            f"{record.run_id}  {record.status:9} {arm:8} seed {seed:<4} {wall:>7} {commit}"
        )
    return lines or [f"no records in {store.root}"], problems


def one_record(store: Store, run_id: str | None) -> dict[str, Any]:
    """The record whose id is, or begins with, ``run_id``.

    Raises:
        RecordError: none, or more than one.
    """
    # By the folders' names: another run's damaged record is no reason not to show this one.
    found = [folder for folder in store.folders() if run_id and folder.name.startswith(run_id)]
    if len(found) != 1:
        known = "none" if not found else ", ".join(folder.name for folder in found)
        raise RecordError(f"run {run_id!r}: one record should match in {store.root}, not {known}.")
    record = read_record(found[0])
    return {
        name: getattr(record, name)
        for name in ("run_id", "status", "config", "result", "provenance", "wall_s", "message")
    }
