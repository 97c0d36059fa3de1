"""The explorer and the replay show the records, and say what is not recorded."""

import dataclasses
import itertools
from collections import Counter

import matplotlib as mpl
import matplotlib.pyplot as plt
import moving_pictures
import numpy as np
import pandas as pd
import pytest
from html_parts import Parts, payload, stands_alone
from moving_pictures import PANELS, START, histories

from lrbook import book, figures, phase, sweeps
from lrbook.figures.explorer import html as explorer
from lrbook.figures.replay import html as replay

mpl.use("Agg")


@pytest.fixture(scope="module")
def settings():
    return moving_pictures.settings()


@pytest.fixture(scope="module")
def maps(settings):
    return explorer(settings, START, moving_pictures.outcomes())


@pytest.fixture(scope="module")
def accuracy():
    return moving_pictures.accuracy()


def test_both_stand_alone(maps, accuracy):
    stands_alone(maps)
    stands_alone(accuracy)
    assert len(maps.encode()) < 400_000
    assert "Images &lt;1&gt;" in accuracy
    assert "Images <1>" not in accuracy


def test_every_recorded_setting_is_in_the_explorer_and_no_other(maps):
    """Against the runs of the sweeps, by their own table of results."""
    data = payload(maps)
    values = [axis["values"] for axis in data["axes"]]
    ends = {}
    for setting in data["settings"]:
        place = tuple(axis[at] for axis, at in zip(values, setting["at"], strict=True))
        for arm in setting["arms"]:
            steps = data["steps"][arm["steps"]]
            mean, low, high = arm["values"][0]
            assert len(steps) == len(mean) == len(low) == len(high)
            ends[(*place, arm["arm"])] = mean[-1], low[-1], high[-1], steps[-1]
    rates, noises, between, rest = (sweeps.recorded(name).runs for name in phase.CUBE)
    lines = [table.assign(r=0.15) for table in (noises, between)]
    runs = pd.concat([rates.assign(noise=1.0), *lines, rest])
    wanted = runs.groupby(["eta1", "r", "noise", "arm"]).p_only_accuracy.agg(["mean", "min", "max"])
    assert set(ends) == set(wanted.index)
    assert set(ends) == set(itertools.product(*values, ("L-S", "S")))  # no combination is missing
    for key, found in ends.items():
        # where both sweeps hold a run they agree to one test example of 4000
        assert found[:3] == pytest.approx(wanted.loc[key].to_numpy(), abs=3e-4)
        assert found[3] == (40_000 if key[-1] == "L-S" else 100_000)


def test_the_curves_of_a_setting_are_its_histories(maps, settings):
    data = payload(maps)
    [found] = [setting for setting in data["settings"] if setting["at"] == data["start"]]
    assert found["anneal"] == 12_000
    for arm, (name, seeds) in zip(found["arms"], settings[START].items(), strict=True):
        assert arm["arm"] == name
        rows = np.stack([h.p_only_accuracy.to_numpy()[1:] for h in seeds])
        assert data["steps"][arm["steps"]] == seeds[0].step.tolist()[1:]
        wanted = np.stack([rows.mean(0), rows.min(0), rows.max(0)])
        assert np.array(arm["values"][0]) == pytest.approx(wanted, abs=6e-5)


def test_the_explorer_judges_as_the_maps_do(maps):
    cube = phase.errors(phase.cube())
    data = payload(maps)
    values = [axis["values"] for axis in data["axes"]]
    for noise in values[2]:
        ties = phase.tie_map(cube[cube.noise == noise], "eta1", "r")
        for setting in data["settings"]:
            eta1, r, here = (axis[at] for axis, at in zip(values, setting["at"], strict=True))
            if here == noise:
                assert setting["won"] != ties.loc[r, eta1]
                assert setting["verdict"].startswith("neither") != setting["won"]
    wins = Counter(s["verdict"] for s in data["settings"] if s["won"])
    counts = phase.outcome_counts(cube, "eta1", "r", "noise")
    assert wins == {"L-S is better": counts["L-S wins"], "S is better": counts["S wins"]}


def test_the_explorer_starts_where_something_is_recorded(settings):
    with pytest.raises(ValueError, match="not among the settings"):
        explorer(settings, (0.3, 0.05, 3.0), {})


def test_the_first_recording_counts_and_unfinished_runs_do_not(settings):
    first, second = phase.recorded("eta1", "r"), phase.recorded("eta1", "noise")
    both = phase.histories(first, second)
    record = first.select(eta1=0.35, r=0.15, arm="S", seed=11)[0]
    assert settings[START]["S"][0].equals(record.history)
    assert both[START]["S"][0].equals(record.history)
    turned = phase.histories(second, first)
    assert list(turned) == list(both)
    broken = type(first)([r for r in first.records if r.config["eta1"] == 0.35])
    broken.records[0] = dataclasses.replace(broken.records[0], status="diverged")
    left = phase.histories(broken)
    assert (
        sum(len(seeds) for arms in left.values() for seeds in arms.values())
        == len(broken.records) - 1
    )


def test_the_replay_holds_means_and_ranges(accuracy):
    data = payload(accuracy)
    given = histories()
    assert data["epoch"] == list(range(1, 13))
    assert data["drops"] == [5]  # the other one is after the end
    assert data["panels"][1]["levels"] == {"chance": 10}
    for arm in data["arms"]:
        for column, found in zip(PANELS, arm["values"], strict=True):
            rows = np.stack([h[column] for h in given[arm["arm"]]])
            wanted = np.stack([rows.mean(0), rows.min(0), rows.max(0)])
            assert np.array(found) == pytest.approx(wanted, abs=0.006)
    for panel in data["panels"]:
        low, high = panel["range"]
        assert low <= 25
        assert high >= 85
    heads = [text for text in Parts(accuracy).texts["th"] if text.strip()]
    assert heads == ["arm", "Images <1>", "Patch"]


def test_few_seeds_are_no_mean():
    given = {"large": histories(seeds=2)["large"], "small": histories(seeds=3)["small"]}
    large, small = payload(replay(given, PANELS, [5]))["arms"]
    assert (large["few"], small["few"]) == (True, False)
    for column, found in zip(PANELS, large["values"], strict=True):
        assert np.array(found) == pytest.approx(
            np.stack([h[column] for h in given["large"]]), abs=0.006
        )
    [one, _] = payload(replay(histories(seeds=1), PANELS, [5]))["arms"]
    assert one["few"]
    assert np.shape(one["values"]) == (len(PANELS), 1, 12)


def test_the_replay_of_the_book_is_from_the_records():
    runs = book.recorded("patch-laptop")
    data = payload(replay(book.histories(runs), {"clean": "Clean"}, [runs[0].config["drop"]]))
    ends = book.values(runs, "clean")
    assert [arm["arm"] for arm in data["arms"]] == list(ends)
    assert data["drops"] == [runs[0].config["drop"]]
    assert data["seeds"] == str(len(ends["large"]))


def test_the_grid_of_curves_draws_the_settings_it_names(settings):
    figure = figures.curve_grid(settings, (0.05, 0.7), (0.05, 0.3))
    top_right = figure.axes[1]
    assert top_right.get_title() == "$\\eta_1$ = 0.7, $r$ = 0.3"
    seeds = settings[0.7, 0.3, 1.0]["L-S"]
    mean = np.mean([h.p_only_accuracy.to_numpy()[1:] for h in seeds], axis=0)
    assert top_right.lines[0].get_ydata() == pytest.approx(mean)
    figure.canvas.draw()
    plt.close("all")
