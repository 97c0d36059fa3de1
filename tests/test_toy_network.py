"""The network against plain loops, and the fast gradient against autodiff on the plain formula."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import plain_toy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrbook.toy import data, four_weights, network, rays

loss_and_gradient = jax.jit(rays.loss_and_gradient)
prepare = jax.jit(rays.prepare)
plane_coordinates = jax.jit(plain_toy.plane_coordinates)


class Case(NamedTuple):
    W: np.ndarray
    V: np.ndarray  # full, (m_v, d)
    examples: data.Examples
    z: np.ndarray
    zeta: np.ndarray
    r: float


def case(seed=0, counts=(5, 9, 7), d=6, m_w=4, m_v=10, r=0.3, dtype=np.float64) -> Case:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=d)
    z /= np.linalg.norm(z)
    zeta = rng.normal(size=d)
    zeta -= (zeta @ z) * z
    zeta *= r / np.linalg.norm(zeta)
    p_only, both, q_only = counts
    y = rng.choice([-1.0, 1.0], sum(counts)).astype(dtype)
    # any ray with any label: the formulas do not depend on Q's labelling
    ray = rng.integers(0, 3, both + q_only).astype(np.int32)
    examples = data.Examples(
        y,
        rng.normal(size=(p_only + both, d)).astype(dtype),
        ray,
        rng.uniform(0.2, 3.0, both + q_only).astype(dtype),
    )
    W = rng.normal(size=(m_w, d)).astype(dtype)
    V = (3 * rng.normal(size=(m_v, d))).astype(dtype)
    return Case(W, V, examples, z.astype(dtype), zeta.astype(dtype), r)


def loop_network(c: Case) -> np.ndarray:
    """f example by example, neuron by neuron, from the written-out x1 and x2."""
    three = [c.z - c.zeta, c.z, c.z + c.zeta]
    n, n_p = len(c.examples.y), len(c.examples.x1)
    p_only = n - len(c.examples.ray)
    f = np.zeros(n)
    for i in range(n):
        if i < n_p:
            for j, row in enumerate(c.W):
                sign = 1 if j < len(c.W) // 2 else -1
                f[i] += sign / len(c.W) ** 0.5 * max(row @ c.examples.x1[i], 0)
        if i >= p_only:
            x2 = c.examples.scale[i - p_only] * three[c.examples.ray[i - p_only]]
            for j, row in enumerate(c.V):
                sign = 1 if j < len(c.V) // 2 else -1
                f[i] += sign / len(c.V) ** 0.5 * max(row @ x2, 0)
    return f


def plain(c: Case):
    x1, x2 = plain_toy.plain_x1(c.examples), data.plain_x2(c.examples, c.z, c.zeta)
    return lambda W, V: plain_toy.plain_loss(W, V, c.examples.y, x1, x2)


@pytest.mark.parametrize("counts", [(5, 9, 7), (5, 0, 7), (1, 0, 0), (0, 0, 1)])
def test_plain_and_fast_network_are_the_loop(counts):
    with jax.enable_x64(True):
        c = case(counts=counts)
        want = loop_network(c)
        x1, x2 = plain_toy.plain_x1(c.examples), data.plain_x2(c.examples, c.z, c.zeta)
        np.testing.assert_allclose(network.network(c.W, c.V, x1, x2), want, rtol=1e-11, atol=1e-12)
        V = plane_coordinates(c.V, c.z, c.zeta)
        of_outputs = (network.output_weights(len(c.W)), network.output_weights(len(c.V)))
        weights = four_weights.Weights(c.W, V, *of_outputs)
        fast = four_weights.network(weights, c.examples, data.rays(c.r))
        np.testing.assert_allclose(fast, want, rtol=1e-10, atol=1e-11)
        losses = np.log1p(np.exp(-c.examples.y * want))
        np.testing.assert_allclose(plain(c)(c.W, c.V), losses.mean(), rtol=1e-12)


@pytest.mark.parametrize(
    ("counts", "dtype", "tolerance"),
    [
        ((5, 9, 7), np.float64, 1e-10),
        ((0, 9, 0), np.float64, 1e-10),
        ((5, 0, 7), np.float64, 1e-10),
        ((5, 9, 7), np.float32, 1e-5),
    ],
)
def test_fast_gradient_is_autodiff_on_the_plain_formula(counts, dtype, tolerance):
    with jax.enable_x64(dtype == np.float64):
        c = case(counts=counts, m_v=200, dtype=dtype)
        want_loss, (want_w, want_v) = jax.jit(jax.value_and_grad(plain(c), argnums=(0, 1)))(
            c.W, c.V
        )
        V = plane_coordinates(c.V, c.z, c.zeta)
        train = prepare(c.examples)
        loss, found = loss_and_gradient(c.W, V, train, data.rays(dtype(c.r)))
        assert found.V.dtype == dtype
        assert loss == pytest.approx(float(want_loss), rel=tolerance)

        def close(found, want):
            assert np.linalg.norm(found - want) <= tolerance * np.linalg.norm(want) + 1e-30

        close(found.W_p_only + found.W_both, want_w)
        close(found.V, plane_coordinates(want_v, c.z, c.zeta))
        # and nothing pulls V out of the plane of z and zeta
        basis = np.stack([c.z, c.zeta / np.linalg.norm(c.zeta)])
        outside = want_v - (want_v @ basis.T) @ basis
        assert np.linalg.norm(outside) <= tolerance * np.linalg.norm(want_v) + 1e-30


def test_parts_of_the_gradient_of_w_are_those_of_their_examples():
    with jax.enable_x64(True):
        c = case(counts=(5, 9, 7))
        x1, x2 = plain_toy.plain_x1(c.examples), data.plain_x2(c.examples, c.z, c.zeta)

        def share_of(rows):
            def loss(W):
                f = network.network(W, c.V, x1[rows], x2[rows])
                return network.logistic_loss(c.examples.y[rows], f).sum() / len(x1)

            return jax.jit(jax.grad(loss))(c.W)

        V = plane_coordinates(c.V, c.z, c.zeta)
        _, found = loss_and_gradient(c.W, V, prepare(c.examples), data.rays(c.r))
        np.testing.assert_allclose(found.W_p_only, share_of(slice(5)), atol=1e-13)
        np.testing.assert_allclose(found.W_both, share_of(slice(5, 14)), atol=1e-13)


@given(seed=st.integers(0, 1000), scale=st.floats(0.01, 100))
@settings(max_examples=20, deadline=None)
def test_relu_part_is_positively_homogeneous(seed, scale):
    rng = np.random.default_rng(seed)
    with jax.enable_x64(True):
        u, U, x = rng.normal(size=5), rng.normal(size=(5, 3)), rng.normal(size=(4, 3))
        want = scale * np.asarray(network.relu_part(u, U, x))
        np.testing.assert_allclose(network.relu_part(u, U, scale * x), want, rtol=1e-12, atol=1e-12)


def test_pattern_part_takes_signs_from_one_and_weights_from_the_other():
    rng = np.random.default_rng(1)
    with jax.enable_x64(True):
        u, U, A = rng.normal(size=5), rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
        x = rng.normal(size=(4, 3))
        want = [sum(u[j] * (A[j] @ row >= 0) * (U[j] @ row) for j in range(5)) for row in x]
        want = np.array(want)
        np.testing.assert_allclose(network.pattern_part(u, U, A, x), want, rtol=1e-12)
        own = network.pattern_part(u, U, U, x)
        np.testing.assert_allclose(own, network.relu_part(u, U, x), rtol=1e-12)
        # linear in the weights for a fixed pattern, which relu_part is not
        twice = network.pattern_part(u, U + A, A, x)
        np.testing.assert_allclose(twice, want + network.pattern_part(u, A, A, x), rtol=1e-10)


def test_output_weights_are_balanced_and_paired_weights_cancel():
    u = network.output_weights(6)
    assert np.asarray(u**2).sum() == pytest.approx(1)
    assert abs(float(u.sum())) < 1e-6
    U = network.pair(network.initial_weights(jax.random.key(0), 6, 4, 10.0))
    x = jax.random.normal(jax.random.key(1), (5, 4))
    assert np.abs(network.relu_part(u, U, x)).max() < 1e-5
    assert np.abs(network.relu_part(u, U[:3].repeat(2, 0), x)).max() > 1e-2


def test_initial_weights_have_the_width_asked_for():
    U = np.asarray(network.initial_weights(jax.random.key(2), 500, 40, 0.3))
    assert U.std() == pytest.approx(0.3, rel=0.02)
    assert abs(U.mean()) < 0.01


def test_logistic_loss_does_not_overflow():
    y = jnp.array([1.0, 1.0, -1.0])
    losses = np.asarray(network.logistic_loss(y, jnp.array([-200.0, 200.0, 0.0])))
    np.testing.assert_allclose(losses, [200, 0, np.log(2)], rtol=1e-6, atol=1e-30)
