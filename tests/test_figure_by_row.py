"""Gaps in rows, with their intervals: the figure of What stands, its data, and its description."""

import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from made_runs import record
from scipy.stats import ttest_1samp

from lrbook import book, figures, stands
from lrbook.figures import data

mpl.use("Agg")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_the_figure_has_the_gaps_of_the_records():
    groups = stands.by_size()
    found = data.table(figures.means_by_row(stands.patchs_parts(groups), "points"))
    found = found[found.kind != "mark"]
    assert stands.images_words(groups) == "CIFAR-10 (JPEG copy)"
    longer, images = "what-if-laptop-longer", "what-if-laptop-images"
    drops = "small-drops-laptop"
    names = ["patch-laptop", drops, longer, f"{images}-short", images, "patch-paper"]
    epochs = [24, 24, 60, 10, 24, 60]
    below = {}
    for (row, (runs, control)), name, length in zip(groups.items(), names, epochs, strict=True):
        assert {run.config["epochs"] for run in (*runs, *control)} == {length}, name
        small = {r.config["eta2"] for r in (*runs, *control) if r.config["arm"] == "small"}
        assert (small == {0.0008}) == (name == drops)  # at the end
        arms = [book.values(each, "clean") for each in (runs, control)]
        whole, bare = (np.subtract(each["large"], each["small"]) for each in arms)
        for series, values in (
            ("large minus small", whole),
            ("the patch's part of it", whole - bare),
        ):
            points = found[(found.series == series) & (found.y == f"{row} ({len(whole)} seeds)")]
            if len(values) == 2:
                assert points.points.tolist() == pytest.approx(values.tolist())
                continue
            [shown] = points.itertuples()
            assert shown.points == pytest.approx(values.mean())
            assert (shown.low, shown.high) == pytest.approx(
                ttest_1samp(values, 0).confidence_interval()
            )
        below[row] = whole - 2 * bare  # the part, less the rest of the gap
    small, both, longer, steps, long, full = below.values()
    # As the picture's description says
    assert ttest_1samp(small, 0).confidence_interval().high < 0
    assert abs(both.mean()) < 1  # "the part about half of it", of five and a half points
    assert -2 < longer.mean() < -1  # "somewhat less than half" of eleven points
    assert 0 < steps.mean() < 2  # "somewhat more than half" of nine points, by the mean
    assert ttest_1samp(steps, 0).confidence_interval().low < 0
    low, high = ttest_1samp(long, 0).confidence_interval()
    assert low < 0 < high
    assert (full > 0).all()
    wide = found[found.y.str.startswith("all images, as many epochs")]
    assert (wide.low < 0).all()
    assert (wide.high > 5).all()
    assert (wide.points < 4).all()


def test_single_seeds_are_hollow_and_horizontal_intervals_are_read():
    rows = {"many": {"gap": [1.0, 2.0, 3.0]}, "one": {"gap": [4.0]}}
    figure = figures.means_by_row(rows, "points")
    found = pd.read_csv(io.StringIO(data.csv(figure)))
    [mean] = found[found.kind == "interval"].itertuples()
    low, high = ttest_1samp([1, 2, 3], 0).confidence_interval()
    assert (mean.points, mean.low, mean.high) == pytest.approx((2, low, high), rel=1e-4)
    assert mean.y == "many (3 seeds)"
    [one] = found[found.kind == "points"].itertuples()
    assert (one.points, one.y, one.series) == (4, "one (1 seed)", "gap")
    [hollow] = [line for line in figure.axes[0].lines
                if line.get_markerfacecolor() == "none" and len(line.get_xdata())]  # fmt: skip
    assert hollow.get_xdata().tolist() == [4]


def test_only_seeds_with_all_four_runs_count():
    runs = [
        record(arm, seed, clean=c) for arm, c in (("large", 9.0), ("small", 4.0)) for seed in (0, 1)
    ]
    control = [record("large", 1, clean=7.0), record("small", 1, clean=5.0)]
    assert stands.patchs_parts({"a": (runs, control)}) == {
        "a": {"large minus small": [5.0], "the patch's part of it": [3.0]}
    }
