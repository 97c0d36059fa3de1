"""What a results folder has, in one Parquet file, so that ten thousand records open once.

The index is a copy, never the truth: an entry counts only while size and time of change of its
``record.json`` are what they were when it was copied, and a broken index is made anew.
"""

import io
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from lrbook.atomic import write_atomically
from lrbook.config import Config
from lrbook.errors import RecordError
from lrbook.record import Record, check_config, names_in, parse_record, read_record

NAME = ".index.parquet"


def records(root: str | Path, wanted: Iterable[str] | None = None) -> dict[str, Record]:
    """Records of the folder ``root`` by run id; histories are read and checked when asked for.

    Args:
        root: the results folder; one that is not there is empty.
        wanted: run ids; None takes all.

    Raises:
        RecordError: a record is damaged, or the folder cannot be read.
    """
    root = Path(root)
    known = _read(root / NAME)
    wanted = None if wanted is None else set(wanted)
    found, rows, changed = {}, [], False
    for run_id in (name for name in names_in(root) if name[:1] != "."):
        if wanted is not None and run_id not in wanted:
            if run_id in known:
                rows.append((run_id, *known[run_id]))
            continue
        folder = root / run_id
        try:
            status = (folder / "record.json").stat()
        except (FileNotFoundError, NotADirectoryError):  # gone meanwhile, or a file of another kind
            continue
        stamp = (status.st_size, status.st_mtime_ns)
        if run_id in known and known[run_id][:2] == stamp:
            text = known[run_id][2]
            found[run_id] = parse_record(text, folder)
        else:
            found[run_id] = read_record(folder)
            text, changed = (folder / "record.json").read_text(encoding="utf-8"), True
        rows.append((run_id, *stamp, text))
    if changed:
        _write(root / NAME, rows)
    return found


def of(configs: Iterable[Config], root: str | Path) -> dict[str, Record]:
    """Those of ``configs`` that the folder ``root`` has a record of, by run id.

    Raises:
        RecordError: as ``records``; or a record is of another configuration with the same id.
    """
    wanted = {config.run_id: config for config in configs}
    found = records(root, wanted)
    for run_id, record in found.items():
        check_config(record, wanted[run_id], Path(root) / run_id / "record.json")
    return found


def _read(path: Path) -> dict[str, tuple[int, int, str]]:
    try:
        data = path.read_bytes()
        table = pd.read_parquet(io.BytesIO(data), use_threads=False, pre_buffer=False)
        columns = [table[name].tolist() for name in ("size", "changed", "record")]
        return dict(zip(table["run_id"], zip(*columns, strict=True), strict=True))
    except (OSError, ValueError, KeyError):
        return {}


def _write(path: Path, rows: list[tuple[str, int, int, str]]) -> None:
    table = pd.DataFrame(rows, columns=["run_id", "size", "changed", "record"])
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False, compression="zstd")
    try:
        write_atomically(path, buffer.getvalue())
    except RecordError:
        return  # a folder that can only be read works without
