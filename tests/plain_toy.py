"""The toy written out in full, as in the paper: inputs in R^d, and the loss as a mean over them."""

import jax
import jax.numpy as jnp

from lrbook.toy.data import Examples
from lrbook.toy.network import logistic_loss, network


def plain_x1(examples: Examples) -> jax.Array:
    """x1 of every example, zero where there is no P part; shape (n, d)."""
    return jnp.pad(examples.x1, ((0, examples.q_only), (0, 0)))


def plain_loss(W: jax.Array, V: jax.Array, y: jax.Array, x1: jax.Array, x2: jax.Array) -> jax.Array:
    """Training loss: mean logistic loss, for y (n,), x1 and x2 (n, d) with zeros where absent."""
    return logistic_loss(y, network(W, V, x1, x2)).mean()


def plane_coordinates(V: jax.Array, z: jax.Array, zeta: jax.Array) -> jax.Array:
    """The coordinates (2, m_v) that meet data, of full weights V (m_v, d)."""
    return jnp.stack([V @ z, V @ (zeta / jnp.linalg.norm(zeta))])
