"""The chapters in the order of the book, with the question that each one asks."""

import json
import re
from pathlib import Path
from typing import NamedTuple

from lrbook import chapters, toc
from lrbook.errors import ConfigError


class Entry(NamedTuple):
    """One chapter: the part of the book it is in, its name, its title, its question."""

    part: str | None
    name: str
    title: str
    question: str


def head(path: Path) -> tuple[str, str]:
    """Title and question of a chapter: its first heading, and the line in italics below it.

    Raises:
        ConfigError: the notebook does not begin like that.
    """
    first = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
    found = re.match(r"# (.+)\n\n\*([^*]+\?)\*\n\n", first)
    if not found:
        raise ConfigError(f"{path.name} does not begin with a title and, in italics, a question.")
    return found[1], " ".join(found[2].split())


def contents(root: Path | None = None) -> list[Entry]:
    """The chapters that ``_toc.yml`` under ``root`` lists, in its order.

    Args:
        root: the repository; None for the one that lrbook is in.
    """
    root = root or chapters.folder().parent
    paths = {page: root / f"{page.name}.ipynb" for page in toc.pages(root)}
    return [
        Entry(page.part, page.stem, *head(path)) for page, path in paths.items() if path.exists()
    ]


def table() -> str:
    """The contents as a Markdown table whose titles are links."""
    lines = ["| chapter | question |", "|:---|:---|"]
    lines += [f"| [{each.title}]({each.name}.ipynb) | {each.question} |" for each in contents()]
    return "\n".join(lines)
