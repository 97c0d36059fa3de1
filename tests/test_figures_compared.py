"""Figures that set groups of runs side by side: what tells them apart, and what compares them."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from made_runs import patch_history
from matplotlib.colors import to_rgb, to_rgba

from lrbook import figures, style
from lrbook.figures import artists, data, inside

mpl.use("Agg")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_groups_stand_side_by_side_on_one_scale():
    groups = {
        "With": {"large": [patch_history(0), patch_history(4)], "small": [patch_history(1)]},
        "Without": {"large": [patch_history(20)]},
    }
    figure = figures.side_by_side(groups, "clean", [3])
    left, right = figure.axes
    assert [axes.get_title() for axes in (left, right)] == ["With", "Without"]
    assert left.get_ylim() == right.get_ylim()
    assert [line.get_ydata()[0] for line in left.lines[:3]] == [51, 55, 52]
    assert left.lines[2].get_color() == style.ARM_COLORS["small"]
    assert [line.get_ydata()[0] for line in right.lines[:1]] == [71]
    for axes in (left, right):
        assert [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 2] == [2.5]


@pytest.mark.parametrize(
    "named",
    [
        ["small", "large", "small, drops, too"],
        ["small", "large", "small, drops, too", "small, noise and a drop"],
    ],
)
def test_the_names_of_all_arms_are_inside_the_figure(named):
    figure = figures.side_by_side({"With": {arm: [patch_history(0)] for arm in named}}, "clean")
    figure.canvas.draw()
    [legend] = figure.legends
    texts = legend.get_texts()
    assert [text.get_text() for text in texts] == named
    for text in texts:
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1


def test_a_grid_has_a_row_of_panels_for_each_group_and_one_scale_for_each_column():
    groups = {
        "Some": {"large": [patch_history(0), patch_history(4)], "small": [patch_history(1)]},
        "Much": {"large": [patch_history(20)]},
    }
    columns = {"clean": "clean images", "patch_only": "the patch"}
    figure = figures.grid_by_epoch(groups, columns, [3])
    some, some_patch, much, much_patch = figure.axes
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "Some:\nclean images",
        "Some:\nthe patch",
        "Much:\nclean images",
        "Much:\nthe patch",
    ]
    assert some.get_ylim() == much.get_ylim()
    assert some_patch.get_ylim() == much_patch.get_ylim()
    assert [line.get_ydata()[0] for line in some.lines[:3]] == [51, 55, 52]
    assert [line.get_ydata()[0] for line in much.lines[:1]] == [71]
    first = patch_history(20)["patch_only"].iloc[0]
    assert [line.get_ydata()[0] for line in much_patch.lines[:1]] == [first]
    for axes in figure.axes:
        assert [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 2] == [2.5]


def test_controls_are_told_by_rate_and_noise_and_set_beside_the_arms():
    """Colour is the rate's, hollow is without noise, lines go through the means of both arms."""
    quiet, halved = "large rate, no noise", "L-S, noise halved"
    groups = {"L-S": [0.9, 0.8], style.DIFFUSING: [0.8, 0.7], quiet: [0.6, 0.5], "S": [0.5, 0.3]}
    groups[halved] = [0.7, 0.7]
    drawn = figures.dots_by_group(groups, "accuracy", through=["L-S", "S"], apart=[halved])
    [axes] = drawn.axes
    dots = {line.get_label().removeprefix(artists.BAND_OF): line for line in axes.lines}
    large, small = style.ARM_COLORS["L-S"], style.ARM_COLORS["S"]
    wanted = [large, small, large, small, large]
    assert [dots[label].get_color() for label in groups] == wanted
    hollow = [label for label in groups if dots[label].get_markerfacecolor() == "none"]
    assert hollow == [quiet]
    assert len({dots[label].get_marker() for label in ("L-S", "S", style.DIFFUSING)}) == 3
    lines = {arm: dots[f"mean of {arm}"] for arm in ("L-S", "S")}
    assert [line.get_xdata()[0] for line in lines.values()] == pytest.approx([0.85, 0.4])
    assert lines["L-S"].get_linestyle() != lines["S"].get_linestyle()
    steps = np.diff(axes.get_yticks())
    assert (steps[:3] == 1).all()
    assert steps[3] > 1
    found = data.table(drawn)
    assert found[found.kind == "mark"].series.tolist() == ["mean of L-S", "mean of S"]
    assert found[found.kind == "bar"].series.tolist() == list(groups)

    lines = {label: {"x": [0.0, 1.0], "y": [[1.0, 2.0]]} for label in ("S", style.DIFFUSING)}
    plain, diffusing = figures.small_lines(lines, xlabel="x", ylabel="y").axes[0].lines
    assert diffusing.get_color() == plain.get_color() == small
    assert diffusing.get_marker() != plain.get_marker()


def test_a_bracket_says_how_far_the_means_of_two_arms_are_apart():
    groups = {
        "without": {"large": [8.0, 10.0], "small": [4.0, 5.0], "noise": [6.0]},
        "with": {"large": [3.0], "small": [3.5], "noise": [3.0]},
        "alone": {"large": [5.0]},
    }
    drawn = figures.dots_by_arm(groups, "accuracy", between=("large", "small"))
    [axes] = drawn.axes
    assert [text.get_text() for text in axes.texts] == ["4.5\npoints", "−0.5\npoints"]
    bars = [bar.get_segments()[0] for bar in axes.collections]
    brackets = [line for line in axes.lines if line.get_gid() == artists.NOT_DATA]
    for bracket, large, small in zip(brackets, (bars[0], bars[3]), (bars[1], bars[4]), strict=True):
        x, y = bracket.get_data()
        assert (x[0], y[0]) == pytest.approx(tuple(large[1]))  # from the end of one bar
        assert (x[-1], y[-1]) == pytest.approx(tuple(small[0]))  # to the beginning of the other
    found = data.table(drawn)
    assert set(found.kind) == {"points", "bar"}
    assert data.csv(drawn) == data.csv(figures.dots_by_arm(groups, "accuracy"))
    other = figures.dots_by_arm(groups, "loss", between=("small", "large"), unit="nats")
    assert other.axes[0].texts[0].get_text() == "−4.5\nnats"


def test_shares_are_stacked_from_the_bottom_in_the_order_of_their_kinds():
    shares = [(0.2, 0.7), (0.4, 0.5), (0.3, 0.3)]
    seeds = [
        pd.DataFrame({"epoch": [1, 2], "share_image": a, "share_both": b, "share_patch": 1 - a - b})
        for a, b in shares
    ]
    drawn = figures.shares_by_kind({"large": seeds, "small": seeds[:1]}, 2)
    found = data.table(drawn)
    assert found.panel.unique().tolist() == ["large", "small"]
    bands = found[(found.kind == "band") & (found.epoch == 1)].set_index(["panel", "series"])
    ends = bands[["low", "high"]].to_numpy()
    assert bands.index.get_level_values("series").tolist() == [*inside.KINDS.values()] * 2
    large, small = [[0, 0.3], [0.3, 0.8], [0.8, 1]], [[0, 0.2], [0.2, 0.9], [0.9, 1]]
    np.testing.assert_allclose(ends, large + small, atol=1e-9)
    assert found[found.kind == "mark"].epoch.tolist() == [1.5, 1.5]

    theory = [pd.DataFrame({"step": [0, 1, 10], "p_only_gradient_share": 0.1})]
    theory[0]["p_only_gradient_share_now"] = [0.5, 0.2, 0.3]
    areas = data.table(figures.gradient_shares({"L-S": theory, "S": theory}))
    areas = areas[(areas.panel == "L-S") & (areas.kind == "band")]
    assert areas.low.tolist() == [0, 0, 0.2, 0.3]
    assert areas.high.tolist() == [0.2, 0.3, 1, 1]


def test_the_legend_of_areas_has_no_arms_colour():
    seeds = [pd.DataFrame({"epoch": [1, 2], **{f"share_{kind}": 0.3 for kind in inside.KINDS}})]
    drawn = figures.shares_by_kind({"large": seeds, "small": seeds}, 2)
    [legend] = drawn.legends
    dark, light, hatched = legend.get_patches()
    grey = to_rgb(style.NEUTRAL)
    for area in (dark, light):
        assert to_rgba(area.get_facecolor())[:3] == pytest.approx(grey)
    assert to_rgba(dark.get_facecolor())[3] > to_rgba(light.get_facecolor())[3]
    assert hatched.get_hatch()
    assert to_rgba(hatched.get_edgecolor())[:3] == pytest.approx(grey)
    panel = drawn.axes[0].collections[0]
    assert to_rgba(panel.get_facecolor()[0])[:3] == pytest.approx(to_rgb(style.arm_color("large")))


def test_rays_on_which_the_memoriser_is_the_same_share_a_line():
    a, rho = np.array([0.1, 0.2, 0.4, 0.5]), 0.2
    middle, outer = np.full(4, rho), rho - a
    [axes] = figures.memoriser_by_length(a, middle, np.stack([outer, outer]), rho).axes
    solid = [line for line in axes.lines if not line.get_label().startswith("_")]
    assert [line.get_label() for line in solid] == ["$z$ ($y = +1$)", "$z \\pm \\zeta$ ($y = -1$)"]
    np.testing.assert_array_equal(solid[1].get_ydata(), [np.nan, np.nan, *outer[2:]])
    named = [text.get_text() for text in axes.texts]
    assert named[:2] == [line.get_label() for line in solid]
    for text, line in zip(axes.texts, (middle, outer), strict=False):
        assert line[a == text.xy[0]] == text.xy[1]  # beside the line

    [axes] = figures.memoriser_by_length(a, middle, np.stack([outer, 2 * outer]), rho).axes
    solid = [line for line in axes.lines if not line.get_label().startswith("_")]
    assert len(solid) == 3
    assert len({(line.get_color(), line.get_linestyle()) for line in solid}) == 3
