"""Every page of the built book, in a browser, at three widths and in both themes."""

from itertools import pairwise

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from conftest import ROOT
from site_visit import visit

from lrbook.toc import pages

PAGES = pages(ROOT)
HEAVIEST = 2.5e6  # bytes of a first load, with everything that it fetches

pytestmark = pytest.mark.slow
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


@pytest.fixture(scope="module")
def seen(browser, site):
    """What a visit to a page saw: seen(page). Each page is visited once."""
    visits = {}

    def once(page):
        if page.name not in visits:
            visits[page.name] = visit(browser, site, page.name, AXE_SCRIPT)
        return visits[page.name]

    return once


@each_page
def test_nothing_fails_and_nothing_is_fetched_from_elsewhere(page, seen):
    assert seen(page).problems == []


@each_page
def test_no_width_scrolls_sideways(page, seen):
    sticking_out = {at: what for at, what in seen(page).sideways.items() if what}
    assert sticking_out == {}


@each_page
def test_no_displayed_formula_is_cut(page, seen):
    assert {width: what for width, what in seen(page).cut.items() if what} == {}


@each_page
def test_all_maths_is_set(page, seen):
    facts = seen(page).facts
    assert facts["unset"] == []
    assert facts["merror"] == []
    assert facts["raw"] == []


@each_page
def test_every_picture_loads_and_is_described(page, seen):
    facts = seen(page).facts
    assert facts["broken"] == []
    assert facts["unnamed"] == []
    assert facts["silent"] == []
    assert facts["bare"] == []  # a figure without a caption


@each_page
def test_headings_are_in_order(page, seen):
    facts = seen(page).facts
    levels = [level for level, _ in facts["headings"]]
    assert facts["h1"] == 1
    assert levels[0] == 1
    jumps = [text for (up, _), (level, text) in pairwise(facts["headings"]) if level > up + 1]
    assert jumps == []
    assert all(text.strip() for _, text in facts["headings"])


@each_page
def test_a_first_load_is_light(page, seen):
    assert 50_000 < seen(page).facts["weight"] < HEAVIEST


@each_page
def test_the_page_says_what_it_is(page, seen):
    facts = seen(page).facts
    assert facts["lang"] == "en"
    assert facts["title"].strip()


@each_page
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(page, theme, seen):
    assert seen(page).axe[theme] == []
