"""What descriptions of the figures of *What if* say is seen there is in the records."""

import numpy as np
import pytest
from made_runs import record
from what_if_rows import with_and_without_the_patch

from lrbook import patch_cost, whatif
from lrbook.stats import mean_interval

FOUR = "batch = 256, eta1 = 2.0, eta2 = 0.08"


@pytest.fixture(scope="module")
def rows():
    return with_and_without_the_patch()


def test_what_the_figure_of_the_order_counts_is_as_its_description_says(rows):
    """In all seeds in the base and in about half of the rows, in none with three of them."""
    counts = {row: held.split(" of ") for row, held in whatif.holds(rows[0]).items()}
    seeds = {row: int(of) for row, (_, of) in counts.items()}
    assert seeds == {row: 10 if row == whatif.BASE else 5 for row in rows[0]}
    every = [row for row, (held, of) in counts.items() if held == of]
    assert whatif.BASE in every
    assert len(every) == pytest.approx(len(counts) / 2, abs=1)
    none = {row for row, (held, _) in counts.items() if held == "0"}
    assert none == {"eta2 = 0.1", "pattern = 0.1", "pattern = 0.4"}


def test_what_the_figure_of_the_gap_shows_is_as_its_description_says(rows):
    groups, without = rows
    spread = {row: mean_interval(whatif.gap(runs)) for row, runs in groups.items()}
    assert max(spread, key=lambda row: spread[row][0]) == "eta2 = 0.005"
    across = {row for row, (mean, half) in spread.items() if abs(mean) <= half}
    assert across == {"eta2 = 0.1", "drop = 24", FOUR}
    assert all(mean > 0 for row, (mean, _) in spread.items() if row not in across)
    alone = np.mean(whatif.gap(without[whatif.BASE]))
    mean, half = spread["pattern = 0.1"]
    assert abs(mean - alone) < half
    mean, half = spread["pattern = 0.4"]
    assert mean + half < alone
    # filled: seed by seed, as the lead is wider or narrower than the base's
    changes = {row: whatif.change(runs, groups[whatif.BASE]) for row, runs in groups.items()}
    kinds = {row: whatif.kind_of(found) for row, found in changes.items()}
    assert {row for row, kind in kinds.items() if kind == "Wider"} == {"eta2 = 0.005", "drop = 19"}
    assert {row for row, kind in kinds.items() if kind == "Narrower"} == across | {
        "drop = 7",
        "pattern = 0.1",
        "pattern = 0.4",
        "depth = 16",
    }
    # of the axis from -16 to 25 only seeds of the largest batch are out, on the left
    gaps = {row: whatif.gap(runs) for row, runs in groups.items()}
    out = {row for row, found in gaps.items() if min(found) < -16 or max(found) > 25}
    assert out == {FOUR}
    assert sum(each < -16 for each in gaps[FOUR]) == 2
    assert max(gaps[FOUR]) < 25


def test_where_the_lead_is_wider_and_where_there_is_none_is_told_by_intervals():
    def row(*ends):
        return [
            record(arm, seed, clean=value)
            for seed, pair in enumerate(ends)
            for arm, value in zip(("large", "small"), pair, strict=True)
        ]

    base = row((60.0, 50.0), (61.0, 50.0), (62.0, 51.0))
    groups = {
        whatif.BASE: base,
        "wide": row((70.0, 50.0), (71.0, 50.0), (73.0, 51.0)),
        "level": row((51.0, 50.0), (49.0, 50.0), (51.0, 51.0)),
        "behind": row((40.0, 50.0), (41.0, 50.0), (42.0, 51.0)),
        "few": row((90.0, 50.0), (90.0, 50.0)),
    }
    assert whatif.lead_words(groups) == (
        "The large rate's lead is wider than in the base: *wide*. "
        "No lead that is clear of chance: *level*; *behind*."
    )
    assert whatif.lead_words({whatif.BASE: base}) == (
        "The large rate's lead is wider than in the base: in no row. "
        "No lead that is clear of chance: in no row."
    )


def test_what_the_figure_of_the_cost_shows_is_as_its_description_says(rows):
    adds = {row: patch_cost.share(rows[0][row], runs) for row, runs in rows[1].items()}
    kinds = {row: whatif.kind_of(found) for row, found in adds.items()}
    assert set(kinds.values()) == {"Wider", "Not apart"}  # none narrower, none of few seeds
    wider = [row for row, kind in kinds.items() if kind == "Wider"]
    assert whatif.BASE in wider
    assert len(wider) == pytest.approx(len(kinds) / 2, abs=1)
    assert max(adds, key=lambda row: np.mean(adds[row])) == "eta2 = 0.005"
    ends = {row: mean + half for row in adds for mean, half in [mean_interval(adds[row])]}
    assert sorted(ends, key=ends.get)[-1] == "eta2 = 0.005"
    for row in ("pattern = 0.1", "pattern = 0.4"):
        assert kinds[row] == "Not apart"
