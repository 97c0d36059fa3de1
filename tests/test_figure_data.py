"""The table of a figure holds the numbers that were given to it, and nothing else."""

import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from lrbook import figures
from lrbook.figures import artists, data, labels
from lrbook.toy.config import ToyConfig
from lrbook.toy.profile_along import Film

mpl.use("Agg")

RNG = np.random.default_rng(5)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def read(figure):
    """The CSV, read back as anybody would."""
    return pd.read_csv(io.StringIO(data.csv(figure)))


def history(epochs=5):
    columns = {name: RNG.uniform(10, 90, epochs) for name in figures.PATCH_PANELS}
    return pd.DataFrame({"epoch": np.arange(1, epochs + 1)} | columns)


def test_lines_and_bands_of_arms_are_the_histories():
    given = {"large": [history(), history(), history()], "small": [history()]}
    found = read(figures.patch_learning(given, drop=3))
    assert list(found) == ["panel", "series", "kind", "epoch", "accuracy (%)", "low", "high"]
    for column, title in figures.PATCH_PANELS.items():
        here = found[found.panel == title]
        for arm, seeds in given.items():
            rows = np.stack([h[column] for h in seeds])
            line = here[(here.series == arm) & (here.kind == "line")]
            assert line.epoch.tolist() == [1, 2, 3, 4, 5]
            assert line["accuracy (%)"].to_numpy() == pytest.approx(rows.mean(0), rel=1e-5)
            band = here[(here.series == arm) & (here.kind == "band")]
            assert len(band) == (5 if len(seeds) > 1 else 0)
            if len(seeds) > 1:
                assert band.epoch.tolist() == [1, 2, 3, 4, 5]
                assert band.low.to_numpy() == pytest.approx(rows.min(0), rel=1e-5)
                assert band.high.to_numpy() == pytest.approx(rows.max(0), rel=1e-5)
        marks = here[here.kind == "mark"]
        assert marks.epoch.dropna().tolist() == [2.5]
    assert found[found.kind == "mark"]["accuracy (%)"].dropna().tolist() == [figures.CHANCE]


def test_maps_have_a_row_per_cell_with_the_settings_themselves():
    cells = pd.DataFrame(
        RNG.uniform(-1, 1, (3, 4)), index=[0.05, 0.1, 0.3], columns=[0.1, 0.2, 0.35, 0.7]
    )
    cells.iloc[1, 2] = np.nan
    maps = {"L-S": cells.abs(), "S minus L-S": cells}
    figure = figures.phase_map(maps, xlabel=r"$\eta_1$", ylabel="$r$", difference="S minus L-S")
    found = read(figure)
    assert list(found) == ["panel", "kind", "eta_1", "r", "value"]
    assert len(found) == 24
    for title, wanted in maps.items():
        wide = found[found.panel == title].pivot(index="r", columns="eta_1", values="value")
        assert wide.index.tolist() == wanted.index.tolist()
        assert wide.columns.tolist() == wanted.columns.tolist()
        np.testing.assert_allclose(wide.to_numpy(), wanted.to_numpy(), rtol=1e-5)


def test_dots_carry_their_group_instead_of_a_place():
    values = {"with": {"large": [1.0, 3.0], "small": [5.0, 6.5]}, "without": {"large": [2.0]}}
    found = read(figures.dots_by_arm(values, "accuracy (%)"))
    dots = found[found.kind == "points"]
    assert list(zip(dots.x, dots.series, dots["accuracy (%)"], strict=True)) == [
        ("with", "large", 1), ("with", "large", 3), ("with", "small", 5), ("with", "small", 6.5),
        ("without", "large", 2),
    ]  # fmt: skip
    assert found[found.kind == "bar"]["accuracy (%)"].tolist() == [2.0, 5.75, 2.0]

    found = read(figures.gap_rows(values, "accuracy", marks={"limit": 4.0}))
    dots = found[found.kind == "points"]
    assert dots.accuracy.tolist() == [1, 3, 5, 6.5, 2]
    assert dots.y.tolist() == ["with"] * 4 + ["without"]
    assert dots.series.tolist() == ["large", "large", "small", "small", "large"]
    [mark] = found[found.kind == "mark"].itertuples()
    assert (mark.series, mark.accuracy) == ("limit", 4)


def test_intervals_are_read_from_error_bars_where_they_belong():
    rows = [
        {"d": d, "ratio": ratio, "logistic": RNG.uniform(0.1, 0.4), "averaging": 0.3}
        for d in (50, 100)
        for ratio in (0.5, 2.0)
        for _ in range(4)
    ]
    measured = pd.DataFrame(rows)
    figure = figures.linear_errors(measured, ([0.5, 2.0], [0.4, 0.2]), {"half": 0.5})
    found = read(figure)
    here = found[found.series == "logistic regression, d = 100"]
    assert here["N / d"].tolist() == [0.5, 2.0]  # not where it was drawn, a little to the right
    groups = measured[measured.d == 100].groupby("ratio").logistic
    assert here["test error on P"].to_numpy() == pytest.approx(groups.mean().to_numpy(), rel=1e-5)
    half = 3.182446 * groups.std().to_numpy() / 2  # Student's t with 3 degrees of freedom
    assert (here.high - here["test error on P"]).to_numpy() == pytest.approx(half, rel=1e-3)
    closed = found[found.series == "averaging rule, closed form"]
    assert closed["test error on P"].tolist() == [0.4, 0.2]
    assert found[found.kind == "mark"].series.tolist() == ["half"]
    bottom, top = figure.axes[0].get_ylim()
    assert bottom < found.low.min()
    assert found.high.max() < top


def test_one_seed_has_a_dot_and_no_interval():
    """An interval of no length would say that the value is known exactly."""
    wide = {"d": 50, "ratio": [0.5, 2.0], "logistic": [0.02, 0.1], "averaging": 0.3}
    end = {"arm": "S", "tau0_w": [0.1, 0.5], "p_only_accuracy": 0.8, "p_only_train_loss": 0.3}
    closed = [1, 2], [0.5, 0.75]
    drawn = [
        figures.linear_errors(pd.DataFrame(wide), closed, {}),
        figures.trap(pd.DataFrame(end | {"end_accuracy": [0.6, 0.7]})),
        figures.few_examples(pd.DataFrame({"k": [1, 2], "shown": 0.0, "accuracy": 0.5}), closed),
    ]
    for figure, dots in zip(drawn, (4, 6, 4), strict=True):
        found = read(figure)
        assert (found.kind == "interval").sum() == dots
        assert {"low", "high"}.isdisjoint(found.columns)
        figure.canvas.draw()
    logistic = read(drawn[0]).query("series == 'logistic regression, d = 50'")
    assert logistic["test error on P"].tolist() == [0.02, 0.1]
    bottom, top = drawn[0].axes[0].get_ylim()
    assert bottom < 0.02 < 0.75 < top  # the axes reach as far as the dots


def test_a_seed_without_a_value_leaves_the_others_their_point():
    """Three examples of one label have no logistic regression; another seed's may have one."""
    rows = {"d": 4, "ratio": [0.5] * 3 + [2.0] * 3, "averaging": 0.3}
    measured = pd.DataFrame(rows | {"logistic": [0.2, np.nan, 0.3, np.nan, 0.1, np.nan]})
    found = read(figures.linear_errors(measured, ([0.5, 2.0], [0.4, 0.2]), {}))
    here = found[found.series == "logistic regression, d = 4"]
    assert here["N / d"].tolist() == [0.5, 2.0]
    assert here["test error on P"].tolist() == pytest.approx([0.25, 0.1])
    high = 0.25 + 12.7062 * 0.05  # Student's t with 1 degree of freedom times the standard error
    assert here.high.tolist() == pytest.approx([high, np.nan], rel=1e-4, nan_ok=True)


def test_an_arm_that_never_gets_to_the_matched_loss_has_its_end_only():
    table = pd.DataFrame(
        {
            "arm": ["L-S", "L-S", "S", "S"],
            "tau0_w": [0.1, 0.5] * 2,
            "p_only_accuracy": [0.8, 0.9, np.nan, np.nan],
            "p_only_train_loss": [0.3, 0.2, np.nan, np.nan],
            "end_accuracy": [0.9, 0.9, 0.85, 0.8],
        }
    )
    found = read(figures.trap(table))
    drawn = found[(found.series == "S") & (found.kind == "interval")].dropna(subset=["y"])
    assert drawn.y.tolist() == [0.85, 0.8]
    assert set(drawn.panel) == {"At the end of the run: P-only test accuracy"}


def test_histograms_have_edges_and_densities():
    groups = {"one": RNG.normal(0, 1, 500), "two": RNG.normal(2, 1, 500)}
    found = read(figures.histograms(groups, "length", mark=0.0))
    bins = np.histogram_bin_edges(np.concatenate(list(groups.values())), 60)
    for label, values in groups.items():
        here = found[found.series == label]
        density, _ = np.histogram(values, bins, density=True)
        assert here.density.to_numpy() == pytest.approx(density, rel=1e-4)
        assert here.length.to_numpy() == pytest.approx(bins[:-1], abs=1e-4)


def test_large_images_are_thinned_and_not_averaged():
    psi = np.linspace(-np.pi / 2, np.pi / 2, 121)
    [config] = ToyConfig.expand("demo", seeds=[0], arms=["S"])
    values, V = RNG.normal(0, 5, (3, 121)), np.zeros((3, 2, 4))
    film = Film(config, np.arange(3), np.full(3, 0.1), psi, values, np.zeros((3, 4), bool), V)
    figure = figures.stills({"S": film}, [0, 1], 8.0)
    found = read(figure)
    for axes, (_, here) in zip(figure.axes, found.groupby("panel", sort=False), strict=False):
        assert len(here) <= 1.2 * artists.MOST_CELLS
        shown = axes.images[0].get_array().filled()
        every = shown[::5, ::5].ravel()
        assert here.value.to_numpy() == pytest.approx(every, rel=1e-5)
    assert set(found.kind) == {"cell, one of 5 x 5"}  # the rays on them are drawn, not measured


def test_pictures_and_drawings_without_numbers_have_no_table():
    assert data.csv(figures.image_grid(np.zeros((3, 8, 8, 3)), ["a", "b", "c"])) == ""
    assert data.csv(figures.three_directions(0.15)) == ""
    assert data.csv(figures.two_halves()) == ""


def test_places_of_a_linear_reader_are_named_in_both_columns():
    names = [f"reads_{what}_{at}" for what in ("image", "patch") for at in (0, 1)]
    seed = pd.DataFrame({"epoch": [1, 2, 3]} | {name: RNG.uniform(0, 100, 3) for name in names})
    found = read(figures.readings({"large": [seed]}, 2))
    cells = found[found.kind == "cell"]
    for what in ("image", "patch"):
        here = cells[cells.panel == f"large: {what}"]
        for place, name in enumerate(("block 1", "head")):
            row = here[here.y == name].sort_values("epoch")
            assert row.epoch.tolist() == [1, 2, 3]
            assert row.value.to_numpy() == pytest.approx(seed[f"reads_{what}_{place}"], rel=1e-5)


def test_panels_are_told_apart():
    rows = [
        {"arm": "S", "tau0_w": t, "p_only_accuracy": 0.8, "p_only_train_loss": 0.3}
        | {"end_accuracy": RNG.uniform(0.5, 1)}
        for t in (0.1, 0.5)
        for _ in range(3)
    ]
    found = read(figures.trap(pd.DataFrame(rows)))
    assert list(found.panel.unique()) == [
        "At matched training loss: P-only test accuracy",
        "At matched training loss: P-only train loss",
        "At the end of the run: P-only test accuracy",
    ]
    figure, axes = figures.base.new_figure(1, 2)
    axes[0].plot([1, 2])
    axes[1].plot([3, 4])
    assert list(read(figure).panel.unique()) == [1, 2]


def test_names_lose_their_tex_and_remarks():
    assert labels.plain(r"$\eta_1$") == "eta_1"
    assert labels.plain("epoch (grey line: the rate drops)") == "epoch"
    assert labels.plain(r"$s\,N_V(z + t\zeta)$") == "s N_V(z + t zeta)"
    assert labels.plain("accuracy (%)") == "accuracy (%)"
    figure = figures.by_epoch({"large": [history()]}, {"clean": "New"}, [2])
    assert data.file_name(figure) == "accuracy-by-epoch.csv"


def test_a_band_belongs_to_its_line_where_an_arm_has_several_in_a_panel():
    columns = ("p_only_accuracy", "p_only_train_loss", "both_loss", "p_only_gradient_share_now")
    steps = {"step": [1, 10, 100], "rate": [0.3] * 3}
    seeds = [pd.DataFrame(steps | {c: RNG.uniform(0.1, 1, 3) for c in columns}) for _ in range(3)]
    found = read(figures.learning_order({"S": seeds}, {}))
    losses = found[found.panel.str.startswith("Training examples")]
    for series, column in (("S, P alone", "p_only_train_loss"), ("S, both patterns", "both_loss")):
        rows = np.stack([h[column] for h in seeds])
        band = losses[(losses.series == series) & (losses.kind == "band")]
        assert len(band) == 3
        assert band.low.to_numpy() == pytest.approx(rows.min(0), rel=1e-5)
        assert band.high.to_numpy() == pytest.approx(rows.max(0), rel=1e-5)


def test_runs_that_are_drawn_one_by_one_are_series_of_their_own():
    given = {"large": [history(), history()], "small": [history()]}
    found = read(figures.patch_learning(given, drop=3))
    here = found[(found.panel == figures.PATCH_PANELS["clean"]) & (found.kind == "line")]
    for number, seed in enumerate(given["large"], start=1):
        run = here[here.series == f"large, run {number}"]
        assert run.epoch.tolist() == [1, 2, 3, 4, 5]
        assert run["accuracy (%)"].to_numpy() == pytest.approx(seed.clean.to_numpy(), rel=1e-5)
    assert set(here.series) == {"large, run 1", "large, run 2", "small"}
    assert "band" not in set(found.kind)


def test_one_seed_over_a_sweep_has_no_band():
    lines = {"S": {"x": [1.0, 2.0], "y": [[0.5, 0.6]]}}
    found = read(figures.small_lines(lines, xlabel="noise", ylabel="accuracy"))
    assert found.accuracy.tolist() == [0.5, 0.6]
    assert set(found.kind) == {"line"}
    assert {"low", "high"}.isdisjoint(found.columns)


def test_no_error_is_told_apart_from_one():
    rows = {"d": 50, "ratio": [0.5] * 2 + [4.0] * 2, "averaging": [0.1, 0.1, 0.01, 0.01]}
    measured = pd.DataFrame(rows | {"logistic": [0.2, 0.2, 0.0, 0.0]})
    found = read(figures.linear_errors(measured, ([0.5, 4.0], [0.1, 0.01]), {}, 1e-4))
    [row] = found[found.series.str.contains("none wrong")].itertuples()
    assert row.series == "logistic regression, d = 50, none wrong (drawn at one error)"
    assert row._4 == 4.0
    assert not {"run: ", "_band"} & set(found.series)


def test_a_line_has_no_row_where_it_has_a_gap():
    figure, axes = figures.base.new_figure()
    axes.plot([1, 2, 3], [5.0, np.nan, 7.0])
    assert read(figure)[["x", "y"]].values.tolist() == [[1, 5], [3, 7]]


@pytest.mark.parametrize("extent", [None, (0, 2, 0, 2), (0.5, 2.5, 2.5, 0.5)])
@pytest.mark.parametrize("origin", ["upper", "lower"])
def test_cells_are_where_they_are_seen(origin, extent):
    figure, axes = figures.base.new_figure()
    axes.imshow([[1.0, 2.0], [3.0, 4.0]], origin=origin, extent=extent)
    cells = read(figure).set_index("value")
    seen = {n: axes.transData.transform(cells.loc[n, ["x", "y"]]) for n in (1, 2, 3)}
    assert seen[1][0] < seen[2][0]
    assert (seen[1][1] > seen[3][1]) == (origin == "upper")
