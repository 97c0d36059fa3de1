"""What the other chapters on the toy say in prose, where no cell computes it, is in the records."""

import numpy as np
import pandas as pd
import pytest

from lrbook import beyond, book, recordings, sweeps
from lrbook.toy import events, levels
from lrbook.toy.config import ToyConfig

LOG2 = np.log(2)


def test_learning_order_the_p_only_examples_are_most_of_the_loss_of_s_at_its_end():
    for run in book.recorded("toy-laptop"):
        history, p0 = run.history, run.config["p0"]
        share = p0 * history.p_only_train_loss / history.loss
        assert share.iloc[0] == pytest.approx(p0, abs=0.005)
        assert (share.iloc[-1] > 0.5) == (run.config["arm"] == "S")
        late = history[history.step >= run.config["anneal"]].p_only_gradient_share_now
        if run.config["arm"] == "L-S":  # after annealing it rises again
            assert late.iloc[-1] > late.iloc[0] + 0.05


@pytest.mark.parametrize("below", [0.1, LOG2 / 2])
def test_learning_order_by_the_first_crossing_q_is_first_in_both_arms(below):
    for run in book.recorded("toy-laptop"):
        q, p = (
            events.first_step(run.history, f"{kind}_loss", below=below)
            for kind in ("q_only", "p_only_train")
        )
        assert q < (p or np.inf)


def test_learning_order_s_comes_by_p_before_it_fits_q_and_loses_it_again():
    runs = book.by_arm(book.recorded("toy-laptop"))
    gone = 0
    for run in runs["S"]:
        p = events.first_step(run.history, "p_only_accuracy", above=0.9)
        q = events.first_step(run.history, "q_only_loss", below=0.1)
        gone += p is not None and p < q / 2
        assert run.history.p_only_accuracy.iloc[-1] < 0.85
    assert (gone, len(runs["S"])) == (8, 10)
    fast = [events.first_step(run.history, "p_only_accuracy", above=0.9) for run in runs["L-S"]]
    assert (sum(step < 100 for step in fast), len(fast)) == (9, 10)
    for run in runs["L-S"]:
        assert run.history.p_only_accuracy[run.history.step > 100].min() > 0.85


def test_learning_order_the_clock_of_the_two_arms():
    """Step for step L-S is ahead; at equal eta t S has fitted more, but never leads on fresh P."""
    runs = book.by_arm(book.recorded("toy-laptop"))
    mean = {
        arm: pd.concat([run.history for run in found]).groupby("step").mean()
        for arm, found in runs.items()
    }
    config = runs["L-S"][0].config
    large = mean["L-S"][mean["L-S"].index <= config["anneal"]]

    def small(at, column):
        return np.interp(at, mean["S"].index, mean["S"][column])

    assert (large.both_loss < small(large.index, "both_loss"))[large.index > 10].all()
    same = large.index * config["eta1"] / config["eta2"]
    assert large.both_loss[large.index >= 50].gt(small(same, "both_loss")[large.index >= 50]).all()
    thousand = np.argmin(abs(large.index - 1000))
    assert large.both_loss.iloc[thousand] > 4 * small(same[thousand], "both_loss")
    for steps in (large.index, same):
        within = steps <= mean["S"].index[-1]
        lead = small(steps, "p_only_accuracy") - large.p_only_accuracy
        assert lead[within].max() < 0.01


def test_learning_order_in_a_narrow_network_l_s_comes_to_the_share_of_s():
    ends = {
        arm: [run.history.p_only_gradient_share_now.iloc[-1] for run in runs]
        for arm, runs in book.by_arm(book.sweep("sweep-narrow").records).items()
    }
    assert np.mean(ends["L-S"]) > np.mean(ends["S"]) - 0.05


def test_beyond_the_theory_what_long_runs_of_s_do():
    sweep, other = book.sweep("sweep-beyond-time"), book.sweep("sweep-beyond-training")
    gained, loose, turns = {}, {}, {}
    for decay in (1e-4, 3e-4, 1e-3):
        runs = sweep.select(lam=decay)
        falls = [beyond.deepest_fall(run.history.p_only_accuracy) for run in runs]
        ends = [run.result["p_only_accuracy"] for run in runs]
        gained[decay] = [end - low for end, (_, low, _) in zip(ends, falls, strict=True)]
        turns[decay] = np.mean(
            [r.history.step.iloc[at] for r, (_, _, at) in zip(runs, falls, strict=True)]
        )
        loose[decay] = [run.result["q_only_loss"] for run in runs]
    assert min(map(min, gained.values())) > 0
    assert turns[1e-4] > turns[3e-4] > turns[1e-3]  # in steps the sooner, the more decay
    assert 2.5 < turns[1e-4] / turns[1e-3] < 4  # by about three, not by ten
    assert min(np.mean(gained[3e-4]), np.mean(gained[1e-3])) > 1.5 * np.mean(gained[1e-4])
    assert max(loose[1e-4]) < 0.05  # Q stays fitted
    assert 0.35 < np.mean(loose[1e-3]) / LOG2 < 0.6  # about half of a guess
    large = [
        run.result["p_only_accuracy"]
        for run in other.select(lam=1e-3)
        if run.config["arm"] == "L-S"
    ]
    ends = [run.result["p_only_accuracy"] for run in sweep.select(lam=1e-3)]
    assert np.mean(ends) == pytest.approx(np.mean(large), abs=0.01)


def test_mitigation_with_a_draw_for_each_example_is_that_with_a_shared_one():
    scan, alone = book.sweep("sweep-mitigation"), book.sweep("sweep-narrow").records
    noise = {"preactivation_noise": 0.3, "preactivation_until": 50_000}
    shared, own = (
        book.by_seed(beyond.at(scan, **noise, preactivation_shared=shared), "S", beyond.QUANTITY)
        for shared in (True, False)
    )
    assert len(own) == 5
    assert max(abs(own[seed] - shared[seed]) for seed in own) < 0.005
    plain = book.by_seed(alone, "S", beyond.QUANTITY)
    assert min(own[seed] - plain[seed] for seed in own) > 0.04  # where it helps
    single = book.sweep("sweep-mitigation-own")
    gains = [
        np.mean(list(book.by_seed(beyond.at(single, **p), "S", beyond.QUANTITY).values()))
        - np.mean(list(book.by_seed(beyond.at(single), "S", beyond.QUANTITY).values()))
        for size in (0.1, 0.3, 1.0)
        for p in [{"preactivation_noise": size, "preactivation_until": 10_000}]
    ]
    assert 0 < min(gains) <= max(gains) < 0.05  # it gains less there


def test_beyond_the_theory_s_is_ahead_in_the_convolutional_network():
    sweep = book.sweep("sweep-beyond-network")
    for tau0 in (1.0, 10.0):
        runs = sweep.select(network="convolutional", tau0_w=tau0)
        assert beyond.verdict(runs) == "S ahead"
        assert beyond.gap(runs)[2] == 5  # pairs


def test_large_rate_and_q_which_examples_go_on_pulling():
    """In the sweeps at the paper's norm: the Q-only ones nearly as at the start, not the others."""
    ends = pd.concat(
        [book.sweep(f"sweep-nonlinearity-{name}").runs for name in ("r", "eta", "lambda")]
    )
    assert ends.q_only_loss.min() > 0.75 * LOG2
    rows = [
        run.history.both_loss.iloc[-1]
        for name in ("r", "eta", "lambda")
        for run in sweeps.recorded(f"sweep-nonlinearity-{name}").records
    ]
    assert max(rows) < 0.3 * LOG2


def test_learning_order_the_band_of_q_under_the_large_rate():
    """Exercise: late in the phase between 0.03 and 0.22; P first in nine seeds, and one tie."""
    runs = book.by_arm(book.recorded("toy-laptop"))
    late = [  # the row at the drop has the new rate, and what the large one has left
        run.history[run.history.step.between(10_000, run.config["anneal"])] for run in runs["L-S"]
    ]
    assert 0.025 < min(h.q_only_loss.min() for h in late) < 0.035
    assert 0.215 < max(h.q_only_loss.max() for h in late) < 0.225
    histories_of = book.histories(book.recorded("toy-laptop"))
    assert (
        "P is first in 9 and Q in 0 of 10" in events.order_words(histories_of, 0.08).split(";")[0]
    )
    assert (
        "P is first in 0 and Q in 10 of 10" in events.order_words(histories_of, 0.35).split(";")[0]
    )
    assert min(r.history.p_only_train_loss.min() for r in runs["S"]) > 0.08
    laptop = ToyConfig.for_profile("laptop", arm="L-S", seed=0)
    assert (round(1 / (laptop.eta1 * laptop.lam)), laptop.anneal) == (28_571, 24_000)


def test_mitigation_how_long_the_noise_has_to_stay():
    scan = book.sweep("sweep-mitigation")
    without = book.by_seed(book.sweep("sweep-narrow").records, "S", beyond.QUANTITY)
    gain = {}
    for until in (5_000, 15_000, 50_000, 100_000):
        noisy = beyond.at(scan, preactivation_noise=0.3, preactivation_until=until)
        found = book.by_seed(noisy, "S", beyond.QUANTITY)
        gain[until] = np.mean([found[seed] - without[seed] for seed in found])
    assert gain[5_000] / gain[50_000] == pytest.approx(1 / 3, abs=0.04)
    assert gain[15_000] / gain[50_000] == pytest.approx(3 / 4, abs=0.04)
    assert gain[100_000] == pytest.approx(gain[50_000], abs=0.004)


def smallest_gap(runs):
    """L-S minus S in accuracy on P alone, of five seeds the one where it is least."""
    large, small = (book.by_seed(runs, arm, beyond.QUANTITY) for arm in ("L-S", "S"))
    assert large.keys() == small.keys() == set(range(11, 16))
    return min(large[seed] - small[seed] for seed in large)


def test_what_lrbook_run_toy_shows_on_seeds_that_nobody_tuned_on():
    """L-S is ahead in each seed, where it ends at about the training loss at which S is stopped."""
    demo = recordings.load("toy-demo")
    assert {run.run_id for run in demo} == {
        config.run_id for config in ToyConfig.expand("demo", seeds=range(11, 16))
    }
    assert smallest_gap(demo) > 0.05
    losses = {arm: [run.result["loss"] for run in runs] for arm, runs in book.by_arm(demo).items()}
    assert np.mean(losses["S"]) == pytest.approx(np.mean(losses["L-S"]), rel=0.25)


def test_the_demo_stops_s_where_its_error_no_longer_changes_though_it_still_memorises():
    """The sweep over kappa passes through the same runs, and goes on: S there is S later on."""
    later = book.sweep("sweep-kappa").select(n=625, p0=0.08)
    mini = ToyConfig.expand("mini", seeds=range(11, 16))
    assert {run.run_id for run in later} == {config.run_id for config in mini}
    assert smallest_gap(later) > 0.05

    def mean_of_s(runs, name):
        return np.mean([run.result[name] for run in book.by_arm(runs)["S"]])

    demo = recordings.load("toy-demo")
    assert later[0].config["steps"] > 2 * demo[0].config["steps"]
    accuracy = mean_of_s(demo, "p_only_accuracy")
    assert accuracy == pytest.approx(mean_of_s(later, "p_only_accuracy"), abs=0.01)
    assert mean_of_s(later, "p_only_train_loss") < 0.75 * mean_of_s(demo, "p_only_train_loss")


def test_large_rate_and_q_how_the_closed_form_does():
    def found(which, field, name):
        return levels.levels(book.sweep(f"sweep-nonlinearity-{name}{which}"), field)

    fields = {"r": "r", "lam": "lambda", "eta1": "eta"}
    small, measured = (
        {field: found(which, field, name) for field, name in fields.items()}
        for which in ("", "-measured")
    )
    off = {f: abs(s.fit.exponent - s.expected.exponent) / s.fit.half for f, s in small.items()}
    assert max(off["r"], off["eta1"]) < 1.3  # within the interval, or nearly
    assert off["lam"] > 2
    by_rate, by_r = (
        book.sweep(f"sweep-nonlinearity-{name}-measured").records[0].config for name in ("eta", "r")
    )
    usual = book.recorded("toy-laptop")[0].config
    assert by_rate["lam"] == pytest.approx(5 * by_r["lam"])
    assert (by_r["lam"], 2 * by_r["m_v"]) == (usual["lam"], usual["m_v"])
    slowest = min(
        run.config["eta1"] for run in book.sweep("sweep-nonlinearity-eta-measured").records
    )
    assert slowest * by_rate["lam"] * by_rate["steps_ls"] > 1  # a memory fits
    ratios = [np.exp(np.log(s.measured / s.predicted).mean()) for s in measured.values()]
    assert 0.68 < min(ratios) < max(ratios) < 0.88
    by_point = {f: np.exp(np.log(s.measured / s.predicted).mean(0)) for f, s in measured.items()}
    points = np.sort(np.concatenate([*by_point.values()]))
    assert 0.45 < points[0] < 0.55  # half
    assert by_point["eta1"][-1] == points[0]  # at the largest rate
    assert 0.64 < points[1] < points[-1] < 0.88  # else a seventh to a third too low


def test_rate_or_noise_without_noise_the_large_rate_ends_near_s():
    ends = [
        np.mean([run.result["p_only_accuracy"] for run in runs])
        for runs in (book.recorded("toy-no-noise"), book.by_arm(book.recorded("toy-laptop"))["S"])
    ]
    assert abs(ends[0] - ends[1]) < 0.01


def test_learning_order_the_error_of_all_is_small_in_both_and_a_few_times_apart():
    found = {}
    for arm, runs in book.by_arm(book.recorded("toy-laptop")).items():
        p0, q0 = (runs[0].config[name] for name in ("p0", "q0"))
        mix = {"p_only": p0, "both": 1 - p0 - q0, "q_only": q0}
        ends = [events.final_errors(run.history, mix) for run in runs]
        found[arm] = np.mean([end["all"] for end in ends])
        assert max(end["both"] for end in ends) < 0.002  # as good as perfect
    assert 2 < found["S"] / found["L-S"] < 6
    assert max(found.values()) < 0.02


def test_rate_or_noise_what_holds_q_back_before_annealing():
    """Where there is noise, the fit of Q is coarser."""
    held = {
        name: [beyond.before_annealing(run, "nonlinearity") for run in book.recorded(name)]
        for name in ("toy-no-noise", "toy-half-noise", "toy-small-rate-same-diffusion")
    }
    arms = book.by_arm(book.recorded("toy-laptop"))
    fine = held["toy-no-noise"] + [beyond.before_annealing(r, "nonlinearity") for r in arms["S"]]
    coarse = held["toy-half-noise"] + held["toy-small-rate-same-diffusion"]
    coarse += [beyond.before_annealing(r, "nonlinearity") for r in arms["L-S"]]
    assert max(coarse) < 0.75 * min(fine)


def test_mitigation_the_noise_adds_nearly_one_number_to_all_outputs():
    """V at its start, with a draw of the noise per neuron: 4,000 draws, on the three rays."""
    config = sweeps.recorded("sweep-mitigation").records[0].config
    s, tau0, m, r = (config[name] for name in ("s", "tau0_v", "m_v", "r"))
    rng = np.random.default_rng(0)
    V = tau0 * np.tile(rng.normal(size=(2, m // 2)), 2)  # neurons start in pairs of unlike sign
    v = np.repeat([1, -1], m // 2) / np.sqrt(m)
    before = s * np.array([[1, -r], [1, 0], [1, r]]) @ V
    for sigma, said in ((0.03, 1.7), (0.1, 5.7)):
        g = rng.normal(size=(4000, m))
        f = np.stack([np.maximum(ray + sigma * s * tau0 * g, 0) @ v for ray in before])
        assert sigma * s * tau0 / np.sqrt(2) == pytest.approx(said, abs=0.05)
        assert f.std(axis=1) == pytest.approx(said, rel=0.06)
        assert np.corrcoef(f).min() > 0.9
    assert f.std(axis=1).min() > 5
