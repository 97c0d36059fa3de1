"""The built book in use: search, theme, solutions, keyboard, a film that reacts, less motion."""

import re

import pytest
from conftest import ROOT
from playwright.sync_api import expect
from site_visit import open_page

from lrbook.toc import pages

pytestmark = pytest.mark.slow
SOLUTIONS = [
    page
    for page in pages(ROOT)
    if (ROOT / f"{page.name}.ipynb").exists()
    and "{solution" in (ROOT / f"{page.name}.ipynb").read_text(encoding="utf-8")
]
MODE = "document.documentElement.dataset.mode"
THEME = "document.documentElement.dataset.theme"
MOVING = """() => [...document.querySelectorAll("*")].filter((element) =>
  [null, "::before", "::after"].some((part) => {
    const style = getComputedStyle(element, part);
    const seconds = `${style.transitionDuration}, ${style.animationDuration}`.split(", ");
    return style.scrollBehavior === "smooth" || seconds.some((each) => parseFloat(each) > 0.011);
  })).map((element) => element.outerHTML.slice(0, 100))"""


@pytest.fixture
def show(browser, site):
    """Open a page of the site: show(name, ...); whatever goes wrong in it fails the test."""
    opened = []

    def open_one(name, **options):
        page, problems = open_page(browser, site, name, **options)
        opened.append((page, problems))
        return page

    yield open_one
    for page, problems in opened:
        page.context.close()
        assert problems == []


def press_until_focused(page, locator, limit=60):
    """Walk with the Tab key, as a reader without a mouse would."""
    for _ in range(limit):
        page.keyboard.press("Tab")
        if locator.evaluate("element => element === document.activeElement"):
            return
    pytest.fail(f"{limit} presses of Tab do not reach {locator}")


def test_rows_of_a_table_are_named_by_their_first_cell(show):
    """A screen reader says it before each number of the row."""
    page = show("book/notation")
    rows = page.locator("article table tbody tr")
    assert rows.count() > 30
    assert page.locator("article table tbody tr > th:first-child").count() == rows.count()
    assert page.locator("article table tbody tr > th:not(:first-child)").count() == 0


def test_a_wide_table_says_what_it_is_when_the_tab_key_stops_at_it(show):
    page = show("book/notation")
    page.set_viewport_size({"width": 390, "height": 900})
    boxes = page.locator("article .pst-scrollable-table-container")
    assert boxes.count() > 2
    names = boxes.evaluate_all("all => all.map(({role, ariaLabel}) => [role, ariaLabel])")
    assert all(role == "group" and "Meaning" in name for role, name in names)


def test_a_symbol_that_is_a_link_is_called_by_the_symbol_and_its_meaning(show):
    """A formula gives a link no name, so the title does."""
    link = show("book/two_patterns").locator("article a[href$='#sym-kappa']").first
    expect(link).to_have_accessible_name(re.compile("^κ: √"))


def test_a_link_to_data_says_of_which_figure(show):
    links = show("book/puzzle").locator("article .lrbook-data a")
    expect(links.first).to_have_accessible_name(re.compile(r"^Data of this figure \(CSV\): \w+"))


def test_the_keyboard_s_note_does_not_cover_the_link_that_it_explains(show):
    page = show("book/two_patterns", reduced_motion="reduce")  # otherwise it scrolls smoothly
    links = page.locator("article a.explained")
    for number in range(min(links.count(), 12)):
        page.evaluate("scrollTo(0, 0)")
        links.nth(number).focus()
        below = links.nth(number).evaluate(
            "link => innerHeight - link.getBoundingClientRect().bottom"
            " - parseFloat(getComputedStyle(link, '::after').height)"
        )
        assert below > 16, links.nth(number).get_attribute("title")


def test_a_fold_of_code_is_called_by_the_words_on_it(show):
    folds = show("book/patch_experiment").locator("article details.hide > summary")
    assert folds.count() > 10
    assert (
        folds.evaluate_all("each => each.filter((one) => one.hasAttribute('aria-label')).length")
        == 0
    )


def test_formulas_are_read_where_they_stand_and_are_no_stops_of_the_tab_key(show):
    page = show("book/two_patterns")
    formulas = page.locator("article mjx-container")
    expect(formulas.first).to_be_visible()
    spoken = formulas.locator("mjx-assistive-mml")
    assert spoken.count() == formulas.count() > 50
    assert page.locator("mjx-container[tabindex]").count() == 0


def test_search_finds_annealing(show):
    page = show("book/intro")
    page.keyboard.press("Control+k")
    page.keyboard.type("annealing")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"search\.html\?q=annealing"))
    results = page.locator("ul.search li a")
    expect(results.first).to_be_visible()
    expect(page.locator("#search-results")).to_contain_text(re.compile(r"\b[1-9]\d* page"))
    page.wait_for_load_state("networkidle")  # the pages found are fetched, to quote from them
    results.first.click()
    expect(page.locator("article")).to_contain_text(re.compile("annealing", re.IGNORECASE))


def test_search_says_that_it_found_nothing(show):
    page = show("search")
    page.goto(page.url + "?q=zzzzqqqq")
    expect(page.locator("#search-results")).to_contain_text("did not match any documents")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_meaning_of_a_term_shows_by_keyboard(scheme, show):
    page = show("book/learning_order", color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 800})
    term = page.locator(".bd-content a.explained[title]").first
    look = """term => { const style = getComputedStyle(term, "::after");
      return [style.content, style.position, style.color, style.backgroundColor]; }"""
    assert term.evaluate(look)[0] == "none"
    page.keyboard.press("Tab")  # so that the focus counts as one by keyboard
    term.focus()
    content, position, color, background = term.evaluate(look)
    assert content == f'"{term.get_attribute("title")}"'
    assert position == "fixed"
    assert color != background
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("how", ["click", "Enter"])
def test_the_theme_can_be_switched_and_is_remembered(how, show):
    page = show("book/intro", color_scheme="light")
    button = page.locator(".theme-switch-button:visible").first
    seen = [page.evaluate(f"[{MODE}, {THEME}]")]
    if how == "Enter":
        press_until_focused(page, button)
    for _ in range(3):
        if how == "click":
            button.click()
        else:
            button.focus()  # the theme lets go of it at every press
            page.keyboard.press("Enter")
        seen.append(page.evaluate(f"[{MODE}, {THEME}]"))
    assert seen[0] == seen[3] == ["auto", "light"]
    assert sorted(mode for mode, _ in seen[:3]) == ["auto", "dark", "light"]
    assert ["dark", "dark"] in seen
    while page.evaluate(MODE) != "dark":
        button.click()
    page.reload()
    assert page.evaluate(f"[{MODE}, {THEME}]") == ["dark", "dark"]


@pytest.mark.parametrize("page", SOLUTIONS, ids=lambda page: page.stem)
def test_solutions_are_closed_and_open(page, show):
    shown = show(page.name)
    solutions = shown.locator("div.solution.dropdown")
    assert solutions.count() > 0
    for at in range(solutions.count()):
        solution = solutions.nth(at)
        body = solution.locator(":scope > :not(.admonition-title)").last
        button = solution.locator("button.toggle-button")
        expect(body).not_to_be_visible()
        if at % 2:
            button.focus()
            shown.keyboard.press("Enter")
        else:
            button.click()
        expect(body).to_be_visible()


def test_the_first_tab_leads_past_the_side_bar(show):
    page = show("book/puzzle")
    page.keyboard.press("Tab")
    link = page.locator(":focus")
    expect(link).to_have_text("Skip to main content")
    expect(link).to_be_visible()
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main-content"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_focus_can_be_seen(theme, show):
    page = show("book/puzzle", color_scheme=theme)
    page.keyboard.press("Tab")
    unseen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        style = page.evaluate(
            """() => { const it = document.activeElement, style = getComputedStyle(it);
              return [style.outlineStyle, parseFloat(style.outlineWidth), style.boxShadow,
                      it.outerHTML.slice(0, 120)]; }"""
        )
        if (style[0] == "none" or style[1] < 1) and style[2] == "none":
            unseen.append(style[3])
    assert unseen == []


def test_less_motion_is_respected(show):
    page = show("book/large_rate_and_q", reduced_motion="reduce")
    assert page.evaluate(MOVING) == []


def test_motion_is_there_for_those_who_want_it(show):
    page = show("book/large_rate_and_q", reduced_motion="no-preference")
    assert page.evaluate(MOVING) != []


def test_links_without_underline_are_not_told_apart_by_colour_alone(show):
    page = show("book/puzzle")
    plain = page.evaluate(
        """() => [...document.querySelectorAll("article p a[href]")].filter((link) =>
          !link.querySelector("img") && link.innerText.trim()
          && !/underline/.test(getComputedStyle(link).textDecorationLine)
          && getComputedStyle(link).borderBottomStyle === "none").map((link) => link.outerHTML)"""
    )
    assert plain == []


def test_a_page_printed_from_the_dark_theme_is_dark_on_white(show):
    page = show("book/puzzle", color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    colors = page.evaluate(
        """() => ["article p", "article pre", "article pre span"].map((selector) =>
          getComputedStyle(document.querySelector(selector)).color.match(/\\d+/g).map(Number))"""
    )
    assert max(max(color) for color in colors) < 80
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background in ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)")
    expect(page.locator(".bd-sidebar-primary")).not_to_be_visible()
    expect(page.locator("article h1")).to_be_visible()
