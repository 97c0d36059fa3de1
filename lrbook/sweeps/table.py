"""A finished sweep, and how it lies on disk: one table of histories, one file for the rest."""

import contextlib
import functools
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lrbook import used
from lrbook.atomic import write_atomically
from lrbook.errors import ConfigError, RecordError, RecordLookupError
from lrbook.recomputed import check_result
from lrbook.record import (
    Record,
    check_run_id,
    checked,
    defaults,
    hashed,
    made_by,
    recordings_dir,
)
from lrbook.unknown import unknown_name
from lrbook.words import provenance

TABLE, WAITING = "histories.parquet", "histories.new.parquet"
SWEEPS = "sweeps"  # where they lie in a results folder
COUNTS = ("step", "epoch")  # columns of a history that stay whole numbers


class Sweep:
    """The runs of a sweep, finished or diverged.

    Attributes:
        records: one per run, in the order of the sweep.
        fields: those that count as swept even where all runs have one value.
    """

    def __init__(self, records: Sequence[Record], fields: Iterable[str] = ()) -> None:
        self.records = list(records)
        self.fields = list(fields)

    def __repr__(self) -> str:
        runs = f"{len(self.records)} run{'s' if len(self.records) != 1 else ''}"
        if not self.records:
            return f"Sweep of {runs}"
        over = f" over {', '.join(self.swept)}" if self.swept else ""
        return f"Sweep of {runs} of {self.records[0].experiment}{over}; its table: .runs"

    @functools.cached_property
    def swept(self) -> list[str]:
        """The fields, besides arm and seed, in which the runs differ, and ``fields``."""
        if not self.records:
            return []
        first = self.records[0].config
        return [
            name
            for name in first
            if name in self.fields
            or (
                name not in ("arm", "seed")
                and any(record.config.get(name) != first[name] for record in self.records)
            )
        ]

    @functools.cached_property
    def runs(self) -> pd.DataFrame:
        """One row per run: run_id, swept fields, arm, seed, status, wall_s, and the result, whose
        ``limits`` become ``limit_p_only`` and ``limit_all_p``.
        """
        rows = []
        for record in self.records:
            result = dict(record.result)
            limits = result.pop("limits", {})
            names = [*self.swept, "arm", "seed"]
            rows.append(
                {"run_id": record.run_id}
                | {name: record.config[name] for name in names}
                | {"status": record.status, "wall_s": record.wall_s}
                | result
                | {f"limit_{name}": value for name, value in limits.items()}
            )
        return pd.DataFrame(rows)

    def select(self, **settings: Any) -> list[Record]:
        """The runs whose configuration has all the ``settings``, in the order of the sweep.

        Raises:
            ConfigError: a setting is not a field of the experiment.
        """
        if not self.records:
            return []
        known = self.records[0].config
        for name in settings:
            if name not in known:
                raise ConfigError(unknown_name(name, known, what="field"))
        return [
            record
            for record in self.records
            if all(record.config[name] == value for name, value in settings.items())
        ]

    def history(self, **settings: Any) -> list[pd.DataFrame]:
        """Histories of the runs that ``select`` finds."""
        return [record.history for record in self.select(**settings)]

    def provenance(self) -> str:
        """Where the runs come from, as one Markdown line."""
        return provenance(self.records)


def write(folder: Path, records: Sequence[Record]) -> None:
    """Write both files so that at any moment one pair of them is whole.

    ``sweep.json`` names the hash of its table. The new table waits beside the old one until the new
    ``sweep.json`` is there, and takes its place after that; ``load`` looks in both places.
    """
    _take_its_place(folder)
    tables = [
        record.history.astype({c: "float32" for c in record.history if c not in COUNTS}).assign(
            run=i
        )
        for i, record in enumerate(records)
    ]
    # A run that diverged in its first epoch has no row; beside it all counts would become floats.
    filled = [each for each in tables if len(each)] or tables[:1]
    buffer = io.BytesIO()
    pd.concat(filled).to_parquet(buffer, index=False, compression="zstd")
    origins, places = _distinct([record.provenance for record in records])
    younger = defaults(records[0].experiment)  # than a part of the sweep
    configs = [younger | record.config for record in records]
    common = {k: v for k, v in configs[0].items() if all(c[k] == v for c in configs)}
    runs = [
        {
            "run_id": record.run_id,
            "set": {k: v for k, v in config.items() if k not in common},
            "status": record.status,
            "origin": place,
            "wall_s": record.wall_s,
            "message": record.message,
            "result": record.result,
            "own": own,
        }
        for record, config, (place, own) in zip(records, configs, places, strict=True)
    ]
    head: dict[str, Any] = {
        "experiment": records[0].experiment,
        "common": common,
        "provenance": origins,
        "histories_sha256": hashlib.sha256(buffer.getvalue()).hexdigest(),
    }
    if records[0].meaning != 1:  # one for all: they are one class's, by their ids
        head["meaning"] = records[0].meaning
    # one run a line, so that a difference between two versions can be read
    head = hashed(head | {"runs": runs})
    lines = ",\n".join(json.dumps(run) for run in head.pop("runs"))
    text = f'{json.dumps(head, indent=1)[:-2]},\n "runs": [\n{lines}\n]}}\n'
    write_atomically(folder / WAITING, buffer.getvalue())
    write_atomically(folder / "sweep.json", text.encode())
    (folder / WAITING).replace(folder / TABLE)


def _take_its_place(folder: Path) -> None:
    """Move a table that still waits, and is the one that ``sweep.json`` names, into its place.

    Its writer was killed before the move; the next table would be written over the only good one.
    """
    with contextlib.suppress(FileNotFoundError):
        named = json.loads((folder / "sweep.json").read_bytes())["histories_sha256"]
        if hashlib.sha256((folder / WAITING).read_bytes()).hexdigest() == named:
            (folder / WAITING).replace(folder / TABLE)


def load(folder: str | Path) -> Sweep:
    """The sweep kept in ``folder``.

    Raises:
        RecordLookupError: there is none.
        RecordError: it is damaged.
    """
    folder = Path(folder)
    path = folder / "sweep.json"
    if not path.exists():
        # record adds SWEEPS itself, so it is told the folder above
        remedy = f"; it is made by: {made_by(folder.name, folder.parent.parent)}"
        words = f"there is no finished sweep {folder.name} in {folder.parent}"
        raise RecordLookupError(words + (remedy if folder.parent.name == SWEEPS else ""))
    try:
        found = checked(json.loads(path.read_bytes()))
        data = _table_of(folder, found["histories_sha256"])
        histories = pd.read_parquet(io.BytesIO(data), use_threads=False, pre_buffer=False)
        by_run = dict(iter(histories.groupby("run", sort=False)))
        younger = defaults(found["experiment"])
        records = [
            Record(
                run_id=run["run_id"],
                experiment=found["experiment"],
                config=younger | found["common"] | run["set"],
                status=run["status"],
                provenance=found["provenance"][run["origin"]] | run["own"],
                result=run["result"],
                history_sha256=None,
                wall_s=run["wall_s"],
                message=run["message"],
                meaning=found.get("meaning", 1),
                # a run that diverged in its first epoch has no row
                table=by_run.get(i, histories[:0]).drop(columns="run").reset_index(drop=True),
            )
            for i, run in enumerate(found["runs"])
        ]
    except (OSError, ValueError, TypeError, LookupError, AttributeError, ConfigError) as error:
        raise RecordError(
            f"the sweep {path} is damaged ({str(error)[:80]}). Restore it, or move the folder away "
            "and run it again."
        ) from None
    return Sweep(records)


def _table_of(folder: Path, sha256: str) -> bytes:
    """The bytes of the table with this hash, in its place or still waiting for it."""
    for name in (TABLE, WAITING, TABLE):  # the last: it may have moved between the two looks
        with contextlib.suppress(FileNotFoundError):
            data = (folder / name).read_bytes()
            if hashlib.sha256(data).hexdigest() == sha256:
                return data
    raise ValueError(f"{TABLE} is not the one it was written with")


def recorded(name: str) -> Sweep:
    """The recorded sweep ``name`` of the book. RecordLookupError if it has not been recorded."""
    found = load(folder_of(name))
    used.note("shown", [f"sweeps/{name}"])
    used.keep("shown", name, found.records)
    return found


def problems(results: str | Path) -> tuple[int, list[str]]:
    """How many sweeps a results folder has, is or holds, and one sentence for each damaged one."""
    places = ("", "*/", f"{SWEEPS}/*/")
    found = [path for place in places for path in Path(results).glob(f"{place}sweep.json")]
    folders = sorted(path.parent for path in found)
    sentences = []
    for folder in folders:
        try:
            for record in load(folder).records:
                check_run_id(record, folder / "sweep.json")
                check_result(record, record.history, folder / "sweep.json")
        except RecordError as error:
            sentences.append(str(error))
    return len(folders), sentences


def folder_of(name: str, results: str | Path | None = None) -> Path:
    """Where the sweep ``name`` lies in a results folder; None takes the book's recordings."""
    return Path(results or recordings_dir()) / SWEEPS / name


def sealed(name: str, results: str | Path | None = None) -> bool:
    """Whether all that is there of the sweep ``name`` is in its table, and no part is left."""
    folder = folder_of(name, results)
    return (folder / "sweep.json").exists() and not any(folder.glob("parts/*.json"))


_PER_RUN = ("date", "data_fingerprint")


def _distinct(
    origins: Sequence[Mapping[str, Any]],
) -> tuple[list[dict[str, Any]], list[tuple[int, dict[str, Any]]]]:
    """What provenances have in common, once; and for each its place there and its own rest."""
    shared: list[dict[str, Any]] = []
    places = []
    for origin in origins:
        rest = {k: v for k, v in origin.items() if k not in _PER_RUN}
        if rest not in shared:
            shared.append(rest)
        own = {k: v for k, v in origin.items() if k in _PER_RUN}
        places.append((shared.index(rest), own))
    return shared, places
