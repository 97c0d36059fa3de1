"""Which records a chapter used, told to who executes it.

``lrbook chapter`` names a file in the environment; the chapter's kernel appends to it. Elsewhere
nothing is written.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path

VARIABLE = "LRBOOK_USED"
KINDS = ("live", "shown")  # runs made by the chapter itself, and recordings that it shows


def note(kind: str, names: Iterable[str]) -> None:
    """Tell that the chapter used the records or sweeps ``names``."""
    path = os.environ.get(VARIABLE)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.writelines(json.dumps([kind, name]) + "\n" for name in names)


def read(path: Path) -> dict[str, list[str]]:
    """Kind -> names, each once, in the order of first use."""
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for kind, name in map(json.loads, lines):
        if name not in found[kind]:
            found[kind].append(name)
    return found
