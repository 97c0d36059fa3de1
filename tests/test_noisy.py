"""Noise in the activations: shares of relus and of gaps, groups of a sweep, and the verdicts."""

import dataclasses

import numpy as np
import pytest

from lrbook import noisy
from lrbook.record import Record
from lrbook.sweeps import Sweep
from lrbook.vision.cifar import CifarConfig


def run(arm, seed, clean, **settings):
    config = CifarConfig.for_profile("mini", arm=arm, seed=seed, data="digits", **settings)
    return Record(
        run_id=config.run_id,
        experiment="cifar",
        config=config.model_dump(),
        status="finished",
        provenance={"data": "digits"},
        result={"clean": clean, "train_accuracy": 99.0},
        history_sha256=None,
        wall_s=1.0,
        message=None,
    )


def arms(**values):
    return [run(arm, seed, clean) for arm, found in values.items() for seed, clean in found.items()]


def test_switched_relus_against_draws():
    x, e = np.random.default_rng(0).normal(size=(2, 200_000))
    for level in (0.1, 0.4, 0.8):
        drawn = np.mean(np.sign(x) != np.sign(x + level * e))
        assert noisy.switched(level) == pytest.approx(drawn, abs=0.003)
    assert noisy.switched(0) == 0


def test_a_gap_that_noise_closes_by_half():
    records = arms(
        large={5: 80.0, 6: 80.5, 7: 80.2},
        small={5: 70.0, 6: 70.4, 7: 70.1},
        noise={5: 75.0, 6: 75.4, 7: 75.2},
    )
    words = noisy.closing_words(records)
    assert "large rate ends **ahead of small** (10.1" in words
    assert "noise arm ends **ahead of small** (5.0" in words
    assert "and **behind large** (-5.0" in words
    assert words.endswith("noise wins back **50 %** of the gap.")


def test_no_share_of_a_gap_that_may_be_chance():
    records = arms(large={5: 80.0, 6: 70.0}, small={5: 70.0, 6: 75.0}, noise={5: 71.0, 6: 71.0})
    words = noisy.closing_words(records)
    assert "large rate ends **not apart from small** (2.5" in words
    assert "%" not in words
    assert words.endswith("no share of it can be quoted.")


def test_one_pair_or_none_is_not_judged():
    words = noisy.closing_words(arms(large={5: 80.0}, small={5: 70.0}, noise={5: 75.0}))
    assert words == (
        "On new images the large rate is **not judged, with one pair only, against small** "
        "(10.0 points, 1 pair). The noise arm is **not judged, with one pair only, against small** "
        "(5.0 points, 1 pair), and **not judged, with one pair only, against large** (-5.0 points, "
        "1 pair). Without a gap that is clear of chance, no share of it can be quoted."
    )
    two = arms(large={5: 80.0, 6: 80.5}, small={5: 70.0, 6: 70.4}, noise={9: 75.0})
    words = noisy.closing_words(two)
    assert "large rate ends **ahead of small** (10" in words
    assert "noise arm is **not compared with small** (no pairs), and **not compared with" in words
    assert words.endswith("No seed has all three arms, so no share of the gap can be quoted.")


def test_the_share_is_over_the_seeds_that_all_arms_have():
    records = arms(
        large={5: 80.0, 6: 80.5}, small={5: 70.0, 6: 70.4}, noise={6: 70.4 + 10.1, 9: 0.0}
    )
    assert "wins back **100 %**" in noisy.closing_words(records)


def test_the_papers_share():
    told = {"large": {"clean": 90.0}, "noise": {"clean": 88.0}, "small": {"clean": 80.0}}
    assert noisy.share_reported(told) == "80 %"


PLAIN = arms(large={5: 60.0, 6: 61.0}, small={5: 50.0, 6: 51.0})


@pytest.fixture
def settings():
    points = [{"noise": 0.4}, {"noise": 0.1}, {"noise": 0.4, "noise_drop": 17}]
    points += [{"noise": 0.4, "noise_drop": 5}]
    found = [(52.0, 50.0), (49.0, 50.0), (53.0, 54.0), (51.0, 52.0)]
    return noisy.groups(
        [
            run("noise", seed, clean, **point)
            for point, pair in zip(points, found, strict=True)
            for seed, clean in zip((5, 6), pair, strict=True)
        ]
    )


def test_groups_by_level_then_by_last_epoch(settings):
    # mini: 16 epochs, the first drop at 9
    want = ["0.1 until epoch 8", "0.4 until epoch 8", "0.4 until epoch 4", "0.4 to the end"]
    assert list(settings) == want
    assert [len(records) for records in settings.values()] == [2, 2, 2, 2]


def test_settings_of_one_name_are_one_group():
    drop = CifarConfig.for_profile("mini", arm="noise", seed=5, data="digits").drop
    runs = [
        run("noise", 5, 49.0, noise=0.1, noise_drop=0),
        run("noise", 6, 50.0, noise=0.10000001, noise_drop=0),
        run("noise", 7, 51.0, noise=0.1, noise_drop=drop),
    ]
    assert noisy.groups(runs) == {f"0.1 until epoch {drop - 1}": runs}


@pytest.fixture
def there(monkeypatch):
    """Sweeps by name; any other has not been recorded."""
    found = {}

    def load(name):
        if name not in found:
            raise LookupError(name)
        return found[name]

    monkeypatch.setattr("lrbook.sweeps.recorded", load)
    return found


def test_a_recorded_sweep_is_joined_by_the_noise_of_its_base(there):
    assert noisy.recorded("levels", PLAIN) == {}
    levels = [run("noise", 5, 49.0, noise=0.1), run("noise", 6, 48.0, noise=0.1)]
    there["levels"] = Sweep(levels)
    assert noisy.recorded("levels", PLAIN) == {"0.1 until epoch 8": levels}
    standard = run("noise", 7, 52.0, noise=0.4)
    found = noisy.recorded("levels", [*PLAIN, standard])
    assert found == {"0.1 until epoch 8": levels, "0.4 until epoch 8": [standard]}


def test_a_sweep_of_another_size_or_of_other_images_is_not_shown(there):
    there["levels"] = Sweep([run("noise", 5, 49.0, noise=0.1)])
    assert noisy.recorded("levels", [run("small", 5, 50.0, epochs=15, drop3=15)]) == {}
    elsewhere = dataclasses.replace(PLAIN[0], provenance={"data": "CIFAR-10"})
    assert noisy.recorded("levels", [elsewhere]) == {}


@pytest.mark.parametrize("other", [{"precision": "bf16"}, {"device_kind": "cuda"}])
def test_a_sweep_in_other_digits_or_of_another_device_is_not_shown(there, other):
    same = {"data": "digits", "precision": "fp32", "device_kind": "cpu"}
    base = [dataclasses.replace(one, provenance=same) for one in PLAIN]
    noise = run("noise", 5, 49.0, noise=0.1)
    for origin, shown in ((same, True), (same | other, False)):
        there["levels"] = Sweep([dataclasses.replace(noise, provenance=origin)])
        assert bool(noisy.recorded("levels", base)) == shown


def test_table_and_words(settings):
    table = noisy.table(settings, PLAIN)
    assert list(table["noise, on digits"]) == list(settings)
    assert list(table["above small"]) == [
        "-1.0, -1.0",
        "+2.0, -1.0",
        "+1.0, +1.0",
        "+3.0, +3.0",
    ]
    assert table["above large"].iloc[0] == "-11.0, -11.0"
    assert list(table["new images (%)"]) == ["49.5", "51.0", "51.5", "53.5"]
    assert list(table["training images (%)"]) == ["99.0"] * 4
    assert list(table["units switched"]) == ["3 %", "12 %", "12 %", "12 %"]
    assert list(table["seeds"]) == [2] * 4
    assert noisy.above_words(settings, PLAIN) == (
        "Above the small rate without noise: In every seed: *0.4 until epoch 4*, *0.4 to the end*. "
        "In some seeds: *0.4 until epoch 8*. In no seed: *0.1 until epoch 8*. "
        "Above the large rate in every seed: none. "
        "On the seeds that all have, *0.4 to the end* is best with 53.5 %; "
        "the small rate without noise has 50.5 %."
    )
    more = settings | {"0.1 until epoch 8": [*settings["0.1 until epoch 8"], run("noise", 7, 99.0)]}
    assert noisy.above_words(more, PLAIN) == noisy.above_words(settings, PLAIN)
    ahead = {"0.4 to the end": [run("noise", 5, 60.1), run("noise", 6, 61.1)]}
    assert "large rate in every seed: *0.4 to the end*." in noisy.above_words(ahead, PLAIN)
    even = {"0.4 to the end": [run("noise", 5, 60.1), run("noise", 6, 61.0)]}
    assert "large rate in every seed: none." in noisy.above_words(even, PLAIN)


def test_the_best_setting_has_the_highest_mean_wherever_it_stands():
    high, low = ([run("noise", seed, clean) for seed in (5, 6)] for clean in (70.0, 52.0))
    for groups in ({"a": high, "b": low}, {"b": low, "a": high}):
        assert "*a* is best with 70.0 %" in noisy.above_words(groups, PLAIN)


def test_level_with_the_small_rate_is_not_above_it():
    level = {"a": [run("noise", seed, clean) for seed, clean in ((5, 50.0), (6, 51.0))]}
    assert "In no seed: *a*." in noisy.above_words(level, PLAIN)


def test_a_setting_against_another(settings):
    # 0.4 until epoch 8 has 52 on seed 5 and 50 on seed 6
    more = [run("noise", seed, clean) for seed, clean in ((7, 49.0), (9, 0.0))]
    late = [run("noise", 7, 55.0, noise_drop=17), run("noise", 8, 99.0, noise_drop=17)]
    settings["0.4 until epoch 8"] += more
    settings["0.4 to the end"] += late
    assert noisy.against_words(settings, "0.4 until epoch 8") == (
        "Above *0.4 until epoch 8*, in points over paired seeds: "
        "*0.1 until epoch 8* -3.0, +0.0 (2); "
        "*0.4 until epoch 4* -1.0, +2.0 (2); "
        # 1, 4 and 6: standard error 1.453, t 4.303
        "*0.4 to the end* +3.7\xa0±\xa06.3 (3)."
    )
    assert noisy.against_words(settings, "0.3 until epoch 8") == ""


def test_level_0_is_in_the_table_and_not_among_the_levels_that_help(settings):
    none = {"0 until epoch 8": [run("noise", seed, 99.0, noise=0.0) for seed in (5, 6)]}
    assert noisy.table(none | settings, PLAIN)["units switched"].iloc[0] == "0 %"
    assert noisy.above_words(none | settings, PLAIN) == noisy.above_words(settings, PLAIN)


def test_a_setting_that_diverged_everywhere_is_above_nothing(settings):
    lost = [
        dataclasses.replace(run("noise", seed, 0.0, noise=5.0), status="diverged", result={})
        for seed in (5, 6)
    ]
    more = settings | {"5 until epoch 8": lost}
    assert noisy.above_words(more, PLAIN) == noisy.above_words(settings, PLAIN)
    row = noisy.table(more, PLAIN).iloc[-1]
    assert list(row[["new images (%)", "training images (%)"]]) == ["diverged"] * 2
    assert list(row[["above small", "above large"]]) == ["–"] * 2


def test_settings_on_other_seeds_are_not_compared():
    apart = {"0.4 to the end": [run("noise", 8, 99.0)]}
    words = "No run with noise shares its seed with one of the small rate without it."
    assert noisy.above_words(apart, PLAIN) == words
    # each has pairs, on seeds of its own: no seed is common to all, so no mean is the best
    two = {"0.1 until epoch 8": [run("noise", 5, 70.0)], "0.4 to the end": [run("noise", 6, 71.0)]}
    words = noisy.above_words(two, PLAIN)
    both = "*0.1 until epoch 8*, *0.4 to the end*"
    assert words == (
        f"Above the small rate without noise: In the only pair: {both}. "
        f"Above the large rate in every seed: none; in the only pair: {both}."
    )
    below = {"0.4 to the end": [run("noise", 5, 10.0), run("noise", 9, 99.0)]}
    words = noisy.above_words(below, PLAIN)
    assert "without noise: Not in the only pair: *0.4 to the end*." in words
    assert "in every seed: none. On the one seed that all have" in words


def test_a_row_of_more_seeds_than_pairs_says_so(settings):
    runs = [run("noise", seed, 52.0) for seed in (5, 8, 9)]
    row = noisy.table({"0.4 until epoch 8": runs}, PLAIN).iloc[0]
    assert row["above small"] == "+2.0 (1 pair)"
    assert (row["new images (%)"], row["seeds"]) == ("52.0", 3)
    runs[0] = dataclasses.replace(runs[0], status="diverged", result={})
    row = noisy.table({"0.4 until epoch 8": runs}, PLAIN).iloc[0]
    assert row["new images (%)"] == "52.0 (2 of 3)"
    assert row["above small"] == "–"
    assert "(" not in noisy.table(settings, PLAIN).to_string(header=False)
