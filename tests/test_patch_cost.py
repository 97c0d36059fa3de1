"""What the patch costs in a what-if setting, on hand-made runs."""

import dataclasses

import pandas as pd
import pytest
import torch
from tiny_images import tiny

from lrbook import figures, patch_cost, recordings, whatif
from lrbook.figures import data
from lrbook.record import Record
from lrbook.sweeps import Sweep
from lrbook.vision.config import PatchConfig
from lrbook.vision.task import training_batch


def run(arm, seed, clean, **settings):
    config = PatchConfig.for_profile("mini", arm=arm, seed=seed, data="digits", **settings)
    settings, result = config.model_dump(mode="json"), {"clean": clean, "patch_learned_epoch": 5}
    origin = {"data": "digits"}
    return Record(config.run_id, "patch", settings, "finished", origin, result, None, 1.0)


def both(large, small, **settings):
    """Runs of both arms, on seeds 5, 6, ..."""
    arms = {"large": large, "small": small}
    return [
        run(arm, seed, clean, **settings)
        for arm, values in arms.items()
        for seed, clean in enumerate(values, 5)
    ]


BASE = both([66, 67, 68], [55, 54, 56])
WITHOUT = both([70, 72, 71], [62, 63, 61], carrier_share=0.0)
SLOW = both([60, 61], [59, 57], eta2=0.1)
SLOW_WITHOUT = both([65, 67], [63, 60], eta2=0.1, carrier_share=0.0)
STRONG = both([50, 51], [45, 49], pattern=0.6)
WSD = both([69], [], schedule="wsd")
WSD_WITHOUT = both([71, 74], [], schedule="wsd", carrier_share=0.0)


@pytest.fixture
def found(monkeypatch):
    """What ``controls`` makes of a base, two sweeps with a control and one that needs none."""
    sweeps = {"ratio": SLOW_WITHOUT, "schedule": WSD_WITHOUT}
    points = {"ratio": {"eta2": 0.1}, "schedule": {"schedule": "wsd"}}
    arms = {"ratio": ("large", "small"), "schedule": ("large",)}

    def plan(only):
        one = [points[only]] if only in points else None
        mine = arms.get(only, ("large", "small"))
        return [recordings.Recording(only, "", "patch", "mini", mine, (5, 6), points=one)]

    monkeypatch.setattr(whatif.recordings, "read", plan)
    monkeypatch.setattr(whatif.sweeps, "recorded", lambda name: Sweep(sweeps[name]))
    monkeypatch.setattr(whatif.book, "recorded", lambda name: WITHOUT)
    groups = {
        "pattern = 0.6": STRONG,
        whatif.BASE: BASE,
        "eta2 = 0.1": SLOW,
        "schedule = wsd": [*WSD, BASE[3]],
        "widen = 4": both([60], [50], widen=4),
    }
    without, none = patch_cost.controls(groups, "control", ["ratio", "schedule"])
    return groups, without, none


def test_each_setting_gets_its_own_control_and_the_others_are_named(found):
    _, without, none = found
    assert list(without) == ["pattern = 0.6", whatif.BASE, "eta2 = 0.1", "schedule = wsd"]
    assert none == ["widen = 4"]
    assert without[whatif.BASE] == WITHOUT
    assert without["eta2 = 0.1"] == SLOW_WITHOUT
    # the strength of a pattern that no image has: the base's runs, on the setting's seeds
    assert without["pattern = 0.6"] == [*WITHOUT[:2], *WITHOUT[3:5]]
    # a schedule is the large arm's alone: the base's small runs stand beside it
    assert without["schedule = wsd"] == [*WSD_WITHOUT, *WITHOUT[3:5]]


def test_costs_and_shares_are_differences_seed_by_seed(found):
    groups, without, _ = found
    lost = patch_cost.cost(groups["eta2 = 0.1"], without["eta2 = 0.1"])
    assert lost == {"large": [5, 6], "small": [4, 3]}
    # with the patch 1 and 4 apart, without 2 and 7
    assert patch_cost.share(groups["eta2 = 0.1"], without["eta2 = 0.1"]) == [-1, -3]
    # seed 6 has no large run with the patch
    assert patch_cost.share(groups["schedule = wsd"], without["schedule = wsd"]) == [14 - 9]
    for setting, control in without.items():
        lost = patch_cost.cost(groups[setting], control)
        if len(lost["large"]) == len(lost["small"]):
            per_seed = [s - b for b, s in zip(lost["large"], lost["small"], strict=True)]
            assert patch_cost.share(groups[setting], control) == per_seed


def test_what_the_patch_could_cost_at_most_is_told_on_the_same_seeds():
    epochs = both([60, 59, 58], [50, 51, 49], carrier_share=0.0, train_size=100)
    steps = both([65, 66], [57, 55], carrier_share=0.0, train_size=100, epochs=99)
    few = {"in as many epochs": epochs, "in as many steps": steps}
    said = patch_cost.at_most_words(BASE, WITHOUT, few).replace("\N{NO-BREAK SPACE}", " ")
    large, small = said.split(". The patch costs")
    # seeds 5 and 6: 4 and 5 with the patch, 10 and 13, 5 and 6; t(0.975, 1) = 12.706
    assert large.startswith("The patch costs large **4.5 ± 6.4** points; if images with it taught")
    assert large.endswith(
        "it would be **11.5 ± 19.1** in as many epochs and **5.5 ± 6.4** in as many steps"
    )
    # 7 and 9; 12 and 12; 5 and 8
    assert small.startswith(" small **8.0 ± 12.7** points")
    assert small.endswith("**12.0 ± 0.0** in as many epochs and **6.5 ± 19.1** in as many steps.")


def test_those_alike_have_arm_and_seed_of_another():
    others = [run("small", 6, 1.0), run("large", 9, 1.0)]
    assert patch_cost.alike(BASE, others) == [BASE[4]]  # small, seed 6


def test_the_table_has_a_row_for_each_setting_with_a_control(found):
    groups, without, _ = found
    table = patch_cost.table(groups, without).set_index("setting, on digits")
    assert list(table.index) == [
        "pattern twice as strong (`pattern = 0.6`)",
        whatif.BASE,
        "small rate ×5 (`eta2 = 0.1`)",
        "warm-up, stable, decay (`schedule = wsd`)",
    ]
    row = table.loc["small rate ×5 (`eta2 = 0.1`)"]
    assert list(row) == ["+2.0, +7.0", "+5.0, +6.0", "+4.0, +3.0", "-1.0, -3.0"]
    # gaps without 8, 9, 10; lost 4, 5, 3 and 7, 9, 5: t(0.975, 2) = 4.303
    row = table.loc[whatif.BASE]
    assert list(row)[:3] == [
        "+9.0\xa0±\xa02.5",
        "+4.0\xa0±\xa02.5",
        "+7.0\xa0±\xa05.0",
    ]
    assert row.iloc[3] == "+3.0\xa0±\xa02.5"  # 3, 4, 2


def test_runs_come_with_the_time_for_which_they_have_known_the_patch(found):
    groups, without, _ = found
    groups = dict(groups)
    learnt = {5: 16, 6: None}  # in the last epoch, and never
    groups["eta2 = 0.1"] = [
        dataclasses.replace(
            run, result=run.result | {"patch_learned_epoch": learnt[run.config["seed"]]}
        )
        for run in SLOW
    ]
    table = patch_cost.by_run(groups, without)
    slow = table[table.setting == "eta2 = 0.1"].set_index(["arm", "seed"])
    assert slow.known.to_dict() == {
        ("large", 5): 1,
        ("large", 6): 0,
        ("small", 5): 1,
        ("small", 6): 0,
    }
    assert slow.cost.tolist() == [5, 6, 4, 3]
    base = table[table.setting == whatif.BASE]
    assert set(base.known) == {12}  # of 16 epochs, learnt in the fifth
    # the base's small run stands in the row of the schedule as well: it is there once
    assert table[table.setting == "schedule = wsd"].arm.tolist() == ["large"]
    assert len(table) == 4 + 6 + 4 + 1

    dots = data.table(figures.cost_by_time(table))
    known, cost = (
        next(name for name in dots if words in name) for words in ("epochs for", "points that")
    )
    for arm, mine in table.groupby("arm"):
        shown = dots[dots.series == arm]
        assert shown[known].tolist() == mine.known.tolist()
        assert shown[cost].tolist() == mine.cost.tolist()


def test_time_and_cost_are_ranked_within_a_seed():
    """Seeds of two settings are left out; costs of seed 2 are higher throughout."""
    known = {1: (0, 3, 9), 2: (0, 3, 9), 3: (0, 9), 4: (0, 3, 9)}
    cost = {1: (1, 2, 5), 2: (31, 39, 35), 3: (9, 0), 4: (1, 2, 5)}
    runs = pd.DataFrame(
        [
            {"arm": arm, "seed": seed, "known": x, "cost": y}
            for arm in whatif.ARMS
            for seed in known
            for x, y in zip(known[seed], cost[seed], strict=True)
            if arm == "large" or seed == 1
        ]
    )
    # ranks 1, 2, 3 against 1, 3, 2: 1 - 6 * 2 / (3 * 8) = 0.5; of 1, 0.5 and 1 the deviation is
    # 0.289, and t(0.975, 2) = 4.303
    assert patch_cost.time_words(runs) == (
        "Within a seed, cost and time have a rank correlation of 0.83\xa0±\xa00.72 for large "
        "(3 seeds) and 1.00 for small (1 seed)."
    )


def test_rows_are_told_by_the_interval_of_the_share():
    without = both([70, 70, 70], [60, 60, 60], carrier_share=0.0)
    groups = {
        "a": both([70, 71, 72], [50, 50, 50]),
        "b": both([60, 61, 62], [60, 60, 60]),
        "c": both([70, 75, 65], [60, 60, 60]),
        "d": both([70, 75], [60, 60]),
        "e": both([], []),
    }
    assert patch_cost.share_words(groups, dict.fromkeys(groups, without)) == (
        "The patch widens the gap: *a*. It narrows it: *b*. Neither for certain: *c*. "
        "Too few seeds to tell: *d*."
    )


def test_seeds_in_which_a_run_has_not_trained_are_left_out_and_named():
    groups = {
        "fine": both([70, 71], [60, 61]),
        "hot": both([9.9, 60, 58, 57], [50, 51, 52, 15], batch=256),
    }
    without = {
        "fine": both([72, 74], [63, 64], carrier_share=0.0),
        "hot": both([65, 66, 10.4, 67], [53, 53, 53, 54], batch=256, carrier_share=0.0),
    }
    assert patch_cost.cost(groups["hot"], without["hot"]) == {
        "large": [6, 10],  # of seeds 6 and 8
        "small": [3, 2, 1, 39],
    }
    assert patch_cost.share(groups["hot"], without["hot"]) == [2 - 6, 39 - 10]
    runs = patch_cost.by_run(groups, without)
    hot = runs[(runs.setting == "hot") & (runs.arm == "large")]
    assert hot.seed.tolist() == [6, 8]
    words = patch_cost.untrained_words(groups, without)
    assert words == (
        "Left out, as with the patch or without it the run has not trained (fewer than 15 % of "
        "clean images right; guessing gets 10): large of *hot*, seeds 5 and 7."
    )
    assert patch_cost.untrained_words({"fine": groups["fine"]}, {"fine": without["fine"]}) == ""


def test_a_run_that_diverged_is_in_no_row_and_breaks_none():
    lost = dataclasses.replace(WITHOUT[0], status="diverged", result={})
    row = patch_cost.table({whatif.BASE: BASE}, {whatif.BASE: [lost, *WITHOUT[1:]]}).iloc[0]
    assert row["no patch: large − small"] == "+9.0, +10.0"  # of seeds 6 and 7
    assert row["and widens the gap by"] == "+4.0, +2.0"
    assert patch_cost.trained([lost, *WITHOUT[1:]]) == WITHOUT[1:]


def test_the_gap_without_a_patch_is_that_of_runs_that_have_trained():
    groups = {whatif.BASE: BASE, "hot": both([60, 58, 57], [51, 52, 50], batch=256)}
    bare = both([65, 10.4, 67], [53, 53, 54], batch=256, carrier_share=0.0)
    row = patch_cost.table(groups, {"hot": bare}).iloc[0]
    assert row["no patch: large − small"] == "+12.0, +13.0"  # of seeds 5 and 7


def test_a_control_of_other_images_is_refused(monkeypatch):
    other = [dataclasses.replace(run, provenance={"data": "CIFAR-10"}) for run in WITHOUT]
    monkeypatch.setattr(whatif, "gather", lambda base, names: ({whatif.BASE: other}, []))
    with pytest.raises(LookupError, match=r"control in .* is on CIFAR-10, .* on digits"):
        patch_cost.controls({whatif.BASE: BASE}, "control", [])


@pytest.mark.parametrize("changed", [{"pattern": 2.0}, {"patch_only_share": 0.9}])
def test_fields_of_the_patch_change_nothing_without_one(changed):
    """So the base's runs without a patch stand for these rows too; with one they do not."""
    assert set(changed) <= patch_cost.OF_THE_PATCH

    def batches(**settings):
        task, visits = tiny(**settings), torch.Generator().manual_seed(1)
        return [training_batch(task, torch.arange(40), visits).images for _ in range(2)]

    for share, same in ((0.0, True), (0.8, False)):
        pairs = zip(
            batches(carrier_share=share), batches(carrier_share=share, **changed), strict=True
        )
        assert all(torch.equal(one, two) == same for one, two in pairs)
