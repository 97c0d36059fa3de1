"""First rates from small to beyond large beside each other, on runs made by hand."""

import dataclasses

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from made_laptop import laptop_run
from matplotlib.colors import to_rgb

from lrbook import figures, how_large, style
from lrbook.sweeps import Sweep

mpl.use("Agg")

SWEEP, NONE = "any sweep", {"carrier_share": 0.0}


def run(arm, seed, clean, learnt=None, **settings):
    columns = {"clean": [0, 1, 2, 6, clean], "patch_only": np.full(5, 10.0 * seed)}
    columns["epoch"] = [9, 10, 11, 12, 13]
    return laptop_run(arm, seed, columns, clean, learnt, **settings)


def arms(small, large, **settings):
    """The base's two arms on seeds 5, 6, ..."""
    pairs = enumerate(zip(small, large, strict=True), 5)
    return [run(*each, **settings) for seed, two in pairs for each in _pair(seed, *two)]


def _pair(seed, small, large):
    return ("small", seed, small, 7), ("large", seed, large, 16)


def between(eta1, clean, learnt, **settings):
    several = enumerate(zip(clean, learnt, strict=True), 5)
    return [run("large", seed, *each, eta1=eta1, **settings) for seed, each in several]


BASE = arms([50, 52, 54, 90], [60, 63, 66, 10])  # the last seed is in no other rate
CONTROL = arms([60, 60, 60, 90], [65, 67, 69, 10], **NONE)
LOW = between(0.1, [55, 55, 58], [9, 13, None])
LOW_ALONE = between(0.1, [63, 62, 64], [None] * 3, **NONE)
HIGH = between(1.0, [61, 62, 63], [None, 20, 21])
HIGH_ALONE = between(1.0, [64, 64, 64], [None] * 3, **NONE)


@pytest.fixture
def recorded(monkeypatch):
    """What is recorded of the sweep, set by hand."""

    def gather(runs, base):
        monkeypatch.setattr("lrbook.sweeps.recorded", lambda name: Sweep(runs))
        return how_large.recorded(SWEEP, base)

    return gather


@pytest.fixture
def both(recorded):
    return recorded([*HIGH, *LOW], BASE), recorded([*HIGH_ALONE, *LOW_ALONE], CONTROL)


def test_rates_are_the_arms_and_those_between_on_the_same_seeds(recorded):
    rates = recorded([*HIGH, *LOW], [*BASE, run("noise", 5, 70)])
    assert list(rates) == [0.02, 0.1, 0.5, 1.0]
    assert rates[0.1] == LOW
    assert [each.config["arm"] for each in rates[0.02]] == ["small"] * 3
    assert [each.result["clean"] for each in rates[0.02]] == [50, 52, 54]
    assert [each.result["clean"] for each in rates[0.5]] == [60, 63, 66]
    assert how_large.ends(rates) == (0.02, 0.5)
    assert list(how_large.named(rates).values()) == ["0.02 (small)", "0.1", "0.5 (large)", "1"]


def test_a_run_that_diverged_is_left_out_and_one_that_is_there_twice_counts_once(recorded):
    lost = dataclasses.replace(LOW[0], status="diverged", result={})
    assert recorded([lost, *LOW[1:]], BASE)[0.1] == LOW[1:]
    assert how_large.by_rate([*LOW, LOW[2], LOW[0]]) == {0.1: LOW}


@pytest.mark.parametrize("other", [{"pattern": 0.3}, {"eta2": 0.01}, NONE, {"drop": 10}])
def test_runs_that_differ_in_more_than_the_first_rate_are_not_set_beside_the_base(recorded, other):
    assert recorded(between(0.1, [55, 55], [None, None], **other), BASE) == {}


def test_what_has_not_been_recorded_has_no_rates(monkeypatch):
    def nothing(name):
        raise LookupError(name)

    monkeypatch.setattr("lrbook.sweeps.recorded", nothing)
    assert how_large.recorded(SWEEP, BASE) == {}
    assert how_large.named({}) == {}


def test_costs_and_leads_are_taken_by_seed(both):
    assert how_large.costs(*both) == {
        0.02: {5: 10, 6: 8, 7: 6},
        0.1: {5: 8, 6: 7, 7: 6},
        0.5: {5: 5, 6: 4, 7: 3},
        1.0: {5: 3, 6: 2, 7: 1},
    }
    with_patch, without = both
    assert how_large.ahead(with_patch)[0.1] == {5: 5, 6: 3, 7: 4}
    assert how_large.ahead(without)[1.0] == {5: 4, 6: 4, 7: 4}
    assert 0.02 not in how_large.ahead(without)
    accuracies = how_large.accuracies(*both)
    assert accuracies["no patch"][0.5] == [65, 67, 69]
    assert accuracies["with the patch"][0.5] == [60, 63, 66]


def test_a_rate_without_runs_that_have_trained_has_no_cost(both):
    with_patch, without = both
    assert list(how_large.costs(with_patch, {0.1: LOW_ALONE})) == [0.1]
    broken = {**without, 1.0: between(1.0, [9.0] * 3, [None] * 3, **NONE)}
    assert list(how_large.costs(with_patch, broken)) == [0.02, 0.1, 0.5]


def test_the_table_has_a_row_for_every_rate(both):
    rows = how_large.table(*both).set_index("first rate, on digits")
    assert list(rows.index) == ["0.02 (small)", "0.1", "0.5 (large)", "1"]
    low = rows.loc["0.1"]
    assert low["patch learnt in"].replace("\N{NO-BREAK SPACE}", " ") == "9 to 13 (2 of 3)"
    assert low["before the drop, no patch (%)"] == "3.0"  # of 1, 2 and 6
    assert low["at the end, no patch (%)"] == "63.0"
    assert low["at the end, with it (%)"] == "56.0"
    half = 4.302653 / np.sqrt(3)  # Student's t for two degrees of freedom, deviation 1
    assert low["the patch costs it"].split() == ["+7.0", "±", f"{half:.1f}"]
    assert low["ahead of small, with it"].split()[0] == "+4.0"
    assert low["ahead of small, no patch"].split()[0] == "+3.0"
    assert rows.loc["0.02 (small)", "ahead of small, no patch"] == "–"
    assert set(rows.seeds) == {3}


def test_a_patch_that_is_learnt_at_the_drop_was_hidden_up_to_it(both):
    said = how_large.hidden_words(both[0])
    assert "0.02 (small) in **0 of 3**" in said
    assert ", 0.1 in **2 of 3**" in said  # in epochs 9, 13 (which is the drop's) and never
    assert "0.5 (large) in **3 of 3**, 1 in **3 of 3**." in said


def test_live_runs_without_a_small_one_have_ends_too():
    rates = how_large.by_rate([*LOW, *HIGH])
    assert how_large.ends(rates) == (0.1, 1.0)
    assert how_large.named(rates) == {0.1: "0.1 (small)", 1.0: "1 (large)"}


@pytest.fixture
def closed():
    yield
    plt.close("all")


def drawn(both):
    rates = both[0]
    return figures.rates_by_epoch(
        how_large.histories(rates),
        how_large.named(rates),
        {"patch_only": "above", "clean": "below"},
        13,
        small=0.02,
        large=0.5,
    )


def test_curves_are_means_between_the_colours_of_the_arms(both, closed):
    above, below = drawn(both).axes
    lines = [line for line in below.lines if not line.get_label().startswith("_")]
    assert [line.get_label() for line in lines] == ["0.02 (small)", "0.1", "0.5 (large)", "1"]
    assert [line.get_ydata()[-1] for line in lines] == [52, 56, 63, 62]
    assert above.lines[0].get_ydata()[0] == 60  # of 50, 60 and 70
    colors = [to_rgb(line.get_color()) for line in lines]
    ends = [to_rgb(style.ARM_COLORS[arm]) for arm in ("small", "large")]
    assert [colors[0], colors[2]] == ends
    along = np.log(0.1 / 0.02) / np.log(0.5 / 0.02)
    assert colors[1] == pytest.approx(tuple(np.array(ends).T @ [1 - along, along]))
    assert colors[3] == to_rgb(style.OTHER_COLORS[0])
    assert [line.get_linestyle() for line in lines] == ["--", ":", "-", "-."]
    assert above.get_lines()[-1].get_xdata()[0] == 12.5


def test_of_two_seeds_each_is_a_curve(both, closed):
    rates = {rate: runs[:2] for rate, runs in both[0].items()}
    _, below = drawn((rates, None)).axes
    assert [line.get_ydata()[-1] for line in below.lines[:4]] == [50, 52, 55, 55]
    _, labels = below.get_legend_handles_labels()
    assert labels == ["0.02 (small)", "0.1", "0.5 (large)", "1"]


def test_what_comes_of_rates_is_a_mean_with_its_interval_or_the_seeds(both, closed):
    accuracies = how_large.accuracies(*both)
    few = {"cost": {0.1: [1.0, 2.0], 1.0: [3.0]}}
    figure = figures.over_rates({"%": accuracies, "points": few}, "rate")
    above, below = figure.axes
    assert above.get_xscale() == "log"
    figure.canvas.draw()
    assert [text.get_text() for text in below.get_xticklabels()] == ["0.02", "0.1", "0.5", "1"]
    bare, patched = (container[0] for container in above.containers)
    assert list(bare.get_xdata()) == [0.02, 0.1, 0.5, 1.0]
    assert list(bare.get_ydata()) == [60, 63, 67, 64]
    assert list(patched.get_ydata()) == [52, 56, 63, 62]
    [segments] = above.containers[0][2]
    low, high = segments.get_segments()[2][:, 1]
    assert (low + high) / 2 == pytest.approx(67)
    assert (high - low) / 2 == pytest.approx(4.302653 * 2 / np.sqrt(3))  # of 65, 67 and 69
    marks = [line for line in below.lines if line.get_markerfacecolor() == "none"]
    assert [list(line.get_ydata()) for line in marks] == [[1.0, 2.0], [3.0]]
    names = [text.get_text() for text in above.get_legend().get_texts()]
    assert names == ["no patch", "with the patch"]
    assert below.get_legend() is None
