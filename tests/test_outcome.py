"""A run in a few numbers, and several side by side, from hand-made histories and records."""

import pandas as pd

from lrbook.record import Record
from lrbook.vision.config import PatchConfig
from lrbook.vision.outcome import outcome, summary


def config(arm="large", seed=0, **settings):
    return PatchConfig.for_profile("smoke", arm=arm, seed=seed, **settings)


def test_outcome_of_a_known_history():
    run = config(epochs=6, drop=4)
    history = pd.DataFrame(
        {
            "epoch": range(1, 7),
            "clean": [10, 20, 30, 40, 50, 90],
            "mixed": [0, 0, 0, 1, 2, 3],
            "patch_only": [10, 50, 20, 51, 40, 80],
        }
    )
    assert outcome(history, run) == {
        "clean": 60.0,
        "mixed": 2.0,
        "patch_only": 57.0,
        "patch_only_before_drop": 20.0,
        "patch_learned_epoch": 4,
    }
    never = history.assign(patch_only=50)
    assert outcome(never, run)["patch_learned_epoch"] is None
    assert outcome(history.head(3), run) == {}


def test_what_was_watched_is_averaged_over_the_last_three_epochs():
    history = pd.DataFrame(
        {
            "epoch": range(1, 5),
            **dict.fromkeys(("clean", "mixed", "patch_only"), [1.0] * 4),
            "wrong_patch": [100.0, 10, 20, 60],
            "wrong_patch_followed": [0.0, 7, 8, 9],
        }
    )
    plain, watched = (outcome(history, config(watch=watch)) for watch in (False, True))
    assert watched == plain | {"wrong_patch": 30.0, "wrong_patch_followed": 8.0}
    assert "wrong_patch" not in plain


def record(arm, seed, result, **settings):
    run = config(arm, seed, **settings)
    status = "finished" if result else "diverged"
    return Record(run.run_id, "patch", run.model_dump(), status, {}, result, None, 1.0)


def test_runs_side_by_side_are_by_arm_with_a_place_for_each_seed():
    result = {
        "clean": 50.0,
        "mixed": 40.0,
        "patch_only": 0.0,
        "patch_only_before_drop": 0.0,
        "patch_learned_epoch": None,
    }
    runs = [record("large", 2, result), record("small", 2, result), record("large", 1, {})]
    found = summary(runs)
    assert found["run_ids"] == [run.run_id for run in runs]
    assert list(found["arms"]) == ["large", "small"]
    assert found["arms"]["large"] == {
        "seeds": [2, 1],
        "clean": [50.0, None],
        "mixed": [40.0, None],
        "patch_only": [0.0, None],
        "patch_only_before_drop": [0.0, None],
        "patch_learned_epoch": [None, None],
    }


def test_what_was_watched_is_told_along_with_the_rest():
    seen = {"wrong_patch": 30.0, "wrong_patch_followed": 8.0}
    [arm] = summary([record("large", 0, seen, watch=True)])["arms"].values()
    assert (arm["wrong_patch"], arm["wrong_patch_followed"]) == ([30.0], [8.0])
