"""What a record says of its run is what the run's history gives, and else verify tells."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from made_record import CONFIG, HISTORY, ORIGIN, RESULT, finish
from tiny_sweep import swept_into

from lrbook import sweeps
from lrbook.errors import RecordError
from lrbook.recomputed import check_result
from lrbook.record import hashed
from lrbook.records import Store
from lrbook.toy.config import ToyConfig
from lrbook.toy.final import from_history
from lrbook.vision.cifar import CifarConfig
from lrbook.vision.config import PatchConfig


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


def with_its_hash(path, content):
    """Write ``content`` as somebody does who knows of the hash."""
    content.pop("sha256", None)
    path.write_text(json.dumps(hashed(content)), encoding="utf-8")


def said_of(store, **changes):
    """What verify says of the one run, whose result is changed, and its hash with it."""
    path = finish(store).folder / "record.json"
    content = json.loads(path.read_text())
    content["result"] |= changes
    with_its_hash(path, content)
    return path, store.problems()


def test_a_run_as_it_was_is_sound(store):
    assert said_of(store)[1] == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"clean": 99.0}, "clean is 99.0, by the history 34.4444"),
        ({"clean": 34.4448}, "clean is 34.4448, by the history 34.4444"),
        ({"clean": "34.4444"}, "clean is '34.4444', by the history 34.4444"),
        ({"clean": [1]}, "clean is [1], by the history 34.4444"),
        ({"patch_only_before_drop": None}, "patch_only_before_drop is none, by the history 49.0"),
        ({"patch_learned_epoch": 3}, "patch_learned_epoch is 3, by the history 4"),
        (
            {"mixed": 1.5, "patch_only": 2.5},
            "mixed is 1.5, by the history 40.0; patch_only is 2.5, by the history 50.5",
        ),
    ],
)
def test_a_changed_result_is_found_whatever_its_hash(store, changes, words):
    path, [said] = said_of(store, **changes)
    assert said == (
        f"{path} has a result of run {CONFIG.run_id} that is not its history's: {words}. "
        f"Restore it, or move the folder {CONFIG.run_id} away and run again."
    )


def test_a_result_that_is_gone_is_found(store):
    path = finish(store).folder / "record.json"
    content = json.loads(path.read_text())
    del content["result"]["patch_learned_epoch"]
    with_its_hash(path, content)
    [said] = store.problems()
    assert "patch_learned_epoch is none, by the history 4." in said


def test_a_unit_of_the_last_digit_is_rounding(store):
    """As single precision, or a sum in another order, may have it."""
    assert said_of(store, clean=34.4445, mixed=39.9999)[1] == []


def test_verify_tells_it_and_counts_it(store, lrbook):
    path, _ = said_of(store, clean=99.0)
    answer = lrbook("records", "verify", "--results", store.root)
    assert (answer.code, answer.out) == (2, "1 records, 1 damaged\n")
    assert answer.err.startswith(f"lrbook: {path} has a result of run")
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize(
    ("history", "why"),
    [
        (HISTORY[:3], "it has 3 of 4 epochs"),
        (HISTORY.drop(columns="mixed"), "mixed"),
        (HISTORY.drop(columns="epoch"), "epoch"),
        (HISTORY.assign(clean="much"), "mean"),
    ],
    ids=["cut", "a column less", "without epochs", "words"],
)
def test_a_history_that_gives_no_result_is_told(store, history, why):
    store.start(CONFIG, ORIGIN)
    store.finish(CONFIG, history, RESULT, provenance=ORIGIN, wall_s=1.0)
    [said] = store.problems()
    assert f"has a result of run {CONFIG.run_id} that its history does not give (" in said
    assert why in said
    assert "\n" not in said


def test_runs_without_such_a_result_are_passed_over(store):
    """Diverged, of one's own, or of settings that are not allowed today."""

    class Mine(PatchConfig):
        experiment = "mine"

    for config, status in (
        (CONFIG, "diverged"),
        (Mine.for_profile("smoke", arm="large", seed=1), "finished"),
    ):
        store.start(config, ORIGIN)
        store.finish(config, HISTORY, {"clean": 1.0}, provenance=ORIGIN, wall_s=1.0, status=status)
    assert store.problems() == []
    path, _ = said_of(store, clean=99.0)
    content = json.loads(path.read_text())
    content["config"]["batch"] = -1
    with_its_hash(path, content)
    assert store.problems() == []


def test_plain_images_are_compared_too(store):
    config = CifarConfig.for_profile("smoke", arm="small", seed=0)
    history = pd.DataFrame(
        {
            "epoch": [1, 2, 3, 4],
            "clean": [10.0, 20.0, 30.0, 50.0],
            "train_accuracy": [20.0, 40.0, 60.0, 62.0],
        }
    )
    result = {
        "clean": 33.3333,
        "train_accuracy": 54.0,
        "clean_before_drop": 20.0,
        "train_accuracy_before_drop": 40.0,
    }
    for change, sound in (({}, True), ({"clean_before_drop": 30.0}, False)):
        store.forget(config)
        store.start(config, ORIGIN)
        store.finish(config, history, result | change, provenance=ORIGIN, wall_s=1.0)
        assert (store.problems() == []) is sound


def test_a_changed_result_in_a_sweep_is_found_whatever_its_hash(tmp_path):
    folder, sweep = swept_into(tmp_path / "sweep")
    assert sweeps.problems(folder) == (1, [])
    path = folder / "sweep.json"
    whole = path.read_text()
    for name, value in (("p_only_accuracy", 2.0), ("loss", None), ("annealed", 7)):
        content = json.loads(whole)
        content["runs"][2]["result"][name] = value
        with_its_hash(path, content)
        count, [said] = sweeps.problems(folder)
        assert count == 1
        run = sweep.records[2]
        given = run.result[name]
        assert said == (
            f"{path} has a result of run {run.run_id} that is not its history's: {name} is "
            f"{'none' if value is None else value}, by the history "
            f"{'none' if given is None else given}. Restore it, or move the folder sweep away "
            "and run again."
        )


TOY = {"profile": "smoke", "seed": 0, "steps": 40, "steps_ls": 40, "eta1": 0.3, "eta2": 0.01}


def toy_history(rates=(0.3, 0.3, 0.01), loss=0.12345678):
    """Rows at steps 0, 20 and 40, with rates in single precision as JAX has them."""
    return pd.DataFrame(
        {
            "step": [0, 20, 40],
            "rate": np.array(rates, np.float32).astype(float),
            "loss": [0.7, 0.5, loss],
            "q_only_loss": [0.7, 0.5, math.nan],
        }
    )


def test_the_end_of_a_toy_run_is_its_last_row():
    config = ToyConfig.for_profile(arm="S", **TOY)
    want = {"loss": 0.123457, "q_only_loss": None, "annealed": None}
    assert from_history(toy_history(), config) == want


@pytest.mark.parametrize(
    ("settings", "rates", "annealed"),
    [
        ({"anneal": "loss"}, (0.3, 0.01, 0.01), 20),
        ({"anneal": "loss"}, (0.01, 0.01, 0.01), 0),
        ({"anneal": "loss"}, (0.3, 0.3, 0.3), None),
        ({"anneal": 20}, (0.3, 0.01, 0.01), 20),
        ({"anneal": 40}, (0.3, 0.3, 0.01), 40),
        ({"anneal": 41}, (0.3, 0.3, 0.3), None),
    ],
)
def test_when_the_rate_fell_is_in_the_history(settings, rates, annealed):
    config = ToyConfig.for_profile(arm="L-S", **TOY, **settings)
    assert from_history(toy_history(rates), config)["annealed"] == annealed


def test_where_both_rates_are_one_no_history_tells_when_it_fell():
    settings = TOY | {"eta2": 0.3, "anneal": "loss"}
    config = ToyConfig.for_profile(arm="L-S", **settings)
    assert "annealed" not in from_history(toy_history((0.3, 0.3, 0.3)), config)


@pytest.mark.parametrize("rows", [0, 2])
def test_a_toy_history_that_is_cut_is_told(store, rows):
    config = ToyConfig.for_profile(arm="S", **TOY)
    store.start(config, ORIGIN)
    record = store.finish(config, toy_history()[:rows], {}, provenance=ORIGIN, wall_s=1.0)
    why = {0: "it has no rows", 2: "it ends at step 20 of 40"}[rows]
    with pytest.raises(RecordError, match=why):
        check_result(record, record.history, record.folder / "record.json")


def test_the_books_results_are_their_histories():
    results = ROOT / "results"
    assert Store(results).problems() == []
    count, said = sweeps.problems(results)
    assert said == []
    assert count == len(list(results.glob("sweeps/*/sweep.json"))) > 0
