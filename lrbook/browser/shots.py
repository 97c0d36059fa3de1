"""Pictures of every page of the built book: ``make shots`` puts them into ``_build/shots``.

One PNG for each page, width and theme shows the whole page. ``contact.png`` shows the first screen
of them all, and ``index.html`` leads from there to the whole pages.
"""

import contextlib
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from lrbook.browser import chromium
from lrbook.browser.chromium import HEIGHT, THEMES, WIDTHS
from lrbook.browser.serve import serve
from lrbook.toc import Page, pages

if TYPE_CHECKING:
    from PIL import Image

SHARE = 4  # a contact sheet's pictures are this much smaller
GAP = 12


def shoot(site: Path, out: Path, wanted: list[Page]) -> dict[str, list[Path]]:
    """Take the pictures of the ``wanted`` pages of the built ``site``.

    Returns:
        Stem of a page -> its pictures: each width in each theme, in the order of ``WIDTHS``.
    """
    out.mkdir(parents=True, exist_ok=True)
    taken: dict[str, list[Path]] = {}
    with serve(site) as address, chromium.launch() as browser:
        page = browser.new_page()
        for each in tqdm(wanted, "shots", unit="page"):
            page.goto(f"{address}{each.name}.html")
            chromium.settle(page)
            for label, width in WIDTHS.items():
                page.set_viewport_size({"width": width, "height": HEIGHT})
                for theme in THEMES:
                    chromium.set_theme(page, theme)
                    path = out / f"{each.stem}-{label}-{theme}.png"
                    page.screenshot(path=path, full_page=True, animations="disabled")
                    taken.setdefault(each.stem, []).append(path)
    return taken


def contact_sheet(taken: dict[str, list[Path]]) -> "Image.Image":
    """One picture with the first screen of each, a row for each page."""
    from PIL import Image

    widths = [width // SHARE for width in WIDTHS.values() for _ in THEMES]
    high = HEIGHT // SHARE
    size = sum(widths) + GAP * (len(widths) + 1), (high + GAP) * len(taken) + GAP
    sheet = Image.new("RGB", size, "#808080")
    for row, paths in enumerate(taken.values()):
        x = GAP
        for path, width in zip(paths, widths, strict=True):
            with _of_any_length(), Image.open(path) as shot:
                screen = shot.convert("RGB").crop((0, 0, shot.width, HEIGHT))
            sheet.paste(screen.resize((width, high)), (x, GAP + row * (high + GAP)))
            x += width + GAP
    return sheet


@contextlib.contextmanager
def _of_any_length() -> Iterator[None]:
    """A long page is no attack: these pictures are our own."""
    from PIL import Image

    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def index(taken: dict[str, list[Path]]) -> str:
    """A page with the contact sheet and links to the pictures."""
    rows = [
        f"<li>{escape(stem)}: "
        + ", ".join(
            f'<a href="{escape(path.name)}">{escape(path.stem.removeprefix(f"{stem}-"))}</a>'
            for path in paths
        )
        for stem, paths in taken.items()
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Every page</title>'
        f'<h1>Every page</h1><ul>{"".join(rows)}</ul><img src="contact.png" alt="First screens">'
    )


def main(root: Path) -> None:
    """Take every picture of the book built in ``root``."""
    site, out = root / "_build" / "html", root / "_build" / "shots"
    taken = shoot(site, out, pages(root))
    contact_sheet(taken).save(out / "contact.png")
    (out / "index.html").write_text(index(taken), encoding="utf-8")
    print(out / "index.html")


if __name__ == "__main__":
    try:
        main(Path.cwd())
    except FileNotFoundError as error:
        sys.exit(f"lrbook: {error}")
