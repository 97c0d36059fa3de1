"""What-if settings on hand-made runs."""

import dataclasses

import pandas as pd
import pytest

from lrbook import book, figures, recordings, whatif
from lrbook.figures import data
from lrbook.record import Record
from lrbook.sweeps import Sweep
from lrbook.vision.config import PatchConfig


def run(arm, seed, learned, clean, **settings):
    config = PatchConfig.for_profile("mini", arm=arm, seed=seed, data="digits", **settings)
    result = {"patch_learned_epoch": learned, "clean": clean}
    origin, settings = {"data": "digits"}, config.model_dump(mode="json")
    return Record(config.run_id, "patch", settings, "finished", origin, result, None, 1.0)


BASE = [run("large", 5, 12, 60.0), run("small", 5, 5, 50.0), run("large", 6, None, 61.0),
        run("small", 6, 6, 50.5)]  # fmt: skip

STRONG = [run("large", 5, 3, 40.0, pattern=0.6), run("small", 5, 2, 45.0, pattern=0.6),
          run("large", 6, 9, 42.0, pattern=0.6), run("small", 6, 8, 41.0, pattern=0.6)]  # fmt: skip


STRONGER = "pattern twice as strong (`pattern = 0.6`)"  # 0.3 in the base

# a base of more arms and more seeds than the rows have, kept as one folder per run
FIVE = [*BASE, run("noise", 5, 3, 55.0), run("large", 7, 14, 62.0), run("small", 7, 5, 47.0)]

COSINE = [run("large", 5, 10, 66.0, schedule="cosine")]


@pytest.fixture
def recorded(monkeypatch):
    tables = {"what-if-base": BASE, "what-if-pattern": STRONG, "what-if-schedule": COSINE}

    def find(name):
        if name not in tables:
            raise LookupError(name)
        return Sweep(tables[name])

    def plan(only):
        points = {
            "what-if-base": [{}],
            "patch-laptop": None,
            "what-if-pattern": [{"pattern": 0.6}, {"pattern": 0.9}],
            "what-if-schedule": [{"schedule": "cosine"}],
            "what-if-batch": [{"batch": 32}],
        }[only]
        arms = ("large",) if only == "what-if-schedule" else ("large", "small")
        return [recordings.Recording(only, "", "patch", "mini", arms, (5, 6), points=points)]

    monkeypatch.setattr(whatif.sweeps, "recorded", find)
    monkeypatch.setattr(whatif.recordings, "read", plan)
    monkeypatch.setattr(whatif.book, "recorded", lambda name: FIVE)
    return lambda base: whatif.gather(
        base, ["what-if-pattern", "what-if-schedule", "what-if-batch"]
    )


def test_settings_come_with_their_runs_and_the_missing_are_named(recorded):
    groups, missing = recorded("what-if-base")
    assert list(groups) == [whatif.BASE, "pattern = 0.6", "schedule = cosine"]
    assert missing == ["pattern = 0.9 of what-if-pattern", "what-if-batch"]
    assert groups["pattern = 0.6"] == STRONG
    # the small rate has no schedule: the base's runs stand for it, on the paired seed
    assert whatif.gap(groups["schedule = cosine"]) == [16.0]


def test_a_point_that_says_less_than_another_has_its_own_runs_only(monkeypatch):
    """One with more images, and one with more images in fewer epochs, are two rows."""
    points = [{"train_size": 50}, {"train_size": 50, "epochs": 10, "drop": 6}]
    runs = {
        whatif.label(point): [run("large", 5, 4, 60.0, **point), run("small", 5, 2, 50.0, **point)]
        for point in points
    }
    tables = {
        "what-if-base": BASE,
        "what-if-images": [each for row in runs.values() for each in row],
    }

    def plan(only):
        mine = points if only == "what-if-images" else [{}]
        return [recordings.Recording(only, "", "patch", "mini", whatif.ARMS, (5,), points=mine)]

    monkeypatch.setattr(whatif.sweeps, "recorded", lambda name: Sweep(tables[name]))
    monkeypatch.setattr(whatif.recordings, "read", plan)
    groups, missing = whatif.gather("what-if-base", ["what-if-images"])
    assert missing == []
    assert groups == {whatif.BASE: BASE} | runs


@pytest.mark.parametrize(
    ("large", "small", "holds"),
    [
        (12, 5, True),
        (None, 8, True),
        (9, 8, True),
        (8, 5, False),
        (12, 9, False),
        (12, None, False),
    ],
)
def test_the_order_is_small_before_the_drop_and_large_not(large, small, holds):
    """The drop is at epoch 9: learnt in epoch 9 is not before it."""
    assert whatif.order_holds(run("large", 5, large, 60.0), run("small", 5, small, 50.0)) == holds


def test_the_order_is_judged_at_the_drop_of_the_large_rate():
    """The base's small runs, whose drop is at epoch 9, stand beside rows with another drop."""
    early, late = run("large", 5, 5, 60.0, drop=4), run("large", 5, 10, 60.0, drop=12)
    assert whatif.order_holds(early, run("small", 5, 3, 50.0))
    assert not whatif.order_holds(late, run("small", 5, 5, 50.0))


def test_table_counts_and_changes(recorded):
    groups, _ = recorded("what-if-base")
    table = whatif.table(groups).set_index("setting, on digits")
    assert table.loc[whatif.BASE, "large − small"] == "+10.0, +10.5"
    assert table.loc[whatif.BASE, "order holds"] == "2 of 2"
    assert table.loc[STRONGER, "order holds"] == "1 of 2"
    assert table.loc[STRONGER, "large: clean (%)"] == "41.0"
    assert table.loc[whatif.BASE, "large: learnt in"] == "12 (1 of 2)"
    assert table.loc[whatif.BASE, "small: learnt in"] == "5\xa0to\xa06"
    assert table.loc[whatif.BASE, "small: clean (%)"] == "50.2"
    held = {whatif.BASE: "2 of 2", "pattern = 0.6": "1 of 2", "schedule = cosine": "1 of 1"}
    assert whatif.holds(groups) == held
    assert whatif.gap(groups[whatif.BASE]) == [10.0, 10.5]
    # pattern: -5 - 10 on seed 5 and 1 - 10.5 on seed 6; schedule: 16 - 10 on seed 5 alone
    changes = {row: whatif.change(runs, groups[whatif.BASE]) for row, runs in groups.items()}
    assert changes == {
        whatif.BASE: [0.0, 0.0],
        "pattern = 0.6": [-15.0, -9.5],
        "schedule = cosine": [6.0],
    }
    assert whatif.not_apart(changes) == list(groups)  # too few seeds decide nothing
    assert whatif.drops(groups) == {
        whatif.BASE: 9,
        "pattern = 0.6": 9,
        "schedule = cosine": None,
    }


def test_a_change_of_the_gap_is_told_by_its_interval():
    def row(*gaps):
        return [
            run(arm, seed, 5, clean)
            for seed, gap in enumerate(gaps)
            for arm, clean in (("large", 50.0 + gap), ("small", 50.0))
        ]

    groups = {whatif.BASE: row(10, 11, 12), "a": row(15, 16.5, 17), "b": row(5, 6, 7.5)}
    groups |= {"c": row(10, 12, 11), "d": row(20, 21), "e": row(15, 25, 14), "f": row()}
    changes = {row: whatif.change(runs, groups[whatif.BASE]) for row, runs in groups.items()}
    # a: 5, 5.5, 5, half-width 4.303 * 0.289 / sqrt(3) = 0.7; b: -5, -5, -4.5, the same
    assert {row: whatif.kind_of(found) for row, found in changes.items()} == {
        whatif.BASE: "Not apart",
        "a": "Wider",
        "b": "Narrower",
        "c": "Not apart",  # 0, 1, -1: 0.0 +- 2.5
        "d": "Few seeds",  # 10, 10
        "e": "Not apart",  # 5, 14, 2: mean 7.0, half-width 4.303 * 6.245 / sqrt(3) = 15.5
        "f": "Few seeds",
    }
    assert whatif.not_apart(changes) == [whatif.BASE, "c", "d", "e", "f"]

    found = data.table(figures.forest(changes, "change", whatif.not_apart(changes), ("yes", "no")))
    dots = found[found.kind == "points"]
    assert dots.groupby("y").change.apply(list).to_dict() == {
        row: points for row, points in changes.items() if points
    }
    means = found[found.kind == "interval"].set_index("y")
    assert means.series.to_dict() == dict.fromkeys([whatif.BASE, *"cde"], "no") | {
        "a": "yes",
        "b": "yes",
    }
    for row, mean, half in (("a", 5.1667, 0.7172), ("b", -4.8333, 0.7172), ("e", 7, 15.5138)):
        at = means.loc[row]
        assert at.change == pytest.approx(mean, abs=1e-3)
        assert (at.low, at.high) == pytest.approx((mean - half, mean + half), abs=1e-3)


def test_rows_are_named_in_words_beside_the_base(recorded):
    groups, _ = recorded("what-if-base")
    words = {
        whatif.BASE: whatif.BASE,
        "pattern = 0.6": "pattern twice as strong",
        "schedule = cosine": "cosine schedule",
    }
    assert whatif.names(groups) == words
    # another topic begins with each
    assert whatif.breaks(groups) == ["pattern = 0.6", "schedule = cosine"]
    cosine = "cosine schedule (`schedule = cosine`)"
    assert list(whatif.headings(groups).values()) == [whatif.BASE, STRONGER, cosine]
    more = dict.fromkeys((whatif.BASE, "train_size = 50", "weight_decay = 0.1"), BASE)
    named = ["50 images (`train_size = 50`)", "`weight_decay = 0.1`"]
    assert [*whatif.headings(more).values()][1:] == named
    # without the base there is nothing to compare with
    assert whatif.names({"pattern = 0.6": STRONG}) == {"pattern = 0.6": "pattern = 0.6"}
    assert whatif.headings({"pattern = 0.6": STRONG}) == {"pattern = 0.6": "`pattern = 0.6`"}


def test_the_drop_of_a_setting_is_that_of_its_large_arm():
    """The small rate has none: where the drop is varied, the base's small runs stand beside it."""
    early = [BASE[1], run("large", 5, 3, 40.0, drop=4)]
    assert whatif.drops({whatif.BASE: BASE, "drop = 4": early}) == {whatif.BASE: 9, "drop = 4": 4}


def test_a_row_of_more_seeds_than_pairs_says_how_many():
    row = whatif.table({whatif.BASE: [*BASE[:2], BASE[2]]}).iloc[0]
    assert row["large: clean (%)"] == "60.5 (2 seeds)"
    assert row["large: learnt in"] == "12 (1 of 2 seeds)"
    assert row["small: clean (%)"] == "50.0"
    assert row["large − small"] == "+10.0 (1 pair)"
    assert row["order holds"] == "1 of 1"


def test_a_base_without_one_of_its_arms_is_told_by_name(recorded, monkeypatch):
    monkeypatch.setenv("LRBOOK_RECORDINGS", "/there")
    monkeypatch.setattr(whatif.book, "recorded", lambda name: [FIVE[0], FIVE[2]])
    words = "patch-laptop has no finished run of the arm small in /there"
    with pytest.raises(LookupError, match=words):
        recorded("patch-laptop")


def test_runs_on_other_images_are_told_by_name(recorded, monkeypatch):
    monkeypatch.setenv("LRBOOK_RECORDINGS", "/there")
    other = {"data": "CIFAR-10"}
    monkeypatch.setattr(
        whatif.book,
        "recorded",
        lambda name, arms=(): [dataclasses.replace(run, provenance=other) for run in FIVE],
    )
    words = r"what-if-pattern in /there is on digits, and the runs .* are on CIFAR-10"
    with pytest.raises(LookupError, match=words):
        recorded("patch-laptop")
    with pytest.raises(LookupError, match=r"control in /there is on CIFAR-10, .* on digits"):
        whatif.control("control", BASE)


def test_a_setting_whose_large_rate_goes_down_by_and_by_or_is_not_there_has_no_drop():
    wsd = [run("large", 5, 10, 66.0, schedule="wsd")]
    assert whatif.drops({"wsd": wsd, "small": [BASE[1]]}) == {"wsd": None, "small": None}


def test_a_diverged_run_is_no_pair():
    lost = dataclasses.replace(BASE[0], status="diverged", result={})
    table = whatif.table({whatif.BASE: [lost, BASE[1]]})
    assert table.loc[0, "large: clean (%)"] == "diverged"
    assert table.loc[0, "order holds"] == "0 of 0"


def test_the_very_last_epoch_is_that_of_the_large_arm():
    ends = {"large": (60.0, 62.0), "small": (1.0, 2.0)}
    runs = [
        dataclasses.replace(
            run(arm, seed, 3, 0.0), table=pd.DataFrame({"clean": [99.0, 98.0, end]})
        )
        for arm, values in ends.items()
        for seed, end in zip((5, 6), values, strict=True)
    ]
    words = whatif.last_epoch_words({"late": runs}, "late")
    # t(0.975, 1) = 12.71, standard error 1
    assert "large arm of *late* is right on 61.0\xa0±\xa012.7 %" in words
    assert words.endswith("(2 seeds).")


def test_an_order_that_never_holds_counts_none_and_a_setting_without_pairs_has_none():
    wrong = [run("large", 5, 2, 60.0), run("small", 5, None, 50.0)]
    groups = {whatif.BASE: BASE, "turned": wrong, "alone": wrong[:1]}
    assert whatif.holds(groups) == {whatif.BASE: "2 of 2", "turned": "0 of 1", "alone": "0 of 0"}


def test_a_base_of_more_seeds_is_compared_on_the_seeds_in_common(recorded):
    groups, _ = recorded("patch-laptop")
    assert {record.config["arm"] for record in groups[whatif.BASE]} == {"large", "small"}
    assert whatif.gap(groups[whatif.BASE]) == [10.0, 10.5, 15.0]
    assert whatif.change(groups["pattern = 0.6"], groups[whatif.BASE]) == [-15.0, -9.5]
    # the small runs of seeds 6 and 7 have no large partner under the cosine: they are not beside it
    small = [
        run.config["seed"] for run in groups["schedule = cosine"] if run.config["arm"] == "small"
    ]
    assert small == [5]


def test_the_figure_of_the_order_has_a_dot_per_seed_and_the_never_apart(recorded):
    groups, _ = recorded("what-if-base")
    learned = {s: book.values(runs, "patch_learned_epoch") for s, runs in groups.items()}
    figure = figures.order_rows(learned, whatif.drops(groups), epochs=16)
    dots = data.table(figure).set_index("series")
    large = dots[dots["epoch in which the patch is learnt"] == "never"]
    assert list(large.y) == [whatif.BASE]
    assert list(large.index) == ["large"]
    assert len(dots) == 4 + 4 + 1 + 1
