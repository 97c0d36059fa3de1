"""What the chapter *What if* says of gaps and of shorter runs is in the records."""

import numpy as np
import pytest
from what_if_rows import with_and_without_the_patch

from lrbook import book, patch_cost, whatif


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
    assert max(gaps, key=gaps.__getitem__) == "eta2 = 0.005"
    for row in (whatif.BASE, "schedule = cosine"):  # both, the small rate for longer
        assert max(learned[row]["small"]) < min(learned[row]["large"])
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
    wide = learned["widen = 4"]
    assert all(holds["widen = 4"])
    assert np.abs(np.subtract(wide["large"], plain["large"])).max() == 1
    sooner = np.subtract(plain["small"], wide["small"])
    assert sum(sooner > 0) == 4
    assert sooner.min() == 0
    late = [run.history.clean for run in groups["drop = 24"] if run.config["drop"] == 24]
    assert all(clean.iloc[-1] > clean.iloc[:-1].max() + 10 for clean in late)


HALF, FOUR = "batch = 32, eta1 = 0.25, eta2 = 0.01", "batch = 256, eta1 = 2.0, eta2 = 0.08"


def never(runs):
    """Whether no run of the arm large learns the patch."""
    large = book.by_arm(runs)["large"]
    return {run.result["patch_learned_epoch"] for run in large} == {None}


def large_by_seed(runs):
    return {run.config["seed"]: run.result["clean"] for run in book.by_arm(runs)["large"]}


@pytest.fixture(scope="module")
def rows():
    return with_and_without_the_patch()


def test_what_the_chapter_says_the_patch_costs_is_in_the_records(rows):
    groups, without = rows
    gaps, alone = (
        {row: np.mean(whatif.gap(each[row])) for row in without} for each in (groups, without)
    )
    costs = {
        row: {arm: np.mean(lost) for arm, lost in patch_cost.cost(groups[row], runs).items()}
        for row, runs in without.items()
    }
    adds = {row: patch_cost.share(groups[row], runs) for row, runs in without.items()}
    kind = {row: whatif.kind_of(points) for row, points in adds.items()}
    base = costs[whatif.BASE]

    # the setting does more to the gap than the patch
    assert np.std(list(alone.values())) > 1.2 * np.std([np.mean(each) for each in adds.values()])
    assert 2 / 3 < alone["eta2 = 0.005"] / gaps["eta2 = 0.005"] < 0.75
    assert 0 < alone["eta2 = 0.1"] < 2
    early, plain = (large_by_seed(groups[row]) for row in ("drop = 7", whatif.BASE))
    early_without, plain_without = (
        large_by_seed(without[row]) for row in ("drop = 7", whatif.BASE)
    )
    below = np.mean([plain[seed] - early[seed] for seed in early])
    below_without = np.mean([plain_without[seed] - early_without[seed] for seed in early])
    assert below > 5
    assert 0.5 < below_without / below < 0.7
    # who pays: neither, the small rate, both
    assert costs["pattern = 0.1"] == pytest.approx({"large": 2, "small": 2}, abs=0.5)
    assert kind["pattern = 0.1"] == "Not apart"
    longer = [whatif.BASE, "eta2 = 0.005", "schedule = wsd"]
    longer += ["patch_only_share = 0.0", "patch_only_share = 0.4"]
    longer += ["drop = 19", HALF, "widen = 4"]
    for row in longer:
        assert costs[row]["small"] > costs[row]["large"]
        assert kind[row] == "Wider"
    most = sorted(adds, key=lambda row: -np.mean(adds[row]))
    assert most[:2] == ["eta2 = 0.005", "widen = 4"]
    assert np.mean(adds["widen = 4"]) / gaps["widen = 4"] == pytest.approx(0.5, abs=0.03)
    assert costs[HALF] == pytest.approx({arm: base[arm] for arm in base}, abs=0.2)
    assert costs["patch_only_share = 0.0"]["small"] < base["small"] - 2
    for arm in whatif.ARMS:
        assert max(costs, key=lambda row: costs[row][arm]) == "pattern = 0.4"
    assert costs["pattern = 0.4"]["large"] > costs["pattern = 0.4"]["small"]
    assert kind["pattern = 0.4"] == "Not apart"
    for row in ("pattern = 0.1", "patch_only_share = 0.0"):  # about half of the base's
        assert costs[row]["large"] == pytest.approx(base["large"] / 2, abs=0.4)
    assert 0.7 < costs["eta2 = 0.005"]["large"] / base["large"] < 0.9  # most of it
    assert costs["drop = 24"]["large"] > base["large"]
    assert [row for row in costs if never(groups[row])] == [
        "eta2 = 0.005",
        "drop = 24",
        "pattern = 0.1",
        "patch_only_share = 0.0",
        FOUR,
    ]
    for row in ("schedule = cosine", "drop = 7", "drop = 24", "widen = 1"):
        assert costs[row]["small"] > costs[row]["large"]
        assert kind[row] == "Not apart"
    runs = patch_cost.by_run(groups, without).set_index(["setting", "arm"])
    known = {
        arm: runs.known.loc[row, arm].mean()
        for arm, row in (("large", "drop = 7"), ("small", whatif.BASE))
    }
    assert 0.7 < costs["drop = 7"]["large"] / costs["drop = 7"]["small"] < 1
    assert known["large"] == pytest.approx(known["small"] / 2, rel=0.1)
    # what fits less well
    for arm in whatif.ARMS:
        assert costs["eta2 = 0.1"][arm] == pytest.approx(base["small"], abs=1.1)
    assert kind["eta2 = 0.1"] == "Not apart"
    assert costs["depth = 16"]["small"] < 0.55 * base["small"]
    assert kind["depth = 16"] == "Not apart"
    small, large = (runs.known.loc["depth = 16", arm] for arm in ("small", "large"))
    assert min(small) > max(large)
    untrained = {
        each: [seed for seed, clean in large_by_seed(runs[FOUR]).items() if clean < 15]
        for each, runs in (("with", groups), ("without", without))
    }
    assert untrained == {"with": [8], "without": [6]}
    assert "large of *batch = 256, eta1 = 2.0, eta2 = 0.08*, seeds 6 and 8." in (
        patch_cost.untrained_words(groups, without)
    )


def test_the_longer_a_run_has_known_the_patch_the_more_it_costs(rows):
    assert list(rows[0]) == list(rows[1])  # every row has its control
    assert len(rows[1]) == 17  # "in more than a dozen settings", on what stands
    for arm, runs in patch_cost.by_run(*rows).groupby("arm"):
        assert runs.known.corr(runs.cost, method="spearman") > {"large": 0.65, "small": 0.75}[arm]
        seeds = [one for _, one in runs.groupby("seed") if len(one) > 2]
        assert len(seeds) == 5
        assert all(one.known.corr(one.cost, method="spearman") > 0.5 for one in seeds)


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


def test_at_five_times_the_small_rate_the_gap_closes_mostly_from_above():
    """Without a patch: the large arm, whose last rate this is, loses more than small gains."""
    _, without = with_and_without_the_patch()
    rows = {"five": without["eta2 = 0.1"]}
    seeds = {run.config["seed"] for run in rows["five"]}
    rows["base"] = [run for run in without[whatif.BASE] if run.config["seed"] in seeds]
    ends = {
        row: {a: np.mean(v) for a, v in book.values(r, "clean").items()} for row, r in rows.items()
    }
    lost, gained = (
        sign * (ends["five"][arm] - ends["base"][arm])
        for sign, arm in ((-1, "large"), (1, "small"))
    )
    assert lost > 4  # "well below the base's large rate", as the puzzle says
    assert 0 < gained < lost / 2
    assert np.mean(whatif.gap(rows["five"])) < 2
