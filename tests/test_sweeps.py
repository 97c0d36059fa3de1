"""Sweeps: what they run, what they refuse, and that nothing is lost or run twice."""

import dataclasses
import json
import math

import pandas as pd
import pytest
from tiny_sweep import SHORT, swept_into

from lrbook import sweeps
from lrbook.errors import ConfigError, RecordError
from lrbook.keeper import Unstored
from lrbook.sweeps import store, table
from lrbook.toy import experiment
from lrbook.toy.config import ToyConfig
from lrbook.vision.config import PatchConfig


@pytest.fixture
def swept(tmp_path):
    return swept_into(tmp_path / "sweep")


def test_a_sweep_has_the_numbers_of_single_runs(swept):
    folder, sweep = swept
    assert sorted(path.name for path in folder.iterdir()) == ["histories.parquet", "sweep.json"]
    assert sweep.swept == ["r"]
    assert list(sweep.runs.columns[:4]) == ["run_id", "r", "arm", "seed"]
    for row, record in zip(sweep.runs.itertuples(), sweep.records, strict=True):
        config = ToyConfig.for_profile("smoke", arm=row.arm, seed=row.seed, r=row.r, **SHORT)
        [alone] = experiment.run([config], progress=False)
        assert record.run_id == row.run_id == config.run_id
        assert row.loss == alone.result["loss"]
        assert row.limit_all_p == alone.result["limits"]["all_p"]
        kept = alone.history.astype({c: "float32" for c in alone.history if c != "step"})
        pd.testing.assert_frame_equal(record.history, kept)


def test_a_sweep_in_a_folder_of_its_own_is_checked_and_says_what_it_is(swept):
    folder, sweep = swept
    assert repr(sweep) == f"Sweep of {len(sweep.records)} runs of toy over r; its table: .runs"
    assert repr(sweeps.Sweep([])) == "Sweep of 0 runs"
    for place in (folder, folder.parent):
        assert table.problems(place) == (1, [])
    file = folder / "sweep.json"
    file.write_bytes(file.read_bytes() + b"x")
    for place in (folder, folder.parent):
        count, [said] = table.problems(place)
        assert count == 1
        assert str(file) in said


def test_each_run_keeps_the_place_where_it_was_computed(swept, tmp_path):
    _, sweep = swept
    runs = [
        dataclasses.replace(each, provenance=each.provenance | {"device": f"machine {i % 3}"})
        for i, each in enumerate(sweep.records)
    ]
    table.write(tmp_path / "moved", runs)
    again = sweeps.load(tmp_path / "moved").records
    assert [run.provenance for run in again] == [run.provenance for run in runs]


def test_selecting(swept):
    _, sweep = swept
    assert [r.config["arm"] for r in sweep.select(r=0.2)] == ["L-S", "S"]
    [history] = sweep.history(r=0.2, arm="S")
    assert history.step.iloc[-1] == 40
    with pytest.raises(ConfigError, match="did you mean eta"):
        sweep.select(eta=1)
    assert "4 runs, seed 1" in sweep.provenance()


def test_finished_runs_are_not_run_again(swept, monkeypatch):
    folder, sweep = swept
    asked = []
    plain = experiment.sharding.batches

    def spy(runs, *rest, **named):
        asked.extend(run.config for run in runs)
        return plain(runs, *rest, **named)

    monkeypatch.setattr(experiment.sharding, "batches", spy)
    more = sweeps.run(
        "toy", "smoke", grid={"r": [0.1, 0.2, 0.3]}, seeds=[1], folder=folder, **SHORT
    )
    assert {(c.r, c.arm) for c in asked} == {(0.3, "L-S"), (0.3, "S")}
    assert more.runs.run_id.tolist()[:4] == sweep.runs.run_id.tolist()
    assert len(sweeps.load(folder).records) == 6


def test_a_run_that_diverges_at_once_leaves_the_sweep_readable(tmp_path):
    sizes = {"train_size": 64, "test_size": 20, "patch_test_size": 20, "epochs": 2, "drop": 2}
    arguments = {"grid": {"eta1": [0.1, 1e30]}, "seeds": [1], "arms": ["large"], **sizes}
    sweep = sweeps.run("patch", "smoke", folder=tmp_path / "s", progress=False, **arguments)
    assert sweep.runs.status.tolist() == ["finished", "diverged"]
    assert [len(record.history) for record in sweep.records] == [2, 0]
    assert sweep.records[0].history.epoch.tolist() == [1, 2]
    assert sweep.records[0].history.epoch.dtype == "int64"  # as without the other run
    again = sweeps.run("patch", "smoke", folder=tmp_path / "s", progress=False, **arguments)
    assert again.runs.equals(sweep.runs)


def test_a_sweep_of_which_all_runs_diverge_at_once_is_readable(tmp_path):
    configs = PatchConfig.expand("smoke", seeds=[1, 2], arms=["large"])
    empty, options = pd.DataFrame([]), {"provenance": {}, "wall_s": 1.0, "status": "diverged"}
    records = [Unstored().finish(config, empty, {}, **options) for config in configs]
    table.write(tmp_path, records)
    found = sweeps.load(tmp_path).records
    assert [record.run_id for record in found] == [config.run_id for config in configs]
    assert [len(record.history) for record in found] == [0, 0]


def test_another_sweep_in_the_folder_is_refused_and_left_alone(swept):
    folder, _ = swept
    before = (folder / "sweep.json").read_bytes()
    with pytest.raises(RecordError, match="not of this sweep"):
        sweeps.run("toy", "smoke", grid={"r": [0.1]}, seeds=[1], folder=folder, **SHORT)
    assert (folder / "sweep.json").read_bytes() == before


def test_the_file_is_plain_json(swept):
    folder, sweep = swept
    found = json.loads((folder / "sweep.json").read_text())
    assert found["common"]["steps"] == 40
    assert [run["set"]["r"] for run in found["runs"]] == sweep.runs.r.tolist()


def test_a_run_that_ends_in_infinity_leaves_the_sweep_whole(tmp_path):
    settings = SHORT | {"train_output": True, "lam": 0.0, "lam_w": 0.0}
    grid = {"eta1": [0.35, 100.0]}
    options = {"grid": grid, "arms": ["L-S"], "seeds": [0], "folder": tmp_path, "progress": False}
    for _ in range(2):  # made, and found again
        sweep = sweeps.run("toy", "smoke", **options, **settings)
        assert sweep.runs.status.tolist() == ["finished", "diverged"]
        assert sweep.records[1].history.loss.iloc[-1] == math.inf
    [part] = sweep.select(eta1=100.0)
    store._write_part(tmp_path / f"{part.run_id}.json", part)
    text = (tmp_path / f"{part.run_id}.json").read_text()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    again = store._read_part(tmp_path / f"{part.run_id}.json").history
    pd.testing.assert_frame_equal(again, part.history, check_dtype=False)


@pytest.mark.parametrize("seeds", [[0, 1], [1, 2]])
def test_a_sweep_older_than_a_field_is_completed_and_extended(tmp_path, seeds):
    options = {"arms": ["S"], "folder": tmp_path, "progress": False, **SHORT}
    sweeps.run("toy", "smoke", seeds=[1], points=[{}], **options)
    file = tmp_path / "sweep.json"
    older = json.loads(file.read_bytes())
    assert older["common"].pop("preactivation_shared") is True
    del older["sha256"]
    file.write_text(json.dumps(older))
    found = sweeps.load(tmp_path)
    assert len(found.select(preactivation_shared=True)) == 1
    longer = sweeps.run("toy", "smoke", seeds=seeds, points=[{}], **options)
    assert [run.config["seed"] for run in longer.records] == seeds
    assert len(sweeps.load(tmp_path).records) == 2


@pytest.mark.parametrize("old", [(0,), (1,), (0, 1)])
def test_parts_older_than_a_field_are_sealed(swept, tmp_path, old):
    _, sweep = swept
    parts = tmp_path / "other" / "parts"
    for i, record in enumerate(sweep.records[:2]):
        path = parts / f"{record.run_id}.json"
        store._write_part(path, record)
        if i in old:
            fields = json.loads(path.read_bytes())
            assert fields["config"].pop("preactivation_shared") is True
            del fields["sha256"]
            path.write_text(json.dumps(fields))
    options = {"grid": {"r": [0.1]}, "seeds": [1], "folder": parts.parent, "progress": False}
    found = sweeps.run("toy", "smoke", **options, **SHORT)
    assert [record.wall_s for record in found.records] == [r.wall_s for r in sweep.records[:2]]
    assert found.swept == []
    assert len(found.select(preactivation_shared=True)) == 2
