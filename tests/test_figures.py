"""Figures draw what they are given: lines, colours and labels are read back from matplotlib."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from made_runs import patch_history

from lrbook import figures, style
from lrbook.figures import data
from lrbook.figures.base import aligned

mpl.use("Agg")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_lines_are_means_and_bands_are_ranges():
    large = [patch_history(0), patch_history(4), patch_history(2)]
    histories = {"large": large, "small": [patch_history(1)]}
    figure = figures.patch_learning(histories, drop=3)
    alone, clean, mixed = figure.axes
    assert mixed.lines[0].get_ydata().tolist() == [72] * 5
    large, small = clean.lines[:2]
    assert large.get_ydata().tolist() == [53, 54, 55, 56, 57]
    assert small.get_ydata().tolist() == [52, 53, 54, 55, 56]
    assert large.get_color() == style.ARM_COLORS["large"]
    assert large.get_linestyle() != small.get_linestyle()
    [band] = clean.collections  # only the arm with several seeds has one
    assert band.get_datalim(clean.transData).y0 == 51
    assert band.get_datalim(clean.transData).y1 == 59
    drop = [line for line in clean.lines if len(set(line.get_xdata())) == 1]
    assert drop[0].get_xdata()[0] == 2.5
    assert any(line.get_ydata()[0] == figures.CHANCE for line in alone.lines[2:])
    assert alone.get_ylim() == mixed.get_ylim() == (0, 102)
    low, high = clean.get_ylim()
    assert 40 < low < 51
    assert 59 < high < 70


def toy_history(arm, offset=0.0):
    steps = np.array([0, 1, 10, 100])
    rate = [0.3, 0.3, 0.3, 0.01] if arm == "L-S" else [0.01] * 4
    columns = ("p_only_accuracy", "p_only_train_loss", "both_loss", "p_only_gradient_share_now")
    return pd.DataFrame({"step": steps, "rate": rate, **{name: 0.5 + offset for name in columns}})


def test_learning_order_marks_limits_and_the_annealing_step():
    histories = {arm: [toy_history(arm, more) for more in (0, 0.1, 0.05)] for arm in ("L-S", "S")}
    figure = figures.learning_order(histories, {"few": 0.78, "all": 0.98})
    accuracy, losses, share = figure.axes
    heights = [line.get_ydata()[0] for line in accuracy.lines]
    assert {0.78, 0.98} <= set(heights)
    assert pytest.approx(0.55) in heights
    for axes in (accuracy, losses, share):
        vertical = [line.get_xdata()[0] for line in axes.lines if len(set(line.get_xdata())) == 1]
        assert vertical == [100]
    labels = [text.get_text() for text in losses.get_legend().get_texts()]
    assert labels == ["L-S, P alone", "L-S, both patterns", "S, P alone", "S, both patterns"]


def test_dots_show_every_seed_and_the_mean():
    values = {"with": {"large": [1.0, 3.0], "small": [5.0, 6.0]}}
    axes = figures.dots_by_arm(values, "accuracy").axes[0]
    assert [line.get_ydata().tolist() for line in axes.lines] == [[1.0, 3.0], [5.0, 6.0]]
    assert [c.get_segments()[0][0][1] for c in axes.collections] == [2.0, 5.5]


def test_the_bar_is_at_the_mean_and_not_in_the_middle_of_the_seeds():
    values = [0.0, 0.0, 9.0]
    for figure, axis in (
        (figures.dots_by_arm({"group": {"large": values}}, "y"), "y"),
        (figures.dots_by_group({"group": values}, "x"), "x"),
    ):
        drawn = data.table(figure)
        assert drawn[drawn.kind == "bar"][axis].tolist() == [3.0]


def test_a_line_in_a_row_stands_before_the_first_epoch_at_the_lower_rate():
    learned = {"base": {"large": [5], "small": [3]}, "by and by": {"large": [6]}}
    [axes] = figures.order_rows(learned, {"base": 4, "by and by": None}, epochs=8).axes
    segments = [line for drawn in axes.collections for line in drawn.get_segments()]
    assert [x for (x, _), _ in segments] == [3.5]


def test_an_arm_that_the_first_group_lacks_has_a_name_too():
    values = {"toy": {"L-S": [0.9]}, "toy 2": {"L-S": [0.8], "S": [0.7]}}
    [legend] = figures.dots_by_arm(values, "accuracy").legends
    assert [text.get_text() for text in legend.get_texts()] == ["L-S", "S"]


def test_every_dimension_is_drawn():
    rows = [
        {"d": d, "ratio": ratio, "logistic": 0.1, "averaging": 0.2}
        for d in range(10, 80, 10)
        for ratio in (0.5, 2.0)
    ]
    figure = figures.linear_errors(pd.DataFrame(rows), ([0.5, 2.0], [0.4, 0.2]), {})
    names = [c.get_label() for c in figure.axes[0].containers]
    assert sum(name.startswith("averaging rule, $d$") for name in names) == 7
    assert sum(name.startswith("logistic regression, $d$") for name in names) == 7


def test_every_figure_is_transparent():
    drawn = [
        figures.three_directions(0.15),
        figures.two_halves(),
        figures.histograms({"a": np.arange(9.0), "b": np.arange(9.0)}, "x", mark=0.0),
        figures.curve_with_bounds([1, 2], {"a": ([1, 2], None)}, xlabel="x", ylabel="y"),
        figures.image_grid(np.zeros((3, 8, 8, 3)), ["a", "b", "c"]),
        figures.by_step({"S": [toy_history("S")]}, {"both_loss": "loss"}, yscale="log"),
    ]
    for figure in drawn:
        assert figure.get_facecolor()[3] == 0
        assert figure.axes[0].get_facecolor()[3] == 0
        figure.canvas.draw()  # layout and text work out without a warning


def test_sweep_figures_show_every_seed_and_the_geometric_mean():
    x, y = np.array([1.0, 2.0, 4.0]), np.array([[1.0, 4.0, 16.0], [1.0, 1.0, 1.0]])
    figure = figures.against(
        {"L-S": (x, y)}, xlabel="x", ylabel="y", guides={"slope 1": ("L-S", 1.0)}
    )
    mean, *seeds, guide = figure.axes[0].lines
    np.testing.assert_allclose(mean.get_ydata(), [1, 2, 4])
    np.testing.assert_allclose([line.get_ydata() for line in seeds], y)
    np.testing.assert_allclose(guide.get_ydata(), [1, 2, 4])  # ends at the last mean
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["1", "2", "4"]
    figure.canvas.draw()
    [legend] = figure.legends  # above the axes, for lines that fall leave it no corner
    assert legend.get_window_extent().y0 >= figure.axes[0].get_window_extent().y1

    three = np.vstack([y, y + 1])[:3]
    lines = {"S": {"x": x, "y": three}, "S+noise": {"x": x, "y": three}}
    axes = figures.small_lines(lines, xlabel="x", ylabel="y", limits={"limit": 3.0}).axes[0]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), three.mean(0))
    assert [line.get_color() for line in axes.lines[:2]] == [
        style.ARM_COLORS["S"],
        style.ARM_COLORS["S+noise"],
    ]


def test_what_is_no_arm_has_no_arms_colour_and_maps_keep_their_own_values():
    x, y = np.array([1.0, 2.0]), np.ones((2, 2))
    figure = figures.against({"a": (x, y), "b": (x, y)}, xlabel="x", ylabel="y")
    colors = {line.get_color() for line in figure.axes[0].lines}
    assert colors == set(style.OTHER_COLORS[:2])

    small, wide = (
        pd.DataFrame(np.ones((1, len(names))), index=[1.0], columns=names)
        for names in ([0.05, 0.1, 0.7], [0.05, 0.1, 0.2, 0.7])
    )
    axes = figures.phase_map({"one": small, "two": wide}, xlabel="x", ylabel="y").axes
    labels = [[label.get_text() for label in panel.get_xticklabels()] for panel in axes]
    assert labels == [["0.05", "0.1", "0.7"], ["0.05", "0.1", "0.2", "0.7"]]
    cells = small * [0.25, -0.5, np.nan]
    maps = {"one": cells.abs(), "change": cells}
    axes = figures.phase_map(maps, xlabel="x", ylabel="y", difference="change").axes
    numbers = [[text.get_text() for text in panel.texts] for panel in axes]
    assert numbers == [["0.25", "0.50", "×"], ["+0.25", "−0.50", "×"]]


def test_groups_are_rows_from_the_top():
    axes = figures.dots_by_group({"L-S": [0.9, 0.8], "other": [0.5]}, "accuracy").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["L-S", "other"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]
    assert axes.lines[0].get_xdata().tolist() == [0.9, 0.8]
    assert axes.lines[0].get_color() == style.ARM_COLORS["L-S"]


def test_kinds_blocks_and_wrong_patches_are_drawn_from_the_columns():
    """Each panel shows the mean over seeds of its own column; heat maps have a row per place."""
    epochs = pd.DataFrame({"epoch": [1, 2, 3]})
    columns = ["clean", "wrong_patch", "wrong_patch_followed"]
    columns += [f"fitted_{kind}" for kind in ("image", "both", "patch")]
    reads = ("image", "patch", "covered", "clean")
    columns += [f"reads_{what}_{at}" for what in reads for at in (0, 1)]
    seeds = [
        epochs.assign(**{name: [10.0 * i + s, 50, 90] for i, name in enumerate(columns)})
        for s in (0, 2, 1)
    ]
    histories = {"large": seeds, "small": seeds}

    kinds = figures.by_kind(histories, 2, "fitted", "%")
    for axes, first in zip(kinds.axes, (31, 41, 51), strict=True):
        assert axes.lines[0].get_ydata().tolist() == [first, 50, 90]
        assert axes.lines[2].get_xdata()[0] == 1.5  # the drop

    maps = figures.readings(histories, 2)
    image, patch = (axes.images[0].get_array() for axes in maps.axes[:2])
    assert image.shape == (2, 3)
    assert image[:, 0].tolist() == [61, 71]
    assert patch[:, 0].tolist() == [81, 91]

    lies = figures.beside_wrong_patch(histories, 2)
    assert [line.get_ydata()[0] for line in lies.axes[1].lines[:3]] == [1, 11, 21]

    heads = figures.readings_at_the_head(histories, 2)
    assert [line.get_ydata()[0] for line in heads.axes[1].lines[:3]] == [131, 111, 71]


def test_columns_by_epoch_with_every_drop():
    history = pd.DataFrame(
        {"epoch": [1, 2, 3], "clean": [1.0, 2, 3], "train_accuracy": [4.0, 5, 6]}
    )
    titles = {"train_accuracy": "Training", "clean": "New images"}
    figure = figures.by_epoch({"large": [history], "small": [history]}, titles, [2, 3])
    first, second = figure.axes
    assert first.get_title() == "Training"
    assert [line.get_ydata().tolist() for line in second.lines[:2]] == [[1, 2, 3]] * 2
    assert [line.get_xdata()[0] for line in second.lines[2:]] == [1.5, 2.5]


def test_a_figure_names_its_images():
    history = pd.DataFrame({"epoch": [1, 2], "clean": [1.0, 2]})
    figure = figures.by_epoch({"large": [history]}, {"clean": "New images"}, [2])
    assert figures.sign(figure, "CIFAR-10 (JPEG copy)") is figure
    assert "CIFAR-10 (JPEG copy)" in [text.get_text() for text in figure.texts]


def test_seeds_that_were_measured_at_unlike_steps_keep_their_rows():
    """Straight in log(1 + x), so interpolation is exact here; no seed is drawn beyond its end."""
    histories = [
        pd.DataFrame({"step": steps, "y": slope * np.log1p(steps)})
        for steps, slope in (([1, 9, 30, 99], 1.0), ([1, 30, 50, 200], 3.0))
    ]
    at, values = aligned(histories, "step", "y")
    assert at.tolist() == [1, 9, 30, 50, 99]
    np.testing.assert_allclose(values, np.outer([1.0, 3.0], np.log1p(at)))


def test_every_step_at_which_a_seed_anneals_is_marked():
    late = toy_history("L-S").assign(rate=[0.3, 0.3, 0.01, 0.01])
    figure = figures.learning_order({"L-S": [toy_history("L-S"), late]}, {})
    lines = [line.get_xdata() for line in figure.axes[2].lines]
    assert sorted(x[0] for x in lines if len(set(x)) == 1) == [10, 100]


def test_of_two_seeds_each_run_is_drawn_and_no_mean():
    histories = {"large": [patch_history(0), patch_history(30)], "small": [patch_history(1)]}
    _, clean, _ = figures.patch_learning(histories, drop=3).axes
    heights = [line.get_ydata()[0] for line in clean.lines[:3]]
    assert heights == [51, 81, 52]  # and not 66, where no run is
    assert len(clean.collections) == 0
    assert {line.get_color() for line in clean.lines[:2]} == {style.ARM_COLORS["large"]}
    assert clean.get_legend_handles_labels()[1] == ["large", "small"]


def test_dashes_mean_the_arm_where_a_panel_shows_two_things_of_each():
    """A print in grey has no other way to tell the arms apart."""
    histories = {arm: [toy_history(arm, more) for more in (0, 0.1, 0.05)] for arm in ("L-S", "S")}
    losses = figures.learning_order(histories, {}).axes[1]
    columns = ("noise_v", "noise_w", "signal_v", "signal_w", "expected_v", "expected_w")
    parts = pd.DataFrame({"step": [1, 10, 100], "kinks_kept": 1.0} | dict.fromkeys(columns, 0.5))
    drawn = figures.signal_and_noise(dict.fromkeys(histories, [parts] * 3), {"v": 1.0, "w": 1.0})
    for axes in (losses, *drawn.axes[:2]):
        for arm in histories:
            lines = [line for line in axes.lines if line.get_label().startswith(f"{arm}, ")]
            assert {line.get_linestyle() for line in lines} == {style.ARM_STYLES[arm]["linestyle"]}
            assert len({line.get_linewidth() for line in lines}) == len(lines) == 2
