"""`lrbook record --run`: what is missing gets run, once, each run on a GPU or cores of its own."""

import itertools
import queue
import sys
import types

import made_up
import pandas as pd
import pytest
from tqdm import tqdm

from lrbook import record_run, recordings, sweeps
from lrbook.errors import ConfigError, DataError
from lrbook.records import Store
from lrbook.vision.config import PatchConfig

# Writes the record that a run would have written, for the options of `_command`.
STUB = """
import sys, pandas as pd
from lrbook.records import Store
from lrbook.vision.config import PatchConfig
arm, seed, results = sys.argv[1:4]
config = PatchConfig.for_profile("smoke", arm=arm, seed=int(seed), eta1=0.2, stem_stride=1)
if arm == sys.argv[4]:
    sys.exit(1)
store = Store(results)
store.start(config, {})
store.finish(config, pd.DataFrame({"epoch": [1]}), {}, provenance={}, wall_s=0.0)
"""


@pytest.fixture
def plan(tmp_path):
    return made_up.two_recordings(tmp_path)


def test_missing_runs_are_run_and_only_those(plan, tmp_path, monkeypatch, capsys):
    results, asked, broken = tmp_path / "results", [], {"arm": "small"}

    def command(recording, configs, folder, data):
        [config] = configs
        asked.append((recording.name, config.arm, config.seed))
        typed = [config.arm, config.seed, folder, broken["arm"]]
        return [sys.executable, "-c", STUB, *map(str, typed)]

    monkeypatch.setattr(record_run, "_command", command)
    monkeypatch.setattr(record_run, "_device_there", lambda device: device is None)
    assert record_run.run_missing(plan, results, jobs=2) == 1
    assert asked == [("first", arm, seed) for seed in (1, 2) for arm in ("large", "small")]
    assert capsys.readouterr().out.split()[:4] == ["first", "2/4", "2", "missing:"]
    assert len(Store(results).folders()) == 2

    asked.clear()
    broken["arm"] = ""
    assert record_run.run_missing(plan, results) == 0
    assert asked == [("first", "small", 1), ("first", "small", 2)]
    missing = PatchConfig.for_profile("smoke", arm="small", seed=2, eta1=0.2, stem_stride=1)
    assert Store(results).load(missing).done
    assert capsys.readouterr().out.split()[:3] == ["first", "4/4", "complete:"]

    asked.clear()
    assert record_run.run_missing(plan, results) == 0
    assert asked == []


@pytest.mark.parametrize("kept", ["bf16", "fp32"])
def test_runs_in_other_digits_are_not_set_beside_those_that_are_there(
    plan, tmp_path, monkeypatch, capsys, kept
):
    """One run is there, computed in ``kept``; this machine computes in fp32."""
    started = []

    def start(commands, *_):
        started.extend(commands)
        return False  # none failed

    monkeypatch.setattr(record_run, "_in_processes", start)
    monkeypatch.setattr("lrbook.vision.devices.choose_precision", lambda *_: "fp32")
    store, config = Store(tmp_path), plan[0].configs()[0]
    table = pd.DataFrame({"epoch": [1]})
    store.finish(config, table, {}, provenance={"precision": kept}, wall_s=0.0)
    code = record_run.run_missing(plan[:1], tmp_path)
    told = capsys.readouterr()
    assert (code, len(started)) == ((1, 0) if kept == "bf16" else (0, 3))
    assert ("first: its runs are in bf16" in told.err) == (kept == "bf16")
    assert told.out.split()[:2] == ["first", "1/4"]


def test_runs_whose_images_are_not_given_are_not_started(tmp_path, monkeypatch, capsys):
    """One sentence, and not one for each run; what needs no folder is run."""
    started = []
    monkeypatch.setattr(
        record_run, "_in_processes", lambda commands, *_: bool(started.extend(commands))
    )
    copy, rest = (
        recordings.Recording(name, "", "patch", "smoke", ("small",), (1, 2), data=data)
        for name, data in (("photos", "CIFAR-10 (JPEG copy)"), ("digits", None))
    )
    assert record_run.run_missing([copy, rest], tmp_path) == 1
    words = "photos: the images CIFAR-10 (JPEG copy) are needed; give their folder with --data DIR"
    assert capsys.readouterr().err.count(words) == 1
    assert [words[words.index("run") + 1] for words, _ in started] == ["patch", "patch"]
    assert not any("parquet" in word for words, _ in started for word in words)


@pytest.mark.parametrize("experiment", ["patch", "toy"])
@pytest.mark.parametrize("swept", [False, True])
def test_a_damaged_record_keeps_no_other_recording_from_running(
    tmp_path, monkeypatch, capsys, experiment, swept
):
    arm = {"patch": "small", "toy": "S"}[experiment]
    points = {"points": [{}]} if swept else {}
    hurt = recordings.Recording("hurt", "", experiment, "smoke", (arm,), (1, 2), **points)
    rest = recordings.Recording("rest", "", "patch", "smoke", ("large",), (1, 2))
    later = recordings.Recording("later", "", "toy", "smoke", ("L-S",), (1,), points=[{}])
    run_id = hurt.configs()[0].run_id
    file = f"sweeps/hurt/parts/{run_id}.json" if swept else f"{run_id}/record.json"
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text("{")
    started = []
    monkeypatch.setattr(
        record_run, "_in_processes", lambda commands, *_: bool(started.extend(commands))
    )
    monkeypatch.setattr(
        recordings.Recording, "run_sweep", lambda each, *_: started.append(each.name)
    )
    assert record_run.run_missing([hurt, rest, later], tmp_path) == 1
    commands, sweeps_run = started[:-1], started[-1:]
    assert [words[words.index("--arms") + 1] for words, _ in commands] == ["large", "large"]
    assert sweeps_run == ["later"]
    told = capsys.readouterr()
    assert told.err.count(f"lrbook: hurt: {tmp_path / file} is damaged") == 1
    lines = [line.split()[:3] for line in told.out.splitlines()]
    assert lines == [["hurt", "?", "damaged:"], ["rest", "0/2", "2"], ["later", "0/1", "1"]]
    assert str(tmp_path / file) in told.out


def test_images_go_to_the_gpus_seed_by_seed_and_the_rest_to_the_cores(plan, tmp_path, monkeypatch):
    """Each process writes which GPU it was given, and waits: no two on one at the same time."""
    say = (
        "import os, sys, time, pathlib; start = time.time(); time.sleep(0.5); "
        "pathlib.Path(sys.argv[1]).write_text("
        "f\"{os.environ.get('CUDA_VISIBLE_DEVICES')} {start} {time.time()}\")"
    )
    toy = recordings.Recording("toy", "", "toy", "smoke", ("S",), (1,))
    out = tmp_path / "out"
    out.mkdir()

    def command(recording, configs, *_):
        arms = "-".join(config.arm for config in configs)
        return [sys.executable, "-c", say, str(out / f"{recording.name} {arms} {configs[0].seed}")]

    monkeypatch.setattr(record_run, "_command", command)
    monkeypatch.setattr(record_run.machine, "gpus", lambda device: ["3", "5"])
    monkeypatch.setattr(record_run, "available_cores", lambda: 16)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    record_run.run_missing([plan[0], toy], tmp_path)
    found = {path.name: path.read_text().split() for path in out.iterdir()}
    assert sorted(found) == ["first large-small 1", "first large-small 2", "toy S 1"]
    assert found["toy S 1"][0] == "None"
    for gpu in ("3", "5"):
        times = sorted([float(a), float(b)] for which, a, b in found.values() if which == gpu)
        assert len(times) >= 1
        assert all(one[1] <= two[0] for one, two in itertools.pairwise(times))
    assert {which for which, *_ in found.values()} == {"3", "5", "None"}


class Impatient(queue.SimpleQueue):
    """Of GPUs: one that nobody gives back is told of, and not waited for."""

    def get(self):
        return super().get(timeout=5)


def test_more_commands_than_gpus_take_turns(monkeypatch):
    given = []

    def call(command, environment):
        given.append(environment["CUDA_VISIBLE_DEVICES"])
        return 0

    monkeypatch.setattr(record_run.orphans, "call", call)
    monkeypatch.setattr(record_run, "queue", types.SimpleNamespace(SimpleQueue=Impatient))
    with tqdm(disable=True) as bar:
        assert not record_run._in_processes([(["x"], 1)] * 5, 2, ["3", "5"], bar)
    assert len(given) == 5
    assert set(given) == {"3", "5"}


def test_the_arms_of_a_seed_are_one_command(plan, tmp_path, monkeypatch):
    from lrbook import cli

    configs = [config for config in plan[0].configs() if config.seed == 2]
    words = record_run._command(plan[0], configs, tmp_path, None)
    assert words[1:4] == ["-m", "lrbook", "run"]
    asked = []

    def run(configs, *_, **__):
        asked.extend(configs)
        raise DataError("enough")

    monkeypatch.setattr("lrbook.vision.experiment.run", run)
    assert cli.main(words[3:]) == 2
    assert asked == configs
    assert len(asked) == 2


def test_a_sweep_that_fails_keeps_no_other_from_running(tmp_path, monkeypatch, capsys):
    first, second = (
        recordings.Recording(name, "", "toy", "smoke", ("S",), (1,), points=[{}])
        for name in ("first", "second")
    )
    ran = []

    def run_sweep(recording, results, data=None):
        ran.append(recording.name)
        if recording.name == "first":
            raise DataError("no images")

    monkeypatch.setattr(recordings.Recording, "run_sweep", run_sweep)
    assert record_run.run_missing([first, second], tmp_path) == 1
    assert ran == ["first", "second"]
    told = capsys.readouterr()
    assert "first: no images" in told.err
    assert len(told.out.splitlines()) == 2
    with pytest.raises(ConfigError, match="jobs = -1"):
        record_run.run_missing([first], tmp_path, jobs=-1)


def test_a_sweep_is_recorded_in_one_folder_and_found(tmp_path):
    small = {"steps": 40, "steps_ls": 40, "anneal": 20}
    entry = recordings.Recording(
        name="tiny",
        what="two rates",
        experiment="toy",
        profile="smoke",
        arms=("L-S", "S"),
        seeds=(3,),
        settings=small,
        grid={"eta1": [0.1, 0.2]},
    )
    assert recordings.state_lines([entry], tmp_path)[0].split()[:4] == [
        "tiny",
        "0/4",
        "4",
        "missing:",
    ]
    assert record_run.run_missing([entry], tmp_path) == 0
    assert "4/4 complete" in recordings.state_lines([entry], tmp_path)[0]
    assert [path.name for path in tmp_path.iterdir()] == ["sweeps"]
    found = sweeps.load(sweeps.folder_of("tiny", tmp_path))
    assert found.runs[["eta1", "arm"]].to_numpy().tolist() == [
        [0.1, "L-S"],
        [0.1, "S"],
        [0.2, "L-S"],
        [0.2, "S"],
    ]


def test_a_sweep_killed_before_it_was_sealed_is_sealed_by_the_next_call(
    tmp_path, monkeypatch, capsys
):
    small = {"steps": 40, "steps_ls": 40, "anneal": 20}
    entry = recordings.Recording(
        "tiny", "", "toy", "smoke", ("S",), (3,), settings=small, points=[{}]
    )
    with monkeypatch.context() as patched:
        patched.setattr(sweeps.SweepStore, "seal", lambda *_: None)
        assert record_run.run_missing([entry], tmp_path) == 1  # for want of the table
    assert "there is no finished sweep tiny" in capsys.readouterr().err
    assert not sweeps.sealed("tiny", tmp_path)
    assert record_run.run_missing([entry], tmp_path) == 0
    assert sweeps.sealed("tiny", tmp_path)
    assert len(sweeps.load(sweeps.folder_of("tiny", tmp_path)).records) == 1
