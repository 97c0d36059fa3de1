"""The few outputs that are committed: what a cell says that states a verdict.

Chapters are committed without outputs, except in cells tagged ``nbval-check-output``: these depend
on recordings alone, and nbval compares what they say now with what is stored. After new recordings,
``make verdicts`` runs those chapters and stores what they say; the diff shows what changed.
"""

import json
import sys
import tempfile
from pathlib import Path

from lrbook import chapters
from lrbook.atomic import write_atomically

TAG = "nbval-check-output"


def is_verdict(cell: dict) -> bool:
    """Whether the output of this cell of a notebook (as JSON) is committed."""
    return TAG in cell["metadata"].get("tags", [])


def refresh(source: Path) -> bool:
    """Store what the verdict cells of the chapter ``source`` say; False if it has none.

    Raises:
        RunError: the chapter failed; nothing is stored.
    """
    notebook = json.loads(source.read_text(encoding="utf-8"))
    wanted = {cell["id"]: cell for cell in notebook["cells"] if is_verdict(cell)}
    if not wanted:
        return False
    with tempfile.TemporaryDirectory() as folder:
        out = chapters.run(source.stem, {"profile": "smoke"}, out=Path(folder, source.name))
        executed = json.loads(out.read_text(encoding="utf-8"))
    for cell in executed["cells"]:
        if cell["id"] in wanted:
            for output in cell["outputs"]:
                if "execution_count" in output:
                    output["execution_count"] = None
            # nbval takes a cell without a count for one that was never run
            wanted[cell["id"]] |= {"outputs": cell["outputs"], "execution_count": 1}
    text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    write_atomically(source, text.encode())
    return True


if __name__ == "__main__":
    for name in chapters.names():
        if refresh(chapters.find(name)):
            print(name, file=sys.stderr)
