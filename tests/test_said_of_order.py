"""What is said in prose of the order of learning in the toy and of its ends is in the records."""

import numpy as np
import pytest

from lrbook import beyond, book
from lrbook.stats import mean_interval
from lrbook.toy import events


@pytest.fixture(scope="module")
def arms():
    """Arm -> one history per seed, by step."""
    return {
        arm: [run.history.set_index("step") for run in runs]
        for arm, runs in book.by_arm(book.recorded("toy-laptop")).items()
    }


@pytest.fixture(scope="module")
def config():
    return book.recorded("toy-laptop")[0].config


def lead(arms, column, at, scale=1.0):
    """S minus L-S by seed: L-S at its recorded step next to ``at``, S at ``scale`` times that."""
    found = []
    for large, small in zip(arms["L-S"], arms["S"], strict=True):
        step = large.index[np.argmin(abs(large.index - at))]
        found.append(np.interp(step * scale, small.index, small[column]) - large.loc[step, column])
    return mean_interval(found)


def test_on_both_patterns_s_leads_for_twenty_steps_of_the_same_way(arms, config):
    scale = config["eta1"] / config["eta2"]
    for at in (4, 8, 16, 23):
        mean, half = lead(arms, "both_accuracy", at, scale)
        assert mean > half
    for at in (32, 46, 65):
        mean, half = lead(arms, "both_accuracy", at, scale)
        assert mean <= half


def test_step_for_step_s_passes_on_the_loss_of_q_only(arms):
    mean, half = lead(arms, "q_only_loss", 5000)
    assert mean > half
    mean, half = lead(arms, "q_only_loss", 12_000)
    assert abs(mean) < half or mean < 0
    for at in (24_000, 60_000):
        mean, half = lead(arms, "q_only_loss", at)
        assert mean < -half
        assert lead(arms, "both_loss", at)[0] > 0  # and on nothing else
        assert lead(arms, "p_only_train_loss", at)[0] > 0


def test_at_equal_way_the_order_is_reversed_for_what_carries_q_only(arms, config):
    scale = config["eta1"] / config["eta2"]
    for column in ("q_only_loss", "both_loss"):
        mean, half = lead(arms, column, 1000, scale)
        assert mean < -half
    assert lead(arms, "p_only_train_loss", 1000, scale)[0] > 0
    assert lead(arms, "p_only_accuracy", 1000, scale)[0] < 0


def test_s_stops_falling_before_its_recording_ends(arms, config):
    fallen, later = [], []
    for small in arms["S"]:
        at = np.interp([300_000, 620_000, small.index[-1]], small.index, small.p_only_accuracy)
        fallen.append(at[0] - at[1])
        later.append(at[1] - at[2])
    mean, half = mean_interval(fallen)
    assert mean > half
    mean, half = mean_interval(later)
    assert abs(mean) < half < 0.005
    way = arms["S"][0].index[-1] * config["eta2"] * config["lam"]
    assert way == pytest.approx(0.25, abs=0.02)


def test_in_eight_seeds_of_ten_q_settles_at_a_strict_threshold_once_the_rate_drops(arms, config):
    settled = [
        events.first_step(h.reset_index(), "q_only_loss", below=0.1, lasting=True)
        for h in arms["L-S"]
    ]
    assert sum(step >= config["anneal"] for step in settled) == 8


def test_at_stricter_thresholds_q_is_not_always_crossed_first(arms):
    def first(threshold):
        q, p = (
            np.array(
                [
                    events.first_step(h.reset_index(), f"{kind}_loss", below=threshold) or np.inf
                    for h in arms["L-S"]
                ]
            )
            for kind in ("q_only", "p_only_train")
        )
        return (q < p).sum(), (p < q).sum()

    assert first(0.1) == (10, 0)
    assert first(0.05)[1] > first(0.05)[0]


def test_mitigation_when_s_falls():
    shares = []
    for run in book.by_arm(book.sweep("sweep-narrow").records)["S"]:
        step, accuracy = run.history.step, run.history.p_only_accuracy
        at = np.interp([15_000, 50_000], step, accuracy)
        shares.append((accuracy.max() - accuracy.iloc[-1], *(at - accuracy.iloc[-1])))
    fall, after_early, after_late = np.mean(shares, axis=0)
    assert 0.65 < after_early / fall < 0.75
    assert 0.15 < after_late / fall < 0.25


def test_beyond_the_theory_a_third_of_the_gap_is_left_without_noise():
    def gap(records):
        return [book.by_seed(records, arm, beyond.QUANTITY) for arm in ("L-S", "S")]

    base = book.sweep("sweep-narrow").records
    quiet = beyond.at(book.sweep("sweep-beyond-training"), noise=0.0)
    means = []
    for large, small in map(gap, (quiet, base)):
        values = [large[seed] - small[seed] for seed in large if seed in small]
        mean, half = mean_interval(values)
        assert mean > half
        means.append(mean)
    assert 0.3 < means[0] / means[1] < 0.42


def test_rate_or_noise_about_a_twentieth_is_left_in_the_pages_network():
    runs = book.by_arm(book.recorded("toy-laptop"))
    ends = {
        arm: np.mean([run.result["p_only_accuracy"] for run in found])
        for arm, found in runs.items()
    }
    quiet = np.mean([r.result["p_only_accuracy"] for r in book.recorded("toy-no-noise")])
    assert 0.03 < (quiet - ends["S"]) / (ends["L-S"] - ends["S"]) < 0.08


@pytest.mark.parametrize(
    ("name", "field", "not_fitted"),
    [
        ("r", "r", [0.02, 0.04]),
        ("lambda", "lam", [0.001, 0.002]),
        ("eta", "eta1", [1.0]),
    ],
)
def test_large_rate_and_q_where_q_is_not_fitted_in_the_measured_setting(name, field, not_fitted):
    runs = book.sweep(f"sweep-nonlinearity-{name}-measured").runs
    late = runs.groupby(field).q_only_loss.mean()
    assert late.index[late > np.log(2)].tolist() == not_fitted
