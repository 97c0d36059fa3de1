"""The command line of the patch experiment and of the records: answers, exit codes, bad input."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import made_up
import pytest
import torch
from conftest import assert_refused
from tiny_command import RUN

from lrbook import __version__, cli
from lrbook.vision.config import PatchConfig

TOY_STUDY = 'experiment = "toy"\nprofile = "smoke"\n'


@pytest.fixture
def runs(tmp_path):
    return made_up.one_finished_one_broken_off(tmp_path / "runs")


# What is typed after `lrbook run patch`, and the words of the answer: name, value, what is allowed.
BAD_OPTIONS = [
    (["--wide", "2"], ["--wide", "did you mean --widen?"]),
    (["--zzz=1"], ["--zzz", "allowed are --profile"]),
    (["again"], ["again", "not a known option"]),
    (["--eta1"], ["--eta1", "expected one argument"]),
    (["--eta1", "fast"], ["eta1 = 'fast'", "valid number"]),
    (["--eta1", "nan"], ["eta1 = 'nan'", "finite"]),
    (["--eta1", "0"], ["eta1 = '0'", "greater than 0"]),
    (["--eta2", "0.7"], ["eta2 = 0.7", "eta1 = 0.1", "at most"]),
    (["--batch", "1.5"], ["batch = '1.5'", "integer"]),
    (["--depth", "11"], ["depth = '11'", "10, 16, 22"]),
    (["--seeds", ""], ["seeds is empty", "at least one"]),
    (["--seeds", ","], ["seeds is empty", "at least one"]),
    (["--seeds", "0,x"], ["seeds = '0,x'", "whole numbers"]),
    (["--seeds", "0,0"], ["seeds = [0, 0]", "once"]),
    (["--seeds", "-1"], ["seed = -1", "greater than or equal to 0"]),
    (["--arms", ""], ["arms is empty", "at least one"]),
    (["--arms", "large,medium"], ["arm = 'medium'", "large, small, noise"]),
    (["--profile", "huge"], ["profile = 'huge'", "smoke, demo, laptop, mini, colab, paper"]),
    (["--data", "mnist"], ["data = 'mnist'", "digits, cifar10, or a folder"]),
    (["--data", "parquet:1234"], ["data = 'parquet:1234'", "digits, cifar10"]),
    (["--train-size", "1401"], ["train_size = 1401", "1400 images"]),
    (["--train-size", "-1"], ["train_size = '-1'", "greater than or equal to 0"]),
    (["--device", "tpu"], ["device = 'tpu'", "auto, cpu, cuda, mps"]),
    (["--precision", "fp16", "--device", "cpu"], ["precision = 'fp16'", "auto or fp32"]),
]


@pytest.mark.parametrize(("typed", "words"), BAD_OPTIONS, ids=lambda value: " ".join(value))
def test_bad_options(lrbook, runs, tree, typed, words):
    before = tree(runs)
    profile = [] if "--profile" in typed else ["--profile", "smoke"]
    assert_refused(lrbook("run", "patch", *profile, *typed), *words)
    assert tree(runs) == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_device_that_is_not_there(lrbook, runs, tree):
    before = tree(runs)
    answer = lrbook(*RUN, "--device", "cuda", "--force")
    assert_refused(answer, "device = 'cuda'", "not available", "it has ", "cpu")
    assert tree(runs) == before


def test_results_folder_that_cannot_be_written(lrbook, tmp_path):
    (tmp_path / "taken").write_text("a file")
    assert_refused(lrbook(*RUN, "--results", "taken"), "results folder taken", "--results")
    assert_refused(lrbook(*RUN, "--results", "taken/below"), "results folder taken/below")
    assert (tmp_path / "taken").read_text() == "a file"


@pytest.mark.parametrize("options", [[], ["--force"]])
def test_corrupt_record(lrbook, runs, tree, options):
    config = PatchConfig.for_profile("smoke", arm="large", seed=0)
    path = runs / config.run_id / "record.json"
    path.write_text(path.read_text()[:80])
    before = tree(runs)
    answer = lrbook("run", "patch", "--profile", "smoke", "--arms", "small,large", *options)
    assert_refused(answer, f"runs/{config.run_id}/record.json is damaged", "move the folder")
    assert tree(runs) == before


def test_corrupt_checkpoint(lrbook, runs, tree):
    config = PatchConfig.for_profile("smoke", arm="large", seed=1)
    path = runs / config.run_id / "checkpoint"
    path.write_bytes(path.read_bytes()[:-1])
    before = tree(runs)
    answer = lrbook("run", "patch", "--profile", "smoke", "--arms", "large", "--seeds", 1)
    assert_refused(answer, f"runs/{config.run_id}/checkpoint is damaged", "delete it")
    assert tree(runs) == before


@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [(["chapter", "--list"], "papermill", "book"), (["sweep", "s.toml"], "dask", "cluster")],
)
def test_a_package_that_is_not_installed_is_named_with_its_extra(
    lrbook, monkeypatch, command, package, extra
):
    Path("s.toml").write_text('experiment = "toy"\nprofile = "smoke"\nseeds = [0]\narms = ["S"]\n')
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)

    class Missing:
        def find_spec(self, name, path=None, target=None):
            if name == package:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    answer = lrbook(*command)
    assert answer.code == 2
    install = f"in a clone of the repository, pip install '.[{extra}]' adds it"
    assert answer.err == f"lrbook: this command needs {package}; {install}.\n"


BAD_COMMANDS = [
    ([], ["COMMAND", "lrbook --help"]),
    (["fly"], ["fly", "run"]),
    (["run"], ["EXPERIMENT"]),
    (["run", "pitch"], ["pitch", "patch"]),
    (["records", "burn"], ["burn", "list", "show", "verify"]),
    (["records", "list", "--resluts", "x"], ["--resluts", "did you mean --results?"]),
    (["records", "show"], ["no run is named", "lrbook records list"]),
    (["records", "show", "patch-0000"], ["patch-0000", "none"]),
    (["records", "show", "patch"], ["patch-", "one record should match"]),
    (["record", "--only", "patch-latpop"], ["patch-latpop", "did you mean patch-laptop?"]),
    (["record", "--jobs", "many"], ["--jobs", "many", "int"]),
    (["records", "verify", "--results", "rnus"], ["no results folder rnus", "--results"]),
    (["chapter", "puzzle", "--parameter", "a"], ["--parameter is not a known option; allowed are"]),
    (["--verbose"], ["COMMAND"]),
    (
        ["run", "toy", "--seeds", "0", "1", "2"],
        ["1 is not a known option, nor the value", "as in --seeds 0,1,2"],
    ),
]


@pytest.mark.parametrize(("typed", "words"), BAD_COMMANDS, ids=lambda value: " ".join(value))
def test_bad_commands(lrbook, runs, tree, typed, words):
    before = tree(runs)
    assert_refused(lrbook(*typed), *words)
    assert tree(runs) == before


def offered(parser: argparse.ArgumentParser, typed=()):
    """What is typed for each command, and the options that its help names."""
    kinds = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    for name, below in (pair for action in kinds for pair in action.choices.items()):
        yield from offered(below, [*typed, name])
    if not kinds:
        yield typed, {word for action in parser._actions for word in action.option_strings}


# What the words that come first in a command are, where it needs some.
PLACES = {"records": ["list"], "report": ["s.toml"], "sweep": ["s.toml"]}


def test_every_option_that_is_offered_exists(lrbook):
    for typed, options in offered(cli._parser()):
        answer = lrbook(*typed, *PLACES.get(typed[-1], []), "--qqqqqqqqqqq")
        assert_refused(answer, "--qqqqqqqqqqq is not a known option; allowed are ")
        words = answer.err.partition("allowed are ")[2].rstrip(".\n").split(", ")
        assert set(words) == options - {"-h", "--help"}


def test_a_reader_who_has_gone_is_no_success(tmp_path):
    """Of ``lrbook sweep … | true`` nothing has been run."""
    (tmp_path / "s.toml").write_text('experiment = "toy"\nprofile = "smoke"\n')
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", "from lrbook import cli; cli.entry()", "sweep", "s.toml"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, cwd=tmp_path)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")
    assert [path.name for path in tmp_path.iterdir()] == ["s.toml"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("count", [1, 400])  # fewer and more lines than the buffer holds
def test_output_that_cannot_be_written_is_no_success(tmp_path, count, unbuffered):
    (tmp_path / "s.toml").write_text(f"{TOY_STUDY}seeds = '1-{count}'\n")
    command = [sys.executable, "-m", "lrbook", "sweep", "s.toml", "--plan"]
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    with Path("/dev/full").open("w") as full:
        options = {"stderr": subprocess.PIPE, "cwd": tmp_path, "env": environment, "text": True}
        done = subprocess.run(command, stdout=full, **options)
    assert done.returncode == 2
    assert done.stderr.startswith("lrbook: the output cannot be written (No space left on device);")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "typed", ["--version", "--help", "run toy --help", "sweep --help", "records list"]
)
def test_help_that_cannot_be_written_is_no_success(tmp_path, typed, unbuffered):
    command = [sys.executable, "-m", "lrbook", *typed.split()]
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    with Path("/dev/full").open("w") as full:
        options = {"stderr": subprocess.PIPE, "cwd": tmp_path, "env": environment, "text": True}
        done = subprocess.run(command, stdout=full, **options)
    assert done.returncode == 2
    assert done.stderr.startswith("lrbook: the output cannot be written (No space left on device);")
    assert done.stderr.count("\n") == 1


def test_another_error_of_the_system_is_not_taken_for_one_of_the_output(monkeypatch, capsys):
    def broken():
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(cli, "main", broken)
    with pytest.raises(OSError, match="Input/output error"):
        cli.entry()
    assert capsys.readouterr().err == ""


def test_records_commands(lrbook, runs):
    answer = lrbook("records", "list")
    assert (answer.code, answer.err) == (0, "")
    assert len(answer.out.splitlines()) == 2
    assert "finished  large    seed 0" in answer.out
    answer = lrbook("records", "verify")
    assert (answer.code, answer.out) == (0, "2 records, 0 damaged\n")
    run_id = PatchConfig.for_profile("smoke", arm="large", seed=0).run_id
    answer = lrbook("records", "show", run_id[:-3])
    assert json.loads(answer.out)["run_id"] == run_id
    said = lrbook("records", "list", "--results", "none").out
    assert said == "no records: there is no folder none; --results names another\n"

    (runs / run_id / "history.parquet").write_bytes(b"x")
    answer = lrbook("records", "verify")
    assert (answer.code, answer.out) == (2, "2 records, 1 damaged\n")
    assert f"runs/{run_id}/history.parquet is damaged" in answer.err


def test_help_lists_every_setting(lrbook):
    answer = lrbook("run", "patch", "--help")
    assert answer.code == 0
    for field in set(PatchConfig.model_fields) - {"arm", "seed"}:
        assert f"--{field.replace('_', '-')} " in answer.out


def test_version(lrbook):
    assert lrbook("--version").out == f"lrbook {__version__}\n"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (RUN, "the same command goes on from here"),
        ([*RUN, "--force"], "the same command without --force goes on from here"),
        (["chapter", "puzzle"], "starts the chapter again, from its first cell"),
        (["record", "--run"], "one of the book's sweeps that was cut off starts anew"),
        (["record"], "nothing was being run"),
        (["records", "verify"], "nothing was being run"),
    ],
)
def test_who_interrupts_is_told_how_to_go_on(lrbook, monkeypatch, typed, words):
    def interrupt(_):
        raise KeyboardInterrupt

    for name in ("_run", "_chapter", "_record", "_records"):
        monkeypatch.setattr(cli, name, interrupt)
    answer = lrbook(*typed)
    assert answer.code == 130
    assert answer.err.startswith("lrbook: interrupted; ")
    assert answer.err.endswith(f"{words}.\n")
