"""The first page: what it says of the patch's part of the gap, from made-up runs and records."""

import re
from dataclasses import replace

import pytest
from made_runs import record
from scipy.stats import ttest_1samp

from lrbook import book, home, recordings, style


def pair(seed, gap):
    return [record("large", seed, clean=60.0 + gap), record("small", seed, clean=60.0)]


def runs(gaps):
    return [run for seed, gap in enumerate(gaps) for run in pair(seed, gap)]


def both(whole, bare):
    return runs(whole), [replace(run, run_id=f"bare-{run.run_id}") for run in runs(bare)]


@pytest.mark.parametrize(
    ("whole", "bare", "part"),
    [
        ([10, 11, 12], [8, 9, 9], "most"),
        ([10, 11, 12], [1, 2, 1.5], "less than half"),
        ([10, 11, 12], [5, 5.6, 5.9], "about half"),
        ([10, 11, 12], [4, -4, 1], "no clear part"),
        ([10, 12], [2, 3], "less than half"),
        ([10, 12], [2, 11], "about half"),  # two seeds that disagree
        ([10], [8], "no clear part"),  # one decides nothing
    ],
)
def test_the_news_names_the_part_that_is_there_without_a_patch(whole, bare, part):
    said = home.news({"small runs": both(whole, bare)})
    few = {1: " (1 seed)", 2: " (2 seeds)"}.get(len(whole), "")
    wanted = f"In small runs{few}, {part} of the large rate's lead is there without any patch."
    assert said == wanted


def test_who_is_ahead_is_told_of_pairs_alone():
    with pytest.raises(LookupError, match="no seed has a run of each"):
        home.words([*pair(1, 5)[:1], *pair(2, 5)[1:]])


def test_the_news_of_two_sizes_and_of_none():
    found = {
        "small runs": both([10, 11, 12], [8, 9, 9]),
        "the paper's size": both([16, 13], [7, 6]),
    }
    assert home.news(found).endswith("at the paper's size (2 seeds), less than half of it.")
    found["small runs"] = (found["small runs"][0], [])
    assert home.news(found).startswith("At the paper's size (2 seeds), less than half of the")
    assert "has not been recorded" in home.news({"small runs": (runs([1, 2]), [])})


def test_a_size_without_a_control_has_dashes():
    found = {"small runs": both([10, 12, 14], [8, 9, 10]), "the paper's size": (runs([16, 13]), [])}
    table = home.gap_table(found)
    assert table["the paper's size (2 seeds)"].tolist() == ["16.0, 13.0", "–", "–"]
    assert "4 runs, seeds 0, 1;" in home.origins(found)  # its own two pairs


def test_only_seeds_with_all_four_runs_are_in_the_table():
    found = {"small runs": both([10, 12, 14], [8, 9])}
    table = home.gap_table(found)
    assert table["small runs (2 seeds)"].tolist() == ["10.0, 12.0", "8.0, 9.0", "**2.0, 3.0**"]
    assert "8 runs, seeds 0, 1;" in home.origins(found)


def ends(name):
    """Seed -> (large, small) on clean images, over the last three epochs."""
    found = {}
    for run in recordings.load(name):
        config = run.config
        found.setdefault(config["seed"], {})[config["arm"]] = run.history.clean.iloc[-3:].mean()
    return {seed: (arms["large"], arms["small"]) for seed, arms in found.items() if "small" in arms}


def shown(monkeypatch):
    said = []
    monkeypatch.setattr(style, "say", said.append)
    home.show_words()
    return said


def test_the_first_page_says_what_the_patch_adds_to_the_gap(monkeypatch):
    news, table, origins = shown(monkeypatch)
    cells = [line.strip("| ").split(" | ") for line in table.splitlines()]
    assert cells[0][1:] == ["small runs (10 seeds)", "the paper's size (2 seeds)"]
    for column, name in ((1, "patch-laptop"), (2, "patch-paper")):
        whole, bare = (
            {seed: large - small for seed, (large, small) in ends(each).items()}
            for each in (name, f"{name}-control")
        )
        rows = [list(whole.values()), list(bare.values()), [whole[s] - bare[s] for s in whole]]
        for line, values in zip(cells[2:], rows, strict=True):
            found = [float(number) for number in re.findall(r"-?\d+\.\d", line[column])]
            if len(values) == 2:
                wanted = values
            else:
                low, high = ttest_1samp(values, 0).confidence_interval()
                wanted = [(low + high) / 2, (high - low) / 2]
            # the page rounds, and half a unit of its last digit is an edge
            assert found == pytest.approx(wanted, abs=0.06)
        parts = [2 * bare[seed] - whole[seed] for seed in whole]  # bare beyond half of the whole
        if column == 1:
            assert ttest_1samp(parts, 0).confidence_interval().low > 0
        else:
            assert max(parts) < 0
    assert news == (
        "**In small runs, most of the large rate's lead is there without any patch; at the "
        "paper's size (2 seeds), less than half of it.**"
    )
    assert "Small runs: 40 runs, seeds 5 to 14;" in origins
    assert "The paper's size: 8 runs, seeds 0, 1;" in origins
    assert "NVIDIA H200" in origins
    assert origins.count("*") == 2  # one emphasis, which the style sheet makes small


def test_without_any_pair_the_page_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(book, "if_recorded", lambda name: [])
    with pytest.raises(LookupError, match="no pair of runs of patch-laptop or patch-paper"):
        home.sizes()


def test_who_leads_before_the_drop_and_at_the_end_of_the_small_runs():
    """What the picture's description says, and the first paragraph in its words."""
    found = home.puzzle_runs()
    drop = found[0].config["drop"]
    means = {
        arm: sum(run.history.set_index("epoch").clean for run in book.by_arm(found)[arm]) / 10
        for arm in ("large", "small")
    }
    lead = means["large"] - means["small"]
    assert (lead[: drop - 1] < 0).all()
    assert (lead[drop:] > 0).all()
    assert 2 < means["small"].max() - means["small"].iloc[-1] < 6  # "sinks by a few points"
