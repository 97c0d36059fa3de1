"""What the built pages load, and the room that they keep for it."""

import re
import struct
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from conftest import CHAPTERS, ROOT
from site_visit import open_page

from lrbook.toc import pages

pytestmark = pytest.mark.slow
each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
SCRIPTS = ["searchtools.js", "language_data.js", "searchindex.js"]


def loaded(soup):
    """Names of the scripts that a page loads."""
    return [Path(urlsplit(tag["src"]).path).name for tag in soup.find_all("script", src=True)]


def test_only_the_page_of_results_loads_the_search(soups):
    for name, soup in soups.items():
        found = [script for script in loaded(soup) if script in SCRIPTS]
        assert found == (SCRIPTS if name == "search.html" else []), name


def test_maths_is_loaded_where_there_is_any(soups):
    some = {bool(soup.select(".math")) for soup in soups.values()}
    assert some == {True, False}
    for name, soup in soups.items():
        assert ("tex-mml-chtml.js" in loaded(soup)) == bool(soup.select(".math")), name


def test_the_viewport_is_named_once(soups):
    assert {len(soup.select("meta[name=viewport]")) for soup in soups.values()} == {1}


def test_no_id_is_given_twice(soups):
    for name, soup in soups.items():
        ids = Counter(element["id"] for element in soup.find_all(id=True))
        assert [each for each, times in ids.items() if times > 1] == [], name


def test_room_is_kept_for_every_figure_and_all_but_the_first_are_loaded_late(soups, built_site):
    seen = 0
    for page in pages(ROOT):
        pictures = soups[f"{page.name}.html"].select("figure img, .chapter-figure img")
        for picture in pictures:
            path = built_site / picture["src"].removeprefix("../")
            width, height = struct.unpack(">II", path.read_bytes()[16:24])  # a PNG begins so
            assert int(picture["width"]) / int(picture["height"]) == pytest.approx(
                width / height, rel=0.01
            )
        late = [picture.get("loading") for picture in pictures if picture.find_parent("figure")]
        assert late == [None, *["lazy"] * (len(late) - 1)][: len(late)]
        seen += len(late)
    assert seen > 50


def test_what_styles_ask_for_is_there_and_what_nothing_asks_for_is_not(built_site):
    static = built_site / "_static"
    for style in static.rglob("*.css"):
        for asked in re.findall(r"url\(['\"]?([^'\")?#]+)", style.read_text(encoding="utf-8")):
            assert asked.startswith("data:") or (style.parent / asked).is_file(), (style, asked)
    files = [path for path in static.rglob("*") if path.is_file() and path.parent.name != "data"]
    suffixes = {path.suffix for path in files}
    assert suffixes & {".css", ".js", ".svg"}
    assert not suffixes & {".map", ".po", ".mo", ".html"}
    assert sum(path.stat().st_size for path in files) < 2.5e6


@each_chapter
def test_the_data_of_a_figure_is_a_file_beside_the_pages(chapter, soups, built_site):
    links = soups[f"book/{chapter.stem}.html"].select("article .lrbook-data a")
    executed = nbformat.read(built_site / "_sources" / "book" / chapter.name, 4)
    pictures = [
        output.metadata["image/png"]
        for cell in executed.cells
        for output in cell.get("outputs", [])
        if "csv" in output.get("metadata", {}).get("image/png", {})
    ]
    assert [link["download"] for link in links] == [each["csv_name"] for each in pictures]
    files = [built_site / "book" / link["href"] for link in links]
    assert [path.read_bytes() for path in files] == [each["csv"].encode() for each in pictures]


def test_the_link_to_data_saves_it_by_its_name(browser, site):
    page, problems = open_page(browser, site, "book/puzzle")
    link = page.locator("article .lrbook-data a").first
    with page.expect_download() as saved:
        link.click()
    assert saved.value.suggested_filename == link.get_attribute("download")
    assert "series" in saved.value.path().read_text(encoding="utf-8").splitlines()[0]
    assert problems == []
    page.context.close()
