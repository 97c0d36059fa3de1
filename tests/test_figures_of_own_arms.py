"""Figures of arms that the book does not know, as an experiment of the reader's own may have."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from html_parts import payload

from lrbook import figures, style
from lrbook.figures.movie import html
from lrbook.toy.config import ToyConfig
from lrbook.toy.profile_along import Film

mpl.use("Agg")
OWN = "rate of my own"


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def colors(figure):
    return {line.get_color() for axes in figure.axes for line in axes.lines}


def test_rows_have_the_color_of_an_arm_of_ones_own():
    learned = {"plain": {OWN: [3, None], "large": [5, 6]}}
    rows = [
        figures.order_rows(learned, {"plain": 4}, 8),
        figures.gap_rows({"plain": {OWN: [0.5, 0.6], "S": [0.4]}}, "accuracy"),
        figures.cost_by_time(pd.DataFrame({"arm": [OWN], "known": [3], "cost": [1.0]})),
    ]
    assert all(style.arm_color(OWN) in colors(figure) for figure in rows)


def test_the_way_of_an_arm_of_ones_own_is_drawn():
    share = {"p_only_gradient_share_now": [0.2, 0.3], "p_only_gradient_share": [0.2, 0.25]}
    history = pd.DataFrame({"step": [1, 10]} | share)
    assert figures.gradient_shares({OWN: [history]}).axes[0].get_title() == OWN
    columns = ("tau0_w", "p_only_accuracy", "p_only_train_loss", "end_accuracy")
    matched = pd.DataFrame({"arm": OWN} | {name: [0.1, 0.1, 0.2, 0.2] for name in columns})
    assert style.arm_color(OWN) in colors(figures.trap(matched))
    t = np.linspace(-2, 2, 5)
    assert style.arm_color(OWN) in colors(figures.across(t, {OWN: {"end": t}}))
    figure = figures.on_and_off({OWN: {"end": np.ones((2, 5), bool)}}, t)
    assert figure.axes[0].get_title() == f"{OWN}, end"


def test_a_film_has_the_color_of_an_arm_of_ones_own():
    [config] = ToyConfig.expand("demo", seeds=[0], arms=["S"])
    psi, values = np.linspace(-1, 1, 5), np.zeros((2, 5))
    on, V = np.zeros((2, 4), bool), np.zeros((2, 2, 4))
    film = Film(config, np.arange(2), np.full(2, 0.1), psi, values, on, V)
    assert payload(html({OWN: film}, 1.0))["films"][0]["color"] == style.arm_color(OWN)
