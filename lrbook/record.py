"""One run's record: what it holds, and how it is read and checked."""

import dataclasses
import hashlib
import io
import json
import os
import re
import shlex
from pathlib import Path
from typing import Any

import pandas as pd

from lrbook import experiments
from lrbook.config import Config
from lrbook.errors import ConfigError, RecordError

STATUSES = ("running", "finished", "diverged", "failed")
INTERRUPTED = "interrupted"
"""The message of a failed run that the user stopped."""


def recordings_dir() -> Path:
    """The folder of the book's recordings: LRBOOK_RECORDINGS, else the repository's results."""
    named = os.environ.get("LRBOOK_RECORDINGS")
    return Path(named) if named else Path(__file__).resolve().parent.parent / "results"


def made_by(name: str, results: str | Path | None = None) -> str:
    """The command that makes the recording ``name`` in a results folder; None takes the book's."""
    folder = shlex.quote(str(results or recordings_dir()))
    return f"lrbook record --run --only {name} --results {folder}"


@dataclasses.dataclass(frozen=True)
class Record:
    """One run. A stored one reads its ``history`` from disk when asked for it, and checks it; one
    that was kept in memory (``Unstored``) carries it as ``table``.
    """

    run_id: str
    experiment: str
    config: dict[str, Any]
    status: str
    provenance: dict[str, Any]
    result: dict[str, Any]
    history_sha256: str | None
    wall_s: float | None
    message: str | None = None
    folder: Path | None = None
    table: pd.DataFrame | None = dataclasses.field(default=None, compare=False, repr=False)
    """The history of a run that was not stored."""
    meaning: int = 1
    """The ``meaning`` that the class of the configuration had; 1 where a file has none."""

    def __post_init__(self) -> None:
        # The name of an experiment of one's own can be that of a file, which would be imported: no
        # record, which may be anybody's, has a say in that.
        if not re.fullmatch(r"[A-Za-z0-9]\w*", self.experiment, re.ASCII):
            raise ValueError(f"experiment is {self.experiment!r}")

    def __repr__(self) -> str:
        where = f"arm {self.config.get('arm')}, seed {self.config.get('seed')}"
        return f"Record {self.run_id}: {self.status}, {where}; .config, .result, .history"

    @property
    def done(self) -> bool:
        """Whether there is nothing left to run: finished, or diverged (which repeats itself)."""
        return self.status in ("finished", "diverged")

    @property
    def history(self) -> pd.DataFrame:
        """The measurements, one row each.

        Raises:
            RecordError: the file is missing, or is not the one that the record was written with;
                or the run has kept none.
        """
        if self.table is not None:
            return self.table
        if self.folder is None:
            raise RecordError(f"the run {self.run_id} has kept no history.")
        path = self.folder / "history.parquet"
        try:
            data = path.read_bytes()
        except OSError as error:
            raise RecordError(f"{path} cannot be read ({error.strerror}).") from None
        if hashlib.sha256(data).hexdigest() != self.history_sha256:
            raise RecordError(
                f"{path} is damaged: its SHA-256 is not the one in record.json. "
                f"Restore it, or move the folder {self.run_id} away and run again."
            )
        # Without threads of Arrow's: they abort some processes at exit (apache/arrow 34314, 50482).
        return pd.read_parquet(io.BytesIO(data), use_threads=False, pre_buffer=False)


def read_record(folder: Path) -> Record:
    """Read and check ``folder/record.json``.

    A field that its experiment was given after the record was written is there, at its default.

    Raises:
        RecordError: not readable, not JSON, fields missing, or under another run's name.
    """
    path = folder / "record.json"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RecordError(f"{path} cannot be read ({error.strerror}).") from None
    return parse_record(data, folder)


def parse_record(data: bytes | str, folder: Path) -> Record:
    """The record that ``folder/record.json`` holds where its content is ``data``.

    Raises:
        RecordError: as ``read_record``.
    """
    path = folder / "record.json"
    try:
        found = checked(json.loads(data))
        record = Record(**found, folder=folder)
        _check_types(record)
        record = dataclasses.replace(record, config=_whole(record))
    except (ValueError, TypeError, AttributeError) as error:
        raise RecordError(
            f"{path} is damaged ({str(error)[:80]}). "
            f"Restore it, or move the folder {folder.name} away and run again."
        ) from None
    if record.run_id != folder.name or record.status not in STATUSES:
        raise RecordError(f"{path} does not belong there: run {record.run_id}, {record.status}.")
    return record


def names_in(root: Path) -> list[str]:
    """The names of what a results folder holds, in order; none where there is no such folder.

    Raises:
        RecordError: it cannot be read.
    """
    try:
        return sorted(path.name for path in root.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RecordError(
            f"the results folder {root} cannot be read ({error.strerror}); "
            "name another with --results."
        ) from None


def run_folders(root: Path) -> list[Path]:
    """The folders in a results folder that hold a record.json, or may and do not let us see it.

    Raises:
        RecordError: the results folder cannot be read.
    """
    return [root / name for name in names_in(root) if _may_hold_one(root / name)]


def _may_hold_one(folder: Path) -> bool:
    try:
        (folder / "record.json").stat()
    except PermissionError:  # of a folder that is named as a run's: who lists it is told of it
        return re.fullmatch(r"\w+-[0-9a-f]{12}", folder.name) is not None
    except OSError:
        return False
    return True


def fingerprint(content: dict[str, Any]) -> str:
    """The SHA-256 of a record's content, however its file is laid out."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def hashed(content: dict[str, Any]) -> dict[str, Any]:
    """The content of a file, as it will be read again, with a ``sha256`` of its own."""
    whole = json.loads(json.dumps(content, allow_nan=False))
    return whole | {"sha256": fingerprint(whole)}


def checked(content: dict[str, Any]) -> dict[str, Any]:
    """A file's content without its ``sha256``, which files of an older lrbook have not.

    Raises:
        ValueError: that is not the content's.
    """
    rest = {name: value for name, value in content.items() if name != "sha256"}
    if content.get("sha256") not in (None, fingerprint(rest)):
        raise ValueError("its content is not what its SHA-256 is of")
    return rest


def check_run_id(record: Record, path: Path) -> None:
    """RecordError where the configuration of a record is not the one that its run id is of.

    Of this book's experiments; a configuration that is no longer allowed is let pass, and one whose
    class has another ``meaning`` now, and perhaps other defaults. ``path`` is the file that the
    record is from, in a folder that can be moved away.
    """
    if record.experiment not in experiments.NAMES:
        return
    try:
        config = experiments.config_class(record.experiment)(**record.config)
    except ConfigError:
        return
    if record.meaning == config.meaning and config.run_id != record.run_id:
        raise RecordError(
            f"{path} holds the configuration of run {config.run_id} as that of {record.run_id}. "
            f"Restore it, or move the folder {path.parent.name} away and run again."
        )


def check_config(record: Record, config: Config, path: Path) -> None:
    """RecordError where a record is of another configuration than ``config``, whose run id it has.

    An id leaves out what is at its default, so it stays where a class of one's own is given another
    default. Fields that the class does not know are passed over. ``path`` is as in
    ``check_run_id``.
    """
    wanted = config.model_dump(mode="json")
    if record.config == wanted:
        return
    stored = {k: v for k, v in record.config.items() if k in wanted}
    try:
        if type(config)(**stored) == config:
            return
    except ConfigError:
        pass
    other = ", ".join(
        f"{k} = {v!r}, not {wanted[k]!r}" for k, v in stored.items() if v != wanted[k]
    )
    raise RecordError(
        f"{path} holds another configuration ({other}). "
        f"Restore it, or move the folder {path.parent.name} away and run again."
    )


def defaults(experiment: str) -> dict[str, Any]:
    """A field younger than a run has its default there, which leaves things as they were.

    None of an experiment that is not the book's: its class may not be at hand.
    """
    if experiment not in experiments.NAMES:
        return {}
    fields = experiments.config_class(experiment).model_fields
    return {name: field.default for name, field in fields.items() if not field.is_required()}


def _whole(record: Record) -> dict[str, Any]:
    """The configuration with the fields that came later."""
    later = defaults(record.experiment)
    return record.config | {k: v for k, v in later.items() if k not in record.config}


def _check_types(record: Record) -> None:
    kinds = {"config": dict, "provenance": dict, "result": dict, "wall_s": int | float | None}
    for name, kind in kinds.items():
        if not isinstance(getattr(record, name), kind):
            raise TypeError(f"{name} is {getattr(record, name)!r}")
    for name in ("arm", "seed"):
        if name not in record.config:
            raise TypeError(f"config has no {name}")
