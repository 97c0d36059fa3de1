"""Measurements against definitions spelled out in NumPy; measuring times; the two limits."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrbook.toy import descent, tasks
from lrbook.toy.config import ToyConfig
from lrbook.toy.final import FINAL
from lrbook.toy.limits import limits
from lrbook.toy.measure import COLUMNS, measure, measurement_times, next_measurement

measured = jax.jit(measure)


def relu(x):
    return np.maximum(x, 0)


def signs(m):
    return np.repeat([1, -1], m // 2) / math.sqrt(m)


@pytest.fixture(scope="module")
def run():
    config = ToyConfig.for_profile("smoke", arm="L-S", seed=3, alpha_min=0.4, test_points=300)
    problem = tasks.make_problem(config)
    rule = tasks.make_rule(config)
    start = tasks.make_state(config, problem)
    end = jax.jit(descent.advance)(start, jnp.int32(60), problem, rule)
    return problem, rule, start, end, {k: float(v) for k, v in measured(end, problem, rule).items()}


def test_every_column_is_there(run):
    assert set(run[-1]) == set(COLUMNS)
    assert set(FINAL) < set(COLUMNS)
    assert len(COLUMNS) == len(set(COLUMNS))


def test_losses_and_accuracies_by_subset(run):
    problem, _, _, end, row = run
    W, V = np.asarray(end.W, float), np.asarray(end.V, float)
    three = relu(np.asarray(problem.rays, float) @ V) @ signs(V.shape[1])

    def parts(examples):
        on_x1 = relu(np.asarray(examples.x1, float) @ W.T) @ signs(len(W))
        on_x2 = np.asarray(examples.scale, float) * three[np.asarray(examples.ray)]
        return np.asarray(examples.y, float), on_x1, on_x2

    y, on_x1, on_x2 = parts(problem.train)
    p_only, q_only = problem.train.p_only, problem.train.q_only
    f = np.pad(on_x1, (0, q_only)) + np.pad(on_x2, (p_only, 0))
    losses = np.log1p(np.exp(-y * f))
    assert row["loss"] == pytest.approx(losses.mean(), rel=1e-4)
    assert row["p_only_train_loss"] == pytest.approx(losses[:p_only].mean(), rel=1e-4)
    assert row["both_loss"] == pytest.approx(losses[p_only:-q_only].mean(), rel=1e-4)
    assert row["q_only_loss"] == pytest.approx(losses[-q_only:].mean(), rel=1e-4)
    assert row["p_only_train_accuracy"] == pytest.approx((y * f > 0)[:p_only].mean())
    y, on_x1, on_x2 = parts(problem.test)
    assert row["p_only_accuracy"] == pytest.approx((y * on_x1 > 0).mean())
    assert row["both_accuracy"] == pytest.approx((y * (on_x1 + on_x2) > 0).mean())
    assert row["q_only_accuracy"] == pytest.approx((y * on_x2 > 0).mean())
    want = 8 * abs(three[0] + three[2] - 2 * three[1])
    assert row["nonlinearity"] == pytest.approx(want, rel=1e-3)


def test_alignment_patterns_and_shares(run):
    problem, rule, start, end, row = run
    W, W0 = np.asarray(end.W, float), np.asarray(start.W, float)
    direction, w_star = signs(len(W)) @ W, np.asarray(problem.w_star, float)
    cosine = direction @ w_star / np.linalg.norm(direction) / np.linalg.norm(w_star)
    assert row["cosine_to_w_star"] == pytest.approx(cosine, abs=1e-5)
    x1 = np.asarray(problem.train.x1, float)
    changed = ((x1 @ W.T > 0) != (x1 @ W0.T > 0)).mean()
    assert row["changed_patterns_w"] == pytest.approx(changed)
    assert changed > 0
    x2 = np.asarray(problem.rays, float)[np.asarray(problem.train.ray)]
    V, V0 = np.asarray(end.V, float), np.asarray(start.V, float)
    assert row["changed_patterns_v"] == pytest.approx(((x2 @ V > 0) != (x2 @ V0 > 0)).mean())
    assert row["p_only_gradient_share"] == pytest.approx(float(end.work[0] / end.work.sum()))
    y, p_only = np.asarray(problem.train.y, float), problem.train.p_only
    three = relu(np.asarray(problem.rays, float) @ V) @ signs(V.shape[1])
    f = np.pad(relu(x1 @ W.T) @ signs(len(W)), (0, problem.train.q_only))
    f[p_only:] += np.asarray(problem.train.scale) * three[np.asarray(problem.train.ray)]
    slope = (-y / (1 + np.exp(y * f)))[: len(x1), None] * (x1 @ W.T > 0) * signs(len(W))
    few, rest = (
        np.linalg.norm(slope[rows].T @ x1[rows]) for rows in (slice(p_only), slice(p_only, None))
    )
    assert row["p_only_gradient_share_now"] == pytest.approx(few / (few + rest), rel=1e-3)
    assert (row["step"], row["rate"]) == (60, np.float32(0.35))
    first = {k: float(v) for k, v in measured(start, problem, rule).items()}
    assert first["changed_patterns_w"] == first["changed_patterns_v"] == 0
    assert first["p_only_gradient_share"] == first["p_only_gradient_share_now"]
    assert all(math.isfinite(value) for value in first.values())


def test_a_kind_without_examples_has_no_loss():
    config = ToyConfig.for_profile("smoke", arm="S", seed=0, p0=0.0)
    problem = tasks.make_problem(config)
    row = measured(tasks.make_state(config, problem), problem, tasks.make_rule(config))
    assert math.isnan(row["p_only_train_loss"])
    assert math.isfinite(row["loss"])
    assert float(row["p_only_gradient_share"]) == 0


@given(
    steps=st.integers(1, 3_000_000),
    share=st.floats(0, 1.2),
)
def test_measuring_times_start_end_anneal_and_are_few(steps, share):
    annealed = round(share * steps)
    times = measurement_times(annealed, steps)
    assert times == sorted(set(times))
    assert times[0] == 0
    assert times[-1] == steps
    assert len(times) <= 61
    if 0 < annealed < steps:
        assert annealed in times
    assert next_measurement(0, annealed, steps) == times[1]
    assert next_measurement(times[-2], annealed, steps) == steps
    assert next_measurement(steps, annealed, steps) is None


def test_measuring_times_are_geometric():
    late = np.array([time for time in measurement_times(0, 2_000_000) if time > 100])
    assert np.ptp(np.diff(np.log(late))) < 0.02
    assert len(measurement_times(descent.NEVER, 2_000_000)) > 50
    assert len(measurement_times(24_000, 200_000)) > 50


def test_limits_are_logistic_regressions_on_few_and_on_all():
    """Against Newton's method on the same objective (scikit-learn's, C = 1)."""
    rng = np.random.default_rng(0)
    d, n = 5, 120
    w = rng.normal(size=d)
    x1, test_x1 = rng.normal(size=(n, d)), rng.normal(size=(500, d))
    y = np.sign(x1 @ w + rng.normal(size=n))
    test_y = np.sign(test_x1 @ w)

    def newton(x, y):
        x = np.column_stack([x, np.ones(len(x))])
        ridge = np.diag([1.0] * d + [0.0])
        b = np.zeros(d + 1)
        for _ in range(50):
            p = 1 / (1 + np.exp(y * (x @ b)))
            gradient = ridge @ b - x.T @ (y * p)
            b -= np.linalg.solve(ridge + (x.T * (p * (1 - p))) @ x, gradient)
        return (np.sign(test_x1 @ b[:d] + b[d]) == test_y).mean()

    found = limits(y, x1, 15, test_y, test_x1)
    assert found["p_only"] == pytest.approx(newton(x1[:15], y[:15]), abs=0.003)
    assert found["all_p"] == pytest.approx(newton(x1, y), abs=0.003)


def test_limits_need_both_labels():
    x1 = np.eye(4)
    y = np.array([1.0, 1.0, -1.0, 1.0])
    found = limits(y, x1, 2, y, x1)
    assert found["p_only"] is None
    assert found["all_p"] is not None
    assert limits(y, x1, 0, y, x1)["p_only"] is None
