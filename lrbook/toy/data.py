r"""The data distribution: P on x1, Q on x2, and the mixture of both (Section 2 of the paper).

P is hard to generalise and easy to fit: linearly separable, with a small margin and much noise.

    x1 = (c / sqrt(d)) z,  z ~ N(0, I_d) conditioned on <w*, z> = y (|g| + gamma_c),  ||w*|| = 1

Q is easy to generalise and hard to fit: three nearly equal directions, the middle one positive.

    x2 = s a z            if y = +1
    x2 = s a (z + b zeta) if y = -1,   a ~ U[alpha_min, 1], b = -1 or +1, ||z|| = 1,
                                       <z, zeta> = 0, ||zeta|| = r

So x2 lies on three rays of one plane, and (ray, scale) says all there is to say about it.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from lrbook.toy.noise import normal, uniform

LOWER, MIDDLE, UPPER = 0, 1, 2  # the rays of z - zeta, z and z + zeta


class Examples(NamedTuple):
    """Training or test examples, in the order P-only, both, Q-only; the shapes give the counts.

    Attributes:
        y: labels -1 or +1, shape (n,).
        x1: the P part of the examples that have one (all but the last), shape (n_p, d).
        ray: 0, 1 or 2 for the examples that have a Q part (the last ones), shape (n_q,).
        scale: length of x2 along its ray, s * a, shape (n_q,).
    """

    y: jax.Array
    x1: jax.Array
    ray: jax.Array
    scale: jax.Array

    @property
    def p_only(self) -> int:
        """Number of examples with P alone."""
        return self.y.shape[0] - self.ray.shape[0]

    @property
    def q_only(self) -> int:
        """Number of examples with Q alone."""
        return self.y.shape[0] - self.x1.shape[0]

    @property
    def both(self) -> int:
        """Number of examples with both patterns."""
        return self.x1.shape[0] - self.p_only


def directions(key: jax.Array, d: int, r: jax.Array | float) -> tuple[jax.Array, ...]:
    """Draw w*, z and zeta, each of shape (d,): w* and z uniform on the sphere, zeta at right angles
    to z with norm r.
    """
    raw = normal(key, (3, d))
    w_star = raw[0] / jnp.linalg.norm(raw[0])
    z = raw[1] / jnp.linalg.norm(raw[1])
    across = raw[2] - (raw[2] @ z) * z
    return w_star, z, r * across / jnp.linalg.norm(across)


def rays(r: jax.Array | float) -> jax.Array:
    """z - zeta, z and z + zeta in the orthonormal basis (z, zeta / r) of their plane, (3, 2)."""
    r = jnp.asarray(r)
    return jnp.stack([jnp.ones(3, r.dtype), jnp.array([-1, 0, 1]) * r], axis=1)


def sample_labels(key: jax.Array, n: int) -> jax.Array:
    """Uniform labels -1 or +1 as floats, shape (n,)."""
    return jnp.where(uniform(key, (n,)) < 0.5, -1.0, 1.0)


def sample_p(
    key: jax.Array,
    y: jax.Array,
    w_star: jax.Array,
    c: jax.Array | float = 1.0,
    gamma_c: jax.Array | float = 1.0,
) -> jax.Array:
    """Draw x1 ~ P_y for the labels y (n,); shape (n, d), norm about c.

    With the defaults, the paper's P_y: x1 = y gamma0 w* + z / sqrt(d), gamma0 = 1 / sqrt(d), where
    z is normal, conditioned on y <w*, z> >= 0 (so that |<w*, z>| has the unconditioned law).
    """
    z = normal(key, (y.shape[0], w_star.shape[0]))
    along = z @ w_star
    wanted = y * (jnp.abs(along) + gamma_c)
    return c / jnp.sqrt(w_star.shape[0]) * (z + (wanted - along)[:, None] * w_star)


def sample_q(
    key: jax.Array,
    y: jax.Array,
    s: jax.Array | float = 1.0,
    alpha_min: jax.Array | float = 0.0,
) -> tuple[jax.Array, jax.Array]:
    """Draw x2 ~ Q_y for the labels y (n,), as (ray, scale), each of shape (n,).

    With the defaults, the paper's Q_y, a uniform on [0, 1].
    """
    coin, position = uniform(key, (2, y.shape[0]))
    outer = jnp.where(coin < 0.5, LOWER, UPPER)
    a = alpha_min + (1 - alpha_min) * position
    return jnp.where(y > 0, MIDDLE, outer), s * a


def sample_examples(
    key: jax.Array,
    counts: tuple[int, int, int],
    w_star: jax.Array,
    *,
    c: jax.Array | float = 1.0,
    gamma_c: jax.Array | float = 1.0,
    s: jax.Array | float = 1.0,
    alpha_min: jax.Array | float = 0.0,
) -> Examples:
    """Draw P-only, both and Q-only examples, ``counts`` of each.

    The paper draws each example's kind at random (p0, q0); here the counts are fixed, so that
    every seed has the same number of P-only examples, on which the theorem turns.
    """
    p_only, both, q_only = counts
    key_y, key_p, key_q = jax.random.split(key, 3)
    y = sample_labels(key_y, p_only + both + q_only)
    x1 = sample_p(key_p, y[: p_only + both], w_star, c, gamma_c)
    ray, scale = sample_q(key_q, y[p_only:], s, alpha_min)
    return Examples(y, x1, ray, scale)


def plain_x2(examples: Examples, z: jax.Array, zeta: jax.Array) -> jax.Array:
    """x2 of every example in R^d, zero where there is no Q part; shape (n, d)."""
    three = jnp.stack([z - zeta, z, z + zeta])
    x2 = examples.scale[:, None] * three[examples.ray]
    return jnp.pad(x2, ((examples.p_only, 0), (0, 0)))
