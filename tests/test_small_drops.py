"""A small rate that drops, too, beside both rates, on runs made by hand."""

import dataclasses
import re

import numpy as np
import pytest
from made_laptop import laptop_run

from lrbook import small_drops
from lrbook.sweeps import Sweep

NONE = {"carrier_share": 0.0}
DROPPING = {"eta1": 0.02, "eta2": 0.0008}
ENDING = {"eta2": 0.0008}


def run(arm, seed, clean, learnt=None, **settings):
    columns = {"epoch": [1, 2], "clean": [clean - 1, clean]}
    return laptop_run(arm, seed, columns, clean, learnt, **settings)


def several(arm, clean, learnt=None, **settings):
    """Runs on seeds 5, 6, ..."""
    return [run(arm, seed, each, learnt, **settings) for seed, each in enumerate(clean, 5)]


BASE = several("small", [50, 52, 54, 90], 9) + several("large", [60, 64, 65, 10], 16)
CONTROL = several("small", [60, 61, 62, 90], **NONE) + several("large", [66, 68, 70, 10], **NONE)
PAIRS = BASE, CONTROL
TOO = several("large", [56, 57, 61], 10, **DROPPING)
TOO_ALONE = several("large", [64, 65, 66], **DROPPING, **NONE)
DROPS = TOO, TOO_ALONE
DEEP = several("large", [62, 60, 64, 11], **ENDING)
DEEP_ALONE = several("large", [65, 67, 66, 11], **ENDING, **NONE)
ENDED = DEEP, DEEP_ALONE


@pytest.fixture
def recorded(monkeypatch):
    """What is recorded of the two sweeps, set by hand."""

    def gather(*runs, names=small_drops.NAMES):
        found = dict(zip(names, runs, strict=False))
        monkeypatch.setattr("lrbook.sweeps.recorded", lambda name: Sweep(found[name]))
        return small_drops.recorded(PAIRS, names)

    return gather


def test_what_is_recorded_is_finished(recorded):
    assert recorded(*DROPS) == DROPS
    lost = dataclasses.replace(TOO[0], status="diverged", result={})
    assert recorded([lost, *TOO[1:]], TOO_ALONE) == (TOO[1:], TOO_ALONE)


def test_those_of_the_large_rate_are_recorded_alike(recorded):
    assert recorded(*ENDED, names=small_drops.ENDED) == ENDED


@pytest.mark.parametrize("other", [{"drop": 10}, {"pattern": 0.3}, NONE])
def test_runs_that_differ_in_more_than_the_rates_are_not_taken(recorded, other):
    assert recorded(several("large", [56, 57], **DROPPING, **other), TOO_ALONE) == ([], [])


def test_one_recording_alone_is_none(recorded):
    assert recorded(TOO) == ([], [])  # a KeyError is a LookupError, as what is raised then


def test_the_dropping_runs_stand_in_for_the_small_ones_on_their_seeds():
    noise = several("noise", [70, 71, 72])
    rows = small_drops.rows(([*BASE, *noise], CONTROL), DROPS)
    assert list(rows) == ["never drops", "drops, too"]
    seeds = {run.config["seed"] for both in rows.values() for runs in both for run in runs}
    assert seeds == {5, 6, 7}
    ends = {
        kind: [
            [run.result["clean"] for run in runs if run.config["arm"] == "small"] for runs in two
        ]
        for kind, two in rows.items()
    }
    assert ends == {
        "never drops": [[50, 52, 54], [60, 61, 62]],
        "drops, too": [[56, 57, 61], [64, 65, 66]],
    }
    large = [run for run in rows["drops, too"][1] if run.config["arm"] == "large"]
    assert [run.result["clean"] for run in large] == [66, 68, 70]
    assert TOO[0].config["arm"] == "large"  # the records are as they were


def test_the_table_and_the_words_are_differences_by_seed():
    table = small_drops.table(PAIRS, DROPS).set_index("the small rate, on digits")
    never, too = table.loc["never drops"], table.loc["drops, too"]
    means = ["the patch costs it", "large − small, with it", "large − small, without"]
    assert [never[name].split()[0] for name in means] == ["+9.0", "+11.0", "+7.0"]
    assert [too[name].split()[0] for name in means] == ["+7.0", "+5.0", "+3.0"]
    assert (never["ends with it (%)"], never["without (%)"]) == ("52.0", "61.0")
    assert (too["ends with it (%)"], too["without (%)"]) == ("58.0", "65.0")
    # 10 - 6, 12 - 7, 11 - 8 and 4 - 2, 7 - 3, 4 - 4
    halves = [4.302653 * np.std(each, ddof=1) / np.sqrt(3) for each in ([4, 5, 3], [2, 4, 0])]
    assert never["the patch adds"].split() == ["+4.0", "±", f"{halves[0]:.1f}"]
    assert too["the patch adds"].split() == ["+2.0", "±", f"{halves[1]:.1f}"]
    assert (never["it learns the patch in"], too["it learns the patch in"]) == ("9", "10")
    assert list(table.seeds) == [3, 3]
    said = small_drops.words(PAIRS, DROPS).replace("\N{NO-BREAK SPACE}", " ")
    assert "Where the small rate never drops, the large one ends **11.0 ± 2.5** points" in said
    assert f"the patch adds **2.0 ± {halves[1]:.1f}**, 40 % of the gap (3 paired seeds)" in said


def test_panels_have_both_rates_and_the_dropping_one():
    panels = small_drops.histories(PAIRS, DROPS)
    assert list(panels) == ["With the patch", "Without any patch"]
    for arms in panels.values():
        assert list(arms) == ["small", "large", "small, drops, too"]
        assert {len(seeds) for seeds in arms.values()} == {3}
    ends = [history.clean.iloc[-1] for history in panels["Without any patch"]["small, drops, too"]]
    assert ends == [64, 65, 66]


def test_the_large_rate_that_comes_down_as_far_stands_beside_the_dropping_one():
    rows = small_drops.rows(PAIRS, DROPS, ENDED)
    assert list(rows) == ["never drops", "drops, too", "drops, too, both to one rate"]
    assert list(small_drops.rows(PAIRS, DROPS)) == ["never drops", "drops, too"]
    # 62 - 56, 60 - 57, 64 - 61; 65 - 64, 67 - 65, 66 - 66; and the first less the second
    said = small_drops.same_end_words(PAIRS, DROPS, ENDED).replace("\N{NO-BREAK SPACE}", " ")
    assert said.startswith("Where the small rate drops, too, both to one rate, the large one ends ")
    assert re.findall(r"\*\*(\S+) ±", said) == ["4.0", "1.0", "3.0"]
    assert said.endswith("75 % of the gap (3 paired seeds).")
    assert small_drops.same_end_words(PAIRS, DROPS, ([], [])) == ""
    panels = small_drops.same_end_histories(PAIRS, DROPS, ENDED)
    ends = {
        arm: [h.clean.iloc[-1] for h in seeds] for arm, seeds in panels["With the patch"].items()
    }
    assert ends == {
        "large": [60, 64, 65],
        "large, to the same rate": [62, 60, 64],
        "small, drops, too": [56, 57, 61],
    }


def test_both_rates_with_both_ends_are_one_table():
    table = small_drops.schedules(PAIRS, DROPS, ENDED)
    told = table.drop(columns="the patch costs it").to_numpy().tolist()
    assert told == [
        ["0.5 → 0.02", "16", "63.0", "68.0", 3],
        ["0.5 → 0.0008", "never", "62.0", "66.0", 3],
        ["0.02 → 0.02", "9", "52.0", "61.0", 3],
        ["0.02 → 0.0008", "10", "58.0", "65.0", 3],
    ]
    paid = [words.split()[0] for words in table["the patch costs it"]]
    assert paid == ["+5.0", "+4.0", "+9.0", "+7.0"]
    assert len(small_drops.schedules(PAIRS, DROPS, ([], []))) == 3
