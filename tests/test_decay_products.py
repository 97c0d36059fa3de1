"""Rate times decay: runs of either rate found by their product, on runs made by hand."""

import dataclasses
import re

import pairs_of_sweeps
import pytest
from intervals import interval
from made_laptop import laptop_run

from lrbook import decay_products, figures, small_drops, weight_decay
from lrbook.sweeps import Sweep

BARE = {"carrier_share": 0.0}
DROPPING = {"eta1": 0.02, "eta2": 0.0008}


def twice(arm, with_patch, without, **settings):
    """Runs on seeds 5, 6, ..., with the patch and without any."""
    epochs = {"epoch": [10, 11, 12, 13]}
    return tuple(
        [
            laptop_run(
                arm, seed, epochs | {"clean": [end - 9, end - 6, end - 3, end]}, end,
                **settings, **kind,
            )
            for seed, end in enumerate(ends, 5)
        ]
        for kind, ends in (({}, with_patch), (BARE, without))
    )  # fmt: skip


LARGE = twice("large", [60, 64, 65, 70], [66, 68, 70, 72])
SMALL = twice("small", [50, 52, 54], [60, 61, 62])
LARGE_NONE, SMALL_NONE = (twice(arm, [1, 1, 1], [2, 2, 2], weight_decay=0.0) for arm in
                          ("large", "small"))  # fmt: skip
STAYS = twice("small", [3, 3, 3], [4, 4, 4], weight_decay=0.0125)
DROPS = twice("large", [56, 57, 61], [64, 65, 66], **DROPPING)
BOTH = twice("large", [58, 61, 63, 69], [65, 66, 70, 70], **DROPPING, weight_decay=0.0125)
NONE_DROPS = twice("large", [52, 53, 57], [62, 63, 63], **DROPPING, weight_decay=0.0)
LARGE_FIFTH = twice("large", [61, 62, 63], [64, 65, 66], weight_decay=0.0001)
SMALL_FIFTH = twice("large", [60, 60, 60], [63, 63, 66], **DROPPING, weight_decay=0.0025)
LARGE_FIVEFOLD = twice("large", [40, 41, 42], [43, 44, 45], weight_decay=0.0025)
SMALL_FIVEFOLD = twice("large", [30, 31, 32], [34, 34, 35], **DROPPING, weight_decay=0.0625)
PAIRS = SMALL[0] + LARGE[0], SMALL[1] + LARGE[1]


def together(*rows):
    return tuple([run for row in rows for run in row[at]] for at in (0, 1))


KEPT = {
    weight_decay.NONE: together(SMALL_NONE, LARGE_NONE),
    weight_decay.MATCHED: STAYS,
    weight_decay.DROPS: BOTH,
    weight_decay.NONE_DROPS: NONE_DROPS,
    small_drops.NAMES: DROPS,
    decay_products.FIFTH: together(LARGE_FIFTH, SMALL_FIFTH),
    decay_products.FIVEFOLD: together(LARGE_FIVEFOLD, SMALL_FIVEFOLD),
}


@pytest.fixture
def gathered(monkeypatch):
    """What ``recorded`` finds where the sweeps hold what they are given here."""

    def gather(changed=None):
        pairs_of_sweeps.keep(monkeypatch, KEPT | (changed or {}))
        return decay_products.recorded(PAIRS)

    return gather


def test_runs_of_either_rate_are_by_their_product(gathered):
    ends = {
        name: {
            product: [[run.result["clean"] for run in runs] for runs in both]
            for product, (_, *both) in rows.items()
        }
        for name, rows in gathered().items()
    }
    assert ends == {
        "large rate": {
            0.0: [[1, 1, 1], [2, 2, 2]],
            0.2: [[61, 62, 63], [64, 65, 66]],
            1.0: [[60, 64, 65, 70], [66, 68, 70, 72]],  # all seeds
            5.0: [[40, 41, 42], [43, 44, 45]],
        },
        "small rate that drops": {
            0.0: [[52, 53, 57], [62, 63, 63]],
            0.04: [[56, 57, 61], [64, 65, 66]],
            0.2: [[60, 60, 60], [63, 63, 66]],
            1.0: [[58, 61, 63, 69], [65, 66, 70, 70]],
            5.0: [[30, 31, 32], [34, 34, 35]],
        },
    }
    assert [list(rows) == sorted(rows) for rows in gathered().values()] == [True, True]


@pytest.mark.parametrize("names", KEPT)
def test_none_without_one_of_the_recordings(gathered, names):
    assert gathered({names: ([], [])}) == {}
    assert gathered({names: (KEPT[names][0], [])}) == {}


def test_none_where_one_differs_in_more(gathered):
    other = twice("large", [40], [43], weight_decay=0.0025, pattern=0.3)
    assert gathered({decay_products.FIVEFOLD: other}) == {}
    assert gathered({decay_products.FIVEFOLD: twice("large", [40], [43], weight_decay=0.0025)})


def test_panels_have_accuracies_before_the_drop_and_at_the_end(gathered):
    panels = decay_products.panels(gathered())
    assert list(panels) == [
        "before the drop, no patch (%)",
        "at the end, no patch (%)",
        "at the end, with it (%)",
    ]
    before, alone, with_it = panels.values()
    assert before["large rate"][1] == [60, 62, 64, 66]  # of the ends less 9, 6 and 3
    assert alone["large rate"][5] == [43, 44, 45]
    assert with_it["small rate that drops"] == {
        0.04: [56, 57, 61],
        0.2: [60, 60, 60],
        1.0: [58, 61, 63, 69],
        5.0: [30, 31, 32],
    }
    figure = figures.over_rates(panels, "rate times decay")
    ticks = [float(each.get_text()) for each in figure.axes[-1].get_xticklabels()]
    assert ticks == [0.04, 0.2, 1, 5]


def test_leads_are_differences_by_seed_at_products_that_both_have(gathered):
    assert decay_products.leads(gathered()) == {
        0.0: {"with the patch": [-51, -52, -56], "without any patch": [-60, -61, -61]},
        0.2: {"with the patch": [1, 2, 3], "without any patch": [1, 2, 0]},
        1.0: {"with the patch": [2, 3, 2, 1], "without any patch": [1, 2, 0, 2]},
        5.0: {"with the patch": [10, 10, 10], "without any patch": [9, 10, 10]},
    }
    said = decay_products.leads_words(gathered()).replace("\N{NO-BREAK SPACE}", " ")
    low, high = interval([1, 2, 3])
    half = (high - low) / 2
    assert f"at ×0.2 **2.0 ± {half:.1f}** with the patch and **1.0 ±" in said
    assert re.findall(r"at (\S+) \*\*", said) == ["×0", "×0.2", "×1", "×5"]
    assert decay_products.added(gathered()) == {
        0: [9, 9, 5],
        0.2: [0, 0, 3],
        1: [1, 1, 2, -1],
        5: [1, 0, 0],
    }
    assert "What the patch adds: **7.7 ±" in said
    assert re.findall(r"at (\S+) \((\d) seeds\)", said) == [
        ("×0", "3"),
        ("×0.2", "3"),
        ("×1", "4"),
        ("×5", "3"),
    ]


def test_the_table_has_a_row_for_each_rate_and_product(gathered):
    table = decay_products.table(gathered()).set_index("on digits")
    row = table.loc["small rate that drops, ×0.2"]
    assert row["weight decay"] == "0.0025"
    assert (row["at the end, no patch (%)"], row["at the end, with it (%)"]) == ("64.0", "60.0")
    assert len(table) == 9
    assert table.seeds["large rate, ×1"] == 4


def test_a_run_that_was_lost_is_in_no_mean(gathered):
    with_patch, without = KEPT[decay_products.FIVEFOLD]
    lost = dataclasses.replace(with_patch[0], status="diverged", result={})
    found = gathered({decay_products.FIVEFOLD: ([lost, *with_patch[1:]], without)})
    assert decay_products.panels(found)["at the end, with it (%)"]["large rate"][5] == [
        41,
        42,
    ]


def test_watched_runs_are_by_their_rate(monkeypatch):
    """The small rate's runs are of the arm large, too, and told from the large one's by eta1."""
    lengths = {"epoch": [1, 2], "rate": [0.5, 0.1], "length_0": [3.0, 1.0], "length_1": [4.0, 1.0]}
    small, large = (
        laptop_run("large", 5, lengths, 50, watch=True, **settings)
        for settings in (DROPPING | {"weight_decay": 0.0025}, {"weight_decay": 0.0001})
    )
    kept = {decay_products.WATCHED: Sweep([small, large])}
    monkeypatch.setattr("lrbook.sweeps.recorded", lambda name: kept[name])
    base = [run for run in PAIRS[0] if run.config["seed"] == 5]
    found = decay_products.watched(base)
    assert list(found) == ["large, a fifth", "small, drops, a fifth"]
    assert list(found.values()) == [[large], [small]]
    other = laptop_run("large", 5, lengths, 50, pattern=0.3)
    assert decay_products.watched([other]) == {}
    del kept[decay_products.WATCHED]
    assert decay_products.watched(base) == {}
