"""The noisy update and the algorithms against a plain float64 loop, and the laws they obey."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrbook.toy import data, descent, noise, rays, tasks
from lrbook.toy.config import ToyConfig

SMALL = {"d": 6, "n": 24, "p0": 0.25, "q0": 0.25, "m_w": 4, "m_v": 8, "test_points": 7}
advance = jax.jit(descent.advance)
loss_and_gradient = jax.jit(rays.loss_and_gradient)


def make(arm="L-S", seed=0, **settings):
    config = ToyConfig.for_profile("smoke", **(SMALL | settings), arm=arm, seed=seed)
    problem = tasks.make_problem(config)
    return problem, tasks.make_rule(config), tasks.make_state(config, problem)


def to(state, step, problem, rule):
    return advance(state, jnp.int32(step), problem, rule)


def same_bits(one, two):
    return all(
        np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in zip(one, two, strict=True)
    )


def loop(problem, rule, state, steps):
    """Descent example by example and neuron by neuron, in float64, W (m_w, d) and V (m_v, 2)."""
    train = problem.train
    y, x1 = np.asarray(train.y, float), np.asarray(train.x1, float)
    x2 = np.asarray(train.scale, float)[:, None] * np.asarray(problem.rays, float)[train.ray]
    n, p_only = len(y), len(y) - len(x2)
    W, V = np.asarray(state.W, float), np.asarray(state.V, float).T
    w = np.repeat([1, -1], len(W) // 2) / math.sqrt(len(W))
    v = np.repeat([1, -1], len(V) // 2) / math.sqrt(len(V))
    annealed, work = int(state.annealed), np.zeros(2)
    for step in range(steps):
        f = np.zeros(n)
        for i in range(n):
            if i < len(x1):
                f[i] += sum(w[j] * max(W[j] @ x1[i], 0) for j in range(len(W)))
            if i >= p_only:
                f[i] += sum(v[j] * max(V[j] @ x2[i - p_only], 0) for j in range(len(V)))
        if step < annealed and np.log1p(np.exp(-y * f)).mean() < rule.anneal_below:
            annealed = step
        slope = -y / (1 + np.exp(y * f)) / n
        parts = np.zeros((2, *W.shape))
        to_v = np.zeros(V.shape)
        for i in range(n):
            for j in range(len(W)) if i < len(x1) else ():
                parts[int(i >= p_only), j] += slope[i] * w[j] * (W[j] @ x1[i] > 0) * x1[i]
            for j in range(len(V)) if i >= p_only else ():
                here = x2[i - p_only]
                to_v[j] += slope[i] * v[j] * (V[j] @ here > 0) * here
        eta = float(rule.eta2 if step >= annealed else rule.eta1)
        xi = np.asarray(noise.normals(problem.noise_key, step, V.size + W.size), float)
        xi_v, xi_w = xi[: V.size].reshape(2, -1).T, xi[V.size :].reshape(W.shape)
        work += [eta * np.linalg.norm(part) for part in parts]
        W = (1 - eta * rule.lam_w) * W - eta * (parts.sum(0) + rule.tau_xi_w * xi_w)
        V = (1 - eta * rule.lam_v) * V - eta * (to_v + rule.tau_xi_v * xi_v)
    return W, V.T, work, annealed


@pytest.mark.parametrize(
    ("arm", "settings"),
    [
        ("L-S", {"anneal": 25}),
        ("L-S", {"anneal": "loss", "eps1": 0.3}),
        ("S", {"eta2": 0.2}),
        ("S+noise", {"eta2": 0.2}),
        ("S", {"eta2": 0.2, "noise": 0.0, "lam": 0.01, "lam_w": 0.02, "paired_v": False}),
    ],
)
def test_descent_is_the_plain_loop(arm, settings):
    problem, rule, state = make(arm, alpha_min=0.5, **settings)
    steps = 60
    W, V, work, annealed = loop(problem, rule, state, steps)
    end = state
    while int(end.step) < steps:  # one call ends where the rule fires
        end = to(end, steps, problem, rule)
    assert int(end.annealed) == annealed
    if arm == "L-S":
        assert 0 < annealed < steps
    np.testing.assert_allclose(end.W, W, rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(end.V, V, rtol=2e-4, atol=2e-4)
    np.testing.assert_allclose(end.work, work, rtol=1e-4)


@given(cuts=st.lists(st.integers(1, 99), max_size=5, unique=True))
@settings(deadline=None)  # the first call compiles
def test_cutting_a_run_into_calls_changes_no_bit(cuts):
    problem, rule, state = make(anneal=37)
    whole = to(state, 100, problem, rule)
    for step in [*sorted(cuts), 100]:
        state = to(state, step, problem, rule)
        # through the host, as in a checkpoint
        state = jax.tree.map(lambda leaf: jnp.asarray(np.array(leaf)), state)
    assert same_bits(state, whole)


def test_the_papers_rule_stops_at_the_first_step_below_its_threshold():
    problem, rule, state = make(anneal="loss", eps1=0.3)
    at_rule = to(state, 10_000, problem, rule)
    step = int(at_rule.step)
    assert 0 < step < 10_000
    assert int(at_rule.annealed) == step
    assert float(descent.rate(at_rule, rule)) == np.float32(0.02)

    q_only = problem.train.q_only / len(problem.train.y)
    threshold = 0.3 + q_only * math.log(2)
    assert descent.annealing_threshold(0.3, q_only) == pytest.approx(threshold)
    prepared = rays.prepare(problem.train)

    def loss(state):
        return float(loss_and_gradient(state.W, state.V, prepared, problem.rays)[0])

    assert loss(at_rule) < threshold
    before = to(state, step - 1, problem, rule)
    assert int(before.annealed) == descent.NEVER
    assert loss(before) >= threshold
    # the step at which it fires is not taken: up to there it is a run that never anneals
    never = to(state, step, problem, rule._replace(anneal_below=np.float32(-np.inf)))
    assert same_bits(never._replace(annealed=at_rule.annealed), at_rule)


def test_annealing_at_0_is_s():
    ls, s = make("L-S", anneal=0), make("S")
    assert same_bits(to(ls[2], 50, ls[0], ls[1]), to(s[2], 50, s[0], s[1]))


def test_arms_of_a_seed_share_data_weights_and_noise():
    one, other = make("L-S")[0], make("S", eta2=0.1, noise=3.0)[0]
    leaves = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    assert all(np.array_equal(a, b) for a, b in leaves)
    another = make("L-S", seed=1)[0]
    assert not np.array_equal(one.W, another.W)
    assert not np.array_equal(one.train.x1, another.train.x1)
    assert not np.array_equal(one.noise_key, another.noise_key)


def test_seeds_beyond_32_bits_differ():
    low, high = make(seed=1)[0], make(seed=1 + 2**32)[0]
    assert not np.array_equal(low.W, high.W)


def test_training_and_test_points_are_drawn_apart():
    problem = make()[0]
    assert (problem.test.p_only, problem.test.both, problem.test.q_only) == (0, 7, 0)
    distances = np.linalg.norm(
        np.asarray(problem.train.x1)[:, None] - np.asarray(problem.test.x1)[None], axis=-1
    )
    assert distances.min() > 0.05


def test_paired_v_is_silent_at_the_start():
    assert np.abs(rays.on_rays(make()[0].V, make()[0].rays)).max() < 1e-5
    assert np.abs(rays.on_rays(make(paired_v=False)[0].V, data.rays(0.15))).max() > 0.1


@given(eta=st.floats(1e-3, 1.0), lam=st.floats(1e-6, 1.9), tau0=st.floats(1e-3, 100.0))
def test_stationary_noise_solves_assumption_3_1(eta, lam, tau0):
    tau_xi = descent.stationary_noise(eta, lam, tau0)
    assert (1 - eta * lam) ** 2 * tau0**2 + eta**2 * tau_xi**2 == pytest.approx(tau0**2)


def test_noise_keeps_the_width_of_the_weights():
    """Without data the weights are noise alone: at eta1 their width stays at tau0 for ever."""
    settings = {"m_v": 4000, "s": 1e-6, "lam": 0.1, "tau0_v": 3.0, "paired_v": False, "anneal": 400}
    problem, rule, state = make("L-S", **settings)
    for step in (20, 100, 400):
        state = to(state, step, problem, rule)
        assert np.asarray(state.V).std() == pytest.approx(3.0, rel=0.05)
    # and under the small rate alone it settles at about sqrt(eta2 / eta1) of it
    problem, rule, state = make("S", **(settings | {"lam": 1.0}))
    state = to(state, 400, problem, rule)
    eta1, eta2, lam = 0.35, 0.02, 1.0
    tau_xi = descent.stationary_noise(eta1, lam, 3.0)
    width = eta2 * tau_xi / math.sqrt(1 - (1 - eta2 * lam) ** 2)
    assert np.asarray(state.V).std() == pytest.approx(width, rel=0.05)


def test_s_with_noise_has_the_diffusion_of_the_large_rate():
    """Per unit of eta * t the variance added is eta tau_xi^2, at any rate."""
    large, small = make("L-S", lam=1e-4)[1], make("S+noise", lam=1e-4)[1]
    per_time = [r.tau_xi_v**2 * eta for r, eta in ((large, large.eta1), (small, small.eta2))]
    assert per_time[0] == pytest.approx(per_time[1], rel=1e-3)
    plain = make("S", lam=1e-4)[1]
    assert plain.tau_xi_v == large.tau_xi_v
    assert make("S", lam=1e-4, noise=2.0)[1].tau_xi_v == pytest.approx(2 * plain.tau_xi_v)


def test_a_loss_that_is_not_finite_stops_the_run_where_it_is():
    problem, rule, state = make("S", eta1=1e38, eta2=1e38, lam=0.0, lam_w=0.0)
    end = to(state, 1000, problem, rule)
    assert int(end.step) < 10
    assert same_bits(end[:1], to(end, 1000, problem, rule)[:1])


def test_work_is_summed_without_losing_small_terms():
    """3e5 equal terms of 1e-4 in float32: plain adding is off by 1e-3, Kahan's sum is not."""
    problem, rule, state = make("S", n=6, p0=1 / 3, q0=1 / 3, m_v=2, d=2)
    frozen = rule._replace(**{name: np.float32(0) for name in ("lam_w", "lam_v")})
    frozen = frozen._replace(tau_xi_w=np.float32(0), tau_xi_v=np.float32(0))
    # so small a rate that no weight moves in float32, but the work is counted
    frozen = frozen._replace(eta2=np.float32(1e-12))
    state = state._replace(W=state.W * 100)
    steps = 300_000
    end = to(state, steps, problem, frozen)
    assert np.array_equal(end.W, state.W)
    _, gradient = loss_and_gradient(state.W, state.V, rays.prepare(problem.train), problem.rays)
    for got, part in zip(end.work, (gradient.W_p_only, gradient.W_both), strict=True):
        exact = steps * 1e-12 * np.linalg.norm(np.asarray(part, float))
        assert float(got) == pytest.approx(exact, rel=1e-5)


def test_golden_losses_of_the_first_steps():
    """Pins data, weights, noise and update together, so that work on speed cannot shift them."""
    config = ToyConfig.for_profile("smoke", arm="L-S", seed=0)
    problem = tasks.make_problem(config)
    rule, state = tasks.make_rule(config), tasks.make_state(config, problem)
    prepared = rays.prepare(problem.train)
    found = []
    for step in (0, 1, 2, 5, 10, 20):
        state = to(state, step, problem, rule)
        found.append(float(loss_and_gradient(state.W, state.V, prepared, problem.rays)[0]))
    assert found == pytest.approx(GOLDEN, rel=2e-4)


GOLDEN = [0.694332, 0.729427, 0.801402, 0.91774, 0.836894, 0.629822]
