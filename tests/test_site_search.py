"""What a search of the built book finds, and in which order."""

import re

import pytest

pytestmark = pytest.mark.slow


def results(browser, site, query):
    """What a search finds, best first."""
    page = browser.new_page()
    page.goto(f"{site}search.html?q={query}")
    summary = "document.querySelector('.search-summary')?.innerText.includes('found')"
    page.wait_for_function(summary)
    found = page.locator("ul.search > li > a").all_inner_texts()
    page.close()
    return found


@pytest.mark.parametrize("word", ["noise", "momentum", "patch", "weight decay", "schedule"])
def test_a_search_for_a_word_finds_chapters_before_the_reference(word, browser, site):
    found = results(browser, site, word)
    reference = [at for at, title in enumerate(found) if title.startswith("lrbook.")]
    chapters = [at for at, title in enumerate(found) if re.match(r"\d+\. ", title)]
    assert len(chapters) > 2
    assert min(reference) > max(chapters)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("PatchConfig", "vision.config.PatchConfig"),
        ("choose_devices", "toy.devices.choose_devices"),
    ],
)
def test_a_search_for_a_name_of_the_package_finds_it(query, name, browser, site):
    assert results(browser, site, query)[0] == f"lrbook.{name}"


def test_what_is_typed_begins_beside_the_magnifier(browser, site):
    page = browser.new_page()
    page.goto(f"{site}search.html")
    field = page.locator(".bd-search-container .bd-search")
    glass = field.locator(".fa-magnifying-glass").bounding_box()
    typed = field.locator("input").bounding_box()
    padding = field.locator("input").evaluate("it => parseFloat(getComputedStyle(it).paddingLeft)")
    page.close()
    assert typed["x"] + padding >= glass["x"] + glass["width"]
