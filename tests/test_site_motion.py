"""The pictures that move, in the built book: each reacts to the keyboard and shows something.

A picture is a row of PICTURES: its page, the element that holds it, and within it a slider. More
than that, what only one of them can do, stands in a test of its own below.
"""

from typing import NamedTuple

import pytest
from playwright.sync_api import expect
from site_visit import open_page

pytestmark = pytest.mark.slow


class Picture(NamedTuple):
    page: str
    root: str
    slider: str = "input[type=range]"


PICTURES = [
    Picture("book/large_rate_and_q", "[id^=lrbook-movie]"),
    Picture("book/phase_diagram", "[id^=lrbook-explorer]"),
    Picture("book/puzzle", "[id^=lrbook-replay]"),
    Picture("book/patch_experiment", "[id^=lrbook-replay]"),
]
each_picture = pytest.mark.parametrize(
    "picture", PICTURES, ids=lambda each: each.page.rpartition("/")[2]
)
DRAWN = """root => [...root.querySelectorAll("canvas, svg")].map((picture) =>
  picture.toDataURL ? picture.toDataURL() : picture.outerHTML)"""


@pytest.fixture(params=[1440, 390], ids=["desktop", "phone"])
def shown(request, browser, site):
    """Open a picture's page at one width: shown(picture) gives the page and the picture."""
    opened = []

    def show(picture):
        page, problems = open_page(browser, site, picture.page)
        page.set_viewport_size({"width": request.param, "height": 900})
        opened.append((page, problems))
        root = page.locator(picture.root).first
        root.scroll_into_view_if_needed()
        return page, root

    yield show
    for page, problems in opened:
        page.context.close()
        assert problems == []


@each_picture
def test_the_slider_works_by_keyboard(picture, shown):
    page, root = shown(picture)
    slider = root.locator(picture.slider).first
    expect(slider).to_be_visible()
    before = state(root, slider)
    assert before[2], "nothing is drawn"
    at_start = before[0] == slider.get_attribute("min")
    slider.focus()
    page.keyboard.press("End" if at_start else "Home")
    after = state(root, slider)
    assert after[0] == slider.get_attribute("max" if at_start else "min")
    assert [one != other for one, other in zip(before, after, strict=True)] == [True] * 3
    page.keyboard.press("ArrowLeft" if at_start else "ArrowRight")
    assert abs(float(slider.input_value()) - float(after[0])) == 1


def state(root, slider):
    """Where the slider is, what the picture says (aloud, too), and what it shows."""
    words = root.inner_text(), slider.get_attribute("aria-valuetext")
    return slider.input_value(), words, root.evaluate(DRAWN)


@each_picture
def test_every_control_has_a_name(picture, shown):
    _, root = shown(picture)
    for control in root.locator("button, input, select, canvas").all():
        name = control.evaluate(
            "it => it.getAttribute('aria-label') || it.labels?.[0]?.innerText || it.innerText"
        )
        assert (name or "").strip(), control.evaluate("it => it.outerHTML")


@each_picture
def test_the_picture_fits_its_page(picture, shown):
    _, root = shown(picture)
    for element in [root, *root.locator("canvas, svg, input").all()]:
        box = element.bounding_box()
        if box is not None:
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= root.page.viewport_size["width"] + 1


@each_picture
def test_without_scripts_there_is_a_still_picture_or_a_word(picture, browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}{picture.page}.html")
    root = page.locator(picture.root).first
    assert root.locator("button:visible, input:visible").count() == 0
    assert root.inner_text().strip() or root.locator("img, svg").count()
    context.close()


def test_the_film_plays_and_stops(shown):
    page, root = shown(PICTURES[0])
    slider, button = root.locator("input[type=range]").first, root.locator("button").first
    slider.focus()
    page.keyboard.press("Home")
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_text("Pause")
    page.wait_for_function("slider => Number(slider.value) >= 2", arg=slider.element_handle())
    page.keyboard.press("Enter")
    expect(button).to_have_text("Play")
    stopped = slider.input_value()
    said = root.get_by_role("status")
    expect(said).to_have_text(slider.get_attribute("aria-valuetext"))
    page.wait_for_timeout(400)
    assert slider.input_value() == stopped
    slider.focus()
    for key in ("End", "ArrowLeft", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
    button.focus()
    page.keyboard.press("Enter")
    expect(said).to_have_text("")  # nothing is read out while it moves
    expect(button).to_have_text("Play")
    expect(said).to_have_text(slider.get_attribute("aria-valuetext"))
