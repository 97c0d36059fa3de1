"""Marks and edges of figures: annealing, noise that ends, no errors, ties, few neurons."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from lrbook import figures, style
from lrbook.figures import data

mpl.use("Agg")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def steps_history(rates, steps=(0, 1, 10, 100)):
    columns = ("p_only_accuracy", "q_only_loss", "p_only_gradient_share_now")
    return pd.DataFrame({"step": steps, "rate": rates} | dict.fromkeys(columns, 0.5))


def upright(axes):
    return [line.get_xdata()[0] for line in axes.lines if len(set(line.get_xdata())) == 1]


def test_noise_that_outlives_the_run_is_not_marked_as_removed():
    runs = {"S": [steps_history([0.1] * 4)], "S+noise": [steps_history([0.1] * 4)]}
    figure = figures.mitigation(runs, 2_000_000_000)
    assert [upright(axes) for axes in figure.axes] == [[]] * 3
    assert figure.axes[0].get_xlim()[1] < 1000
    assert figure.axes[2].get_xlabel() == "step"
    assert upright(figures.mitigation(runs, 100).axes[0]) == []  # on to the very last step
    figure = figures.mitigation(runs, 10)
    assert [upright(axes) for axes in figure.axes] == [[10]] * 3
    assert figure.axes[2].get_xlabel() == "step (grey line: the noise is removed)"


def test_the_annealing_of_the_large_rate_is_marked_beside_the_removal():
    runs = {"L-S": [steps_history([0.3, 0.3, 0.1, 0.1])], "S+noise": [steps_history([0.1] * 4)]}
    figure = figures.mitigation(runs, 50)
    for axes in figure.axes:
        assert upright(axes) == [50, 10]
        assert axes.lines[-1].get_color() == style.ARM_COLORS["L-S"]
    label = figure.axes[2].get_xlabel()
    assert "grey line: the noise is removed" in label
    assert "thin line: L-S lowers its rate" in label
    figure.canvas.draw()


def errors(logistic, averaging):
    rows = {"d": 50, "ratio": [0.5] * 3 + [4.0] * 3}
    return pd.DataFrame(rows | {"logistic": logistic, "averaging": averaging})


def test_no_error_at_all_is_drawn_hollow_where_one_error_would_be():
    measured = errors([0.2] * 3 + [0.0] * 3, [0.1] * 3 + [0.01] * 3)
    closed = [0.5, 4.0], [0.1, 1e-17]
    axes = figures.linear_errors(measured, closed, {}, 1e-4).axes[0]
    [hollow] = [line for line in axes.lines if line.get_markerfacecolor() == "none" and line.axes
                and len(line.get_xdata())]  # fmt: skip
    assert (hollow.get_xdata().tolist(), hollow.get_ydata().tolist()) == ([4.0], [1e-4])
    assert "hollow: none wrong" in axes.get_legend_handles_labels()[1]
    bottom, top = axes.get_ylim()
    assert 1e-5 < bottom < 1e-4
    assert 0.2 < top < 1
    axes = figures.linear_errors(errors([0.2] * 6, [0.1] * 6), closed, {}, 1e-4).axes[0]
    assert "hollow: none wrong" not in axes.get_legend_handles_labels()[1]


def test_small_differences_and_ties_have_no_full_colour():
    table = pd.DataFrame([[0.01, -0.002, 0.004]], index=[1.0], columns=[1.0, 2.0, 3.0])
    ties = table.abs() < 0.005
    options = {"xlabel": "x", "ylabel": "y", "difference": "gap", "ties": ties}
    axes = figures.phase_map({"gap": table}, **options).axes[0]
    [image] = axes.images
    assert image.get_clim() == (-0.15, 0.15)
    blue = np.array(mpl.colors.to_rgb(style.ARM_COLORS["L-S"]))
    assert np.abs(image.to_rgba(0.01)[:3] - blue).max() > 0.3
    painted = [(patch.get_x(), mpl.colors.to_hex(patch.get_facecolor())) for patch in axes.patches]
    assert painted == [(0.5, style.MIDDLE), (1.5, style.MIDDLE)]
    # what rounds to zero has no sign, least of all a minus
    assert [text.get_text() for text in axes.texts] == ["+0.01", "(0.00)", "(0.00)"]
    wide = figures.phase_map({"gap": table * 20}, **options).axes[0].images[0]
    assert wide.get_clim() == (-0.2, 0.2)


def test_a_colour_is_one_number_in_all_maps_of_errors():
    tables = [pd.DataFrame([[largest, 0.1]], index=[1.0]) for largest in (0.12, 0.24, 0.5)]
    images = [
        figures.phase_map({"error": table}, xlabel="x", ylabel="y").axes[0].images[0]
        for table in tables
    ]
    assert [image.get_clim() for image in images] == [(0, 0.25), (0, 0.25), (0, 0.5)]
    assert images[0].to_rgba(0.1) == images[1].to_rgba(0.1)


def test_runs_without_a_neuron_between_the_rays_leave_the_others_their_curve():
    columns = [f"{kind}_{part}" for kind in ("noise", "signal", "expected") for part in "wv"]
    first = pd.DataFrame({"step": [1, 10]} | dict.fromkeys(columns, 0.5)).assign(kinks_kept=0.75)
    none = first.assign(kinks_kept=np.nan)
    widths = {"v": 1.0, "w": 1.0}
    figure = figures.signal_and_noise({"L-S": [first, none, first, first]}, widths)
    assert figure.axes[2].lines[0].get_ydata().tolist() == [0.75, 0.75]
    figure = figures.signal_and_noise({"L-S": [none], "S": [none]}, widths)
    assert [text.get_text() for text in figure.axes[2].texts] == [
        "no neuron bends there at the start"
    ]


def test_rows_of_few_neurons_have_whole_numbers():
    on = np.array([[True, False], [False, True]])
    axes = figures.on_and_off({"S": {"step 0": on}}, [-1.0, 1.0]).axes[0]
    assert all(tick == round(tick) for tick in axes.get_yticks())


def test_neurons_have_the_same_numbers_in_the_table_as_on_the_axis():
    """The first is at the top, where the axis begins."""
    on = np.array([[True, False], [False, False], [False, True]])
    figure = figures.on_and_off({"S": {"step 0": on}}, [-1.0, 1.0])
    cells = data.table(figure).query("kind == 'cell'").set_index(["neuron of V", "t"]).value
    assert cells[cells == 1].index.tolist() == [(1, -1), (3, 1)]
    bottom, top = figure.axes[0].get_ylim()
    assert bottom > top
