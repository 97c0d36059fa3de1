"""The command line of the patch experiment: what a run answers, and what it leaves behind."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import assert_refused
from tiny_command import RUN, TINY

from lrbook import atomic
from lrbook.records import Store
from lrbook.vision.config import PatchConfig

KEYS = {"seeds", "clean", "mixed", "patch_only", "patch_only_before_drop", "patch_learned_epoch"}


def test_json_is_one_line_with_the_promised_keys(lrbook, tmp_path):
    answer = lrbook(*RUN, "--seeds", "4,2", "--json")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.count("\n") == 1
    summary = json.loads(answer.out)
    assert set(summary) == {"run_ids", "arms"}
    assert len(set(summary["run_ids"])) == 6
    assert list(summary["arms"]) == ["large", "small", "noise"]
    for values in summary["arms"].values():
        assert set(values) == KEYS
        assert values["seeds"] == [4, 2]
        assert all(len(numbers) == 2 for numbers in values.values())
        for name in ("clean", "mixed", "patch_only", "patch_only_before_drop"):
            assert all(0 <= number <= 100 for number in values[name])

    # Each number against the definition in words, from the history on disk.
    records = [Store(tmp_path / "runs").load(PatchConfig.for_profile(
        "smoke", **TINY, arm="small", seed=seed)) for seed in (4, 2)]  # fmt: skip
    for place, record in enumerate(records):
        history, values = record.history, summary["arms"]["small"]
        assert list(history.epoch) == [1, 2]
        assert values["clean"][place] == pytest.approx(sum(history.clean[-3:]) / 2, abs=1e-4)
        assert values["patch_only_before_drop"][place] == pytest.approx(history.patch_only[0])
        over = [epoch for epoch, x in zip(history.epoch, history.patch_only, strict=True) if x > 50]
        assert values["patch_learned_epoch"][place] == (over[0] if over else None)

    again = lrbook(*RUN, "--seeds", "4,2", "--json")
    assert again == answer


def test_without_json_a_table_for_people(lrbook):
    answer = lrbook(*RUN, "--arms", "small", "--seeds", "0")
    assert answer.code == 0
    assert answer.out.startswith("small (seeds 0)\n  clean ")
    assert "runs: patch-" in answer.out


def test_finished_runs_are_loaded_and_force_repeats_them(lrbook, tmp_path, tree):
    command = [*RUN, "--arms", "large", "--json"]
    first = lrbook(*command)
    before = tree(tmp_path / "runs")
    assert lrbook(*command) == first
    assert tree(tmp_path / "runs") == before

    assert lrbook(*command, "--force") == first  # the same numbers, computed anew
    after = tree(tmp_path / "runs")
    assert set(after) == set(before)
    for name, (data, written) in after.items():
        assert written > before[name][1], name
        assert name.endswith("record.json") or data == before[name][0]


@pytest.mark.parametrize(
    "command",
    [
        [*RUN, "--arms", "large"],
        ["run", "toy", "--profile", "smoke", "--arms", "S", "--seeds", "0", "--quiet"],
    ],
    ids=["patch", "toy"],
)
def test_finished_runs_are_loaded_from_a_folder_that_cannot_be_written(
    lrbook, monkeypatch, command
):
    first = lrbook(*command)

    def refused(dir):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(atomic.tempfile, "TemporaryFile", refused)
    assert lrbook(*command) == first
    for more in (["--force"], ["--seeds", "7"]):
        assert_refused(lrbook(*command, *more), "results folder runs cannot be written")


def test_a_run_that_diverges_is_told_and_the_others_go_on(lrbook, tmp_path):
    command = [*RUN, "--arms", "large,small", "--seeds", "0,1", "--eta1", "1e9", "--json"]
    answer = lrbook(*command)
    assert answer.code == 1
    arms = json.loads(answer.out)["arms"]
    assert arms["large"]["clean"] == [None, None]
    assert all(number is not None for number in arms["small"]["clean"])
    assert answer.err.count("the training loss became nan") == 2
    assert "patch large, seed 1: " in answer.err

    config = PatchConfig.for_profile("smoke", **TINY, arm="large", seed=0, eta1=1e9)
    record = Store(tmp_path / "runs").load(config)
    assert record.status == "diverged"
    assert "epoch" in record.message
    assert len(record.history) < 2
    assert Store(tmp_path / "runs").problems() == []
    again = lrbook(*command)  # loaded: it would diverge again
    assert (again.code, again.out) == (1, answer.out)


def test_as_a_module_and_as_a_script(tmp_path):
    script = Path(sys.executable).with_name("lrbook")
    for command in ([sys.executable, "-m", "lrbook"], [script]):
        done = subprocess.run(
            [*command, "run", "patch", "--eta1", "-1"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("lrbook: eta1 = '-1' is not allowed")
    assert list(tmp_path.iterdir()) == []
