"""Which records a chapter used, told to who executes it, and kept for the chapter's own footer.

``lrbook chapter`` names a file in the environment; the chapter's kernel appends the names of what
it used. Elsewhere nothing is written. The records themselves stay in this process.
"""

import dataclasses
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lrbook.record import Record

VARIABLE = "LRBOOK_USED"
KINDS = ("live", "shown")  # runs made by the chapter itself, and recordings that it shows

_kept: dict[str, dict[str, dict[str, "Record"]]] = {kind: {} for kind in KINDS}


def note(kind: str, names: Iterable[str]) -> None:
    """Tell that the chapter used the records or sweeps ``names``."""
    path = os.environ.get(VARIABLE)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.writelines(json.dumps([kind, name]) + "\n" for name in names)


def keep(kind: str, label: str, records: Sequence["Record"]) -> None:
    """Remember ``records``, without their histories, under a recording's or experiment's name."""
    bare = {record.run_id: dataclasses.replace(record, table=None) for record in records}
    _kept[kind].setdefault(label, {}).update(bare)


def kept(kind: str) -> dict[str, list["Record"]]:
    """Label -> the records of this process used under it, each once, in the order of first use."""
    return {label: list(records.values()) for label, records in _kept[kind].items()}


def read(path: Path) -> dict[str, list[str]]:
    """Kind -> names, each once, in the order of first use."""
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for kind, name in map(json.loads, lines):
        if name not in found[kind]:
            found[kind].append(name)
    return found
