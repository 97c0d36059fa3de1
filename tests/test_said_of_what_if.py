"""What the chapter *What if* says of gaps and of shorter runs is in the records."""

import numpy as np
import pytest

from lrbook import book, whatif


def test_what_the_chapter_says_of_the_gaps_is_in_the_records():
    """Prose names rows; this is what it says of them, as the records have it."""
    topics = ("ratio", "drop", "schedule", "pattern", "share", "batch", "network")
    groups, missing = whatif.gather("patch-laptop", [f"what-if-laptop-{t}" for t in topics])
    assert not missing
    learned = {row: book.values(runs, "patch_learned_epoch") for row, runs in groups.items()}
    gaps = {row: np.mean(whatif.gap(runs)) for row, runs in groups.items()}
    alone = np.mean(whatif.gap(book.recorded("patch-laptop-control")))
    ends = {row: np.mean(book.values(runs, "clean")["large"]) for row, runs in groups.items()}

    assert {arm: set(found) for arm, found in learned["pattern = 0.1"].items()} == {
        "large": {None},
        "small": {None},
    }
    assert gaps["pattern = 0.1"] == pytest.approx(alone, abs=1)
    for row in ("eta2 = 0.005", "drop = 19"):  # the small rate alone
        assert learned[row]["large"].count(None) == (5 if row == "eta2 = 0.005" else 4)
        assert max(learned[row]["small"]) < whatif.drops(groups)[row]
        assert gaps[row] > 1.9 * alone
    for row in (whatif.BASE, "schedule = cosine"):  # both, the small rate for longer
        assert max(learned[row]["small"]) < min(learned[row]["large"])
        assert alone < gaps[row] < min(gaps["eta2 = 0.005"], gaps["drop = 19"])
    assert max(learned["pattern = 0.4"]["large"]) <= 6
    for row, runs in groups.items():  # the large rate hides it as long as it lasts
        drop = runs[0].config["drop"]
        hidden = [epoch is None or epoch >= drop for epoch in learned[row]["large"]]
        assert all(hidden) == (row != "pattern = 0.4")
    assert gaps["pattern = 0.4"] < alone
    assert ends["drop = 7"] < ends[whatif.BASE] - 3
    early = learned["drop = 7"]
    assert sum(epoch < 7 for epoch in early["small"]) == 1
    assert min(early["large"]) > max(early["small"])
    assert set(learned["drop = 24"]["large"]) == {None}

    holds = {
        row: [whatif.order_holds(*p) for p in whatif.pairs(runs)] for row, runs in groups.items()
    }
    half, four = "batch = 32, eta1 = 0.25, eta2 = 0.01", "batch = 256, eta1 = 2.0, eta2 = 0.08"
    assert all(holds[half])
    assert np.mean(whatif.change(groups[half], groups[whatif.BASE])) == pytest.approx(0, abs=2)
    assert np.mean(learned[four]["small"]) > np.mean(learned[whatif.BASE]["small"]) + 5
    assert sum(holds[four]) == 2  # of 5: in most seeds too late
    large = book.values(groups[four], "clean")["large"]
    assert sum(clean < 15 for clean in large) == 1  # guessing is right on a tenth
    assert ends[four] < ends[whatif.BASE] - 5
    blank = learned["patch_only_share = 0.0"]
    assert set(blank["large"]) == {None}
    assert None not in blank["small"]
    assert sum(holds["patch_only_share = 0.0"]) == 2  # of 5: not always in time
    whole = np.mean(book.values(book.recorded("patch-laptop-control"), "clean")["large"])
    for row in ("eta2 = 0.005", "drop = 19"):  # its large arm is where it is without a patch
        assert ends[row] == pytest.approx(whole, abs=1.5)
    assert gaps["patch_only_share = 0.0"] < 1.5 * alone  # the exception that the page names
    mine, other = (
        book.values(groups[row], "clean")["small"]
        for row in ("patch_only_share = 0.0", whatif.BASE)
    )
    assert np.mean(mine) > np.mean(other) + 2  # its small rate loses less
    more = learned["patch_only_share = 0.4"]
    seeds = {run.config["seed"] for run in groups["patch_only_share = 0.4"]}
    shared = [run for run in groups[whatif.BASE] if run.config["seed"] in seeds]
    assert len(shared) == 2 * 5 < len(groups[whatif.BASE])
    plain = book.values(shared, "patch_learned_epoch")
    assert max(more["large"]) <= max(plain["large"])
    assert max(more["small"]) <= min(plain["small"])
    for row in ("widen = 1", "depth = 16"):
        later = np.subtract(learned[row]["small"], plain["small"])
        assert sum(later > 0) == 4
        assert sum(np.array(learned[row]["small"]) >= whatif.drops(groups)[row]) == 3
        assert holds[row].count(False) == 3  # so the large rate did its part
    deep = np.mean(book.values(groups["depth = 16"], "clean")["small"])
    without = book.values(book.recorded("patch-laptop-control"), "clean")["small"]
    assert np.mean(without) - np.mean(other) > 3 * (np.mean(without) - deep) > 0
    assert gaps["depth = 16"] < alone
    wide = learned["widen = 4"]
    assert all(holds["widen = 4"])
    assert np.abs(np.subtract(wide["large"], plain["large"])).max() == 1
    sooner = np.subtract(plain["small"], wide["small"])
    assert sum(sooner > 0) == 4
    assert sooner.min() == 0
    late = [run.history.clean for run in groups["drop = 24"] if run.config["drop"] == 24]
    assert all(clean.iloc[-1] > clean.iloc[:-1].max() + 10 for clean in late)


def test_what_the_chapter_says_of_the_shorter_runs_is_in_the_records():
    topics = ("ratio", "drop", "schedule", "pattern", "share", "batch", "network")
    groups, missing = whatif.gather("what-if-base", [f"what-if-{t}" for t in topics])
    assert not missing
    learned = {row: book.values(runs, "patch_learned_epoch") for row, runs in groups.items()}
    assert {len(found) for arms in learned.values() for found in arms.values()} == {5}
    hidden = {row: arms["large"].count(None) for row, arms in learned.items()}
    assert sum(count >= 3 for count in hidden.values()) > len(groups) / 2
    holds = {
        row: [whatif.order_holds(*p) for p in whatif.pairs(runs)] for row, runs in groups.items()
    }
    assert all(holds[whatif.BASE])
    assert sum((epoch or 99) < 16 for epoch in learned["drop = 16"]["large"]) == 2
    for row in ("widen = 1", "depth = 16"):
        late = [epoch >= whatif.drops(groups)[row] for epoch in learned[row]["small"]]
        assert (sum(late), holds[row].count(True)) == (4, 1)
    four = "batch = 256, eta1 = 2.0, eta2 = 0.08"
    failed = {
        row: sum(clean < 15 for clean in book.values(runs, "clean")["large"])
        for row, runs in groups.items()
    }
    assert {row: count for row, count in failed.items() if count} == {"widen = 4": 1, four: 2}
    assert set(learned["pattern = 0.15"]["small"]) == set(learned["pattern = 0.15"]["large"])
    assert max(learned["pattern = 0.6"]["large"]) < whatif.drops(groups)["pattern = 0.6"]
    for row in ("pattern = 0.15", "pattern = 0.6"):
        change = whatif.change(groups[row], groups[whatif.BASE])
        assert max(change) < 0
        assert np.mean(change) < -4
