"""The whole book as one PDF: ``make pdf`` prints every page of the built site in reading order.

Chromium prints a page at a time, with the book's print style, all solutions open, and page numbers
that go on. The pieces are joined; a link from one page of the book to another stays inside.
"""

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urldefrag

import yaml
from tqdm import tqdm

from lrbook.browser import chromium
from lrbook.browser.serve import serve
from lrbook.toc import Page, pages

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab
    from playwright.sync_api import PdfMargins
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import ArrayObject

OPEN = """first => {
  const closed = document.querySelectorAll(".toggle-hidden");
  for (const it of closed) it.classList.remove("toggle-hidden");
  for (const it of document.querySelectorAll("details:not(.hide)")) it.open = true;
  const style = document.createElement("style");
  style.textContent = `:root { counter-reset: page ${first}; }`;
  document.head.append(style);
}"""
MARGIN: "PdfMargins" = {"top": "18mm", "bottom": "20mm", "left": "18mm", "right": "18mm"}


class Piece(NamedTuple):
    """One printed page of the book, and the sheet on which it begins, counted from 0."""

    page: Page
    reader: "PdfReader"
    first: int


def print_page(tab: "Tab", address: str, first: int) -> bytes:
    """The page at ``address`` as a PDF whose sheets are numbered on from ``first``."""
    tab.goto(address)
    chromium.settle(tab)
    tab.evaluate(OPEN, first)
    tab.emulate_media(media="print", color_scheme="light")
    printed = tab.pdf(format="A4", margin=MARGIN, print_background=True, outline=True, tagged=True)
    tab.emulate_media(media="screen")
    return printed


def print_book(site: Path, wanted: list[Page]) -> tuple["PdfWriter", list[Piece]]:
    """Print the ``wanted`` pages of the built ``site`` and join them."""
    from pypdf import PdfReader, PdfWriter

    writer, pieces = PdfWriter(), []
    with serve(site) as address, chromium.launch() as browser:
        tab = browser.new_page(color_scheme="light")
        for page in tqdm(wanted, "pdf", unit="page"):
            first = len(writer.pages)
            printed = print_page(tab, f"{address}{page.name}.html", first)
            pieces.append(Piece(page, PdfReader(io.BytesIO(printed)), first))
            writer.append(pieces[-1].reader, import_outline=True)
        _turn_links_inwards(writer, pieces, address)
    return writer, pieces


def _turn_links_inwards(writer: "PdfWriter", pieces: list[Piece], address: str) -> None:
    """Let links lead to sheets of this PDF, not to the address it was printed from."""
    from pypdf.generic import ArrayObject, NameObject

    begins = {f"{address}{piece.page.name}.html": piece.first for piece in pieces}
    for piece in pieces:
        named = piece.reader.named_destinations
        for at in range(len(piece.reader.pages)):
            kept = ArrayObject()
            for reference in writer.pages[piece.first + at].get("/Annots", []):
                link = reference.get_object()
                uri = link.get("/A", {}).get("/URI", "")
                name = link.get("/Dest")
                if isinstance(name, str) and name in named:
                    there = named[name]
                    number = piece.reader.get_destination_page_number(there)
                    if number is None:
                        continue  # it leads to no sheet
                    link[NameObject("/Dest")] = _place(writer, piece.first + number, there.top)
                elif uri.startswith(address):
                    page, _ = urldefrag(uri)
                    if page not in begins:
                        continue  # a download or a search: not in a PDF
                    del link["/A"]
                    link[NameObject("/Dest")] = _place(writer, begins[page], None)
                kept.append(reference)
            if "/Annots" in writer.pages[piece.first + at]:
                writer.pages[piece.first + at][NameObject("/Annots")] = kept


def _place(writer: "PdfWriter", sheet: int, top: float | None) -> "ArrayObject":
    from pypdf.generic import ArrayObject, FloatObject, NameObject, NullObject

    height = NullObject() if top is None else FloatObject(top)
    page = writer.pages[sheet].indirect_reference
    return ArrayObject([page, NameObject("/XYZ"), NullObject(), height, NullObject()])


def main(root: Path) -> None:
    """Write ``_build/lrbook.pdf`` from the book built in ``root``."""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    writer, _ = print_book(root / "_build" / "html", pages(root))
    writer.add_metadata({"/Title": config["title"], "/Author": config["author"]})
    writer.page_mode = "/UseOutlines"
    out = root / "_build" / "lrbook.pdf"
    writer.write(out)
    print(out)


if __name__ == "__main__":
    try:
        main(Path.cwd())
    except FileNotFoundError as error:
        sys.exit(f"lrbook: {error}")
