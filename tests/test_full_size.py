"""The patch experiment at the paper's size: what is said of it, and that its records say so."""

import pandas as pd
import pytest

from lrbook import book, full_size, patch_cost, recordings, whatif
from lrbook.record import Record
from lrbook.vision import cost
from lrbook.vision.config import PatchConfig
from lrbook.words import gaps, gaps_added

RESULTS = {"large": (83.0, 92.5, 31), "small": (67.0, 92.0, 7), "noise": (80.0, 92.0, None)}
BEFORE = {"large": 60.0, "small": 55.0, "noise": 55.0}  # clean, over the last three epochs


def run(arm, seed=0, clean=None, before=None):
    """With a patch; ``clean`` at the end and ``before`` the drop as given, or as above."""
    config = PatchConfig.for_profile("paper", arm=arm, seed=seed).model_dump(mode="json")
    at_the_end, mixed, learned = RESULTS[arm]
    clean = at_the_end if clean is None else clean
    result = {"clean": clean, "mixed": mixed, "patch_learned_epoch": learned}
    origin = {"data": "some images", "device": "a card"}
    table = pd.DataFrame({"epoch": [1, 2, 29, 30], "patch_only": [8.0, 12.0, 16.0, 70.0]})
    middle = BEFORE[arm] if before is None else before
    table["clean"] = [middle - 1, middle, middle + 1, clean]
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
    assert full_size.crossing_words([run("large")]) == ""


def test_the_crossing_names_both_ends():
    said = full_size.crossing_words([run("large"), run("small")])
    assert said == (
        "over the last three epochs before the drop, the large rate is ahead by **5.0** points; "
        "at the end, the large rate is ahead by **16.0** points"
    )
    bare = [run("large", clean=86.0, before=70.0), run("small", clean=79.0, before=72.0)]
    assert full_size.crossing_words(bare) == (
        "over the last three epochs before the drop, the small rate is ahead by **2.0** points; "
        "at the end, the large rate is ahead by **7.0** points"
    )
    two = [run("large"), run("small"), run("large", 1, before=50.0), run("small", 1)]
    said = full_size.crossing_words(two)
    assert (
        "the drop, neither is ahead in every seed (large minus small: 5.0 and -5.0 points)" in said
    )


def test_the_control_tells_what_the_patch_adds_and_costs():
    runs = [run("large"), run("small"), run("large", 1, 84.0), run("small", 1, 70.0), run("noise")]
    bare = [run("large", 1, 86.0), run("small", 1, 79.0), run("large", 0, 86.0)]
    said = full_size.control_words(runs, bare)
    assert "Without any patch large minus small on clean images is **7.0** points (1 paired" in said
    assert "the patch adds **7.0** to that" in said  # 14 - 7
    assert said.endswith("is **3.0 and 2.0** points in large and **9.0** points in small.")
    assert full_size.control_words(runs, bare[2:]) == ""
    assert full_size.control_words(runs, []) == ""


def test_the_control_is_told_on_the_seeds_that_have_the_patch_too():
    bare = [run("large", 0, 86.0), run("small", 0, 79.0), run("large", 5, 99.0), run("small", 5)]
    said = full_size.control_words([run("large"), run("small")], bare)
    assert "is **7.0** points (1 paired seed)" in said


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
    assert heading == "as the runs at the paper's size"
    assert speed == pytest.approx(cost.run_flops(config) / 180)
    told = full_size.minutes(groups)
    assert told == "The runs at the paper's size took 3.0 minutes each, on a card."


def test_nothing_recorded_is_no_error(monkeypatch):
    monkeypatch.setattr(recordings, "there", lambda name, results=None: ([], False))
    assert book.if_recorded("patch-paper") == []


def of_the_chapter(name="patch-paper"):
    """Arm -> its histories by seed, each with the epoch as its index."""
    found = book.histories(recordings.load(name))
    return {arm: [each.set_index("epoch") for each in seeds] for arm, seeds in found.items()}


def test_what_the_chapter_says_is_recorded():
    """The prose of patch_experiment: large against small, seed by seed."""
    found = whatif.pairs(recordings.load("patch-paper"))
    assert len(found) == 2  # of more, the sentences on both seeds have to be written anew
    told, short = book.reported("patch_experiment"), []
    for large, small in found:
        drop, learned = large.config["drop"], small.result["patch_learned_epoch"]
        one, two = (run.history.set_index("epoch") for run in (large, small))
        assert learned <= 8
        # from when small knows the patch to the drop
        known = slice(learned, drop - 1)
        assert (two.mixed > one.mixed)[known].all()
        assert (two.train_accuracy > one.train_accuracy)[known].all()
        assert (two.clean < one.clean)[known].mean() > 0.8
        short.append(two.clean.max() - two.clean[:learned].max())
        behind = two.mixed - one.mixed
        assert behind[drop : drop + 3].min() > 5
        assert large.config["epochs"] - drop == 30
    assert 5.5 < short[0] < 6.5  # of its best, when it knows the patch: six points, and four
    assert 3.5 < short[1] < 4.5
    one, two = (large.result["clean"] - small.result["clean"] for large, small in found)
    theirs = told["large"]["clean"] - told["small"]["clean"]
    assert one == pytest.approx(theirs, abs=1.5)
    assert two == pytest.approx(0.75 * theirs, abs=0.5)  # "by a quarter less"


def test_what_the_chapter_says_of_single_arms_is_recorded():
    """The prose of patch_experiment: who knows the patch when, and uses it."""
    runs = recordings.load("patch-paper")
    arms, told = book.by_arm(runs), book.reported("patch_experiment")
    assert {arm: len(seeds) for arm, seeds in arms.items()} == {"large": 2, "small": 2, "noise": 1}
    drop, of = runs[0].config["drop"], of_the_chapter()
    [noise] = of["noise"]

    hidden = [table.patch_only[: drop - 1] for table in (*of["large"], noise)]
    assert all(each.mean() < 15 for each in hidden)
    assert [(each > 15).sum() for each in hidden] == [5, 0, 0]  # the restless epochs of one seed
    knows = [(each.patch_only > 90).idxmax() for each in (*of["large"], noise)]
    assert [epoch - drop + 1 for epoch in knows] == [2, 7, 2]
    for small in of["small"]:
        for table in (*of["large"], noise):
            assert (small.patch_only - table.patch_only)[drop + 8] < 4

    clean = {arm: [run.result["clean"] for run in seeds] for arm, seeds in arms.items()}
    assert clean["small"][0] + 5 < clean["noise"][0] < min(clean["large"]) - 5
    assert max(clean["small"]) + 3 < clean["noise"][0]
    assert told["small"]["clean"] < told["noise"]["clean"] < told["large"]["clean"]
    late = noise.clean.iloc[-8:]
    assert 9 < late.median() - late.min() < 11
    assert arms["noise"][0].result["clean"] < late.median() - 3
    below = {arm: [told[arm]["clean"] - value for value in clean[arm]] for arm in clean}
    assert all(3.5 < each < 4.6 for each in below["large"])
    assert below["noise"][0] == pytest.approx(8, abs=0.5)
    assert below["small"] == pytest.approx([3, 0], abs=0.5)
    for large, small in zip(of["large"], of["small"], strict=True):
        assert (large.clean - small.clean).iloc[-20:].mean() == pytest.approx(16, abs=0.5)
    assert 58.5 < of["small"][1].clean.loc[31:].min() < 60
    assert [(small.patch_only > limit).idxmax() for small in of["small"] for limit in (50, 90)] == [
        *(7, 7),
        *(7, 8),
    ]

    caught_up, without = of["large"]
    beside, other = of["small"]
    level = [table.mixed.iloc[-3:].mean() for table in (caught_up, beside, noise)]
    assert max(level) - min(level) < 1
    assert 9 < (other.mixed - without.mixed).iloc[-3:].mean() < 10
    assert abs(without.mixed - without.clean).iloc[-10:].max() < 2
    gap = told["large"]["mixed"] - told["small"]["mixed"]
    assert abs((beside.mixed - caught_up.mixed).iloc[-3:].mean()) < 1 < gap
    others = min(each.mixed.iloc[-3:].mean() for each in (*of["small"], noise))
    assert without.mixed.iloc[-3:].mean() < others - 7
    for small in of["small"]:
        assert all(
            abs(each.patch_only - small.patch_only).iloc[-3:].max() < 2 for each in of["large"]
        )
    assert told["large"]["mixed"] > max(told["small"]["mixed"], told["noise"]["mixed"])
    assert {run.provenance["precision"] for run in runs} == {"bf16"}
    assert book.data_of(runs) == "CIFAR-10 (JPEG copy)"


def test_what_the_chapter_says_of_the_control_is_recorded():
    """The prose of patch_experiment below the figure with and without the patch."""
    names = ("patch-paper", "patch-paper-control")
    runs, control = (recordings.load(name) for name in names)
    with_it, without = (of_the_chapter(name) for name in names)
    assert {arm: len(seeds) for arm, seeds in without.items()} == {"large": 2, "small": 2}
    drop = runs[0].config["drop"]
    for large, small in zip(without["large"], without["small"], strict=True):
        lead = large.clean - small.clean
        assert 1.5 < -lead.loc[drop - 3 : drop - 1].mean() < 2.5
        assert (lead.loc[:14] > 0).sum() >= 12  # "for about the first fourteen epochs"
        assert 2 < -lead.loc[16 : drop - 1].mean() < 4
        assert lead.loc[:10].min() > 0  # "not ahead from the start"
        assert lead.loc[drop:].min() > 5  # "and well behind after it"
        ahead = lead.iloc[-3:].mean()  # what_stands: "by more than it was behind"
        assert ahead > -lead.loc[drop - 3 : drop - 1].mean()
    for patched, plain in zip(with_it["small"], without["small"], strict=True):
        assert abs(patched.clean.loc[51:].mean() - patched.clean.loc[11:14].mean()) < 0.5
        assert 7 < plain.clean.loc[51:].mean() - plain.clean.loc[11:14].mean() < 8
        assert plain.clean.loc[18:].max() - plain.clean.loc[18:].min() < 1.5  # "and stays"
        assert 58 < patched.clean.loc[11:].min() < 61  # "with falls down to 59"
    means = {
        arm: sum(each.clean for each in seeds) / len(seeds)
        for arm, seeds in of_the_chapter("patch-laptop-control").items()
    }
    assert (means["small"] > means["large"]).loc[:12].all()  # "unlike in our small runs"
    added = gaps_added(runs, control, "clean", "large", "small")
    whole, bare = (gaps(group, "clean", "large", "small") for group in (runs, control))
    # README and what_stands: "somewhat more than half"
    assert all(0.5 < added[seed] / gap < 0.6 for seed, gap in whole.items())
    assert all(6 < gap < 7.5 for gap in bare.values())  # "six to seven points"
    assert all(1 < added[seed] / gap < 1.5 for seed, gap in bare.items())
    base = [recordings.load(name) for name in ("patch-laptop", "patch-laptop-control")]
    share = {
        seed: more / gaps(base[1], "clean", "large", "small")[seed]
        for seed, more in gaps_added(*base, "clean", "large", "small").items()
    }
    assert sum(share.values()) / len(share) < 0.5  # "in the small experiment less than half"
    costs = patch_cost.cost(runs, control)["large"]
    assert all(1.5 < cost < 2.5 for cost in costs)  # "about two points"
