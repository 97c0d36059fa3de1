"""The colours of a page before its scripts have run, and without any."""

import re

import pytest
from site_visit import open_page

pytestmark = pytest.mark.slow
COLOURS = """() => ["body", "article p", "article p a", "article pre .kn"].map((selector) => {
  const style = getComputedStyle(document.querySelector(selector));
  return selector === "body" ? style.backgroundColor : style.color;
})"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_do_not_wait_for_the_script_of_the_theme(scheme, browser, site):
    whole, problems = open_page(browser, site, "book/api", color_scheme=scheme)
    context = browser.new_context(color_scheme=scheme)
    context.route("**/pydata-sphinx-theme.js*", lambda route: route.abort())
    page = context.new_page()
    page.goto(f"{site}book/api.html")
    assert page.evaluate(COLOURS) == whole.evaluate(COLOURS)
    background = page.evaluate(COLOURS)[0]
    assert (max(map(int, re.findall(r"\d+", background)[:3])) < 60) == (scheme == "dark")
    assert problems == []
    context.close()
    whole.context.close()


def test_a_page_without_scripts_has_the_light_colours(browser, site):
    whole, _ = open_page(browser, site, "book/api", color_scheme="light")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}book/api.html")
    assert page.evaluate(COLOURS) == whole.evaluate(COLOURS)
    assert len(set(page.evaluate(COLOURS))) == 4
    context.close()
    whole.context.close()
