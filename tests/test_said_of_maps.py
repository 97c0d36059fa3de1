"""What descriptions of the maps of *Phase diagram* say is seen in them is in the records."""

import pytest
from intervals import interval

from lrbook import book, phase


def maps(x, y):
    runs = phase.errors(phase.recorded(x, y))
    return [phase.error_map(runs, arm, x, y) for arm in ("L-S", "S")], runs


def test_over_the_rate_and_r():
    [large, _], runs = maps("eta1", "r")
    assert (large.diff(axis="columns").iloc[:, 1:] < 0).all(axis=None)  # falls towards large rates
    assert (large.diff().iloc[1:] > 0).all(axis=None)  # and small r
    gaps, ties = phase.advantage_map(runs, "eta1", "r"), phase.tie_map(runs, "eta1", "r")
    assert ties.to_numpy().sum() == 1
    assert (gaps.to_numpy()[~ties.to_numpy()] > 0).all()
    r, eta1 = gaps.stack().idxmax()
    assert eta1 == max(gaps.columns)
    assert min(gaps.index) < r < max(gaps.index)


def test_over_the_rate_and_the_noise():
    [large, _], runs = maps("eta1", "noise")
    gaps, ties = phase.advantage_map(runs, "eta1", "noise"), phase.tie_map(runs, "eta1", "noise")
    assert (large.diff().iloc[1:] < 0).all(axis=None)
    assert (large.loc[large.index > 0].diff(axis="columns").iloc[:, 1:] < 0).all(axis=None)
    assert gaps.loc[0.0].abs().max() < 0.025 < 0.15 < large.loc[0.0].min()
    assert (gaps.loc[gaps.index > 0] > 0).all(axis=None)
    assert not ties.loc[ties.index > 0].any(axis=None)


def test_over_kappa_and_the_dimension():
    (large, small), _ = maps("kappa", "d")
    assert (large.diff(axis="columns").iloc[:, 1:] > 0).all(axis=None)
    assert (large.max() - large.min()).max() < 0.015  # about the same at all dimensions
    assert (small > large).all(axis=None)
    assert small[min(small.columns)].is_monotonic_increasing


def test_by_the_rule_the_error_hardly_changes_with_the_rate():
    rule = phase.errors(book.sweep("phase-annealing-loss"))
    for _, runs in rule.groupby("eps1"):
        found = phase.error_map(runs, "L-S", "eta1", "r")
        assert (found.max(axis="columns") - found.min(axis="columns")).max() < 0.025
    [fixed, _], _ = maps("eta1", "r")
    change = fixed.max(axis="columns") - fixed.min(axis="columns")
    assert change.loc[[0.15, 0.3]].min() > 0.05


def test_the_recorded_noise_does_not_keep_q_from_being_fitted():
    """At three times the paper's noise, of L-S; the loss of a guess is log 2."""
    runs = book.sweep("phase-rate-noise").runs
    losses = runs[runs.arm == "L-S"].pivot(index="eta1", columns=["noise", "seed"])["q_only_loss"]
    more = losses[3.0] - losses[1.0]
    assert more.shape == (3, 5)
    assert (more.mean(axis=1) > 0.01).tolist() == [True, True, False]
    assert more.mean(axis=1).iloc[-1] == pytest.approx(0, abs=0.002)
    for gaps in more.to_numpy():
        low, high = interval(gaps)
        assert low < 0 < high
    assert losses[3.0].mean(axis=1).max() < 0.1
