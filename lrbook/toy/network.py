"""The two-layer network f = N_W + N_V, written as in the paper (Section 2). Plain, not fast.

``lrbook.toy.rays`` computes its loss and gradient for Q's three rays alone.
"""

import jax
import jax.numpy as jnp

from lrbook.toy.noise import normal


def output_weights(m: int) -> jax.Array:
    """The fixed u: +1/sqrt(m) in the first half, -1/sqrt(m) in the second; shape (m,), m even.

    The paper draws the signs; here each has exactly one half.
    """
    return jnp.repeat(jnp.array([1.0, -1.0]), m // 2) / jnp.sqrt(m)


def initial_weights(key: jax.Array, m: int, d: int, tau0: jax.Array | float) -> jax.Array:
    """U_0 ~ N(0, tau0^2) entrywise, shape (m, d)."""
    return tau0 * normal(key, (m, d))


def pair(U: jax.Array) -> jax.Array:
    """U (m, d) with its second half overwritten by its first: with ``output_weights``, N_U = 0."""
    return jnp.concatenate([U[: U.shape[0] // 2]] * 2)


def relu_part(u: jax.Array, U: jax.Array, x: jax.Array) -> jax.Array:
    """N_U(u, U; x) = u^T relu(U x).

    Args:
        u: output weights, shape (m,).
        U: hidden weights, shape (m, d).
        x: inputs, shape (n, d).

    Returns:
        Shape (n,).
    """
    return jax.nn.relu(x @ U.T) @ u


def pattern_part(u: jax.Array, U: jax.Array, A: jax.Array, x: jax.Array) -> jax.Array:
    """N_A(u, U; x) = u^T (1(A x >= 0) * U x): activation pattern from A, weights from U.

    Shapes as in ``relu_part``, A like U. N_U(u, U; x) = relu_part(u, U, x).
    """
    return jnp.where(x @ A.T >= 0, x @ U.T, 0.0) @ u


def network(W: jax.Array, V: jax.Array, x1: jax.Array, x2: jax.Array) -> jax.Array:
    """f(u, U; x) = N_W(w, W; x1) + N_V(v, V; x2), with w and v from ``output_weights``.

    Args:
        W: hidden weights on x1, shape (m_w, d).
        V: hidden weights on x2, shape (m_v, d).
        x1: shape (n, d).
        x2: shape (n, d).

    Returns:
        Shape (n,).
    """
    on_x1 = relu_part(output_weights(W.shape[0]), W, x1)
    return on_x1 + relu_part(output_weights(V.shape[0]), V, x2)


def logistic_loss(y: jax.Array, f: jax.Array) -> jax.Array:
    """log(1 + exp(-y f)) of each example, shape (n,)."""
    return jax.nn.softplus(-y * f)
