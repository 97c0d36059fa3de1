"""Studies that are refused: in one sentence, before anything is run or written."""

import json
import subprocess
import sys
from pathlib import Path

import made_up
import pytest
from conftest import assert_refused

from lrbook.records import Store
from lrbook.study import plan

TOY = 'experiment = "toy"\nprofile = "smoke"\n'


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


def test_results_that_are_a_file_are_refused(lrbook):
    Path("s.toml").write_text(TOY)
    Path("taken").write_text("a file")
    for command in (["sweep", "s.toml"], ["study", "report", "s.toml"]):
        for results in ("taken", "taken/below"):
            answer = lrbook(*command, "--results", results)
            assert_refused(answer, f"results folder {results} cannot be read", "--results")


@pytest.mark.parametrize("name", ["runs.parquet", "table.csv", "figure.svg"])
def test_a_report_that_cannot_be_written_says_which_file(lrbook, name):
    Path("s.toml").write_text(TOY + "seeds = [0]\narms = ['S']")
    for config in plan.read("s.toml").configs()[0]:
        made_up.finished(Store("runs"), config)
    Path("out", name).mkdir(parents=True)
    assert_refused(lrbook("study", "report", "s.toml", "--out", "out"), f"out/{name} cannot be")
