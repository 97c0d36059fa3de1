"""A small rate with noise, with a drop and with both, on runs made by hand."""

import numpy as np
import pytest
from made_laptop import laptop_run

from lrbook import noise_and_drop, noisy_steps, small_drops
from lrbook.sweeps import Sweep

NONE = {"carrier_share": 0.0}
DROPPING = {"eta1": 0.02, "eta2": 0.0008}
SHAKEN = {"sampling_noise": 2.0}


def several(arm, clean, **settings):
    """Runs on seeds 5, 6, ..."""
    columns = {"epoch": [11, 12, 13]}
    return [
        laptop_run(arm, seed, columns | {"clean": [each - 2, each - 1, each]}, each, 9, **settings)
        for seed, each in enumerate(clean, 5)
    ]


def twice(arm, with_patch, without, **settings):
    return several(arm, with_patch, **settings), several(arm, without, **settings, **NONE)


SMALL = twice("small", [50, 52, 54, 90], [60, 61, 62, 90])
LARGE = twice("large", [60, 64, 65, 10], [66, 68, 70, 10])
NOISE = twice("small", [53, 54, 58, 1], [61, 63, 62, 1], **SHAKEN)
OTHER = twice("small", [1, 2, 3], [4, 5, 6], sampling_noise=4.9)
DROP = twice("large", [56, 57, 61, 2], [64, 65, 66, 2], **DROPPING)
BOTH = twice("large", [58, 60, 62], [63, 62, 67], **DROPPING, **SHAKEN)
PAIRS = SMALL[0] + LARGE[0], SMALL[1] + LARGE[1]


@pytest.fixture
def gathered(monkeypatch):
    """What ``rows`` finds where the sweeps hold what they are given here."""

    def gather(both=BOTH, drop=DROP, noise=NOISE):
        kept = dict(zip(noise_and_drop.NAMES, both, strict=True))
        kept |= dict(zip(small_drops.NAMES, drop, strict=True))
        for name, runs, other in zip(noise_and_drop.NOISE, noise, OTHER, strict=True):
            kept[name] = runs + other
        found = {name: Sweep(runs) for name, runs in kept.items() if runs}
        monkeypatch.setattr("lrbook.sweeps.recorded", lambda name: found[name])
        return noise_and_drop.rows(PAIRS)

    return gather


def test_a_shallower_drop_is_of_one_sweep_with_the_noise_and_without(monkeypatch):
    quarter = {"eta1": 0.02, "eta2": 0.005}
    drop = twice("large", [55, 56], [65, 66], **quarter)
    both = twice("large", [57, 59], [66, 64], **quarter, **SHAKEN)
    kept = {name: drop[at] + both[at] for at, name in enumerate(noise_and_drop.SHALLOW)}
    kept |= {name: NOISE[at] + OTHER[at] for at, name in enumerate(noise_and_drop.NOISE)}
    monkeypatch.setattr("lrbook.sweeps.recorded", lambda name: Sweep(kept[name]))
    rows = noise_and_drop.rows(PAIRS, shallow=True)
    assert {name: ends(row) for name, row in rows.items()} == {
        "small rate": [[50, 52], [60, 61]],
        "variance ×5": [[53, 54], [61, 63]],
        "a drop": [[55, 56], [65, 66]],
        "noise and a drop": [[57, 59], [66, 64]],
        "large rate": [[60, 64], [66, 68]],
    }
    assert noise_and_drop.rows(PAIRS) == {}  # those of the deeper drop are not there


def ends(row):
    return [[run.result["clean"] for run in runs] for runs in row[1:]]


def test_rows_are_on_the_seeds_of_those_with_both_and_the_noise_is_that_of_both(gathered):
    rows = gathered()
    assert {name: ends(row) for name, row in rows.items()} == {
        "small rate": [[50, 52, 54], [60, 61, 62]],
        "variance ×5": [[53, 54, 58], [61, 63, 62]],
        "a drop": [[56, 57, 61], [64, 65, 66]],
        "noise and a drop": [[58, 60, 62], [63, 62, 67]],
        "large rate": [[60, 64, 65], [66, 68, 70]],
    }


def test_without_one_of_them_there_is_none(gathered):
    assert gathered(both=(BOTH[0], [])) == {}  # a KeyError is a LookupError
    assert gathered(drop=(DROP[0], [])) == {}


@pytest.mark.parametrize("other", [{"drop": 10}, {"pattern": 0.3}])
def test_runs_that_differ_in_more_than_rates_and_noise_are_not_taken(gathered, other):
    both = several("large", [58, 60], **DROPPING, **SHAKEN, **other)
    assert gathered(both=(both, BOTH[1])) == {}


def test_gains_are_by_seed_above_the_plain_small_rate(gathered):
    rows = gathered()
    assert {
        name: list(found.values()) for name, found in noise_and_drop.gains(rows, True).items()
    } == {
        "variance ×5": [1, 2, 0],
        "a drop": [4, 4, 4],
        "noise and a drop": [3, 1, 5],
    }
    assert list(noise_and_drop.gains(rows, False)["a drop"].values()) == [6, 5, 7]
    said = noise_and_drop.gains_words(rows).replace("\N{NO-BREAK SPACE}", " ")
    patched, bare = said.split("\n\n")
    # 58 - 56, 60 - 57, 62 - 61 with the patch; 63 - 64, 62 - 65, 67 - 66 without
    half = 4.302653 * np.std([2, 3, 1], ddof=1) / np.sqrt(3)
    assert patched.endswith(f"Noise and a drop less a drop alone: **2.0 ± {half:.1f}**.")
    half = 4.302653 * np.std([-1, -3, 1], ddof=1) / np.sqrt(3)
    assert bare.endswith(f"less a drop alone: **-1.0 ± {half:.1f}**.")
    assert "*a drop* **4.0 ± 0.0**" in bare


def test_prices_and_table_take_the_rows(gathered):
    rows = gathered()
    prices = noisy_steps.prices(rows)
    assert prices["noise and a drop"] == {
        noisy_steps.COSTS: [5, 2, 5],
        noisy_steps.BEHIND: [3, 6, 3],
    }
    table = noisy_steps.table(rows).set_index("on digits")
    assert list(table["noise of a batch of"]) == ["64", "12.8", "64", "12.8", "64"]


def test_panels_have_the_rates_and_the_two_that_drop(gathered):
    panels = noise_and_drop.histories(gathered())
    assert list(panels) == ["With the patch", "Without any patch"]
    for place, arms in enumerate(panels.values()):
        last = {name: [history.clean.iloc[-1] for history in seeds] for name, seeds in arms.items()}
        assert last == {
            "small": [run.result["clean"] for run in SMALL[place][:3]],
            "large": [run.result["clean"] for run in LARGE[place][:3]],
            "small, drops, too": [run.result["clean"] for run in DROP[place][:3]],
            "small, noise and a drop": [run.result["clean"] for run in BOTH[place]],
        }
