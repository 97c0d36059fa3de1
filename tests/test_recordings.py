"""The plan of recordings: every entry means valid runs, and what is recorded is found."""

import dataclasses
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import made_up
import pandas as pd
import pytest
from conftest import assert_refused

from lrbook import cli, experiments, record_run, recordings
from lrbook.errors import ConfigError
from lrbook.records import Store
from lrbook.vision import identity
from lrbook.vision.config import PatchConfig
from lrbook.vision.identity import identify

PLAN = recordings.read()


@pytest.fixture
def plan(tmp_path):
    return made_up.two_recordings(tmp_path)


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
    assert len(laptop.seeds) == 10
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
        command = record_run._command(recording, [config], tmp_path, recording.data)
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
    started, asked = [], []
    monkeypatch.setattr(record_run, "_in_processes", lambda jobs, *_: bool(started.extend(jobs)))
    monkeypatch.setattr(identity, "of_files", lambda folder: asked.append(folder) or mine)
    for recording, typed in ((here, str(tmp_path)), (elsewhere, "CIFAR-10 (JPEG copy)")):
        started.clear()
        asked.clear()
        record_run._run_single([recording], tmp_path / "out", str(tmp_path), 1)
        assert len(started) == len(recording.configs()) > 1
        assert {command[command.index("--data") + 1] for command, _ in started} == {typed}
        assert len(asked) == 1  # and not for every run: all of the folder is read for it


@pytest.mark.parametrize("name", ["patch-laptop", "what-if-laptop-ratio"])
def test_other_images_are_refused_before_anything_is_run(
    lrbook, tmp_path, monkeypatch, name
):  # one recording of single runs, one that is a sweep
    for split in ("train", "test"):
        (tmp_path / f"{split}.parquet").write_bytes(b"other images")
    monkeypatch.setattr(record_run, "_in_processes", lambda *_: pytest.fail("started"))
    monkeypatch.setattr(recordings.sweeps, "run", lambda *_, **__: pytest.fail("started"))
    out = tmp_path / "again"
    answer = lrbook("record", "--only", name, "--run", "--data", tmp_path, "--results", out)
    assert answer.code == 2
    assert identify(str(tmp_path)) in answer.err
    assert "CIFAR-10 (JPEG copy), parquet:ad293141ee8007bc" in answer.err
    assert not out.exists()


def test_only_one(plan, tmp_path):
    [recording] = recordings.read(tmp_path / "plan.toml", only="second")
    assert recording == plan[1]
    with pytest.raises(ConfigError, match=r"secnd is not a .*; did you mean second\?"):
        recordings.read(tmp_path / "plan.toml", only="secnd")


def test_seeds_may_be_spans(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(made_up.TWO.replace("[1, 2]", '"3-5"', 1))
    first, _ = recordings.read(path)
    assert sorted({config.seed for config in first.configs()}) == [3, 4, 5]


def test_state_lines(plan, tmp_path):
    first, second = recordings.state_lines(plan, tmp_path / "results")
    assert first.split() == ["first", "0/4", "4", "missing:", "large", "and", "small"]
    assert second.split()[:6] == ["second", "0/1", "1", "missing,", "needs", "abacus:"]
    assert not (tmp_path / "results").exists()


def test_a_damaged_record_is_shown_and_the_others_are_listed(lrbook, tmp_path):
    [recording] = [each for each in PLAN if each.name == "patch-laptop"]
    file = tmp_path / "results" / recording.configs()[0].run_id / "record.json"
    file.parent.mkdir(parents=True)
    file.write_text("{")
    answer = lrbook("record", "--results", tmp_path / "results")
    lines = {line.split()[0]: line for line in answer.out.splitlines()}
    assert list(lines) == [each.name for each in PLAN]
    hurt = lines.pop("patch-laptop")
    assert hurt.split()[1:3] == ["?", "damaged:"]
    assert str(file) in hurt
    assert all(" missing" in line and "damaged" not in line for line in lines.values())
    assert answer.code == 2  # as of `lrbook records verify`


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


def test_a_run_that_was_begun_or_broke_off_is_missing_and_not_shown(plan, tmp_path, monkeypatch):
    begun, done, failed, diverged = plan[0].configs()
    store = Store(tmp_path)
    store.start(begun, {})
    store.fail(failed, "out of memory", {})
    for config, status in ((done, "finished"), (diverged, "diverged")):
        table = pd.DataFrame({"epoch": [1]})
        store.finish(config, table, {}, provenance={}, wall_s=0.0, status=status)
    assert recordings.state_lines(plan[:1], tmp_path)[0].split()[1:4] == ["2/4", "2", "missing:"]
    monkeypatch.setattr(recordings, "read", lambda only: plan[:1])
    found = recordings.load("first", tmp_path)
    assert [record.run_id for record in found] == [done.run_id, diverged.run_id]


def test_the_command_line_lists_and_picks(lrbook, tmp_path):
    answer = lrbook("record", "--only", "patch-laptop", "--results", tmp_path / "none")
    assert answer.code == 0
    assert answer.out.split()[:4] == ["patch-laptop", "0/30", "30", "missing:"]
    assert len(answer.out.splitlines()) == 1
    assert len(lrbook("record", "--results", Path("none")).out.splitlines()) == len(PLAN)


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
        (
            '[[recording]]\nname = "patch-laptop"\nprofile = ["demo"]',
            r"profile = \['demo'\] is not",
        ),
        (
            '[[recording]]\nname = "patch-laptop"\nseeds = [[1]]',
            r"seeds = \[\[1\]\] is not allowed",
        ),
        ('[[recording]]\nname = "patch-laptop"\ngrid = { eta1 = 5 }', "eta1 = 5 is not allowed"),
        ('[[recording]]\nname = ["patch-laptop"]', r"name = \['patch-laptop'\] is not allowed"),
        ('[recording]\nname = "patch-laptop"', r"write each under \[\[recording\]\]"),
        ("recording = [1]", r"write each under \[\[recording\]\]"),
    ],
)
def test_a_plan_of_a_reader_is_checked(tmp_path, text, words):
    (tmp_path / "recordings.toml").write_text(text)
    with pytest.raises(ConfigError, match=words) as error:
        recordings.load("patch-laptop", tmp_path)
    assert str(tmp_path / "recordings.toml") in str(error.value)


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte order mark"])
def test_a_plan_is_read_as_utf_8_whatever_the_locale(tmp_path, monkeypatch, mark):
    text = made_up.TWO.replace("large and small", "große und kleine")
    (tmp_path / "plan.toml").write_bytes(f"{mark}{text}".encode())
    mine = f'{mark}# große\n[[recording]]\nname = "patch-laptop"\narms = []\n'
    (tmp_path / "recordings.toml").write_bytes(mine.encode())
    plain = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda p, encoding="cp1252": plain(p, encoding))
    assert recordings.read(tmp_path / "plan.toml")[0].what == "große und kleine"
    with pytest.raises(ConfigError, match="arms is empty"):
        recordings.load("patch-laptop", tmp_path)


def test_without_the_repository_there_is_a_sentence(lrbook, tmp_path, monkeypatch):
    monkeypatch.setattr(recordings.read, "__defaults__", (tmp_path / "recordings.toml", None))
    assert_refused(lrbook("record"), "the recordings are not here", "a clone of its repository")


def test_a_sweep_is_a_recording_like_the_others():
    found, whole = recordings.there("cifar-mini")
    assert whole
    [plan] = [each for each in PLAN if each.name == "cifar-mini"]
    assert [run.run_id for run in found] == [config.run_id for config in plan.configs()]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[recording]", "not TOML"),
        ('[[recording]]\nname = "a"\nwhat = "b"\nprofil = "demo"', "argument 'profil'"),
        ('[[recording]]\nname = "a"\nwhat = "b"\nseeds = 5', "seeds = 5 is not allowed"),
        ('[recording]\nname = "a"', r"write each under \[\[recording\]\]"),
    ],
)
def test_a_plan_that_cannot_be_one_is_told_with_its_name(tmp_path, text, words):
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(ConfigError, match=words) as error:
        recordings.read(tmp_path / "plan.toml")
    assert str(tmp_path / "plan.toml") in str(error.value)
