"""The report of a study: what it counts, what it warns of, and what its figure draws."""

import json
import math
from pathlib import Path

import made_up
import matplotlib.axes
import numpy as np
import pandas as pd
import pytest
from conftest import assert_refused

from lrbook.records import Store
from lrbook.study import plan
from lrbook.study.report import table as means_of

TOY = 'experiment = "toy"\nprofile = "smoke"\n'
PATCH = 'experiment = "patch"\nprofile = "smoke"\n'


def study(text):
    """Its configurations, in the file s.toml of this folder."""
    Path("s.toml").write_text(text)
    return plan.read("s.toml").configs()[0]


def diverged(config):
    message = "the loss became nan"
    options = {"provenance": {}, "wall_s": 1.0, "status": "diverged", "message": message}
    Store("runs").finish(config, pd.DataFrame({"step": [0]}), {}, **options)


def computed(config, precision, device, status="finished"):
    origin = {"precision": precision, "device": device}
    table = pd.DataFrame({"epoch": [1]})
    options = {"provenance": origin, "wall_s": 1.0, "status": status}
    Store("runs").finish(config, table, {"clean": 50.0}, **options)


@pytest.fixture
def report(lrbook):
    def report():
        answer = lrbook("study", "report", "s.toml")
        assert (answer.code, answer.err) == (0, "")
        return answer.out, pd.read_csv("runs/reports/s/table.csv")

    return report


@pytest.fixture
def drawn(monkeypatch):
    """The series that a figure draws: label -> x, y and half widths."""
    series, plain = {}, matplotlib.axes.Axes.errorbar

    def errorbar(axes, x, y, yerr, *, label, **named):
        assert label not in series
        series[label] = [np.asarray(values).tolist() for values in (x, y, yerr)]
        return plain(axes, x, y, yerr, label=label, **named)

    monkeypatch.setattr(matplotlib.axes.Axes, "errorbar", errorbar)
    return series


@pytest.mark.parametrize("old_first", [True, False])
def test_records_older_than_a_swept_field_are_told_apart_each_time(report, old_first):
    values = [0.0, 0.9] if old_first else [0.9, 0.0]
    for config in study(f"{TOY}seeds = [0, 1]\narms = ['S']\n[grid]\nmomentum = {values}\n"):
        accuracy = 0.8 if config.momentum else 0.5
        made_up.finished(Store("runs"), config, accuracy + config.seed / 100)
        path = Path("runs", config.run_id, "record.json")
        fields = json.loads(path.read_text())
        if fields["config"]["momentum"] == 0:
            del fields["config"]["momentum"], fields["sha256"]  # neither was there yet
            path.write_text(json.dumps(fields))
    for _ in range(2):  # the index made, then used
        _, table = report()
        means = dict(zip(table["momentum"], table["mean"], strict=True))
        assert means == pytest.approx({0.0: 0.505, 0.9: 0.805})
        assert table["n"].tolist() == [2, 2]


def test_diverged_runs_are_counted(report, drawn):
    """Of three seeds none diverges at r = 0.1, one at 0.2, and all at 0.3."""
    for config in study(TOY + "seeds = [0, 1, 2]\narms = ['S']\n[grid]\nr = [0.1, 0.2, 0.3]\n"):
        if config.r == 0.3 or (config.r, config.seed) == (0.2, 1):
            diverged(config)
        else:
            made_up.finished(Store("runs"), config, config.r + config.seed / 100)
    out, table = report()
    assert table[["r", "n", "diverged"]].values.tolist() == [[0.1, 3, 0], [0.2, 2, 1], [0.3, 0, 3]]
    assert table["mean"][:2].tolist() == pytest.approx([0.11, 0.21])
    assert table.loc[2, ["mean", "half"]].isna().all()
    assert "diverged, and in no mean: 4 of 9 runs" in out.splitlines()
    assert list(drawn) == ["S, 4 diverged"]


def rows(**columns):
    """Runs of one arm, as in the table of runs; ``status`` and numbers as given."""
    count = len(columns["status"])
    fixed = {"run_id": [f"toy-{i}" for i in range(count)], "arm": "S", "seed": range(count)}
    return pd.DataFrame(fixed | {"wall_s": 1.0} | columns)


def test_what_a_diverged_run_has_nevertheless_is_in_no_mean():
    """The limits of its data do not depend on how it went."""
    runs = rows(status=["finished", "finished", "diverged"], limit_all_p=[0.8, 0.9, 0.1])
    [row] = means_of(runs, []).to_dict("records")
    assert (row["n"], row["diverged"], row["mean"]) == (2, 1, pytest.approx(0.85))


def test_a_failed_run_beside_diverged_ones_does_not_hide_them():
    lost = rows(status=["failed", "diverged"], loss=[np.nan, np.nan])
    done = rows(status=["finished"], loss=[0.5]).assign(arm="L-S")
    table = means_of(pd.concat([lost, done]), [])
    assert table[["arm", "n", "diverged"]].values.tolist() == [["S", 0, 1], ["L-S", 1, 0]]


def test_an_arm_of_which_all_runs_diverged_is_there(report, drawn):
    for config in study(TOY + "seeds = [0, 1]\narms = ['L-S', 'S']"):
        if config.arm == "S":
            made_up.finished(Store("runs"), config)
        else:
            diverged(config)
    _, table = report()
    counts = table[["arm", "quantity", "n", "diverged"]]
    assert counts.values.tolist() == [
        ["L-S", "p_only_accuracy", 0, 2],
        ["S", "p_only_accuracy", 2, 0],
    ]
    assert set(drawn) == {"L-S, 2 diverged", "S"}


def test_nothing_is_said_of_divergence_where_there_is_none(report):
    for config in study(TOY + "seeds = [0, 1]"):
        made_up.finished(Store("runs"), config)
    out, table = report()
    assert table["diverged"].tolist() == [0, 0]
    assert "diverged, and" not in out
    assert "warning" not in out


def test_a_study_of_which_all_runs_diverged_says_so(lrbook):
    for config in study(TOY + "seeds = [0, 1]"):
        diverged(config)
    answer = lrbook("study", "report", "s.toml")
    assert_refused(answer, "no run of this study has finished: all 4 diverged.")


def test_one_seed_draws_no_error_bar(report, drawn):
    for config in study(TOY + "seeds = [0, 1]\narms = ['S']\n[grid]\nr = [0.1, 0.2]\n"):
        if (config.r, config.seed) != (0.2, 1):
            made_up.finished(Store("runs"), config, 0.5 + config.seed / 100)
    said, _ = report()
    [few, one] = drawn["S"][2]
    [line] = [line for line in said.splitlines() if line.strip().startswith("0.2")]
    assert line.split()[-1] == "-"  # of one seed there is no interval
    # Student's t for one degree of freedom is 12.706; the two numbers lie 0.01 apart
    assert few == pytest.approx(12.706 * 0.01 / 2, rel=1e-4)
    assert math.isnan(one)


def test_fields_that_vary_together_are_one_axis_in_order(report, drawn):
    """n = d / kappa^2 with d = 20, at three kappas that are not in order."""
    configs = study(
        TOY + "seeds = [0]\n[settings]\nd = 20\n[grid]\nkappa = [0.4, 0.2, 0.5]\nr = [0.1, 0.2]\n"
    )
    for config in configs:
        made_up.finished(Store("runs"), config, config.p0 + config.r)
    out, table = report()
    assert set(drawn) == {f"{arm}, r = {r}" for arm in ("L-S", "S") for r in (0.1, 0.2)}
    for label, (x, y, _) in drawn.items():
        assert x == [80, 125, 500]
        r = float(label.split()[-1])
        assert y == pytest.approx([0.125 + r, 0.08 + r, 0.02 + r])
    assert "n (with p0)" in Path("runs/reports/s/figure.svg").read_text()
    # n is a setting here, and the count of runs has another name
    assert set(zip(table["n"], table["p0"], strict=True)) == {(80, 0.125), (125, 0.08), (500, 0.02)}
    assert set(table["finished"]) == {1}
    assert "over finished seeds" in out


def test_fields_of_a_full_grid_are_two_axes(report, drawn):
    for config in study(TOY + "seeds = [0]\narms = ['S']\n[grid]\nr = [2, 1]\neta1 = [1, 2]\n"):
        made_up.finished(Store("runs"), config, config.r + config.eta1 / 10)
    report()
    places = {label: (x, y) for label, (x, y, _) in drawn.items()}
    assert places == {
        "S, eta1 = 1.0": ([1, 2], pytest.approx([1.1, 2.1])),
        "S, eta1 = 2.0": ([1, 2], pytest.approx([1.2, 2.2])),
    }


def test_runs_in_several_precisions_are_warned_of(report):
    large, small, noise, other = study(
        PATCH + "seeds = [0, 1]\narms = ['large', 'small', 'noise']\n"
    )[:4]
    computed(large, "bf16", "card A")
    computed(other, "fp16", "card B", status="diverged")
    out, _ = report()
    assert "warning" not in out  # the other one is in no mean
    computed(small, "bf16", "card B")
    computed(noise, "fp32", "a processor")
    out, _ = report()
    [line] = [line for line in out.splitlines() if line.startswith("warning:")]
    assert "precision = auto: 2 in bf16, 1 in fp32" in line
    runs = pd.read_parquet("runs/reports/s/runs.parquet").set_index("run_id")
    places = {run_id: tuple(row) for run_id, row in runs[["precision", "device"]].iterrows()}
    assert places == {
        large.run_id: ("bf16", "card A"),
        small.run_id: ("bf16", "card B"),
        noise.run_id: ("fp32", "a processor"),
        other.run_id: ("fp16", "card B"),
    }


def test_runs_of_one_precision_on_two_kinds_of_device_are_warned_of(report):
    """Their random numbers differ under one seed."""
    large, small = study(PATCH + "seeds = [0]\narms = ['large', 'small']\n")
    computed(large, "bf16", "NVIDIA H200")
    computed(small, "bf16", "CPU, of some make")
    out, _ = report()
    [line] = [line for line in out.splitlines() if line.startswith("warning:")]
    assert "not all in one arithmetic and kind of device" in line
    assert "precision = auto: 1 in bf16 on cpu, 1 in bf16 on cuda" in line


def test_a_study_of_precisions_is_no_mixture(report):
    configs = study(PATCH + "seeds = [0, 1]\n[grid]\nprecision = ['fp32', 'bf16']\n")
    for config in configs:
        computed(config, config.precision, "card A")
    out, table = report()
    assert "warning" not in out
    assert set(table["precision"]) == {"fp32", "bf16"}
    runs = pd.read_parquet("runs/reports/s/runs.parquet")
    assert set(runs["device"]) == {"card A"}
    assert set(table["quantity"]) == {"clean"}


def test_a_resumed_run_names_all_its_devices(report):
    [config] = study(PATCH + "seeds = [0]\narms = ['large']")
    origin = {"precision": "fp32", "device": "card B"}
    origin["earlier"] = [{"precision": "fp32", "device": "card A"}]
    table = pd.DataFrame({"epoch": [1]})
    Store("runs").finish(config, table, {"clean": 50.0}, provenance=origin, wall_s=1.0)
    report()
    [run] = pd.read_parquet("runs/reports/s/runs.parquet").to_dict("records")
    assert (run["precision"], run["device"]) == ("fp32", "card A; card B")


def test_arms_are_compared_seed_by_seed(report, lrbook):
    values = {"L-S": (0.9, 0.8, 0.7), "S": (0.5, 0.6, 0.4), "S+noise": (0.6, 0.6, 0.6)}
    arms = '["L-S", "S", "S+noise"]'
    for config in study(f"{TOY}seeds = [0, 1, 2]\narms = {arms}\n[grid]\nr = [0.1, 0.2]\n"):
        if (config.arm, config.seed, config.r) == ("S+noise", 2, 0.2):
            diverged(config)
        else:
            accuracy = values[config.arm][config.seed] + (config.arm == "L-S") * config.r
            made_up.finished(Store("runs"), config, accuracy)
    out, _ = report()
    found = pd.read_csv("runs/reports/s/differences.csv").set_index(["r", "first", "other"])
    # by seed .4, .2, .3 and .3, .2, .1, and r on top; t(0.975, 2) = 4.303, standard error .0577
    for r in (0.1, 0.2):
        row = found.loc[(r, "L-S", "S")]
        assert (row["pairs"], row["mean"]) == (3, pytest.approx(0.3 + r))
        assert row["half"] == pytest.approx(4.303 * 0.1 / math.sqrt(3), rel=1e-3)
    lost = found.loc[(0.2, "L-S", "S+noise")]
    assert (lost["pairs"], lost["mean"]) == (2, pytest.approx(0.25 + 0.2))
    assert "p_only_accuracy: first minus other over paired seeds" in out
    assert "runs/reports/s/differences.csv" in out
    names = json.loads(json.dumps(list(pd.read_parquet("runs/reports/s/runs.parquet"))))
    assert not any("." in name for name in names)


def test_one_arm_has_no_differences(report):
    for config in study(f"{TOY}seeds = [0, 1]\narms = ['S']\n"):
        made_up.finished(Store("runs"), config, 0.5)
    stale = Path("runs/reports/s/differences.csv")  # of a report when the study had more arms
    stale.parent.mkdir(parents=True)
    stale.touch()
    out, _ = report()
    assert "minus" not in out
    assert not stale.exists()
