"""What the theorems' chapter and the phase diagram say in prose is in the records."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from lrbook import book, claims, measured, phase, sweeps
from lrbook.toy.config import ToyConfig

LOG2 = np.log(2)


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
    signs = []
    for steps in (25_000, 50_000, 100_000):
        at = early[early["at"] == steps]
        signs.append(np.sign(exponent(at[at.d == 200])[0] - exponent(at[at.d == 100])[0]))
    assert signs == [-1, 1, 1]  # from 100 to 200 it falls at the fewest steps and rises at more


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


def test_what_stands_how_much_the_rule_leaves_at_the_end_and_at_equal_steps():
    """At eta1 = .35, r = .15: a third of the gap, and next to nothing at L-S's last step."""
    place = {"eta1": 0.35, "r": 0.15}
    plane, ruled = phase.recorded("eta1", "r"), book.sweep("phase-annealing-loss")
    small = {run.config["seed"]: run for run in plane.select(arm="S", **place)}

    def leads(runs, at_equal_steps):
        found = []
        for run in runs:
            other = small[run.config["seed"]].history
            step = run.history.step.iloc[-1] if at_equal_steps else other.step.iloc[-1]
            theirs = np.interp(step, other.step, other.p_only_accuracy)
            found.append(run.history.p_only_accuracy.iloc[-1] - theirs)
        assert len(found) == 5
        return np.mean(found)

    rule = ruled.select(arm="L-S", eps1=0.02, **place)
    fixed = plane.select(arm="L-S", **place)
    assert leads(rule, False) / leads(fixed, False) == pytest.approx(1 / 3, abs=0.05)
    assert 0 < leads(rule, True) < leads(fixed, True) / 10


def test_two_theorems_the_errors_of_the_mixture_are_steeper_than_their_lines():
    runs = measured.with_errors(book.sweep("sweep-kappa"))
    for arm, line in (("L-S", 3), ("S", 2)):
        slope, half = exponent(runs[runs.arm == arm], y="test_error")
        assert slope - half > line


def test_phase_diagram_at_equal_steps():
    plane = phase.recorded("eta1", "r")
    ends = {record.config["steps_ls"] for record in plane.records}
    assert (ends, {record.config["steps"] for record in plane.records}) == ({40_000}, {100_000})
    level = measured.errors_at(plane, [40_000])
    assert len(level) == len(plane.records)
    assert phase.outcome_counts(level, "eta1", "r")["L-S wins"] == 23  # of 25, and S in none
    early, late = (phase.advantage_map(x, "eta1", "r") for x in (level, phase.errors(plane)))
    left = (early / late).loc[0.1:]
    assert left[0.7].between(0.66, 0.8).all()
    assert left[0.05].is_monotonic_decreasing
    assert left.max(axis=None) < 0.8
    assert abs(early.loc[0.3, 0.05]) < 0.005
    assert (early > late).loc[0.05].all()
    rule = phase.errors(book.sweep("phase-annealing-loss"))
    for _, found in rule.groupby("eps1"):
        stopped = phase.error_map(level, "S", "eta1", "r")
        ahead = stopped - phase.error_map(found, "L-S", "eta1", "r")
        assert ahead.loc[[0.15, 0.3]].max(axis=None) < 0.005
        assert (ahead.loc[0.05].dropna() > 0).all()
        assert len(ahead.dropna(axis=1, how="all").columns) == 4


def test_two_theorems_the_time_to_annealing_by_threshold():
    times = book.sweep("sweep-annealing-time").runs
    slopes = [
        claims.fit(times[times.eps1 == eps], "eta1", "annealed").exponent
        for eps in sorted(times.eps1.unique())
    ]
    assert slopes == pytest.approx([-1.14, -1.10, -1.05, -1.01, -0.87, -0.58], abs=0.01)
    largest = times[(times.eps1 == 0.16) & (times.eta1 <= 0.7)]
    high = claims.fit(largest, "eta1", "annealed")
    assert high.exponent - high.half > -1  # the one that is clearly less steep
    assert times[times.eta1 == 0.7].groupby("eps1").annealed.mean().between(40, 43).all()


def test_phase_diagram_without_noise():
    """A gap at the two smallest r for the larger rates, hardly one elsewhere; S ahead in some."""
    runs = phase.errors(phase.cube())
    gaps = phase.advantage_map(runs[runs.noise == 0], "eta1", "r")
    assert (gaps.loc[[0.05, 0.1], [0.2, 0.35, 0.7]] > phase.TIE).all(axis=None)
    assert (gaps.loc[[0.05, 0.1], [0.05, 0.1]].abs() < phase.TIE).all(axis=None)
    coarse = gaps.loc[[0.15, 0.2, 0.3]]
    assert (coarse < 0.02).all(axis=None)
    assert 3 <= (coarse < -phase.TIE).sum(axis=None) <= 6
    assert coarse.min(axis=None) > -0.02
    still = runs[(runs.noise == 0) & (runs.r >= 0.15) & (runs.eta1 < 0.7)]
    cells = [
        cell.pivot_table(index="seed", columns="arm", values="p_only_error")
        for _, cell in still.groupby(["eta1", "r"])
    ]
    highest = [ttest_1samp(c.S - c["L-S"], 0).confidence_interval().high for c in cells]
    assert len(highest) == 12
    assert max(highest) < 0


def test_phase_diagram_the_rule_leaves_less_than_half_of_the_lead_as_the_readme_says():
    rule = phase.errors(book.sweep("phase-annealing-loss")).query("eps1 == 0.02 and r == 0.15")
    fixed = phase.errors(phase.recorded("eta1", "r")).query("r == 0.15")
    small, step = (
        fixed[fixed.arm == arm].groupby("eta1").p_only_error.mean() for arm in ("S", "L-S")
    )
    left = (small - rule.groupby("eta1").p_only_error.mean()) / (small - step)
    assert len(left := left.dropna()) == 4
    assert left.max() < 0.5


def test_phase_diagram_q_at_the_largest_noise():
    runs = sweeps.recorded("phase-rate-noise").runs
    mean = runs[runs.arm == "L-S"].groupby(["eta1", "noise"]).q_only_loss.mean().unstack()
    excess = mean[3.0] / mean[1.0]
    assert (excess.iloc[:2] > 1.3).all()
    assert excess.iloc[2] == pytest.approx(1, abs=0.05)
    assert mean[3.0].max() < 0.1


def test_two_theorems_no_run_is_an_instance():
    """The range (d^-c, kappa^2 p^2 q^3) of eps1 with c < 1/16, at the largest kappa on the page."""
    for sweep in (sweeps.recorded("sweep-kappa"), phase.recorded("kappa", "d")):
        runs = measured.with_errors(sweep)
        [q] = {record.config["q0"] for record in sweep.records}
        largest = (runs.kappa**2 * runs.p0**2 * q**3).max()
        assert largest ** (-1 / (1 / 16)) > 1e50
        assert runs.p0.to_numpy() == pytest.approx(runs.kappa**2 / 2, rel=0.02)
