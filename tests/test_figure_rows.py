"""Settings as rows: what is drawn of a difference, and where."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from lrbook import figures
from lrbook.figures import data, rows

mpl.use("Agg")

VALUES = {
    "plain": [1.0, 2.0, 3.0],
    "wild": [-43.4, -22.2, 2.0, 30.0],
    "one": [4.0],
    "none": [],
}


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_what_lies_beyond_the_edges_is_an_arrow_with_its_values_and_the_table_has_it_in_place():
    figure = figures.forest(VALUES, "gap", limits=(-10, 10), marks={"limit": 4.5})
    [axes] = figure.axes
    assert axes.get_xlim() == (-10, 10)
    at = dict(zip(VALUES, axes.get_yticks(), strict=True))
    arrows = {
        (line.get_marker(), float(line.get_xdata()[0]), round(float(line.get_ydata()[0]), 2))
        for line in axes.lines
        if line.get_marker() in ("<", ">")
    }
    wild = at["wild"]  # its seeds, and its interval: -8.4 +- 50.8
    edges = {("<", -10), (">", 10)}
    assert arrows == {(*edge, round(wild + up, 2)) for edge in edges for up in (-0.2, 0.15)}
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["limit", "−43.4, −22.2", "30.0"]
    found = data.table(figure)
    dots = found[found.kind == "points"]
    assert dots.gap.tolist() == [value for row in VALUES.values() for value in row]
    assert dots.y.tolist() == [row for row, values in VALUES.items() for _ in values]
    assert set(dots.series) == {"one seed"}
    [mark] = found[found.kind == "mark"].itertuples()
    assert (mark.series, mark.gap) == ("limit", 4.5)


def test_a_mean_has_its_interval_along_x_and_a_single_seed_has_none():
    found = data.table(figures.forest(VALUES, "gap", hollow=["one"], kinds=("sure", "not")))
    means = found[found.kind == "interval"].set_index("y")
    assert means.series.to_dict() == {"plain": "sure", "wild": "sure", "one": "not"}
    # t(0.975, 2) = 4.303 times 1 / sqrt(3)
    assert tuple(means.loc["plain", ["gap", "low", "high"]]) == pytest.approx(
        (2, 2 - 2.4841, 2 + 2.4841), abs=1e-3
    )
    assert means.loc["one", "gap"] == 4
    assert np.isnan(means.loc["one", "low"])


def test_hollow_means_are_drawn_hollow():
    [axes] = figures.forest(VALUES, "gap", hollow=["plain"]).axes
    fills = {
        float(line.get_xdata()[0]): line.get_markerfacecolor()
        for line in axes.lines
        if line.get_marker() == "D"
    }
    assert fills.pop(2.0) == "none"
    assert fills
    assert "none" not in fills.values()


def test_everything_is_in_sight_without_limits():
    [axes] = figures.forest(VALUES, "gap").axes
    low, high = axes.get_xlim()
    assert low < -43.4
    assert high > 30
    assert not [line for line in axes.lines if line.get_marker() in ("<", ">")]


@pytest.mark.parametrize("draw", ["forest", "order_rows"])
def test_rows_are_renamed_and_set_apart(draw):
    names, breaks = {"b": "a name of its own"}, ["a", "b", "c"]
    if draw == "forest":
        figure = figures.forest({row: [1.0] for row in "abcd"}, "gap", names=names, breaks=breaks)
    else:
        learned = {row: {"large": [3], "small": [None]} for row in "abcd"}
        drops = dict.fromkeys("abcd", 2)
        figure = figures.order_rows(learned, drops, 5, names=names, breaks=breaks)
    [axes] = figure.axes
    labels = [tick.get_text() for tick in axes.get_yticklabels()]
    assert labels == ["a", "a name of its own", "c", "d"]
    # no space above the first row, which is the top
    space = 1 + rows.SPACE
    assert axes.get_yticks() == pytest.approx([0, space, 2 * space, 2 * space + 1])
    bottom, top = axes.get_ylim()
    assert top < 0 < bottom
    assert set(data.table(figure).y) == set(labels)


def test_the_figure_of_the_order_says_in_how_many_seeds_it_holds():
    learned = {"a": {"large": [3, 4], "small": [1, 2]}, "b": {"large": [1], "small": [None]}}
    holds = {"a": "2 of 2", "b": "0 of 1"}
    drops = {"a": 2, "b": None}
    figure = figures.order_rows(learned, drops, 5, holds, {"b": "twice b"}, breaks=["b"])
    [axes] = figure.axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["a", "twice b"]
    beside = {text.xy[1]: text.get_text() for text in axes.texts if " of " in text.get_text()}
    assert [beside[at] for at in axes.get_yticks()] == ["2 of 2", "0 of 1"]
    assert len(axes.texts) == 3  # and a heading
    assert set(data.table(figure).y) == {"a", "twice b"}
    [plain] = figures.order_rows(learned, drops, 5).axes
    assert not plain.texts
