"""Records on disk: nothing half there, nothing lost, nothing damaged believed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from made_record import CONFIG, HISTORY, ORIGIN, RESULT, finish

from lrbook import records
from lrbook.atomic import write_atomically
from lrbook.errors import ConfigError, RecordError
from lrbook.keeper import Unstored
from lrbook.records import Store
from lrbook.report import record_lines
from lrbook.study import report
from lrbook.vision.config import PatchConfig


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


@pytest.fixture
def folder(store):
    """The folder of one finished run."""
    finish(store)
    return store.root / CONFIG.run_id


def test_round_trip(store):
    finish(store)
    record = Store(store.root).load(CONFIG)
    assert record.done
    assert PatchConfig(**record.config) == CONFIG
    assert (record.status, record.result, record.wall_s) == ("finished", RESULT, 1.23)
    pd.testing.assert_frame_equal(record.history, HISTORY, check_exact=True)


def test_on_disk_are_the_promised_files_and_fields(folder):
    assert sorted(path.name for path in folder.iterdir()) == ["history.parquet", "record.json"]
    fields = json.loads((folder / "record.json").read_text())
    assert fields["run_id"] == folder.name == CONFIG.run_id
    assert fields["config"]["seed"] == 3
    assert {"status", "provenance", "result", "history_sha256", "wall_s"} <= set(fields)
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "history.parquet"), HISTORY)


@pytest.mark.parametrize("status", ["finished", "diverged", "failed"])
def test_the_checkpoint_of_a_run_that_is_over_goes(store, status):
    """A process was killed after it wrote the record and before it removed the checkpoint."""
    finish(store, status=status)
    store.save_checkpoint(CONFIG, b"of the last epoch but one")
    record = Store(store.root).load(CONFIG)
    assert record.status == status
    assert (store.load_checkpoint(CONFIG) is None) == record.done


def test_a_field_that_came_later_is_at_its_default(store, folder, tree):
    """Such a record is found, and read as the run that it is, by whatever reads records."""
    text = json.loads((folder / "record.json").read_text())
    assert text["config"].pop("watch") is False
    del text["sha256"]  # which is younger
    (folder / "record.json").write_text(json.dumps(text))
    before = tree(folder)
    ways = [store.load(CONFIG), *store.records(), *store.find("patch", watch=False)]
    assert len(ways) == 3
    assert all(PatchConfig(**found.config) == CONFIG for found in ways)
    assert all(found.config["watch"] is False for found in ways)
    watched = finish(store, PatchConfig.for_profile("smoke", arm="small", seed=3, watch=True))
    frame, swept = report.runs([ways[0], watched])
    assert swept == ["watch"]
    assert frame.watch.tolist() == [False, True]
    assert tree(folder) == before


def test_no_record_yet(store):
    assert store.load(CONFIG) is None
    assert store.load_checkpoint(CONFIG) is None
    assert store.folders() == []
    assert store.problems() == []


def test_states_of_a_run(store):
    store.start(CONFIG, ORIGIN)
    assert (store.load(CONFIG).status, store.load(CONFIG).done) == ("running", False)
    store.save_checkpoint(CONFIG, b"epoch 1")
    store.fail(CONFIG, "out of memory", ORIGIN)
    assert (store.load(CONFIG).status, store.load(CONFIG).done) == ("failed", False)
    assert store.load(CONFIG).message == "out of memory"
    assert store.load_checkpoint(CONFIG) == b"epoch 1"
    finish(store, status="diverged", message="nan")
    assert (store.load(CONFIG).status, store.load(CONFIG).done) == ("diverged", True)
    assert store.load_checkpoint(CONFIG) is None


def test_a_checkpoint_that_cannot_be_removed_is_no_failure(store, monkeypatch):
    """On Windows, while a scanner reads it."""
    unlink = Path.unlink

    def held(path, *args, **options):
        if path.name == "checkpoint":
            raise PermissionError(13, "it is open")
        unlink(path, *args, **options)

    store.save_checkpoint(CONFIG, b"of the last epoch but one")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", held)
        assert finish(store).status == "finished"
    assert store.load(CONFIG).result == RESULT
    assert store.load_checkpoint(CONFIG) is None


@pytest.mark.parametrize("status", ["finished", "diverged"])
def test_a_run_that_is_over_does_not_fail_any_more(store, tree, status):
    finish(store, status=status)
    before = tree(store.root)
    store.fail(CONFIG, "interrupted", ORIGIN)
    assert tree(store.root) == before
    store.forget(CONFIG)
    store.fail(CONFIG, "interrupted", ORIGIN)
    assert (store.load(CONFIG).status, store.load(CONFIG).message) == ("failed", "interrupted")


def test_whether_there_is_a_checkpoint(store):
    assert not store.has_checkpoint(CONFIG)
    assert not Unstored().has_checkpoint(CONFIG)
    store.save_checkpoint(CONFIG, b"epoch 1")
    assert store.has_checkpoint(CONFIG)


@pytest.mark.parametrize("name", ["record.json", "checkpoint"])
def test_what_cannot_be_forgotten_is_named(store, monkeypatch, name):
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)
    store.forget(CONFIG)
    path = store.root / CONFIG.run_id / name
    path.parent.mkdir(parents=True)
    path.write_text("held by a program")
    with pytest.raises(RecordError, match=f"{CONFIG.run_id}/{name} cannot be removed"):
        store.forget(CONFIG)


def test_forget(store, folder):
    store.forget(CONFIG)
    assert not folder.exists()
    store.forget(CONFIG)


def test_the_history_is_there_before_the_record_and_the_checkpoint_until_after_it(
    store, monkeypatch
):
    store.start(CONFIG, ORIGIN)
    store.save_checkpoint(CONFIG, b"epoch 2")
    checkpoint, seen = store.root / CONFIG.run_id / "checkpoint", []

    def write(path, data):
        seen.append((path.name, checkpoint.exists()))
        write_atomically(path, data)

    monkeypatch.setattr(records, "write_atomically", write)
    assert store.finish(CONFIG, HISTORY, {}, provenance=ORIGIN, wall_s=1.0).done
    assert seen == [("history.parquet", True), ("record.json", True)]
    assert not checkpoint.exists()


def test_a_write_into_a_file_in_place_of_the_folder(store):
    store.root.mkdir()
    (store.root / CONFIG.run_id).write_text("in the way")
    with pytest.raises(RecordError, match=f"{CONFIG.run_id}.*cannot be written"):
        store.start(CONFIG, ORIGIN)
    assert (store.root / CONFIG.run_id).read_text() == "in the way"


def test_results_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "results").write_text("a file")
    for root in (tmp_path / "results", tmp_path / "results" / "below"):
        with pytest.raises(RecordError, match=f"results folder {root} cannot be written"):
            Store(root).check_writable()
    assert (tmp_path / "results").read_text() == "a file"


def test_check_writable_leaves_nothing(store):
    store.check_writable()
    assert list(store.root.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="files without a name are Linux's")
def test_check_writable_leaves_nothing_where_it_is_killed(tmp_path):
    """Killed at the moment when it would take the file away again."""
    script = (
        "import os, pathlib, sys; from lrbook.records import Store;"
        "os.unlink = os.remove = pathlib.Path.unlink = lambda *a, **kw: os._exit(9);"
        "Store(sys.argv[1]).check_writable()"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "runs")])
    assert done.returncode in (0, 9)
    assert list((tmp_path / "runs").iterdir()) == []


def test_find_and_problems(store):
    for seed in (2, 0, 1):
        for arm in ("large", "small"):
            finish(store, PatchConfig.for_profile("smoke", arm=arm, seed=seed))
    finish(store, PatchConfig.for_profile("smoke", arm="large", seed=7, eta1=0.2))
    store.start(PatchConfig.for_profile("smoke", arm="large", seed=9), ORIGIN)
    found = store.find("patch", arm="large", eta1=0.1)
    assert [record.config["seed"] for record in found] == [0, 1, 2]
    assert store.find("toy") == []
    assert len(store.folders()) == 8
    assert store.problems() == []
    bad = store.folders()[4]
    (bad / "record.json").write_text("{")
    [problem] = store.problems()
    assert bad.name in problem
    with pytest.raises(RecordError, match=bad.name):
        store.find("patch")


def test_unstored_keeps_the_history_in_memory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = Unstored()
    store.check_writable()
    store.save_checkpoint(CONFIG, b"x")
    store.fail(CONFIG, "why", ORIGIN)
    record = finish(store)
    assert record.history is HISTORY
    assert record.done
    assert store.load(CONFIG) is None
    assert store.load_checkpoint(CONFIG) is None
    assert list(tmp_path.iterdir()) == []


def test_a_search_for_what_there_cannot_be_is_refused(store, folder):
    with pytest.raises(ConfigError, match="eta is not a known field; did you mean eta1 or eta2"):
        store.find("patch", eta=0.1)
    with pytest.raises(ConfigError, match=r"patc is not a known experiment; did you mean patch\?"):
        store.find("patc")


def test_the_list_tells_runs_apart_by_their_settings(store):
    finish(store)
    for settings in ({"carrier_share": 0.0}, {"profile": "demo", "eta1": 0.3}):
        profile = settings.pop("profile", "smoke")
        finish(store, PatchConfig.for_profile(profile, arm="small", seed=4, **settings))
    lines, problems = record_lines(store)
    found = sorted(line.rpartition("  ")[2] for line in lines)
    assert found == ["demo, eta1 = 0.3", "smoke", "smoke, carrier_share = 0.0"]
    assert problems == []
