"""An executed chapter as one page of HTML, beside the notebook, which stays as it was executed.

The page is nbconvert's. What the book's own site makes of MyST and of a cell's metadata nbconvert
does not know, so the notebook is put in plain words first.
"""

import html
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lrbook.atomic import write_atomically
from lrbook.chapters.plain import Targets, plain

IMAGE = "image/png"
MARKDOWN = "text/markdown"


def render(notebook: Path, targets: Targets) -> Path:
    """Write the page of ``notebook``, figures inside; formulas are set by MathJax online.

    Args:
        notebook: executed.
        targets: what its text can refer to.

    Returns:
        The page: the same name, with ``.html`` at its end.
    """
    import nbconvert
    import nbformat

    cells = nbformat.read(notebook, 4)
    cells.cells = [nbformat.from_dict(readable) for readable in readable_cells(cells, targets)]
    about = {"metadata": {"name": notebook.stem, "path": str(notebook.parent)}}
    exporter = nbconvert.HTMLExporter(exclude_input_prompt=True)
    text, _ = exporter.from_notebook_node(cells, resources=about)
    page = notebook.with_suffix(".html")
    write_atomically(page, text.encode())
    return page


def readable_cells(notebook: Any, targets: Targets) -> list[dict[str, Any]]:
    """The cells of a notebook without MyST and progress bars, and with numbered captions."""
    found, figures = [], 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell = {**cell, "source": plain(cell["source"], targets)}
        elif cell["cell_type"] == "code":
            shown = cell["metadata"].get("mystnb", {})
            outputs = [_readable(each, targets) for each in without_stderr(cell["outputs"])]
            outputs = [with_alt(each, shown.get("image", {}).get("alt", "")) for each in outputs]
            caption = shown.get("figure", {}).get("caption")
            if caption and outputs:
                figures += 1
                outputs = with_caption(outputs, f"**Figure {figures}.** {plain(caption, targets)}")
            cell = {**cell, "outputs": outputs}
        found.append(cell)
    return found


def without_stderr(outputs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a cell gave, without its progress bars, which come a line at a time."""
    return [each for each in outputs if each.get("name") != "stderr"]


def with_alt(output: dict[str, Any], alt: str) -> dict[str, Any]:
    """``output``; if it is a picture, as HTML, for nbconvert's own template gives it no ``alt``."""
    data = output.get("data", {})
    if not alt or IMAGE not in data:
        return output
    size = output.get("metadata", {}).get(IMAGE, {})
    sides = "".join(f' {side}="{size[side]}"' for side in ("width", "height") if side in size)
    source = f"data:{IMAGE};base64,{''.join(data[IMAGE].split())}"
    # Drawn for a light page and for a dark one; what nbconvert lays under it is a light one
    look = "max-width: 100%; height: auto; background: white"
    picture = f'<img src="{source}" alt="{html.escape(alt)}"{sides} style="{look}">'
    return {**output, "data": {"text/html": picture}, "metadata": {IMAGE: {}}}


def with_caption(outputs: list[dict[str, Any]], caption: str) -> list[dict[str, Any]]:
    """``outputs`` with a caption below the last picture; below all of them if there is none."""
    pictures = [
        at
        for at, each in enumerate(outputs)
        if IMAGE in each.get("metadata", {}) or IMAGE in each.get("data", {})
    ]
    below = pictures[-1] + 1 if pictures else len(outputs)
    said = {"output_type": "display_data", "data": {MARKDOWN: caption}, "metadata": {}}
    return [*outputs[:below], said, *outputs[below:]]


def _readable(output: dict[str, Any], targets: Targets) -> dict[str, Any]:
    data = output.get("data", {})
    if MARKDOWN not in data:
        return output
    return {**output, "data": {**data, MARKDOWN: plain(data[MARKDOWN], targets)}}
