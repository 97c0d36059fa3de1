"""The film's HTML stands alone: its parts are read back with the standard library's parser."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from html_parts import Parts, payload, stands_alone

from lrbook import figures
from lrbook.figures.movie import html
from lrbook.toy.config import ToyConfig
from lrbook.toy.levels import Levels
from lrbook.toy.profile_along import Film

mpl.use("Agg")

LIMIT = 8.0


def films(frames=60, directions=121):
    rng = np.random.default_rng(0)
    psi = np.linspace(-np.pi / 2, np.pi / 2, directions)
    made = {}
    for config in ToyConfig.expand("demo", seeds=[0], arms=["L-S", "S"]):
        values = rng.normal(0, 5, (frames, directions))
        step, V = np.arange(frames) * 1000, np.zeros((frames, 2, 4))
        made[config.arm] = Film(
            config, step, np.full(frames, 0.35), psi, values, np.zeros((frames, 4), bool), V
        )
    return made


@pytest.fixture(scope="module")
def text():
    return html(films(), LIMIT)


def test_stands_alone(text):
    stands_alone(text)


def test_the_data_are_the_values(text):
    data = payload(text)
    for film, given in zip(data["films"], films().values(), strict=True):
        assert film["step"] == given.step.tolist()
        values = np.array(film["values"]) * data["unit"]
        assert values == pytest.approx(given.values, abs=0.51 * LIMIT / 2000)
    assert len(text.encode()) < 300_000


def test_controls_have_names(text):
    parts = Parts(text)
    assert parts.tags.count("canvas") == 2
    [slider] = [attributes for tag, attributes in parts.attributes if tag == "input"]
    assert slider["aria-label"]
    assert parts.texts["button"][0] == "Play"


def test_stills_and_curves():
    made = films(frames=5)
    figure = figures.stills(made, [0, 0.5, 1], LIMIT)
    titles = [axes.get_title() for axes in figure.axes[:6]]
    assert titles[::2] == ["L-S, step 0", "L-S, step 2,000", "L-S, step 4,000"]
    assert titles[1] == "S, step 0"
    figure.canvas.draw()
    t = np.linspace(-3, 3, 7)
    figure = figures.across(t, {"L-S": {"start": t, "end": -t}}, zoom=4)
    start, end = figure.axes[0].lines[:2]
    assert end.get_ydata().tolist() == (-t).tolist()
    assert end.get_linewidth() > start.get_linewidth()
    figure.canvas.draw()
    plt.close("all")


def test_each_still_is_shown_once():
    made = films(frames=5)
    made["S"] = made["S"]._replace(step=made["S"].step[:2], values=made["S"].values[:2])
    figure = figures.stills(made, [0, 0.35, 0.6, 0.8, 1], LIMIT)
    titles = [title for axes in figure.axes if (title := axes.get_title())]
    assert [t for t in titles if t.startswith("S,")] == ["S, step 0", "S, step 1,000"]
    assert len(titles) == len(set(titles))
    figure.canvas.draw()
    plt.close("all")


def test_scaling_shows_every_seed_and_the_closed_form():
    x = np.array([0.1, 0.2, 0.4])
    measured = np.array([[1.0, 8.0, 64.0], [2.0, 16.0, 128.0]])
    level = Levels("r", x, measured, measured / 2, x, x**2)
    figure = figures.scaling({"a": [level, level], "b": [level, level]})
    dots, mean, floor = figure.axes[0].lines
    assert dots.get_ydata().tolist() == measured.ravel().tolist()
    assert mean.get_ydata() == pytest.approx(np.hypot(measured / 2, x).mean(axis=0))
    assert floor.get_ydata().tolist() == x.tolist()
    figure.canvas.draw()
    plt.close("all")
