"""What the chapters say, from records made by hand: every expected number is worked out here."""

import dataclasses
import math
import types

import pandas as pd
import pytest

from lrbook import book
from lrbook.errors import RecordError
from lrbook.record import Record


def record(arm, seed, status="finished", **result):
    return Record(
        run_id=f"patch-{arm}-{seed}",
        experiment="patch",
        config={"arm": arm, "seed": seed},
        status=status,
        provenance={
            "date": "2026-01-02T03:04:05+00:00",
            "commit": "0123456789abcdef",
            "device": "a device",
            "data": "some images",
            "precision": "fp32",
            "versions": {"torch": "2.0", "jax": "0.5"},
        },
        result=result,
        history_sha256=None,
        wall_s=90.0,
        table=pd.DataFrame({"epoch": [1, 2], "clean": [seed, arm == "large"]}),
    )


RUNS = [
    record("large", 1, clean=70.0),
    record("small", 1, clean=60.0),
    record("small", 0, clean=58.0),
    record("large", 0, clean=72.0),
    record("large", 2, "diverged"),
]


def test_diverged_runs_are_left_out_and_seeds_are_in_order():
    assert [[r.config["seed"] for r in runs] for runs in book.by_arm(RUNS).values()] == [[0, 1]] * 2
    assert book.values(RUNS, "clean") == {"large": [72.0, 70.0], "small": [58.0, 60.0]}
    assert [h.clean[0] for h in book.histories(RUNS)["small"]] == [0, 1]


def test_limits_are_one_per_seed_in_the_order_of_seeds():
    seeds = {4: 0.7, 1: 0.6}
    runs = [
        record(arm, seed, limits={"p_only": value, "all_p": value + 0.2})
        for arm in ("L-S", "S")
        for seed, value in seeds.items()
    ]
    assert book.limit(runs, "p_only") == [0.6, 0.7]
    assert book.limit(runs, "all_p") == pytest.approx([0.8, 0.9])


def test_pairs_are_taken_by_seed_not_by_position():
    # differences 14 and 10; t(0.975, 1) = 12.7062, standard error 2
    mean, half, pairs = book.paired_difference(RUNS, "clean", "large", "small")
    assert (mean, pairs) == (12.0, 2)
    assert half == pytest.approx(12.7062 * 2, rel=1e-4)
    words = book.difference_words(RUNS, "clean", "large", "small")
    assert words == "12.0\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}25.4 (2 paired seeds)"


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
    assert words == "9.0\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}50.8 (2 paired seeds)"


def test_table_has_means_with_intervals_and_the_number_of_seeds():
    table = book.results_table(RUNS, {"clean": "clean (%)"})
    assert list(table) == ["arm, on some images", "seeds", "clean (%)"]
    assert table.to_numpy().tolist() == [
        ["large", 2, "71.0\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}12.7"],
        ["small", 2, "59.0\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}12.7"],
    ]


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


def test_an_arm_that_diverged_is_not_left_out_of_the_table():
    table = book.results_table([*RUNS, record("noise", 1, "diverged")], {"clean": "clean (%)"})
    assert list(table.iloc[:, 0]) == ["large", "small", "noise"]
    assert table.iloc[2].tolist() == ["noise", 0, "diverged"]


def test_where_runs_come_from_tells_those_that_diverged_and_short_times():
    assert book.provenance(RUNS).startswith("*5 runs (1 diverged), seeds 0 to 2;")
    assert "; 7.5 minutes in all;" in book.provenance(RUNS)
    short = [dataclasses.replace(RUNS[0], wall_s=0.52)]
    assert book.provenance(short).startswith("*1 run, seed 1;")
    assert "; 0.5 seconds in all;" in book.provenance(short)


def test_a_turned_table_has_a_column_for_each_row():
    table = book.turned(pd.DataFrame({"arm": ["L-S", "S"], "seeds": [3, 2], "error": ["a", "b"]}))
    assert list(table.columns) == ["arm", "L-S", "S"]
    assert table.to_numpy().tolist() == [["seeds", 3, 2], ["error", "a", "b"]]


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


@pytest.mark.parametrize(
    ("quiet", "noisy", "verdict"),
    [
        (0.81, 0.93, "they go 7 % and 93 %. Here it is mostly the noise that"),
        (0.93, 0.81, "they go 93 % and 7 %. Here it is mostly the size of the steps"),
        (0.93, 0.93, "they go 93 % and 93 %. Here neither alone"),
    ],
)
def test_the_verdict_follows_the_numbers(quiet, noisy, verdict):
    pair = [record("L-S", 0, p_only_accuracy=0.94), record("S", 0, p_only_accuracy=0.80)]
    groups = {
        "L-S": pair,
        "S": pair,
        "quiet": [record("L-S", 0, p_only_accuracy=quiet)],
        "noisy": [record("S+noise", 0, p_only_accuracy=noisy)],
    }
    assert verdict in book.verdict_rate_or_noise(groups)
    table = book.compare(groups, {"p_only_accuracy": "accuracy", lambda run: 0.75: "other"})
    assert set(table.other) == {"0.750"}
    assert table["rate"].tolist() == ["L-S", "S", "L-S", "S+noise"]
    assert table.accuracy.tolist() == ["0.940", "0.800", f"{quiet:.3f}", f"{noisy:.3f}"]


def test_deviations_are_the_fields_that_differ_from_the_paper():
    from lrbook.vision.config import PatchConfig

    config = PatchConfig.for_profile("paper", arm="large", seed=0, eta1=0.2, widen=4)
    table = book.deviations(config.model_dump(mode="json"), "patch")
    assert table.setting.tolist() == ["`widen`", "`eta1`"]
    assert table.here.tolist() == ["4", "0.2"]
    assert table.paper.tolist() == ["10", "0.1"]
    fewer = config.model_copy(update={"widen": 10, "eta1": 0.1, "train_size": 2000})
    table = book.deviations(fewer.model_dump(mode="json"), "patch")
    assert table.iloc[0].tolist() == ["`train_size`", "2000", "all"]


def test_side_by_side_shows_what_differs():
    from lrbook.vision.config import PatchConfig

    one = PatchConfig.for_profile("paper", arm="large", seed=0)
    changed = {"eta1": 0.25, "data": "digits", "epochs": 1200}
    two = PatchConfig.for_profile("paper", arm="large", seed=0, **changed)
    table = book.side_by_side({"one": one, "two": two})
    other_arm = two.model_dump() | {"arm": "small", "seed": 7}
    run = dataclasses.replace(record("small", 7), config=other_arm)
    assert book.side_by_side({"one": one, "two": run}).equals(table)  # a run stands for its own
    assert table.to_dict("records") == [
        {"field": "`data`", "one": "cifar10", "two": "digits"},
        {"field": "`eta1`", "one": "0.1", "two": "0.25"},
        {"field": "`epochs`", "one": "60", "two": "1,200"},
    ]


def test_what_the_paper_reports_has_source_and_mark():
    for name in ("patch_experiment", "plain_cifar10"):
        told = book.reported(name)
        assert told["mark"] in ("paper", "code")
        assert told["source"]
        assert set(told) >= {"large", "small", "noise"}


def test_nothing_recorded_is_said_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("LRBOOK_RECORDINGS", str(tmp_path))
    with pytest.raises(LookupError, match="patch-laptop") as caught:
        book.recorded("patch-laptop")
    assert f"record --run --only patch-laptop --results {tmp_path};" in str(caught.value)


@pytest.mark.parametrize(
    ("seeds", "arms", "run"),
    [
        (0, "L-S", [(0, "L-S")]),
        (5, ["S"], [(5, "S")]),
        ("3", ("S",), [(3, "S")]),
        (range(2), "S", [(0, "S"), (1, "S")]),
        ([], None, [(0, "L-S"), (0, "S"), (1, "L-S"), (1, "S")]),
        ("", [], [(0, "L-S"), (0, "S"), (1, "L-S"), (1, "S")]),
    ],
)
def test_one_seed_or_arm_is_a_list_of_one(seeds, arms, run, monkeypatch):
    asked = []
    shell = types.SimpleNamespace(run=lambda configs, *_, **__: asked.extend(configs) or [])
    monkeypatch.setattr(book.experiments, "shell", lambda name: shell)
    book.live("toy", "smoke", seeds=seeds, arms=arms, device="cpu")
    assert [(config.seed, config.arm) for config in asked] == run


def test_a_folder_that_cannot_hold_live_runs_is_called_by_its_parameter():
    with pytest.raises(RecordError, match=r"cannot be written .*; name another with results_dir\."):
        book.live("toy", "smoke", device="cpu", results_dir=f"{__file__}/kept")


def test_one_pair_is_not_called_seeds():
    control = [record("large", 0, clean=80.0), record("small", 0, clean=79.0)]
    adds = book.difference_of_differences(RUNS, control, "clean", "large", "small", digits=1)
    assert adds == "13.0 (1 paired seed)"
    assert book.gain_words([0.5], [0.6]) == "0.100 (1 paired seed)"


def test_gains_are_paired():
    words = book.gain_words([0.5, 0.7], [0.6, 0.8]).replace("\N{NO-BREAK SPACE}", " ")
    assert words == "0.100 ± 0.000 (2 paired seeds)"


def test_data_are_named_and_never_mixed():
    assert book.data_of(RUNS) == "some images"
    assert next(iter(book.results_table(RUNS, {"clean": "clean"}))) == "arm, on some images"
    other = record("large", 3, clean=1.0)
    other.provenance["data"] = "other images"
    with pytest.raises(ValueError, match="other images, some images"):
        book.data_of([*RUNS, other])
    with pytest.raises(ValueError, match="different images"):
        book.results_table([*RUNS, other], {"clean": "clean"})


@pytest.fixture
def there(monkeypatch):
    """there(NAME=(runs, whether they are all)): what has been recorded."""

    def arrange(**found):
        named = {name.replace("_", "-"): runs for name, runs in found.items()}
        monkeypatch.setattr(book.recordings, "there", lambda name: named.get(name, ([], False)))

    return arrange


def test_the_first_recording_that_is_complete_is_shown(there):
    there(paper=(RUNS[:1], False), laptop=(RUNS[:2], True), mini=(RUNS[2:3], True))
    assert book.recorded("full", "paper", "laptop", "mini") == RUNS[:2]
    assert book.recorded("paper") == RUNS[:1]


def test_of_parts_the_smallest_scale_is_shown(there):
    there(paper=(RUNS[:1], False), laptop=(RUNS[:2], False))
    assert book.recorded("paper", "laptop", "mini") == RUNS[:2]


def test_a_set_of_recordings_is_taken_as_a_whole(there):
    sets = (("paper", "paper-control"), ("laptop", "laptop-control"))
    begun = {"paper": (RUNS[:1], True), "paper_control": (RUNS[1:2], False)}
    there(**begun, laptop=(RUNS[:2], True), laptop_control=(RUNS[2:3], True))
    assert book.recorded_set(*sets) == [RUNS[:2], RUNS[2:3]]
    assert book.recorded_set(sets[0]) == [RUNS[:1], RUNS[1:2]]
    there(**begun, laptop=(RUNS[:2], True))
    assert book.recorded_set(*sets) == [RUNS[:1], RUNS[1:2]]
    there(laptop=(RUNS[:2], True))
    with pytest.raises(LookupError, match="paper-control"):
        book.recorded_set(sets[0])


def test_sets_that_are_not_there_are_named_with_the_folder_and_the_remedy(there, monkeypatch):
    monkeypatch.setenv("LRBOOK_RECORDINGS", "/some where")
    there(laptop=(RUNS[:2], True))
    with pytest.raises(LookupError) as caught:
        book.recorded_set(["paper", "paper-control"], ["laptop", "laptop-control"])
    words = str(caught.value)
    assert "(paper, paper-control; or laptop, laptop-control)" in words
    assert "results folder /some where. Of the last it has no finished run of" in words
    assert words.endswith("lrbook record --run --only laptop-control --results '/some where'")
    assert "[" not in words


def test_arms_that_a_page_compares_have_to_be_there(there, monkeypatch):
    monkeypatch.setenv("LRBOOK_RECORDINGS", "/there")
    two = ("large", "small")
    there(laptop=([*RUNS, record("noise", 0, clean=1.0)], False))
    assert {run.config["arm"] for run in book.recorded("laptop", arms=two)} == set(two)
    there(laptop=(RUNS[:1], True))
    with pytest.raises(LookupError, match="laptop has no finished run of the arm small in /there"):
        book.recorded("laptop", arms=two)
    with pytest.raises(LookupError, match="--only laptop --results /there"):
        book.recorded_set(["laptop"], arms=two)
    there(laptop=([RUNS[0], RUNS[2]], False))  # on seeds 1 and 0
    with pytest.raises(LookupError, match="no seed with finished runs of all the arms large and"):
        book.recorded("laptop", arms=two)


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
