"""The small rate with noisier steps beside the two rates, on runs made by hand."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from lrbook import noisy_steps
from lrbook.record import Record
from lrbook.sweeps import Sweep
from lrbook.vision.config import PatchConfig

LEVELS = ["variance ×2", "variance ×25"]


def run(arm, seed, clean, **settings):
    config = PatchConfig.for_profile("laptop", arm=arm, seed=seed, data="digits", **settings)
    settings, result = config.model_dump(mode="json"), {"clean": clean, "patch_learned_epoch": seed}
    table = pd.DataFrame(
        {"epoch": [10, 11, 12, 13], "clean": [clean - 1, clean - 2, clean - 4, clean]}
    )
    origin = {"data": "digits"}
    return Record(
        config.run_id, "patch", settings, "finished", origin, result, None, 1.0, table=table
    )


def several(clean, **settings):
    """Runs on seeds 5, 6, ..."""
    return [run("small", seed, each, **settings) for seed, each in enumerate(clean, 5)]


def rates(large, small, **settings):
    return several(small, **settings) + [
        run("large", seed, each, **settings) for seed, each in enumerate(large, 5)
    ]


NONE = {"carrier_share": 0.0}
BASE = rates([66, 67, 68, 10], [55, 54, 56, 90])  # the last seed is in no level
CONTROL = rates([70, 72, 71, 10], [62, 63, 61, 90], **NONE)
SOME = several([58, 58, 58], sampling_noise=1.0)
MUCH = several([60, 61, 62], sampling_noise=4.9)
SOME_ALONE = several([64, 65, 66], sampling_noise=1.0, **NONE)
MUCH_ALONE = several([64, 64, 64], sampling_noise=4.9, **NONE)
WITH, WITHOUT = (
    dict(zip(LEVELS, pair, strict=True)) for pair in ((SOME, MUCH), (SOME_ALONE, MUCH_ALONE))
)


def test_levels_are_named_by_the_variance_and_come_from_low_to_high(monkeypatch):
    monkeypatch.setattr("lrbook.sweeps.recorded", lambda name: Sweep([*MUCH, *SOME]))
    assert noisy_steps.recorded("any", BASE) == WITH


def test_a_run_that_diverged_is_in_no_level(monkeypatch):
    lost = [dataclasses.replace(run, status="diverged", result={}) for run in (MUCH[0], *SOME)]
    monkeypatch.setattr("lrbook.sweeps.recorded", lambda name: Sweep([*lost, *MUCH[1:]]))
    levels = noisy_steps.recorded("any", BASE)
    assert levels == {LEVELS[1]: MUCH[1:]}
    assert noisy_steps.prices(noisy_steps.rows(levels, WITHOUT, BASE, CONTROL))[LEVELS[1]] == price(
        [3, 2], [8, 7]
    )


def test_a_run_that_has_not_trained_pays_no_price():
    much = [run("small", 5, 9.9, sampling_noise=4.9), *MUCH[1:]]
    assert noisy_steps.prices(noisy_steps.rows({LEVELS[1]: much}, WITHOUT, BASE, CONTROL))[
        LEVELS[1]
    ] == (price([3, 2], [6, 8, 7]))


@pytest.mark.parametrize("other", [{"pattern": 0.3}, {"carrier_share": 0.0}, {"epochs": 30}])
def test_runs_that_differ_in_more_than_the_noise_are_not_set_beside_the_base(monkeypatch, other):
    found = several([60, 61], sampling_noise=4.9, **other)
    monkeypatch.setattr("lrbook.sweeps.recorded", lambda name: Sweep(found))
    assert noisy_steps.recorded("any", BASE) == {}


def test_what_has_not_been_recorded_is_no_level(monkeypatch):
    def nothing(name):
        raise LookupError(name)

    monkeypatch.setattr("lrbook.sweeps.recorded", nothing)
    assert noisy_steps.recorded("any", BASE) == {}


def test_the_large_rates_noise_is_at_the_level_that_makes_up_for_the_ratio_of_the_rates():
    assert noisy_steps.matched(WITH) == MUCH  # 1 + 4.9^2 = 25.01, and 0.5 / 0.02 = 25
    assert noisy_steps.matched({LEVELS[0]: SOME}) == []
    assert noisy_steps.matched({}) == []
    nearer = several([60], sampling_noise=4.9, eta2=0.021)
    assert noisy_steps.matched({"any": nearer}) == []


def price(cost, behind):
    return {"the patch costs it": cost, "behind large, no patch": behind}


def test_prices_are_taken_by_seed_and_on_the_levels_seeds():
    assert noisy_steps.prices(noisy_steps.rows(WITH, WITHOUT, BASE, CONTROL)) == {
        "small rate": price([7, 9, 5], [8, 9, 10]),
        "variance ×2": price([6, 7, 8], [6, 7, 5]),
        "variance ×25": price([4, 3, 2], [6, 8, 7]),
        "large rate": price([4, 5, 3], []),
    }


def test_a_seed_without_its_control_is_in_no_price_and_a_level_without_any_in_no_row():
    rows = noisy_steps.prices(noisy_steps.rows(WITH, {LEVELS[1]: MUCH_ALONE[1:]}, BASE, CONTROL))
    assert list(rows) == ["small rate", "variance ×25", "large rate"]
    assert rows["variance ×25"] == price([3, 2], [8, 7])


def test_noise_in_the_activations_stands_beside_them_where_the_base_has_it():
    base = [*BASE, *(run("noise", seed, 60) for seed in (5, 6, 7, 8))]
    control = [*CONTROL, *(run("noise", seed, 66, **NONE) for seed in (5, 6, 7, 8))]
    rows = noisy_steps.prices(noisy_steps.rows(WITH, WITHOUT, base, control))
    assert list(rows) == ["small rate", *LEVELS, "noise in activations", "large rate"]
    assert rows["noise in activations"] == price([6, 6, 6], [4, 6, 5])
    row = noisy_steps.table(noisy_steps.rows(WITH, WITHOUT, base, control)).set_index("on digits")
    assert row["seeds"]["noise in activations"] == 3


def test_without_the_large_rate_nothing_is_set_beside_it():
    base, control = several([55, 54, 56]), several([62, 63, 61], **NONE)
    rows = noisy_steps.prices(noisy_steps.rows(WITH, WITHOUT, base, control))
    assert rows["small rate"] == price([7, 9, 5], [])
    table = noisy_steps.table(noisy_steps.rows(WITH, WITHOUT, base, control))
    assert set(table["more than large"]) == set(table["behind large, no patch"]) == {"–"}


def test_the_table_has_the_two_rates_at_its_ends():
    table = noisy_steps.table(noisy_steps.rows(WITH, WITHOUT, BASE, CONTROL)).set_index("on digits")
    assert list(table.index) == ["small rate", *LEVELS, "large rate"]
    assert list(table["noise of a batch of"]) == ["64", "32", "2.56", "64"]
    assert list(table["at the end, with it (%)"]) == ["55.0", "58.0", "61.0", "67.0"]
    assert list(table["at the end, no patch (%)"]) == ["62.0", "65.0", "64.0", "71.0"]
    # the history made by hand has its three epochs before the drop 1, 2 and 4 points lower
    assert list(table["before the drop, no patch (%)"]) == ["59.7", "62.7", "61.7", "68.7"]
    assert list(table["seeds"]) == [3] * 4
    assert set(table["patch learnt in"]) == {"5\xa0to\xa07"}
    assert table["more than large"]["variance ×25"] == f"-1.0\xa0±\xa0{spread([0, -2, -1]):.1f}"
    assert table["the patch costs it"]["variance ×2"] == f"+7.0\xa0±\xa0{spread([6, 7, 8]):.1f}"
    assert table["behind large, no patch"]["small rate"].startswith("+9.0\xa0±")
    assert table["behind large, no patch"]["large rate"] == "–"
    assert table["more than large"]["large rate"] == "–"


def spread(values):
    """Half of the 95 % interval of three values."""
    return 4.303 * np.std(values, ddof=1) / np.sqrt(3)


def test_the_prices_in_words():
    rows = noisy_steps.prices(noisy_steps.rows(WITH, WITHOUT, BASE, CONTROL))
    words = noisy_steps.prices_words(rows)
    costs, behind = words.split(". Points behind")
    assert "*variance ×2* **7.0\xa0±\xa02.5**" in costs
    assert "*large rate* **4.0\xa0±\xa02.5**" in costs
    assert "*variance ×25* **7.0\xa0±\xa02.5**" in behind
    assert "large rate*" not in behind


def test_histories_are_those_of_the_levels_seeds():
    found = noisy_steps.histories(WITH, BASE)
    assert list(found) == LEVELS
    for level, runs in WITH.items():
        small, large = found[level]["small"], found[level]["large"]
        assert [h.clean[3] for h in small] == [55, 54, 56]
        assert [h.clean[3] for h in large] == [66, 67, 68]
        assert [h.clean[3] for h in found[level][noisy_steps.NOISY]] == [
            run.result["clean"] for run in runs
        ]
