"""The patch experiment at the paper's size: what is said of it, and that its records say so."""

import pandas as pd
import pytest

from lrbook import book, full_size, home, recordings, style, whatif
from lrbook.record import Record
from lrbook.vision import cost
from lrbook.vision.config import PatchConfig

RESULTS = {"large": (83.0, 92.5, 31), "small": (67.0, 92.0, 7), "noise": (80.0, 92.0, None)}


def run(arm, seed=0):
    config = PatchConfig.for_profile("paper", arm=arm, seed=seed).model_dump(mode="json")
    clean, mixed, learned = RESULTS[arm]
    result = {"clean": clean, "mixed": mixed, "patch_learned_epoch": learned}
    origin = {"data": "some images", "device": "a card"}
    table = pd.DataFrame({"epoch": [1, 2, 29, 30], "patch_only": [8.0, 12.0, 16.0, 70.0]})
    # the last three epochs before the drop: 60 and 55 on average
    table["clean"] = [58.0, 60.0, 62.0, clean] if arm == "large" else [54.0, 55.0, 56.0, clean]
    return Record("x", "patch", config, "finished", origin, result, None, 180.0, table=table)


def test_words():
    said = full_size.words([run("large"), run("small"), run("noise")])
    assert "large **31**; small **7**; noise **never** (the rate of large drops" in said
    assert "at the start of epoch 30)." in said
    assert "large has 12 % of them right on average over epochs, and 16 % in its best one" in said
    told = book.reported("patch_experiment")
    theirs = told["large"]["clean"] - told["small"]["clean"]
    assert f"on clean images **16.0 (1 paired seed)**, in the paper {theirs:.1f}" in said


def test_words_without_one_of_the_arms():
    assert "minus" not in full_size.words([run("large"), run("small", 1)])
    assert "Before that" not in full_size.words([run("small")])
    assert full_size.on_the_front_page([run("large")]) == ""


def test_the_front_page_names_both_ends():
    said = full_size.on_the_front_page([run("large"), run("small")])
    assert "(1 seed so far, and no control without a patch yet; some images)" in said
    assert "83.0 % of the new images" in said
    assert "67.0 % with the small rate" in said
    assert said.endswith("Over the last three epochs before the drop it is 60.0 and 55.0 %.")
    assert "(2 seeds so far" in full_size.on_the_front_page(
        [run(arm, seed) for arm in ("large", "small") for seed in (0, 1)]
    )


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(book, "provenance", lambda runs: f"{len(runs)} runs.")
    assert full_size.state([]) == full_size.NOT_RECORDED
    two = [run("large"), run("small")]
    assert full_size.state(two) == "2 runs. Not recorded at this size: the arm noise."
    assert full_size.state([*two, run("noise")]) == "3 runs."


def test_speeds_and_minutes_of_what_is_there():
    groups = {"small": [], "at the paper's size": [run("large"), run("small")]}
    config = PatchConfig.for_profile("paper", arm="large", seed=0)
    [(heading, speed)] = full_size.speeds(groups).items()
    assert heading == "at the paper's size, on a card"
    assert speed == pytest.approx(cost.run_flops(config) / 180)
    assert full_size.minutes(groups) == "The runs at the paper's size took 3.0 minutes each."


def test_nothing_recorded_is_no_error(monkeypatch):
    monkeypatch.setattr(recordings, "load", lambda name, results=None: [])
    assert book.if_recorded("patch-paper") == []


def test_the_front_page_has_the_sentence(monkeypatch):
    said = []
    monkeypatch.setattr(style, "say", said.append)
    home.show_words()
    assert any("At the paper's own size" in each for each in said)
    assert any("NVIDIA H200" in each for each in said)


def test_the_front_page_says_nothing_twice(monkeypatch):
    """Once the paper's size has a control, its runs are the picture above."""
    said, full = [], recordings.load("patch-paper")
    monkeypatch.setattr(style, "say", said.append)
    monkeypatch.setattr(home, "_runs_and_control", lambda: [full, full])
    home.show_words()
    assert said
    assert not any("no control without a patch yet" in each for each in said)


def test_what_the_chapter_says_is_recorded():
    """The prose of patch_experiment: who knows the patch when, and who is ahead where."""
    found = whatif.pairs(recordings.load("patch-paper"))
    assert found
    assert not recordings.load("patch-paper-control")  # "there is no control at this size yet"
    told = book.reported("patch_experiment")
    for large, small in found:
        drop, learned = large.config["drop"], small.result["patch_learned_epoch"]
        one, two = (run.history.set_index("epoch") for run in (large, small))
        assert learned < 10
        assert one.patch_only[: drop - 1].mean() < 15
        assert (one.patch_only[: drop - 1] > 15).sum() < 6  # the restless epochs
        assert (two.patch_only - one.patch_only)[drop + 1] < 4
        # from when small knows the patch to the drop
        known = slice(learned, drop - 1)
        assert (two.mixed > one.mixed)[known].all()
        assert (two.train_accuracy > one.train_accuracy)[known].all()
        assert (two.clean < one.clean)[known].mean() > 0.8
        behind = two.mixed - one.mixed
        assert behind[drop : drop + 3].min() > 5
        assert abs(behind.iloc[-3:].mean()) < 1 < told["large"]["mixed"] - told["small"]["mixed"]
        assert large.config["epochs"] - drop == 30
        gap = large.result["clean"] - small.result["clean"]
        assert gap == pytest.approx(told["large"]["clean"] - told["small"]["clean"], abs=3)
        for arm, each in (("large", large), ("small", small)):
            assert 1 < told[arm]["clean"] - each.result["clean"] < 6
        assert large.provenance["precision"] == small.provenance["precision"] == "bf16"
        assert book.data_of([large, small]) == "CIFAR-10 (JPEG copy)"
