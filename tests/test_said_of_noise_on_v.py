"""What the book says of other kinds of noise on V, where no cell computes it, is in the records."""

import numpy as np
import pytest

from lrbook import beyond, book

STAYS, FADES = ("gaussian", "steady_example"), ("fading", "example", "none")


@pytest.fixture(scope="module")
def kinds():
    """Kind of noise -> the runs of both arms, on the same seeds."""
    noises = book.sweep("sweep-beyond-noise-wide")
    found = {kind: noises.select(noise_v=kind) for kind in ("steady_example", *FADES)}
    seeds = set(noises.runs.seed)
    assert len(seeds) == 5
    plain = book.recorded("toy-laptop")
    return {"gaussian": [run for run in plain if run.config["seed"] in seeds]} | found


def large(runs, quantity):
    """Of L-S while its rate is large, by seed."""
    return [beyond.before_annealing(run, quantity) for run in book.by_arm(runs)["L-S"]]


def shares(runs):
    return list(book.by_seed(runs, "L-S", "p_only_gradient_share").values())


def test_the_runs_differ_in_their_noise_alone(kinds):
    for runs in kinds.values():
        assert len(runs) == 10
    for one, *others in zip(*kinds.values(), strict=True):
        for other in others:
            fields = one.config.keys() | other.config.keys()
            assert {f for f in fields if one.config.get(f) != other.config.get(f)} <= {"noise_v"}


def test_noise_that_stays_leaves_the_whole_gap_and_noise_that_fades_none_more_than_none(kinds):
    gaps = {kind: beyond.gap(runs)[0] for kind, runs in kinds.items()}
    assert all(beyond.verdict(runs) == "L-S ahead" for runs in kinds.values())
    assert gaps["steady_example"] == pytest.approx(gaps["gaussian"], abs=0.01)
    for kind in FADES:
        assert gaps[kind] < 0.15 * gaps["gaussian"]
        assert gaps[kind] == pytest.approx(0.02, abs=0.005)  # "two points ahead" in the alt text
    ends = {
        arm: np.mean(list(book.by_seed(kinds["none"], arm, beyond.QUANTITY).values()))
        for arm in ("L-S", "S")
    }
    assert ends["L-S"] == pytest.approx(0.80, abs=0.01)
    for kind in STAYS:
        first, last = (
            np.mean(list(book.by_seed(kinds[kind], arm, beyond.QUANTITY).values()))
            for arm in ("L-S", "S")
        )
        assert (first, last) == (pytest.approx(0.94, abs=0.01), pytest.approx(0.79, abs=0.01))


def test_gaussian_noise_hides_q_and_steady_noise_of_examples_shakes_it(kinds):
    bend = {kind: large(runs, "nonlinearity") for kind, runs in kinds.items()}
    without = np.mean(bend["none"])
    assert 0.4 < np.mean(bend["gaussian"]) / without < 0.6  # "about half as much"
    assert min(bend["steady_example"]) > 1.5 * max(bend["none"])
    q = {kind: large(runs, "q_only_loss") for kind, runs in kinds.items()}
    assert sum(loss > 0.3 for loss in q["steady_example"]) >= 4
    assert max(*q["fading"], *q["example"], *q["none"]) < 0.01
    for kind in STAYS:
        assert max(shares(kinds[kind])) < 0.5
    for kind in FADES:
        assert np.mean(shares(kinds[kind])) == pytest.approx(0.8, abs=0.04)


def test_in_the_narrow_network_the_order_is_the_same():
    noises = book.sweep("sweep-beyond-noise")
    groups = {kind: noises.select(noise_v=kind) for kind in ("steady_example", *FADES)}
    groups["gaussian"] = book.sweep("sweep-narrow").records
    gaps = {kind: beyond.gap(runs)[0] for kind, runs in groups.items()}
    assert gaps["steady_example"] == pytest.approx(gaps["gaussian"], abs=0.01)
    assert max(gaps[kind] for kind in FADES) < 0.4 * gaps["gaussian"]


def test_on_images_half_of_the_examples_are_wrong_when_the_large_rate_drops():
    for name, right in (("patch-laptop", 50), ("patch-paper", 78)):
        runs = book.by_arm(book.recorded(name))["large"]
        for run in runs:
            before = run.history[run.history.epoch < run.config["drop"]]
            assert before.train_accuracy.iloc[-1] == pytest.approx(right, abs=2.5)


def test_loud_noise_of_examples_fades_later_and_leaves_most_of_the_gap(kinds):
    loud = book.sweep("sweep-beyond-noise-loud")
    groups = {kind: loud.select(noise_v=kind) for kind in ("gaussian", "fading", "example")}
    assert {run.config["noise"] for runs in groups.values() for run in runs} == {5.0}
    whole = beyond.gap(kinds["gaussian"])[0]
    gaps = {kind: beyond.gap(runs)[0] for kind, runs in groups.items()}
    assert gaps["example"] > 0.75 * whole
    assert gaps["fading"] < gaps["example"] / 2

    def fitted_at(runs):
        courses = [run.history[run.history.rate == 0.35] for run in book.by_arm(runs)["L-S"]]
        return np.array([course.step[course.q_only_loss > 0.1].max() for course in courses])

    assert all(fitted_at(groups["example"]) > 2 * fitted_at(kinds["example"]))
    assert np.mean(shares(groups["example"])) < 0.2


def test_the_gap_is_wider_in_the_setting_of_learning_order(kinds):
    narrow, wide = (beyond.gap(r) for r in (book.sweep("sweep-narrow").records, kinds["gaussian"]))
    assert wide[0] - wide[1] > narrow[0]
