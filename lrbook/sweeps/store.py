"""The store of a sweep: each finished run a part of its own, until all are there."""

import contextlib
import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lrbook.atomic import make_writable, write_atomically
from lrbook.config import Config
from lrbook.errors import RecordError
from lrbook.keeper import Unstored
from lrbook.record import Record, check_config, checked, hashed
from lrbook.sweeps.table import COUNTS, load, write


class SweepStore(Unstored):
    """The keeper that an experiment's ``run`` writes a sweep through; it keeps no checkpoints."""

    def __init__(self, folder: str | Path, configs: Sequence[Config]) -> None:
        self.folder = Path(folder)
        self.parts = self.folder / "parts"
        self.wanted = {config.run_id for config in configs}
        self.known: dict[str, Record] = {}
        self.was_read = False

    def __repr__(self) -> str:
        return f"SweepStore of {len(self.wanted)} runs in {self.folder}"

    def check_writable(self) -> None:
        """Make the folder; raises RecordError where it cannot be written."""
        try:
            make_writable(self.parts)
        except OSError as error:
            raise RecordError(
                f"the sweep folder {self.folder} cannot be written ({error.strerror}); "
                "name another one."
            ) from None

    def read(self) -> None:
        """Read what the folder has, if there is one.

        Raises:
            RecordError: it is damaged, or holds another sweep.
        """
        self.was_read = True
        try:
            self._read()
        except FileNotFoundError:  # parts went into the table meanwhile, by another process
            self._read()

    def _read(self) -> None:
        if (self.folder / "sweep.json").exists():
            self.known = {record.run_id: record for record in load(self.folder).records}
        for path in sorted(self.parts.glob("*.json")):
            record = _read_part(path)
            self.known[record.run_id] = record
        others = sorted(self.known.keys() - self.wanted)
        if others:
            raise RecordError(
                f"{self.folder} holds {len(others)} runs that are not of this sweep "
                f"({others[0]}, …); name another folder, or move this one away."
            )

    def load(self, config: Config) -> Record | None:
        """The finished record of ``config``, or None; raises as ``read``, which the first calls.

        Raises:
            RecordError: also where the record is of another configuration.
        """
        if not self.was_read:
            self.read()
        record = self.known.get(config.run_id)
        if record is not None:
            part = self.parts / f"{record.run_id}.json"
            check_config(record, config, part if part.exists() else self.folder / "sweep.json")
        return record

    def finish(self, config: Config, history: pd.DataFrame, *rest: Any, **named: Any) -> Record:
        """Write the run's part."""
        record = super().finish(config, history, *rest, **named)
        _write_part(self.parts / f"{record.run_id}.json", record)
        return record

    def forget(self, config: Config) -> None:
        """Sweeps are not repeated run by run: move the folder away instead."""

    def seal(self, records: Sequence[Record]) -> None:
        """Put all runs into one table, then drop the parts: in this order nothing is lost."""
        if not any(self.parts.glob("*.json")) and (self.folder / "sweep.json").exists():
            return
        write(self.folder, records)
        # A process that was killed while it wrote a part has left the temporary file of it.
        for path in (*self.parts.glob("*.json"), *self.parts.glob(".*.tmp")):
            path.unlink()
        with contextlib.suppress(OSError):  # what is left there now is not ours
            self.parts.rmdir()


def _write_part(path: Path, record: Record) -> None:
    fields = {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}
    fields.pop("folder")
    columns = fields.pop("table").to_dict("list")
    fields["history"] = {name: list(map(_in_json, values)) for name, values in columns.items()}
    write_atomically(path, json.dumps(hashed(fields)).encode())


def _in_json(value: float) -> float | str | None:
    """JSON knows neither nan, for which None stands, nor infinity, written as ``inf``."""
    if math.isnan(value):
        return None
    return str(value) if math.isinf(value) else value


def _read_part(path: Path) -> Record:
    try:
        fields = checked(json.loads(path.read_bytes()))
        history = pd.DataFrame(fields.pop("history"))
        history = history.astype({c: float for c in history if c not in COUNTS})
        record = Record(**fields, table=history)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RecordError(
            f"{path} is damaged ({str(error)[:80]}); delete it to repeat this run."
        ) from None
    if record.run_id != path.stem or not record.done:
        raise RecordError(f"{path} does not belong there: run {record.run_id}, {record.status}.")
    return record
