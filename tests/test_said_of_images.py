"""What the chapters on images say in prose, where no cell computes it, is in the records."""

import numpy as np
import pytest

from lrbook import book, noisy, puzzle, sweeps, whatif
from lrbook.stats import mean_interval
from lrbook.vision import histories


def test_activation_noise_costs_little_on_the_way():
    by_arm = book.histories(book.recorded("cifar-laptop"))
    mean = {arm: np.mean([h.clean for h in found], axis=0) for arm, found in by_arm.items()}
    drop = book.recorded("cifar-laptop")[0].config["drop"]
    behind = (mean["small"] - mean["noise"])[: drop - 1]
    assert 1 < behind[:3].mean() < 5  # a few points in the first epochs
    assert behind[6:].mean() < 0.5  # then level
    assert (mean["noise"] - mean["large"])[6 : drop - 1].min() > 8  # where the large one is behind


def test_most_of_the_gap_is_there_without_any_patch_as_the_readme_says():
    gaps = {
        name: book.paired_difference(book.recorded(name), "clean", "large", "small")
        for name in ("patch-laptop", "patch-laptop-control")
    }
    assert [count for *_, count in gaps.values()] == [10, 10]
    (whole, _, _), (without, half, _) = gaps.values()
    assert without - half > 0
    assert whole > without > whole / 2


def test_patch_experiment_what_the_patch_widens_most_clearly_is_noise_over_small():
    runs, control = book.recorded("patch-laptop"), book.recorded("patch-laptop-control")

    def added(one, other):
        whole, without = (paired(found, one, other) for found in (runs, control))
        mean, half = mean_interval([whole[seed] - without[seed] for seed in whole])
        return mean / half

    clear = {pair: added(*pair) for pair in (("large", "small"), ("noise", "small"))}
    assert clear["noise", "small"] > clear["large", "small"] > 1
    assert 0 < added("large", "noise") < 1


def paired(records, one, other, name="clean"):
    arms = book.by_arm(records)
    first, second = ({r.config["seed"]: r.result[name] for r in arms[arm]} for arm in (one, other))
    assert first.keys() == second.keys()
    return {seed: first[seed] - second[seed] for seed in sorted(first)}


def test_puzzle_the_large_arm_has_fitted_a_few_in_a_thousand_fewer():
    mean, half = mean_interval(
        [*paired(book.recorded("cifar-laptop"), "large", "small", "train_accuracy").values()]
    )
    assert 0.2 < -mean < 0.4
    assert -mean > half


def test_activation_noise_the_large_rates_lead_at_two_scales():
    """Less fitting is not simply better; at mini the late rows are not apart from large."""
    fitted = {0.8: [], 0.4: []}
    for run in sweeps.recorded("cifar-noise-laptop").records:
        if run.config["noise"] in fitted and run.config["noise_drop"] in (0, 13):
            fitted[run.config["noise"]].append(run.result["train_accuracy"])
    runs, smaller = book.recorded("cifar-laptop"), sweeps.recorded("cifar-mini").records
    fitted[0.4] += [r.result["train_accuracy"] for r in book.by_arm(runs)["noise"]]
    assert max(fitted[0.8]) < min(fitted[0.4])
    leads = [paired(found, "large", "small") for found in (runs, smaller)]
    assert len(leads[1]) == 5
    mean, half = mean_interval([leads[1][seed] - leads[0][seed] for seed in leads[1]])
    assert 0 < mean < half
    levels = noisy.recorded("cifar-noise", smaller)
    apart = {}
    for setting, found in levels.items():
        mean, half = mean_interval(noisy.difference(found, smaller, "large"))
        apart[setting] = -mean > half
    together = {"0.4 until epoch 8", "0.4 until epoch 12", "0.4 to the end"}
    assert {setting for setting, yes in apart.items() if not yes} == together


def what_if_rows():
    topics = ("ratio", "drop", "schedule", "pattern", "share", "network")
    groups, missing = whatif.gather("patch-laptop", [f"what-if-laptop-{t}" for t in topics])
    assert not missing
    return {
        row: {
            arm: {run.config["seed"]: run for run in runs}
            for arm, runs in book.by_arm(records).items()
        }
        for row, records in groups.items()
    }


def test_what_if_an_early_drop_costs_before_the_patch_is_known():
    rows = what_if_rows()
    base, early = rows["as in the base"]["large"], rows["drop = 7"]["large"]
    before = {seed: run.history.iloc[11:14] for seed, run in early.items()}
    assert max(h.patch_only.max() for h in before.values()) < 25
    best = {seed: run.history.clean.rolling(3).mean().max() for seed, run in base.items()}
    behind = [best[seed] - h.clean.mean() for seed, h in before.items()]
    assert len(behind) == 5
    assert 3.5 < np.mean(behind) < 4.5


def test_what_if_the_rows_that_fit_less_well():
    rows, control = what_if_rows(), book.by_arm(book.recorded("patch-laptop-control"))
    plain = {arm: {r.config["seed"]: r.result["clean"] for r in control[arm]} for arm in control}

    def lost(row, arm):
        found = rows[row][arm]
        return [plain[arm][seed] - run.result["clean"] for seed, run in found.items()]

    assert np.mean(lost("eta2 = 0.1", "large")) > np.mean(lost("eta2 = 0.1", "small")) + 4
    wsd = rows["schedule = wsd"]["large"].values()
    learnt = [run.result["patch_learned_epoch"] for run in wsd]
    assert sorted(epoch or 99 for epoch in learnt) == [20, 23, 24, 24, 99]  # of 24 epochs
    assert sum(run.result["patch_only"] < 35 for run in wsd) == 3
    deep = rows["depth = 16"]["small"].values()
    assert [run.result["patch_only"] > 95 for run in deep] == [True] * 5
    assert abs(np.mean(lost("depth = 16", "small"))) < np.mean(lost("drop = 19", "small")) / 3


def test_what_if_half_of_what_large_pays_is_not_for_knowing_the_patch():
    rows, control = what_if_rows(), book.by_arm(book.recorded("patch-laptop-control"))["large"]
    plain = {run.config["seed"]: run for run in control}

    def paid(row):
        return np.mean(
            [plain[s].result["clean"] - r.result["clean"] for s, r in rows[row]["large"].items()]
        )

    assert all(run.result["patch_only"] < 25 for run in rows["pattern = 0.1"]["large"].values())
    assert paid("pattern = 0.1") / paid("as in the base") == pytest.approx(0.5, abs=0.1)
    falls = [r.history.clean.rolling(3).mean().max() - r.result["clean"] for r in control]
    assert 2 < np.mean(falls) < 3
    drop = control[0].config["drop"]
    unseen = rows["patch_only_share = 0.0"]["small"].values()
    known = sorted(run.history.patch_only[run.history.epoch < drop].max() for run in unseen)
    assert len(known) == 5
    assert 20 < known[0] < 30
    assert 60 < known[-1] < 70


def test_mitigation_on_plain_images_noise_is_level_with_the_large_rate():
    plain = book.recorded("cifar-laptop")
    for one, other, clear in (("large", "small", True), ("noise", "large", False)):
        mean, half, count = book.paired_difference(plain, "clean", one, other)
        assert (count, abs(mean) > half) == (10, clear)
    assert noisy.won_back(plain) > 1  # the whole of the gap, which is narrower than the patch's
    patch = book.paired_difference(book.recorded("patch-laptop"), "clean", "large", "small")
    assert book.paired_difference(plain, "clean", "large", "small")[0] < patch[0] / 2
    told = book.reported("plain_cifar10")
    low, middle, high = (told[arm]["clean"] for arm in ("small", "noise", "large"))
    assert 0.5 < (middle - low) / (high - low) < 1


def test_puzzle_the_large_rate_ends_ahead_by_a_small_part_of_what_it_was_behind():
    runs = [run for run in book.recorded("cifar-laptop") if run.config["arm"] != "noise"]
    drop, second = runs[0].config["drop"], runs[0].config["drop2"]
    before = {
        arm: {r.config["seed"]: histories.mean_before_drop(r.history, "clean", drop) for r in found}
        for arm, found in book.by_arm(runs).items()
    }
    behind = np.mean([before["small"][seed] - before["large"][seed] for seed in before["large"]])
    ahead = paired(runs, "large", "small")
    mean, half = mean_interval([*ahead.values()])
    assert half < mean < behind / 4
    early = mean_interval([gap for seed, gap in ahead.items() if seed < 10])
    assert early[0] < early[1]  # the first five seeds left it open
    two = book.by_arm(runs)
    crossed = [
        puzzle.crossing(one.history, other.history, "clean")
        for one, other in zip(two["large"], two["small"], strict=True)
    ]
    assert min(epoch for epoch in crossed if epoch) >= second


def test_the_halves_of_the_seeds_are_alike_in_their_means():
    """As patch_experiment says, and reproduce: of two makes of processor."""
    runs, control = book.recorded("patch-laptop"), book.recorded("patch-laptop-control")
    makes = {run.config["seed"]: run.provenance["device"].split(",")[1] for run in runs}
    assert len({makes[seed] for seed in range(5, 10)}) == 1
    assert len({makes[seed] for seed in range(10, 15)} - {makes[5]}) == 1
    gaps = [paired(found, "large", "small") for found in (runs, control)]
    added = {seed: gaps[0][seed] - gaps[1][seed] for seed in gaps[0]}
    for values in (*gaps, added):
        early, late = (
            np.mean([v for s, v in values.items() if (s < 10) == first]) for first in (True, False)
        )
        assert early == pytest.approx(late, abs=1)


def test_patch_experiment_in_three_seeds_large_knows_the_patch_less_well():
    runs = book.by_arm(book.recorded("patch-laptop"))
    last = {run.config["seed"]: run.history.patch_only.iloc[-1] for run in runs["large"]}
    assert [seed for seed, value in last.items() if value < 90] == [10]
    known = {
        (arm, run.config["seed"]): run.result["patch_only"]
        for arm, found in book.by_arm(book.recorded("patch-laptop")).items()
        for run in found
    }
    less = {place for place, value in known.items() if value < 90}
    assert {arm for arm, _ in less} == {"large"}
    assert len(less) == 3
    assert min(known.values()) > 70
