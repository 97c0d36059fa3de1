"""Both rates without decay, and the small one with the large one's, on runs made by hand."""

import dataclasses
import re

import numpy as np
import pairs_of_sweeps
import pytest
import torch
from made_laptop import laptop_run

from lrbook import figures, small_drops, weight_decay
from lrbook.sweeps import Sweep

BARE = {"carrier_share": 0.0}
NO_DECAY = {"weight_decay": 0.0}
MORE = {"weight_decay": 0.0125}
DROPPING = {"eta1": 0.02, "eta2": 0.0008}


LENGTHS = {"length_0": [3.0, 1.0, 1.0, 0.5], "length_1": [4.0, 1.0, 1.0, 0.5]}


def several(arm, clean, learnt=None, **settings):
    """Runs on seeds 5, 6, ..."""
    columns = {"epoch": [10, 11, 12, 13], "rate": [0.5, 0.5, 0.5, 0.02], **LENGTHS}
    return [
        laptop_run(
            arm, seed, columns | {"clean": [each - 6, each - 4, each - 2, each]}, each, learnt,
            **settings,
        )
        for seed, each in enumerate(clean, 5)
    ]  # fmt: skip


def twice(arm, with_patch, without, learnt=None, **settings):
    return several(arm, with_patch, learnt, **settings), several(arm, without, **settings, **BARE)


SMALL = twice("small", [50, 52, 54, 90], [60, 61, 62, 90], 9)
LARGE = twice("large", [60, 64, 65, 10], [66, 68, 70, 10], 16)
SMALL_NONE = twice("small", [49, 50, 54], [58, 61, 61], 8, **NO_DECAY)
LARGE_NONE = twice("large", [58, 60, 62], [63, 64, 68], 14, **NO_DECAY)
MATCHED = twice("small", [55, 57, 59], [64, 63, 65], 11, **MORE)
DROPS = twice("large", [56, 57, 61, 2], [64, 65, 66, 2], 10, **DROPPING)
BOTH = twice("large", [58, 61, 63], [65, 66, 70], 12, **DROPPING, **MORE)
NONE_DROPS = twice("large", [52, 53, 57, 2], [62, 63, 63, 2], 9, **DROPPING, **NO_DECAY)
PAIRS = SMALL[0] + LARGE[0], SMALL[1] + LARGE[1]
KEPT = {
    weight_decay.NONE: (SMALL_NONE[0] + LARGE_NONE[0], SMALL_NONE[1] + LARGE_NONE[1]),
    weight_decay.MATCHED: MATCHED,
    weight_decay.DROPS: BOTH,
    weight_decay.NONE_DROPS: NONE_DROPS,
    small_drops.NAMES: DROPS,
}


@pytest.fixture
def gathered(monkeypatch):
    """What ``rows`` finds where the sweeps hold what they are given here."""

    def gather(changed=None):
        pairs_of_sweeps.keep(monkeypatch, KEPT | (changed or {}))
        return weight_decay.rows(PAIRS)

    return gather


def test_all_rows_are_on_the_seeds_of_the_runs_without_decay(gathered):
    rows = gathered()
    ends = {
        name: [[run.result["clean"] for run in runs] for runs in both]
        for name, (_, *both) in rows.items()
    }
    assert ends == {
        "large": [[60, 64, 65], [66, 68, 70]],
        "large, no decay": [[58, 60, 62], [63, 64, 68]],
        "small": [[50, 52, 54], [60, 61, 62]],
        "small, no decay": [[49, 50, 54], [58, 61, 61]],
        "small, large's decay": [[55, 57, 59], [64, 63, 65]],
        "small, drops, too": [[56, 57, 61], [64, 65, 66]],
        "small, drops, large's decay": [[58, 61, 63], [65, 66, 70]],
        "small, drops, no decay": [[52, 53, 57], [62, 63, 63]],
    }


def test_every_seed_of_a_row_is_kept_and_leads_are_of_those_that_both_have(gathered):
    gathered()
    rows = weight_decay.every_seed(PAIRS)
    ends = [run.result["clean"] for run in rows["small, drops, too"].with_patch]
    assert ends == [56, 57, 61, 2]
    assert [len(row.without) for row in rows.values()] == [4, 3, 4, 3, 3, 4, 3, 4]
    leads = weight_decay.leads(rows)
    assert leads["as in the experiment"]["with the patch"] == [10, 12, 11, -80]
    assert leads["both drop, no decay"]["with the patch"] == [6, 7, 5]
    said = weight_decay.leads_words(leads)
    assert [said.count(f" ({n} seeds)") for n in (3, 4)] == [4, 2]


@pytest.mark.parametrize("names", KEPT)
def test_none_without_one_of_the_recordings(gathered, names):
    assert gathered({names: ([], [])}) == {}
    assert gathered({names: (KEPT[names][0], [])}) == {}


def test_none_where_one_differs_in_more(gathered):
    other = twice("small", [55, 57, 59], [64, 63, 65], **MORE, pattern=0.3)
    assert gathered({weight_decay.MATCHED: other}) == {}
    assert gathered({weight_decay.MATCHED: twice("small", [55], [64], **MORE)})


def test_leads_are_differences_by_seed(gathered):
    leads = weight_decay.leads(gathered())
    assert leads == {
        "as in the experiment": {
            "with the patch": [10, 12, 11],
            "without any patch": [6, 7, 8],
        },
        "no decay in either": {"with the patch": [9, 10, 8], "without any patch": [5, 3, 7]},
        "small with large's decay": {
            "with the patch": [5, 7, 6],
            "without any patch": [2, 5, 5],
        },
        "small drops, too": {"with the patch": [4, 7, 4], "without any patch": [2, 3, 4]},
        "both drop, no decay": {
            "with the patch": [6, 7, 5],
            "without any patch": [1, 1, 5],
        },
        "small with both": {
            "with the patch": [2, 3, 2],
            "without any patch": [1, 2, 0],
        },
    }
    said = weight_decay.leads_words(leads).replace("\N{NO-BREAK SPACE}", " ")
    half = 4.302653 * np.std([5, 3, 7], ddof=1) / np.sqrt(3)
    assert f"*no decay in either* **9.0 ± 2.5** with the patch and **5.0 ± {half:.1f}**" in said
    assert said.count(" (3 seeds)") == 6
    assert said.endswith("(3 seeds).")
    assert re.findall(r"\*\*(\S+) ±", said)[-2:] == ["2.3", "1.0"]


def test_the_table_has_what_decay_does_before_the_drop(gathered):
    table = weight_decay.table(gathered()).set_index("on digits")
    assert table["weight decay"].tolist() == [
        "0.0005", "0", "0.0005", "0", "0.0125", "0.0005", "0.0125", "0",
    ]  # fmt: skip
    assert table["halves lengths in"].tolist() == [
        "0.89 epochs", "never", "22 epochs", "never", "0.89 epochs", "22 epochs", "0.89 epochs",
        "never",
    ]  # fmt: skip
    small = table.loc["small, large's decay"]
    assert small["patch learnt in"] == "11"
    means = ("before the drop, no patch (%)", "at the end, no patch (%)", "at the end, with it (%)")
    assert [small[name] for name in means] == ["60.0", "64.0", "57.0"]  # 64 less 6, 4 and 2
    assert small["the patch costs it"].split()[0] == "+7.0"
    assert table.seeds.tolist() == [3] * 8


def test_a_row_of_which_nothing_is_known_without_a_patch_has_dashes(gathered):
    row = gathered()["small"]._replace(without=[])
    told = weight_decay.table({"small": row}).loc[0]
    assert told["at the end, with it (%)"] == "52.0"
    for name in ("before the drop, no patch (%)", "at the end, no patch (%)", "the patch costs it"):
        assert told[name] == "–"


@pytest.mark.parametrize("run", [LARGE[0][0], MATCHED[0][0], BOTH[0][0]])
def test_decay_alone_halves_a_weight_in_as_many_steps(run):
    """As PyTorch's optimiser does it, on a weight that has no gradient of its own."""
    config = run.config
    weight = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
    rate = config["eta2"] if config["arm"] == "small" else config["eta1"]
    settings = {name: config[name] for name in ("momentum", "weight_decay")}
    optimizer = torch.optim.SGD([weight], rate, nesterov=True, **settings)
    steps = 0
    while weight.item() > 0.5:
        weight.grad = torch.zeros_like(weight)
        optimizer.step()
        steps += 1
    assert steps / (20_000 / 64) == pytest.approx(weight_decay.halves_in(run), rel=0.03)


def test_panels_are_of_the_rows_asked_for(gathered):
    panels = weight_decay.histories(gathered(), ("small", weight_decay.LARGE_NONE))
    assert list(panels) == ["With the patch", "Without any patch"]
    ends = {
        name: [h.clean.iloc[-1] for h in seeds] for name, seeds in panels["With the patch"].items()
    }
    assert ends == {"small": [50, 52, 54], "large, no decay": [58, 60, 62]}


def test_live_runs_are_named_by_arm_and_by_other_decays():
    lost = dataclasses.replace(LARGE[0][0], status="diverged", result={})
    found = weight_decay.named([*SMALL[0], *LARGE_NONE[0], *MATCHED[0], lost])
    ends = {name: [history.clean.iloc[-1] for history in each] for name, each in found.items()}
    assert ends == {
        "small": [50, 52, 54, 90],
        "large": [58, 60, 62],
        "small, decay 0.0125": [55, 57, 59],
    }
    assert list(weight_decay.named([*LARGE[0], *LARGE_NONE[0]])) == ["large", "large, decay 0"]


def test_the_effective_rate_is_over_the_mean_square_of_the_lengths():
    [history] = weight_decay.named(SMALL[0][:1])["small"]
    assert history.length.tolist() == pytest.approx([np.sqrt((9 + 16) / 2), 1, 1, 0.5])
    assert history.effective.tolist() == pytest.approx([0.04, 0.5, 0.5, 0.08])
    figure = figures.lengths({"small": [history]}, 13)
    above, below = figure.axes
    assert below.lines[0].get_ydata().tolist() == pytest.approx([0.04, 0.5, 0.5, 0.08])
    assert above.lines[0].get_ydata().tolist() == history.length.tolist()
    assert above.lines[1].get_xdata()[0] == 12.5


def test_watched_runs_are_found_by_row(monkeypatch):
    kept = {
        "lengths-laptop": [*several("large", [1, 7, 8]), *several("small", [2, 9])],  # more seeds
        "lengths-no-decay-laptop": [
            *several("large", [3], **NO_DECAY),
            *several("small", [4], **NO_DECAY),
        ],
        "lengths-matched-decay-laptop": several("small", [5], **MORE),
        "lengths-matched-decay-drops-laptop": several("large", [6], **MORE, **DROPPING),
    }
    monkeypatch.setattr("lrbook.sweeps.recorded", lambda name: Sweep(kept[name]))
    found = weight_decay.watched(SMALL[0])
    ends = {row: [run.result["clean"] for run in runs] for row, runs in found.items()}
    assert ends == {
        "large": [1],
        "large, no decay": [3],
        "small": [2],
        "small, no decay": [4],
        "small, large's decay": [5],
        "small, drops, large's decay": [6],
    }
    kept["lengths-laptop"] = several("large", [1], pattern=0.3)
    assert weight_decay.watched(SMALL[0]) == {}
    del kept["lengths-laptop"]
    assert weight_decay.watched(SMALL[0]) == {}
