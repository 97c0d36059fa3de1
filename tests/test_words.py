"""Means, differences and origins in words: every expected number is worked out here."""

import dataclasses
import math

import pytest
from made_runs import RUNS, record

from lrbook import book


def test_pairs_are_taken_by_seed_not_by_position():
    # differences 14 and 10; t(0.975, 1) = 12.7062, standard error 2
    mean, half, pairs = book.paired_difference(RUNS, "clean", "large", "small")
    assert (mean, pairs) == (12.0, 2)
    assert half == pytest.approx(12.7062 * 2, rel=1e-4)
    words = book.difference_words(RUNS, "clean", "large", "small")
    assert words == "14.0, 10.0 (2 paired seeds)"  # their interval would hide them


def test_standing_needs_an_interval_that_leaves_out_zero():
    def runs(*pairs):
        arms = zip(("large", "small"), zip(*pairs, strict=True), strict=True)
        return [
            record(arm, seed, clean=value)
            for arm, values in arms
            for seed, value in enumerate(values)
        ]

    assert book.standing(runs((9, 1), (10, 2)), "clean", "large", "small") == "ahead of"
    assert book.standing(runs((1, 9), (2, 10)), "clean", "large", "small") == "behind"
    assert book.standing(runs((1, 2), (9, 3)), "clean", "large", "small") == "not apart from"
    alone = book.standing(runs((1, 2)), "clean", "large", "small")
    assert alone == "not judged, with one pair only, against"


def test_difference_of_differences():
    control = [
        record("large", 0, clean=80.0),
        record("small", 0, clean=79.0),
        record("large", 1, clean=80.0),
        record("small", 1, clean=75.0),
        record("large", 9, clean=0.0),
    ]
    # gaps 14 and 10 against 1 and 5: 13 and 5, mean 9, standard error 4
    words = book.difference_of_differences(RUNS, control, "clean", "large", "small")
    assert words == "13.0, 5.0 (2 paired seeds)"
    # and with a third gap, 15 against 3: mean 10, standard error sqrt(19) / sqrt(3), t = 4.3027
    third = [record("large", 7, clean=75.0), record("small", 7, clean=60.0)]
    without = [record("large", 7, clean=63.0), record("small", 7, clean=60.0)]
    words = book.difference_of_differences(
        [*RUNS, *third], [*control, *without], "clean", "large", "small"
    )
    assert words == "10.0\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}10.8 (3 paired seeds)"


def test_one_or_two_seeds_can_be_listed():
    table = book.results_table(RUNS, {"clean": "clean (%)"}, book.listed_words)
    assert table["clean (%)"].tolist() == ["72.0, 70.0", "58.0, 60.0"]
    assert book.listed_words([31, None]) == "31, –"
    # an epoch is a whole number, also where there is one seed
    assert book.interval_words([19]) == "19"
    assert book.interval_words([None, 19]) == "19 (of 1, 1 without)"
    assert book.interval_words([19], 1) == "19.0"
    assert book.listed_words([31, 30], 1) == "31.0, 30.0"
    assert book.listed_words([0.5]) == "0.500"
    assert book.listed_words([1.0, 2.0, 3.0], 2) == book.interval_words([1.0, 2.0, 3.0], 2)


def test_where_runs_come_from_tells_those_that_diverged_and_short_times():
    assert book.provenance(RUNS).startswith("*5 runs (1 diverged), seeds 0 to 2;")
    assert "; 7.5 minutes in all;" in book.provenance(RUNS)
    short = [dataclasses.replace(RUNS[0], wall_s=0.52)]
    assert book.provenance(short).startswith("*1 run, seed 1;")
    assert "; 0.5 seconds in all;" in book.provenance(short)


def test_missing_values_and_single_seeds_have_no_interval():
    assert book.interval_words([None, None]) == "–"
    assert book.interval_words([0.5]) == "0.500"
    assert (
        book.interval_words([0.25, None, 0.25])
        == "0.250\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.000 (of 2, 1 without)"
    )


def test_not_a_number_is_a_missing_value():
    assert book.interval_words([math.nan, math.nan]) == "–"
    assert book.interval_words([0.25, math.nan]) == "0.250 (of 1, 1 without)"


def test_a_signed_mean_of_three_and_a_list_of_fewer():
    # t(0.975, 2) = 4.303, standard error 1 / sqrt(3)
    assert book.signed_words([-1.0, -2.0, -3.0]) == "-2.0\xa0±\xa02.5"
    assert book.signed_words([1.0, 2.0, 3.0]) == "+2.0\xa0±\xa02.5"
    assert book.signed_words([10.0, -10.5]) == "+10.0, -10.5"
    assert book.signed_words([]) == "–"
    assert book.signed_words([-0.04, 0.04]) == "+0.0, +0.0"


def test_what_rounds_to_zero_has_no_minus_sign():
    assert book.interval_words([-0.0001, -0.0003]) == "0.000\xa0±\xa00.001"
    assert book.signed_words([-0.1, 0.0, 0.0]) == "+0.0\xa0±\xa00.1"
    assert book.interval_words([-0.0006]) == "-0.001"


def test_provenance_names_what_a_reader_needs():
    line = book.provenance(RUNS)
    for part in ("5 runs", "seeds 0 to 2", "some images", "a device", "torch 2.0", "2026-01-02"):
        assert part in line
    assert "7.5 minutes" in line
    assert "01234567" in line


def test_provenance_tells_of_changed_code_and_of_all_who_had_a_part():
    changed, resumed = record("large", 0), record("large", 1)
    first = resumed.provenance | {"device": "another device", "commit": "fedcba98"}
    changed = dataclasses.replace(changed, provenance=changed.provenance | {"dirty": True})
    resumed = dataclasses.replace(resumed, provenance=resumed.provenance | {"earlier": [first]})
    line = book.provenance([changed, resumed])
    assert "commits 01234567, 01234567 with changes, fedcba98." in line
    assert "a device; another device" in line


def test_provenance_of_many_commits_and_days_is_short():
    runs = [record("large", seed) for seed in range(5)]
    for seed, run in enumerate(runs):
        own = {"commit": f"{seed}" * 10, "date": f"2026-01-0{seed + 2}T00:00:00"}
        runs[seed] = dataclasses.replace(run, provenance=run.provenance | own)
    line = book.provenance(runs)
    assert "; 2026-01-02 to 2026-01-06; commits 00000000, 11111111 and 3 more.*" in line


def test_one_pair_is_not_called_seeds():
    control = [record("large", 0, clean=80.0), record("small", 0, clean=79.0)]
    adds = book.difference_of_differences(RUNS, control, "clean", "large", "small", digits=1)
    assert adds == "13.0 (1 paired seed)"
    assert book.gain_words([0.5], [0.6]) == "0.100 (1 paired seed)"


def test_gains_are_paired():
    words = book.gain_words([0.5, 0.7, 0.9], [0.6, 0.8, 1.0]).replace("\N{NO-BREAK SPACE}", " ")
    assert words == "0.100 ± 0.000 (3 paired seeds)"
    assert book.gain_words([0.5, 0.7], [0.6, 0.9]) == "0.100, 0.200 (2 paired seeds)"


def test_an_arm_that_is_not_there_has_no_pairs():
    assert book.difference_words(RUNS, "clean", "large", "noise") == "– (no paired seeds)"
    assert book.standing(RUNS, "clean", "large", "noise") == "not compared with"
    adds = book.difference_of_differences(RUNS, RUNS, "clean", "large", "noise")
    assert adds == "– (no paired seeds)"


def test_a_run_that_stands_for_several_counts_once():
    def of(*runs):
        return book.provenance([dataclasses.replace(run, wall_s=60.0) for run in runs])

    first, second, third = (
        dataclasses.replace(run, run_id=f"run-{at}") for at, run in enumerate(RUNS[:3])
    )
    assert of(first, second, first, third, second) == of(first, second, third)
    assert "3 runs, " in of(first, second, first, third)
    assert "3.0 minutes in all" in of(first, second, first, third)


def test_a_run_without_the_quantity_is_in_no_pair():
    runs = [
        record("large", 0, learnt=9),
        record("small", 0, learnt=4),
        record("large", 1, learnt=None),
        record("small", 1, learnt=5),
    ]
    assert book.paired_difference(runs, "learnt", "large", "small") == (5.0, None, 1)
    control = [record("large", 0, learnt=2), record("small", 0, learnt=1)]
    words = book.difference_of_differences(runs, control, "learnt", "large", "small")
    assert words == "4.0 (1 paired seed)"


def test_where_runs_come_from_is_said_of_what_is_known():
    bare = dataclasses.replace(RUNS[0], wall_s=None)
    origin = {**bare.provenance, "versions": {}}
    words = book.provenance([dataclasses.replace(bare, provenance=origin)])
    assert "torch" not in words
    assert "0.0 seconds in all" in words
    with pytest.raises(ValueError, match="no records"):
        book.provenance([])


def test_an_experiment_of_ones_own_names_the_framework_that_it_is_made_with():
    toy = [
        dataclasses.replace(run, experiment="mytoy", provenance=run.provenance | {"data": None})
        for run in RUNS
    ]
    assert "; jax 0.5; " in book.provenance(toy)
    mine = [dataclasses.replace(run, experiment="myimages") for run in RUNS]
    assert "; torch 2.0; " in book.provenance(mine)


def test_a_mean_below_two_has_three_digits():
    assert book.interval_words([1.9999]) == "2.000"
    assert book.interval_words([-1.5]) == "-1.500"
    assert book.interval_words([2.0]) == "2.0"
    assert book.interval_words([-2.0]) == "-2.0"
