"""Two seeds have no mean: where figures show areas or shades, each seed has a panel."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from lrbook import figures
from lrbook.figures import data

mpl.use("Agg")


def shares(count):
    """Shares by kind of ``count`` seeds, each of its own height."""
    made = []
    for image in np.linspace(0.2, 0.4, count):
        named = {"share_image": image, "share_both": 0.5, "share_patch": 0.5 - image}
        made.append(pd.DataFrame({"epoch": [1, 2], **named}))
    return made


def theory(count):
    return [
        pd.DataFrame(
            {"step": [0, 1, 10], "p_only_gradient_share": 0.1, "p_only_gradient_share_now": now}
        )
        for now in np.linspace(0.2, 0.4, count)
    ]


def read(count):
    names = [f"reads_{what}_{place}" for what in ("image", "patch") for place in range(3)]
    return [
        pd.DataFrame({"epoch": [1, 2], **dict.fromkeys(names, 100 * level)})
        for level in np.linspace(0.2, 0.4, count)
    ]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize(
    ("draw", "made"),
    [(lambda h: figures.shares_by_kind(h, 2), shares), (figures.gradient_shares, theory)],
)
def test_areas_of_two_seeds_are_both_shown(draw, made, count):
    table = data.table(draw({"large": made(count), "small": made(3)}))
    first = table[(table.kind == "band") & (table.low == 0)].groupby("panel", sort=False).high.max()
    shown = {1: {"large": 0.2}, 2: {"large, run 1": 0.2, "large, run 2": 0.4}, 3: {"large": 0.3}}
    assert first.to_dict() == pytest.approx(shown[count] | {"small": 0.3})


@pytest.mark.parametrize("count", [1, 2, 3])
def test_readings_of_two_seeds_are_both_shown(count):
    drawn = figures.readings({"large": read(count), "small": read(3)}, 2)
    found = {
        axes.get_title(): axes.images[0].get_array().max()
        for axes in drawn.axes
        if axes.images and axes.get_title()
    }
    shown = {1: {"large": 20}, 2: {"large, run 1": 20, "large, run 2": 40}, 3: {"large": 30}}
    levels = shown[count] | {"small": 30}
    assert found == pytest.approx(
        {f"{t}: {w}": v for t, v in levels.items() for w in ("image", "patch")}
    )
