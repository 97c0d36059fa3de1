"""What the built pages point at: read from the files, no browser."""

import re
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import nbformat
import pytest
from bs4 import BeautifulSoup
from conftest import CHAPTERS, ROOT

from lrbook.chapters.repository import address
from lrbook.toc import pages

pytestmark = pytest.mark.slow
HERE = "https://book.invalid/"  # where the pages are taken to be
ATTRIBUTES = {"a": "href", "link": "href", "script": "src", "img": "src", "source": "src"}
each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)


def targets(soup):
    """Every address in a page."""
    for tag, attribute in ATTRIBUTES.items():
        for element in soup.find_all(tag, attrs={attribute: True}):
            yield element[attribute]


def dead(soups: dict, site: Path) -> list[str]:
    """The addresses within the site, anchors included, behind which there is nothing."""
    names = {
        name: {element["id"] for element in soup.find_all(id=True)}
        | {element["name"] for element in soup.find_all("a", attrs={"name": True})}
        for name, soup in soups.items()
    }
    found = []
    for name, soup in soups.items():
        for target in targets(soup):
            whole = urlsplit(urljoin(HERE + name, target))
            if whole.netloc != "book.invalid":
                continue
            path = unquote(whole.path).removeprefix("/")
            if not (site / path).is_file():
                found.append(f"{name}: {target}")
            elif whole.fragment and unquote(whole.fragment) not in names.get(
                path, {whole.fragment}
            ):
                found.append(f"{name}: {target} (no such anchor)")
    return found


def test_links_and_anchors_within_the_site_resolve(soups, built_site):
    assert len(soups) > len(CHAPTERS)
    assert dead(soups, built_site) == []


def test_a_dead_link_would_be_found(tmp_path):
    (tmp_path / "a.html").touch()
    page = '<p id="x"><a href="a.html#x"></a><a href="#y"></a><img src="/a.html"><a href="b.html">'
    found = dead({"a.html": BeautifulSoup(page, "html.parser")}, tmp_path)
    assert found == ["a.html: #y (no such anchor)", "a.html: b.html"]


def test_every_page_of_the_contents_was_built(soups):
    assert [page for page in pages(ROOT) if f"{page.name}.html" not in soups] == []


def test_nothing_is_loaded_from_elsewhere(soups):
    for name, soup in soups.items():
        loaded = [*soup.find_all(["script", "img", "iframe", "source"]), *soup.find_all("link")]
        for element in loaded:
            if element.name == "link" and not {"stylesheet", "preload"} & set(element["rel"]):
                continue
            source = element.get("src") or element.get("href") or ""
            assert not re.match(r"(https?:)?//", source), f"{name} loads {source}"


def test_other_sites_are_named_with_a_secure_address(soups):
    plain = {
        target
        for soup in soups.values()
        for target in targets(soup)
        if target.startswith("http://") and "www.w3.org" not in target
    }
    assert plain == set()


@each_chapter
def test_colab_opens_the_chapter_in_the_repository(chapter, soups):
    owner_and_name = urlsplit(address(ROOT)).path
    right = (
        f"https://colab.research.google.com/github{owner_and_name}/blob/main/book/{chapter.name}"
    )
    soup = soups[f"book/{chapter.stem}.html"]
    links = [a["href"] for a in soup.find_all("a", href=True) if "colab." in a["href"]]
    assert len(links) >= 2  # the button above the page and the badge in it
    assert set(links) == {right}
    badge = soup.select_one("article a[href*='colab.'] img")
    assert badge["src"].endswith("colab-badge.svg")
    assert badge["alt"] == "Open in Colab"


@each_chapter
def test_the_chapter_can_be_downloaded(chapter, soups, built_site):
    soup = soups[f"book/{chapter.stem}.html"]
    links = {a["href"] for a in soup.find_all("a", href=True) if a["href"].endswith(".ipynb")}
    links = {link for link in links if "colab." not in link}
    assert links
    for link in links:
        path = unquote(urlsplit(urljoin(f"{HERE}book/{chapter.stem}.html", link)).path)
        notebook = nbformat.read(built_site / path.removeprefix("/"), 4)
        ours = [c.id for c in nbformat.read(chapter, 4).cells]
        assert [c.id for c in notebook.cells] == ours, link


def test_the_repository_button_leads_to_the_repository(soups):
    for page in pages(ROOT):
        links = {a["href"] for a in soups[f"{page.name}.html"].find_all("a", href=True)}
        assert address(ROOT) in links
