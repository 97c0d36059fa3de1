"""What tells the series of a figure apart where a print or an eye has no colours."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from lrbook import figures, style
from lrbook.toy.config import ToyConfig
from lrbook.toy.profile_along import Film

mpl.use("Agg")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_curves_differ_in_line_and_marker_and_closed_forms_have_none():
    names = "abc"
    curves = {name: ([1.0, 2.0], [0.1, 0.1]) for name in names}
    [axes] = figures.curve_with_bounds([1, 2], curves, xlabel="x", ylabel="y").axes
    lines = [container[0] for container in axes.containers]
    assert len({line.get_linestyle() for line in lines}) == 3
    assert len({line.get_marker() for line in lines}) == 3
    bare = {name: (mean, None) for name, (mean, _) in curves.items()}
    [axes] = figures.curve_with_bounds([1, 2], bare, xlabel="x", ylabel="y").axes
    lines = [container[0] for container in axes.containers]
    assert {line.get_marker() for line in lines} == {"none"}
    assert len({line.get_linestyle() for line in lines}) == 3


def test_the_negative_class_is_hatched():
    groups = {"-1": np.linspace(-2, -1, 50), "+1": np.linspace(1, 2, 50)}
    [axes] = figures.histograms(groups, "x").axes
    negative, positive = axes.containers
    assert all(bar.get_hatch() for bar in negative)
    assert not any(bar.get_hatch() for bar in positive)
    filled = [bar.get_hatch() for bar in axes.get_legend().get_patches()]
    assert filled[0]
    assert not filled[1]


def test_stills_write_the_sign_where_it_is_clear():
    """Output +9 above the middle ray, -9 below it and 0.1 above the upper ray, at |x| = 1."""
    [config] = ToyConfig.expand("demo", seeds=[0], arms=["S"])
    psi = np.linspace(-np.pi / 2, np.pi / 2, 721)
    upper_ray = np.arctan2(1, 3)  # as drawn: t = 3 is as far up as the rays reach to the right
    values = np.where(psi < 0, -9.0, np.where(psi < upper_ray, 9.0, 0.1))
    frames = np.stack([0 * psi, values])
    film = Film(config, np.arange(2), np.full(2, 0.1), psi, frames, np.zeros((2, 4), bool), None)
    first, last, *_ = figures.stills({"S": film}, [0, 1], 8.0).axes
    assert not first.texts
    found = {text.get_position()[1]: text.get_text() for text in last.texts}
    assert found == {-2: "−", -0.45: "−", 0.45: "+"}


def test_a_third_group_is_no_guides_grey_and_few_decades_have_plain_numbers():
    x = np.array([1.0, 2.0, 4.0])
    groups = {name: (x, np.array([[40.0, 80.0, 700.0]]) * k) for k, name in enumerate("abc", 1)}
    [axes] = figures.against(groups, xlabel="x", ylabel="y", guides={"one": ("a", 1.0)}).axes
    named = {line.get_label(): line.get_color() for line in axes.lines}
    colors = [named[name] for name in ("a", "b", "c", "one")]
    assert len(set(colors)) == 4
    assert colors[-1] == style.NEUTRAL
    axes.figure.canvas.draw()
    low, high = axes.get_ylim()
    labels = [label.get_text() for label in axes.get_yticklabels()]
    ticks = list(zip(axes.get_yticks(), labels, strict=True))
    assert [text for y, text in ticks if low <= y <= high] == [
        "50", "100", "200", "500", "1,000", "2,000"
    ]  # fmt: skip
    assert not axes.get_yticks(minor=True).size

    wide = {"a": (x, np.array([[1.0, 50.0, 3000.0]]))}
    [axes] = figures.against(wide, xlabel="x", ylabel="y").axes
    axes.figure.canvas.draw()
    assert all("10" in text.get_text() for text in axes.get_yticklabels())
