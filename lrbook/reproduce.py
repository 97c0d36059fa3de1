"""How to make every recording of the book again: from ``recordings.toml`` and what is recorded."""

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lrbook import origin, recordings, style, sweeps
from lrbook.record import Record, recordings_dir
from lrbook.recordings import Recording
from lrbook.tables import shown_value

JPEG_COPY = "CIFAR-10 (JPEG copy)"
"""Images that `--data` has to name by the folder into which the reader has put them."""


class Entry(NamedTuple):
    """A recording that the book wants, how many runs it takes, and the ones that are there."""

    recording: Recording
    wanted: int
    runs: list[Record]


def entries(plan: Sequence[Recording], results: str | Path) -> list[Entry]:
    """The recordings of ``plan`` with their runs that are over in the folder ``results``.

    Raises:
        RecordError: a record is damaged.
    """
    return [Entry(each, len(each.configs()), _found(each, results)) for each in plan]


def command(recording: Recording) -> str:
    """The line for a shell that runs what is missing of a recording."""
    words = ["lrbook", "record", "--only", recording.name, "--run"]
    if recording.data == JPEG_COPY:
        words += ["--data", "FOLDER"]
    return shlex.join(words)


def described(entry: Entry) -> str:
    """One recording as an entry of a Markdown definition list: what, settings, state, command."""
    recording, there = entry.recording, len(entry.runs)
    settings = [
        f"experiment {recording.experiment}, profile {recording.profile}",
        *_changes(recording),
        f"arms {', '.join(recording.arms)}",
        origin.seeds_words(recording.seeds),
        *([recording.data] if recording.data else []),
        *([f"needs {recording.device}"] if recording.device else []),
    ]
    state = f"{there} of {entry.wanted} runs are recorded"
    if not there:
        state = f"**not recorded**: none of {entry.wanted} runs"
    elif there < entry.wanted:
        state = f"**{entry.wanted - there} missing**: {state}"
    if there:
        told = origin.describe(entry.runs)
        shown = [told[part] for part in ("hardware", "software", "time", "date") if part in told]
        state += f" ({'; '.join(shown)})"
        if "commit" in told:
            state += f", {told['commit']}"
    return (
        f"`{recording.name}`\n"
        f": {_sentence(recording.what)} *{'; '.join(settings)}.*\n\n"
        f"  {state}.\n\n"
        f"  ```shell\n  {command(recording)}\n  ```\n"
    )


def summary(found: Iterable[Entry]) -> str:
    """How many recordings and runs are there, and how long they took, as a sentence."""
    found = list(found)
    runs = [run for entry in found for run in entry.runs]
    complete = sum(len(entry.runs) == entry.wanted for entry in found)
    missing = sum(entry.wanted - len(entry.runs) for entry in found)
    said = f"{complete} of {len(found)} recordings are complete: {len(runs)} runs"
    if runs:
        said += f", {origin.time_words(sum(run.wall_s or 0.0 for run in runs))} in all"
    return said + (f". {missing} runs are missing." if missing else ".")


def repeated_words(first: Record, again: Record) -> str:
    """How many of the accuracies of a run came out the same when it was run again, as a sentence.

    Args:
        first: a run.
        again: one of the same settings, with a history over the same epochs.
    """
    same = wanted = 0
    for name in ("train_accuracy", "clean", "mixed", "patch_only"):
        # A sweep keeps its histories in single precision
        pairs = zip(first.history[name], again.history[name], strict=True)
        found = [np.float32(one) == np.float32(other) for one, other in pairs]
        same, wanted = same + sum(found), wanted + len(found)
    where, there = (origin.describe([run]) for run in (first, again))
    words = [f"{told['hardware']}, {told['date']}, {told['commit']}" for told in (where, there)]
    config = again.config
    return (
        f"The arm {config['arm']}, seed {config['seed']}, was run twice ({words[0]}; and again: "
        f"{words[1]}). Of its {wanted} accuracies, **{same}** came out the same."
    )


def show(*experiments: str) -> None:
    """Show the recordings of the ``experiments`` (toy, patch, cifar), with a summary above them."""
    plan = [each for each in recordings.read() if each.experiment in experiments]
    found = entries(plan, recordings_dir())
    style.say(summary(found))
    style.say("\n".join(map(described, found)))


def _found(recording: Recording, results: str | Path) -> list[Record]:
    """Of a sweep what its table has, also where the plan was another when it was made."""
    if recording.is_sweep:
        try:
            records = sweeps.load(sweeps.folder_of(recording.name, results)).records
        except LookupError:
            return []
        return recordings.over(records)
    return recordings.over(recordings.stored(recording, results).values())


def _changes(recording: Recording) -> list[str]:
    """What the runs change of their profile: ``name = value``, and the fields that they go over."""
    fixed = [f"`{name}` = {shown_value(value)}" for name, value in recording.settings.items()]
    swept = [
        f"`{name}` over {', '.join(map(shown_value, found))}"
        for name, found in (recording.grid or {}).items()
    ]
    names = dict.fromkeys(name for point in recording.points or () for name in point)
    points = [f"points that differ in {', '.join(f'`{name}`' for name in names)}"] if names else []
    return [*fixed, *swept, *points]


def _sentence(what: str) -> str:
    return what[0].upper() + what[1:] + "."
