"""The plan of recordings: every entry means valid runs, and what is missing gets run."""

import dataclasses
import itertools
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from lrbook import cli, experiments, recordings, sweeps
from lrbook.errors import ConfigError, DataError
from lrbook.records import Store
from lrbook.vision import identity
from lrbook.vision.config import PatchConfig
from lrbook.vision.identity import identify

PLAN = recordings.read()

TWO = """
[[recording]]
name = "first"
what = "large and small"
experiment = "patch"
profile = "smoke"
arms = ["large", "small"]
seeds = [1, 2]
settings = { eta1 = 0.2, stem_stride = 1 }

[[recording]]
name = "second"
what = "on a device that is not there"
experiment = "patch"
profile = "smoke"
arms = ["noise"]
seeds = [0]
device = "abacus"
"""

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
    path = tmp_path / "plan.toml"
    path.write_text(TWO)
    return recordings.read(path)


@pytest.mark.parametrize("recording", PLAN, ids=lambda recording: recording.name)
def test_every_entry_means_valid_and_different_runs(recording):
    configs = recording.configs()
    places = len(recording.points or [{}]) * math.prod(map(len, (recording.grid or {}).values()))
    assert len(configs) == places * len(recording.arms) * len(recording.seeds)
    assert len({config.run_id for config in configs}) == len(configs)
    assert {config.experiment for config in configs} == {recording.experiment}
    assert recording.what


def test_the_plan_holds_what_the_book_shows():
    names = [recording.name for recording in PLAN]
    assert len(set(names)) == len(names)
    by_name = {recording.name: recording for recording in PLAN}
    laptop, control = by_name["patch-laptop"], by_name["patch-laptop-control"]
    assert laptop.arms == control.arms == ["large", "small", "noise"]
    assert laptop.seeds == control.seeds
    assert len(laptop.seeds) == 5
    assert {config.carrier_share for config in laptop.configs()} == {0.8}
    assert {config.carrier_share for config in control.configs()} == {0.0}
    assert {config.data for config in laptop.configs()} == {"parquet:ad293141ee8007bc"}


@pytest.mark.parametrize(
    "recording", [r for r in PLAN if not r.is_sweep], ids=lambda recording: recording.name
)
def test_the_command_of_a_run_means_that_run(recording, monkeypatch, tmp_path):
    typed = []

    def run(configs, store, **options):
        typed.append((configs, store.root, options))
        return []

    stub = SimpleNamespace(run=run, summary=lambda _: {})
    monkeypatch.setattr(experiments, "shell", lambda _: stub)
    for config in (recording.configs()[0], recording.configs()[-1]):
        command = recordings._command(recording, config, tmp_path, None)
        assert command[:3] == [sys.executable, "-m", "lrbook"]
        assert cli.main(command[3:]) == 0
        configs, root, options = typed.pop()
        assert configs == [config]
        assert root == tmp_path
        assert options["progress"] is False
        assert options.get("folder") is None  # a display name is no folder


def test_a_folder_of_images_serves_only_the_recordings_of_them(tmp_path, monkeypatch):
    for split in ("train", "test"):
        (tmp_path / f"{split}.parquet").write_bytes(b"images")
    mine = identify(str(tmp_path))
    monkeypatch.setitem(identity.NAMES, mine, "mine")
    by_name = {recording.name: recording for recording in PLAN}
    elsewhere = by_name["patch-laptop"]
    here = dataclasses.replace(elsewhere, data="mine")
    for recording, typed in ((here, str(tmp_path)), (elsewhere, "CIFAR-10 (JPEG copy)")):
        command = recordings._command(recording, recording.configs()[0], tmp_path, str(tmp_path))
        assert command[command.index("--data") + 1] == typed


def test_only_one(plan, tmp_path):
    [recording] = recordings.read(tmp_path / "plan.toml", only="second")
    assert recording == plan[1]
    with pytest.raises(ConfigError, match=r"secnd is not a .*; did you mean second\?"):
        recordings.read(tmp_path / "plan.toml", only="secnd")


def test_state_lines(plan, tmp_path):
    first, second = recordings.state_lines(plan, tmp_path / "results")
    assert first.split() == ["first", "0/4", "4", "missing:", "large", "and", "small"]
    assert second.split()[:6] == ["second", "0/1", "1", "missing,", "needs", "abacus:"]
    assert not (tmp_path / "results").exists()


def test_missing_runs_are_run_and_only_those(plan, tmp_path, monkeypatch, capsys):
    results, asked, broken = tmp_path / "results", [], {"arm": "small"}

    def command(recording, config, folder, data):
        asked.append((recording.name, config.arm, config.seed))
        typed = [config.arm, config.seed, folder, broken["arm"]]
        return [sys.executable, "-c", STUB, *map(str, typed)]

    monkeypatch.setattr(recordings, "_command", command)
    monkeypatch.setattr(recordings, "_device_there", lambda device: device is None)
    assert recordings.run_missing(plan, results, jobs=2) == 1
    assert asked == [("first", arm, seed) for seed in (1, 2) for arm in ("large", "small")]
    assert capsys.readouterr().out.split()[:4] == ["first", "2/4", "2", "missing:"]
    assert len(Store(results).folders()) == 2

    asked.clear()
    broken["arm"] = ""
    assert recordings.run_missing(plan, results) == 0
    assert asked == [("first", "small", 1), ("first", "small", 2)]
    missing = PatchConfig.for_profile("smoke", arm="small", seed=2, eta1=0.2, stem_stride=1)
    assert Store(results).load(missing).done
    assert capsys.readouterr().out.split()[:3] == ["first", "4/4", "complete:"]

    asked.clear()
    assert recordings.run_missing(plan, results) == 0
    assert asked == []


def test_images_go_one_to_a_gpu_and_the_rest_to_the_cores(plan, tmp_path, monkeypatch):
    """Each run writes which GPU it was given, and waits: no two on one at the same time."""
    say = (
        "import os, sys, time, pathlib; start = time.time(); time.sleep(0.5); "
        "pathlib.Path(sys.argv[1]).write_text("
        "f\"{os.environ.get('CUDA_VISIBLE_DEVICES')} {start} {time.time()}\")"
    )
    toy = recordings.Recording("toy", "", "toy", "smoke", ("S",), (1,))
    out = tmp_path / "out"
    out.mkdir()

    def command(recording, config, *_):
        return [sys.executable, "-c", say, str(out / config.run_id)]

    monkeypatch.setattr(recordings, "_command", command)
    monkeypatch.setattr(recordings.machine, "gpus", lambda device: ["3", "5"])
    monkeypatch.setattr(recordings, "available_cores", lambda: 16)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    recordings.run_missing([plan[0], toy], tmp_path)
    found = {path.name: path.read_text().split() for path in out.iterdir()}
    assert len(found) == 5
    [toy_run] = [values for name, values in found.items() if name.startswith("toy")]
    assert toy_run[0] == "None"
    for gpu in ("3", "5"):
        times = sorted([float(a), float(b)] for which, a, b in found.values() if which == gpu)
        assert len(times) >= 1
        assert all(one[1] <= two[0] for one, two in itertools.pairwise(times))
    assert {which for which, *_ in found.values()} == {"3", "5", "None"}


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
    assert recordings.run_missing([first, second], tmp_path) == 1
    assert ran == ["first", "second"]
    told = capsys.readouterr()
    assert "first: no images" in told.err
    assert len(told.out.splitlines()) == 2
    with pytest.raises(ConfigError, match="jobs = -1"):
        recordings.run_missing([first], tmp_path, jobs=-1)


def test_load_gives_the_finished_runs_in_order(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(recordings, "read", lambda only: [r for r in plan if r.name == only])
    assert recordings.load("first", tmp_path) == []
    store = Store(tmp_path)
    for config in reversed(plan[0].configs()[:3]):
        store.start(config, {})
        store.finish(config, pd.DataFrame({"epoch": [1]}), {}, provenance={}, wall_s=0.0)
    found = recordings.load("first", tmp_path)
    assert [(r.config["seed"], r.config["arm"]) for r in found] == [
        (1, "large"),
        (1, "small"),
        (2, "large"),
    ]


def test_the_command_line_lists_and_picks(lrbook, tmp_path):
    answer = lrbook("record", "--only", "patch-laptop", "--results", tmp_path / "none")
    assert answer.code == 0
    assert answer.out.split()[:4] == ["patch-laptop", "0/15", "15", "missing:"]
    assert len(answer.out.splitlines()) == 1
    assert len(lrbook("record", "--results", Path("none")).out.splitlines()) == len(PLAN)


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
    assert recordings.run_missing([entry], tmp_path) == 0
    assert "4/4 complete" in recordings.state_lines([entry], tmp_path)[0]
    assert [path.name for path in tmp_path.iterdir()] == ["sweeps"]
    found = sweeps.load(sweeps.folder_of("tiny", tmp_path))
    assert found.runs[["eta1", "arm"]].to_numpy().tolist() == [
        [0.1, "L-S"],
        [0.1, "S"],
        [0.2, "L-S"],
        [0.2, "S"],
    ]


def test_a_sweep_killed_before_it_was_sealed_is_sealed_by_the_next_call(tmp_path, monkeypatch):
    small = {"steps": 40, "steps_ls": 40, "anneal": 20}
    entry = recordings.Recording(
        "tiny", "", "toy", "smoke", ("S",), (3,), settings=small, points=[{}]
    )
    with monkeypatch.context() as patched:
        patched.setattr(sweeps.SweepStore, "seal", lambda *_: None)
        with pytest.raises(LookupError):  # of the table, which is not there
            recordings.run_missing([entry], tmp_path)
    assert not sweeps.sealed("tiny", tmp_path)
    assert recordings.run_missing([entry], tmp_path) == 0
    assert sweeps.sealed("tiny", tmp_path)
    assert len(sweeps.load(sweeps.folder_of("tiny", tmp_path)).records) == 1


def test_runs_of_a_reader_stand_for_a_recording(tmp_path):
    """Ours has seeds 5 to 9 at laptop; the reader has another rate, two seeds and one profile."""
    mine = [PatchConfig.for_profile("smoke", arm="large", seed=seed, eta1=0.3) for seed in (21, 22)]
    store = Store(tmp_path)
    for config in mine:
        store.finish(config, pd.DataFrame({"epoch": [1]}), {}, provenance={}, wall_s=0.0)
    assert recordings.load("patch-laptop", tmp_path) == []
    (tmp_path / "recordings.toml").write_text(
        '[[recording]]\nname = "patch-laptop"\nprofile = "smoke"\nseeds = [21, 22, 23]\n'
        'arms = ["large"]\ndata = "digits"\nsettings = { eta1 = 0.3 }\n'
    )
    found = recordings.load("patch-laptop", tmp_path)
    assert [record.run_id for record in found] == [config.run_id for config in mine]
    assert recordings.load("patch-laptop-control", tmp_path) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[recording]", "not TOML"),
        ('[[recording]]\nname = "patch-lap"', "'patch-lap' is missing, or is not a recording"),
        ("[[recording]]\nseeds = [1]", "'name' is missing"),
        ('[[recording]]\nname = "patch-laptop"\nseed = 1', "unexpected keyword argument 'seed'"),
        ('[[recording]]\nname = "patch-laptop"\nseeds = 5', "seeds = 5 is not allowed"),
        ('[[recording]]\nname = "patch-laptop"\nsettings = 5', "settings = 5 is not allowed"),
        ('[[recording]]\nname = "patch-laptop"\ndata = 4', "data = 4 is not allowed"),
    ],
)
def test_a_plan_of_a_reader_is_checked(tmp_path, text, words):
    (tmp_path / "recordings.toml").write_text(text)
    with pytest.raises(ConfigError, match=words):
        recordings.load("patch-laptop", tmp_path)
