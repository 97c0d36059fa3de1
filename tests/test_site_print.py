"""The book on paper: its PDF, and the pictures of its pages, from a page or two of the site."""

import pytest
from conftest import ROOT
from PIL import Image
from pypdf import PdfReader

from lrbook.browser import chromium, pdf, shots
from lrbook.toc import pages

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium.find() is None, reason=chromium.MISSING),
]
TWO = [page for page in pages(ROOT) if page.stem in ("large_rate_and_q", "references")]


@pytest.fixture(scope="module")
def printed(built_site, tmp_path_factory):
    """The PDF of two pages, written and read again, and where each of them begins."""
    writer, pieces = pdf.print_book(built_site, TWO)
    path = tmp_path_factory.mktemp("pdf") / "two.pdf"
    writer.write(path)
    return PdfReader(path), [piece.first for piece in pieces]


def text(printed):
    return "\n".join(page.extract_text() for page in printed[0].pages)


def test_pages_begin_in_the_order_of_the_contents(printed):
    reader, (first, second) = printed
    assert first == 0 < second < len(reader.pages)
    assert "What the large rate sees of Q" in reader.pages[first].extract_text()
    assert "References\n" in reader.pages[second].extract_text()
    assert "References\n" not in reader.pages[second - 1].extract_text()


def test_the_outline_leads_to_every_heading(printed):
    reader, (_, second) = printed
    titles = {}
    pending = list(reader.outline)
    while pending:
        entry = pending.pop()
        if isinstance(entry, list):
            pending.extend(entry)
        else:
            titles[entry.title] = reader.get_destination_page_number(entry)
    assert titles["References"] == second
    assert any(title.endswith("Where this stops being true") for title in titles)


def test_solutions_are_open_and_screens_left_out(printed):
    said = text(printed)
    [solution] = [part for part in said.split("Solution to ")[1:2]]
    assert len(solution.split("Where this stops")[0].split()) > 30
    for word in (
        "Show code",
        "Hide code",
        "Skip to main content",
        "Play\n",
    ):
        assert word not in said
    assert "Table of contents" not in said


def test_maths_is_set(printed):
    assert "\\(" not in text(printed)
    fonts = {
        str(font.get_object().get("/FontDescriptor", {}).get("/FontName"))
        for page in printed[0].pages
        for font in page["/Resources"].get("/Font", {}).values()
    }
    assert any("MathJax_Math-Italic" in font for font in fonts)
    assert "ζ" in text(printed)


def test_sheets_are_numbered_through(printed):
    reader, _ = printed
    for number, page in enumerate(reader.pages, start=1):
        assert page.extract_text().split()[0] == str(number)


def test_links_stay_inside_or_lead_to_the_world(printed):
    reader, (_, second) = printed
    links = [
        annotation.get_object()
        for page in reader.pages
        for annotation in page.get("/Annots", [])
        if annotation.get_object()["/Subtype"] == "/Link"
    ]
    uris = [link["/A"]["/URI"] for link in links if "/URI" in link.get("/A", {})]
    assert uris
    assert not [uri for uri in uris if "127.0.0.1" in uri]
    sheets = [page.indirect_reference for page in reader.pages]
    inside = [sheets.index(link["/Dest"].get_object()[0]) for link in links if "/Dest" in link]
    assert any(sheet >= second for sheet in inside)


def test_every_width_and_theme_is_pictured(built_site, tmp_path):
    taken = shots.shoot(built_site, tmp_path, TWO[1:])
    [paths] = taken.values()
    assert len(paths) == 6
    seen = {}
    for path in paths:
        with Image.open(path) as shot:
            assert shot.height >= chromium.HEIGHT
            seen[path.stem] = shot.width, shot.convert("L").resize((1, 1)).getpixel((0, 0))
    assert seen["references-phone-light"][0] == 390
    assert seen["references-phone-light"][1] > 180 > 90 > seen["references-phone-dark"][1]
    sheet = shots.contact_sheet(taken)
    assert sheet.width > sum(width // shots.SHARE * 2 for width in chromium.WIDTHS.values())
    assert shots.index(taken).count("<a href") == 6
