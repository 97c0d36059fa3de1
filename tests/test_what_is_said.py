"""What the chapters say in prose, where no cell computes it, is in the records."""

import numpy as np
import pandas as pd
import pytest

from lrbook import beyond, book, claims, measured, phase, recordings, sweeps, whatif
from lrbook.toy import events, levels
from lrbook.toy.config import ToyConfig
from lrbook.vision import histories

LOG2 = np.log(2)


def watched(arm):
    return book.histories(book.recorded("patch-laptop-watched"))[arm]


def ratio(history, column, rows):
    """Examples with image and patch over those with the image alone."""
    one, two = (history[f"{column}_{kind}"] for kind in ("both", "image"))
    return rows(one).mean() / rows(two).mean()


@pytest.mark.parametrize(
    ("arm", "low", "high"), [("large", 2.5, 3.5), ("small", 0.3, 0.6), ("noise", 0.4, 2.2)]
)
def test_inside_the_network_who_teaches_the_picture_to_the_end(arm, low, high):
    """64 / 20 = 3.2 is their ratio by number; the large arm keeps it, the small one does not."""
    start = [ratio(h, "share", lambda x: x.head(3)) for h in watched(arm)]
    end = [
        histories.at_the_end(h, "share_both") / histories.at_the_end(h, "share_image")
        for h in watched(arm)
    ]
    assert len(end) == 5
    assert 2.3 < min(start) <= max(start) < 4
    assert low < min(end) <= max(end) < high
    per_example = [ratio(h, "loss", lambda x: x.tail(3)) for h in watched(arm)]
    assert (min(per_example) > 1) == (arm == "large")


def test_activation_noise_costs_little_on_the_way():
    by_arm = book.histories(book.recorded("cifar-laptop"))
    mean = {arm: np.mean([h.clean for h in found], axis=0) for arm, found in by_arm.items()}
    drop = book.recorded("cifar-laptop")[0].config["drop"]
    behind = (mean["small"] - mean["noise"])[: drop - 1]
    assert 1 < behind[:3].mean() < 5  # a few points in the first epochs
    assert behind[6:].mean() < 0.5  # then level
    assert (mean["noise"] - mean["large"])[6 : drop - 1].min() > 8  # where the large one is behind


def test_learning_order_the_p_only_examples_are_most_of_the_loss_of_s_at_its_end():
    for run in book.recorded("toy-laptop"):
        history, p0 = run.history, run.config["p0"]
        share = p0 * history.p_only_train_loss / history.loss
        assert share.iloc[0] == pytest.approx(p0, abs=0.005)
        assert (share.iloc[-1] > 0.5) == (run.config["arm"] == "S")
        late = history[history.step >= run.config["anneal"]].p_only_gradient_share_now
        if run.config["arm"] == "L-S":  # after annealing it rises again
            assert late.iloc[-1] > late.iloc[0] + 0.05


def test_learning_order_in_a_narrow_network_l_s_comes_to_the_share_of_s():
    ends = {
        arm: [run.history.p_only_gradient_share_now.iloc[-1] for run in runs]
        for arm, runs in book.by_arm(book.sweep("sweep-narrow").records).items()
    }
    assert np.mean(ends["L-S"]) > np.mean(ends["S"]) - 0.05


def exponent(table, x="kappa", y="p_only_error"):
    law = claims.fit(table, x, y)
    return law.exponent, law.half


def test_two_theorems_what_flattens_the_error_of_s_is_time():
    sweep = book.sweep("phase-kappa-d")
    ends = measured.with_errors(sweep)
    last = [exponent(ends[(ends.arm == "S") & (ends.d == d)]) for d in (50, 100, 200)]
    assert [value for value, _ in last] == sorted((value for value, _ in last), reverse=True)
    assert all(value > half for value, half in last)  # in none is it zero
    large = [exponent(ends[(ends.arm == "L-S") & (ends.d == d)])[0] for d in (50, 100, 200)]
    assert min(large) > 1
    early = measured.errors_at(sweep, [25_000, 50_000, 100_000])
    early = early[early.arm == "S"]
    for steps in (25_000, 50_000, 100_000):  # at equal steps the intervals overlap
        found = [exponent(part) for _, part in early[early["at"] == steps].groupby("d")]
        assert max(v - half for v, half in found) < min(v + half for v, half in found)
    falling = [exponent(early[(early["at"] == a) & (early.d == 100)])[0] for a in (25_000, 100_000)]
    assert falling[1] < falling[0] - 0.4


def test_two_theorems_without_noise_s_is_flat_where_kappa_is_not_small():
    quiet = measured.with_errors(book.sweep("sweep-kappa-no-noise"))
    noisy = measured.with_errors(book.sweep("sweep-kappa"))
    noisy = noisy[noisy.arm == "S"]
    assert quiet.seed.nunique() == 5
    value, half = exponent(quiet[quiet.kappa >= 0.4])
    assert abs(value) < half
    value, half = exponent(quiet[quiet.kappa < 0.4])
    assert value > half
    assert value < exponent(noisy[noisy.kappa < 0.4])[0]
    left = quiet.both_loss.mean() / noisy.both_loss.mean()
    assert 0.4 < left < 0.6  # half the loss


def test_two_theorems_the_time_of_s_knows_the_dimension_only_at_its_end():
    times = measured.crossing_times(book.sweep("phase-kappa-d"), "loss", [0.3, 0.1])
    times = times[(times.arm == "S") & (times.n == 4 * times.d)]
    late, early = (exponent(part, "d", "steps")[0] for _, part in times.groupby("level"))
    assert early < 0.1 < late < 1


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
        beyond.by_seed(beyond.at(scan, **noise, preactivation_shared=shared), "S")
        for shared in (True, False)
    )
    assert len(own) == 5
    assert max(abs(own[seed] - shared[seed]) for seed in own) < 0.005
    plain = beyond.by_seed(alone, "S")
    assert min(own[seed] - plain[seed] for seed in own) > 0.04  # where it helps
    single = book.sweep("sweep-mitigation-own")
    gains = [
        np.mean(list(beyond.by_seed(beyond.at(single, **p), "S").values()))
        - np.mean(list(beyond.by_seed(beyond.at(single), "S").values()))
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


def test_two_theorems_the_second_phase_is_over_before_it_begins():
    """At annealing the loss is eps1 + q log 2; L-S stops at sqrt(eps1 / q)."""
    runs = book.sweep("sweep-annealing-time")
    q = runs.records[0].config["q0"]
    levels = sorted(runs.runs.eps1.unique())
    over = [eps1 + q * LOG2 < np.sqrt(eps1 / q) for eps1 in levels]
    assert over == [False] + [True] * (len(levels) - 1)


def test_two_theorems_how_the_second_phase_goes_under_the_papers_rule():
    sweep = book.sweep("sweep-second-phase")
    for record in sweep.records:  # below eps2 when they anneal
        history, begin = record.history, record.result["annealed"]
        start = history[history.step == begin].loss.iloc[0]
        eps2 = (record.config["eps1"] / record.config["q0"]) ** 0.5
        assert max(claims.SECOND_PHASE_LEVELS) < start < eps2
        assert eps2 == pytest.approx(0.28, abs=0.005)
        assert start < 0.2
        config = ToyConfig(**record.config)
        share = (config.d / config.n) ** 0.5 * config.p0 * config.q0  # kappa p q
        assert share == pytest.approx(0.008)
        assert share < min(claims.SECOND_PHASE_LEVELS)
    times = measured.crossing_times(sweep, "loss", claims.SECOND_PHASE_LEVELS, since_annealing=True)
    first = times[times.level == max(claims.SECOND_PHASE_LEVELS)]
    assert first.steps.notna().all()  # one that all runs reach
    along_eta2 = claims.fit(first[first.r == 0.15], "eta2", "steps")
    along_r = claims.fit(first[first.eta2 == 0.007], "r", "steps")
    to_levels = claims.fit(times[(times.r == 0.15) & (times.eta2 == 0.007)], "level", "steps")
    assert -1 < along_eta2.exponent < -0.8
    assert abs(along_r.exponent + 1) < along_r.half
    assert to_levels.exponent == pytest.approx(-3, abs=0.2)
    next_ = times[(times.level == 0.08) & (times.eta2 == 0.007)]
    assert set(next_[next_.steps.isna()].r) == {0.05}  # why the figure leaves it out


def test_learning_order_the_band_of_q_under_the_large_rate():
    """Exercise: late in the phase between 0.03 and 0.2; P first in nine seeds, and one tie."""
    runs = book.by_arm(book.recorded("toy-laptop"))
    late = [
        h[(h.rate == h.rate.max()) & (h.step > 10_000)] for h in (r.history for r in runs["L-S"])
    ]
    assert 0.025 < min(h.q_only_loss.min() for h in late) < 0.035
    assert 0.19 < max(h.q_only_loss.max() for h in late) < 0.21
    histories_of = book.histories(book.recorded("toy-laptop"))
    assert "P in 9 and Q in 0 of 10" in events.order_words(histories_of, 0.08).split(";")[0]
    assert "P in 0 and Q in 10 of 10" in events.order_words(histories_of, 0.35).split(";")[0]
    assert min(r.history.p_only_train_loss.min() for r in runs["S"]) > 0.08
    laptop = ToyConfig.for_profile("laptop", arm="L-S", seed=0)
    assert (round(1 / (laptop.eta1 * laptop.lam)), laptop.anneal) == (28_571, 24_000)


def what_if_rows():
    topics = ("ratio", "drop", "schedule", "network")
    groups, missing = whatif.gather("patch-laptop", [f"what-if-laptop-{t}" for t in topics])
    assert not missing
    return {
        row: {
            arm: {run.config["seed"]: run for run in runs}
            for arm, runs in book.by_arm(records).items()
        }
        for row, records in groups.items()
    }


def test_what_if_an_early_drop_costs_before_the_patch_is_known():
    rows = what_if_rows()
    base, early = rows["as in the base"]["large"], rows["drop = 7"]["large"]
    before = {seed: run.history.iloc[11:14] for seed, run in early.items()}
    assert max(h.patch_only.max() for h in before.values()) < 25
    best = {seed: run.history.clean.rolling(3).mean().max() for seed, run in base.items()}
    behind = [best[seed] - h.clean.mean() for seed, h in before.items()]
    assert len(behind) == 5
    assert 3.5 < np.mean(behind) < 4.5


def test_what_if_the_rows_that_fit_less_well():
    rows, control = what_if_rows(), book.by_arm(book.recorded("patch-laptop-control"))
    plain = {arm: {r.config["seed"]: r.result["clean"] for r in control[arm]} for arm in control}

    def lost(row, arm):
        found = rows[row][arm]
        return [plain[arm][seed] - run.result["clean"] for seed, run in found.items()]

    assert np.mean(lost("eta2 = 0.1", "large")) > np.mean(lost("eta2 = 0.1", "small")) + 4
    wsd = rows["schedule = wsd"]["large"].values()
    learnt = [run.result["patch_learned_epoch"] for run in wsd]
    assert sorted(epoch or 99 for epoch in learnt) == [20, 23, 24, 24, 99]  # of 24 epochs
    assert sum(run.result["patch_only"] < 35 for run in wsd) == 3
    deep = rows["depth = 16"]["small"].values()
    assert [run.result["patch_only"] > 95 for run in deep] == [True, True]
    assert abs(np.mean(lost("depth = 16", "small"))) < 1.5


def test_mitigation_how_long_the_noise_has_to_stay():
    scan = book.sweep("sweep-mitigation")
    without = beyond.by_seed(book.sweep("sweep-narrow").records, "S")
    gain = {}
    for until in (5_000, 15_000, 50_000, 100_000):
        noisy = beyond.at(scan, preactivation_noise=0.3, preactivation_until=until)
        found = beyond.by_seed(noisy, "S")
        gain[until] = np.mean([found[seed] - without[seed] for seed in found])
    assert gain[5_000] / gain[50_000] == pytest.approx(1 / 3, abs=0.04)
    assert gain[15_000] / gain[50_000] == pytest.approx(3 / 4, abs=0.04)
    assert gain[100_000] == pytest.approx(gain[50_000], abs=0.004)


def test_phase_diagram_the_rule_beside_the_fixed_step():
    rule = phase.errors(book.sweep("phase-annealing-loss"))
    early, late = (phase.error_map(rule[rule.eps1 == e], "L-S", "eta1", "r") for e in (0.02, 0.1))
    fixed = phase.errors(phase.recorded("eta1", "r"))
    step, small = (
        phase.error_map(fixed, arm, "eta1", "r").loc[early.index, early.columns]
        for arm in ("L-S", "S")
    )
    coarse = early.index > 0.1
    assert (early - late)[coarse].abs().max(axis=None) < 0.01
    for found in (early, late):
        worse = (found - step)[coarse]
        assert (worse.diff(axis=1).iloc[:, 1:] > 0).all(axis=None)  # the larger the rate
        assert (small - found)[coarse].max(axis=None) < 0.05
    assert ((early - step).iloc[0, :2] < 0.005).all()
    assert ((early - step).iloc[0, 2:] > 0.01).all()
    assert (late - step).iloc[0].min() > 0.005
    assert (small - late).iloc[0].abs().max() < 0.01


def test_two_theorems_the_time_to_annealing_by_threshold():
    times = book.sweep("sweep-annealing-time").runs
    slopes = [
        claims.fit(times[times.eps1 == eps], "eta1", "annealed").exponent
        for eps in (0.005, 0.02, 0.08)
    ]
    assert slopes == pytest.approx([-1.14, -1.05, -0.87], abs=0.01)


def test_phase_diagram_q_at_the_largest_noise():
    runs = sweeps.recorded("phase-rate-noise").runs
    mean = runs[runs.arm == "L-S"].groupby(["eta1", "noise"]).q_only_loss.mean().unstack()
    excess = mean[3.0] / mean[1.0]
    assert (excess.iloc[:2] > 1.3).all()
    assert excess.iloc[2] == pytest.approx(1, abs=0.05)
    assert mean[3.0].max() < 0.1


def test_what_lrbook_run_toy_shows_on_seeds_that_nobody_tuned_on():
    """L-S is ahead in each seed, where it ends at about the training loss at which S is stopped."""
    demo = recordings.load("toy-demo")
    assert {run.run_id for run in demo} == {
        config.run_id for config in ToyConfig.expand("demo", seeds=range(11, 16))
    }
    found = {
        name: {arm: [run.result[name] for run in runs] for arm, runs in book.by_arm(demo).items()}
        for name in ("p_only_accuracy", "loss", "p_only_train_loss")
    }
    gaps = np.subtract(found["p_only_accuracy"]["L-S"], found["p_only_accuracy"]["S"])
    assert len(gaps) == 5
    assert gaps.min() > 0.05
    assert np.mean(found["loss"]["S"]) == pytest.approx(np.mean(found["loss"]["L-S"]), rel=0.25)


def test_the_demo_stops_s_where_its_error_no_longer_changes_though_it_still_memorises():
    """The sweep over kappa passes through the same runs, and goes on: S there is S later on."""
    later = book.sweep("sweep-kappa").select(n=625, p0=0.08)
    mini = ToyConfig.expand("mini", seeds=range(11, 16))
    assert {run.run_id for run in later} == {config.run_id for config in mini}

    def mean_of_s(runs, name):
        return np.mean([run.result[name] for run in book.by_arm(runs)["S"]])

    demo = recordings.load("toy-demo")
    assert later[0].config["steps"] > 2 * demo[0].config["steps"]
    accuracy = mean_of_s(demo, "p_only_accuracy")
    assert accuracy == pytest.approx(mean_of_s(later, "p_only_accuracy"), abs=0.01)
    assert mean_of_s(later, "p_only_train_loss") < 0.75 * mean_of_s(demo, "p_only_train_loss")


@pytest.mark.parametrize("arm", ["large", "small", "noise"])
def test_inside_the_network_patch_only_examples_pull_most_and_are_fitted_least(arm):
    def end(what, kind):
        return np.mean([histories.at_the_end(h, f"{what}_{kind}") for h in watched(arm)])

    for kind in ("image", "both"):
        assert end("share", "patch") > end("share", kind)
        assert end("fitted", "patch") < end("fitted", kind) - 3


def test_mitigation_on_plain_images_noise_is_level_with_the_large_rate():
    plain = book.recorded("cifar-laptop")
    for one, other in (("large", "small"), ("noise", "large")):
        mean, half, count = book.paired_difference(plain, "clean", one, other)
        assert (count, abs(mean) < half) == (5, True)  # neither gap is clear of chance


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
    assert 0.68 < min(ratios) < max(ratios) < 0.88  # a fifth or so too low


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
