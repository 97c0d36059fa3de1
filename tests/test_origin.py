"""The footer of a chapter: all it says comes from records, and nothing used is left out."""

import pandas as pd
import pytest

from lrbook import book, origin, sweeps, used
from lrbook.record import Record

HERE = {
    "date": "2026-03-04T00:00:00+00:00",
    "device": "this machine",
    "commit": "fedcba9876543210",
    "dirty": True,
    "python": "3.12.1",
    "versions": {"lrbook": "9.9"},
}


def record(seed, *, experiment="patch", wall_s=90.0, status="finished", **told):
    known = {
        "date": "2026-01-02T03:04:05+00:00",
        "commit": "0123456789abcdef",
        "dirty": False,
        "device": "CPU, a model, 1 cores",
        "data": "some images",
        "precision": "bf16",
        "python": "3.11.0",
        "versions": {"torch": "2.0", "jax": "0.5", "numpy": "1.0"},
    }
    return Record(
        run_id=f"{experiment}-{seed}",
        experiment=experiment,
        config={"arm": "large", "seed": seed},
        status=status,
        provenance=known | told,
        result={},
        history_sha256=None,
        wall_s=wall_s,
        table=pd.DataFrame({"epoch": [1]}),
    )


@pytest.fixture(autouse=True)
def nothing_used(monkeypatch):
    monkeypatch.setattr(used, "_kept", {kind: {} for kind in used.KINDS})


def test_every_part_is_read_from_the_records():
    later = {"date": "2026-01-04T00:00:00+00:00", "commit": "aaaaaaaabbbb", "dirty": True}
    found = origin.describe([record(3), record(1), record(2, **later)])
    assert found == {
        "runs": "3 runs, seeds 1 to 3",
        "data": "some images",
        "hardware": "CPU, a model, 1 core, bf16",
        "software": "torch 2.0, numpy 1.0, Python 3.11.0",
        "time": "4.5 minutes",
        "date": "2026-01-02 to 2026-01-04",
        "commit": "commit 01234567 and commit aaaaaaaa with changes",
    }


def test_a_run_that_is_there_twice_counts_once():
    found = origin.describe([record(1), record(2), record(1)])
    assert (found["runs"], found["time"]) == ("2 runs, seeds 1, 2", "3.0 minutes")


def test_the_toy_names_jax_and_has_no_images():
    found = origin.describe([record(7, experiment="toy", data=None, precision=None)])
    assert found["software"].startswith("jax 0.5")
    assert found["data"] == "data drawn from the seed"
    assert found["hardware"] == "CPU, a model, 1 core"
    assert found["runs"] == "1 run, seed 7"


def test_diverged_runs_are_counted_and_no_records_are_refused():
    assert origin.describe([record(1), record(5, status="diverged")])["runs"] == (
        "2 runs (1 diverged), seeds 1, 5"
    )
    with pytest.raises(ValueError, match="no records"):
        origin.describe([])


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(2.34, "2.3 seconds"), (42, "42 seconds"), (450, "7.5 minutes"), (9000, "2.5 hours")],
)
def test_time(seconds, words):
    assert origin.time_words(seconds) == words


def test_what_all_records_share_is_said_once():
    said = origin.footer_words({"one": [record(1)], "two": [record(2)]}, {}, HERE)
    assert said.count("some images") == 1
    assert said.count("torch 2.0") == 1
    assert "| `one` | 1 run, seed 1; 90 seconds" not in said  # from 90 s on in minutes
    assert "| `one` | 1 run, seed 1; 1.5 minutes; 2026-01-02; commit 01234567 |" in said
    other = record(2, data="other images")
    said = origin.footer_words({"one": [record(1)], "two": [other]}, {}, HERE)
    assert "| `two` | 1 run, seed 2; other images; " in said
    assert "| `one` | 1 run, seed 1; some images; " in said


def test_the_page_itself_is_named():
    said = origin.footer_words({"one": [record(1)]}, {}, HERE)
    assert (
        "Page executed 2026-03-04: this machine; lrbook 9.9, commit fedcba98 with changes" in said
    )


def test_a_page_without_recordings_says_so():
    assert "shows no recording" in origin.footer_words({}, {}, HERE)
    live = record(1, device="this machine", precision=None)
    said = origin.footer_words({"one": [record(1)]}, {"patch, demo": [live]}, HERE)
    assert "| run on this page: patch, demo | 1 run, seed 1; this machine; 1.5 minutes" in said
    assert "The recording: some images; CPU, a model, 1 core, bf16; torch 2.0" in said
    said = origin.footer_words({}, {"patch, demo": [record(1)]}, HERE)
    assert "shows no recording" in said
    assert "run on this page: patch, demo" in said
    toy = record(2, experiment="toy", data=None, device="another", precision=None)
    said = origin.footer_words({"one": [record(1)], "two": [toy]}, {}, HERE)
    assert "shows no recording" not in said
    assert "Every recording" not in said  # they have nothing in common


def test_recordings_and_sweeps_are_kept_under_their_names(tmp_path, monkeypatch):
    from lrbook.sweeps import table

    monkeypatch.setattr(book.recordings, "there", lambda name: ([record(1), record(2)], True))
    monkeypatch.setenv("LRBOOK_RECORDINGS", str(tmp_path))
    monkeypatch.setenv(used.VARIABLE, str(tmp_path / "log"))
    table.write(tmp_path / "sweeps" / "a-sweep", [record(5, experiment="toy")])
    book.recorded("patch-laptop")
    book.recorded("patch-laptop")
    sweeps.recorded("a-sweep")
    kept = used.kept("shown")
    assert {name: [run.config["seed"] for run in runs] for name, runs in kept.items()} == {
        "patch-laptop": [1, 2],
        "a-sweep": [5],
    }
    assert all(run.table is None for runs in kept.values() for run in runs)
    assert used.read(tmp_path / "log")["shown"] == ["patch-1", "patch-2", "sweeps/a-sweep"]


def test_live_runs_are_kept(monkeypatch):
    from types import SimpleNamespace

    shell = SimpleNamespace(run=lambda configs, *_, **__: [record(c.seed) for c in configs])
    monkeypatch.setattr("lrbook.experiments.shell", lambda name: shell)
    book.live("patch", "smoke", seeds=[4, 3], arms=["large"])
    sweeps.run("toy", "smoke", seeds=[8], arms=["S"], progress=False)
    kept = used.kept("live")
    assert [run.config["seed"] for run in kept["patch, smoke"]] == [4, 3]
    assert [run.config["seed"] for run in kept["toy, smoke"]] == [8]


def test_the_commit_of_an_archive_is_told_from_that_of_a_checkout():
    same = [{"commit": "0123456789", "dirty": dirty} for dirty in (None, True, False, True)]
    assert origin.commits([*same, {"commit": None, "dirty": None}]) == [
        "01234567",
        "01234567 from an archive",
        "01234567 with changes",
    ]
