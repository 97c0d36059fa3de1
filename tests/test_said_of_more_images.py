"""What the chapter *What if* says of more images and of longer runs is in the records."""

import numpy as np
import pytest

from lrbook import book, patch_cost, whatif

LONGER, AS_LONG = "train_size = 50000", "train_size = 50000, epochs = 10, drop = 6"
FEWER = "epochs = 60, drop = 31"


@pytest.fixture(scope="module")
def images():
    """The base and the rows of the section, with the patch and without."""
    names = [f"what-if-laptop-{kind}" for kind in ("images", "images-short", "longer")]
    more, missing = whatif.gather("patch-laptop", names)
    plain, none = patch_cost.controls(
        more, "patch-laptop-control", [f"{name}-control" for name in names]
    )
    assert missing == none == []
    assert list(more) == list(plain) == [whatif.BASE, LONGER, AS_LONG, FEWER]
    for each in (more, plain):
        assert [len(whatif.pairs(each[row])) for row in each] == [10, 10, 10, 10]
    return more, plain


def test_more_images_are_for_as_many_epochs_and_for_as_many_steps(images):
    more, _ = images
    steps = {}
    for row, runs in more.items():
        config = runs[0].config
        steps[row] = config["epochs"] * -(-config["train_size"] // config["batch"])
    assert steps[AS_LONG] == pytest.approx(steps[whatif.BASE], rel=0.05)
    assert steps[LONGER] == pytest.approx(2.5 * steps[whatif.BASE], rel=0.01)
    assert steps[FEWER] == pytest.approx(steps[LONGER], rel=0.01)
    drops = {row: runs[0].config["drop"] - 1 for row, runs in more.items()}
    assert drops[FEWER] == 2.5 * drops[LONGER]


def test_more_images_help_the_small_rate_most(images):
    _, plain = images
    for row in (LONGER, AS_LONG):
        seeds = {run.config["seed"] for run in plain[row]}
        alone = [run for run in plain[whatif.BASE] if run.config["seed"] in seeds]
        gained = {
            arm: np.mean(book.values(plain[row], "clean")[arm])
            - np.mean(book.values(alone, "clean")[arm])
            for arm in whatif.ARMS
        }
        assert gained["small"] == pytest.approx(9.5, abs=0.5)
        assert 3.5 < gained["large"] < 5.5
        assert np.mean(whatif.gap(plain[row])) < np.mean(whatif.gap(alone)) / 2
        assert whatif.kind_of(whatif.change(plain[row], alone)) == "Narrower"


def test_for_as_many_steps_more_than_half_of_the_gap_is_the_patchs(images):
    more, plain = images
    adds = patch_cost.share(more[AS_LONG], plain[AS_LONG])
    assert whatif.kind_of(adds) == "Wider"
    gaps = whatif.gap(more[AS_LONG])
    assert sum(part > each / 2 for part, each in zip(adds, gaps, strict=True)) == 9
    assert 0.5 < np.mean(adds) / np.mean(gaps) < 0.6
    base = patch_cost.share(more[whatif.BASE], plain[whatif.BASE])
    assert whatif.kind_of(np.subtract(adds, base)) == "Wider"
    rest, wide = (np.mean(whatif.gap(plain[row])) for row in (AS_LONG, whatif.BASE))
    assert rest < wide / 2
    costs, base = (patch_cost.cost(more[row], plain[row]) for row in (AS_LONG, whatif.BASE))
    assert np.mean(costs["large"]) == pytest.approx(np.mean(base["large"]), abs=0.5)
    assert 1 < np.mean(costs["small"]) - np.mean(base["small"]) < 2


def test_for_as_many_epochs_one_seed_of_ten_is_unlike_the_others(images):
    more, plain = images
    large = book.by_arm(more[LONGER])["large"]
    drop = large[0].config["drop"]
    before = {run.config["seed"]: run.history.patch_only[: drop - 1].max() for run in large}
    hidden = [run for run in large if before[run.config["seed"]] < 15]
    assert len(hidden) == 8
    for run in hidden:
        best = run.history.clean[drop - 1 : drop + 3].max()
        assert 72 < best < 74
        assert run.result["patch_learned_epoch"] - drop in (3, 4, 5)
        assert 5.5 < best - run.result["clean"] < 8.5
    knows, sees = sorted(before.items(), key=lambda each: -each[1])[:2]
    found = {run.config["seed"]: run for run in large}
    assert found[knows[0]].result["patch_learned_epoch"] < drop
    assert 30 < sees[1] < 50
    assert found[sees[0]].result["clean"] < 50
    gaps = dict(zip(found, whatif.gap(more[LONGER]), strict=True))
    adds = dict(zip(found, patch_cost.share(more[LONGER], plain[LONGER]), strict=True))
    assert whatif.kind_of(list(gaps.values())) == "Not apart"
    assert gaps.pop(sees[0]) < -13
    alone = adds.pop(sees[0])
    assert alone < 0
    assert len(gaps) == len(adds) == 9
    assert {round(gap) for gap in gaps.values()} <= set(range(4, 9))  # "four to eight points"
    assert {round(add) for add in adds.values()} <= set(range(1, 5))
    assert whatif.kind_of(list(gaps.values())) == "Wider"
    assert whatif.kind_of(list(adds.values())) == "Wider"  # so the one seed decides
    # "undoes half of what the patch adds in the other nine"
    assert -alone / sum(adds.values()) == pytest.approx(0.5, abs=0.05)
    costs = {
        arm: np.mean(lost) for arm, lost in patch_cost.cost(more[LONGER], plain[LONGER]).items()
    }
    assert 1 < costs["small"] - costs["large"] < 2
    assert whatif.kind_of(patch_cost.share(more[LONGER], plain[LONGER])) == "Not apart"


def test_what_the_figure_of_all_images_shows_is_what_its_description_says(images):
    more, plain = images
    mean, low, high = (
        {
            arm: of([history.clean for history in histories], axis=0)
            for arm, histories in book.histories(more[LONGER]).items()
        }
        for of in (np.mean, np.min, np.max)
    )
    at = more[LONGER][0].config["drop"] - 1
    assert mean["large"][at] == pytest.approx(200 / 3, abs=1)
    assert (low["large"][at], high["large"][at : at + 4].max()) == (
        pytest.approx(36, abs=0.7),
        pytest.approx(74, abs=0.7),
    )
    assert 60 < mean["large"][-1] < 64
    assert 3 < (mean["large"] - mean["small"])[-3:].mean() < 5  # "a few points above"
    assert mean["small"][1:] == pytest.approx(60, abs=4)
    bare = {
        arm: np.mean([h.clean for h in found], axis=0)
        for arm, found in book.histories(plain[LONGER]).items()
    }
    assert bare["large"][:at].max() < 50
    assert bare["large"][at:] == pytest.approx(75, abs=1.2)
    assert 2 <= (bare["large"] - bare["small"])[-3:].mean() <= 3


def test_as_many_steps_on_the_bases_images_leave_the_gap_as_wide(images):
    more, plain = images
    large = {run.config["seed"]: run for run in book.by_arm(more[FEWER])["large"]}
    gaps = dict(zip(large, whatif.gap(more[FEWER]), strict=True))
    adds = dict(zip(large, patch_cost.share(more[FEWER], plain[FEWER]), strict=True))
    drop = 31
    before = {seed: run.history.patch_only[: drop - 1].max() for seed, run in large.items()}
    [early] = [seed for seed, known in before.items() if known > 25]  # "more than a quarter"
    assert large[early].result["patch_learned_epoch"] == drop - 3
    assert adds[early] == pytest.approx(0, abs=0.1)
    for seed in set(large) - {early}:
        assert 4 <= large[seed].result["patch_learned_epoch"] - drop <= 10
        clean = large[seed].history.clean[drop - 1 :]
        assert 5.5 < clean.max() - large[seed].result["clean"] < 10.5
        assert round(gaps[seed]) in (11, 12, 13, 14)
    costs = {arm: np.mean(lost) for arm, lost in patch_cost.cost(more[FEWER], plain[FEWER]).items()}
    assert 0.5 < costs["large"] / costs["small"] < 0.6
    assert np.mean(list(adds.values())) / np.mean(list(gaps.values())) == pytest.approx(
        0.4, abs=0.03
    )
    assert whatif.kind_of(list(adds.values())) == "Wider"
    base = patch_cost.share(more[whatif.BASE], plain[whatif.BASE])
    part = np.mean(base) / np.mean(whatif.gap(more[whatif.BASE]))
    assert part == pytest.approx(0.3, abs=0.03)
    assert whatif.kind_of(np.subtract(list(adds.values()), base)) == "Not apart"
    same = (patch_cost.share(more[row], plain[row]) for row in (LONGER, AS_LONG))
    assert whatif.kind_of(np.subtract(*same)) == "Not apart"
    change = whatif.change(more[FEWER], more[whatif.BASE])
    assert len(change) == 10
    assert abs(np.mean(change)) < 1  # "about as wide"
    assert whatif.kind_of(change) == "Not apart"


def test_a_large_rate_delays_the_patch_and_does_not_keep_it_away(images):
    more, _ = images
    behind, never = 0, []
    for row in (LONGER, AS_LONG, FEWER):
        for large, small in whatif.pairs(more[row]):
            late, soon = (run.result["patch_learned_epoch"] for run in (large, small))
            if late is None:
                never.append((row, large.config["seed"]))
            else:
                assert soon < late <= large.config["epochs"]
            behind += large.result["clean"] < small.result["clean"]
            drop = large.config["drop"]
            if row != AS_LONG and large.history.patch_only[: drop - 1].max() < 25:
                best = large.history.clean[drop - 1 :].max()
                assert 5.5 < best - large.result["clean"] < 10.5
    assert behind == 1
    assert never == [(AS_LONG, 14)]


def test_length_by_itself_takes_one_to_two_points_from_the_large_rate(images):
    _, plain = images
    gained = {
        arm: np.mean(book.values(plain[FEWER], "clean")[arm])
        - np.mean(book.values(plain[whatif.BASE], "clean")[arm])
        for arm in whatif.ARMS
    }
    assert -2 < gained["large"] < -1
    assert gained["small"] == pytest.approx(0.2, abs=0.2)  # "no lower"


def test_it_is_the_images_that_narrow_the_gap(images):
    more, plain = images
    change, alone = (whatif.change(each[LONGER], each[FEWER]) for each in (more, plain))
    assert len(change) == len(alone) == 10
    assert max(change) < 0  # "in each of the ten seeds"
    assert whatif.kind_of(change) == whatif.kind_of(alone) == "Narrower"
    assert 0.5 < np.mean(alone) / np.mean(change) < 0.6  # "more than half of this"
    less = np.subtract(*(patch_cost.share(more[row], plain[row]) for row in (LONGER, FEWER)))
    assert whatif.kind_of(less) == "Not apart"
