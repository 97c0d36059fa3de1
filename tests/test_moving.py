"""The explorer and the replay show the records, say what is not recorded, and obey the keyboard."""

import dataclasses
import itertools
import shutil
from collections import Counter

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from html_parts import Parts, payload, stands_alone

from lrbook import book, figures, phase, sweeps
from lrbook.figures.explorer import html as explorer
from lrbook.figures.replay import html as replay

mpl.use("Agg")

START = (0.35, 0.15, 1.0)
PANELS = {"clean": "Images <1>", "patch_only": "Patch"}
CHANCE = {"patch_only": {"chance": 10}}


@pytest.fixture(scope="module")
def settings():
    return phase.histories(phase.cube())


@pytest.fixture(scope="module")
def outcomes():
    return phase.outcomes(phase.errors(phase.cube()), "eta1", "r", "noise")


@pytest.fixture(scope="module")
def maps(settings, outcomes):
    return explorer(settings, START, outcomes)


def histories(epochs=12):
    rng = np.random.default_rng(3)
    epoch = np.arange(1, epochs + 1)

    def seed():
        return pd.DataFrame({"epoch": epoch} | {c: rng.uniform(20, 90, epochs) for c in PANELS})

    return {"large": [seed(), seed()], "small": [seed(), seed()]}


@pytest.fixture(scope="module")
def accuracy():
    return replay(histories(), PANELS, [5, 99], levels=CHANCE)


def test_both_stand_alone(maps, accuracy):
    stands_alone(maps)
    stands_alone(accuracy)
    assert len(maps.encode()) < 400_000
    assert "Images &lt;1&gt;" in accuracy
    assert "Images <1>" not in accuracy


def test_every_recorded_setting_is_in_the_explorer_and_no_other(maps):
    """Against the runs of the sweeps, by their own table of results."""
    data = payload(maps)
    values = [axis["values"] for axis in data["axes"]]
    ends = {}
    for setting in data["settings"]:
        place = tuple(axis[at] for axis, at in zip(values, setting["at"], strict=True))
        for arm in setting["arms"]:
            steps = data["steps"][arm["steps"]]
            mean, low, high = arm["values"][0]
            assert len(steps) == len(mean) == len(low) == len(high)
            ends[(*place, arm["arm"])] = mean[-1], low[-1], high[-1], steps[-1]
    rates, noises, between, rest = (sweeps.recorded(name).runs for name in phase.CUBE)
    lines = [table.assign(r=0.15) for table in (noises, between)]
    runs = pd.concat([rates.assign(noise=1.0), *lines, rest])
    wanted = runs.groupby(["eta1", "r", "noise", "arm"]).p_only_accuracy.agg(["mean", "min", "max"])
    assert set(ends) == set(wanted.index)
    assert set(ends) == set(itertools.product(*values, ("L-S", "S")))  # no combination is missing
    for key, found in ends.items():
        # where both sweeps hold a run they agree to one test example of 4000
        assert found[:3] == pytest.approx(wanted.loc[key].to_numpy(), abs=3e-4)
        assert found[3] == (40_000 if key[-1] == "L-S" else 100_000)


def test_the_curves_of_a_setting_are_its_histories(maps, settings):
    data = payload(maps)
    [found] = [setting for setting in data["settings"] if setting["at"] == data["start"]]
    assert found["anneal"] == 12_000
    for arm, (name, seeds) in zip(found["arms"], settings[START].items(), strict=True):
        assert arm["arm"] == name
        rows = np.stack([h.p_only_accuracy.to_numpy()[1:] for h in seeds])
        assert data["steps"][arm["steps"]] == seeds[0].step.tolist()[1:]
        wanted = np.stack([rows.mean(0), rows.min(0), rows.max(0)])
        assert np.array(arm["values"][0]) == pytest.approx(wanted, abs=6e-5)


def test_the_explorer_judges_as_the_maps_do(maps):
    cube = phase.errors(phase.cube())
    data = payload(maps)
    values = [axis["values"] for axis in data["axes"]]
    for noise in values[2]:
        ties = phase.tie_map(cube[cube.noise == noise], "eta1", "r")
        for setting in data["settings"]:
            eta1, r, here = (axis[at] for axis, at in zip(values, setting["at"], strict=True))
            if here == noise:
                assert setting["won"] != ties.loc[r, eta1]
                assert setting["verdict"].startswith("neither") != setting["won"]
    wins = Counter(s["verdict"] for s in data["settings"] if s["won"])
    counts = phase.outcome_counts(cube, "eta1", "r", "noise")
    assert wins == {"L-S is better": counts["L-S wins"], "S is better": counts["S wins"]}


def test_the_explorer_starts_where_something_is_recorded(settings):
    with pytest.raises(ValueError, match="not among the settings"):
        explorer(settings, (0.3, 0.05, 3.0), {})


def test_the_first_recording_counts_and_unfinished_runs_do_not(settings):
    first, second = phase.recorded("eta1", "r"), phase.recorded("eta1", "noise")
    both = phase.histories(first, second)
    record = first.select(eta1=0.35, r=0.15, arm="S", seed=11)[0]
    assert settings[START]["S"][0].equals(record.history)
    assert both[START]["S"][0].equals(record.history)
    turned = phase.histories(second, first)
    assert list(turned) == list(both)
    broken = type(first)([r for r in first.records if r.config["eta1"] == 0.35])
    broken.records[0] = dataclasses.replace(broken.records[0], status="diverged")
    left = phase.histories(broken)
    assert (
        sum(len(seeds) for arms in left.values() for seeds in arms.values())
        == len(broken.records) - 1
    )


def test_the_replay_holds_means_and_ranges(accuracy):
    data = payload(accuracy)
    given = histories()
    assert data["epoch"] == list(range(1, 13))
    assert data["drops"] == [5]  # the other one is after the end
    assert data["panels"][1]["levels"] == {"chance": 10}
    for arm in data["arms"]:
        for column, found in zip(PANELS, arm["values"], strict=True):
            rows = np.stack([h[column] for h in given[arm["arm"]]])
            wanted = np.stack([rows.mean(0), rows.min(0), rows.max(0)])
            assert np.array(found) == pytest.approx(wanted, abs=0.006)
    for panel in data["panels"]:
        low, high = panel["range"]
        assert low <= 25
        assert high >= 85
    heads = [text for text in Parts(accuracy).texts["th"] if text.strip()]
    assert heads == ["arm", "Images <1>", "Patch"]


def test_the_replay_of_the_book_is_from_the_records():
    runs = book.recorded("patch-laptop")
    data = payload(replay(book.histories(runs), {"clean": "Clean"}, [runs[0].config["drop"]]))
    ends = book.values(runs, "clean")
    assert [arm["arm"] for arm in data["arms"]] == list(ends)
    assert data["drops"] == [runs[0].config["drop"]]
    assert data["seeds"] == str(len(ends["large"]))


def test_the_grid_of_curves_draws_the_settings_it_names(settings):
    figure = figures.curve_grid(settings, (0.05, 0.7), (0.05, 0.3))
    top_right = figure.axes[1]
    assert top_right.get_title() == "$\\eta_1$ = 0.7, $r$ = 0.3"
    seeds = settings[0.7, 0.3, 1.0]["L-S"]
    mean = np.mean([h.p_only_accuracy.to_numpy()[1:] for h in seeds], axis=0)
    assert top_right.lines[0].get_ydata() == pytest.approx(mean)
    figure.canvas.draw()
    plt.close("all")


# In a browser.


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
