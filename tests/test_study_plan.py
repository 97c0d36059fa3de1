"""Study files: what they plan, and what is told of it."""

import json
import textwrap
import time
from pathlib import Path

import made_parquet
import made_up
import pandas as pd
import pytest
import tiny_toy
from conftest import ROOT, assert_refused

from lrbook import stats, sweeps
from lrbook.records import Store
from lrbook.study import engine, plan
from lrbook.toy.config import ToyConfig

TOY = 'experiment = "toy"\nprofile = "smoke"\n'


def test_a_study_is_the_sweep_of_the_same_words(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        TOY + 'seeds = [1, 2]\narms = ["S"]\n[settings]\nm_v = 8\n[grid]\neta1 = [0.1, 0.2]\n'
        "[[points]]\nn = 40\np0 = 0.2\n[[points]]\nn = 60\np0 = 0.1\n"
    )
    found = plan.read(path)
    points = [{"n": 40, "p0": 0.2}, {"n": 60, "p0": 0.1}]
    wanted = sweeps.expand(
        "toy", "smoke", grid={"eta1": [0.1, 0.2]}, points=points, seeds=[1, 2], arms=["S"], m_v=8
    )
    assert found.name == "mine"
    assert found.configs() == (wanted, {})
    assert len(wanted) == 8


def test_seeds_may_be_spans_as_in_the_shell(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TOY + 'seeds = "0-2,7"\n')
    assert plan.read(path).seeds == (0, 1, 2, 7)


def test_the_example_in_the_reference_can_be_run(tmp_path):
    path = tmp_path / "example.toml"
    example = plan.__doc__.split("::\n\n")[1].rpartition("\n\n")[0]
    path.write_text(textwrap.dedent(example))
    configs, extra = plan.read(path).configs()
    assert len(configs) == 3 * 2 * 2  # seeds, arms, eta1
    assert {config.n for config in configs} == {200}
    assert extra == {}


def test_workers_are_told_the_whole_path_of_the_images(tmp_path, monkeypatch):
    """They start in a folder of their own; a name of images means the same there."""
    images = tmp_path / "images"
    images.mkdir()
    made_parquet.write_splits(images)
    monkeypatch.chdir(tmp_path)
    Path("s.toml").write_text("experiment = 'patch'\nprofile = 'smoke'\n")
    study = plan.read("s.toml")
    for typed in ("images", "./images", str(images)):
        configs, extra = study.configs(typed)
        assert extra == {"folder": str(images)}
        assert configs[0].data.startswith("parquet:")
    Path("digits").mkdir()  # a folder of that name is not meant
    for named in ("digits", "cifar10", configs[0].data, "CIFAR-10"):
        assert study.configs(named)[1] == {"folder": None}


def test_the_plan_tells_what_is_recorded_and_runs_nothing(lrbook, tmp_path, tree):
    (tmp_path / "s.toml").write_text(TOY + "seeds = [0, 1]\narms = ['S']\n")
    config = ToyConfig.for_profile("smoke", arm="S", seed=0)
    made_up.finished(Store(tmp_path / "runs"), config)
    before = tree(tmp_path / "runs" / config.run_id)
    answer = lrbook("sweep", "s.toml", "--plan")
    assert (answer.code, answer.err) == (0, "")
    first, *rest = answer.out.splitlines()
    assert first.startswith("s: 2 runs, 1 recorded, 1 to run (4e+02 steps")
    other = ToyConfig.for_profile("smoke", arm="S", seed=1)
    assert rest == [f"{other.run_id}  S        seed 1"]
    assert tree(tmp_path / "runs" / config.run_id) == before


def test_the_plan_tells_what_the_runs_differ_in(lrbook):
    grid = "seeds = [0]\narms = ['S']\n[grid]\neta1 = [0.1, 0.2]\n[settings]\nr = 0.3\n"
    Path("s.toml").write_text(TOY + grid)
    _, *rest = lrbook("sweep", "s.toml", "--plan").out.splitlines()
    assert [line.split(maxsplit=1)[1] for line in rest] == [
        "S        seed 0    eta1 = 0.1",
        "S        seed 0    eta1 = 0.2",
    ]


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte order mark"])
def test_a_study_is_read_as_utf_8_whatever_the_locale(tmp_path, monkeypatch, mark):
    path = tmp_path / "s.toml"
    path.write_bytes(f'{mark}name = "Wörter"\n{TOY}'.encode())
    plain = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda p, encoding="cp1252": plain(p, encoding))
    assert plan.read(path).name == "Wörter"


def test_the_cost_of_a_study_is_of_all_its_runs(tmp_path, lrbook):
    """The first hundred take 400 steps each, the others a thousand times as many."""
    steps = "[400, 400000]"
    (tmp_path / "s.toml").write_text(
        TOY + f"seeds = {list(range(100))}\narms = ['S']\n[grid]\nsteps = {steps}\n"
    )
    assert "200 to run (4e+07 steps" in lrbook("sweep", "s.toml", "--plan").out


def test_ten_thousand_runs_are_planned_in_seconds(tmp_path, lrbook):
    values = ", ".join(str(i / 10_000) for i in range(1, 5001))
    (tmp_path / "s.toml").write_text(TOY + f"seeds = [0]\n[grid]\nr = [{values}]\n")
    start = time.process_time()
    answer = lrbook("sweep", "s.toml", "--plan")
    assert len(answer.out.splitlines()) == 10_001
    # About 1.5 s; the limit is the promise and stays far from what a quadratic search would take.
    assert time.process_time() - start < 5


def test_the_report_is_what_numpy_says(lrbook, tmp_path):
    (tmp_path / "s.toml").write_text(
        TOY + "seeds = [0, 1, 2]\narms = ['L-S', 'S']\n[grid]\nr = [0.1, 0.2]\n"
    )
    configs, _ = plan.read(tmp_path / "s.toml").configs()
    draw = {config.run_id: 0.5 + 0.03 * i + 0.01 * (i % 5) for i, config in enumerate(configs)}
    store = Store(tmp_path / "runs")
    for config in configs[:-1]:  # one is missing: two seeds at its place
        made_up.finished(store, config, draw[config.run_id])
    answer = lrbook("study", "report", "s.toml")
    assert (answer.code, answer.err) == (0, "")
    assert "s: 11 of 12 runs are recorded" in answer.out
    out = tmp_path / "runs" / "reports" / "s"
    table = pd.read_csv(out / "table.csv")
    assert len(table) == 4
    for row in table.itertuples():
        numbers = [draw[c.run_id] for c in configs[:-1] if (c.r, c.arm) == (row.r, row.arm)]
        mean, half = stats.mean_interval(numbers)
        assert row.quantity == "p_only_accuracy"
        assert row.n == len(numbers) == (2 if (row.r, row.arm) == (0.2, "S") else 3)
        assert row.mean == pytest.approx(sum(numbers) / len(numbers))
        assert (row.mean, row.half) == pytest.approx((mean, half))
    runs = pd.read_parquet(out / "runs.parquet")
    assert dict(zip(runs["run_id"], runs["p_only_accuracy"], strict=True)) == {
        c.run_id: draw[c.run_id] for c in configs[:-1]
    }
    drawing = (out / "figure.svg").read_text()
    assert "<svg" in drawing

    assert_refused(
        lrbook("study", "report", "s.toml", "--quantity", "acuracy"), "'acuracy'", "p_only_accuracy"
    )
    assert_refused(lrbook("study", "report", "s.toml", "--results", "none"), "no run", "sweep")


def test_a_report_on_numbers_beside_words(lrbook, tmp_path):
    Path("s.toml").write_text(TOY + "seeds = [0]\n[grid]\nanneal = [80, 'loss']\n")
    configs, _ = plan.read("s.toml").configs()
    for config in configs:
        made_up.finished(Store("runs"), config, 0.5)
    answer = lrbook("study", "report", "s.toml")
    assert (answer.code, answer.err) == (0, "")
    assert set(pd.read_parquet("runs/reports/s/runs.parquet").anneal) == {"80", "loss"}
    Path("file").write_text("")
    assert_refused(lrbook("study", "report", "s.toml", "--out", "file"), "file cannot be written")


def test_a_study_tells_what_diverged(lrbook, tmp_path):
    Path("s.toml").write_text(TOY + "seeds = [0, 1]")
    configs, _ = plan.read("s.toml").configs()
    store = Store("runs")
    for i, config in enumerate(configs):
        how = {"status": "diverged", "message": "the loss became nan"} if i == 1 else {}
        table = pd.DataFrame({"step": [0]})
        store.finish(config, table, {}, provenance={}, wall_s=0.0, **how)
    answer = lrbook("sweep", "s.toml", "--results", "runs", "--quiet")
    assert answer.code == 1
    assert f"1 of them diverged, such as {configs[1].run_id}: the loss became nan" in answer.err
    assert f"{len(configs)} of {len(configs)} runs are recorded" in answer.out


def test_the_example_study_is_sound():
    configs, _ = plan.read(ROOT / "recipes" / "rate_and_angle.toml").configs()
    assert len(configs) == 24


def test_a_run_that_is_recorded_is_not_missing(tmp_path):
    configs = tiny_toy.configs()
    store = Store(tmp_path)
    made_up.finished(store, configs[1])
    store.start(configs[2], {})  # begun, not finished
    assert engine.missing(configs, tmp_path) == [configs[0], *configs[2:]]
    assert json.loads((tmp_path / configs[2].run_id / "record.json").read_text())
