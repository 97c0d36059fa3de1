"""The variants beside the plain runs: points of a sweep, gaps, verdicts, and their figures."""

import dataclasses
import math
import types

import pandas as pd
import pytest

from lrbook import beyond, figures, sweeps
from lrbook.arms import by_seed
from lrbook.errors import ConfigError

TINY = {"d": 6, "n": 30, "m_v": 16, "steps": 60, "steps_ls": 40, "anneal": 20, "test_points": 50}


@pytest.fixture(scope="module")
def sweep():
    noise = {"preactivation_noise": 0.3, "preactivation_until": 30}
    points = [{}, {"momentum": 0.5}, noise]
    return sweeps.run("toy", "smoke", points=points, seeds=[0, 1, 2], progress=False, **TINY)


class Run:
    """A record with one result."""

    status = "finished"

    def __init__(self, arm, seed, value):
        self.config = {"arm": arm, "seed": seed}
        self.result = {"p_only_accuracy": value, "q_only_loss": 0.1}


def group(small, large):
    runs = [Run("S", seed, value) for seed, value in enumerate(small)]
    return runs + [Run("L-S", seed, value) for seed, value in enumerate(large)]


def test_a_point_is_its_settings_and_the_rest_of_the_profile(sweep):
    plain, fast = beyond.at(sweep, "smoke"), beyond.at(sweep, "smoke", momentum=0.5)
    assert {run.config["momentum"] for run in plain} == {0.0}
    assert {run.config["preactivation_noise"] for run in plain + fast} == {0.0}
    assert len(plain) == len(fast) == 6
    with pytest.raises(LookupError, match=r"0\.25"):
        beyond.at(sweep, "smoke", momentum=0.25)
    with pytest.raises(ConfigError, match="did you mean momentum"):
        beyond.at(sweep, "smoke", momentun=0.5)


@pytest.mark.parametrize(
    ("small", "large", "word"),
    [
        ([0.5, 0.52, 0.51], [0.9, 0.91, 0.92], "L-S ahead"),
        ([0.9, 0.91, 0.92], [0.5, 0.52, 0.51], "S ahead"),
        ([0.5, 0.9, 0.7], [0.9, 0.5, 0.7], "not apart"),
        ([0.5, 0.5], [0.5, 0.5], "not apart"),
        ([0.5], [0.9], "one pair"),
        ([], [0.9], "no pair"),
    ],
)
def test_verdicts_are_those_of_the_paired_interval(small, large, word):
    runs = group(small, large)
    assert beyond.verdict(runs) == word
    assert "*this*" in beyond.verdict_words({"this": runs})
    row = beyond.gap_table({"this": runs}).iloc[0]
    assert row.verdict == word
    assert (row["L-S − S"] == "–") == (word == "no pair")


def test_a_gap_is_called_diverged_where_a_run_is():
    lost = Run("S", 0, 0.5)
    lost.status = "diverged"
    assert beyond.verdict([lost, Run("L-S", 0, 0.9)]) == "diverged"
    said = beyond.verdict_words({"lost": [lost], "apart": [Run("S", 1, 0.5), Run("L-S", 0, 0.9)]})
    assert said == "No pair of runs finished: *lost*. No seed has a run of both: *apart*."


def test_a_row_of_gaps_has_both_arms_and_is_of_one_quantity():
    runs = group([0.5, 0.5, 0.5], [0.75, 0.75, 0.75])
    for run in runs:
        run.result["other"] = 1 - run.result["p_only_accuracy"]
        run.result["q_only_loss"] = 0.1 if run.config["arm"] == "S" else 0.7
    first = beyond.gap_table({"this": runs}).iloc[0]
    other = beyond.gap_table({"this": runs}, "other").iloc[0]
    assert [cell.split("\xa0")[0] for cell in first] == [
        "this", "0.500", "0.750", "+0.250", "L-S ahead", "0.10",
    ]  # fmt: skip
    assert [cell.split("\xa0")[0] for cell in other] == [
        "this", "0.500", "0.250", "-0.250", "S ahead", "0.10",
    ]  # fmt: skip


def test_gap_is_the_mean_over_pairs():
    mean, half, count = beyond.gap(group([0.5, 0.6], [0.7, 0.9, 0.1]))
    assert (mean, count) == (pytest.approx(0.25), 2)
    assert half > 0


def test_before_annealing_is_the_mean_of_the_last_measurements_at_the_large_rate(sweep):
    [record] = sweep.select(arm="S", preactivation_noise=0.0)[:1]
    table = pd.DataFrame({"rate": [0.3] * 4 + [0.01] * 2, "value": [9.0, 1.0, 2.0, 6.0, 70, 80]})
    record = dataclasses.replace(record, table=table)
    assert beyond.before_annealing(record, "value", rows=3) == 3.0
    assert beyond.before_annealing(record, "value") == 4.5
    assert math.isnan(
        beyond.before_annealing(dataclasses.replace(record, status="diverged"), "value")
    )


def test_what_the_large_rate_has_made_of_q_is_read_before_annealing():
    runs = group([0.5, 0.5], [0.7, 0.9])
    for run, q in zip(runs, (9.0, 9.0, 0.2, 0.4), strict=True):
        rates, values = [0.3] * 5 + [0.01] * 2, [q] * 5 + [70.0] * 2
        columns = {"rate": rates, "q_only_loss": values, "nonlinearity": [10 * v for v in values]}
        run.history = pd.DataFrame(columns)
        run.result["p_only_gradient_share"] = q + 0.1
    broken = Run("L-S", 2, 0.1)
    broken.status = "diverged"
    table = beyond.hidden_table({"this": [*runs, broken]})
    assert [cell.split("\xa0")[0] for cell in table.iloc[0]] == ["this", "3.00", "0.30", "0.40"]


def test_the_deepest_fall_is_from_the_high_before_it():
    assert beyond.deepest_fall([0.5, 0.4, 0.9, 0.7, 0.8, 0.95, 0.9]) == (0.9, 0.7, 3)
    assert beyond.deepest_fall([0.5, 0.6, 0.6]) == (0.5, 0.5, 0)  # a rise is no fall
    assert beyond.deepest_fall([0.9, 0.8, 0.95, 0.7]) == (0.95, 0.7, 3)


def test_falls_have_a_column_for_each_decay_and_gains_go_by_seed():
    runs = [Run("S", seed, value) for seed, value in enumerate([0.8, 0.9])]
    for run, low in zip(runs, (0.6, 0.7), strict=True):
        run.config |= {"eta2": 0.01, "steps": 1000}
        curve = {"p_only_accuracy": [0.95, low, run.result["p_only_accuracy"]]}
        run.history = pd.DataFrame({"step": [1, 10, 100], "q_only_loss": [0.7, 0.1, 0.2]} | curve)
    sweep = types.SimpleNamespace(runs=pd.DataFrame({"lam": [0.1, 0.3]}), select=lambda lam: runs)
    table = beyond.falls_table(sweep)
    assert list(table.columns) == ["λ", 0.1, 0.3]
    found = dict(zip(table["λ"], table[0.1], strict=True))
    assert found["seeds"] == 2
    assert found["η₂λ × steps"] == pytest.approx(1)
    assert found["at step"] == "10\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0"  # of the lowest point
    assert found["gained since, by seed"] == "0.200\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.000"


def test_share_of_the_gap():
    assert beyond.recovered([0.5], [0.6], [0.9]) == pytest.approx(0.25)
    assert math.isnan(beyond.recovered([0.9], [0.6], [0.9]))
    assert beyond.percent(0.254) == "25 %"
    assert beyond.percent(math.nan) == "–"
    base = group([0.5, 0.5], [0.9, 0.9])
    head = {"σ": "1"}
    row = beyond.noise_row(head, base, [Run("S", 0, 0.7), Run("S", 1, 0.7), Run("S", 9, 0.0)])
    assert row["share of the gap"] == "50 %"
    assert list(row)[:2] == ["σ", "loss on Q"]
    assert row["above S"].startswith("+0.200")
    assert row["above L-S"].startswith("-0.200")
    assert row["accuracy on P alone"].startswith("0.700")
    assert "above L-S" not in beyond.noise_row(head, base[:2], base[:2])


def test_a_mitigated_rate_is_shown_on_the_seeds_that_all_three_have():
    base = group([0.5, 0.5, 0.1], [0.9, 0.9])  # L-S lacks seed 2
    row = beyond.noise_row({}, base, [Run("S", seed, 0.7) for seed in range(3)])
    assert row["accuracy on P alone"].startswith("0.700")
    assert row["above S"].startswith("+0.200")
    assert row["share of the gap"] == "50 %"


def test_without_a_common_seed_there_is_a_dash_and_no_nan():
    row = beyond.noise_row({}, group([0.5], [0.9]), [Run("S", 7, 0.7)])
    assert set(row.values()) == {"–"}


def test_figures_of_variants_draw_every_group(sweep):
    import matplotlib.pyplot as plt

    plain = beyond.at(sweep, "smoke")
    arms = {arm: list(by_seed(plain, arm, beyond.QUANTITY).values()) for arm in ("S", "L-S")}
    rows = figures.gap_rows({"plain": arms, "none": {"S": []}}, "accuracy", {"mark": 0.5})
    assert [tick.get_text() for tick in rows.axes[0].get_yticklabels()] == ["plain", "none"]
    noisy = sweep.history(preactivation_noise=0.3, arm="S")
    named = {"S": [run.history for run in plain if run.config["arm"] == "S"], "S+noise": noisy}
    labels = figures.mitigation(named, 30).axes[0].get_legend_handles_labels()[1]
    assert labels == ["S", "S, noise before the relu"]
    figure = figures.longer(
        {"plain": named["S"], "noisy": noisy}, {"mark": 0.5}, {"plain": 0.1, "noisy": 0.2}
    )
    assert len(figure.axes[0].get_legend_handles_labels()[1]) == 2
    steps, clock = (axes.lines[1].get_xdata() for axes in figure.axes)
    assert clock == pytest.approx(0.2 * steps)
    plt.close("all")
