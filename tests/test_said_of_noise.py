"""What the chapter on activation noise says of levels and removal is in the records."""

import numpy as np
import pytest
from scipy import stats

from lrbook import book, noisy, sweeps
from lrbook.arms import by_seed


def test_what_the_chapter_says_of_levels_and_removal_is_in_the_records():
    runs = book.recorded("cifar-laptop")
    plain = [run for run in runs if run.config["arm"] != "noise"]
    varied = noisy.recorded("cifar-noise-laptop", runs)
    mean = {s: np.mean([r.result["clean"] for r in found]) for s, found in varied.items()}
    levels = [mean[f"{level} until epoch 12"] for level in (0.1, 0.2, 0.4, 0.8)]
    assert levels[0] < levels[1] < levels[2] > levels[3]
    times = [mean[f"0.4 {until}"] for until in ("until epoch 6", "until epoch 12")]
    times += [mean[f"0.4 {until}"] for until in ("until epoch 18", "to the end")]
    assert times == sorted(times)
    assert max(mean.values()) == times[-1]
    fitted = {s: [r.result["train_accuracy"] for r in found] for s, found in varied.items()}
    least = fitted.pop("0.8 until epoch 12")
    assert max(least) < min(map(min, fitted.values()))
    chosen = by_seed(varied["0.4 until epoch 12"], "noise", "clean")
    longer = ("0.4 until epoch 18", "0.4 to the end")
    for setting, found in varied.items():
        mine = by_seed(found, "noise", "clean")
        assert set(mine) == set(range(5, 15))
        above_large = np.array(noisy.difference(found, plain, "large"))
        if setting in longer:
            assert (above_large > 0).sum() == {longer[0]: 10, longer[1]: 9}[setting]
            assert np.mean(above_large) == pytest.approx(1.3, abs=0.1)
        else:
            assert (above_large > 0).sum() < 6
        low, high = stats.ttest_1samp(
            [mine[seed] - chosen[seed] for seed in mine], 0
        ).confidence_interval()
        if setting in longer:
            assert low > 0
            assert all(mine[seed] > chosen[seed] for seed in mine)
        elif setting == "0.8 until epoch 12":
            assert low < 0 < high < 0.1
            assert mean[setting] < mean["0.4 until epoch 12"]
        elif setting.endswith("until epoch 12") and found is not varied["0.4 until epoch 12"]:
            assert high < 0
    lead, half, count = book.paired_difference(runs, "clean", "noise", "small")
    assert (count, lead > half) == (10, True)  # no noise at all is below 0.4, too
    # the small rate without noise differs most from seed to seed
    spread = {arm: np.std(book.values(runs, "clean")[arm]) for arm in ("large", "small")}
    spreads = [np.std([run.result["clean"] for run in found]) for found in varied.values()]
    assert spread["small"] > max(spread["large"], *spreads)

    smaller = sweeps.recorded("cifar-mini").records
    levels = noisy.recorded("cifar-noise", smaller)
    mean = {s: np.mean([r.result["clean"] for r in found]) for s, found in levels.items()}
    assert noisy.difference(levels["0 until epoch 8"], smaller, "small") == [0] * 5
    chosen = by_seed(levels["0.4 until epoch 8"], "noise", "clean")
    assert max(mean[s] for s in mean if s.endswith("until epoch 8")) == mean["0.4 until epoch 8"]
    stands = {}
    for setting, found in levels.items():
        mine = by_seed(found, "noise", "clean")
        low, high = stats.ttest_1samp(
            [mine[seed] - chosen[seed] for seed in chosen], 0
        ).confidence_interval()
        stands[setting] = "below" if high < 0 else "above" if low > 0 else "open"
        assert min(noisy.difference(found, smaller, "large")) < 0
    del stands["0.4 until epoch 8"]
    assert stands == {
        "0 until epoch 8": "below",
        "0.1 until epoch 8": "open",
        "0.2 until epoch 8": "open",
        "0.8 until epoch 8": "below",
        "0.4 until epoch 4": "below",
        "0.4 until epoch 12": "above",
        "0.4 to the end": "open",
    }
    assert book.standing(smaller, "clean", "large", "small") == "ahead of"
    behind = -np.mean(noisy.difference(levels["0 until epoch 8"], smaller, "large"))
    for setting, share in (("0.4 until epoch 8", 1 / 2), ("0.4 until epoch 12", 2 / 3)):
        won = np.mean(noisy.difference(levels[setting], smaller, "small"))
        assert won / behind == pytest.approx(share, abs=0.05)
