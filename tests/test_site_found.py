"""What the built pages tell search engines, other sites, and readers with a wrong address."""

import json
import re
from urllib.parse import urljoin, urlsplit

import pytest
import yaml
from conftest import CHAPTERS, ROOT
from playwright.sync_api import expect

from lrbook.toc import pages

pytestmark = pytest.mark.slow
BOOK = "The large initial learning rate"
BASE = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["html"]["baseurl"]
GENERATED = ["404.html", "genindex.html", "prf-prf.html", "py-modindex.html", "search.html"]


def said(soup, name):
    """The one thing that a page says under a name."""
    [tag] = soup.select(f'meta[name="{name}"], meta[property="{name}"]')
    return tag["content"]


def test_every_page_is_described_in_whole_sentences_of_its_own(soups):
    described = {page.name: said(soups[f"{page.name}.html"], "description") for page in pages(ROOT)}
    assert len(set(described.values())) == len(described) > len(CHAPTERS)
    for name, words in described.items():
        assert said(soups[f"{name}.html"], "og:description") == words
        assert 80 < len(words) < 480, name
        assert re.search(r"[.?]$", words), name
        assert not re.search(r"\.\.\.|,,|[\[\]]|\( |\s[,.;]", words), (name, words)


def test_every_title_says_which_page_it_is(soups):
    titles = {page.name: soups[f"{page.name}.html"].title.text for page in pages(ROOT)}
    assert len(set(titles.values())) == len(titles)
    assert titles.pop("book/intro") == BOOK
    assert all(title.endswith(f" \N{EM DASH} {BOOK}") for title in titles.values())
    reference = [title for name, title in titles.items() if "/api" in name]
    assert len(reference) == 5
    assert all(title.startswith("Reference") for title in reference)


def test_only_generated_pages_are_kept_from_search_engines(soups, built_site):
    hidden = [
        path.relative_to(built_site).as_posix()
        for path in built_site.rglob("*.html")
        if "noindex" in path.read_text(encoding="utf-8").partition("</head>")[0]
    ]
    assert sorted(hidden) == GENERATED


def test_the_address_of_the_site_leads_to_the_first_page_and_says_the_same(soups, built_site):
    root, first = soups["index.html"], soups["book/intro.html"]
    assert (built_site / "index.html").read_text().startswith("<!DOCTYPE html>")
    assert root.html["lang"] == "en"
    assert root.select_one('meta[http-equiv="refresh"]')["content"] == "0; url=book/intro.html"
    assert [(a["href"], a.text) for a in root.find_all("a")] == [("book/intro.html", BOOK)]
    assert root.title.text == BOOK
    for soup in (root, first):
        assert soup.select_one("link[rel=canonical]")["href"] == f"{BASE}book/intro.html"
    for name in ("description", "og:title", "og:url", "og:image", "og:image:alt", "twitter:card"):
        assert said(root, name) == said(first, name)


@pytest.mark.parametrize("name", ["index.html", "book/intro.html"])
def test_machines_are_told_of_the_book_and_of_the_paper_that_it_explains(name, soups):
    [script] = soups[name].select('script[type="application/ld+json"]')
    told = json.loads(script.string)
    assert (told["@type"], told["name"], told["url"]) == ("Book", BOOK, f"{BASE}book/intro.html")
    assert told["author"] == [{"@type": "Organization", "name": "The lrbook developers"}]
    assert told["license"] == "https://spdx.org/licenses/MIT.html"
    [paper] = told["citation"]
    assert paper["@type"] == "ScholarlyArticle"
    assert paper["sameAs"] == "https://arxiv.org/abs/1907.04595"
    assert [each["name"] for each in paper["author"]] == ["Yuanzhi Li", "Colin Wei", "Tengyu Ma"]


def test_a_wrong_address_at_any_depth_shows_a_page_that_leads_back(browser, site, built_site):
    assert urlsplit(BASE).path == urlsplit(site).path  # where the tests serve the site
    page = browser.new_page()
    answer = {"status": 404, "path": built_site / "404.html"}
    page.route("**/no/such/page", lambda route: route.fulfill(**answer))
    failed = []
    page.on("response", lambda got: got.status >= 400 and failed.append(urlsplit(got.url).path))
    page.goto(f"{site}no/such/page")
    expect(page.locator("h1")).to_have_text("Page not found")
    assert failed == ["/lrbook/no/such/page"]  # styles and scripts are there
    links = page.locator("a[href]").evaluate_all("all => all.map(({href}) => href)")
    inside = [link for link in links if link.startswith(urljoin(site, "/"))]
    assert len(inside) > len(CHAPTERS)
    assert all(link.startswith(site) for link in inside)
    page.locator("article a").first.click()
    page.wait_for_url(f"{site}book/intro.html")
    page.close()
