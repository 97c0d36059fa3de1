"""The explorer and the replay in a browser: what is said after each step, also to the keyboard."""

import shutil

import moving_pictures
import numpy as np
import pytest
from moving_pictures import PANELS, START, histories

from lrbook import phase
from lrbook.figures.explorer import html as explorer
from lrbook.figures.replay import html as replay


@pytest.fixture(scope="module")
def settings():
    return moving_pictures.settings()


@pytest.fixture(scope="module")
def outcomes():
    return moving_pictures.outcomes()


@pytest.fixture(scope="module")
def maps(settings, outcomes):
    return explorer(settings, START, outcomes)


@pytest.fixture(scope="module")
def accuracy():
    return moving_pictures.accuracy()


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("there is no chromium")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def planes():
    """Settings in two planes only, so that some combinations of the sliders are not recorded."""
    return phase.histories(phase.recorded("eta1", "r"), phase.recorded("eta1", "noise"))


@pytest.fixture
def opened(browser, request, planes, outcomes, accuracy):
    """A page with both pictures, in which nothing goes wrong."""
    maps = explorer(planes, START, outcomes)
    page = browser.new_page(
        **getattr(request, "param", {"viewport": {"width": 390, "height": 800}})
    )
    wrong = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: wrong.append(request.url))
    page.set_content(f'<!doctype html><html lang="en"><body>{maps}{accuracy}</body></html>')
    page.wait_for_selector(".lrbook-replay svg circle")
    yield page
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    page.close()
    assert wrong == []


def test_sliders_lead_to_recorded_curves_or_to_the_nearest(opened, settings):
    said = opened.locator(".lrbook-explorer .lrbook-said")
    curves = opened.locator(".lrbook-explorer .lrbook-curves polyline")
    nearest = opened.locator(".lrbook-explorer button")
    assert "η₁ = 0.35, r = 0.15, noise = 1" in said.inner_text()
    assert curves.count() == 2
    opened.locator("input[name=η₁]").press("ArrowRight")
    end = np.mean([h.p_only_accuracy.iloc[-1] for h in settings[0.7, 0.15, 1.0]["L-S"]])
    assert f"η₁ = 0.7, r = 0.15, noise = 1: L-S ends at {end:.3f}" in said.inner_text()
    assert nearest.is_hidden()
    opened.locator("input[name=noise]").press("End")
    opened.locator("input[name=r]").press("ArrowLeft")
    assert said.inner_text().startswith("Not recorded: η₁ = 0.7, r = 0.1, noise = 3.")
    assert curves.count() == 0
    nearest.press("Enter")
    # noise 1 instead of 3 and r .15 instead of .1 are one place away each: the first is taken
    assert said.inner_text().startswith("η₁ = 0.7, r = 0.1, noise = 1: ")
    assert curves.count() == 2
    assert opened.evaluate("document.activeElement.name") == "η₁"


def test_both_maps_go_through_the_place_and_frame_it(opened):
    frames = opened.locator(".lrbook-explorer .lrbook-here")
    titles = opened.locator(".lrbook-maps svg text:first-child")
    assert frames.count() == 2
    assert titles.all_text_contents() == ["noise = 1", "r = 0.15"]
    opened.locator(".lrbook-maps rect.lrbook-cell").last.click()  # the largest rate and noise
    said = opened.locator(".lrbook-said")
    assert said.inner_text().startswith("η₁ = 0.7, r = 0.15, noise = 3: ")
    assert frames.count() == 2
    opened.locator("input[name=r]").press("Home")
    assert titles.all_text_contents() == ["noise = 3", "r = 0.05"]
    assert said.inner_text().startswith("Not recorded: ")
    assert frames.count() == 2
    opened.locator(".lrbook-maps rect.lrbook-cell").last.click()  # at r = .05 noise 1 alone
    assert said.inner_text().startswith("η₁ = 0.7, r = 0.05, noise = 1: ")


def test_a_setting_in_which_neither_wins_is_in_parentheses(opened):
    said = opened.locator(".lrbook-explorer .lrbook-said")
    assert "points; L-S is better." in said.inner_text()
    opened.locator("input[name=noise]").press("Home")
    opened.locator("input[name=η₁]").press("End")
    assert said.inner_text().startswith("η₁ = 0.7, r = 0.15, noise = 0: ")
    assert said.inner_text().endswith("+1.8 points; neither clearly: the seeds disagree.")
    numbers = opened.locator(".lrbook-maps svg").last.locator("text").all_text_contents()
    assert "(+2)" in numbers


def test_what_rounds_to_zero_has_no_sign(browser, maps):
    page = browser.new_page()
    page.set_content(maps)
    page.locator("input[name=noise]").press("Home")
    numbers = page.locator(".lrbook-maps svg text").all_text_contents()
    page.close()
    assert "(0)" in numbers
    assert not {f"{sign}0" for sign in "+−"} & {number.strip("()") for number in numbers}


def test_hollow_cells_are_explained_where_there_are_any(maps, planes, outcomes):
    assert "Hollow: not recorded." in explorer(planes, START, outcomes)
    assert "Hollow" not in maps


def test_the_replay_plays_only_when_told_to_and_stops(opened):
    root = opened.locator(".lrbook-replay")
    slider, button, caption = root.locator("input"), root.locator("button"), root.locator("caption")
    opened.wait_for_timeout(400)
    assert slider.input_value() == "11"
    assert caption.inner_text().startswith("Epoch 12 of 12, after the drop")
    slider.press("Home")
    assert caption.inner_text().startswith("Epoch 1 of 12, before the rate drops")
    assert "Patch: large" in slider.get_attribute("aria-valuetext")
    first = histories()["large"]
    mean = np.mean([h.clean.iloc[0] for h in first])
    assert root.locator("td").first.inner_text().startswith(f"{mean:.1f} (")
    button.press("Space")
    assert button.inner_text() == "Pause"
    opened.wait_for_function("document.querySelector('.lrbook-replay input').value > 1")
    button.press("Space")
    stopped = slider.input_value()
    opened.wait_for_timeout(400)
    assert slider.input_value() == stopped
    assert button.inner_text() == "Play"


def few(arms):
    """The first two seeds of each arm."""
    return {arm: seeds[:2] for arm, seeds in arms.items()}


def test_two_seeds_are_both_shown(browser, planes, outcomes):
    both = few(histories())
    page = browser.new_page()
    maps = explorer({setting: few(arms) for setting, arms in planes.items()}, START, outcomes)
    page.set_content(f"<body>{maps}{replay(both, PANELS, [5])}</body>")
    table = page.locator(".lrbook-replay table")
    assert table.locator("caption").inner_text().endswith("Each of 2 seeds.")
    ends = {arm: [h.clean.iloc[-1] for h in seeds] for arm, seeds in both.items()}
    wanted = {arm: " and ".join(f"{value:.1f}" for value in found) for arm, found in ends.items()}
    assert table.locator("tbody td").first.inner_text() == wanted["large"]
    spoken = page.locator(".lrbook-replay input").get_attribute("aria-valuetext")
    assert f"large {wanted['large']}, small {wanted['small']}" in spoken
    panel = page.locator(".lrbook-replay figure svg").first
    assert (panel.locator("polyline").count(), panel.locator("polygon").count()) == (4, 0)
    assert set(
        panel.locator("circle").evaluate_all("all => all.map(c => c.getAttribute('fill'))")
    ) == {"none"}
    curves = page.locator(".lrbook-explorer .lrbook-curves")
    assert (curves.locator("polyline").count(), curves.locator("polygon").count()) == (4, 0)
    large, small = (
        [h.p_only_accuracy.iloc[-1] for h in planes[START][arm][:2]] for arm in ("L-S", "S")
    )
    said = page.locator(".lrbook-explorer .lrbook-said").inner_text()
    assert f"L-S ends at {large[0]:.3f} and {large[1]:.3f} after 40,000 steps" in said
    leads = " and ".join(f"+{100 * (a - b):.1f}" for a, b in zip(large, small, strict=True))
    assert f"Each of 2 seeds. S's error minus L-S's: {leads} points" in said
    page.close()


@pytest.mark.parametrize("seeds", [{"large": 2, "small": 3}, {"large": 1, "small": 1}])
def test_what_the_numbers_are_is_said_where_arms_differ_or_there_is_one_run(browser, seeds):
    page = browser.new_page()
    given = {arm: histories()[arm][:count] for arm, count in seeds.items()}
    page.set_content(f"<body>{replay(given, PANELS, [5])}</body>")
    caption = page.locator(".lrbook-replay caption").inner_text()
    words = {
        2: "Means over 2 to 3 seeds, their range in brackets; where there are few, each of them.",
        1: "One seed.",
    }
    assert caption.endswith(f". {words[seeds['large']]}")
    page.close()


@pytest.mark.parametrize("opened", [{"reduced_motion": "reduce"}], indirect=True)
def test_without_motion_the_button_goes_from_stop_to_stop(opened):
    root = opened.locator(".lrbook-replay")
    button, slider = root.locator("button"), root.locator("input")
    assert button.inner_text() == "Next"
    places = []
    for _ in range(4):
        button.click()
        places.append(int(slider.input_value()))
    opened.wait_for_timeout(400)
    assert places == [0, 1, 2, 3]
    assert int(slider.input_value()) == places[-1]
    button.click()
    assert root.locator("caption").inner_text().startswith("Epoch 5 of 12, after the drop")
    assert root.get_by_role("status").text_content().startswith("Epoch 5 of 12, after the drop")


def test_without_scripts_a_sentence_is_left(browser, maps, accuracy):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_content(maps + accuracy)
    assert page.locator("body").inner_text().count("needs JavaScript") == 2
    assert page.locator("input:visible, button:visible").count() == 0
    context.close()
