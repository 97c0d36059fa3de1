"""Study files: what they plan, what is refused, and what is told of it."""

import json
import subprocess
import sys
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


BAD_STUDIES = [
    ("experiment = 'toy", "is not TOML"),
    ("profile = 'smoke'", "names no experiment: toy, patch, cifar"),
    ("experiment = 'tony'", "tony is not a known experiment; did you mean toy?"),
    (TOY + "eta1 = 0.1", "Settings of the experiment go under [settings] or [grid]"),
    (TOY + "name = '../../elsewhere'", "name = '../../elsewhere' is not allowed: it names the"),
    (TOY + "name = '..'", "name = '..' is not allowed"),
    (TOY + "name = '/elsewhere'", "give one name and no path"),
    (TOY + "name = ''", "name = '' is not allowed"),
    (TOY + "sedes = [1]", "did you mean seeds?"),
    (TOY + "seeds = 3", "seeds = 3 is not allowed: it must be a list"),
    (TOY + "seeds = []", "seeds is empty"),
    (TOY + "seeds = ['a']", "seeds = ['a'] is not allowed: give a list of whole numbers"),
    (TOY + "seeds = ['0-4']", 'spans are one text, as in seeds = "0-4,7"'),
    (TOY + "seeds = '4-0'", "seeds = '4-0' is not allowed: give a span from the smaller"),
    (TOY + "seeds = 'all'", "seeds = 'all' is not allowed: give whole numbers, such as"),
    (TOY + "[grid]\nr = [0.1]\nseeds = [0]", "seeds stands under [grid] in the study bad.toml"),
    (TOY + "[settings]\nseeds = [0]", "seeds stands under [settings] in the study bad.toml"),
    (TOY + "[settings]\nmost_runs = 5", "write it at the top of the file, above all tables"),
    (TOY + "[[points]]\nr = 0.1\narms = ['S']", "arms stands under [[points]] in the study"),
    (TOY + "seeds = [[1]]", "seeds = [[1]] is not allowed: give a list of whole numbers"),
    (TOY + "seeds = [true]", "seeds = [True] is not allowed: give a list of whole numbers"),
    (TOY + "arms = [['S']]", "arms = [['S']] is not allowed: give a list of names"),
    (TOY + "device = 'tpu'", "device = 'tpu' is not allowed: allowed are auto, cpu, cuda, mps"),
    (TOY + "arms = ['large']", "arm = 'large'"),
    (TOY + "most_runs = true", "most_runs = True is not allowed: it must be a whole number"),
    (TOY + "[grid]\neta1 = 0.1", "grid.eta1 = 0.1 is not allowed: give a list"),
    (TOY + "[grid]\neta = [0.1]", "did you mean eta1 or eta2?"),
    (TOY + "[grid]\neta1 = []", "no value for eta1"),
    (TOY + "[grid]\nr = [0.1, -0.1]", "r = -0.1"),
    (TOY + "[grid]\nr = [0.1, 0.1]", "one run twice"),
    (TOY + "[grid]\nr = [0.1]\n[settings]\nr = 0.1", "r is set in two places"),
    (TOY + "points = [1]", "write each under [[points]]"),
    (TOY + "most_runs = 1", "more than 1"),
    ("experiment = 'patch'\n[settings]\ndata = 'nowhere'", "data = 'nowhere'"),
    ("experiment = 'patch'\n[settings]\ndata = 5", "data = 5 is not allowed"),
    ("experiment = 'patch'\n[grid]\ndata = ['digits']", "data is not swept"),
]


@pytest.mark.parametrize(("text", "words"), BAD_STUDIES)
def test_a_bad_study_is_refused(lrbook, text, words):
    Path("bad.toml").write_text(text)
    for command in (["sweep", "bad.toml"], ["study", "report", "bad.toml"]):
        assert_refused(lrbook(*command), words)
    assert list(Path().iterdir()) == [Path("bad.toml")]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["no.toml"], "no.toml cannot be read (No such file"),
        (["s.toml", "--workers", "-1"], "workers = -1"),
        (["s.toml", "--workers", "many"], "--workers"),
        (["s.toml", "--scheduler", "host"], "tcp://HOST:PORT"),
        (["s.toml", "--data", "images"], "leave --data out"),
        (["s.toml", "--wait"], "--wait is not a known option"),
    ],
)
def test_bad_options(lrbook, options, words):
    Path("s.toml").write_text(TOY)
    assert_refused(lrbook("sweep", *options), words)


def test_a_device_that_is_not_here_is_met_before_any_run(lrbook):
    text = "experiment = 'patch'\nprofile = 'smoke'\ndevice = 'mps'\n"
    Path("s.toml").write_text(text)
    answer = lrbook("sweep", "s.toml", "--quiet")
    assert answer.code == 2
    assert answer.err.startswith("lrbook: device = 'mps' is not available on this machine; it has")
    assert list(Path().iterdir()) == [Path("s.toml")]


RUN = {"experiment": "patch", "device": "cpu", "results": "runs", "extra": {}}
CONFIG = {"arm": "large", "seed": 0}


@pytest.mark.parametrize(
    ("task", "code", "words"),
    [
        # another worker may have the device, the file or the images
        ({"device": "mps"}, 1, "device = 'mps' is not available on this machine"),
        ({"experiment": "mine.py:Mine"}, 1, "there is no file"),
        ({"config": CONFIG | {"data": "parquet:0123456789abcdef"}}, 1, "folder"),
        ({"config": CONFIG | {"batch": 0}}, 2, "batch = 0 is not allowed"),
        ({"experiment": "os.path:join"}, 2, "os.path has no subclass"),
    ],
)
def test_only_what_is_wrong_everywhere_is_refused_for_good(tmp_path, task, code, words):
    """As the exit code of a run's process, from which the study learns it."""
    command = [sys.executable, "-m", "lrbook.study.one"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, text=True, **pipes) as process:
        process.stdin.write(json.dumps(RUN | {"config": CONFIG | {"data": "digits"}} | task) + "\n")
        process.stdin.flush()  # and left open, as by a worker that lives
        err = process.stderr.read()
        assert (process.wait(), err.count("\n")) == (code, 1), err
    assert err.startswith("lrbook: ")
    assert words in err


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


def test_results_that_are_a_file_are_refused(lrbook):
    Path("s.toml").write_text(TOY)
    Path("taken").write_text("a file")
    for command in (["sweep", "s.toml"], ["study", "report", "s.toml"]):
        for results in ("taken", "taken/below"):
            answer = lrbook(*command, "--results", results)
            assert_refused(answer, f"results folder {results} cannot be read", "--results")


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte order mark"])
def test_a_study_is_read_as_utf_8_whatever_the_locale(tmp_path, monkeypatch, mark):
    path = tmp_path / "s.toml"
    path.write_bytes(f'{mark}name = "Wörter"\n{TOY}'.encode())
    plain = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda p, encoding="cp1252": plain(p, encoding))
    assert plan.read(path).name == "Wörter"


@pytest.mark.parametrize("name", ["runs.parquet", "table.csv", "figure.svg"])
def test_a_report_that_cannot_be_written_says_which_file(lrbook, name):
    Path("s.toml").write_text(TOY + "seeds = [0]\narms = ['S']")
    for config in plan.read("s.toml").configs()[0]:
        made_up.finished(Store("runs"), config)
    Path("out", name).mkdir(parents=True)
    assert_refused(lrbook("study", "report", "s.toml", "--out", "out"), f"out/{name} cannot be")


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
