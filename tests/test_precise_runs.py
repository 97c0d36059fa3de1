"""The lag by running statistics and by statistics taken anew, on histories made by hand."""

import dataclasses

import numpy as np
import pytest
from intervals import interval
from made_laptop import laptop_run

from lrbook import precise
from lrbook.sweeps import Sweep

DROP = 13


def watched(arm, seed, early, late, jump=0.0, anew=0.0):
    """``early`` before the drop, every other epoch ``jump`` lower, and ``late`` after it.

    By statistics taken anew there are no jumps, and it is ``anew`` higher before the drop.
    """
    epochs = np.arange(1, 25)
    before = epochs < DROP
    clean = np.where(before, early - jump * (epochs % 2), late + 0.5 * (epochs < 16))
    fresh = np.where(before, early + anew, late + 0.5 * (epochs < 16))
    columns = {"epoch": epochs, "clean": clean, "clean_precise": fresh}
    return laptop_run(arm, seed, columns, late, watch=True)


RUNS = [
    watched("large", 5, 50, 70, jump=6, anew=1),
    watched("large", 6, 52, 71, jump=6, anew=1),
    watched("small", 5, 60, 62),
    watched("small", 6, 61, 62),
    watched("small", 7, 99, 99),  # has no partner
]


def cells(name):
    return [float(words.split()[0]) for words in row(name)]


def row(name):
    """By running statistics, and by statistics taken anew."""
    found = precise.table(RUNS).set_index("points on digits (2 pairs)").loc[name]
    return [words.replace("\N{NO-BREAK SPACE}", " ") for words in found]


def test_the_lag_is_that_of_the_last_three_epochs_before_the_drop():
    """Epochs 10, 11, 12, of which 11 is in a jump: two points lower in the mean."""
    assert cells("large is behind before the drop") == [11.5, 8.5]


def test_the_drop_brings_what_the_three_epochs_after_it_are_above_those_before():
    assert cells("the drop brings large") == [22.0, 19.0]
    assert precise.leap(RUNS[0].history, "clean", DROP) == pytest.approx(70.5 - 48)


def test_the_lead_is_that_at_the_end():
    assert cells("large is ahead at the end") == [8.5, 8.5]


def test_jumps_are_changes_up_or_down_before_the_drop():
    assert cells("large moves from epoch to epoch by") == [6, 0]
    assert cells("small does by") == [0, 0]
    history = RUNS[0].history
    first = history.assign(clean=np.where(history.epoch < 4, 10, history.clean))
    assert precise.jumps(first, "clean", DROP) == 6


def test_the_table_has_a_column_for_either_way_and_intervals():
    table = precise.table(RUNS)
    assert list(table.columns[1:]) == ["Running statistics", "Statistics taken anew"]
    low, high = interval(np.array([12, 11]))
    assert row("large is behind before the drop")[0] == f"11.5 ± {(high - low) / 2:.1f}"


def test_one_arm_alone_has_no_lag():
    with pytest.raises(LookupError, match="no seed has a run of each"):
        precise.table(RUNS[:2])


def test_panels_show_the_same_runs_in_both_ways():
    found = precise.panels(RUNS)
    assert list(found) == ["Running statistics", "Statistics taken anew"]
    as_always, anew = (each["large"][0].clean.tolist() for each in found.values())
    assert as_always == RUNS[0].history.clean.tolist()
    assert anew == RUNS[0].history.clean_precise.tolist() != as_always
    assert [len(each["small"]) for each in found.values()] == [3, 3]


def test_runs_are_found_beside_those_that_differ_in_being_watched_alone(monkeypatch):
    kept = {precise.BARE: Sweep(RUNS), "another": Sweep(RUNS[:2])}
    monkeypatch.setattr("lrbook.sweeps.recorded", lambda name: kept[name])
    columns = {"epoch": [1], "clean": [50.0]}
    base = [laptop_run("large", 5, columns, 50.0)]
    assert precise.recorded(base) == RUNS
    assert precise.recorded([laptop_run("large", 5, columns, 50.0, pattern=0.3)]) == []
    assert precise.recorded(base, "another") == RUNS[:2]
    del kept[precise.BARE]
    assert precise.recorded(base) == []


def test_the_lag_in_words_is_that_of_the_table():
    words = precise.lag_words(RUNS).replace("\N{NO-BREAK SPACE}", " ")
    always, anew = row("large is behind before the drop")
    assert words == (
        f"Evaluated as always the large rate is **{always}** points behind on clean images in the "
        f"last three epochs before the drop, and **{anew}** with statistics taken anew (2 pairs)."
    )
    assert always.startswith("11.5")
    thrice = [dataclasses.replace(r, config=r.config | {"drop2": 17, "drop3": 21}) for r in RUNS]
    assert precise.lag_words(thrice) == precise.lag_words(RUNS).replace(
        "the drop", "the first drop"
    )


def test_running_statistics_of_weights_at_rest_are_told_where_every_run_has_them():
    def rest(run, shift):
        history = run.history.assign(clean_at_rest=run.history.clean_precise - shift)
        return dataclasses.replace(run, table=history)

    runs = [rest(run, shift) for run, shift in zip(RUNS, (1.0, 2.0, 0.0, 0.0, 0.0), strict=True)]
    table = precise.table(runs)
    titles = ["Running statistics", "Running, weights at rest", "Statistics taken anew"]
    assert list(table.columns[1:]) == titles
    told = table.set_index(table.columns[0]).loc["large is behind before the drop"]
    assert [float(words.split()[0]) for words in told] == [11.5, 10.0, 8.5]
    assert list(precise.table([*runs[:-1], RUNS[-1]]).columns[1:]) == titles[::2]
