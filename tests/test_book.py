"""What the chapters say, from records made by hand: every expected number is worked out here."""

import dataclasses
import types

import pandas as pd
import pytest
from made_runs import RUNS, record

from lrbook import book
from lrbook.errors import RecordError


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


def test_table_has_means_with_intervals_and_the_number_of_seeds():
    table = book.results_table(RUNS, {"clean": "clean (%)"})
    assert list(table) == ["arm, on some images", "seeds", "clean (%)"]
    assert table.to_numpy().tolist() == [
        ["large", 2, "71.0\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}12.7"],
        ["small", 2, "59.0\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}12.7"],
    ]


def test_an_arm_that_diverged_is_not_left_out_of_the_table():
    table = book.results_table([*RUNS, record("noise", 1, "diverged")], {"clean": "clean (%)"})
    assert list(table.iloc[:, 0]) == ["large", "small", "noise"]
    assert table.iloc[2].tolist() == ["noise", 0, "diverged"]


def test_a_turned_table_has_a_column_for_each_row():
    table = book.turned(pd.DataFrame({"arm": ["L-S", "S"], "seeds": [3, 2], "error": ["a", "b"]}))
    assert list(table.columns) == ["arm", "L-S", "S"]
    assert table.to_numpy().tolist() == [["seeds", 3, 2], ["error", "a", "b"]]


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
    assert table["rate"].tolist() == ["large", "small", "large", "small"]
    assert table.accuracy.tolist() == ["0.940", "0.800", f"{quiet:.3f}", f"{noisy:.3f}"]


def test_no_group_of_runs_is_shown_with_the_numbers_of_another_arm():
    small = [record("S", 0, p_only_accuracy=0.8)]
    with pytest.raises(LookupError, match="'L-S' is of the arm L-S, only of S; give it runs of"):
        book.compare({"L-S": small}, {"p_only_accuracy": "accuracy"})
    lost = [record("L-S", 0, "diverged")]
    with pytest.raises(LookupError, match="'no noise' has finished; leave it out"):
        book.group_values({"no noise": lost}, "no noise", "p_only_accuracy")
    assert book.group_values({"mine": small}, "mine", "p_only_accuracy") == [0.8]


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


def test_data_are_named_and_never_mixed():
    assert book.data_of(RUNS) == "some images"
    assert next(iter(book.results_table(RUNS, {"clean": "clean"}))) == "arm, on some images"
    other = record("large", 3, clean=1.0)
    other.provenance["data"] = "other images"
    with pytest.raises(ValueError, match="other images, some images"):
        book.data_of([*RUNS, other])
    with pytest.raises(ValueError, match="different images"):
        book.results_table([*RUNS, other], {"clean": "clean"})
    other.provenance["data"] = "some images"  # of one's own, under the name of others
    other.config["data"] = "memory:0123456789abcdef"
    with pytest.raises(ValueError, match=r"some images \(memory:0123456789abcdef\)"):
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


def test_the_defaults_of_the_toy_are_not_the_papers():
    with pytest.raises(ValueError, match="not the paper's"):
        book.deviations({}, "toy")
