"""The pages of the book in reading order, as ``_toc.yml`` names them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Page(NamedTuple):
    """One page: its name without a suffix, as in ``book/puzzle``, and the part it stands in."""

    name: str
    part: str | None

    @property
    def stem(self) -> str:
        """The last word of the name, as in ``puzzle``."""
        return self.name.rpartition("/")[2]


def pages(root: Path) -> list[Page]:
    """The pages of the book whose ``_toc.yml`` is in ``root``, the first one included."""
    import yaml

    return list(_pages(yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8")), None))


def _pages(entry: dict[str, Any], part: str | None) -> Iterator[Page]:
    name = entry.get("root", entry.get("file"))
    if name is not None:
        yield Page(name, part)
    for key in ("parts", "chapters", "sections"):
        for each in entry.get(key, []):
            yield from _pages(each, each.get("caption", part))
