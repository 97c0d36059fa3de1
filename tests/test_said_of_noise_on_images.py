"""What is said of noise and rate on images, apart from each other, is in the records."""

import numpy as np
import pytest
from intervals import interval
from laptop_records import in_order, of_arms

from lrbook import book, noisy_steps, sweeps, whatif

LONGER, LARGER = "epochs = 64, drop = 33", "batch = 256, epochs = 64, drop = 33"
DOUBLE, FIVE, ALL = 1.0, 2.0, 4.9
"""Levels: the variance of a step is 2, 5 and 25 times as large."""
ORDER = ("small", DOUBLE, FIVE, ALL)
"""From no such noise to the most of it."""


@pytest.fixture(scope="module")
def runs():
    """(level or arm, whether without the patch) -> the runs in the order of the seeds."""
    found = {}
    for bare, kind in ((False, ""), (True, "-control")):
        swept = sweeps.recorded(f"sampling-noise-laptop{kind}").records
        for level in (DOUBLE, FIVE, ALL):
            mine = [run for run in swept if run.config["sampling_noise"] == level]
            assert {run.config["arm"] for run in mine} == {"small"}
            found[level, bare] = in_order(mine)
        for arm, plain in of_arms(f"patch-laptop{kind}", ("large", "small", "noise")).items():
            found[arm, bare] = plain
    return found


def clean(records):
    return np.array([run.result["clean"] for run in records])


def between(records, first, last, column="clean"):
    """Mean of a column over the epochs from first to last, by seed."""
    histories = [run.history.set_index("epoch")[column] for run in records]
    return np.array([history.loc[first:last].mean() for history in histories])


def learnt(records):
    return [run.result["patch_learned_epoch"] for run in records]


def cost(runs, name):
    return clean(runs[name, True]) - clean(runs[name, False])


def test_the_levels_are_what_the_chapter_says(runs):
    config = runs["large", False][0].config
    assert (config["drop"], config["epochs"], config["batch"]) == (13, 24, 64)
    assert config["eta1"] / config["eta2"] == pytest.approx(25)
    assert [round(1 + level**2) for level in (DOUBLE, FIVE, ALL)] == [2, 5, 25]
    # "a fifth of the large one's noise, per unit of rate times step"
    assert (1 + FIVE**2) / (config["eta1"] / config["eta2"]) == pytest.approx(1 / 5)
    shares = {level: np.mean(1 + level * normal() < 0) for level in (DOUBLE, FIVE, ALL)}
    assert shares[ALL] == pytest.approx(2 / 5, abs=0.03)  # "two in five weights are negative"


def normal():
    return np.random.default_rng(0).normal(size=100_000)


def test_noise_hides_the_patch_while_it_lasts(runs):
    best = {
        level: [run.history.query("epoch < 13").patch_only.max() for run in runs[level, False]]
        for level in (DOUBLE, FIVE, ALL)
    }
    assert max(best[FIVE] + best[ALL]) < 15  # "near chance": 1,000 images, and the best of twelve
    seen = sorted(best[DOUBLE])
    assert seen[-1] > 50  # "one learns it, two others begin to see it"
    assert 25 > seen[-2] > seen[-3] > 20
    assert seen[-4] < 16
    times = {level: learnt(runs[level, False]) for level in best}
    early = [epoch for epoch in times[DOUBLE] if epoch < 13]
    assert early == [12]  # "in the last epoch before the line"
    assert max(times[DOUBLE]) - 12 <= 7  # "within seven epochs"
    late = [epoch for epoch in times[FIVE] if epoch is not None]
    assert len(late) < 10
    assert min(late) - 12 == 7
    assert max(late) - 12 == 11
    assert times[ALL] == [None] * 10


def test_it_slows_the_pictures_less(runs):
    def first(records):
        return np.mean([run.history.query("clean > 55").epoch.iloc[0] for run in records])

    assert first(runs[DOUBLE, True]) - first(runs["small", True]) == pytest.approx(1, abs=0.3)
    plain, large = (between(runs[arm, True], 10, 12) for arm in ("small", "large"))
    level, five, far = (between(runs[each, True], 10, 12) for each in (DOUBLE, FIVE, ALL))
    low, high = interval(level - plain)
    assert low < 0 < high
    assert abs(np.mean(level - plain)) < 1  # "at the line it is level"
    assert np.mean(plain - five) == pytest.approx(5, abs=0.6)
    assert np.mean(plain - far) == pytest.approx(26, abs=0.5)
    assert max(far - large) < -10  # "far behind the large rate as well"
    later = np.array(learnt(runs[DOUBLE, False])) - np.array(learnt(runs["small", False]))
    assert np.mean(later) == pytest.approx(7, abs=0.5)  # "about seven epochs later"


def test_what_the_patch_costs(runs):
    paid = {name: cost(runs, name) for name in ("small", DOUBLE, FIVE, ALL, "large", "noise")}
    means = {name: np.mean(values) for name, values in paid.items()}
    assert means["small"] == pytest.approx(8, abs=0.5)
    assert means[DOUBLE] == pytest.approx(5, abs=0.5)
    assert 3 < means[FIVE] < 4
    assert 2 < means[ALL] < 3
    assert 4 < means["large"] < 5
    low, high = interval(paid[DOUBLE] - paid["large"])
    assert low < 0 < high  # "as far as ten seeds can tell"
    for level in (FIVE, ALL):  # "with more it pays less"
        assert interval(paid[level] - paid["large"])[1] < 0
    for level in (DOUBLE, FIVE, ALL):
        assert interval(paid["small"] - paid[level])[0] > 0
    known = [np.mean([25 - (e or 25) for e in learnt(runs[name, False])]) for name in ORDER]
    assert sorted(known, reverse=True) == known  # what_if: "noise alone shortens the time,
    falling = [means[name] for name in ORDER]  # and the cost falls with it"
    assert sorted(falling, reverse=True) == falling


def test_what_is_there_without_a_patch(runs):
    large, small = clean(runs["large", True]), clean(runs["small", True])
    assert np.mean(large - small) == pytest.approx(8, abs=0.5)
    for level in (DOUBLE, FIVE, ALL):
        assert interval(large - clean(runs[level, True]))[0] > 6
    for level in (DOUBLE, FIVE):  # "take one to two points of this"
        assert interval(clean(runs[level, True]) - small)[0] > 0
        assert 1 < np.mean(clean(runs[level, True]) - small) < 2
    assert abs(np.mean(clean(runs[ALL, True]) - small)) < 0.1  # "and 25 times nothing"
    after = {name: between(runs[name, True], 13, 15) for name in (DOUBLE, FIVE, "large", "small")}
    for level in (DOUBLE, FIVE):
        assert 3 < np.mean(after[level] - after["small"]) < 4.2  # "three to four points above"
    assert np.mean(after["large"] - after["small"]) == pytest.approx(10, abs=0.6)
    ends = [run.history.train_accuracy.iloc[-1] for run in runs[ALL, True]]
    assert max(ends) < 85  # "has not fitted its images when the run ends"
    for level in (DOUBLE, FIVE, ALL):
        more = clean(runs["noise", True]) - clean(runs[level, True])
        assert interval(more)[0] > 0
        assert 1.4 < np.mean(more) < 3.1  # "one and a half to three points more"


def test_a_smaller_rate_does_not_learn_the_patch_later():
    """So noise that acts like a smaller rate does not explain why the patch is late."""
    slower = sweeps.recorded("what-if-laptop-ratio").select(arm="small", eta2=0.005)
    plain = [run for run in book.recorded("patch-laptop") if run.config["arm"] == "small"]
    base = {run.config["seed"]: run.result["patch_learned_epoch"] for run in plain}
    assert len(slower) == 5
    for run in slower:
        assert run.result["patch_learned_epoch"] <= base[run.config["seed"]]


def test_a_quarter_of_the_large_rates_noise_is_more_than_was_enough(rows):
    config = large(rows[whatif.BASE])[0].config
    left = config["eta1"] / config["eta2"] / 4
    assert left == pytest.approx(6, abs=0.3)  # "six times what the small rate has"
    assert left > 1 + FIVE**2
    assert config["pattern"] > book.recorded("patch-laptop")[0].config["pattern"]


def test_the_chapters_rows_are_those_of_the_records(runs):
    base, control = book.recorded("patch-laptop"), book.recorded("patch-laptop-control")
    levels = noisy_steps.recorded("sampling-noise-laptop", base)
    alone = noisy_steps.recorded("sampling-noise-laptop-control", control)
    assert list(levels) == list(alone) == ["variance ×2", "variance ×5", "variance ×25"]
    rows = noisy_steps.prices(noisy_steps.rows(levels, alone, base, control))
    for row, name in zip(rows, ("small", DOUBLE, FIVE, ALL, "noise", "large"), strict=True):
        assert rows[row][noisy_steps.COSTS] == pytest.approx(cost(runs, name), abs=1e-6)
    assert noisy_steps.matched(levels) == levels["variance ×25"]


@pytest.fixture(scope="module")
def rows():
    groups, missing = whatif.gather("what-if-base", ["what-if-longer", "what-if-noise"])
    assert not missing
    assert list(groups) == [whatif.BASE, LONGER, LARGER]
    assert {len(whatif.pairs(runs)) for runs in groups.values()} == {5}
    return groups


def large(runs):
    return sorted(book.by_arm(runs)["large"], key=lambda run: run.config["seed"])


def learned(runs):
    return [run.result["patch_learned_epoch"] for run in large(runs)]


def best_of_blank(runs, epochs):
    """The highest accuracy on blank images in the first ``epochs``, by seed."""
    return [run.history.patch_only[run.history.epoch <= epochs].max() for run in large(runs)]


def test_steps_and_rates_are_what_the_chapter_says(rows):
    base, longer, larger = (large(rows[row])[0].config for row in rows)
    assert longer["epochs"] == larger["epochs"] == 4 * base["epochs"]
    assert larger["batch"] == 4 * base["batch"] == 4 * longer["batch"]
    assert longer["drop"] - 1 == larger["drop"] - 1 == 4 * (base["drop"] - 1)
    assert {(c["eta1"], c["eta2"], c["train_size"]) for c in (base, longer, larger)} == {
        (0.5, 0.02, 10_000)
    }


def test_by_epochs_the_larger_batch_lets_the_patch_through_later(rows):
    longer, larger = learned(rows[LONGER]), learned(rows[LARGER])
    assert all(one < other for one, other in zip(longer, larger, strict=True))
    assert max(longer) < 33  # what_if: "all five do"
    assert sorted(larger)[2:] == [31, 33, 33]
    assert sum(epoch < 33 for epoch in larger) == 3


def test_by_steps_it_lets_it_through_sooner(rows):
    assert min(best_of_blank(rows[LARGER], 32)) > 100 / 3
    for row in (whatif.BASE, LONGER):
        assert max(best_of_blank(rows[row], 8)) < 14
    assert learned(rows[whatif.BASE]) == [None] * 5


def test_what_is_left_of_the_lead(rows):
    leads = [np.mean(whatif.gap(rows[row])) for row in (whatif.BASE, LONGER, LARGER)]
    assert [round(lead) for lead in leads] == [17, 7, 16]
    known = [np.mean([65 - epoch for epoch in learned(rows[row])]) / 64 for row in (LONGER, LARGER)]
    assert known[0] == pytest.approx(2 / 3, abs=0.05)
    assert 0.5 < known[1] < 0.6
