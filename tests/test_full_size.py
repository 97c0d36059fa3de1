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
    small, noise = said.split(" Large minus ")[1:]
    assert f"on clean images **16.0 (1 paired seed)**, in the paper {theirs:.1f}" in small
    theirs = told["large"]["mixed"] - told["noise"]["mixed"]
    assert noise.startswith("noise at the end, in points: on clean images **3.0 (1 paired seed)**")
    assert noise.endswith(f"on mixed images **0.5 (1 paired seed)**, in the paper {theirs:.1f}.")


def test_words_without_one_of_the_arms():
    assert "minus" not in full_size.words([run("large"), run("small", 1)])
    assert "Before that" not in full_size.words([run("small")])
    assert full_size.on_the_front_page([run("large")]) == ""


def test_the_front_page_names_both_ends():
    said = full_size.on_the_front_page([run("large"), run("small")])
    assert "(1 seed so far, and no control without a patch yet; some images)" in said
    assert "83.0 % of the new images" in said
    assert "67.0 % with the small rate" in said
    assert "Over the last three epochs before the drop it is 60.0 and 55.0 %: at this size" in said
    assert said.endswith("the small rate, which knows the patch, is behind already then.")
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
    monkeypatch.setattr(recordings, "there", lambda name, results=None: ([], False))
    assert book.if_recorded("patch-paper") == []


def test_the_front_page_has_the_sentence(monkeypatch):
    said = []
    monkeypatch.setattr(style, "say", said.append)
    home.show_words()
    assert any("At the paper's own size" in each for each in said)
    [origin] = [each for each in said if "NVIDIA H200" in each]
    assert "2 runs, seed 0;" in origin  # those of the sentence, which are pairs


def test_the_front_page_says_nothing_twice(monkeypatch):
    """Once the paper's size has a control, its runs are the picture above."""
    said, full = [], recordings.load("patch-paper")
    monkeypatch.setattr(style, "say", said.append)
    monkeypatch.setattr(home, "_runs_and_control", lambda: [full, full])
    home.show_words()
    assert said
    assert not any("no control without a patch yet" in each for each in said)


def test_what_the_chapter_says_is_recorded():
    """The prose of patch_experiment: large against small, seed by seed."""
    found = whatif.pairs(recordings.load("patch-paper"))
    assert (
        len(found) == 1
    )  # of more, the sentences on one seed and the other have to be written anew
    assert not recordings.load("patch-paper-control")  # "there is no control at this size yet"
    told = book.reported("patch_experiment")
    for large, small in found:
        drop, learned = large.config["drop"], small.result["patch_learned_epoch"]
        one, two = (run.history.set_index("epoch") for run in (large, small))
        assert learned < 10
        # from when small knows the patch to the drop
        known = slice(learned, drop - 1)
        assert (two.mixed > one.mixed)[known].all()
        assert (two.train_accuracy > one.train_accuracy)[known].all()
        assert (two.clean < one.clean)[known].mean() > 0.8
        before = two.clean[:learned].max()  # within about six points of its best
        assert 5.5 < two.clean.max() - before < 6.5
        behind = two.mixed - one.mixed
        assert behind[drop : drop + 3].min() > 5
        assert abs(behind.iloc[-3:].mean()) < 1 < told["large"]["mixed"] - told["small"]["mixed"]
        assert large.config["epochs"] - drop == 30
        gap = large.result["clean"] - small.result["clean"]
        assert gap == pytest.approx(told["large"]["clean"] - told["small"]["clean"], abs=3)


def test_what_the_chapter_says_of_single_arms_is_recorded():
    """The prose of patch_experiment: who knows the patch when, and uses it."""
    runs = recordings.load("patch-paper")
    arms, told = book.by_arm(runs), book.reported("patch_experiment")
    assert {arm: len(seeds) for arm, seeds in arms.items()} == {"large": 2, "small": 1, "noise": 1}
    drop = runs[0].config["drop"]
    of = {arm: [run.history.set_index("epoch") for run in seeds] for arm, seeds in arms.items()}
    [small], [noise] = of["small"], of["noise"]

    hidden = [table.patch_only[: drop - 1] for table in (*of["large"], noise)]
    assert all(each.mean() < 15 for each in hidden)
    assert [(each > 15).sum() for each in hidden] == [5, 0, 0]  # the restless epochs of one seed
    knows = [(each.patch_only > 90).idxmax() for each in (*of["large"], noise)]
    assert [epoch - drop + 1 for epoch in knows] == [2, 7, 2]
    for table in (*of["large"], noise):
        assert (small.patch_only - table.patch_only)[drop + 8] < 4

    clean = {arm: [run.result["clean"] for run in seeds] for arm, seeds in arms.items()}
    assert clean["small"][0] + 5 < clean["noise"][0] < min(clean["large"]) - 5
    assert told["small"]["clean"] < told["noise"]["clean"] < told["large"]["clean"]
    late = noise.clean.iloc[-8:]
    assert 9 < late.median() - late.min() < 11
    assert arms["noise"][0].result["clean"] < late.median() - 3
    for arm, values in clean.items():
        assert all(1 < told[arm]["clean"] - value < 10 for value in values)

    caught_up, without = of["large"]
    others = min(small.mixed.iloc[-3:].mean(), noise.mixed.iloc[-3:].mean())
    level = [table.mixed.iloc[-3:].mean() for table in (caught_up, small, noise)]
    assert max(level) - min(level) < 1
    assert without.mixed.iloc[-3:].mean() < others - 7
    assert abs(without.mixed - without.clean).iloc[-10:].max() < 2
    assert all(abs(each.patch_only - small.patch_only).iloc[-3:].max() < 2 for each in of["large"])
    assert told["large"]["mixed"] > max(told["small"]["mixed"], told["noise"]["mixed"])
    assert {run.provenance["precision"] for run in runs} == {"bf16"}
    assert book.data_of(runs) == "CIFAR-10 (JPEG copy)"
