"""Phase diagrams: maps and outcomes from runs whose answer is known by hand."""

import dataclasses
import itertools
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from lrbook import figures, phase, recordings, sweeps
from lrbook.errors import ConfigError
from lrbook.record import Record
from lrbook.toy.config import ToyConfig


def runs(cells, seeds=(1, 2)):
    """Rows of both arms: (x, y) -> one pair (error of L-S, error of S) per seed."""
    return pd.DataFrame(
        [
            {"x": x, "y": y, "seed": seed, "arm": arm, "p_only_error": pair[i]}
            for (x, y), pairs in cells.items()
            for seed, pair in zip(seeds, pairs, strict=True)
            for i, arm in enumerate(("L-S", "S"))
        ]
    )


CELLS = {
    (1, 10): [(0.05, 0.20), (0.07, 0.20)],  # L-S by .14
    (2, 10): [(0.05, 0.055), (0.06, 0.065)],  # too close
    (1, 20): [(0.30, 0.20), (0.32, 0.20)],  # S by .11
    (2, 20): [(0.10, 0.20), (0.20, 0.10)],  # the seeds disagree
    (3, 10): [(0.10, 0.20), (np.nan, 0.20)],  # a run diverged
    (3, 20): [(np.nan, 0.20), (np.nan, 0.20)],
}


def test_maps_have_y_as_rows_and_x_as_columns():
    table = phase.error_map(runs(CELLS), "L-S", "x", "y")
    assert table.index.tolist() == [10, 20]
    assert table.columns.tolist() == [1, 2, 3]
    np.testing.assert_allclose(table.loc[10], [0.06, 0.055, np.nan])  # one of two is no mean
    np.testing.assert_allclose(table.loc[20], [0.31, 0.15, np.nan])
    gap = phase.advantage_map(runs(CELLS), "x", "y")
    np.testing.assert_allclose(gap.loc[10], [0.14, 0.005, np.nan])
    np.testing.assert_allclose(gap.loc[20], [-0.11, 0.0, np.nan], atol=1e-12)
    small = phase.error_map(runs(CELLS), "S", "x", "y")  # of which every run finished
    np.testing.assert_allclose(small[3], 0.20)


@pytest.mark.parametrize(
    "ask",
    [
        lambda found: phase.error_map(found, "S", "x", "y"),
        lambda found: phase.advantage_map(found, "x", "y"),
        lambda found: phase.tie_map(found, "x", "y"),
        lambda found: phase.outcome_counts(found, "x", "y"),
    ],
)
def test_settings_that_are_on_no_axis_are_not_averaged(ask):
    twice = pd.concat([runs(CELLS).assign(z=0), runs(CELLS).assign(z=0)])
    ask(twice)
    apart = twice.assign(z=np.repeat([0, 1], len(twice) // 2))
    apart.loc[apart.z == 1, "p_only_error"] += 0.1
    words = "several runs with .* = 1.*, arm = S, seed = 1; select one value of every field but"
    with pytest.raises(ValueError, match=words):
        ask(apart[apart.arm == "S"])
    ask(apart[apart.z == 1])


def test_a_run_that_diverged_has_no_error():
    def run(seed, status, accuracy):
        config = {"arm": "S", "seed": seed, "d": 100, "n": 400, "p0": 0.1, "q0": 0.2}
        last = {"p_only_accuracy": 0.9, "q_only_accuracy": 0.8, "both_accuracy": 1.0}
        return Record(
            run_id=f"toy-{seed}",
            experiment="toy",
            config=config,
            status=status,
            provenance={},
            result={"p_only_accuracy": accuracy},
            history_sha256=None,
            wall_s=1.0,
            table=pd.DataFrame([dict.fromkeys(last, 0.5), last]),
        )

    found = phase.errors(sweeps.Sweep([run(0, "finished", 0.9), run(1, "diverged", None)]))
    assert found.kappa.tolist() == [0.5, 0.5]
    np.testing.assert_allclose(found.p_only_error, [0.1, np.nan])
    np.testing.assert_allclose(found.test_error, [0.1 * 0.1 + 0.2 * 0.2, np.nan])


def test_maps_on_common_axes_show_the_cells_that_all_have():
    wide = phase.error_map(runs(CELLS), "L-S", "x", "y")
    narrow = wide.loc[[10], [1, 2]] + 1
    found = phase.aligned({"wide": wide, "narrow": narrow})
    assert list(found) == ["wide", "narrow"]
    for table in found.values():
        assert (table.index.tolist(), table.columns.tolist()) == ([10], [1, 2])
    np.testing.assert_allclose(found["wide"], [[0.06, 0.055]])
    np.testing.assert_allclose(found["narrow"], [[1.06, 1.055]])


def test_the_edge_is_told_by_the_worst_seed():
    def run(eta1, seed, at_large, end):
        steps = [0, 10, 60, 100, 101, 200]
        history = pd.DataFrame({"step": steps, "loss": [0.7, 99.0, *at_large, 88.0, end]})
        return Record(
            run_id=f"{eta1}-{seed}",
            experiment="toy",
            config={"eta1": eta1, "seed": seed, "anneal": 100},
            status="finished",
            provenance={},
            result={"p_only_accuracy": 0.9 - 0.1 * seed, "loss": end},
            history_sha256=None,
            wall_s=1.0,
            message=None,
            table=history,
        )

    found = phase.edge_table(
        [run(8.0, 0, (3.0, 0.5), 0.1), run(8.0, 1, (0.4, 5.0), 2.0), run(0.5, 0, (0.3, 0.2), 0.05)]
    )
    assert found.iloc[:, 0].tolist() == ["0.5", "8"]
    assert found.seeds.tolist() == [1, 2]
    assert found.iloc[:, 3].tolist() == ["0.3", "5"]
    assert found.iloc[:, 4].tolist() == ["0.05", "2"]
    assert found["error on P alone"][1].startswith("0.15")


def test_outcomes():
    counts = phase.outcome_counts(runs(CELLS), "x", "y")
    assert counts == {"L-S wins": 1, "tie": 2, "S wins": 1, "one seed": 0, "diverged": 2}
    words = phase.counts_words(counts)
    assert "Of 6 settings" in words
    assert "in 2 a run diverged" in words
    assert "one seed" not in words


def test_the_outcome_of_each_setting_says_why_neither_wins():
    found = phase.outcomes(runs(CELLS), "x", "y")
    assert found == {
        (1, 10): "L-S wins",
        (1, 20): "S wins",
        (2, 10): "too close",
        (2, 20): "too close",  # the seeds disagree, too, about nothing
        (3, 10): "diverged",
        (3, 20): "diverged",
    }
    apart = {(2, 20): [(0.10, 0.20), (0.20, 0.15)], (3, 20): [(0.1, 0.2)]}
    found = phase.outcomes(runs(apart | {(3, 20): [(0.1, 0.2), (0.1, 0.2)]}), "x", "y")
    assert found == {(2, 20): "seeds disagree", (3, 20): "L-S wins"}
    assert phase.outcomes(runs({(3, 20): [(0.1, 0.2)]}, seeds=(1,)), "x", "y") == {
        (3, 20): "one seed"
    }


def test_one_seed_is_no_verdict():
    cells = {(1, 10): [(0.05, 0.20)], (2, 10): [(0.30, 0.20)], (3, 10): [(np.nan, 0.20)]}
    table = runs(cells, seeds=(1,))
    counts = phase.outcome_counts(table, "x", "y")
    assert counts == {"L-S wins": 0, "tie": 0, "S wins": 0, "one seed": 2, "diverged": 1}
    words = phase.counts_words(counts)
    assert words.startswith("Of 3 settings, L-S is better on P alone in **0**, S in **0**;")
    assert "; in 2 there is one seed only, which decides nothing; in 1 a run diverged." in words
    gap, ties = phase.advantage_map(table, "x", "y"), phase.tie_map(table, "x", "y")
    maps = {"gap": gap}
    figure = figures.phase_map(maps, xlabel="x", ylabel="y", difference="gap", ties=ties)
    written = [text.get_text() for text in figure.axes[0].texts]
    assert written == ["(+0.15)", "(\N{MINUS SIGN}0.10)", "×"]


def test_a_run_that_is_not_there_has_not_diverged():
    table = runs({(1, 10): [(0.05, 0.20), (0.07, 0.20)], (2, 10): [(0.30, 0.20), (0.32, 0.20)]})
    third = {(1, 10): [(0.06, 0.20)], (2, 10): [(0.31, 0.20)]}
    table = pd.concat([table, runs(third, seeds=(3,))])
    alone = table.seed.eq(2) & table.x.eq(2) & table.arm.eq("S")
    counts = phase.outcome_counts(table[~alone], "x", "y")
    assert counts == {"L-S wins": 1, "tie": 0, "S wins": 1, "one seed": 0, "diverged": 0}
    # nor does it make a cross: the two pairs that are there have a mean
    assert phase.advantage_map(table[~alone], "x", "y").loc[10, 2] == pytest.approx(-0.105)
    assert phase.error_map(table[~alone], "S", "x", "y").loc[10, 2] == pytest.approx(0.20)
    table.loc[table.seed.eq(2) & table.x.eq(2) & table.arm.eq("L-S"), "p_only_error"] = np.nan
    assert phase.outcome_counts(table[~alone], "x", "y")["diverged"] == 1
    assert np.isnan(phase.advantage_map(table[~alone], "x", "y").loc[10, 2])


def test_an_arm_that_diverged_everywhere_has_maps_of_crosses():
    table = runs({(1, 10): [(np.nan, 0.20), (np.nan, 0.20)]})
    maps = {
        "L-S": phase.error_map(table, "L-S", "x", "y"),
        "gap": phase.advantage_map(table, "x", "y"),
    }
    ties = phase.tie_map(table, "x", "y")
    assert phase.outcome_counts(table, "x", "y")["diverged"] == 1
    figure = figures.phase_map(maps, xlabel="x", ylabel="y", difference="gap", ties=ties)
    assert [[t.get_text() for t in axes.texts] for axes in figure.axes] == [["×"], ["×"]]
    figure.canvas.draw()


def test_axes_that_were_not_recorded_are_refused_by_name():
    with pytest.raises(ConfigError, match="did you mean kappa, d"):
        phase.recorded("kapa", "d")


@pytest.mark.parametrize(("axes", "name"), phase.RECORDED.items())
def test_the_plan_has_these_axes(axes, name):
    [plan] = recordings.read(only=name)
    configs = [c.model_dump() | {"kappa": round((c.d / c.n) ** 0.5, 1)} for c in plan.configs()]
    places = {tuple(config[axis] for axis in axes) for config in configs}
    sizes = [len({place[i] for place in places}) for i in (0, 1)]
    assert len(places) == sizes[0] * sizes[1] >= 12
    assert {config["arm"] for config in configs} == {"L-S", "S"}


def test_the_map_writes_every_number_and_marks_what_is_missing():
    maps = {
        "L-S": phase.error_map(runs(CELLS), "L-S", "x", "y"),
        "gap": phase.advantage_map(runs(CELLS), "x", "y"),
    }
    ties = phase.tie_map(runs(CELLS), "x", "y")
    counted = phase.outcome_counts(runs(CELLS), "x", "y")
    assert ties.to_numpy().sum() == counted["tie"] > 0
    figure = figures.phase_map(maps, xlabel="x", ylabel="y", difference="gap", ties=ties)
    left, right = figure.axes
    in_parentheses = [text.get_text().startswith("(") for text in right.texts]
    assert in_parentheses == ties.to_numpy().ravel().tolist()
    assert [t.get_text() for t in left.texts] == ["0.06", "0.06", "×", "0.31", "0.15", "×"]
    assert [t.get_text() == "×" for t in right.texts] == [False, False, True] * 2
    assert right.texts[0].get_text() == "+0.14"
    # blue where the difference is positive, orange where it is negative
    cells = right.images[0].to_rgba(right.images[0].get_array())
    assert cells[0, 0, 2] > cells[0, 0, 0]
    assert cells[1, 0, 0] > cells[1, 0, 2]
    figure.canvas.draw()


def test_the_cube_has_each_run_once_and_every_combination():
    cube = phase.cube()
    ids = [record.run_id for record in cube.records]
    assert len(ids) == len(set(ids))
    places = Counter(
        tuple(record.config[name] for name in ("eta1", "r", "noise", "arm"))
        for record in cube.records
    )
    axes = zip(*places, strict=True)
    assert set(places) == set(itertools.product(*map(set, axes)))
    assert set(places.values()) == {5}  # seeds
    kept = phase.recorded("eta1", "r").records
    assert cube.records[: len(kept)] == kept


@pytest.mark.parametrize("arm", ["S", "L-S"])
def test_the_way_is_the_sum_of_the_rates_of_all_steps(arm):
    config = ToyConfig.for_profile("smoke", arm=arm, seed=0)
    rates = [config.eta2] * config.total_steps
    if arm == "L-S":
        rates[: config.anneal] = [config.eta1] * config.anneal
    assert phase.way(config.model_dump()) == pytest.approx(sum(rates))


def test_the_way_of_the_long_run_is_that_of_the_arm_beside_it():
    """What the chapter's comparison without noise rests on."""
    [long, *_] = sweeps.recorded("phase-no-noise-long").records
    [beside, *_] = phase.cube().select(eta1=0.7, r=long.config["r"], noise=0.0, arm="L-S")
    assert phase.way(long.config) == pytest.approx(phase.way(beside.config))
    table = phase.way_table({"L-S": [beside], "S": [long]})
    assert list(table[table.columns[1]]) == ["8,596", "8,596"]
    names = ("arm", "eta1", "anneal", "steps", "steps_ls")
    same = [{k: v for k, v in run.config.items() if k not in names} for run in (long, beside)]
    assert same[0] == same[1]


@pytest.mark.parametrize(("anneal", "sum_of_rates"), [(10_000, 70.0), (200, 70.0), (50, 19.0)])
def test_the_way_of_a_run_that_never_gets_to_its_annealing(anneal, sum_of_rates):
    config = {"arm": "L-S", "eta1": 0.35, "eta2": 0.01, "steps_ls": 200, "anneal": anneal}
    assert phase.way(config) == pytest.approx(sum_of_rates)


def test_a_diverged_run_has_no_part_in_the_tables():
    [whole, *_] = phase.cube().select(eta1=0.7, r=0.15, noise=0.0, arm="L-S")
    lost = dataclasses.replace(whole, status="diverged", result={})
    found = phase.way_table({"both": [lost, whole], "lost": [lost]}).set_index("run")
    alone = phase.way_table({"alone": [whole]}).set_index("run")
    assert found.seeds.tolist() == ["2 (1 diverged)", "1 (1 diverged)"]
    same = found.drop(columns="seeds").loc["both"].tolist()
    assert same == alone.drop(columns="seeds").loc["alone"].tolist()
    assert found.iloc[1, -2:].tolist() == ["–", "–"]
    edge = phase.edge_table([lost, whole])
    assert edge.seeds.tolist() == ["2 (1 diverged)"]
    assert edge.iloc[0, 2:].tolist() == phase.edge_table([whole]).iloc[0, 2:].tolist()
    assert phase.edge_table([lost]).iloc[0, 2:].tolist() == ["–"] * 3
